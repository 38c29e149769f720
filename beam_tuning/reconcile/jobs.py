"""From what a person names, a job or a file, to the job."""

from __future__ import annotations

import os

from beam_tuning.errors import InputError, OptionError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.run_folder.files import Folder
from beam_tuning.run_folder.opening import is_remote, open_folder
from beam_tuning.tuning.job import TuningJob, decode_job
from beam_tuning.tuning.request import JobName
from beam_tuning.tuning.service import TuningService
from beam_tuning.tuning.submitted import read_submitted

#: Larger documents are no jobs: the largest real ones have a few hundred kilobytes.
_MOST_BYTES = 64 << 20


def find_job(run: FinishedRun, given: str | None) -> TuningJob:
    """The job as it is now, or as a file has it.

    Args:
      given: a job's resource name, or the path or gs:// URI of a document; None for the run's last job.

    Raises:
      OptionError: it is neither.
      InputError: the file is no job, or no job was created from the run.
      ServiceRefused, ServiceSilent, UsageError: see `TuningService`.
    """
    name = given if given is not None else _last(run)
    parsed = JobName.parse(name)
    if parsed is not None:
        return TuningService.of_job(parsed).get(name)
    if not name.endswith(".json") and not os.path.isfile(name):
        raise OptionError(
            "this is neither the name of a tuning job nor a file",
            where="--job",
            observed=ascii(name)[1:-1],
            limit="projects/P/locations/REGION/tuningJobs/ID, or FILE.json",
            remedy="Copy the name from the console, or from submitted.json.",
        )
    return decode_job(_read(name), name)


def _last(run: FinishedRun) -> str:
    for job in reversed(read_submitted(run).jobs):
        if job.name is not None:
            return job.name
    raise InputError(
        "no job was created from this run with `beam-tuning tune --submit`",
        where=run.name,
        remedy="Name the job: --job projects/P/locations/REGION/tuningJobs/ID, or --job FILE.json.",
    )


def _read(path: str) -> bytes:
    if not is_remote(path) and os.path.exists(path) and not os.path.isfile(path):
        raise InputError("this is not a regular file", where=path, remedy="Name a file with the job's JSON.")
    parent, _, name = path.rpartition("/") if is_remote(path) else ("", "", "")
    folder: Folder | None = open_folder(parent, "--job") if parent else None
    try:
        with folder.open(name) if folder is not None else open(path, "rb") as stream:
            content: bytes = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            "the file cannot be read",
            where=path,
            observed=error.strerror or type(error).__name__,
            remedy="Check the path, or name the job: --job projects/P/locations/REGION/tuningJobs/ID.",
        ) from error
    if len(content) > _MOST_BYTES:
        raise InputError(
            "the file is too large to be a job",
            where=path,
            limit=f"{_MOST_BYTES:,} bytes",
            remedy="Name a file with the job's JSON.",
        )
    return content
