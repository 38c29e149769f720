"""How far an upload is: a bar on a terminal, else a line at every tenth of the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from beam_tuning.upload.upload import Progress as Tell

_WORDS = {"read": "Read files", "sent": "Sent objects"}


@contextlib.contextmanager
def telling_progress(console: Console) -> Iterator[Tell]:
    """Gives the callback of `upload`."""
    if not console.is_terminal:
        yield lambda what, done, total: _tell_in_lines(console, what, done, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(_WORDS[what], total=total)
            bars.update(tasks[what], completed=done)

        yield tell


def _tell_in_lines(console: Console, what: str, done: int, total: int) -> None:
    if done == total or done * 10 // total > (done - 1) * 10 // total:
        console.print(f"{_WORDS[what]}: {done:,} of {total:,}", style="dim", highlight=False)
