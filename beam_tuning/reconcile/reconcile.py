"""`beam-tuning reconcile`: a job's statistics held against the run, line by line as far as they go."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.errors import InputError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.policy.readiness import TRAIN
from beam_tuning.reasons import Verdict
from beam_tuning.reconcile.dataset import Basis, JobDataset, dataset_of
from beam_tuning.reconcile.document import (
    NO_FINDING,
    VERSION,
    Difference,
    Examples,
    Line,
    MediaFacts,
    OurFinding,
    ReasonRow,
    Reconciliation,
    Tokens,
)
from beam_tuning.reconcile.given_lines import GivenLines
from beam_tuning.reconcile.token_counts import TokenColumns
from beam_tuning.run_folder.lookup import TuningLines
from beam_tuning.tuning.job import SUCCEEDED, DataStats, TuningJob

#: What a sample leaves out would have been kept.
_KEPT = (Verdict.KEPT.value, Verdict.SAMPLED_OUT.value)
#: Lines that the document lists of each kind; how many more there are it says.
MOST_LINES = 10_000
_MODEL_VERSION = re.compile(r"-[0-9]{3}$")
_COLUMNS = (
    "split",
    "file",
    "line",
    "offset_bytes",
    "verdict",
    "tokens_low",
    "tokens_high",
    "prompt_start",
    "findings",
    "media",
)
_SAMPLE_IS_PARTIAL = (
    "The service names {sampled:,} of the {dropped:,} examples that it dropped. Which the others are, it does not say."
)
_ONLY_KEPT = "The job read kept examples only, so it does not show whether the service would have taken dropped ones."
_BLANK_LINES = (
    "{count:,} indices lie behind blank lines. Whether the service counts blank lines is not documented, so it is not "
    "known which lines they mean."
)


def reconcile(run: FinishedRun, job: TuningJob) -> Reconciliation:
    """Holds the job against the run.

    Raises:
      InputError: the run is damaged, or the job was over another dataset.
    """
    dataset = dataset_of(run, job)
    lines: TuningLines | GivenLines = run.lines(TRAIN) if dataset.path is None else GivenLines(run, TRAIN, dataset.path)
    stats = job.stats or DataStats()
    reasons = _reasons(stats)
    _refuse_outside(run, reasons, lines.total)
    dropped = [_line(number, row, reasons.get(number)) for number, row in lines.rows(reasons, _COLUMNS)]
    total_dropped = stats.total_truncated_example_count
    complete = total_dropped is not None and len(reasons) >= total_dropped and len(dropped) == len(reasons)
    kept_by_service = _kept_by_service(lines, set(reasons)) if dataset.basis is Basis.AS_GIVEN and complete else None
    columns = TokenColumns(_kept_columns(lines))
    tokens = _tokens(run, columns, stats, dataset)
    kept_by_us = [line for line in dropped if line.verdict in _KEPT]
    both = [line for line in dropped if line.verdict not in _KEPT]
    cannot_show = list(_cannot_show(stats, dataset, reasons, len(dropped)))
    hyper_parameters = job.supervised_tuning_spec.hyper_parameters if job.supervised_tuning_spec is not None else None
    examples = Examples(lines.total, stats.tuning_dataset_example_count, total_dropped, len(reasons))
    return Reconciliation(
        version=VERSION,
        job=job.name,
        state=job.state,
        error=job.error,
        model=job.base_model,
        epochs=hyper_parameters.epoch_count if hyper_parameters is not None else None,
        dataset=dataset,
        examples=examples,
        kept_by_us=tuple(kept_by_us[:MOST_LINES]),
        dropped_by_both=tuple(both[:MOST_LINES]),
        kept_by_service=None if kept_by_service is None else tuple(kept_by_service[:MOST_LINES]),
        reasons=tuple(_reason_rows(dropped)),
        tokens=tokens,
        estimate=columns.estimate(),
        input_tokens=stats.user_input_token_distribution,
        output_tokens=stats.user_output_token_distribution,
        messages=stats.user_message_per_example_distribution,
        cannot_show=tuple(cannot_show),
        differences=tuple(_differences(run, job, examples, dataset, kept_by_us, kept_by_service, tokens)),
    )


def _reasons(stats: DataStats) -> dict[int, str | None]:
    """The service's reason for each index that it names."""
    indices = stats.truncated_example_indices or ()
    words: Sequence[str | None] = stats.dropped_example_reasons or ()
    return {index: words[place] if place < len(words) else None for place, index in enumerate(indices)}


def _refuse_outside(run: FinishedRun, indices: Iterable[int], total: int) -> None:
    outside = [index for index in indices if not 1 <= index <= total]
    if outside:
        raise InputError(
            "the job names a line that this run's dataset does not have",
            where=run.name,
            observed=f"index {outside[0]:,}" + (f" and {len(outside) - 1:,} more" if len(outside) > 1 else ""),
            limit=f"1 to {total:,}",
            remedy="Name the run that the job's dataset came from.",
        )


