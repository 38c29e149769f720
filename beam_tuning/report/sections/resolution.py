"""Which media resolutions the lines ask for, and the ways to one value on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.policy.profiles import what_if_profiles
from beam_tuning.policy.readiness import resolution_counts
from beam_tuning.reasons import Reason, Verdict
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.sections.what_if import total_of, under
from beam_tuning.report.shapes import Count, CountsByCode, Named, Part, named
from beam_tuning.summary.distributions import BoundedCounts

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class Agree(Part, frozen=True, kw_only=True):
    """Whether all lines ask for the same media resolution."""

    as_given: bool
    kept: bool


class ResolutionCount(Part, frozen=True, kw_only=True):
    """Examples that ask for one media resolution."""

    value: Annotated[
        str | None,
        Meta(description="null: none is set, though the example has a video, an image or a document."),
    ]
    examples: Count
    splits: dict[str, Count]


class MediaResolutions(Part, frozen=True, kw_only=True):
    """The media resolutions that were found."""

    agree: Agree
    as_given: list[ResolutionCount]
    kept: list[ResolutionCount]
    of_parts: list[Named]
    set_to: Annotated[
        str | None, Meta(description="Written into every kept example (--set_media_resolution); levels of parts stay.")
    ]


class PlanRow(Part, frozen=True, kw_only=True):
    """What setting one media resolution on every line would change."""

    media_resolution: str | None
    lines_to_change: Count
    kept: Count
    dropped: Count
    undecided: Count
    over: CountsByCode
    fewest_changes: bool
    keeps_most: bool


def _media_resolutions(facts: RunFacts) -> MediaResolutions:
    def counted(verdicts: Sequence[Verdict], set_to: str | None = None) -> list[ResolutionCount]:
        of_split = {name: resolution_counts([split], verdicts, scope) for name, split in facts.splits.items()}
        if set_to is not None:
            totals = {name: counts.total for name, counts in of_split.items()}
            every = sum(totals.values())
            return [ResolutionCount(value=set_to, examples=every, splits=totals)] if every else []
        return [
            ResolutionCount(
                value=value if value != ABSENT else None,
                examples=examples,
                splits={name: counts.counts.get(value, 0) for name, counts in of_split.items()},
            )
            for value, examples in resolution_counts(facts.splits.values(), verdicts, scope).most_common()
        ]

    scope = facts.settings.resolution_scope
    parts = BoundedCounts()
    for split in facts.splits.values():
        for counts in split.by_verdict.values():
            parts.merge(counts.part_resolutions)
    as_given, cleaned = (
        not any(finding.reason is Reason.MEDIA_RESOLUTION_MIXED for finding in answer.findings)
        for answer in (facts.readiness.as_given, facts.readiness.cleaned)
    )
    return MediaResolutions(
        agree=Agree(as_given=as_given, kept=cleaned),
        as_given=counted(tuple(Verdict)),
        kept=counted((Verdict.KEPT,), facts.settings.set_resolution),
        of_parts=named(parts),
        set_to=facts.settings.set_resolution,
    )


def _resolution_plan(facts: RunFacts) -> list[PlanRow]:
    """For each media resolution that the run's model takes: what setting it on every line would change.

    `fewest_changes` marks the row with the fewest lines to change, `keeps_most` the one that keeps the most examples;
    between equals the row that is better in the other respect.
    """
    settings = facts.settings
    given = resolution_counts(facts.splits.values(), tuple(Verdict), settings.resolution_scope)
    rows = []
    for profile in what_if_profiles(settings.limits, settings.model):
        if settings.model in profile.models:
            to_change = given.total - given.counts.get(profile.media_resolution or ABSENT, 0)
            total = total_of(under(split, profile) for split in facts.splits.values())
            rows.append((profile.media_resolution, to_change, total))
    fewest = min(rows, key=lambda row: (row[1], -row[2].kept), default=None)
    most = min(rows, key=lambda row: (-row[2].kept, row[1]), default=None)
    return [
        PlanRow(
            media_resolution=row[0],
            lines_to_change=row[1],
            kept=row[2].kept,
            dropped=row[2].dropped,
            undecided=row[2].undecided,
            over=dict(sorted(row[2].over.items())),
            fewest_changes=row is fewest,
            keeps_most=row is most,
        )
        for row in rows
    ]


def cheapest(plan: Sequence[PlanRow]) -> PlanRow | None:
    """The row of the value that, written into every line, keeps the most examples; of equals the fewest changes."""
    rows = [row for row in plan if row.media_resolution is not None]
    return min(rows, key=lambda row: (-row.kept, row.lines_to_change), default=None)


def _context(document: Document) -> Mapping[str, Any]:
    return {"cheapest": cheapest(document.resolution_plan)}


SECTION: Section = Section(
    name="resolution",
    title="Resolution",
    fields=(
        Field("media_resolutions", _media_resolutions, "media resolutions found, as given and kept"),
        Field(
            "resolution_plan",
            _resolution_plan,
            "for each media resolution the lines to change, and what is then over which limit, for the run's model",
        ),
    ),
    template="resolution.html",
    context=_context,
)
