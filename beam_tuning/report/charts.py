"""The report's pictures: Vega-Lite charts, rendered to inline SVG by vl-convert when the page is made.

The specifications are plain dictionaries (https://vega.github.io/vega-lite/docs/spec.html).
Colours are the page's CSS variables, so that one picture serves light, dark and print. Of the dataset's own words a
picture holds only names of containers and codecs, which Vega escapes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from beam_tuning.report.shapes import Named
from beam_tuning.report.wording import count, length, share, size, tick, value_in, visible
from beam_tuning.summary.distributions import bin_of, bin_start

if TYPE_CHECKING:
    from beam_tuning.report.sections.distributions import Distribution, DrawnLimit, Series
    from beam_tuning.report.sections.media import Media
    from beam_tuning.report.sections.run import Run

_WIDTH_PX = 340
_ROW_PX = 96
_COUNTS_PX = 30
_LABEL_PX, _LABEL_WIDTH_PX = 12, 48
_BAR_PX = 20
_LONGEST_NAME_PX = 130
_MOST_BARS = 44
_MOST_NAMES = 10
_VERDICTS = ("kept", "sampled-out", "undecided", "dropped")
_VERDICT_COLOURS = ["var(--kept)", "var(--accent)", "var(--undecided)", "var(--dropped)"]
#: Round values of the logarithmic axes: from few to many, of which an axis takes the first that are enough.
_DECADES = [10**power for power in range(19)]
_TICKS = {
    "ms": (
        [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 360_000_000],
        [
            *(number * power for power in (1, 10, 100, 1_000) for number in (1, 2, 5)),
            *(number * 1_000 for number in (10, 20, 30, 60, 120, 300, 600, 1_200, 1_800)),
            *(number * 3_600_000 for number in (1, 2, 5, 10, 20, 50, 100)),
        ],
    ),
    None: (_DECADES, [number * power for power in _DECADES for number in (1, 2, 5)]),
}
_ENOUGH_TICKS = 5
_X_TITLES = {
    "ms": "length (seconds, minutes, hours)",
    "bytes": "size (kB, MB, GB)",
    "tokens": "tokens",
    "characters": "characters",
}
#: What a bar counts where it is not examples.
_Y_TITLES = {"video_length": "videos", "audio_length": "audio files", "media_size": "media parts"}


#: A part of a Vega-Lite specification.
_Spec = dict[str, Any]


class Picture(NamedTuple):
    """One figure.

    Attributes:
      svg: markup without ids, so that several pictures can stand on one page.
      notes: what the picture shows, in words.
    """

    name: str
    title: str
    svg: str
    notes: tuple[str, ...]


def media_pictures(media: Media) -> list[Picture]:
    """What the distinct media objects are."""
    titles = {
        "outcomes": "What probing found",
        "containers": "Containers",
        "video_codecs": "Video codecs",
        "audio_codecs": "Audio codecs",
        "picture_sizes": "Picture sizes, shorter side in pixels",
    }
    counted: dict[str, list[Named]] = {name: getattr(media, name) for name in titles}
    return [
        _bars(name, titles[name], [(_name(row), row.count) for row in rows], count)
        for name, rows in counted.items()
        if rows
    ]


def run_pictures(run: Run) -> list[Picture]:
    """Where time and bytes of the run went."""
    by_container = [row for row in run.probing.by_container if row.fresh]
    if not by_container:
        return []
    waited = [(row.name, row.latency_ms_sum) for row in by_container]
    received = [(row.name, row.received_bytes) for row in by_container]
    notes = [
        f"{row.name}: {size(row.received_bytes)} of {size(row.object_bytes)} read, "
        f"{share(row.received_bytes / row.object_bytes)}"
        for row in by_container
        if row.object_bytes
    ]
    return [
        _bars("waited", "Time spent waiting for media, summed over all probes", waited, length),
        _bars("received", "Bytes read of media", received, size, notes),
    ]


def distribution_picture(distribution: Distribution) -> Picture:
    """A distribution that holds something: a histogram for each split, with the limits drawn in."""
    unit = distribution.unit
    splits = list(dict.fromkeys(row.split for row in distribution.series if row.count))
    limits = [limit for limit in distribution.limits if limit.value > 0]  # a logarithmic axis has no 0
    merged = _merged_bins(distribution.series)
    edges = [edge for row in merged for edge in (row["start"], row["stop"])]
    domain = [min(edges), max(edges + [1.1 * limit.value for limit in limits])]
    rows = [
        _histogram([row for row in merged if row["split"] == split], limits, domain, distribution, split)
        for split in splits
    ]
    chart = {"vconcat": rows, "spacing": 14}
    notes = [
        f"{split}: {count(total['count'])} {_counted(distribution)}, from {value_in(unit, total['min'])} to "
        f"{value_in(unit, total['max'])}"
        for split in splits
        for total in [_together([row for row in distribution.series if row.split == split])]
    ]
    notes += [f"Limit: {value_in(unit, limit.value)} ({limit.label})" for limit in distribution.limits]
    return Picture(distribution.name, distribution.title, _svg(chart), tuple(notes))


def _histogram(
    bins: Sequence[Mapping[str, Any]],
    limits: Sequence[DrawnLimit],
    domain: list[float],
    distribution: Distribution,
    split: str,
) -> _Spec:
    unit = distribution.unit
    ticks = _ticks(unit, domain)
    bars = {
        "data": {"values": list(bins)},
        "mark": {"type": "bar", "orient": "vertical", "stroke": "var(--surface)", "strokeWidth": 0.6},
        "encoding": {
            "x": {
                "field": "start",
                "type": "quantitative",
                "scale": {"type": "log", "domain": domain, "nice": False},
                "axis": {
                    "values": ticks,
                    "labelExpr": _labels(ticks, unit),
                    "labelOverlap": "greedy",
                    "labelSeparation": 8,
                    "title": _X_TITLES[unit],
                },
            },
            "x2": {"field": "stop"},
            "y": {
                "field": "examples",
                "type": "quantitative",
                "stack": "zero",
                "axis": {
                    "tickCount": 3,
                    "tickMinStep": 1,
                    "title": _counted(distribution),
                    "domain": False,
                    "format": ",d",
                    "grid": True,
                    "minExtent": _COUNTS_PX,
                },
            },
            "color": {
                "field": "verdict",
                "type": "nominal",
                "scale": {"domain": list(_VERDICTS), "range": _VERDICT_COLOURS},
                "legend": None,
            },
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    at = {"field": "at", "type": "quantitative"}
    lines = {
        "data": {"values": _limit_labels(limits, domain, unit)},
        "encoding": {"x": at},
        "layer": [
            {"mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [3, 3]}},
            {
                "mark": {"type": "text", "align": "right", "baseline": "bottom", "dx": 4, "color": "var(--ink)"},
                "encoding": {"text": {"field": "label"}, "y": {"field": "y", "type": "quantitative", "scale": None}},
            },
        ],
    }
    return {
        "title": {"text": split, "anchor": "start", "offset": 4},
        "width": _WIDTH_PX - _COUNTS_PX,
        "height": _ROW_PX,
        "layer": [bars, lines],
    }


def _counted(distribution: Distribution) -> str:
    return _Y_TITLES.get(distribution.name, "examples")


def _ticks(unit: str, domain: list[float]) -> list[int | float]:
    """Round values within the domain; where it is too narrow for enough of them, its ends."""
    for values in _TICKS.get(unit, _TICKS[None]):
        inside = [value for value in values if domain[0] <= value <= domain[1]]
        if len(inside) >= _ENOUGH_TICKS:
            return list(inside)
    middle = math.sqrt(domain[0] * domain[1])
    return [domain[0], float(f"{middle:.3g}"), domain[1]]


def _limit_labels(limits: Sequence[DrawnLimit], domain: list[float], unit: str) -> list[dict[str, Any]]:
    """Where each limit and its label stand; labels that would touch stand one above the other."""
    px_per_octave = (_WIDTH_PX - _COUNTS_PX) / max(1e-9, math.log2(domain[1] / domain[0]))
    labels: list[dict[str, Any]] = []
    y = _LABEL_PX
    for limit in sorted(limits, key=lambda one: one.value):
        near = labels and math.log2(limit.value / labels[-1]["at"]) * px_per_octave < _LABEL_WIDTH_PX
        y = y + _LABEL_PX if near else _LABEL_PX
        labels.append({"at": limit.value, "label": _tick(unit, limit.value), "y": 8 - y})
    return labels


def _merged_bins(series: Sequence[Series]) -> list[dict[str, Any]]:
    """Neighbouring bins put together until they are few enough to see, by a power of two so that octaves stay whole."""
    indexes = [bin_of(start) for row in series for start, _, _ in row.bins]
    values = sum(row.count for row in series)
    wanted = min(_MOST_BARS, max(6, 2 * math.isqrt(values)))
    width = next(width for width in (1, 2, 4, 8, 16, 32, 64) if (max(indexes) - min(indexes)) / width < wanted)
    merged: dict[tuple[str, str, int], int] = {}
    for row in series:
        for start, _, examples in row.bins:
            key = (row.split, row.verdict.value, bin_of(start) // width)
            merged[key] = merged.get(key, 0) + examples
    return [
        {
            "split": split,
            "verdict": verdict,
            "order": _VERDICTS.index(verdict),
            "start": bin_start(group * width) or 0.5,  # a logarithmic axis has no 0
            "stop": bin_start((group + 1) * width),
            "examples": examples,
        }
        for (split, verdict, group), examples in sorted(merged.items())
    ]


def _together(series: Sequence[Series]) -> dict[str, int]:
    return {
        "count": sum(row.count for row in series),
        "min": min(row.min for row in series if row.min is not None),
        "max": max(row.max for row in series if row.max is not None),
    }


def _bars(
    name: str,
    title: str,
    rows: Sequence[tuple[str, int]],
    words: Callable[[int], str],
    notes: Sequence[str] = (),
) -> Picture:
    largest = sorted(rows, key=lambda row: -row[1])
    shown = largest[:_MOST_NAMES]
    if len(largest) > _MOST_NAMES:
        shown.append(("others", sum(value for _, value in largest[_MOST_NAMES:])))
    values = [{"name": one, "value": value, "label": words(value)} for one, value in shown]
    names_px = min(_LONGEST_NAME_PX, 12 + 7 * max(len(one) for one, _ in shown))
    chart = {
        "width": _WIDTH_PX - names_px,
        "height": _BAR_PX * len(values),
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": None,
                "axis": {
                    "title": None,
                    "domain": False,
                    "ticks": False,
                    "labelLimit": _LONGEST_NAME_PX,
                    "minExtent": names_px,
                },
            },
            "x": {
                "field": "value",
                "type": "quantitative",
                "axis": None,
                "scale": {"domain": [0, 1.35 * max(1, shown[0][1])]},
            },
        },
        "layer": [
            {"mark": {"type": "bar", "color": "var(--accent)", "height": _BAR_PX - 8}},
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "color": "var(--soft)"},
                "encoding": {"text": {"field": "label"}},
            },
        ],
    }
    return Picture(name, title, _svg(chart), tuple(notes) or tuple(f"{one}: {words(value)}" for one, value in shown))


def _name(row: Named) -> str:
    return "others" if row.name is None else visible(row.name)


def _labels(ticks: Sequence[int | float], unit: str) -> str:
    """A Vega expression that writes each tick."""
    return f"{[_tick(unit, tick) for tick in ticks]!r}[indexof({list(ticks)!r}, datum.value)]"


def _tick(unit: str, value: int | float) -> str:
    """A value on an axis, where the picture's title says what is counted."""
    return value_in(unit, value) if unit in ("ms", "bytes") else tick(value)


def _svg(chart: _Spec) -> str:
    import vl_convert  # a third of a second, which commands that draw nothing need not wait

    svg = vl_convert.vegalite_to_svg({**chart, "config": _CONFIG})
    # The figure's own words are what a screen reader needs; Vega's many nested roles only get in the way.
    svg = re.sub(r' (?:role|aria-[a-z]+|xmlns:xlink|class|version|pointer-events)="[^"]*"', "", svg)
    # Ids would clash between pictures; what they are for, clipping at the picture's edge, is not needed.
    svg = re.sub(r' clip-path="url\(#[^"]*\)"|<defs>.*?</defs>', "", svg)
    return re.sub(
        r'<svg([^>]*?) width="[0-9.]+" height="[0-9.]+"', r'<svg\1 class="chart" focusable="false"', svg, count=1
    )


_CONFIG: _Spec = {
    "font": "system-ui, sans-serif",
    "background": "transparent",
    "padding": 2,
    "view": {"stroke": None},
    "text": {"fontSize": 11},
    "title": {"color": "var(--soft)", "fontSize": 11, "fontWeight": "normal"},
    "axis": {
        "grid": False,
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 4,
        "labelFontSize": 11,
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "gridColor": "var(--line)",
    },
}
