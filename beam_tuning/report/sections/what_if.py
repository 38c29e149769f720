"""What would become of the dataset with another model or media resolution, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from beam_tuning.policy.profiles import Profile, what_if_profiles
from beam_tuning.policy.readiness import DatasetLimits, drop_share
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.sections.tokens import Price, Tokens, price_of, tokens_of
from beam_tuning.report.shapes import Count, CountsByCode, DropShare, Part
from beam_tuning.summary.summary import ProfileCounts, SplitSummary


class WhatIfSplit(Part, frozen=True, kw_only=True):
    """One split under the row's model and media resolution."""

    kept: Count
    dropped: Count
    undecided: Count
    drop_share: DropShare


class WhatIfRow(Part, frozen=True, kw_only=True):
    """All lines with one media resolution, under one model."""

    model: str
    media_resolution: str | None
    splits: dict[str, WhatIfSplit]
    kept: Count
    dropped: Count
    undecided: Count
    over: Annotated[CountsByCode, Meta(description="Examples by the limit that they are over.")]
    tokens: Tokens
    price: Price


def under(split: SplitSummary, profile: Profile) -> ProfileCounts:
    """The examples of a split under a profile."""
    counts = ProfileCounts()
    counts.merge(split.same_for_all)
    counts.merge(split.what_if.get(profile.key, ProfileCounts()))
    return counts


def total_of(counts: Iterable[ProfileCounts]) -> ProfileCounts:
    """All splits together."""
    total = ProfileCounts()
    for one in counts:
        total.merge(one)
    return total


def _what_if(facts: RunFacts) -> list[WhatIfRow]:
    """Every line is taken to have the row's resolution; findings that depend on neither model nor resolution stay."""
    settings = facts.settings
    limits = facts.model.dataset_limits()
    rows = []
    for profile in what_if_profiles(settings.limits):
        counts = {name: under(split, profile) for name, split in facts.splits.items()}
        total = total_of(counts.values())
        splits = {name: _split(one, limits) for name, one in counts.items()}
        tokens = tokens_of(total)
        rows += [
            WhatIfRow(
                model=model,
                media_resolution=profile.media_resolution,
                splits=splits,
                kept=total.kept,
                dropped=total.dropped,
                undecided=total.undecided,
                over=dict(sorted(total.over.items())),
                tokens=tokens,
                price=price_of(tokens, settings, model),
            )
            for model in profile.models
        ]
    return rows


def _split(counts: ProfileCounts, limits: DatasetLimits) -> WhatIfSplit:
    read = counts.kept + counts.dropped + counts.undecided
    share = drop_share(read, counts.dropped, counts.undecided, limits)
    return WhatIfSplit(
        kept=counts.kept,
        dropped=counts.dropped,
        undecided=counts.undecided,
        drop_share=DropShare(low=share.low, high=share.high, state=share.state),
    )


SECTION = Section(
    name="what-if",
    title="What if",
    fields=(Field("what_if", _what_if, "a row for each model and media resolution"),),
    template="what_if.html",
    docs="""\
*What if* takes every line to have the column's media resolution, keeps all findings that do not depend on model and
resolution, and judges the others anew, in the same pass over the data. Tokens and price are those of the examples that
would be kept.

![What if](images/report-what-if.png)
""",
)
