"""The command line: argv -> exit code. No logic of its own.

Exit codes: 0 ready to tune; 3 the run is whole, but the gate says no; 2 wrong options or unusable input; 1 the run
failed.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from beam_tuning import __version__
from beam_tuning.command_line import add_options
from beam_tuning.errors import BeamTuningError, GateClosed, OptionError
from beam_tuning.pipelines.output_folder import OutputFolder
from beam_tuning.pipelines.run import INTERRUPTED, run_validate
from beam_tuning.policy.limits import load_limits
from beam_tuning.report.catalogue import print_limits, print_reason, print_reasons
from beam_tuning.report.folder import Filter
from beam_tuning.report.show import show
from beam_tuning.report.terminal import Terminal, stop_writing
from beam_tuning.report.wording import visible
from beam_tuning.sample import SAMPLE_MODEL, write_sample

_DESCRIPTION = """\
Check a Gemini audio or video tuning dataset before the tuning job is paid for.

Reads JSON Lines from disk or Cloud Storage, looks at the header of every distinct media object, says of every
example whether the tuning service will take it, with every reason, and writes clean shards and a report.
"""

_VALIDATE_USAGE = """\
beam-tuning validate --train GLOB[,GLOB] [--validation GLOB[,GLOB]] --output DIR --model NAME
                            [option ...] [option of Apache Beam ...]"""

_VALIDATE_EPILOG = """\
Any option of Apache Beam may follow, e.g. --runner=DataflowRunner --project=P --region=R --temp_location=gs://B/tmp.

exit codes:
  0  ready to tune
  1  the run failed
  2  wrong options or unusable input
  3  the run is whole, but the gate says no (see --fail_on)

example:
  beam-tuning validate --train 'gs://bucket/train-*.jsonl' --validation gs://bucket/validation.jsonl \\
      --output gs://bucket/checked --model gemini-2.5-flash
"""


_Command = Callable[[argparse.Namespace], int]
_Formatter = argparse.RawDescriptionHelpFormatter


class _Parser(argparse.ArgumentParser):
    """Raises instead of leaving the process, so that every error is told in one way."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message, remedy=f"See: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    console = Console(stderr=True, soft_wrap=True)
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except BeamTuningError as error:
        console.print(visible(f"beam-tuning: {error}"), style="red", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("beam-tuning: interrupted; the output folder has no manifest.json, so it is not whole.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough.
        stop_writing()
        return 0


def _run(argv: list[str]) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if argv[:1] == ["validate"] and not {"-h", "--help"} & set(argv):
        # It takes Beam's options too, which this parser does not know.
        return run_validate(argv[1:], Terminal())
    parser = _parser()
    if not argv:
        parser.print_help()
        return OptionError.exit_code
    known = parser.parse_args(argv)
    exit_code: int = known.run(known)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="beam-tuning", description=_DESCRIPTION, formatter_class=_Formatter)
    parser.add_argument("--version", action="version", version=f"beam-tuning {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, run: _Command | None = None, **how: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=summary, description=_sentence(summary), formatter_class=_Formatter, allow_abbrev=False, **how
        )
        added.set_defaults(run=run)
        return added

    summary = "check a dataset, write clean shards and a report"
    add_options(command("validate", summary, usage=_VALIDATE_USAGE, epilog=_VALIDATE_EPILOG))

    shown = command("show", "print a run's summary again, its examples by reason, or what changed between two", _show)
    shown.add_argument("folder", metavar="DIR", help="output folder of a run; a local path or gs:// URI")
    shown.add_argument("--code", help="examples with this reason code")
    shown.add_argument("--split", help="examples of this split")
    shown.add_argument("--file", help="examples of this dataset file: its path, its name, or a pattern")
    shown.add_argument("--against", metavar="OLD", help="output folder of an earlier run to compare with")

    demo = command("demo", "make a small dataset of real media with planted faults, and check it", _demo)
    demo.add_argument("folder", metavar="DIR", nargs="?", default="demo", help="where to (default: demo)")

    reasons = command("reasons", "print the catalogue of reasons", _reasons)
    reasons.add_argument("code", metavar="CODE", nargs="?", help="one reason, whole")

    limits = command("limits", "print what each model accepts, with sources", _limits)
    limits.add_argument("--model", metavar="NAME", help="one model")
    limits.add_argument("--limits", metavar="FILE", help="TOML file whose numbers replace built-in ones")
    return parser


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _show(known: argparse.Namespace) -> int:
    against = None if known.against is None else OutputFolder(known.against)
    wanted = Filter(known.code, known.split, known.file)
    return show(OutputFolder(known.folder), Terminal(), wanted, against)


def _demo(known: argparse.Namespace) -> int:
    console = Terminal()
    folder = Path(known.folder)
    console.print(f"Writing a dataset of real audio and video with planted faults to {folder / 'dataset'}", style="dim")
    sample = write_sample(folder / "dataset")
    arguments = [
        *(f"--train={sample.train}", f"--validation={sample.validation}", f"--output={folder / 'checked'}"),
        *(f"--model={SAMPLE_MODEL}", "--allow_local_media", "--overwrite"),
    ]
    console.print(f"beam-tuning validate {shlex.join(arguments)}", style="dim", markup=False, soft_wrap=True)
    exit_code = run_validate(arguments, console)
    if exit_code == GateClosed.exit_code:
        console.print("The gate is meant to say no here: the faults were planted.", style="dim")
        return 0
    return exit_code


def _reasons(known: argparse.Namespace) -> int:
    if known.code is None:
        print_reasons(Terminal())
    else:
        print_reason(known.code, Terminal())
    return 0


def _limits(known: argparse.Namespace) -> int:
    limits = load_limits(Path(known.limits) if known.limits else None)
    models = tuple(limits.models.values()) if known.model is None else (limits.model(known.model),)
    print_limits(models, Terminal())
    return 0
