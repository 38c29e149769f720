"""How many examples of each split were read, kept, dropped and left undecided, and the drop share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beam_tuning.policy.readiness import DropShare as PolicyDropShare
from beam_tuning.reasons import Verdict
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, DropShare, Part, capped
from beam_tuning.summary.summary import SplitSummary, VerdictCounts


class SplitDropShare(DropShare, frozen=True, kw_only=True):
    """The drop share with the limit that it is held against."""

    limit: Annotated[float, Meta(ge=0)]


class ExamplesWith(Part, frozen=True, kw_only=True):
    """Examples that hold at least one such part; one with several kinds counts in each."""

    audio: Count
    video: Count
    image: Count
    document: Count
    text_only: Count


class Split(Part, frozen=True, kw_only=True):
    """The counts of one split."""

    read: Annotated[Count, Meta(description="kept + dropped + undecided + sampled_out; blank lines are no examples.")]
    kept: Count
    dropped: Count
    undecided: Count
    unwanted: Annotated[
        Count, Meta(description="Of `dropped`: for a wish of yours (--drop_duplicates, --drop_leaks) alone.")
    ]
    sampled_out: Annotated[Count, Meta(description="Left out of the sample that was asked for.")] = 0
    blank_lines: Count
    size_bytes: Annotated[Count, Meta(description="Of all lines as one file, each with a newline.")]
    kept_size_bytes: Count
    drop_share: SplitDropShare
    examples_with: ExamplesWith
    media_length_unknown: Annotated[Count, Meta(description="Audio and video parts of which the length is not known.")]

    def __post_init__(self) -> None:
        if self.read != self.kept + self.dropped + self.undecided + self.sampled_out:
            raise ValueError("read is not kept + dropped + undecided + sampled out")
        if (self.read == 0) != (self.drop_share.low is None) or (self.read == 0) != (self.drop_share.high is None):
            raise ValueError("a split has a drop share if it has examples, and only then")


def _splits(facts: RunFacts) -> dict[str, Split]:
    limit = facts.model.dataset_limits().drop_percent / 100
    return {name: _split(split, facts.readiness.drop_shares[name], limit) for name, split in facts.splits.items()}


def _split(split: SplitSummary, share: PolicyDropShare, limit: float) -> Split:
    everything = VerdictCounts()
    for verdict in Verdict:
        everything.merge(split.by_verdict[verdict])
    kept = split.by_verdict[Verdict.KEPT]
    return Split(
        read=split.read,
        kept=split.kept,
        dropped=split.dropped,
        undecided=split.undecided,
        unwanted=split.unwanted,
        sampled_out=split.sampled_out,
        blank_lines=split.blank_lines,
        # As one file: every line with a newline.
        size_bytes=capped(everything.size_bytes.total + everything.examples),
        kept_size_bytes=capped(kept.size_bytes.total + kept.added_bytes + kept.examples),
        drop_share=SplitDropShare(low=share.low, high=share.high, limit=limit, state=share.state),
        examples_with=ExamplesWith(
            audio=everything.with_audio,
            video=everything.with_video,
            image=everything.with_image,
            document=everything.with_document,
            text_only=everything.examples - everything.with_media,
        ),
        media_length_unknown=everything.length_unknown,
    )


SECTION = Section(
    name="splits",
    title="Splits",
    fields=(
        Field(
            "splits",
            _splits,
            "counts, bytes and drop share of each split; always `read = kept + dropped + undecided + sampled_out`",
        ),
    ),
    template="splits.html",
)
