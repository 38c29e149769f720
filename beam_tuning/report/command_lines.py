"""Options as they would be typed, and whole command lines that a person copies into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from beam_tuning.options import OPTIONS
from beam_tuning.report.wording import visible

OptionValue = bool | int | float | str | Sequence[str] | None

#: What bash, zsh and ksh take between $' and ' (https://www.gnu.org/software/bash/manual/html_node/ANSI_002dC-Quoting.html).
_PLAIN = re.compile(r"[ -&(-\[\]-~]")


def validate_command(options: Mapping[str, OptionValue], changes: Mapping[str, OptionValue] | None = None) -> str:
    """`beam-tuning validate` with the options of a run, those left out that have their default.

    Args:
      changes: options that shall have another value; None or False leaves one out.
    """
    wanted = {**options, **(changes or {})}
    return " ".join(("beam-tuning validate", *(typed(name, value) for name, value in chosen(wanted))))


def chosen(options: Mapping[str, OptionValue]) -> list[tuple[str, OptionValue]]:
    """The options that have another value than their default, in the order of the table of options."""
    defaults = {option.name: option.default for option in OPTIONS}
    known = [name for name in defaults if name in options]
    names = [*known, *(name for name in options if name not in defaults)]
    return [
        (name, options[name])
        for name in names
        if options[name] not in (None, False, "", [], ()) and options[name] != defaults.get(name)
    ]


def typed(name: str, value: OptionValue) -> str:
    """One option, e.g. `--epochs 3`, `--overwrite`."""
    if value is True:
        return f"--{name}"
    text = str(value) if isinstance(value, str | int | float) or value is None else ",".join(value)
    # A value with a dash in front would read as an option.
    return f"--{name}={quoted(text)}" if text.startswith("-") else f"--{name} {quoted(text)}"


def quoted(text: str) -> str:
    """The text for a shell. What hides something or would break the line is escaped: it can be read and copied."""
    if "\n" not in text and "\t" not in text and visible(text) == text:
        return shlex.quote(text)
    return f"$'{''.join(char if _PLAIN.fullmatch(char) else _escape(char) for char in text)}'"


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
