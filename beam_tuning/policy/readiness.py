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

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from beam_tuning.policy.choices import FailOn as FailOn
from beam_tuning.reasons import Outcome, Reason, Scope, Verdict
from beam_tuning.summary.distributions import BoundedCounts
from beam_tuning.summary.summary import ABSENT, SplitSummary, Summary

TRAIN, VALIDATION = "train", "validation"


class DatasetLimits(msgspec.Struct, frozen=True):
    """Limits on whole files; the defaults are those of all models in
    https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning#limitations

    Attributes:
      drop_percent: at or below which dropped examples are tolerated.
      training_file_bytes: "1GB", read as 10**9.
      multimodal_examples: for a training file in which any example has media; the page does not say what makes a
        dataset multimodal.
      validation_percent: of the training examples, for a validation file of more than `validation_percent_from`
        examples. The page says "5000 examples or 30%"; both are held.
    """

    drop_percent: int = 10
    training_file_bytes: int = 1_000_000_000
    text_examples: int = 10_000_000
    multimodal_examples: int = 300_000
    validation_examples: int = 5_000
    validation_percent: int = 30
    validation_percent_from: int = 1_000


class State(enum.StrEnum):
    """An answer."""

    READY = "ready"
    NOT_READY = "not-ready"
    UNCERTAIN = "uncertain"


class DatasetFinding(msgspec.Struct, frozen=True):
    """Why an answer is not "ready".

    Attributes:
      certain: whether this makes the dataset not ready; else it makes the answer uncertain.
      message: what was seen, as a sentence.
      observed, limit: in the unit that the message names.
    """

    reason: Reason
    certain: bool
    message: str
    split: str | None = None
    observed: str | int | float | None = None
    limit: str | int | float | None = None


class Answer(msgspec.Struct, frozen=True):
    """One of the two answers with all that speaks against "ready"."""

    findings: tuple[DatasetFinding, ...]

    @property
    def state(self) -> State:
        if any(finding.certain for finding in self.findings):
            return State.NOT_READY
        return State.UNCERTAIN if self.findings else State.READY


class DropShare(msgspec.Struct, frozen=True):
    """Share of a split's examples that the service would drop: in [dropped, dropped + undecided] / read.

    Attributes:
      state: READY below the limit for certain, NOT_READY above it for certain, else UNCERTAIN; None without examples.
    """

    read: int
    dropped: int
    undecided: int
    state: State | None

    @property
    def low(self) -> float | None:
        return self.dropped / self.read if self.read else None

    @property
    def high(self) -> float | None:
        return (self.dropped + self.undecided) / self.read if self.read else None


class Gate(msgspec.Struct, frozen=True):
    """Exit code of a run: 0 when the gate is open, 3 when it is closed, 2 when input could not be used."""

    is_open: bool
    why: str
    exit_code: int


class Readiness(msgspec.Struct, frozen=True):
    """Both answers and the drop share of each split that was named or read."""

    as_given: Answer
    cleaned: Answer
    drop_shares: Mapping[str, DropShare]

    def gate(self, fail_on: FailOn) -> Gate:
        """As given: both answers must be ready; cleaned: that one must; never: the gate stays open.

        A dataset file that could not be read to its end closes it in any case: the run is not whole.
        """
        if any(finding.reason.scope is Scope.FILE for finding in self.as_given.findings):
            return Gate(False, "A dataset file could not be read to its end.", 2)
        if fail_on is FailOn.NEVER:
            return Gate(True, "The gate is turned off.", 0)
        if fail_on is FailOn.AS_GIVEN and self.as_given.state is not State.READY:
            return Gate(False, f"As given, the dataset is {_WORDS[self.as_given.state]}.", 3)
        if self.cleaned.state is not State.READY:
            return Gate(False, f"The cleaned dataset is {_WORDS[self.cleaned.state]}.", 3)
        which = "As given and cleaned" if fail_on is FailOn.AS_GIVEN else "Cleaned"
        return Gate(True, f"{which}, the dataset is ready to tune.", 0)


_WORDS = {State.NOT_READY: "not ready to tune", State.UNCERTAIN: "perhaps not ready to tune"}


