"""Values in the sentences of findings."""

from __future__ import annotations

import json

_LONGEST_QUOTE = 200


def quoted(text: str) -> str:
    """The text as JSON writes it, cut where it is very long."""
    return json.dumps(text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…", ensure_ascii=False)


def seconds(ns: int) -> str:
    """Nanoseconds as seconds with every digit that counts, e.g. `300.04 s`."""
    whole, rest = divmod(abs(ns), 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{'-' if ns < 0 else ''}{whole}{fraction} s"
