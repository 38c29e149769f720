"""The summary of media objects: the same laws as that of examples, and what it counts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_examples import Generator

from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    MediaKind,
    ObjectInfo,
    ProbeCost,
    ProbeFailure,
    ProbeResult,
    StreamInfo,
)
from beam_tuning.summary.media_summary import MediaSummary

RESULTS = [
    part.result for example in Generator(seed=9).examples(250) for part in example.media if part.result is not None
]


def summary_of(results: list[ProbeResult]) -> MediaSummary:
    summary = MediaSummary.empty()
    for result in results:
        summary.add(result)
    return summary


def video(**fields: object) -> MediaInfo:
    stream = StreamInfo(MediaKind.VIDEO, "h264", **fields)  # type: ignore[arg-type]
    return MediaInfo("mp4", MediaKind.VIDEO, (stream,), 10.0)


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_order_and_grouping_change_nothing(rng: random.Random, groups: int) -> None:
    parts = [MediaSummary.empty() for _ in range(groups)]
    for result in rng.sample(RESULTS, len(RESULTS)):
        rng.choice(parts).add(result)
    merged = MediaSummary.empty()
    for part in rng.sample(parts, len(parts)):
        merged.merge(MediaSummary.from_bytes(part.to_bytes()))
    assert merged.to_bytes() == summary_of(RESULTS).to_bytes()


def test_costs_do_not_touch_what_the_objects_are() -> None:
    info = ObjectInfo(1000)
    cheap = ProbeResult("a", video(), info, ProbeCost(1, 10, 1, 0, 5))
    dear = ProbeResult("a", video(), info, ProbeCost(9, 990, 5, 4, 5000))
    one, other = summary_of([cheap]), summary_of([dear])
    assert one.to_bytes() != other.to_bytes()
    one.costs, other.costs = {}, {}
    assert one.to_bytes() == other.to_bytes()


def test_cached_answers_cost_nothing() -> None:
    costs = summary_of([ProbeResult("a", video(), ObjectInfo(1000), ProbeCost(3, 10), cached=True)]).costs["mp4"]
    assert (costs.fresh, costs.cached, costs.requests, costs.object_bytes) == (0, 1, 0, 0)


def test_failures_are_counted_by_kind() -> None:
    failures = [ProbeResult(str(kind), ProbeFailure(kind, "why"), None, ProbeCost(2)) for kind in FailureKind]
    summary = summary_of(failures)
    assert summary.outcomes.counts == {kind.value: 1 for kind in FailureKind}
    assert summary.containers.total == 0
    assert summary.costs["not_found"].requests == 2


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width_px": 1920, "height_px": 1080}, "1080 landscape"),
        ({"width_px": 1920, "height_px": 1088}, "1440 landscape"),
        ({"width_px": 1920, "height_px": 1080, "rotation_deg": 90}, "1080 portrait"),
        ({"width_px": 480, "height_px": 480}, "480 square"),
        ({"width_px": 7680, "height_px": 4320}, "larger landscape"),
        ({"width_px": 1, "height_px": 10**9}, "144 portrait"),
        ({"width_px": None, "height_px": 1080}, None),
        ({"width_px": 0, "height_px": 0}, None),
    ],
)
def test_picture_sizes(fields: dict[str, object], size: str | None) -> None:
    assert list(summary_of([ProbeResult("a", video(**fields))]).picture_sizes.counts) == ([size] if size else [])


def test_an_image_has_its_own_size_and_only_the_first_video_stream_counts() -> None:
    image = MediaInfo("png", MediaKind.IMAGE, (), None, width_px=640, height_px=480)
    two = MediaInfo(
        "mp4",
        MediaKind.VIDEO,
        (
            StreamInfo(MediaKind.VIDEO, "h264", None, 1280, 720),
            StreamInfo(MediaKind.VIDEO, "mjpeg", None, 160, 120),
            StreamInfo(MediaKind.AUDIO),
        ),
    )
    summary = summary_of([ProbeResult("a", image), ProbeResult("b", two)])
    assert summary.picture_sizes.counts == {"480 landscape": 1, "720 landscape": 1}
    assert summary.video_codecs.counts == {"h264": 1, "mjpeg": 1}
    assert summary.audio_codecs.counts == {"unknown": 1}
    assert summary.duration_ms.count == 0


@pytest.mark.parametrize("duration_s", [float("inf"), float("nan"), -1.0, 1e300, None])
def test_a_duration_that_cannot_be_believed_is_unknown(duration_s: float | None) -> None:
    summary = summary_of([ProbeResult("a", MediaInfo("wav", MediaKind.AUDIO, (), duration_s))])
    assert summary.duration_ms.count == 0
    assert MediaSummary.from_bytes(summary.to_bytes()) == summary


def test_hostile_codec_names_stay_bounded() -> None:
    results = [
        ProbeResult(str(n), MediaInfo("matroska", MediaKind.AUDIO, (StreamInfo(MediaKind.AUDIO, f"\udcff{n}" * 99),)))
        for n in range(500)
    ]
    assert len(summary_of(results).to_bytes()) < 20_000
