"""`submitted.json`: the tuning jobs that were created from a run, so that nobody creates one twice by mistake.

The entry is written before the request is sent, without the job's name. Should no answer come, it says that there may
be a job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from beam_tuning.errors import InputError, OutputError, UsageError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.run_folder.names import SUBMITTED
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.stopping import Stopped
from beam_tuning.tuning.checks import TuningFile
from beam_tuning.tuning.job import TuningJob
from beam_tuning.tuning.request import TuningRequest
from beam_tuning.tuning.service import ServiceRefused

#: Grows by one with every change that a reader of the last version could stumble over.
VERSION = 1


class SubmittedJob(msgspec.Struct, frozen=True):
    """One job.

    Attributes:
      name: None while it is not known whether the service created it.
      state: that the service answered with.
      submitted_at: RFC 3339, UTC.
      files: as they were when the job was created.
      request: the body.
    """

    name: str | None
    state: str | None
    submitted_at: str
    project: str
    region: str
    files: tuple[TuningFile, ...]
    request: dict[str, Any]


class Submitted(msgspec.Struct, frozen=True):
    """The document; jobs in the order in which they were created."""

    version: int = VERSION
    jobs: tuple[SubmittedJob, ...] = ()

    def to_bytes(self) -> bytes:
        """JSON, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def named(self, name: str) -> SubmittedJob | None:
        """The job of this name."""
        return next((job for job in self.jobs if job.name == name), None)


def read_submitted(run: FinishedRun) -> Submitted:
    """The jobs of a run; none where there is no document.

    Raises:
      InputError: it is damaged or of a later version.
    """
    path = run.folder.path_of(SUBMITTED)
    try:
        with run.folder.open(SUBMITTED) as stream:
            submitted = msgspec.json.decode(stream.read(), type=Submitted)
    except FileNotFoundError:
        return Submitted()
    except OSError as error:
        raise InputError("the file cannot be read", where=path, observed=error.strerror or error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        remedy = "Look in the console whether a job was created, then move the file away."
        raise InputError("the file is damaged", where=path, observed=error, remedy=remedy) from error
    if submitted.version > VERSION:
        raise InputError(
            "the file was written by a later version of beam-tuning",
            where=path,
            observed=f"version {submitted.version}",
            limit=f"version {VERSION}",
            remedy="Use that version of beam-tuning, or a later one.",
        )
    return submitted


def check_not_submitted(run: FinishedRun, *, again: bool) -> Submitted:
    """The jobs so far.

    Raises:
      UsageError: there are some, and `again` is not given.
    """
    submitted = read_submitted(run)
    if submitted.jobs and not again:
        first = submitted.jobs[0]
        more = f" and {len(submitted.jobs) - 1} more" if len(submitted.jobs) > 1 else ""
        if first.name is None:
            raise UsageError(
                "a job may have been created from this run already: its creation was begun, and no answer came",
                where=run.folder.path_of(SUBMITTED),
                observed=f"{first.submitted_at}, project {first.project}, region {first.region}{more}",
                remedy="Look in the console. When there is no such job, give --again to create one.",
            )
        raise UsageError(
            "a job was created from this run already",
            where=run.folder.path_of(SUBMITTED),
            observed=f"{first.name}, created {first.submitted_at}{more}",
            remedy="Follow it with --wait, or give --again to create, and pay for, another one.",
        )
    return submitted


def submit(
    run: FinishedRun,
    request: TuningRequest,
    files: list[TuningFile],
    now: str,
    create: Callable[[TuningRequest], TuningJob],
    *,
    again: bool,
) -> TuningJob:
    """Creates the job and writes it down, first that it is about to be created.

    Args:
      now: RFC 3339, UTC.
      create: asks the service.

    Raises:
      UsageError: there is a job already, and `again` is not given; or nobody is signed in.
      ServiceRefused: there is no job, and nothing is written down.
      ServiceSilent: there may be one.
      OutputError: the folder cannot be written.
    """
    before = check_not_submitted(run, again=again)
    begun = SubmittedJob(None, None, now, request.project or "", request.region, tuple(files), request.body())
    folder, writer = open_folder(run.name), run.writer()
    pending = Submitted(jobs=(*before.jobs, begun))
    if before.jobs:
        writer.add(SUBMITTED, pending.to_bytes())
    elif not folder.create(SUBMITTED, pending.to_bytes()):
        raise OutputError(
            "another command is creating a job from this run",
            where=run.folder.path_of(SUBMITTED),
            remedy="Wait for that one.",
        )
    try:
        job = create(request)
    except (ServiceRefused, UsageError):
        if before.jobs:
            writer.add(SUBMITTED, before.to_bytes())
        elif (entry := folder.entry(SUBMITTED)) is not None:
            folder.delete(entry)
        raise
    except Stopped as stopped:
        stopped.consequence = "it is not known whether the job was created; look in the console."
        raise
    created = msgspec.structs.replace(begun, name=job.name, state=job.state)
    writer.add(SUBMITTED, Submitted(jobs=(*before.jobs, created)).to_bytes())
    return job
