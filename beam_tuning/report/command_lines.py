"""Options as they would be typed, and whole command lines that a person copies into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from beam_tuning.report.wording import visible

OptionValue = bool | int | float | str | Sequence[str] | None

#: What bash, zsh and ksh take between $' and ' (https://www.gnu.org/software/bash/manual/html_node/ANSI_002dC-Quoting.html).
_PLAIN = re.compile(r"[ -&(-\[\]-~]")


def validate_command(
    options: Mapping[str, OptionValue], given: Sequence[str], changes: Mapping[str, OptionValue] | None = None
) -> str:
    """`beam-tuning validate` with the options of a run, those left out that have their default.

    Args:
      options: all of them, by name.
      given: names of those that have another value than their default, in the order in which they are typed.
      changes: options that shall have another value; None or False leaves one out.
    """
    wanted = {**{name: options.get(name) for name in given}, **(changes or {})}
    words = (typed(name, value) for name, value in wanted.items() if value not in (None, False, "", [], ()))
    return " ".join(("beam-tuning validate", *words))


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
