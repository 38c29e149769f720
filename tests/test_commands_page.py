"""docs/commands.md is what the rows say."""

from __future__ import annotations

from pathlib import Path

from beam_tuning.commands import COMMANDS, load
from beam_tuning.commands.page import commands_markdown

ROOT = Path(__file__).parents[1]


def test_the_page_is_up_to_date() -> None:
    """To mend it: python -c 'from beam_tuning.commands.page import *; print(commands_markdown(), end="")' > FILE"""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_markdown()


def test_every_command_has_its_options_and_exit_codes() -> None:
    for name in COMMANDS:
        section = commands_markdown().split(f"## {name}\n")[1].split("\n## ")[0]
        command = load(name)
        assert command.usage in section
        assert all(f"`{option.shown}" in section for option in command.options)
        assert all(f"| {code} | " in section for code in (0, 1, 2, 130, 143))