def _line(index: int, row: dict[str, Any], reason: str | None) -> Line:
    return Line(
        index=index,
        split=row["split"],
        file=row["file"],
        line=row["line"],
        offset_bytes=row["offset_bytes"],
        verdict=Verdict(row["verdict"]),
        reason=reason,
        findings=tuple(OurFinding(one["code"], one["message"]) for one in row["findings"]),
        tokens_low=row["tokens_low"],
        tokens_high=row["tokens_high"],
        prompt_start=row["prompt_start"],
        media=tuple(MediaFacts(one["uri"], one["kind"], one["duration_s"], one["size_bytes"]) for one in row["media"]),
    )


def _kept_by_service(lines: TuningLines | GivenLines, dropped: set[int]) -> list[Line]:
    """Lines that the run dropped, and that are not among all those that the service dropped."""
    numbers, before = [], 0
    for table in lines.batches(["verdict"]):
        for place, verdict in enumerate(table["verdict"].to_pylist(), before + 1):
            if verdict == Verdict.DROPPED and place not in dropped:
                numbers.append(place)
        before += table.num_rows
    return [_line(number, row, None) for number, row in lines.rows(numbers, _COLUMNS)]


def _kept_columns(lines: TuningLines | GivenLines) -> Iterable[pa.Table]:
    for table in lines.batches(["verdict", "tokens_low", "tokens_high"]):
        yield table.filter(pc.is_in(table["verdict"], pa.array(_KEPT, pa.string())))


def _tokens(run: FinishedRun, columns: TokenColumns, stats: DataStats, dataset: JobDataset) -> Tokens:
    foretold = columns.foretold(stats.total_truncated_example_count or 0)
    validation = run.report.tokens.splits.get("validation")
    more = 0
    if validation is not None and dataset.basis is Basis.CLEANED:
        more = validation.high
    high = None if foretold.high is None else foretold.high + more
    service = stats.total_billable_token_count
    agrees = None
    if service is not None:
        agrees = service >= foretold.low if high is None else foretold.low <= service <= high
        if high is None and agrees:
            agrees = None  # the upper end is not known
    return Tokens(service, foretold, high, agrees)


def _reason_rows(dropped: Iterable[Line]) -> Iterable[ReasonRow]:
    groups: dict[str, list[Line]] = {}
    for line in dropped:
        groups.setdefault(line.reason or "", []).append(line)
    for reason, lines in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        ours: collections.Counter[str] = collections.Counter()
        for line in lines:
            ours.update({finding.code for finding in line.findings} or {NO_FINDING})
        yield ReasonRow(reason, len(lines), dict(sorted(ours.items())))


def _cannot_show(stats: DataStats, dataset: JobDataset, reasons: dict[int, str | None], found: int) -> Iterable[str]:
    if not dataset.proven:
        yield dataset.message
    if dataset.basis is Basis.CLEANED:
        yield _ONLY_KEPT
    dropped = stats.total_truncated_example_count or 0
    if dropped > len(reasons):
        yield _SAMPLE_IS_PARTIAL.format(sampled=len(reasons), dropped=dropped)
    if found < len(reasons):
        yield _BLANK_LINES.format(count=len(reasons) - found)
    if any(reason is None for reason in reasons.values()):
        yield "The service gives no reason for some of the examples that it names."


def _differences(
    run: FinishedRun,
    job: TuningJob,
    examples: Examples,
    dataset: JobDataset,
    kept_by_us: list[Line],
    kept_by_service: list[Line] | None,
    tokens: Tokens,
) -> Iterable[Difference]:
    if job.state != SUCCEEDED:
        words = (job.state or "unknown").removeprefix("JOB_STATE_").replace("_", " ").lower()
        said = f" The service says: {job.error.message}" if job.error is not None and job.error.message else ""
        yield Difference("state", f"The job has not succeeded; its state is: {words}.{said}")
    if job.base_model is not None and plain_model(job.base_model) != plain_model(run.report.model):
        yield Difference("model", f"The job tuned {job.base_model}; the run judged for {run.report.model}.")
    if job.stats is None:
        yield Difference("stats", "The job has no statistics of its dataset (yet), so nothing can be compared.")
        return
    counted, dropped = examples.service, examples.dropped or 0
    # Whether the service counts examples before or after it drops some is not documented.
    if counted is not None and counted not in (examples.ours, examples.ours - dropped):
        yield Difference("examples", f"The service counted {counted:,} examples; the file has {examples.ours:,}.")
    if dataset.basis is Basis.CLEANED and dropped:
        yield Difference("dropped", f"The service dropped {dropped:,} of {examples.ours:,} examples that the run kept.")
    elif kept_by_us:
        yield Difference("dropped", f"The service dropped {len(kept_by_us):,} examples that the run kept.")
    if kept_by_service:
        message = f"The service accepted {len(kept_by_service):,} examples that the run dropped."
        yield Difference("kept", message)
    if tokens.agrees is False:
        high = tokens.high_with_validation
        upper = "" if high is None else f" to {high:,}"
        message = (
            f"The service bills {tokens.service:,} tokens an epoch; {tokens.foretold.low:,}{upper} were predicted."
        )
        yield Difference("tokens", message)


def plain_model(model: str) -> str:
    """A model's name as the limits have it: `publishers/google/models/NAME-001` is `NAME`."""
    return _MODEL_VERSION.sub("", model.rpartition("/")[2])
