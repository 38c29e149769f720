"""From a command line to a frozen `ValidateOptions` and the rest, which is Beam's."""

from __future__ import annotations

import argparse
import difflib
import functools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from beam_tuning.errors import OptionError
from beam_tuning.options import OPTIONS, Kind, Option, ValidateOptions

#: Their job server tells Beam, when the job is submitted, which options it takes beside Beam's own.
_RUNNERS_WITH_OPTIONS_OF_THEIR_OWN = frozenset({"FlinkRunner", "SparkRunner", "PortableRunner"})


class _Parser(argparse.ArgumentParser):
    """Raises instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message, remedy="See: beam-tuning validate --help")


class _BeamParser(_BeamArgumentParser):
    """Beam's options, told in our way when one has a value that it does not take."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message, where="an option of Apache Beam", remedy="Give it as --name=value.")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the rows of `OPTIONS`, grouped."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in OPTIONS:
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        how: dict[str, Any] = {"help": _help(option), "default": option.default}
        if option.kind is Kind.FLAG:
            how["action"] = "store_true"
        elif option.choices:
            how |= {"choices": option.choices, "metavar": "VALUE"}
        else:
            how |= {"type": _TYPES.get(option.name, str), "metavar": option.metavar}
        if option.required:
            how["required"] = True
        groups[option.group].add_argument(f"--{option.name}", **how)


def parse_validate(argv: Sequence[str]) -> tuple[ValidateOptions, list[str]]:
    """(our options, Beam's arguments) of a command line.

    Raises:
      OptionError: an option is unknown to us and to Beam, is missing, or has an unusable value.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser)
    known, rest = parser.parse_known_args(list(_plain(argv)))
    _refuse_unknown(rest, parser)
    values = vars(known)
    for name in ("train", "validation", "tolerate"):
        values[name] = _parts(values[name])
    if not values["train"]:
        raise OptionError("no training files are named", where="--train", remedy="Give a path, a gs:// URI or a glob.")
    values["output"] = values["output"].rstrip("/") or "/"
    return ValidateOptions(**values), rest


def _refuse_unknown(arguments: Sequence[str], parser: argparse.ArgumentParser) -> None:
    beam_parser = _BeamParser(add_help=False, allow_abbrev=False)
    for options in {str(options): options for options in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(beam_parser)
    chosen, unknown = beam_parser.parse_known_args(list(arguments))
    known = [text for action in (*parser._actions, *beam_parser._actions) for text in action.option_strings]
    may_be_the_runners = chosen.runner in _RUNNERS_WITH_OPTIONS_OF_THEIR_OWN
    for argument in unknown:
        name, equals, _ = argument.partition("=")
        near = difflib.get_close_matches(name, known, n=2, cutoff=0.8 if may_be_the_runners else 0.6)
        if may_be_the_runners and name.startswith("--") and equals and not near:
            continue
        remedy = f"Did you mean {' or '.join(near)}?" if near else "See: beam-tuning validate --help"
        if may_be_the_runners and not near:
            remedy = "Give options of the runner's own job server as --name=value."
        raise OptionError("neither beam-tuning nor Apache Beam has such an option", where=name, remedy=remedy)


def _plain(argv: Sequence[str]) -> Iterator[str]:
    """Arguments in one spelling: `--name` for `--na-me`, and for `--name=true`, as a template gives a flag."""
    flags = {option.name for option in OPTIONS if option.kind is Kind.FLAG}
    names = {option.name for option in OPTIONS}
    for argument in argv:
        head, equals, value = argument.partition("=")
        name = head[2:].replace("-", "_") if head.startswith("--") else ""
        if name in flags and equals:
            if value.lower() not in ("true", "false"):
                remedy = f"Give --{name} alone, or --{name}=false."
                raise OptionError("this is neither true nor false", where=f"--{name}", observed=value, remedy=remedy)
            if value.lower() == "true":
                yield f"--{name}"
        elif name in names:
            yield f"--{name}{equals}{value}"
        else:
            yield argument


def _help(option: Option) -> str:
    text = option.help.replace("%", "%%")
    if option.choices:
        text += f" One of: {', '.join(option.choices)}."
    if option.kind is not Kind.FLAG and option.default is not None:
        text += f" (default: {option.default})"
    return text


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(stripped for part in (text or "").split(",") if (stripped := part.strip()))


def _count(text: str, largest: int = 999) -> int:
    if not re.fullmatch(r"[1-9][0-9]*", text) or len(text) > len(str(largest)) or int(text) > largest:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {largest}")
    return int(text)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not (math.isfinite(price) and price >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of US dollars")
    return price


_TYPES: dict[str, Callable[[str], object]] = {
    "probe_threads": _count,
    "epochs": _count,
    "max_expansion": functools.partial(_count, largest=9999),
    "price_per_million_tokens": _price,
}
