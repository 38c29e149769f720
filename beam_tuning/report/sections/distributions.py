"""Lengths, sizes, tokens and texts by split and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from msgspec import Meta

from beam_tuning.policy import limits as policy
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.reasons import JUDGED, Verdict
from beam_tuning.report.charts import Picture, distribution_picture
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Number, Numbers, Part, numbers_of
from beam_tuning.summary.distributions import LARGEST
from beam_tuning.summary.summary import SplitSummary

if TYPE_CHECKING:
    from beam_tuning.report.document import Document

Unit = Literal["ms", "bytes", "tokens", "characters"]


class DrawnLimit(Part, frozen=True, kw_only=True):
    """A limit of the model that the values are held against."""

    label: str
    value: Number


class Series(Numbers, frozen=True, kw_only=True):
    """The values of one split and verdict."""

    split: str
    verdict: Verdict


class Distribution(Part, frozen=True, kw_only=True):
    """What is counted, in which unit."""

    name: str
    title: str
    unit: Unit
    limits: Annotated[list[DrawnLimit], Meta(description="In `unit`.")]
    series: list[Series]


class _Counted(NamedTuple):
    """A distribution of the document.

    Attributes:
      field: of `VerdictCounts`.
      limits: names of the model's limits to draw in, with what makes one of their units one of `unit`.
    """

    name: str
    title: str
    unit: Unit
    field: str
    limits: Mapping[str, int] = MappingProxyType({})


_VIDEO_LENGTHS = dict.fromkeys(("video_length_low", "video_length_medium", "video_length_high"), 1000)
_MEDIA_SIZES = dict.fromkeys(("audio_bytes", "video_bytes", "image_bytes", "document_bytes"), 1)
_COUNTED = (
    _Counted("video_length", "Length of video used", "ms", "video_ms", _VIDEO_LENGTHS),
    _Counted("audio_length", "Length of audio used", "ms", "audio_ms", {"audio_length": 1000}),
    _Counted("media_size", "Size of media objects", "bytes", "media_bytes", _MEDIA_SIZES),
    _Counted("tokens", "Tokens, upper estimate", "tokens", "tokens_high", {"example_tokens": 1}),
    _Counted("line_size", "Size of a line", "bytes", "size_bytes"),
    _Counted("text_chars", "Text of an example", "characters", "text_chars"),
)


def _distributions(facts: RunFacts) -> list[Distribution]:
    return [_distribution(row, facts.splits, facts.model) for row in _COUNTED]


def _distribution(counted: _Counted, splits: Mapping[str, SplitSummary], model: ModelLimits) -> Distribution:
    labels: dict[int | float, list[str]] = {}
    for name, factor in counted.limits.items():
        entry = model.entries()[name]
        if isinstance(entry, policy.Number):
            labels.setdefault(entry.value * factor, []).append(entry.label)
    return Distribution(
        name=counted.name,
        title=counted.title,
        unit=counted.unit,
        limits=[
            DrawnLimit(label=", ".join(of_value), value=min(value, LARGEST))
            for value, of_value in sorted(labels.items())
        ],
        series=[
            Series(split=name, verdict=verdict, **numbers_of(getattr(split.by_verdict[verdict], counted.field)))
            for name, split in splits.items()
            for verdict in (Verdict if split.sampled_out else JUDGED)
        ],
    )


def distribution_pictures(document: Document) -> list[Picture]:
    """A picture of each distribution that holds something."""
    return [distribution_picture(one) for one in document.distributions if any(row.count for row in one.series)]


def _context(document: Document) -> Mapping[str, Any]:
    return {"pictures": distribution_pictures(document)}


SECTION = Section(
    name="distributions",
    title="Distributions",
    fields=(
        Field(
            "distributions",
            _distributions,
            "lengths, sizes, tokens and texts by split and verdict: exact count, sum, min and max; quantiles to one "
            "part in eight; bins",
        ),
    ),
    template="distributions.html",
    context=_context,
    docs="![Distributions, in the dark](images/report-distributions-dark.png)\n",
)
