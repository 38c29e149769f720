"""Which dataset a job was over: a run's tuning file, a file that the run read, or neither."""

from __future__ import annotations

import datetime
import enum

import msgspec

from beam_tuning.errors import InputError, OutputError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.policy.readiness import TRAIN
from beam_tuning.run_folder.files import Entry
from beam_tuning.run_folder.manifest import ManifestFile
from beam_tuning.run_folder.names import tuning_file
from beam_tuning.run_folder.opening import is_remote, open_folder
from beam_tuning.tuning.job import TuningJob
from beam_tuning.tuning.submitted import SubmittedJob, read_submitted

_REMEDY = "Name the run that the job's dataset came from, or the job that was created from this run."


class Basis(enum.StrEnum):
    """What the lines of the job are lines of."""

    #: The run's own tuning file, or a copy of it.
    CLEANED = "cleaned"
    #: A file of the dataset as it was given to the run.
    AS_GIVEN = "as-given"


class JobDataset(msgspec.Struct, frozen=True):
    """The training dataset of a job.

    Attributes:
      uri: that the job names; None when its document does not name one.
      path: of the file of the run's input, where that is the basis.
      proven: whether it is certain that the job read these very lines.
      message: how that is known, or why it is not.
    """

    basis: Basis
    uri: str | None
    path: str | None
    proven: bool
    message: str


def dataset_of(run: FinishedRun, job: TuningJob) -> JobDataset:
    """What the job was over.

    Raises:
      InputError: it was over another dataset, or over another content of the same file.
    """
    _refuse_earlier(run, job)
    uri = job.supervised_tuning_spec.training_dataset_uri if job.supervised_tuning_spec is not None else None
    written = run.manifest.file(tuning_file(TRAIN))
    submitted = read_submitted(run).named(job.name or "")
    if submitted is not None:
        return _submitted(run, submitted, uri, written)
    if uri is None:
        message = "The document does not name the job's dataset; its lines are taken for those of train.jsonl."
        return JobDataset(Basis.CLEANED, None, None, False, message)
    if not is_remote(uri):
        raise _another(run, uri, "the job's dataset is not a file in Cloud Storage")
    if any(one.path == uri and one.split == TRAIN for one in run.report.inputs):
        message = "The job used a file of the dataset as given, not the cleaned one."
        return JobDataset(Basis.AS_GIVEN, uri, uri, True, message)
    return _compared(run, uri, written)


def _submitted(run: FinishedRun, submitted: SubmittedJob, uri: str | None, written: ManifestFile | None) -> JobDataset:
    file = next((file for file in submitted.files if file.split == TRAIN), None)
    if file is None or written is None or uri not in (None, file.uri):
        raise _another(run, uri, "the job used another file than submitted.json says")
    if file.crc32c != written.crc32c:
        raise InputError(
            "the tuning file has been written anew since the job was created",
            where=run.folder.path_of(written.name),
            observed=f"crc32c {written.crc32c}",
            limit=f"crc32c {file.crc32c}, as it was when the job was created",
            remedy="Reconcile the job with the run as it was then.",
        )
    return JobDataset(Basis.CLEANED, file.uri, None, True, "submitted.json lists the job with this very file.")


def _compared(run: FinishedRun, uri: str, written: ManifestFile | None) -> JobDataset:
    """The object that lies there now, held against the run's tuning file."""
    folder, _, name = uri.rpartition("/")
    entry: Entry | None = None
    try:
        entry = open_folder(folder, "the job's dataset").entry(name)
        fault = None if entry is not None else "it no longer exists"
    except OutputError as error:
        fault = error.what
    if entry is None:
        message = f"Whether the job's file is this run's train.jsonl is not proven: {fault}."
        return JobDataset(Basis.CLEANED, uri, None, False, message)
    if written is None or (entry.size_bytes, entry.crc32c) != (written.size_bytes, written.crc32c):
        raise _another(run, uri, "the job used another file than this run's, or another version of it")
    return JobDataset(Basis.CLEANED, uri, None, True, "The object has the checksum of this run's train.jsonl.")


def _refuse_earlier(run: FinishedRun, job: TuningJob) -> None:
    """A job that is older than the run cannot have read what the run wrote, whatever the file is called."""
    created, finished = _time(job.create_time), _time(run.report.run.finished)
    if created is not None and finished is not None and created < finished and not _reads_input(run, job):
        raise InputError(
            "the job is older than this run, so it used another version of the file",
            where=run.name,
            observed=f"created {job.create_time}",
            limit=f"after {run.report.run.finished}, when the run had ended",
            remedy=_REMEDY,
        )


def _reads_input(run: FinishedRun, job: TuningJob) -> bool:
    uri = job.supervised_tuning_spec.training_dataset_uri if job.supervised_tuning_spec is not None else None
    return any(one.path == uri for one in run.report.inputs)


def _time(text: str | None) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)


def _another(run: FinishedRun, uri: str | None, what: str) -> InputError:
    return InputError(what, where=run.name, observed=uri, limit=run.folder.path_of(tuning_file(TRAIN)), remedy=_REMEDY)