def readiness(
    summary: Summary,
    limits: DatasetLimits,
    *,
    splits: Iterable[str] = (TRAIN,),
    resolution_scope: str = "all",
    file_faults: Sequence[DatasetFinding] = (),
) -> Readiness:
    """Both answers.

    Args:
      resolution_scope: whether the media resolution of `all` examples must be the same, as the page literally says, or
        of those with `visual` media only, which are the ones that it changes.
      splits: those for which files were named, whether anything was read from them or not.
      file_faults: dataset files that could not be read to their end; `file_fault` makes one.
    """
    named = {name: summary.splits.get(name, SplitSummary()) for name in sorted({*splits, *summary.splits})}
    shares = {name: drop_share(split.read, split.dropped, split.undecided, limits) for name, split in named.items()}
    as_given = [
        *file_faults,
        *_empty(named, kept_only=False),
        *_drop_shares(shares, limits),
        *_resolutions(named, tuple(Verdict), resolution_scope),
        *_sizes(named, limits, tuple(Verdict)),
        *_refusing_examples(named),
    ]
    cleaned = [
        *(msgspec.structs.replace(fault, certain=False) for fault in file_faults),
        *_empty(named, kept_only=True),
        *_undecided(named, limits),
        *_resolutions(named, (Verdict.KEPT,), resolution_scope),
        *_sizes(named, limits, (Verdict.KEPT,)),
    ]
    return Readiness(Answer(tuple(as_given)), Answer(tuple(cleaned)), shares)


def file_fault(reason: Reason, split: str, message: str) -> DatasetFinding:
    """A dataset file that could not be read to its end."""
    return DatasetFinding(reason, reason.outcome is Outcome.REJECTS_JOB, message, split)


def drop_share(read: int, dropped: int, undecided: int, limits: DatasetLimits) -> DropShare:
    """The share of so many examples, held against the limit without rounding."""
    low, high = dropped, dropped + undecided
    if not read:
        state = None
    elif 100 * high < limits.drop_percent * read:
        state = State.READY
    elif 100 * low > limits.drop_percent * read:
        state = State.NOT_READY
    else:
        state = State.UNCERTAIN
    return DropShare(read, dropped, undecided, state)


def _drop_shares(shares: Mapping[str, DropShare], limits: DatasetLimits) -> Iterator[DatasetFinding]:
    for name, share in shares.items():
        if share.low is None or share.high is None or share.state is State.READY:
            continue
        limit = f"{limits.drop_percent} %"
        counts = f"{share.dropped:,} of {share.read:,} {name} examples ({percent(share.low)})"
        observed = percent(share.low)
        if share.state is State.NOT_READY:
            message = f"{counts} would be dropped; above {limit} the service fails the job."
        elif share.undecided:
            observed = f"{observed} to {percent(share.high)}"
            message = (
                f"{counts} would be dropped, and {share.undecided:,} more are undecided: up to "
                f"{percent(share.high)}. Above {limit} the service fails the job."
            )
        else:
            message = f"{counts} would be dropped: exactly the share at which the documents leave the outcome open."
        yield DatasetFinding(Reason.DROP_SHARE_TOO_HIGH, share.state is State.NOT_READY, message, name, observed, limit)


def _empty(splits: Mapping[str, SplitSummary], *, kept_only: bool) -> Iterator[DatasetFinding]:
    for name, split in splits.items():
        if not split.read:
            yield DatasetFinding(Reason.DATASET_EMPTY, True, f"The {name} files hold no example.", name, 0, 1)
        elif kept_only and not split.kept:
            message = f"None of the {split.read:,} {name} examples is kept."
            yield DatasetFinding(Reason.DATASET_EMPTY, not split.undecided, message, name, 0, 1)


def _refusing_examples(splits: Mapping[str, SplitSummary]) -> Iterator[DatasetFinding]:
    """Faults for which the service refuses the whole dataset, be it one line."""
    found: list[tuple[int, DatasetFinding]] = []
    for code in {code for split in splits.values() for code in split.reasons}:
        reason = Reason[code]
        # The values over all lines are compared by `_resolutions`.
        if reason.outcome is not Outcome.REJECTS_JOB or reason is Reason.MEDIA_RESOLUTION_INCONSISTENT:
            continue
        counts = {name: split.reasons[code].examples for name, split in splits.items() if code in split.reasons}
        lines = " and ".join(f"{examples:,} {name}" for name, examples in counts.items())
        total = sum(counts.values())
        message = (
            f"{lines} line{'s have' if total > 1 else ' has'} this fault; the service refuses the dataset for one."
        )
        split_name = next(iter(counts)) if len(counts) == 1 else None
        found.append((-total, DatasetFinding(reason, True, message, split_name, total, 0)))
    for _, finding in sorted(found, key=lambda one: (one[0], one[1].reason.code)):  # the most frequent first
        yield finding


