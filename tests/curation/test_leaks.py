"""Media in both splits: by URI or by bytes, and which segments have a moment in common."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.curation.leaks import (
    END_NS,
    MediaUse,
    PackUses,
    find_leaks,
    identity,
    overlaps,
    segment_of,
    union,
)
from beam_tuning.dataset.example import MediaPart, Segment

_MOMENTS = st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda one: (one[0], one[0] + one[1]))


def moments(segments: list[tuple[int, int]]) -> set[int]:
    return {moment for start, end in segments for moment in range(start, end)}


@settings(deadline=None)
@given(st.lists(_MOMENTS, max_size=9), _MOMENTS)
def test_a_union_holds_the_same_moments_apart(segments: list[tuple[int, int]], one: tuple[int, int]) -> None:
    joined = union(segments)
    assert moments(joined) == moments(segments)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(joined))
    assert overlaps(one, joined) == bool(moments([one]) & moments(segments))


def test_very_many_segments_are_taken_together_where_they_are_nearest() -> None:
    segments = [(at * 10, at * 10 + (9 if at % 2 else 5)) for at in range(3000)]
    joined = union(segments)
    assert len(joined) == 1000
    assert moments(segments) <= moments(joined)


@pytest.mark.parametrize(
    ("segment", "used"),
    [
        (None, (0, END_NS)),
        (Segment(None, None, 2.0), (0, END_NS)),
        (Segment(5, None), (5, END_NS)),
        (Segment(None, 7), (0, 7)),
        (Segment(5, 7), (5, 7)),
        (Segment(-5, 7), (0, 7)),
        (Segment(-(10**30), 10**30), (0, END_NS)),
    ],
)
def test_a_part_uses_its_segment(segment: Segment | None, used: tuple[int, int]) -> None:
    assert segment_of(MediaPart("contents[0].parts[0]", "user", "gs://b/a.mp4", None, None, segment)) == used


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("gs://b/a", 5, "AAAAAA==", None), ("gs://b/b", 5, "AAAAAA==", None), True),
        (("gs://b/a", 5, "AAAAAA==", "m"), ("gs://b/b", 5, "AAAAAA==", None), True),
        (("gs://b/a", 5, None, "m"), ("gs://b/b", 5, None, "m"), True),
        (("gs://b/a", 5, "AAAAAA==", None), ("gs://b/b", 6, "AAAAAA==", None), False),
        (("gs://b/a", 5, "AAAAAA==", None), ("gs://b/b", 5, "BAAAAA==", None), False),
        (("gs://b/a", None, "AAAAAA==", None), ("gs://b/b", None, "AAAAAA==", None), False),
        (("gs://b/a", 5, None, None), ("gs://b/b", 5, None, None), False),
        (("gs://b/a", 0, "AAAAAA==", None), ("gs://b/b", 0, "AAAAAA==", None), False),
        (("gs://b/a", None, None, None), ("gs://b/a", None, None, None), True),
    ],
)
def test_objects_are_the_same_by_size_and_checksum(
    one: tuple[object, ...], other: tuple[object, ...], same: bool
) -> None:
    assert (identity(*one) == identity(*other)) is same  # type: ignore[arg-type]


def use(split: str, shard: int, line: int, uri: str, *segments: tuple[int, int]) -> PackUses:
    one = MediaUse(uri, line, list(segments), uri.partition("?")[0])
    return PackUses(f"{split}/{shard}/9", split, f"{split}.jsonl", shard * 100, f"{split}{shard}".encode(), [one])


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_each_shard_learns_what_the_other_split_uses(chance: object) -> None:
    uses = [
        *(use("train", 2, 7, "gs://b/a", (5, 9)), use("train", 1, 3, "gs://b/a?copy", (0, 2))),
        *(use("validation", 0, 4, "gs://b/a", (20, 30)), use("validation", 1, 0, "gs://b/a", (25, 40))),
        *(use("train", 1, 1, "gs://b/only-train"), use("train", 2, 1, "gs://b/only-train")),
        use("validation", 0, 1, "gs://b/only-validation"),
    ]
    chance.shuffle(uses)  # type: ignore[attr-defined]
    leaks = find_leaks(uses)
    assert set(leaks) == {"train/1/9", "train/2/9", "validation/0/9", "validation/1/9"}
    (of_train,) = leaks["train/1/9"]
    assert (of_train.uri, of_train.other_uri, of_train.segments) == ("gs://b/a?copy", "gs://b/a", [(20, 40)])
    assert (of_train.other.split, of_train.other.lines_before) == ("validation", 4)
    (of_validation,) = leaks["validation/1/9"]
    assert (of_validation.other_uri, of_validation.segments) == ("gs://b/a?copy", [(0, 2), (5, 9)])


def test_a_whole_object_overlaps_every_segment_of_it() -> None:
    leaks = find_leaks([use("train", 0, 0, "gs://b/a"), use("validation", 0, 0, "gs://b/a", (20, 30))])
    assert leaks["validation/0/9"][0].segments == [(0, END_NS)]
    assert leaks["train/0/9"][0].segments == [(20, 30)]
