"""Which words of a command line are Apache Beam's."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

from beam_tuning.errors import OptionError

#: Their job server tells Beam, when the job is submitted, which options it takes beside Beam's own.
_RUNNERS_WITH_OPTIONS_OF_THEIR_OWN = frozenset({"FlinkRunner", "SparkRunner", "PortableRunner"})
#: How near an unknown option must be to a known one to be a typing error, where it may be the job server's as well.
_NEAR = 0.8


class BeamArguments(NamedTuple):
    """What `look_at` finds.

    Attributes:
      known: arguments for Beam, in order, and those that only the runner's job server can know.
      unknown: the others, in order.
      names: of all options, Beam's and the command's own, as they are typed.
      remedy: for an unknown option that resembles none of these.
    """

    known: list[str]
    unknown: list[str]
    names: list[str]
    remedy: str | None


class _BeamParser(_BeamArgumentParser):
    """Beam's options, told in our way when one has a value that it does not take."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message, where="an option of Apache Beam", remedy="Give it as --name=value.")


class _Word(str):
    """A word that is told from others that read the same."""

    __slots__ = ()


def look_at(words: Sequence[str], own_names: Sequence[str]) -> BeamArguments:
    """Tells Beam's options from others.

    Args:
      words: a command line without the command's own options.
      own_names: of the command's own options, so that a typing error in one is not taken for the job server's.

    Raises:
      OptionError: an option of Beam has a value that it does not take.
    """
    parser = _BeamParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options in {str(options): options for options in PipelineOptions.__subclasses__()}.values():
        options._add_argparse_args(parser)
    names = [*own_names, *(name for action in parser._actions for name in action.option_strings)]
    told = [_Word(word) for word in words]
    try:
        chosen, left = parser.parse_known_args(told)
    except argparse.ArgumentError as error:
        raise OptionError(
            "the option of Apache Beam does not take this",
            where=error.argument_name,
            observed=error.message,
            remedy="Give it as --name=value.",
        ) from None
    has_job_server = chosen.runner in _RUNNERS_WITH_OPTIONS_OF_THEIR_OWN
    unknown = {id(word) for word in left if not (has_job_server and _may_be_the_job_servers(word, names))}
    return BeamArguments(
        [word for word, one in zip(words, told, strict=True) if id(one) not in unknown],
        [word for word, one in zip(words, told, strict=True) if id(one) in unknown],
        names,
        "Give options of the runner's own job server as --name=value." if has_job_server else None,
    )


def _may_be_the_job_servers(word: str, names: Sequence[str]) -> bool:
    name, equals, _ = word.partition("=")
    return name.startswith("--") and bool(equals) and not difflib.get_close_matches(name, names, n=1, cutoff=_NEAR)
