"""What is known of a part: its kind, and how much of it training decodes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset.example import MediaPart, Segment
from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ObjectInfo, ProbeFailure, ProbeResult, StreamInfo
from beam_tuning.policy.example_facts import part_facts
from beam_tuning.summary.judged_example import PartFacts

S = 10**9
URI = "gs://example-bucket/a.mp4"
AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


def part(kind: MediaKind | None = VIDEO, segment: Segment | None = None, uri: str = URI) -> MediaPart:
    return MediaPart("contents[0].parts[0]", "user", uri, None, kind, segment)


def found(duration_s: float | None, *streams: StreamInfo, kind: MediaKind = VIDEO) -> ProbeResult:
    return ProbeResult(URI, MediaInfo("mp4", kind, streams, duration_s), ObjectInfo(99, "1"))


def facts(given: MediaPart, result: ProbeResult | None, *, of_segment: bool = True) -> PartFacts:
    return part_facts(given, {} if result is None else {URI: result}, of_segment=of_segment)


@pytest.mark.parametrize(
    ("segment", "duration_s", "used_ns"),
    [
        (None, 12.3456, 12_345_600_000),
        (None, 0.0, 0),
        (Segment(2 * S, 5 * S), 12.0, 3 * S),
        (Segment(2 * S, None), 12.0, 10 * S),
        (Segment(None, 5 * S), 12.0, 5 * S),
        (Segment(2 * S, 12 * S + 1), 12.0, 10 * S),  # beyond the end
        (Segment(20 * S, 50 * S), 12.0, 0),
        (Segment(5 * S, 2 * S), 12.0, 0),
        # A segment that starts before the file starts with it.
        (Segment(-5 * S, 2 * S), 12.0, 2 * S),
        (Segment(-1, None), 12.0, 12 * S),
        (Segment(-5 * S, -2 * S), 12.0, 0),
        (Segment(fps=2.0), 12.0, 12 * S),
        (Segment(2 * S, 5 * S), None, 3 * S),
        (Segment(-2 * S, 5 * S), None, 5 * S),
        (Segment(2 * S, None), None, None),
        (None, None, None),
        (None, math.inf, None),
        (None, math.nan, None),
        (None, -1e-9, None),
        (None, 1e9, 10**18),
        (None, math.nextafter(1e9, math.inf), None),
    ],
)
@pytest.mark.parametrize("kind", [AUDIO, VIDEO])
def test_used_length(kind: MediaKind, segment: Segment | None, duration_s: float | None, used_ns: int | None) -> None:
    known = facts(part(kind, segment), found(duration_s, kind=kind))
    assert (known.used_ns, known.length_ns, known.longest_ns) == (used_ns, used_ns, used_ns)


@pytest.mark.parametrize(
    ("segment", "pictures_s", "sound_s", "of_segment", "expected"),
    [
        # used, sound, length, longest
        (None, 8.0, 10.0, True, (8, 10, 8, 10)),
        (None, 10.0, 8.0, True, (10, 8, 10, 10)),
        (None, None, None, True, (10, 10, 10, 10)),
        (None, 8.0, math.nan, True, (8, 10, 8, 10)),
        (None, 11.0, 11.0, True, (10, 10, 10, 10)),
        (Segment(7 * S, 9 * S), 8.0, 10.0, True, (1, 2, 1, 2)),
        (Segment(9 * S, None), 8.0, 10.0, True, (0, 1, 0, 1)),
        (Segment(7 * S, 9 * S), 8.0, 10.0, False, (1, 2, 8, 10)),
    ],
)
def test_pictures_and_sound_have_lengths_of_their_own(
    segment: Segment | None,
    pictures_s: float | None,
    sound_s: float | None,
    of_segment: bool,
    expected: tuple[int, int, int, int],
) -> None:
    streams = (StreamInfo(VIDEO, duration_s=pictures_s), StreamInfo(AUDIO, duration_s=sound_s))
    for order in (streams, streams[::-1]):
        known = facts(part(VIDEO, segment), found(10.0, *order), of_segment=of_segment)
        assert known.file_ns == 10 * S
        lengths = (known.used_ns, known.sound_ns, known.length_ns, known.longest_ns)
        assert lengths == tuple(one * S for one in expected)


@pytest.mark.parametrize(
    ("streams", "duration_s", "segment", "sound_ns"),
    [
        ((), 10.0, None, 0),
        ((VIDEO,), 10.0, None, 0),
        ((VIDEO,), 10.0, Segment(1, 2), 0),
        ((VIDEO,), None, None, 0),
        ((VIDEO,), None, Segment(1, 3), 0),
        ((VIDEO, AUDIO), None, None, None),
        ((VIDEO, AUDIO), None, Segment(1, 3), 2),
        ((VIDEO, AUDIO), None, Segment(1, None), None),
        ((AUDIO, VIDEO, AUDIO), 10.0, None, 10 * S),
    ],
)
def test_sound_is_none_only_where_it_is_not_known(
    streams: tuple[MediaKind, ...], duration_s: float | None, segment: Segment | None, sound_ns: int | None
) -> None:
    known = facts(part(VIDEO, segment), found(duration_s, *(StreamInfo(kind) for kind in streams)))
    assert known.sound_ns == sound_ns


@given(
    st.tuples(st.none() | st.integers(-(10**12), 10**12), st.none() | st.integers(-(10**12), 10**12)),
    st.none() | st.floats(0, 1000),
    st.lists(st.none() | st.floats(0, 2000), max_size=3),
    st.booleans(),
)
def test_no_length_is_longer_than_the_file_or_the_segment(
    offsets: tuple[int | None, int | None], duration_s: float | None, tracks: list[float | None], of_segment: bool
) -> None:
    streams = [StreamInfo(VIDEO if number % 2 else AUDIO, duration_s=one) for number, one in enumerate(tracks)]
    known = facts(part(VIDEO, Segment(*offsets)), found(duration_s, *streams), of_segment=of_segment)
    for length_ns in (known.used_ns, known.sound_ns):
        if length_ns is not None:
            assert length_ns >= 0
            if known.file_ns is not None:
                assert length_ns <= known.file_ns
            if offsets[1] is not None:
                assert length_ns <= max(0, offsets[1])
    assert (known.length_ns is None) == (known.longest_ns is None)
    if known.length_ns is not None and known.longest_ns is not None:
        assert known.length_ns <= known.longest_ns


@pytest.mark.parametrize(
    ("declared", "result", "kind"),
    [
        (VIDEO, found(1.0, kind=AUDIO), VIDEO),
        (None, found(1.0, kind=AUDIO), AUDIO),
        (None, None, None),
        (AUDIO, None, AUDIO),
        (None, ProbeResult(URI, ProbeFailure(FailureKind.NOT_FOUND, "gone")), None),
    ],
)
def test_a_declared_kind_counts_before_what_was_found(
    declared: MediaKind | None, result: ProbeResult | None, kind: MediaKind | None
) -> None:
    assert facts(part(declared), result).kind is kind


def test_a_failure_may_know_the_size() -> None:
    failure = ProbeFailure(FailureKind.UNREADABLE, "no media")
    known = facts(part(), ProbeResult(URI, failure, ObjectInfo(7)))
    assert (known.info, known.failure, known.size_bytes, known.used_ns) == (None, failure, 7, None)
    assert facts(part(), ProbeResult(URI, failure)).size_bytes is None


@pytest.mark.parametrize(
    ("uri", "place"), [(URI, Place.GCS), ("/data/a.mp4", Place.LOCAL), ("https://h/a", Place.HTTP), ("s3://b/a", None)]
)
def test_the_place_follows_from_the_uri(uri: str, place: Place | None) -> None:
    assert facts(part(uri=uri), None).place is place
