"""`validate` from a command line to an exit code: checks, graph, run, and what the person is told."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TestOptions
from rich.console import Console

from beam_tuning import __version__
from beam_tuning.curation.selection import Selection
from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import BeamTuningError, InputError, OptionError
from beam_tuning.media import media_table
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.pipelines.inputs import check_splits, match_inputs
from beam_tuning.pipelines.launch import is_in_process, is_on_dataflow, launch, pipeline_options
from beam_tuning.pipelines.preflight import refuse_output_in_input
from beam_tuning.pipelines.selection import selection_of
from beam_tuning.pipelines.validate import COUNTERS, ValidateJob, build, file_names
from beam_tuning.pipelines.validate_options import ValidateOptions, rules_of
from beam_tuning.pipelines.workers import worker_count
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.limits import Limits
from beam_tuning.policy.readiness import FailOn
from beam_tuning.report.console import print_summary
from beam_tuning.report.document import Document
from beam_tuning.report.folder import read_document
from beam_tuning.report.run import RunSettings
from beam_tuning.run_folder import names
from beam_tuning.run_folder.claim import claim_folder, leave_claim, release_claim
from beam_tuning.run_folder.names import FileRole
from beam_tuning.run_folder.opening import open_folder, same_folder
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.transforms.finish import RunStart
from beam_tuning.uri_rewriting import UriRewriting


class Ended(NamedTuple):
    """How a run ended.

    Attributes:
      document: the report; None when the launcher did not see the run to its end.
    """

    exit_code: int
    document: Document | None


def run_validate(options: ValidateOptions, beam_arguments: Sequence[str], console: Console) -> int:
    """Runs the job that the options ask for and prints its summary; returns the exit code.

    Raises: as `run_job`.
    """
    return told(run_job(options, beam_arguments, console), console)


def told(ended: Ended, console: Console) -> int:
    """Prints the summary, if there is one; returns the exit code."""
    if ended.document is not None:
        # Whoever reads the summary may read its first lines only; what became of the dataset is told all the same.
        with contextlib.suppress(BrokenPipeError):
            print_summary(ended.document, console)
    return ended.exit_code


def run_job(options: ValidateOptions, beam_arguments: Sequence[str], console: Console) -> Ended:
    """Runs the job that the options ask for; the console shows how far it is.

    Raises:
      UsageError: before anything is read, for options, inputs or an output that cannot be used.
      BeamTuningError: the run failed.
      Stopped: a signal ended it.
    """
    shown = {
        "train": ",".join(options.train),
        "validation": ",".join(options.validation),
        "model": options.model,
        "output": options.output,
    }
    beam_options = pipeline_options(beam_arguments, shown)
    checked = check(options)

    def planned(target: RunTarget) -> PlannedRun:
        job = make_job(options, beam_options, checked, target)
        return PlannedRun(lambda pipeline: build(pipeline, job), job.start)

    names_of_files = file_names(checked.inputs, checked.selection)
    return run_planned(
        options.output,
        names_of_files,
        planned,
        beam_options,
        console,
        overwrite=options.overwrite,
        workers=worker_count(options.workers, checked.inputs, beam_options),
    )


class PlannedRun(NamedTuple):
    """A graph that is still to be built, and when its run was launched."""

    build: Callable[[beam.Pipeline], None]
    start: RunStart


def run_planned(
    output: str,
    file_names: Iterable[str],
    planned: Callable[[RunTarget], PlannedRun],
    beam_options: PipelineOptions,
    console: Console,
    *,
    overwrite: bool,
    workers: int = 1,
) -> Ended:
    """Claims the folder and runs the graph; the console shows how far it is.

    Args:
      output: the run folder.
      file_names: every name that the run may write there.
      planned: gives the graph for a target.
      workers: processes that do the work of a run in this process; 1 for none beside it.

    Raises:
      UsageError: the folder cannot be used.
      BeamTuningError: the run failed.
      Stopped: a signal ended it.
    """
    folder = open_folder(output)
    if beam_options.view_as(TestOptions).dry_run:
        launch(planned(RunTarget(folder.name, run_id="")).build, beam_options, console, COUNTERS)
        return Ended(0, None)
    claim = claim_folder(folder, file_names, overwrite=overwrite, is_launchers=is_in_process(beam_options))
    try:
        job = planned(RunTarget(folder.name, claim.run_id))
        ended = launch(job.build, beam_options, console, COUNTERS, workers)
    except BeamTuningError:
        release_claim(folder, claim.run_id)  # nothing was submitted, so nothing writes there
        raise
    finally:
        leave_claim(claim.run_id)
    if not ended.followed:
        console.print(f"The report will be {folder.path_of(names.REPORT_HTML)}", soft_wrap=True)
        # Nothing is known of the dataset, least of all that it is ready.
        return Ended(ended.stopped.exit_code if ended.stopped else 0, None)
    run = RunFolder(output)
    document = _report_of(run, job.start)
    exit_code = BeamTuningError.exit_code if document is None else document.readiness.gate.exit_code
    manifest = run.manifest()
    is_whole = manifest is not None and manifest.run_id == claim.run_id
    if document is None or not (is_whole or exit_code == InputError.exit_code):
        raise BeamTuningError(
            "the run failed",
            where=output,
            observed=ended.failed,
            remedy="Run again with --overwrite; with a remote runner, look at the job's log first.",
        )
    return Ended(int(exit_code), document)


def _report_of(folder: RunFolder, start: RunStart) -> Document | None:
    """The report of this very run; None when it wrote none."""
    try:
        document = read_document(folder)
    except InputError:
        return None
    return document if document.run.started == start.at else None


class CheckedOptions(NamedTuple):
    """What options lead to, once it has been looked at.

    Attributes:
      inputs: all dataset files.
      probe_cache: files of the media table of an earlier run.
      rewriting: of media URIs in kept lines.
      selection: which of the kept examples are taken.
    """

    limits: Limits
    policy: Policy
    inputs: tuple[InputFile, ...]
    probe_cache: tuple[str, ...]
    rewriting: UriRewriting
    selection: Selection = Selection()


def check(options: ValidateOptions) -> CheckedOptions:
    """Checks everything that can be checked before anything is written.

    Raises:
      UsageError: options, inputs or output cannot be used.
    """
    limits, policy = rules_of(options)
    selection = selection_of(options)
    _check_comparison(options)
    folder = open_folder(options.output)
    train = match_inputs("train", options.train)
    validation = match_inputs("validation", options.validation)
    check_splits(train, validation)
    refuse_output_in_input(folder, (*options.train, *options.validation), (*train, *validation))
    return CheckedOptions(limits, policy, (*train, *validation), _probe_cache(options), _rewriting(options), selection)


def _check_comparison(options: ValidateOptions) -> None:
    """Raises OptionError when what was found by comparing examples shall be dropped, and nothing can be found."""
    wanted = "--drop_duplicates" if options.drop_duplicates else "--drop_leaks" if options.drop_leaks else None
    if wanted and options.skip_comparison:
        raise OptionError(
            "duplicates and leaks cannot be dropped when examples are not compared",
            where=wanted,
            observed="--skip_comparison",
            remedy="Leave --skip_comparison out.",
        )
    if options.drop_leaks and not options.validation:
        raise OptionError(
            "there is only one split, so there can be no leak",
            where="--drop_leaks",
            remedy="Give --validation too, or leave --drop_leaks out.",
        )


def make_job(
    options: ValidateOptions, beam_options: PipelineOptions, checked: CheckedOptions, target: RunTarget
) -> ValidateJob:
    """All that the graph depends on."""
    return ValidateJob(
        target=target,
        policy=checked.policy,
        probing=ProbeOptions(
            allow_local_media=options.allow_local_media,
            allow_private_addresses=options.allow_private_addresses,
            billing_project=options.billing_project,
            trust_cache=options.trust_cache,
            threads=options.probe_threads,
        ),
        probe_cache=checked.probe_cache,
        rewriting=checked.rewriting,
        max_expansion=options.max_expansion,
        selection=checked.selection,
        compares_examples=not options.skip_comparison,
        settings=RunSettings(
            version=__version__,
            model=checked.policy.model,
            options={name: value for name, value in msgspec.to_builtins(options).items() if name != "given"},
            options_given=options.given,
            inputs=checked.inputs,
            splits=("train", "validation") if options.validation or options.validation_split else ("train",),
            output=target.folder,
            fail_on=FailOn(options.fail_on),
            epochs=options.epochs,
            limits=checked.limits,
            resolution_scope=checked.policy.resolution_scope,
            tolerated=options.tolerate,
            set_resolution=checked.policy.set_resolution,
            selection=checked.selection,
            price_per_million_tokens=options.price_per_million_tokens,
        ),
        start=RunStart(
            datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            str(beam_options.view_as(StandardOptions).runner),
        ),
        # There no launcher may be left to read the manifest.
        raise_when_closed=is_on_dataflow(beam_options),
    )


def _rewriting(options: ValidateOptions) -> UriRewriting:
    rewriting = UriRewriting.of(options.rewrite_uri)
    if rewriting.reads_local and not options.allow_local_media:
        raise OptionError(
            "the URIs of local media are rewritten, but local media may not be read",
            where="--rewrite_uri",
            observed=options.rewrite_uri[0],
            remedy="Add --allow_local_media.",
        )
    return rewriting


def _probe_cache(options: ValidateOptions) -> tuple[str, ...]:
    """The files of the media table of an earlier run."""
    if options.probe_cache is None:
        if options.trust_cache:
            raise OptionError(
                "there is no probe cache to trust", where="--trust_cache", remedy="Give --probe_cache too."
            )
        return ()
    cache = RunFolder(options.probe_cache, "--probe_cache")
    if same_folder(options.probe_cache, options.output):
        raise OptionError(
            "the probe cache is the output folder, whose files this run replaces",
            where="--probe_cache",
            observed=cache.name,
            remedy="Write this run's output to another folder.",
        )
    cache.check_columns(FileRole.MEDIA, media_table.SCHEMA.names)
    return tuple(cache.path_of(name) for name in cache.tables(FileRole.MEDIA))
