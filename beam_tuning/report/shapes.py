"""Types that several sections of `report.json` share: what is not of these types is no report of ours.

Bounds stand here because the page and the terminal rely on them: a count that no run can reach is refused where the
document is read, not met where it is drawn.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from beam_tuning.policy.readiness import State
from beam_tuning.summary.distributions import LARGEST, BoundedCounts, Distribution

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
#: Of something that is there.
Positive = Annotated[int, Meta(ge=1, le=LARGEST)]
#: A whole number of any sign that an encoded summary holds.
Whole = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)]
Number = Whole | float
#: What was observed or is allowed.
Scalar = str | Whole | float | None
Share = Annotated[float, Meta(ge=0, le=1)]
CountsByCode = dict[Annotated[str, Meta(pattern="^[A-Z0-9_]+$")], Count]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object of the document."""


class DropShare(Part, frozen=True, kw_only=True):
    """An interval: undecided examples count as kept at the low end and as dropped at the high end."""

    low: Annotated[Share | None, Meta(description="0 to 1; null where there are no examples.")]
    high: Share | None
    state: Annotated[State | None, Meta(description="`ready`: below the limit for certain.")]


class Named(Part, frozen=True, kw_only=True):
    """How often something has this name; a null name counts all that are not listed."""

    name: str | None
    count: Count


class Numbers(Part, frozen=True, kw_only=True):
    """Of whole numbers: count, sum, min and max are exact; quantiles are read from the bins and are off by at most one
    part in eight."""

    count: Count
    sum: Count
    min: Count | None
    p05: Count | None
    p50: Count | None
    p95: Count | None
    max: Count | None
    bins: Annotated[
        list[tuple[Count, Count, Count]],
        Meta(description="[start, stop, count], stop excluded, in order; empty bins are left out."),
    ]

    def __post_init__(self) -> None:
        """Refuses what cannot be drawn.

        Raises:
          ValueError: which becomes the decoder's own error.
        """
        known = [one is not None for one in (self.min, self.p05, self.p50, self.p95, self.max)]
        if not (all(known) if self.count else not any(known)):
            raise ValueError("min, max and quantiles are there where something was counted, and only there")
        if sum(count for _, _, count in self.bins) != self.count or any(start >= stop for start, stop, _ in self.bins):
            raise ValueError("the bins do not hold what was counted")


def numbers_of(distribution: Distribution) -> dict[str, Any]:
    """The fields of `Numbers`."""
    return {
        "count": distribution.count,
        "sum": distribution.total,
        "min": distribution.smallest,
        "p05": distribution.quantile(0.05),
        "p50": distribution.quantile(0.5),
        "p95": distribution.quantile(0.95),
        "max": distribution.largest,
        "bins": [tuple(one) for one in distribution.bins()],
    }


def named(counts: BoundedCounts) -> list[Named]:
    """The names, the largest count first, and what is counted under no name of its own."""
    rows = [Named(name=name, count=count) for name, count in counts.most_common()]
    if counts.others:
        rows.append(Named(name=None, count=counts.others))
    return rows


def capped(count: int) -> int:
    """The sum of many large numbers, stopped where every other count stops."""
    return min(count, LARGEST)
