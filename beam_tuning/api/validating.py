"""`beam_tuning.validate`: checks a dataset, writes clean shards and a report."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict, Unpack

from rich.console import Console

from beam_tuning.api.run import Run
from beam_tuning.api.signing_in import sign_in
from beam_tuning.command_line import option_values
from beam_tuning.commands import load
from beam_tuning.commands.validate import options_of
from beam_tuning.errors import BeamTuningError, InputError, OptionError
from beam_tuning.pipelines.beam_arguments import look_at
from beam_tuning.pipelines.run import run_job
from beam_tuning.run_folder.names import REPORT_HTML


class ValidateKeywords(TypedDict, total=False):
    """What `beam_tuning.validate` takes beside dataset, model and output.

    Each means what the option of the same name of `beam-tuning validate` means; docs/commands.md says it. Two are the
    interface's own:

    Attributes:
      beam_options: words of a command line for Apache Beam, e.g. `["--runner=DataflowRunner", "--region=us-central1"]`.
      progress: whether standard error tells how far the run is; the default is True.
    """

    validation: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
    overwrite: bool
    max_expansion: int
    media_resolution: str
    set_media_resolution: str
    drop_duplicates: bool
    drop_leaks: str
    skip_comparison: bool
    max_examples: str | int
    seed: int
    stratify_by: str
    validation_split: float
    length_basis: str
    resolution_scope: str
    tolerate: str | Iterable[str]
    limits: str | os.PathLike[str]
    fail_on: str
    allow_local_media: bool
    allow_private_addresses: bool
    billing_project: str
    probe_cache: str | os.PathLike[str]
    trust_cache: bool
    probe_threads: int
    rewrite_uri: str | Iterable[str]
    price_per_million_tokens: float
    epochs: int
    sarif: bool
    workers: int | str
    beam_options: Sequence[str]
    progress: bool


def validate(
    *,
    train: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    model: str,
    output: str | os.PathLike[str],
    **options: Unpack[ValidateKeywords],
) -> Run:
    """Checks a dataset as `beam-tuning validate` does, and gives the finished run.

    A dataset that is not ready is no error: look at `Run.is_ready`. The folder can be opened again with
    `beam_tuning.open_run`.

    Args:
      train: training examples: a path, a gs:// URI or a pattern, as on the command line; or several of them. In a list
        a comma is part of a name; in a single text it separates patterns.
      model: to tune, e.g. `gemini-3.5-flash`.
      output: folder for clean shards, report and tables; a local path or gs:// URI.
      options: see `beam_tuning.ValidateKeywords`.

    Raises:
      UsageError: options, input or output cannot be used, or a dataset file could not be read to its end.
      BeamTuningError: the run failed, or goes on elsewhere, so there is no report yet.
      TypeError: there is no such option.
    """
    given: dict[str, Any] = {**options, "train": train, "model": model, "output": output}
    words = given.pop("beam_options", ())
    progress = given.pop("progress", True)
    checked = options_of(option_values(load("validate"), given, "validate()"))
    beam_arguments = _beam_arguments(words)
    paths = (*checked.train, *checked.validation, checked.output, checked.probe_cache or "")
    sign_in((*paths, *(word.rpartition("=")[2] for word in beam_arguments)), uses_beam=True)
    console = Console(stderr=True, soft_wrap=True, force_jupyter=False, quiet=not progress)
    ended = run_job(checked, beam_arguments, console)
    if ended.document is None:
        raise BeamTuningError(
            "the run was not followed to its end, so there is no report yet",
            where=checked.output,
            remedy="Wait until the job has ended; then beam_tuning.open_run reads its folder.",
        )
    if ended.exit_code == InputError.exit_code:
        report = f"{checked.output.rstrip('/')}/{REPORT_HTML}"
        raise InputError(
            "the run is not whole: a dataset file could not be read to its end",
            where=checked.output,
            observed=ended.document.readiness.gate.why,
            remedy=f"Correct the file and run again. {report} tells of what could be read.",
        )
    return Run(checked.output)


def _beam_arguments(words: Sequence[str]) -> list[str]:
    if isinstance(words, str):
        remedy = 'Give them as a list, e.g. ["--runner=DataflowRunner"].'
        raise OptionError(
            "this is one string, not a list of words", where="beam_options", observed=words, remedy=remedy
        )
    found = look_at(list(words), ())
    if found.unknown:
        raise OptionError(
            "Apache Beam has no such option",
            where="beam_options",
            observed=found.unknown[0],
            remedy=found.remedy or "Give each as --name=value; options of this project are keywords of their own.",
        )
    return list(found.known)
