"""From the words of a command line to the values of a command's options, and to its help. Knows no command by name."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import shutil
import string
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from beam_tuning.errors import OptionError, shortened
from beam_tuning.options import Command, Kind, Option, check_text

#: A help that is wider is hard to read, whatever the terminal.
_WIDEST_HELP = 120


def parse(command: Command, argv: Sequence[str]) -> argparse.Namespace:
    """The values of all options by name; Beam's arguments, where the command takes some, as `beam_arguments`.

    Args:
      argv: what follows the command's name.

    Raises:
      OptionError: an option is unknown, missing, or has a value that cannot be used.
    """
    options = {option.name: option for option in command.options}
    words = list(_plain(argv, options))
    behind_dashes: list[str] = []
    if "--" in words:
        end = words.index("--")
        words, behind_dashes = words[:end], words[end + 1 :]
    texts, rest = _read_options(command, words)
    names = [option.shown for option in command.options if not option.is_positional]
    for word in rest:
        check_text(word, _where(word))
    beam_arguments: list[str] = []
    unknown, remedy = rest, None
    if command.takes_beam_options:
        from beam_tuning.pipelines.beam_arguments import look_at

        beam_arguments, unknown, names, remedy = look_at(rest, names)
    for word in unknown:
        if word.startswith("-") and word != "-":
            raise _unknown_option(word, names, command, remedy)
    positional = [*unknown, *behind_dashes]
    for option in command.options:
        if option.is_positional and positional and texts[option.name] is None:
            taken = len(positional) if option.is_list else 1
            texts[option.name] = positional[:taken] if option.is_list else positional[0]
            del positional[:taken]
    if positional:
        raise _stray_word(positional[0], words, names, command)
    return _values(command, texts, beam_arguments)


def _read_options(command: Command, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Texts of the command's own options (True for flags, None where not given), and the words that are left."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in command.options:
        action = "store_true" if option.kind is Kind.FLAG else "append" if option.is_list else "store"
        parser.add_argument(option.flag, dest=option.name, action=action)
    try:
        known, rest = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        option = next(option for option in command.options if option.flag == error.argument_name)
        remedy = f"Give it as {option.flag}={option.metavar or 'VALUE'}."
        raise OptionError("the option needs a value", where=option.flag, remedy=remedy) from None
    return vars(known), rest


def _values(command: Command, texts: Mapping[str, Any], beam_arguments: list[str]) -> argparse.Namespace:
    values: dict[str, Any] = {}
    for option in command.options:
        text = texts.get(option.name)
        if option.kind is Kind.FLAG:
            values[option.name] = text
        elif option.is_list and text is not None:
            values[option.name] = tuple(part for one in text for part in option.value(one))
        else:
            values[option.name] = option.default if text is None else option.value(text)
    missing = [option for option in command.options if option.required and not values[option.name]]
    if missing:
        raise _missing(missing, command)
    return argparse.Namespace(**values, beam_arguments=beam_arguments)


def option_values(command: Command, given: Mapping[str, object], caller: str) -> dict[str, Any]:
    """The values of all options by name, from values of Python in place of the words of a command line.

    Args:
      given: by name. Of a list, a text is read as on the command line, and the items of another iterable are taken as
        they are; None stands for what was not given.
      caller: of what Python says where there is no such option.

    Raises:
      OptionError: an option does not take its value.
      TypeError: there is no such option.
    """
    options = {option.name: option for option in command.options}
    for name in given:
        if name not in options:
            near = difflib.get_close_matches(name, options, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"{caller} got an unexpected keyword argument {name!r}{hint}")
    values = {name: _python_value(option, given.get(name)) for name, option in options.items()}
    for option in command.options:
        if option.required and not values[option.name]:
            raise OptionError("the value is empty", where=option.name, remedy=f"Give {option.metavar}: {option.help}")
    return values


def _python_value(option: Option, value: object) -> Any:
    if value is None:
        return option.default
    if option.kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise OptionError("this is neither True nor False", where=option.name, observed=shortened(repr(value)))
        return value
    if option.is_list and not isinstance(value, str | os.PathLike):
        if isinstance(value, bytes) or not isinstance(value, Iterable):
            raise OptionError(
                "this is neither a text nor a list of texts", where=option.name, observed=shortened(repr(value))
            )
        return tuple(_python_text(option, item) for item in value)
    return option.value(_python_text(option, value))


def _python_text(option: Option, value: object) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    takes_numbers = option.kind is Kind.NUMBER or option.parse is not str
    if takes_numbers and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise OptionError("this is not a value of the option", where=option.name, observed=shortened(repr(value)))
    check_text(value, option.name)
    return value


def _missing(missing: Sequence[Option], command: Command) -> OptionError:
    first = missing[0]
    given = first.shown if first.is_positional else f"{first.shown} {first.metavar}"
    kind = "argument" if first.is_positional else "option"
    return OptionError(
        f"a required {kind} is missing" if len(missing) == 1 else f"required {kind}s are missing",
        where=", ".join(option.shown for option in missing),
        limit=command.usage,
        remedy=f"Give {given}: {first.help}",
    )


def _plain(argv: Iterable[str], options: Mapping[str, Option]) -> Iterator[str]:
    """Words in one spelling: `--name` for `--na-me`, and for `--name=true`, as a template gives a flag."""
    for word in argv:
        head, equals, value = word.partition("=")
        name = head[2:].replace("-", "_") if head.startswith("--") else ""
        option = options.get(name)
        if option is None:
            yield word
        elif option.kind is Kind.FLAG and equals:
            check_text(value, option.shown)
            if value.lower() not in ("true", "false"):
                remedy = f"Give {option.shown} alone, or {option.shown}=false."
                raise OptionError(
                    "this is neither true nor false",
                    where=option.shown,
                    observed=shortened(value),
                    limit="true, false",
                    remedy=remedy,
                )
            if value.lower() == "true":
                yield option.flag
        else:
            yield f"{option.flag}{equals}{value}"


def _where(word: str) -> str:
    name = word.partition("=")[0]
    return name if name.startswith("--") and name.isascii() and name.isprintable() else "the command line"


def _unknown_option(word: str, names: Sequence[str], command: Command, remedy: str | None) -> OptionError:
    name = word.partition("=")[0]
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    owners = (
        "neither beam-tuning nor Apache Beam has" if command.takes_beam_options else f"{command.name} does not have"
    )
    return OptionError(
        f"{owners} such an option",
        where=shortened(name),
        observed=shortened(word) if word != name else None,
        remedy=f"Did you mean {' or '.join(near)}?" if near else remedy or f"See: beam-tuning {command.name} --help",
    )


def _stray_word(word: str, words: Sequence[str], names: Sequence[str], command: Command) -> OptionError:
    """The error for a word that belongs to no option. Where it follows the files of one, the shell expanded a glob."""
    check_text(word, "the command line")
    files = {option.shown for option in command.options if option.kind is Kind.READ_FILES and not option.is_positional}
    position = next((index for index, one in enumerate(words) if one is word), 0)
    first = position - 1
    if first >= 1 and words[first - 1] in files:
        option, also = words[first - 1], _until_an_option(words[position:])
        pattern = _pattern_of([words[first], *also])
        return OptionError(
            "the option takes one pattern, and more than one file follows it",
            where=option,
            observed=f"{words[first]} and {len(also):,} more",
            limit="one pattern, or several with commas",
            remedy=f"Quote the pattern, so that the shell does not expand it: {option} {shlex.quote(pattern)}",
        )
    near = difflib.get_close_matches(f"--{word.partition('=')[0].strip('-–—')}", names, n=1, cutoff=0.8)
    return OptionError(
        "this belongs to no option",
        where="the command line",
        observed=shortened(word),
        limit=command.usage,
        remedy=f"Did you mean {near[0]}?" if near else f"See: beam-tuning {command.name} --help",
    )


def _pattern_of(files: Sequence[str]) -> str:
    """A pattern that all of them match, or all of them with commas where they do not lie in one folder."""
    folders, names = {os.path.dirname(file) for file in files}, [os.path.basename(file) for file in files]
    if len(folders) > 1:
        return ",".join(files)
    start = _common_start(names)
    end = _common_start([name[len(start) :][::-1] for name in names])[::-1]
    # Numbers of shards have digits in common by chance.
    return os.path.join(*folders, f"{start.rstrip(string.digits)}*{end.lstrip(string.digits)}")


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    same = next((place for place, char in enumerate(first) if char != last[place]), len(first))
    return first[:same]


def _until_an_option(words: Sequence[str]) -> list[str]:
    end = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    return list(words[:end])


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Breaks lines between words only."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    return max(min(shutil.get_terminal_size().columns - 2, _WIDEST_HELP), 20)


def help_text(command: Command) -> str:
    """The manual page of a command, as wide as the terminal."""
    width = _width()
    parser = _people_parser(command, width)
    page = parser.format_help()
    if command.takes_beam_options:
        page += "\n" + _filled("Options of Apache Beam may follow, such as --runner=DataflowRunner.", width)
    page += "\nexit codes:\n"
    page += "".join(_filled(f"  {code:<4} {words}", width, "       ") for code, words in command.all_exit_codes.items())
    if command.examples:
        page += f"\nexample{'s' if len(command.examples) > 1 else ''}:\n"
        page += "".join(_command_line(example, width) for example in command.examples)
    return page


def list_text(program: str, description: str, summaries: Mapping[str, str]) -> str:
    """The help of the program: what it is for, and its commands with a summary each."""
    width, column = _width(), max(map(len, summaries)) + 4
    page = f"usage: {program} COMMAND [argument ...]\n\n"
    page += "\n".join(_filled(paragraph, width) for paragraph in description.split("\n\n"))
    page += "\ncommands:\n"
    for name, summary in summaries.items():
        page += _filled(f"  {name:<{column - 2}}{summary}", width, " " * column)
    return (
        page
        + "\n"
        + _filled(f"`{program} COMMAND --help` explains one. `{program} --version` prints the version.", width)
    )


def whole_parser(
    commands: Iterable[Command], complete_files: object, complete_folders: object
) -> argparse.ArgumentParser:
    """All commands in one parser, for what reads parsers: shtab makes completion from it.

    Args:
      complete_files, complete_folders: what shtab wants as the attribute `complete` of such options.
    """
    parser = argparse.ArgumentParser(prog="beam-tuning")
    parser.add_argument("--version", action="store_true", help="print the version")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    complete = {
        Kind.READ_FILES: complete_files,
        Kind.READ_FOLDER: complete_folders,
        Kind.WRITE_FOLDER: complete_folders,
    }
    for command in commands:
        added = subparsers.add_parser(command.name, help=command.summary, description=command.description)
        for action, option in _add_options(added, command):
            action.help = option.help.replace("%", "%%")
            if option.kind in complete:
                action.complete = complete[option.kind]  # type: ignore[attr-defined]
    return parser


def _people_parser(command: Command, width: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"beam-tuning {command.name}",
        usage="\n".join(_wrapped_before_options(command.usage, width - 7, "    ")),
        description=_filled(command.description, width).rstrip("\n"),
        formatter_class=lambda prog: _HelpFormatter(prog, width=width),
        add_help=False,
    )
    _add_options(parser, command)
    return parser


def _add_options(parser: argparse.ArgumentParser, command: Command) -> list[tuple[argparse.Action, Option]]:
    groups: dict[str, argparse._ArgumentGroup] = {}
    added = []
    for option in command.options:
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        how: dict[str, Any] = {"help": option.help_with_values.replace("%", "%%")}
        if option.kind is Kind.FLAG:
            how["action"] = "store_true"
        else:
            how["metavar"] = option.metavar or ("VALUE" if option.choices else None)
            if option.choices:
                how["choices"] = option.choices
        if option.is_positional:
            how |= {"metavar": option.shown, "nargs": None if option.required else "?"}
            if option.is_list:
                how["nargs"] = "+" if option.required else "*"
        added.append(
            (groups[option.group].add_argument(option.name if option.is_positional else option.shown, **how), option)
        )
    return added


def _filled(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) + "\n"


def _command_line(example: str, width: int) -> str:
    """Wrapped with backslashes, so that it can be copied."""
    return "  " + " \\\n  ".join(_wrapped_before_options(example, width - 4, "    ")) + "\n"


def _wrapped_before_options(text: str, width: int, indent: str) -> list[str]:
    """Lines of a command line, each broken before an option, a bracket or a `>`."""
    parts = re.split(r" (?=--|\[|>)", text)
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"{indent}{part}")
    return lines
