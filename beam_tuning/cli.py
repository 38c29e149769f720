"""The command line: argv -> exit code. It finds the command, runs it, and tells every error in one way.

Exit codes that every command has: 0 done; 1 it failed; 2 wrong options or unusable input; 130 Ctrl-C; 143 SIGTERM. The
others are in `beam-tuning COMMAND --help` and docs/commands.md.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from beam_tuning import __version__
from beam_tuning.command_line import help_text, list_text, parse
from beam_tuning.commands import COMMANDS, load
from beam_tuning.errors import BeamTuningError, OptionError
from beam_tuning.stopping import Stopped, stopping_on_signals

_DESCRIPTION = """\
Check a Gemini audio or video tuning dataset before the tuning job is paid for.

Reads JSON Lines from disk or Cloud Storage, looks at the header of every distinct media object, says of every \
example whether the tuning service will take it, with every reason, and writes clean shards and a report."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    _take_any_character()
    try:
        with stopping_on_signals():
            exit_code = _run(list(sys.argv[1:] if argv is None else argv))
            sys.stdout.flush()
            return exit_code
    except BeamTuningError as error:
        return _tell(f"beam-tuning: {error}", error.exit_code)
    except Stopped as stopped:
        return _tell(f"beam-tuning: {stopped}", stopped.exit_code)
    except BrokenPipeError:
        from beam_tuning.commands.terminal import forget_standard_output

        forget_standard_output()
        return 0


def _run(argv: list[str]) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(list_text("beam-tuning", _DESCRIPTION, COMMANDS))
        return 0 if argv else OptionError.exit_code
    if argv[0] == "--version":
        sys.stdout.write(f"beam-tuning {__version__}\n")
        return 0
    name, arguments = argv[0], argv[1:]
    if name not in COMMANDS:
        raise OptionError.of_choice("COMMAND", ascii(name)[1:-1], COMMANDS, what="there is no such command")
    command = load(name)
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(help_text(command))
        return 0
    return command.run(parse(command, arguments))


def _tell(text: str, exit_code: int) -> int:
    from rich.console import Console

    from beam_tuning.report.wording import visible

    Console(stderr=True, soft_wrap=True).print(visible(text), style="red", markup=False, highlight=False)
    return exit_code


def _take_any_character() -> None:
    """What a terminal cannot show is written as an escape, such as \\u2192, and ends no command."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
