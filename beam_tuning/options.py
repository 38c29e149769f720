"""The options of `validate`: one table for the command line, the Flex Template's metadata and the docs.

A row says name, type, default, help and, for the template, how the console asks for it. `parse_validate` turns a
command line into a frozen `ValidateOptions` and the rest, which is Beam's.
"""

from __future__ import annotations

import argparse
import difflib
import enum
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import msgspec
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from beam_tuning.errors import OptionError


class Kind(enum.Enum):
    """What a value is; the value is the Flex Template's `paramType`."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    FLAG = "BOOLEAN"
    CHOICE = "ENUM"
    READ_FILES = "GCS_READ_FILE"
    WRITE_FOLDER = "GCS_WRITE_FOLDER"


class Option(NamedTuple):
    """One option.

    Attributes:
      metavar: what stands for the value in the help.
      label: the short name in the template's form.
      pattern: POSIX extended regular expression of acceptable values, for the template (gs:// only) .
      in_template: whether a template launch can give it.
    """

    name: str
    group: str
    kind: Kind
    label: str
    help: str
    default: str | int | float | bool | None = None
    required: bool = False
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    in_template: bool = True


_GCS = r"^gs:\/\/[^\n\r]+$"
RESOLUTION_CHOICES = (
    "consistent",
    "majority",
    "MEDIA_RESOLUTION_LOW",
    "MEDIA_RESOLUTION_MEDIUM",
    "MEDIA_RESOLUTION_HIGH",
)

OPTIONS: tuple[Option, ...] = (
    Option(
        "train",
        "dataset",
        Kind.READ_FILES,
        "Training files",
        "Training examples: JSON Lines, plain or gzip. Local paths or gs:// URIs, wildcards; several with commas.",
        required=True,
        metavar="GLOB[,GLOB]",
        pattern=_GCS,
    ),
    Option(
        "validation",
        "dataset",
        Kind.READ_FILES,
        "Validation files",
        "Validation examples, in the same form.",
        metavar="GLOB[,GLOB]",
        pattern=_GCS,
    ),
    Option(
        "output",
        "dataset",
        Kind.WRITE_FOLDER,
        "Output folder",
        "Folder for clean shards, report and tables; a local path or gs:// URI. It must hold no earlier run.",
        required=True,
        metavar="DIR",
        pattern=_GCS,
    ),
    Option(
        "overwrite",
        "dataset",
        Kind.FLAG,
        "Overwrite",
        "Delete the files of an earlier run in the output folder first.",
        default=False,
    ),
    Option(
        "model",
        "rules",
        Kind.TEXT,
        "Model to tune",
        "The model to tune, e.g. gemini-2.5-flash. `beam-tuning limits` lists them with their limits.",
        required=True,
        metavar="NAME",
        pattern=r"^[a-z0-9.-]+$",
    ),
    Option(
        "media_resolution",
        "rules",
        Kind.CHOICE,
        "Media resolution",
        "consistent: report it when examples ask for different media resolutions; majority: drop examples with another "
        "than the most common one; a value: drop examples with another.",
        default="consistent",
        choices=RESOLUTION_CHOICES,
    ),
    Option(
        "length_basis",
        "rules",
        Kind.CHOICE,
        "Length basis",
        "What a length limit is held against where an example names a segment: the segment or the whole file. The "
        "service's documents do not say.",
        default="segment",
        choices=("segment", "file"),
    ),
    Option(
        "resolution_scope",
        "rules",
        Kind.CHOICE,
        "Resolution scope",
        "Which examples must agree on the media resolution: all, as the documents literally say, or those with visual "
        "media only.",
        default="all",
        choices=("all", "visual"),
    ),
    Option(
        "tolerate",
        "rules",
        Kind.TEXT,
        "Tolerated reasons",
        "Reason codes that shall drop nothing, because you take the risk; several with commas. Only codes whose "
        "outcome is not documented can be tolerated; `beam-tuning reasons` marks them.",
        metavar="CODE[,CODE]",
        pattern=r"^[A-Z0-9_,]+$",
    ),
    Option(
        "limits",
        "rules",
        Kind.READ_FILES,
        "Limits file",
        "TOML file whose numbers replace built-in limits of the same name (see `beam-tuning limits`).",
        metavar="FILE",
        in_template=False,
    ),
    Option(
        "fail_on",
        "rules",
        Kind.CHOICE,
        "Gate",
        "When the run ends with exit code 3: as_given, when the service would refuse the dataset as it stands or the "
        "cleaned one is not ready; cleaned, when the cleaned one is not ready; never.",
        default="as_given",
        choices=("as_given", "cleaned", "never"),
    ),
    Option(
        "allow_local_media",
        "media",
        Kind.FLAG,
        "Allow local media",
        "Read media given as local paths or file:// URIs. For a try-out; the tuning service cannot.",
        default=False,
        in_template=False,
    ),
    Option(
        "allow_private_addresses",
        "media",
        Kind.FLAG,
        "Allow private addresses",
        "Let http(s):// media lie on private, loopback or link-local addresses of your own network.",
        default=False,
    ),
    Option(
        "billing_project",
        "media",
        Kind.TEXT,
        "Billing project",
        "Project that pays for reading from requester-pays buckets.",
        metavar="PROJECT",
        pattern=r"^[a-z][a-z0-9.:-]+$",
    ),
    Option(
        "probe_cache",
        "media",
        Kind.TEXT,
        "Probe cache",
        "Output folder of an earlier run; media that have not changed since cost one metadata request.",
        metavar="DIR",
        pattern=_GCS,
    ),
    Option(
        "trust_cache",
        "media",
        Kind.FLAG,
        "Trust the probe cache",
        "Take answers from the probe cache without asking whether the media have changed.",
        default=False,
    ),
    Option(
        "probe_threads",
        "media",
        Kind.NUMBER,
        "Probes in flight",
        "Probes in flight in each worker process.",
        default=32,
        metavar="N",
        pattern=r"^[1-9][0-9]{0,2}$",
    ),
    Option(
        "price_per_million_tokens",
        "report",
        Kind.NUMBER,
        "Price",
        "US dollars for a million training tokens; without it the built-in, dated price of the model, or unknown.",
        metavar="USD",
        pattern=r"^[0-9]+(\.[0-9]+)?$",
    ),
    Option(
        "epochs",
        "report",
        Kind.NUMBER,
        "Epochs",
        "Epochs that the cost estimate assumes; billed tokens are tokens times epochs.",
        default=1,
        metavar="N",
        pattern=r"^[1-9][0-9]{0,2}$",
    ),
    Option(
        "sarif",
        "report",
        Kind.FLAG,
        "SARIF",
        "Write report.sarif as well, for code-scanning views.",
        default=False,
    ),
)


class ValidateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parsed command line; the fields are the rows of `OPTIONS`."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    output: str
    overwrite: bool
    model: str
    media_resolution: str
    length_basis: str
    resolution_scope: str
    tolerate: tuple[str, ...]
    limits: str | None
    fail_on: str
    allow_local_media: bool
    allow_private_addresses: bool
    billing_project: str | None
    probe_cache: str | None
    trust_cache: bool
    probe_threads: int
    price_per_million_tokens: float | None
    epochs: int
    sarif: bool


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
    _, unknown = beam_parser.parse_known_args(list(arguments))
    if not unknown:
        return
    name = unknown[0].split("=", 1)[0]
    known = [text for action in (*parser._actions, *beam_parser._actions) for text in action.option_strings]
    near = difflib.get_close_matches(name, known, n=2)
    raise OptionError(
        "neither beam-tuning nor Apache Beam has such an option",
        where=name,
        remedy=f"Did you mean {' or '.join(near)}?" if near else "See: beam-tuning validate --help",
    )


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


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 999")
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
    "price_per_million_tokens": _price,
}
