"""`validate` from a command line to an exit code: checks, graph, run, and what the person is told."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from rich.console import Console

from beam_tuning import __version__
from beam_tuning.command_line import parse_validate
from beam_tuning.errors import BeamTuningError, InputError, OptionError
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.options import ValidateOptions
from beam_tuning.pipelines.inputs import check_splits, match_inputs
from beam_tuning.pipelines.launch import is_on_dataflow, launch, pipeline_options
from beam_tuning.pipelines.output_folder import OutputFolder
from beam_tuning.pipelines.preflight import prepare_output
from beam_tuning.pipelines.validate import ValidateJob, build
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.limits import load_limits
from beam_tuning.policy.readiness import FailOn
from beam_tuning.report.console import print_summary
from beam_tuning.report.folder import read_document
from beam_tuning.report.run import RunSettings
from beam_tuning.transforms.files import join
from beam_tuning.transforms.finish import RunStart

#: As shells have it for a program that Ctrl-C ended: nothing is known of the dataset, least of all that it is ready.
INTERRUPTED = 130


def run_validate(argv: Sequence[str], console: Console) -> int:
    """Runs the job that a command line asks for; returns the exit code.

    Raises:
      UsageError: before anything is read, for options, inputs or an output that cannot be used.
      BeamTuningError: the run failed.
    """
    options, beam_arguments = parse_validate(argv)
    shown = {
        "train": ",".join(options.train),
        "validation": ",".join(options.validation),
        "model": options.model,
        "output": options.output,
    }
    beam_options = pipeline_options(beam_arguments, shown)
    job = make_job(options, beam_options)
    ended = launch(lambda pipeline: build(pipeline, job), beam_options, console)
    if not ended.followed:
        console.print(f"The report will be {join(options.output, 'report.html')}", soft_wrap=True)
        return INTERRUPTED if ended.interrupted else 0
    folder = OutputFolder(options.output)
    document = _report_of(folder, job.start)
    exit_code = BeamTuningError.exit_code if document is None else document["readiness"]["gate"]["exit_code"]
    is_whole = bool(folder.list("manifest.json"))
    if document is None or not (is_whole or exit_code == InputError.exit_code):
        raise BeamTuningError(
            "the run failed",
            where=options.output,
            observed=ended.failed,
            remedy="Run again with --overwrite; with a remote runner, look at the job's log first.",
        )
    print_summary(document, console)
    return int(exit_code)


def _report_of(folder: OutputFolder, start: RunStart) -> dict[str, Any] | None:
    """The report of this very run; None when it wrote none."""
    try:
        document = read_document(folder)
    except InputError:
        return None
    return document if document["run"]["started"] == start.at else None


def make_job(options: ValidateOptions, beam_options: PipelineOptions) -> ValidateJob:
    """Checks everything that can be checked before a graph is built."""
    limits = load_limits(Path(options.limits) if options.limits else None)
    policy = Policy.of(
        limits,
        options.model,
        length_basis=options.length_basis,
        media_resolution=options.media_resolution,
        resolution_scope=options.resolution_scope,
        tolerate=options.tolerate,
        allow_local_media=options.allow_local_media,
    )
    train = match_inputs("train", options.train)
    validation = match_inputs("validation", options.validation)
    check_splits(train, validation)
    probe_cache = _probe_cache(options)
    patterns = (*options.train, *options.validation)
    prepare_output(options.output, patterns, (*train, *validation), overwrite=options.overwrite)
    return ValidateJob(
        policy=policy,
        probing=ProbeOptions(
            allow_local_media=options.allow_local_media,
            allow_private_addresses=options.allow_private_addresses,
            billing_project=options.billing_project,
            trust_cache=options.trust_cache,
            threads=options.probe_threads,
        ),
        probe_cache=probe_cache,
        max_expansion=options.max_expansion,
        settings=RunSettings(
            version=__version__,
            model=options.model,
            options=msgspec.to_builtins(options),
            inputs=(*train, *validation),
            splits=("train", "validation") if options.validation else ("train",),
            output=options.output,
            fail_on=FailOn(options.fail_on),
            epochs=options.epochs,
            limits=limits,
            resolution_scope=options.resolution_scope,
            tolerated=options.tolerate,
            price_per_million_tokens=options.price_per_million_tokens,
        ),
        start=RunStart(
            datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            str(beam_options.view_as(StandardOptions).runner),
        ),
        # There no launcher may be left to read the manifest.
        raise_when_closed=is_on_dataflow(beam_options),
    )


def _probe_cache(options: ValidateOptions) -> str | None:
    """The pattern of the media table of an earlier run."""
    if options.probe_cache is None:
        if options.trust_cache:
            raise OptionError(
                "there is no probe cache to trust", where="--trust_cache", remedy="Give --probe_cache too."
            )
        return None
    folder = options.probe_cache.rstrip("/")
    if folder == options.output:
        raise OptionError(
            "the probe cache is the output folder, whose files this run replaces",
            where="--probe_cache",
            observed=folder,
            remedy="Write this run's output to another folder.",
        )
    tables = "media/media-*.parquet"
    pattern = join(folder, tables)
    if not OutputFolder(folder).list(tables):
        raise InputError(
            "the folder holds no media table",
            where="--probe_cache",
            observed=pattern,
            remedy="Name the output folder of an earlier run.",
        )
    return pattern
