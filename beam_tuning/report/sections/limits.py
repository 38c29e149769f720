"""What the examples were held against: every limit and rate of the model."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Number, Part
from beam_tuning.summary.distributions import LARGEST

_Pair = tuple[Number, Number]


class LimitRow(Part, frozen=True, kw_only=True):
    """A limit or rate of the model, with one of value, values, low and high, levels."""

    name: str
    label: str
    unit: str
    source: str
    read: Annotated[datetime.date | None, Meta(description="The day the source was read.")] = None
    note: str = ""
    value: Number | bool | str | UnsetType | None = UNSET
    values: list[str | Number] | UnsetType = UNSET
    low: Number | UnsetType = UNSET
    high: Number | UnsetType = UNSET
    levels: dict[str, _Pair] | UnsetType = UNSET

    def __post_init__(self) -> None:
        given = [one is not UNSET for one in (self.value, self.values, self.low, self.levels)]
        if sum(given) != 1 or (self.low is UNSET) != (self.high is UNSET):
            raise ValueError("a limit has one of value, values, low and high, levels")


def _limits(facts: RunFacts) -> list[LimitRow]:
    return [
        LimitRow(
            name=name,
            **{key: value if key == "read" else _capped(value) for key, value in msgspec.structs.asdict(entry).items()},
        )
        for name, entry in facts.model.entries().items()
    ]


def _capped(value: Any) -> Any:
    """A person's own limits file may hold larger numbers than the document does."""
    if isinstance(value, dict):
        return {name: tuple(map(_capped, pair)) for name, pair in value.items()}
    if isinstance(value, tuple):
        return [_capped(one) for one in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return min(value, LARGEST) if isinstance(value, int) and not isinstance(value, bool) else value


SECTION: Section = Section(
    name="limits",
    title="Limits",
    fields=(Field("limits", _limits, "every limit and rate of the model, with its source and the day it was read"),),
    template="limits.html",
)
