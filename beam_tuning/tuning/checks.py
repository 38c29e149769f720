"""What must hold before a tuning job is created: first of the options, then of the run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from beam_tuning.errors import InputError, OptionError
from beam_tuning.finished_run.kept import is_local, kept_uris
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.uploaded import read_upload
from beam_tuning.limits_file import load_limits
from beam_tuning.policy.readiness import TRAIN, State
from beam_tuning.reasons import Reason
from beam_tuning.report import wording
from beam_tuning.report.command_lines import quoted
from beam_tuning.report.document import Document
from beam_tuning.report.sections.limits import LimitRow
from beam_tuning.run_folder.files import crc32c_of
from beam_tuning.run_folder.manifest import ManifestFile
from beam_tuning.run_folder.names import tuning_file
from beam_tuning.run_folder.opening import is_remote, open_folder

#: https://cloud.google.com/resource-manager/docs/creating-managing-projects: an id, one of a domain, or a number.
_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{6,20}")
_REGION = re.compile(r"[a-z]{2,20}-[a-z]{2,20}[0-9]{1,2}")
_SERVICE_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9.-]{2,63}@[a-z0-9.-]{1,190}\.gserviceaccount\.com")
#: Not available at the global endpoint:
#: https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/locations
_GLOBAL = "global"


class TuneOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for; None leaves it to the service."""

    project: str | None = None
    region: str
    display_name: str | None = None
    epochs: int | None = None
    adapter_size: int | None = None
    learning_rate_multiplier: float | None = None
    service_account: str | None = None
    labels: tuple[str, ...] = ()
    export_last_checkpoint_only: bool = False
    accept_uncertain: bool = False


class Check(NamedTuple):
    """One thing that must hold before a job is created."""

    name: str
    holds: bool
    message: str
    remedy: str = ""


class TuningFile(msgspec.Struct, frozen=True):
    """One of the files that tuning takes, as it lies in the run folder or where it was sent."""

    split: str
    uri: str
    size_bytes: int
    crc32c: str
    lines: int
    generation: str | None = None


def check_options(report: Document, options: TuneOptions) -> dict[str, str]:
    """Holds the options against the limits of the run's model; gives the labels.

    Raises:
      OptionError: a value cannot be used.
    """
    if options.project is not None and not _PROJECT.fullmatch(options.project):
        raise _refused("--project", options.project, "a project id or number", "Give one, e.g. my-project-123.")
    _check_region(report, options.region)
    sizes = _values(report, "adapter_sizes")
    if options.adapter_size is not None and options.adapter_size not in sizes:
        raise _refused(
            "--adapter_size", options.adapter_size, _listed(sizes), f"{report.model} does not support it; leave it out."
        )
    most = _number(report, "tuned_model_name")
    if options.display_name is not None and len(options.display_name) > most:
        observed = f"{len(options.display_name)} characters"
        raise _refused("--display_name", observed, f"{most:g} characters", "Give a shorter name.")
    if options.service_account is not None and not _SERVICE_ACCOUNT.fullmatch(options.service_account):
        limit = "NAME@PROJECT.iam.gserviceaccount.com"
        raise _refused("--service_account", options.service_account, limit, "Give the account's e-mail address.")
    return _labels(report, options.labels)


def check_run(run: FinishedRun, options: TuneOptions, *, will_upload: bool) -> list[Check]:
    """What must hold of the run, and whether it does.

    Args:
      will_upload: whether the tuning files are to be copied to Cloud Storage first.

    Raises:
      InputError: a file is not as the run wrote it.
    """
    for split in run.splits:
        run.lines(split)
    return [
        _is_ready(run, options),
        _names_no_local_media(run),
        _has_training_file(run),
        _fits(run),
        _lies_in_cloud_storage(run, will_upload),
    ]


def tuning_files(run: FinishedRun) -> list[TuningFile]:
    """The tuning files, each held against the manifest: size, checksum and, on Cloud Storage, generation.

    Raises:
      InputError: a file is not as it was written.
      OutputError: the store refuses.
    """
    folder = open_folder(run.name)
    files = []
    for split in run.splits:
        name = tuning_file(split)
        expected = run.manifest.file(name)
        if expected is None:
            continue
        entry = folder.entry(name)
        if entry is None:
            raise _changed(run, expected, "there is no such file")
        crc32c = entry.crc32c
        if crc32c is None:
            with folder.open(name) as stream:
                crc32c = crc32c_of(stream)
        generation = entry.version if is_remote(run.name) else None
        if (entry.size_bytes, crc32c) != (expected.size_bytes, expected.crc32c):
            raise _changed(run, expected, f"{entry.size_bytes:,} bytes, crc32c {crc32c}")
        if expected.generation is not None and generation != expected.generation:
            raise _changed(run, expected, f"generation {generation}, where {expected.generation} was written")
        files.append(
            TuningFile(split, run.folder.path_of(name), expected.size_bytes, crc32c, expected.lines or 0, generation)
        )
    return files


