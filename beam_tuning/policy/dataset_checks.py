"""What is looked at over all examples: each check yields findings on the dataset as a whole."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.policy.answers import TRAIN, VALIDATION, DatasetFinding, DropShare, State, percent
from beam_tuning.policy.choices import ResolutionScope
from beam_tuning.policy.limits import DatasetLimits, ModelLimits
from beam_tuning.reasons import Outcome, Reason, Verdict
from beam_tuning.summary.distributions import BoundedCounts
from beam_tuning.summary.summary import SplitSummary

_Splits = Mapping[str, SplitSummary]


def model_life(model: ModelLimits, day: datetime.date) -> Iterator[DatasetFinding]:
    """The model to tune is there on that day, as far as it is published."""
    instead = f" Use {model.instead} instead." if model.instead else ""
    removed_on, retires_on = model.removal.value, model.retirement.value
    if removed_on is not None and removed_on <= day:
        message = f"{model.name} was removed from tuning on {removed_on}.{instead}"
        yield DatasetFinding(Reason.MODEL_REMOVED, True, message, None, str(day), str(removed_on))
    elif retires_on is not None and retires_on <= day:
        message = (
            f"The published retirement date of {model.name} is {retires_on}. Dates may be extended, and sources "
            f"disagree on whether the model can still be tuned.{instead}"
        )
        yield DatasetFinding(Reason.MODEL_PAST_RETIREMENT, False, message, None, str(day), str(retires_on))


def local_files(splits: _Splits, verdicts: Sequence[Verdict], local_media: int) -> Iterator[DatasetFinding]:
    """No example names files of this machine. Dropped ones need not be counted: the drop share tells of them.

    Args:
      local_media: distinct media objects on this machine, of all examples.
    """
    examples = sum(split.by_verdict[verdict].with_local for split in splits.values() for verdict in verdicts)
    if examples:
        kept = "kept " if Verdict.UNDECIDED not in verdicts else ""
        files = f"such file{'' if local_media == 1 else 's'}"
        message = (
            f"{examples:,} {kept}example{'s refer' if examples > 1 else ' refers'} to files on this machine, which "
            f"the tuning service cannot read. The dataset has {local_media:,} {files} to upload."
        )
        yield DatasetFinding(Reason.MEDIA_IS_LOCAL, False, message, None, examples, 0)


def few_examples(splits: _Splits, limits: DatasetLimits, verdicts: Sequence[Verdict]) -> Iterator[DatasetFinding]:
    """There are as many training examples as the documents recommend to start with."""
    if TRAIN in splits:
        examples = sum(splits[TRAIN].by_verdict[verdict].examples for verdict in verdicts)
        if 0 < examples < limits.few_examples:
            message = (
                f"There {'are' if examples > 1 else 'is'} {examples:,} training example{'s' if examples > 1 else ''}; "
                f"the documents recommend to start with {limits.few_examples:,}."
            )
            yield DatasetFinding(Reason.TRAINING_FEW_EXAMPLES, False, message, TRAIN, examples, limits.few_examples)


def drop_shares(shares: Mapping[str, DropShare], limits: DatasetLimits) -> Iterator[DatasetFinding]:
    """No split has more dropped examples than the service tolerates."""
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


def empty(splits: _Splits, *, kept_only: bool) -> Iterator[DatasetFinding]:
    """Every split has an example."""
    for name, split in splits.items():
        if not split.read:
            yield DatasetFinding(Reason.DATASET_EMPTY, True, f"The {name} files hold no example.", name, 0, 1)
        elif kept_only and not split.kept:
            message = f"None of the {split.read:,} {name} examples is kept."
            yield DatasetFinding(Reason.DATASET_EMPTY, not split.undecided, message, name, 0, 1)


def refusing_examples(splits: _Splits) -> Iterator[DatasetFinding]:
    """No example has a reason for which the service refuses the whole dataset, or may, be it one line."""
    found: list[tuple[int, DatasetFinding]] = []
    for code in {code for split in splits.values() for code in (*split.reasons, *split.mended)}:
        reason = Reason[code]
        # The values over all lines are compared by `resolutions`.
        certain = reason.outcome is Outcome.REJECTS_JOB
        if not (certain or reason.may_refuse_job) or reason is Reason.MEDIA_RESOLUTION_INCONSISTENT:
            continue
        counts = {name: count for name, split in splits.items() if (count := _as_given(split, code))}
        lines = " and ".join(f"{examples:,} {name}" for name, examples in counts.items())
        total = sum(counts.values())
        have, makes = "s have" if total > 1 else " has", "makes" if certain else "may make"
        message = f"{lines} line{have} this fault; one such line {makes} the service reject the whole dataset."
        split_name = next(iter(counts)) if len(counts) == 1 else None
        found.append((-total, DatasetFinding(reason, certain, message, split_name, total, 0)))
    for _, finding in sorted(found, key=lambda one: (one[0], one[1].reason.code)):  # the most frequent first
        yield finding


def _as_given(split: SplitSummary, code: str) -> int:
    """Examples that have a reason as they were read."""
    found = split.reasons.get(code)
    return (0 if found is None else found.examples) + split.mended.get(code, 0)


def undecided(splits: _Splits, limits: DatasetLimits, tolerated: Collection[Reason]) -> Iterator[DatasetFinding]:
    """Few examples are undecided. The cleaned files leave them out; of many, a second run may keep some."""
    for name, split in splits.items():
        if not split.undecided or 100 * split.undecided < limits.drop_percent * split.read:
            continue
        for code, counts in sorted(split.reasons.items()):
            reason = Reason[code]
            if reason.outcome is Outcome.UNDECIDED and reason not in tolerated:
                message = (
                    f"{split.undecided:,} of {split.read:,} {name} examples ({percent(split.undecided / split.read)}) "
                    f"are undecided and left out, {counts.examples:,} with this reason."
                )
                yield DatasetFinding(reason, False, message, name, counts.examples, 0)


def resolutions(splits: _Splits, verdicts: Sequence[Verdict], scope: ResolutionScope) -> Iterator[DatasetFinding]:
    """All lines in scope ask for one media resolution. A lack beside one value is mixing by the letter only."""
    values = resolution_counts(splits.values(), verdicts, scope).most_common()
    if len(values) < 2:
        return
    explicit = [value for value, _ in values if value != ABSENT]
    seen = ", ".join(
        f"{'none' if value == ABSENT else value.removeprefix('MEDIA_RESOLUTION_')} on {examples:,}"
        for value, examples in values[:8]
    )
    lines = "lines" if scope is ResolutionScope.ALL else "lines with visual media"
    if len(explicit) > 1:
        message = f"The {lines} ask for different media resolutions ({seen}); one value on every line is required."
    else:
        message = (
            f"Some {lines} ask for a media resolution and some do not ({seen}); the documents want one value on all."
        )
    yield DatasetFinding(Reason.MEDIA_RESOLUTION_MIXED, len(explicit) > 1, message, None, len(values), 1)


def resolution_counts(
    splits: Iterable[SplitSummary], verdicts: Sequence[Verdict], scope: ResolutionScope
) -> BoundedCounts:
    """Examples by media resolution over several splits, for some verdicts."""
    counts = BoundedCounts()
    for split in splits:
        for verdict in verdicts:
            counts.merge(split.by_verdict[verdict].picture_resolutions)
            if scope is ResolutionScope.ALL:
                counts.merge(split.by_verdict[verdict].other_resolutions)
    return counts


def sizes(splits: _Splits, limits: DatasetLimits, verdicts: Sequence[Verdict]) -> Iterator[DatasetFinding]:
    """The files of both splits are no larger than allowed, in bytes and in examples."""
    examples = {name: sum(split.by_verdict[verdict].examples for verdict in verdicts) for name, split in splits.items()}
    if TRAIN in splits:
        of_train = [splits[TRAIN].by_verdict[verdict] for verdict in verdicts]
        size_bytes = examples[TRAIN] + sum(counts.size_bytes.total for counts in of_train)  # a newline for each line
        if Verdict.DROPPED not in verdicts:  # as they are written
            size_bytes += sum(counts.added_bytes for counts in of_train)
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
