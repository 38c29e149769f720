"""`repair` from a finished run to an exit code: everything but the edits comes from that run."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from apache_beam.options.pipeline_options import StandardOptions
from rich.console import Console

from beam_tuning import __version__
from beam_tuning.dataset.lines import InputFile
from beam_tuning.edited_media.making import Making, check_media_output
from beam_tuning.errors import InputError, OptionError, OutputError
from beam_tuning.finished_run.opening import FinishedRun, open_finished
from beam_tuning.finished_run.probed import probe_options, probe_results
from beam_tuning.media.edit.run import can_edit
from beam_tuning.media.edit.wanted import SECOND_NS
from beam_tuning.media_repairs.bringing import MediaRepair
from beam_tuning.media_repairs.texts import TimesMode
from beam_tuning.pipelines.launch import is_on_dataflow, pipeline_options
from beam_tuning.pipelines.repair import MediaJob, RepairJob, build, file_names
from beam_tuning.pipelines.run import PlannedRun, run_planned, told
from beam_tuning.pipelines.validate_options import ValidateOptions, rules_of
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.limits import Limits
from beam_tuning.policy.readiness import FailOn
from beam_tuning.report.run import RunSettings
from beam_tuning.run_folder.names import FileRole
from beam_tuning.run_folder.opening import is_remote, open_folder, same_folder
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.transforms.finish import RunStart
from beam_tuning.transforms.run_lines import shards_of

#: What a repaired run records beside the options of the run that it came from.
REPAIRED_FROM, EDITS = "repaired_from", "repair"


class RepairOptions(NamedTuple):
    """Checked values; `beam_tuning.commands.repair` says what each means.

    Attributes:
      edits: of lines.
      media_edits: of media; none are made without `media_output`.
    """

    folder: str
    output: str
    overwrite: bool
    edits: tuple[str, ...]
    media_edits: tuple[str, ...] = ()
    media_output: str | None = None
    allow_local_media: bool = False
    cut_tolerance_s: float = 0.5
    overlap_s: float = 0.0
    times: str = "strict"
    times_fields: tuple[str, ...] = ()
    scratch_dir: str | None = None


class JudgedAs(NamedTuple):
    """How the run was judged, which a repair does alike."""

    options: ValidateOptions
    limits: Limits
    policy: Policy


def judged_as(run: FinishedRun, *, allow_local_media: bool = False) -> JudgedAs:
    """The options of a run, as its report records them.

    Args:
      allow_local_media: given now; else as the run had it.

    Raises:
      InputError: the report records others than this version knows, or the run chose among its
        examples or rewrote the URIs of their media.
      UsageError: the limits file cannot be read any more.
    """
    if run.report.selection is not None:
        raise InputError(
            "the run kept a sample of its examples, or made a validation set of some",
            where=run.name,
            limit="a run of all examples, so that those that come back have the same chance to be taken",
            remedy="Repair a run without --max_examples and --validation_split, and choose examples afterwards.",
        )
    if run.report.options.get("rewrite_uri"):
        raise InputError(
            "the kept lines of the run name other media than its dataset",
            where=run.name,
            observed="--rewrite_uri",
            remedy="Repair a run without --rewrite_uri; `beam-tuning upload` names the media in the bucket afterwards.",
        )
    known = set(ValidateOptions.__struct_fields__)
    recorded = {name: value for name, value in run.report.options.items() if name in known}
    try:
        options = msgspec.convert({**recorded, "given": run.report.options_given}, ValidateOptions)
    except msgspec.ValidationError as error:
        raise InputError(
            "report.json does not record the options that a repair needs",
            where=run.name,
            observed=error,
            remedy="Run `beam-tuning validate` again with this version.",
        ) from error
    if allow_local_media:
        options = msgspec.structs.replace(options, allow_local_media=True)
    limits, policy = rules_of(options)
    return JudgedAs(options, limits, policy)


def open_to_repair(options: RepairOptions) -> FinishedRun:
    """The run that is to be repaired.

    Raises:
      InputError: the folder holds no whole run.
      OutputError: the output folder is the run.
    """
    run = open_finished(options.folder)
    if same_folder(options.folder, options.output):
        raise OutputError(
            "the output folder is the run that is repaired",
            where=options.output,
            remedy="Name another folder: the run stays as it is.",
        )
    return run


def run_repair(options: RepairOptions, beam_arguments: Sequence[str], console: Console) -> int:
    """Runs the job that the options ask for; returns the exit code.

    Raises:
      UsageError: before anything is read, for a run, options or an output that cannot be used.
      BeamTuningError: the repair failed.
      Stopped: a signal ended it.
    """
    shown = {"folder": options.folder, "output": options.output, "repair": ",".join(options.edits)}
    beam_options = pipeline_options(beam_arguments, shown)
    run = open_to_repair(options)
    judged = judged_as(run, allow_local_media=options.allow_local_media)
    media = _media_repair(run, options, judged)
    shards = tuple(shards_of(run.name, run.manifest))
    cache = tuple(run.folder.path_of(name) for name in sorted(run.manifest.named(FileRole.MEDIA)))
    media_shards = max(1, len(cache))

    def planned(target: RunTarget) -> PlannedRun:
        started = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        job = RepairJob(
            target=target,
            shards=shards,
            edits=options.edits,
            policy=judged.policy,
            probing=probe_options(
                run, threads=judged.options.probe_threads, allow_local_media=judged.policy.allow_local_media
            ),
            media_shards=media_shards,
            probe_cache=cache,
            settings=_settings(run, options, judged, target),
            start=RunStart(started, str(beam_options.view_as(StandardOptions).runner)),
            raise_when_closed=is_on_dataflow(beam_options),
            media=None if media is None else MediaJob(media, _making(run, options, judged, target)),
        )
        return PlannedRun(lambda pipeline: build(pipeline, job), job.start)

    names_of_files = file_names(shards, media_shards)
    ended = run_planned(options.output, names_of_files, planned, beam_options, console, overwrite=options.overwrite)
    return told(ended, console)


def _media_repair(run: FinishedRun, options: RepairOptions, judged: JudgedAs) -> MediaRepair | None:
    """How media are edited; None when they are not.

    Raises:
      UsageError: new media cannot be made there.
    """
    if options.media_output is None or not options.media_edits:
        return None
    if not can_edit():
        raise OptionError(
            "making media needs PyAV, which is not installed",
            where="--media_output",
            remedy="Install it: pip install 'beam-tuning[repair]'",
        )
    if not is_remote(options.media_output) and not judged.policy.allow_local_media:
        raise OptionError(
            "the tuning service reads Cloud Storage only",
            where="--media_output",
            observed=options.media_output,
            limit="gs://bucket/folder",
            remedy="Give a folder of a bucket of yours, or for a try-out --allow_local_media as well.",
        )
    sources = [result.uri for results in probe_results(run) for result in results]
    check_media_output(options.media_output, sources)
    return MediaRepair(
        edits=options.media_edits,
        tolerance_ns=round(options.cut_tolerance_s * SECOND_NS),
        overlap_ns=round(options.overlap_s * SECOND_NS),
        times=TimesMode(options.times),
        times_fields=options.times_fields,
    )


def _making(run: FinishedRun, options: RepairOptions, judged: JudgedAs, target: RunTarget) -> Making:
    return Making(
        folder=open_folder(str(options.media_output), "--media_output").name,
        run_id=target.run_id or "0" * 16,
        probing=probe_options(run, allow_local_media=judged.policy.allow_local_media),
        scratch=options.scratch_dir,
    )


def _settings(run: FinishedRun, options: RepairOptions, judged: JudgedAs, target: RunTarget) -> RunSettings:
    recorded = {name: value for name, value in msgspec.to_builtins(judged.options).items() if name != "given"}
    changed = {"output": options.output, "overwrite": options.overwrite}
    return RunSettings(
        version=__version__,
        model=judged.policy.model,
        options={
            **recorded,
            **changed,
            REPAIRED_FROM: run.name,
            EDITS: [*options.edits, *(options.media_edits if options.media_output else ())],
        },
        options_given=judged.options.given,
        inputs=tuple(InputFile(one.split, one.path, one.size_bytes) for one in run.report.inputs),
        splits=tuple(run.report.splits),
        output=target.folder,
        fail_on=FailOn(judged.options.fail_on),
        epochs=judged.options.epochs,
        limits=judged.limits,
        resolution_scope=judged.policy.resolution_scope,
        tolerated=judged.options.tolerate,
        set_resolution=judged.policy.set_resolution,
        price_per_million_tokens=judged.options.price_per_million_tokens,
    )