def _is_ready(run: FinishedRun, options: TuneOptions) -> Check:
    # Whether local media have been uploaded since is looked at for itself.
    findings = [one for one in run.report.readiness.cleaned.findings if one.code != Reason.MEDIA_IS_LOCAL.code]
    state = State.READY
    if findings:
        state = State.NOT_READY if any(finding.certain for finding in findings) else State.UNCERTAIN
    message = ": ".join(
        (
            f"The cleaned dataset is {wording.STATES[state]}",
            *([" ".join(finding.message for finding in findings[:3])] if findings else ()),
        )
    )
    if state is State.UNCERTAIN:
        remedy = "Give --accept_uncertain to take the risk, or run `beam-tuning validate` again."
        return Check("ready", options.accept_uncertain, message, remedy)
    remedy = " ".join(dict.fromkeys(finding.remedy for finding in findings[:3]))
    return Check("ready", state is State.READY, f"{message.rstrip('.')}.", remedy)


def _names_no_local_media(run: FinishedRun) -> Check:
    local = {uri for uri in kept_uris(run) if is_local(uri)}
    if not local:
        return Check("media", True, "All media lie where the service can read them.")
    upload = read_upload(run)
    left = local - (upload.targets().keys() if upload is not None else set())
    command = f"Run: beam-tuning upload {quoted(run.name)} --to gs://BUCKET/FOLDER"
    if left:
        example = ascii(min(left))[1:-1]
        message = f"The kept examples name {len(left):,} local media, which the service cannot read, e.g. {example}."
        return Check("media", False, message, command)
    files = upload.files if upload is not None else ()
    for file in files:
        written = run.manifest.file(file.name)
        if written is None or written.crc32c != file.crc32c:
            return Check("media", False, f"{file.name} is not the one that the upload wrote: it was cut.", command)
    return Check("media", True, f"All media lie where the service can read them; {len(local):,} were uploaded.")


def _has_training_file(run: FinishedRun) -> Check:
    file = run.manifest.file(tuning_file(TRAIN))
    remedy = "Run `beam-tuning validate` with training examples that can be kept."
    if file is None or not file.lines:
        return Check("training file", False, "No training example was kept.", remedy)
    return Check("training file", True, f"{file.name} has {file.lines:,} lines, {wording.size(file.size_bytes)}.")


def _fits(run: FinishedRun) -> Check:
    """Uploading makes lines longer or shorter, so that the size is looked at once more."""
    file, limit = run.manifest.file(tuning_file(TRAIN)), _number(run.report, "training_file_bytes")
    size_bytes = file.size_bytes if file is not None else 0
    message = f"The training file has {size_bytes:,} bytes; {limit:,.0f} are allowed."
    return Check("size", size_bytes <= limit, message, "Keep fewer examples.")


def _lies_in_cloud_storage(run: FinishedRun, will_upload: bool) -> Check:
    if is_remote(run.name):
        return Check("place", True, "The tuning files lie in Cloud Storage.")
    remedy = "Give --upload gs://BUCKET/FOLDER, which copies them there."
    if will_upload:
        return Check("place", True, "The tuning files are copied to Cloud Storage.")
    return Check("place", False, "The tuning files lie on this machine; the service reads Cloud Storage only.", remedy)


def _check_region(report: Document, region: str) -> None:
    known = _values(report, "tuning_regions")
    if known and region not in known:
        remedy = f"{report.model} tunes in these regions only: {_limit(report, 'tuning_regions').source}"
        raise _refused("--region", region, _listed(known), remedy)
    if region == _GLOBAL or not _REGION.fullmatch(region):
        remedy = "A tuning job runs in one region; give one, e.g. us-central1."
        raise _refused("--region", region, "a region of Google Cloud, not global", remedy)


def _labels(report: Document, given: tuple[str, ...]) -> dict[str, str]:
    most = _number(report, "label_length")
    labels: dict[str, str] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key or key in labels:
            raise _refused("--labels", one, "KEY=VALUE[,KEY=VALUE], each key once", "Give such a list.")
        for text in (key, value):
            if len(text) > most or text != text.lower() or not all(char.isalnum() or char in "_-" for char in text):
                limit = f"at most {most:g} small letters, digits, underscores and dashes"
                raise _refused("--labels", one, limit, "Give another label.")
        labels[key] = value
    return labels


def _limit(report: Document, name: str) -> LimitRow:
    """The limit that the run was made with; the built-in one where a run of an earlier version does not have it."""
    limit = next((limit for limit in report.limits if limit.name == name), None)
    if limit is not None:
        return limit
    entry = load_limits().model(report.model).entries()[name]
    return msgspec.convert({"name": name, **msgspec.to_builtins(entry)}, LimitRow)


def _values(report: Document, name: str) -> list[str | int | float]:
    values = _limit(report, name).values
    return [] if values is msgspec.UNSET else list(values)


def _number(report: Document, name: str) -> float:
    value = _limit(report, name).value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("report.json has no number for a limit", observed=name, remedy="Run `validate` again.")
    return value


def _listed(values: list[str | int | float]) -> str:
    return ", ".join(map(str, values))


def _refused(option: str, observed: object, limit: str, remedy: str) -> OptionError:
    return OptionError(
        "the option does not take this value", where=option, observed=observed, limit=limit, remedy=remedy
    )


def _changed(run: FinishedRun, expected: ManifestFile, observed: str) -> InputError:
    return InputError(
        "the file is not as it was written",
        where=run.folder.path_of(expected.name),
        observed=observed,
        limit=f"{expected.size_bytes:,} bytes, crc32c {expected.crc32c}",
        remedy="Run the command that wrote it again: `beam-tuning upload`, else `beam-tuning validate`.",
    )


def as_mapping(checks: list[Check]) -> list[Mapping[str, object]]:
    """For the document."""
    return [check._asdict() for check in checks]
