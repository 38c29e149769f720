"""What an option and a command are: rows that command line, help, completion, templates and docs come from.

The rows themselves stand in `beam_tuning.commands`, one module for each command.
"""

from __future__ import annotations

import argparse
import enum
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from beam_tuning.errors import OptionError, shortened


class Kind(enum.Enum):
    """What a value is; the value is the Flex Template's `paramType`."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    FLAG = "BOOLEAN"
    CHOICE = "ENUM"
    READ_FILES = "GCS_READ_FILE"
    READ_FOLDER = "GCS_READ_FOLDER"
    WRITE_FOLDER = "GCS_WRITE_FOLDER"


class Option(NamedTuple):
    """One option or, with `is_positional`, one argument that needs no name in front of it.

    Attributes:
      name: with underscores, without the dashes.
      group: heading of the help and of the template's form.
      help: sentences.
      label: the short name in the template's form; needed where `in_template` is set.
      metavar: what stands for the value in the help.
      choices: all values; one may be given in any case, and without `choice_prefix`.
      is_list: whether the value is a list with commas or, of a positional argument, whether there may be several. It
        becomes a tuple of strings.
      parse: from the text to the value. Raises ValueError, whose text says what is allowed.
      pattern: POSIX extended regular expression of acceptable values, for the template (gs:// only).
      in_template: whether a template launch can give it.
    """

    name: str
    group: str
    kind: Kind
    help: str
    label: str = ""
    default: str | int | float | bool | None = None
    required: bool = False
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    choice_prefix: str = ""
    is_list: bool = False
    parse: Callable[[str], object] = str
    pattern: str | None = None
    in_template: bool = True
    is_positional: bool = False

    @property
    def flag(self) -> str:
        """`--name`. Positional arguments can be given so too; a template knows no other way."""
        return f"--{self.name}"

    @property
    def shown(self) -> str:
        """As a person writes it: `--name`, or the metavar of a positional argument."""
        return self.metavar or self.name.upper() if self.is_positional else self.flag

    @property
    def help_with_values(self) -> str:
        """The help, with choices and default."""
        text = self.help
        if self.choices:
            text += f" One of: {', '.join(self.choices)}."
        if self.kind is not Kind.FLAG and self.default is not None:
            text += f" (default: {self.default})"
        return text

    def value(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
          OptionError: the option does not take this text.
        """
        check_text(text, self.shown)
        if not text.replace(",", "" if self.is_list else ",").strip():
            remedy = (
                f"Give {self.metavar or 'a value'}." if self.required else f"Give a value, or leave {self.shown} out."
            )
            raise OptionError("the value is empty", where=self.shown, observed=f'"{text}"', remedy=remedy)
        if self.is_list and self.is_positional:
            return (text,)
        if self.is_list:
            return tuple(part for one in text.split(",") if (part := one.strip()))
        if self.choices:
            return self._chosen(text)
        try:
            return self.parse(text)
        except ValueError as error:
            raise OptionError(
                "the option does not take this value",
                where=self.shown,
                observed=shortened(text),
                limit=error,
                remedy="Give such a value." if self.default is None else f"Leave {self.shown} out for {self.default}.",
            ) from None

    def _chosen(self, text: str) -> str:
        wanted = text.casefold()
        for choice in self.choices:
            if wanted in (choice.casefold(), choice.removeprefix(self.choice_prefix).casefold()):
                return choice
        raise OptionError.of_choice(self.shown, text, self.choices)


class Template(NamedTuple):
    """What the form of a Flex Template says of itself."""

    title: str
    description: str


class Command(NamedTuple):
    """One sub-command.

    Attributes:
      options: rows, in the order of the help.
      run: does it; gets the values by name and returns the exit code.
      takes_beam_options: whether options of Apache Beam may follow; they come as the list `beam_arguments`.
      exit_codes: what each says, beside 1 (failed) and 2 (wrong options or unusable input).
      examples: command lines.
      template: of commands that can be launched as a Flex Template.
      name, summary: filled in from the registry, `beam_tuning.commands.COMMANDS`. The summary says what the command
        does, as an imperative without a capital and a full stop.
    """

    options: tuple[Option, ...]
    run: Callable[[argparse.Namespace], int]
    takes_beam_options: bool = False
    exit_codes: Mapping[int, str] = MappingProxyType({0: "done"})
    examples: tuple[str, ...] = ()
    template: Template | None = None
    name: str = ""
    summary: str = ""

    @property
    def description(self) -> str:
        return f"{self.summary[0].upper()}{self.summary[1:]}."

    @property
    def usage(self) -> str:
        """What must be given, and that there is more."""
        words = [f"beam-tuning {self.name}"]
        for option in self.options:
            if option.is_positional:
                shown = f"{option.shown} ..." if option.is_list else option.shown
                words.append(shown if option.required else f"[{shown}]")
            elif option.required:
                words.append(f"{option.shown} {option.metavar}")
        if not all(option.required or option.is_positional for option in self.options):
            words.append("[option ...]")
        if self.takes_beam_options:
            words.append("[option of Apache Beam ...]")
        return " ".join(words)

    @property
    def all_exit_codes(self) -> dict[int, str]:
        """With those that every command has, by number."""
        codes = {
            1: "failed",
            2: "wrong options or unusable input",
            130: "interrupted (Ctrl-C)",
            143: "ended by SIGTERM",
        }
        return dict(sorted({**codes, **self.exit_codes}.items()))


def check_text(text: str, where: str) -> None:
    """Raises OptionError for what no file, URI or name can hold: NUL and bytes that are not UTF-8."""
    if "\0" in text:
        raise OptionError(
            "the value holds a NUL character", where=where, observed=shortened(ascii(text)), remedy="Give it without."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OptionError(
            "the value is not valid UTF-8",
            where=where,
            observed=shortened(ascii(text)),
            remedy="Rename the file, or set the terminal to UTF-8.",
        ) from None


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Of `low` to `high`, in decimal digits without a sign."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def amount_usd(text: str) -> float:
    """US dollars, 0 or more."""
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError("an amount of US dollars, 0 or more, such as 2.50")
    return amount


def word_or_whole_number(word: str, low: int, high: int) -> Callable[[str], int | str]:
    """The word, in any case, or a whole number as `whole_number` takes it."""
    number = whole_number(low, high)

    def parse(text: str) -> int | str:
        if text.strip().casefold() == word:
            return word
        try:
            return number(text)
        except ValueError as error:
            raise ValueError(f"{word}, or {error}") from None

    return parse


def share_to_split(text: str) -> float:
    """A share of the training examples, such as 0.05."""
    if not re.fullmatch(r"0?\.[0-9]{1,6}", text, re.ASCII) or not 0 < float(text) <= 0.5:
        raise ValueError("a share above 0 and at most 0.5, such as 0.05")
    return float(text)
