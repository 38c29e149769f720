"""Following a tuning job until it ends."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from beam_tuning.tuning.job import TuningJob
from beam_tuning.tuning.service import ServiceSilent

#: Between two looks at a job, at first and later; a job takes from minutes to many hours.
_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 60.0
_LONGER = 1.5
#: A service that is silent so often in a row is not waited for any longer.
_MOST_SILENT = 10


def follow(
    get: Callable[[], TuningJob],
    tell: Callable[[TuningJob], None],
    tell_silent: Callable[[ServiceSilent], None],
    pause: Callable[[float], None],
) -> TuningJob:
    """Looks at the job until it has ended; gives it as it is then.

    Args:
      get: asks the service.
      tell: called after every look.
      tell_silent: called when the service did not answer; it is asked again.
      pause: waits for so many seconds.

    Raises:
      ServiceRefused: the job cannot be seen.
      ServiceSilent: the service has been silent for long.
    """
    pause_s, silent = _FIRST_PAUSE_S, 0
    while True:
        try:
            job = get()
        except ServiceSilent as error:
            silent += 1
            if silent >= _MOST_SILENT:
                raise
            tell_silent(error)
        else:
            silent = 0
            tell(job)
            if job.has_ended:
                return job
        pause(pause_s)
        pause_s = min(pause_s * _LONGER, _LONGEST_PAUSE_S)


def elapsed_s(job: TuningJob, now: datetime.datetime) -> int | None:
    """Whole seconds from the job's creation to its end or to now; None when the service does not say."""
    created, ended = _time(job.create_time), _time(job.end_time)
    return None if created is None else max(0, int(((ended or now) - created).total_seconds()))


def _time(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
