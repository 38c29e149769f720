"""A command line once more, with something else in it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from beam_tuning.options import Command
from beam_tuning.report.command_lines import OptionValue, quoted, typed


def typed_again(command: Command, name: str, given: argparse.Namespace, changes: Mapping[str, OptionValue]) -> str:
    """What was typed, less what has its default, with some options changed or added.

    Args:
      name: of the command.
      given: its values.
      changes: by option; None or False leaves one out.
    """
    words = [f"beam-tuning {name}"]
    for option in command.options:
        value = changes.get(option.name, getattr(given, option.name))
        if option.is_positional:
            values = value if isinstance(value, tuple) else (value,)
            words += [quoted(f"./{one}" if one.startswith("-") else one) for one in values if one]
        elif value not in (None, False, option.default):
            words.append(typed(option.name, value))
    return " ".join(words)
