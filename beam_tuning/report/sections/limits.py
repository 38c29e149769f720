"""What the examples were held against: every limit and rate of the model."""

from __future__ import annotations

import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Number, Part

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
        msgspec.convert({"name": name, **msgspec.to_builtins(entry)}, LimitRow)
        for name, entry in facts.model.entries().items()
    ]


SECTION = Section(
    name="limits",
    title="Limits",
    fields=(Field("limits", _limits, "every limit and rate of the model, with its source and the day it was read"),),
    template="limits.html",
)
