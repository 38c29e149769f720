"""Values in the sentences of findings and errors."""

from __future__ import annotations

import json

_LONGEST_QUOTE = 200


def quoted(text: str) -> str:
    """The text as JSON writes it, cut where it is very long."""
    return json.dumps(text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…", ensure_ascii=False)


def shown(name: str, longest: int = _LONGEST_QUOTE) -> str:
    """A name from a command line or a file as a terminal may show it: escaped or cut where it is odd or very long."""
    cut = name if len(name) <= longest else name[: longest - 1] + "…"
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def seconds(ns: int) -> str:
    """Nanoseconds as seconds with every digit that counts, e.g. `300.04 s`."""
    whole, rest = divmod(abs(ns), 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{'-' if ns < 0 else ''}{whole:,}{fraction} s"
