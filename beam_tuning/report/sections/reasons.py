"""Every reason that occurs, with its remedy, how many examples have it, and samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from beam_tuning.media.info import MediaKind
from beam_tuning.reasons import Outcome, Reason, Scope, Verdict
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Part, Positive, Scalar, Share, Whole
from beam_tuning.summary.samples import Sample, SampleMedia

if TYPE_CHECKING:
    from beam_tuning.report.document import Document

_OUTCOME_ORDER = {outcome: number for number, outcome in enumerate(Outcome)}


class SampledMedia(Part, frozen=True, kw_only=True):
    """A media part of a sample; nanoseconds, null where not given."""

    uri: str
    kind: MediaKind | None
    mime_type: str | None
    start_ns: Whole | None
    end_ns: Whole | None


class ReasonSample(Part, frozen=True, kw_only=True):
    """One example that has the reason."""

    split: str
    file: str
    line: Positive
    offset_bytes: Count
    verdict: Verdict
    path: str
    message: str
    observed: Scalar
    limit: Scalar
    prompt_start: str
    answer_start: Annotated[str, Meta(description="Start of the last model turn's text.")]
    media: Annotated[list[SampledMedia], Meta(description="The part that the finding speaks of; else the first parts.")]


class ReasonCount(Part, frozen=True, kw_only=True):
    """A reason in one split."""

    examples: Count
    alone: Count


class ReasonRow(Part, frozen=True, kw_only=True):
    """A reason."""

    code: str
    title: str
    outcome: Outcome
    scope: Scope
    tolerated: Annotated[bool, Meta(description="Whether --tolerate says that it keeps no example out.")]
    message: str
    remedy: str
    source: str
    examples: Annotated[Positive, Meta(description="That have the reason, once or more often.")]
    share: Annotated[Share, Meta(description="Of all examples read.")]
    alone: Annotated[Count, Meta(description="Of `examples` those that have no other reason that keeps them out.")]
    splits: dict[str, ReasonCount]
    samples: Annotated[
        list[ReasonSample],
        Meta(description="At most 8 of each split, chosen by a checksum of their place: the same in every run."),
    ]


def _reasons(facts: RunFacts) -> list[ReasonRow]:
    splits = facts.splits
    codes = {code for split in splits.values() for code in split.reasons}
    read = sum(split.read for split in splits.values())
    tolerated = set(facts.settings.tolerated)
    rows = []
    for code in codes:
        reason = Reason[code]
        counts = {name: split.reasons[code] for name, split in splits.items() if code in split.reasons}
        examples = sum(one.examples for one in counts.values())
        rows.append(
            ReasonRow(
                code=code,
                title=reason.title,
                outcome=reason.outcome,
                scope=reason.scope,
                tolerated=code in tolerated,
                message=reason.message,
                remedy=reason.remedy,
                source=reason.source,
                examples=examples,
                share=examples / read,
                alone=sum(one.alone for one in counts.values()),
                splits={name: ReasonCount(examples=one.examples, alone=one.alone) for name, one in counts.items()},
                samples=[
                    _sample(name, sample)
                    for name, one in counts.items()
                    for sample in sorted(
                        one.samples, key=lambda sample: (sample.file, sample.offset_bytes, sample.rank)
                    )
                ],
            )
        )
    return sorted(rows, key=lambda row: (_OUTCOME_ORDER[row.outcome], -row.examples, row.code))


def _sample(split: str, sample: Sample) -> ReasonSample:
    return ReasonSample(
        split=split,
        file=sample.file,
        line=sample.line,
        offset_bytes=sample.offset_bytes,
        verdict=Verdict(sample.verdict),
        path=sample.path,
        message=sample.message,
        observed=sample.observed,
        limit=sample.limit,
        prompt_start=sample.prompt_start,
        answer_start=sample.answer_start,
        media=[sampled_media(one) for one in sample.media],
    )


def sampled_media(media: SampleMedia) -> SampledMedia:
    """A media part as `report.json` has it."""
    return SampledMedia(
        uri=media.uri,
        kind=None if media.kind is None else MediaKind(media.kind),
        mime_type=media.mime_type,
        start_ns=media.start_ns,
        end_ns=media.end_ns,
    )


#: Units of what a reason observes and allows, where it is a number with one.
_UNITS = {
    Reason.AUDIO_TOO_LONG.code: "s",
    Reason.VIDEO_TOO_LONG.code: "s",
    Reason.SEGMENT_BEYOND_END.code: "s",
    Reason.SEGMENT_NEGATIVE.code: "s",
    Reason.SEGMENT_REVERSED.code: "s",
    Reason.LINE_TOO_LONG.code: "bytes",
    Reason.AUDIO_TOO_LARGE.code: "bytes",
    Reason.VIDEO_TOO_LARGE.code: "bytes",
    Reason.IMAGE_TOO_LARGE.code: "bytes",
    Reason.DOCUMENT_TOO_LARGE.code: "bytes",
    Reason.HTTP_MEDIA_TOO_LARGE.code: "bytes",
    Reason.EXAMPLE_TOO_MANY_TOKENS.code: "tokens",
    Reason.EXAMPLE_TOKENS_UNCERTAIN.code: "tokens",
}


def _context(document: Document) -> Mapping[str, Any]:
    groups: dict[Outcome, list[ReasonRow]] = {}
    for row in document.reasons:
        groups.setdefault(row.outcome, []).append(row)
    return {"outcomes": groups, "units": _UNITS}


SECTION: Section = Section(
    name="reasons",
    title="Reasons",
    fields=(Field("reasons", _reasons, "every reason that occurs: examples, share, how many have it alone, samples"),),
    template="reasons.html",
    context=_context,
    docs="""\
Every reason unfolds to at most 8 samples of each split, the same ones in every run, each with the start of its prompt
and of the model's answer. Media can be played there, at the segment that the example names. `gs://` objects are opened
at `https://storage.cloud.google.com/`, which works where the browser is signed in and may read the bucket. Local media
are linked only after a run with `--allow_local_media`.

*Alone* counts the examples that have no other reason that keeps them out: correcting this one brings that many back.

![A reason with its samples](images/report-reason.png)
""",
)
