"""Lines on a terminal: wrapped between words, whole where a program reads them, in what the terminal can show."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segments
from rich.text import Text

from beam_tuning.policy.readiness import State
from beam_tuning.reasons import Outcome

STATE_STYLES = {State.READY: "bold green", State.NOT_READY: "bold red", State.UNCERTAIN: "bold yellow"}
OUTCOME_STYLES = {
    Outcome.REJECTS_JOB: "bold red",
    Outcome.DROPS_EXAMPLE: "red",
    Outcome.OVER_LIMIT: "yellow",
    Outcome.UNDECIDED: "cyan",
    Outcome.ADVICE: "dim",
}

#: A number stays with its per cent sign.
_BETWEEN_WORDS = re.compile(" (?!%)")
#: A text that has less room beside its heading stands below it.
_ROOM_BESIDE = 36
_LEAST_WIDTH = 20
_UNBOUNDED = 100_000


class Terminal(Console):
    """Standard output, whatever it is.

    A terminal that does not know a character gets it as an escape. A reader that closes the pipe, such as `head`, has
    read enough: BrokenPipeError is raised once, and what is written afterwards goes nowhere.
    """

    def __init__(self, **settings: Any) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
            sys.stdout.reconfigure(errors="backslashreplace")
        super().__init__(soft_wrap=True, **settings)

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError, where rich would end the process with exit code 1."""
        stop_writing()
        raise BrokenPipeError


def stop_writing() -> None:
    """Standard output goes nowhere from here on: the interpreter complains when it cannot flush at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(console: Console, text: str, *, indent: int = 0, style: str = "") -> None:
    """A paragraph, all its lines indented. A long word, such as a path, stays whole so that it can be copied."""
    listed(console, Text(" " * indent), text, style=style)


def listed(console: Console, heading: Text, text: str, *, below: int | None = None, style: str = "") -> None:
    """A heading and a text beside it, all its lines under each other.

    Args:
      below: where there is little room beside the heading, the text stands below it, indented by so many columns.
    """
    start = heading.cell_len
    if not console.is_terminal:
        console.print(Text.assemble(heading, (text, style)), soft_wrap=True)
        return
    if below is not None and console.width - start < _ROOM_BESIDE:
        heading.rstrip()
        console.print(heading, soft_wrap=True)
        heading, start = Text(" " * below), below
    for number, line in enumerate(_lines(text, max(_LEAST_WIDTH, console.width - start))):
        console.print(Text.assemble(heading if number == 0 else " " * start, (line, style)), soft_wrap=True)


def _lines(text: str, width: int) -> list[str]:
    lines = [""]
    for word in _BETWEEN_WORDS.split(text):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cell_len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def fits(console: Console, renderable: Any) -> bool:
    """Whether a table stands in the terminal without breaking words."""
    return not console.is_terminal or width_of(console, renderable) <= console.width


def width_of(console: Console, renderable: Any) -> int:
    """Columns that a table takes where no word is broken."""
    unbounded = console.options.update_width(_UNBOUNDED)
    return int(console.measure(renderable, options=unbounded).maximum)


def print_whole(console: Console, renderable: Any) -> None:
    """Prints a table that `fits`; in a file it may be as wide as it is."""
    options = console.options.update_width(max(console.width, width_of(console, renderable)))
    console.print(Segments(console.render(renderable, options)), soft_wrap=True, end="")


def arrow(console: Console) -> str:
    """What stands between before and after."""
    try:
        "→".encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return "->"
    return "→"
