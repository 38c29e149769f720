"""Whether a dataset is ready to tune: two answers, kept apart.

*As given*: what the service would do with the dataset as it stands. *Cleaned*: what it would do with the kept examples.
Each answer is ready, not ready, or uncertain where something was not found out or where the documents leave the outcome
open; only ready opens the gate.

The service drops examples and fails the job when more than 10 % of the dataset are dropped
(https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video). The page does not say whether the
splits are counted separately, and one of its translations says "10 % or more". The cautious reading: each split is held
against the limit on its own, and exactly 10 % is uncertain. Undecided examples make the share an interval: at the low
end they count as kept, at the high end as dropped. A split without examples has no share, neither 0 nor 1; it is
DATASET_EMPTY.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence

import msgspec

from beam_tuning.policy import dataset_checks
from beam_tuning.policy.answers import TRAIN as TRAIN
from beam_tuning.policy.answers import VALIDATION as VALIDATION
from beam_tuning.policy.answers import Answer as Answer
from beam_tuning.policy.answers import DatasetFinding as DatasetFinding
from beam_tuning.policy.answers import DropShare as DropShare
from beam_tuning.policy.answers import FailOn as FailOn
from beam_tuning.policy.answers import Gate as Gate
from beam_tuning.policy.answers import Readiness as Readiness
from beam_tuning.policy.answers import State as State
from beam_tuning.policy.answers import drop_share as drop_share
from beam_tuning.policy.answers import percent as percent
from beam_tuning.policy.choices import ResolutionScope
from beam_tuning.policy.dataset_checks import resolution_counts as resolution_counts
from beam_tuning.policy.limits import DatasetLimits as DatasetLimits
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.reasons import Outcome, Reason, Verdict
from beam_tuning.summary.summary import SplitSummary, Summary

_ALL, _KEPT = tuple(Verdict), (Verdict.KEPT,)


def readiness(
    summary: Summary,
    model: ModelLimits,
    *,
    day: datetime.date,
    resolution_scope: ResolutionScope,
    splits: Iterable[str] = (TRAIN,),
    file_faults: Sequence[DatasetFinding] = (),
    local_media: int = 0,
    tolerated: Collection[Reason] = (),
    set_resolution: str | None = None,
    makes_validation: bool = False,
) -> Readiness:
    """Both answers.

    Args:
      model: what the model to tune accepts.
      day: of the run, for what has an end.
      resolution_scope: which examples must agree on the media resolution.
      splits: those for which files were named, whether anything was read from them or not.
      file_faults: dataset files that could not be read to their end; `file_fault` makes one.
      local_media: distinct media objects that lie on this machine.
      tolerated: reasons that make no answer uncertain, because a person takes the risk. They are told as advice.
      set_resolution: the media resolution that was written into every kept example, if one was.
      makes_validation: whether the validation examples stood in the training set as it was given.
    """
    limits = model.dataset_limits()
    named = {name: summary.splits.get(name, SplitSummary()) for name in sorted({*splits, *summary.splits})}
    given = {TRAIN: _together(named.values())} if makes_validation else named
    shares = {
        name: drop_share(split.read, split.given(Verdict.DROPPED), split.given(Verdict.UNDECIDED), limits)
        for name, split in {**named, **given}.items()
    }
    of_model = tuple(dataset_checks.model_life(model, day))
    as_given = [
        *file_faults,
        *of_model,
        *dataset_checks.empty(given, kept_only=False),
        *dataset_checks.drop_shares({name: shares[name] for name in given}, limits),
        *dataset_checks.resolutions(given, _ALL, resolution_scope),
        *dataset_checks.local_files(given, (Verdict.KEPT, Verdict.UNDECIDED, Verdict.SAMPLED_OUT), local_media),
        *dataset_checks.sizes(given, limits, _ALL),
        *dataset_checks.refusing_examples(given),
        *dataset_checks.few_examples(given, limits, _ALL),
    ]
    cleaned = [
        *(msgspec.structs.replace(fault, certain=False) for fault in file_faults),
        *of_model,
        *dataset_checks.empty(named, kept_only=True),
        *dataset_checks.undecided(named, limits, tolerated),
        *(dataset_checks.resolutions(named, _KEPT, resolution_scope) if set_resolution is None else ()),
        *dataset_checks.local_files(named, _KEPT, local_media),
        *dataset_checks.sizes(named, limits, _KEPT),
        *dataset_checks.few_examples(named, limits, _KEPT),
    ]
    return Readiness(_answer(as_given, tolerated), _answer(cleaned, tolerated), shares)


def _together(splits: Iterable[SplitSummary]) -> SplitSummary:
    """Several splits as one."""
    together = SplitSummary()
    for split in splits:
        together.merge(split)
    return together


def file_fault(reason: Reason, split: str, message: str) -> DatasetFinding:
    """A dataset file that could not be read to its end."""
    return DatasetFinding(reason, reason.outcome is Outcome.REJECTS_JOB, message, split)


def _answer(found: Iterable[DatasetFinding], tolerated: Collection[Reason]) -> Answer:
    findings: list[DatasetFinding] = []
    advice: list[DatasetFinding] = []
    for finding in found:
        reason = finding.reason
        decides_nothing = reason.outcome is Outcome.ADVICE or (reason in tolerated and not finding.certain)
        (advice if decides_nothing else findings).append(finding)
    return Answer(tuple(findings), tuple(advice))
