"""docs/commands.md, made from the rows of options."""

from __future__ import annotations

from beam_tuning.commands import COMMANDS, load
from beam_tuning.options import Command, Kind, Option


def commands_markdown() -> str:
    """The whole page, with a newline at its end."""
    commands = [load(name) for name in COMMANDS]
    lines = [
        "# Commands",
        "",
        "Generated from the rows in `beam_tuning/commands/`; `beam-tuning COMMAND --help` prints the same.",
        "",
        "| command | what it does |",
        "|---|---|",
        *(f"| [{command.name}](#{command.name}) | {command.summary} |" for command in commands),
        "",
        "An option is written `--name value` or `--name=value`; `--na-me` does as well. A refusal says what is wrong,",
        "where, what was seen, what is allowed and what to do.",
    ]
    for command in commands:
        lines += _section(command)
    return "\n".join(lines) + "\n"


def _section(command: Command) -> list[str]:
    lines = ["", f"## {command.name}", "", command.description, "", f"`{command.usage}`", ""]
    if command.options:
        lines += ["| option | meaning | default |", "|---|---|---|"]
        lines += [f"| `{_name(option)}` | {_meaning(option)} | {_default(option)} |" for option in command.options]
    if command.takes_beam_options:
        lines += ["", "Options of Apache Beam may follow, such as `--runner=DataflowRunner`."]
    lines += ["", "| exit code | meaning |", "|---|---|"]
    lines += [f"| {code} | {words} |" for code, words in command.all_exit_codes.items()]
    if command.examples:
        lines += ["", *(f"    {example}" for example in command.examples)]
    return lines


def _name(option: Option) -> str:
    if option.is_positional or option.kind is Kind.FLAG:
        return option.shown
    return f"{option.shown} {option.metavar or 'VALUE'}"


def _meaning(option: Option) -> str:
    words = option.help
    if option.choices:
        words += f" One of: {', '.join(f'`{choice}`' for choice in option.choices)}."
    return words.replace("|", "\\|")


def _default(option: Option) -> str:
    if option.required:
        return "required"
    return "" if option.kind is Kind.FLAG or option.default is None else f"`{option.default}`"
