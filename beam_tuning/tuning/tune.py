"""`beam-tuning tune`: from a finished run to everything that a person needs to start its job."""

from __future__ import annotations

from typing import Any

import msgspec

from beam_tuning.errors import GateClosed
from beam_tuning.finished_run.kept import bucket_of, kept_uris
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.uploaded import read_upload
from beam_tuning.policy.readiness import TRAIN
from beam_tuning.report.tuning_job import display_name
from beam_tuning.run_folder.files import CHUNK_BYTES, Folder
from beam_tuning.run_folder.names import TUNING_JOB, tuning_file
from beam_tuning.tuning.access import BucketAccess, check_access
from beam_tuning.tuning.checks import Check, TuneOptions, TuningFile, as_mapping, check_options, check_run, tuning_files
from beam_tuning.tuning.cost import Cost, estimate
from beam_tuning.tuning.request import TuningRequest
from beam_tuning.tuning.shown import curl_lines, python_lines
from beam_tuning.upload.sending import send


class TuningPlan(msgspec.Struct, frozen=True):
    """A job that can be created.

    Attributes:
      files: as they lie where the service reads them.
      body_path: of `tuning_job.json`.
    """

    checks: list[Check]
    files: list[TuningFile]
    request: TuningRequest
    cost: Cost
    body_path: str
    access: list[BucketAccess] | None = None

    @property
    def curl(self) -> str:
        """The request as a command line."""
        return curl_lines(self.request, self.body_path)

    @property
    def python(self) -> str:
        """The request as lines of Python."""
        return python_lines(self.request)

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "checks": as_mapping(self.checks),
            "files": self.files,
            "project": self.request.project,
            "region": self.request.region,
            "url": self.request.url,
            "request": self.request.body(),
            "cost": self.cost,
            "curl": self.curl,
            "python": self.python,
            "access": self.access,
        }


class NotReady(GateClosed):
    """Something that must hold does not.

    Attributes:
      checks: all of them.
    """

    def __init__(self, checks: list[Check]) -> None:
        failed = [check for check in checks if not check.holds]
        super().__init__(
            "no tuning job can be created from this run yet",
            observed=" ".join(check.message for check in failed),
            remedy=" ".join(dict.fromkeys(check.remedy for check in failed if check.remedy)),
        )
        self.checks = checks


def plan_tuning(
    run: FinishedRun, options: TuneOptions, *, upload_to: Folder | None = None, look_at_access: bool = False
) -> TuningPlan:
    """Checks, copies the tuning files where that is asked for, and writes `tuning_job.json`.

    Args:
      upload_to: folder on Cloud Storage for the tuning files; None to leave them where they are.
      look_at_access: whether the buckets' policies are looked at.

    Raises:
      OptionError: an option does not fit the run's model.
      InputError: a file is not as it was written.
      NotReady: something that must hold does not.
      OutputError: a store refuses.
    """
    labels = check_options(run.report, options)
    checks = check_run(run, options, will_upload=upload_to is not None)
    if not all(check.holds for check in checks):
        raise NotReady(checks)
    files = tuning_files(run)
    if upload_to is not None:
        files = [_copied(run, file, upload_to) for file in files]
    uris = {file.split: file.uri for file in files}
    request = TuningRequest(
        project=options.project,
        region=options.region,
        model=run.report.model,
        training_uri=uris[TRAIN],
        validation_uri=uris.get("validation"),
        display_name=options.display_name or display_name(run.name),
        epochs=options.epochs,
        adapter_size=options.adapter_size,
        learning_rate_multiplier=options.learning_rate_multiplier,
        service_account=options.service_account,
        labels=labels,
        export_last_checkpoint_only=options.export_last_checkpoint_only,
    )
    access = None
    if look_at_access:
        buckets = _buckets(run, files)
        access = check_access(buckets, options.project, options.service_account)
    writer = run.writer()
    writer.tell([writer.rewrite(TUNING_JOB, [request.encoded()])])
    cost = estimate(run.report, options.epochs)
    return TuningPlan(checks, files, request, cost, run.folder.path_of(TUNING_JOB), access)


def _copied(run: FinishedRun, file: TuningFile, to: Folder) -> TuningFile:
    name = tuning_file(file.split)

    def contents() -> Any:
        with run.folder.open(name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    sent = send(to, name, file.size_bytes, file.crc32c, contents, replace=True)
    return msgspec.structs.replace(file, uri=sent.uri, generation=sent.generation)


def _buckets(run: FinishedRun, files: list[TuningFile]) -> set[str]:
    """Of the tuning files and of all media that kept examples name."""
    upload = read_upload(run)
    targets = upload.targets() if upload is not None else {}
    uris = {targets[uri].uri if uri in targets else uri for uri in kept_uris(run)} | {file.uri for file in files}
    return {bucket for uri in uris if (bucket := bucket_of(uri)) is not None}
