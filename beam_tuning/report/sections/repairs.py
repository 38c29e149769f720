"""What a repair did: how many examples came back, by what, what stays lost and why, samples before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Meta

from beam_tuning.reasons import Reason
from beam_tuning.report.sections.reasons import SampledMedia, sampled_media
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Part, Positive
from beam_tuning.summary.repair_counts import RepairCounts, RepairSample

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class RepairedSplit(Part, frozen=True, kw_only=True):
    """What became of the examples of one split: `read` of the split is kept_before + became + stayed."""

    kept_before: Annotated[Count, Meta(description="That the repaired run kept.")]
    came_back: Annotated[Count, Meta(description="That it did not keep, and that are kept now.")]
    became: Annotated[Count, Meta(description="Examples that those are now: more where media were taken apart.")]
    stayed: Annotated[Count, Meta(description="That are not kept now either.")]


class MovedTime(Part, frozen=True, kw_only=True):
    """A time of a text, on the time lines of the old file and of the new one."""

    before: str
    after: str


class RepairedSample(Part, frozen=True, kw_only=True):
    """One example that came back; null where nothing stood or stands there."""

    split: str
    file: str
    line: Positive
    offset_bytes: Count
    path: str
    message: str
    before: str | None
    after: str | None
    media_before: Annotated[SampledMedia | None, Meta(description="The part of the old file that the new one holds.")]
    media_after: SampledMedia | None
    times: Annotated[list[MovedTime], Meta(description="The first six that moved.")]


class EditRow(Part, frozen=True, kw_only=True):
    """One kind of repair."""

    code: str
    title: str
    examples: Annotated[Positive, Meta(description="New examples that it had a part in.")]
    samples: Annotated[
        list[RepairedSample],
        Meta(description="At most 4 of each split, chosen by a checksum of their place: the same in every run."),
    ]


class LeftRow(Part, frozen=True, kw_only=True):
    """Why examples stay out."""

    code: str
    title: str
    examples: Annotated[Positive, Meta(description="An example may have several reasons.")]


_Row = TypeVar("_Row", EditRow, LeftRow)


class Repairs(Part, frozen=True, kw_only=True):
    """What a repair did."""

    repaired_from: Annotated[str, Meta(description="The run that was repaired.")]
    splits: dict[str, RepairedSplit]
    edits: Annotated[list[EditRow], Meta(description="The most examples first.")]
    left: Annotated[list[LeftRow], Meta(description="The most examples first.")]


def _repairs(facts: RunFacts) -> Repairs | None:
    counts = {name: split.repairs for name, split in facts.splits.items() if split.repairs is not None}
    if not counts:
        return None
    return Repairs(
        repaired_from=str(facts.settings.options.get("repaired_from", "")),
        splits={
            name: RepairedSplit(
                kept_before=one.kept_before, came_back=one.came_back, became=one.became, stayed=one.stayed
            )
            for name, one in counts.items()
        },
        edits=_ordered(
            EditRow(
                code=code,
                title=Reason[code].title,
                examples=sum(one.edits[code].examples for one in counts.values() if code in one.edits),
                samples=[_sample(name, sample) for name, sample in _samples(counts, code)],
            )
            for code in {code for one in counts.values() for code in one.edits}
        ),
        left=_ordered(
            LeftRow(code=code, title=Reason[code].title, examples=sum(one.left.get(code, 0) for one in counts.values()))
            for code in {code for one in counts.values() for code in one.left}
        ),
    )


def _ordered(rows: Iterable[_Row]) -> list[_Row]:
    return sorted(rows, key=lambda row: (-row.examples, row.code))


def _samples(counts: Mapping[str, RepairCounts], code: str) -> Iterator[tuple[str, RepairSample]]:
    for name, one in counts.items():
        if code in one.edits:
            for sample in sorted(one.edits[code].samples, key=lambda sample: (sample.file, sample.offset_bytes)):
                yield name, sample


def _sample(split: str, sample: RepairSample) -> RepairedSample:
    media = sample.media_before, sample.media_after
    before, after = (None if one is None else sampled_media(one) for one in media)
    return RepairedSample(
        split=split,
        file=sample.file,
        line=sample.line,
        offset_bytes=sample.offset_bytes,
        path=sample.path,
        message=sample.message,
        before=sample.before,
        after=sample.after,
        media_before=before,
        media_after=after,
        times=[MovedTime(before=before, after=after) for before, after in sample.times],
    )


def _context(document: Document) -> Mapping[str, Any]:
    repairs = document.repairs
    if repairs is None:
        return {}
    names = ("kept_before", "came_back", "became", "stayed")
    return {"sums": {name: sum(getattr(one, name) for one in repairs.splits.values()) for name in names}}


SECTION: Section = Section(
    name="repairs",
    title="Repairs",
    fields=(
        Field(
            "repairs",
            _repairs,
            "what `repair` did: examples that came back, by what, what stays out and why, samples; null of other runs",
        ),
    ),
    template="repairs.html",
    context=_context,
    docs="""\
*Repairs* is there in the report of a run that `repair` made. An example whose media were taken apart is one for each
piece now, so that more may be read than the repaired run read: the table adds up. Samples show what stood there before
and what stands there now; of new media both are played, the old file from where the new one begins.
""",
)