def _undecided(splits: Mapping[str, SplitSummary], limits: DatasetLimits) -> Iterator[DatasetFinding]:
    """The cleaned files leave undecided examples out; so many are an outage, and a second run may keep them."""
    for name, split in splits.items():
        if not split.undecided or 100 * split.undecided < limits.drop_percent * split.read:
            continue
        for code, counts in sorted(split.reasons.items()):
            reason = Reason[code]
            if reason.outcome is Outcome.UNDECIDED:
                message = (
                    f"{split.undecided:,} of {split.read:,} {name} examples ({percent(split.undecided / split.read)}) "
                    f"are undecided and left out, {counts.examples:,} with this reason."
                )
                yield DatasetFinding(reason, False, message, name, counts.examples, 0)


def _resolutions(
    splits: Mapping[str, SplitSummary], verdicts: Sequence[Verdict], scope: str
) -> Iterator[DatasetFinding]:
    """The page asks for one value on all lines of both files. A lack beside one value is mixing by the letter only."""
    values = resolution_counts(splits.values(), verdicts, scope).most_common()
    if len(values) < 2:
        return
    explicit = [value for value, _ in values if value != ABSENT]
    seen = ", ".join(
        f"{value.removeprefix('MEDIA_RESOLUTION_') or 'none'} on {examples:,}" for value, examples in values[:8]
    )
    if len(explicit) > 1:
        message = f"The lines ask for different media resolutions ({seen}); one value on every line is required."
    else:
        message = (
            f"Some lines ask for a media resolution and some do not ({seen}); the documents want one value on all."
        )
    yield DatasetFinding(Reason.MEDIA_RESOLUTION_MIXED, len(explicit) > 1, message, None, len(values), 1)


def resolution_counts(splits: Iterable[SplitSummary], verdicts: Sequence[Verdict], scope: str) -> BoundedCounts:
    """Examples by media resolution over several splits, for some verdicts."""
    counts = BoundedCounts()
    for split in splits:
        for verdict in verdicts:
            counts.merge(split.by_verdict[verdict].picture_resolutions)
            if scope == "all":
                counts.merge(split.by_verdict[verdict].other_resolutions)
    return counts


def _sizes(
    splits: Mapping[str, SplitSummary], limits: DatasetLimits, verdicts: Sequence[Verdict]
) -> Iterator[DatasetFinding]:
    examples = {name: sum(split.by_verdict[verdict].examples for verdict in verdicts) for name, split in splits.items()}
    if TRAIN in splits:
        of_train = [splits[TRAIN].by_verdict[verdict] for verdict in verdicts]
        size_bytes = examples[TRAIN] + sum(counts.size_bytes.total for counts in of_train)  # a newline for each line
        if size_bytes > limits.training_file_bytes:
            message = (
                f"The train files have {size_bytes:,} bytes as one file; {limits.training_file_bytes:,} are allowed."
            )
            yield DatasetFinding(
                Reason.TRAINING_FILE_TOO_LARGE, True, message, TRAIN, size_bytes, limits.training_file_bytes
            )
        multimodal = any(counts.with_media for counts in of_train)
        limit = limits.multimodal_examples if multimodal else limits.text_examples
        if examples[TRAIN] > limit:
            kind = "a multimodal" if multimodal else "a text-only"
            message = f"There are {examples[TRAIN]:,} train examples; {kind} dataset may have {limit:,}."
            yield DatasetFinding(Reason.TRAINING_TOO_MANY_EXAMPLES, True, message, TRAIN, examples[TRAIN], limit)
    if VALIDATION in splits:
        count, share_limit = examples[VALIDATION], examples.get(TRAIN, 0) * limits.validation_percent // 100
        if count > limits.validation_examples:
            limit = limits.validation_examples
            message = f"There are {count:,} validation examples; {limit:,} are allowed."
            yield DatasetFinding(Reason.VALIDATION_TOO_MANY_EXAMPLES, True, message, VALIDATION, count, limit)
        elif count > limits.validation_percent_from and count > share_limit:
            message = (
                f"There are {count:,} validation examples; above {limits.validation_percent_from:,} at most "
                f"{limits.validation_percent} % of the number of train examples ({share_limit:,}) are allowed."
            )
            yield DatasetFinding(Reason.VALIDATION_TOO_MANY_EXAMPLES, True, message, VALIDATION, count, share_limit)


def percent(share: float) -> str:
    """For people, e.g. `12.5 %`; a share that is not quite 0, 10 or 100 % never reads as if it were."""
    for digits in range(1, 9):
        text = f"{100 * share:.{digits}f}"
        if float(text) not in (0.0, 10.0, 100.0) or float(text) == 100 * share:
            break
    return f"{text.rstrip('0').rstrip('.')} %"
