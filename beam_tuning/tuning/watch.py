"""Following a job on the terminal: a line for each state that it comes to."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from beam_tuning.errors import InputError
from beam_tuning.report import wording
from beam_tuning.report.command_lines import quoted
from beam_tuning.stopping import Stopped
from beam_tuning.tuning.console import print_ended, state_words
from beam_tuning.tuning.follow import elapsed_s, follow
from beam_tuning.tuning.job import TuningJob
from beam_tuning.tuning.request import JobName
from beam_tuning.tuning.service import ServiceSilent, TuningService


def watch(job: TuningJob, folder: str, console: Console, pause: Callable[[float], None] = time.sleep) -> TuningJob:
    """Follows the job until it has ended. Ctrl-C ends the following, not the job.

    Args:
      folder: of the run, for the commands that are told.
      pause: for tests.

    Raises:
      InputError: the job has no name that can be followed.
      ServiceRefused, ServiceSilent: as `follow`.
    """
    name = JobName.parse(job.name or "")
    if name is None:
        raise InputError("the job has no name that can be followed", observed=job.name)
    service = TuningService.of_job(name)
    told = ""

    def tell(now: TuningJob) -> None:
        nonlocal told
        words = state_words(now)
        if words != told:
            told = words
            elapsed = elapsed_s(now, datetime.datetime.now(datetime.UTC))
            console.print(Text(words if elapsed is None else f"{words}, {wording.length(elapsed * 1000)} in all"))

    def tell_silent(error: ServiceSilent) -> None:
        console.print(Text(f"{error.what}; it is asked again", style="dim"))

    try:
        ended = follow(lambda: service.get(job.name or ""), tell, tell_silent, pause)
    except Stopped as stopped:
        command = f"beam-tuning tune {quoted(folder)} --wait"
        stopped.consequence = f"the job goes on. To follow it again: {command}"
        raise
    print_ended(ended, folder, console)
    return ended
