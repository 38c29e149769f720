"""Which examples are chosen: laws that hold for any dataset, and limits as tables."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.curation.groups import groups_of
from beam_tuning.curation.room import Room
from beam_tuning.curation.selection import (
    MOST_STRATA_TOLD,
    Chosen,
    Fate,
    KeptShard,
    Selection,
    choose,
    rank_of,
)
from beam_tuning.dataset.layout import Shard

LARGE = Room(
    text_examples=10**7,
    multimodal_examples=10**6,
    train_bytes=10**12,
    validation_examples=10**6,
    validation_percent=100,
    validation_percent_from=0,
)


def room(**limits: int) -> Room:
    return msgspec.structs.replace(LARGE, **limits)


#: (line, stratum, media keys)
Kept = tuple[bytes, str, tuple[bytes, ...]]


def key_of(name: str) -> bytes:
    return name.encode().rjust(16, b"\0")


def shards_of(examples: list[Kept], shards: int, split: str = "train", seed: int = 0) -> list[KeptShard]:
    made = []
    for number in range(shards):
        part = examples[number * len(examples) // shards : (number + 1) * len(examples) // shards]
        strata = list(dict.fromkeys(stratum for _, stratum, _ in part))
        made.append(
            KeptShard(
                shard=Shard(split, number, shards),
                ranks=b"".join(rank_of(line, seed) for line, _, _ in part),
                sizes_bytes=[len(line) + 1 for line, _, _ in part],
                strata=strata,
                stratum_of=[strata.index(stratum) for _, stratum, _ in part],
                has_media=[bool(keys) for _, _, keys in part],
                share_counts=[len(keys) for _, _, keys in part],
                shared=b"".join(key for _, _, keys in part for key in keys),
            )
        )
    return made


def fates_of(chosen: Chosen, examples: list[Kept], shards: int, split: str = "train") -> list[tuple[Kept, int]]:
    fates = b"".join(chosen.fates[Shard(split, number, shards).key] for number in range(shards))
    return list(zip(examples, fates, strict=True))


EXAMPLES = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=3),
        st.sampled_from(["video", "audio", "text only"]),
        st.lists(st.sampled_from([key_of(str(number)) for number in range(12)]), max_size=3).map(tuple),
    ),
    max_size=40,
)


@given(EXAMPLES, st.integers(1, 7), st.integers(1, 50), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_sample_does_not_depend_on_order_and_shards(
    examples: list[Kept], shards: int, most: int, chance: random.Random
) -> None:
    selection = Selection(max_examples=most)
    shuffled = list(examples)
    chance.shuffle(shuffled)

    def taken(given: list[Kept], cut: int) -> Counter[tuple[bytes, str]]:
        chosen = choose(chance.sample(parts := shards_of(given, cut), len(parts)), selection, LARGE)
        assert sum(one.kept for one in chosen.strata) == len(given)
        return Counter((one[0], one[1]) for one, fate in fates_of(chosen, given, cut) if fate == Fate.TAKEN)

    first = taken(examples, 1)
    assert sum(first.values()) == min(most, len(examples))
    # Lines that are the same to the last byte may lie in several strata here; nowhere else.
    if len({line for line, _, _ in examples}) == len(examples):
        assert taken(shuffled, shards) == first


@given(EXAMPLES, st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_proportions_are_kept_to_within_one(examples: list[Kept], most: int) -> None:
    chosen = choose(shards_of(examples, 2), Selection(max_examples=most), LARGE)
    for one in chosen.strata:
        assert abs(one.taken - min(most, len(examples)) * one.kept / len(examples)) <= 1


@given(EXAMPLES, st.integers(1, 5), st.floats(0.01, 0.5), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_nothing_that_is_shared_stands_on_both_sides(
    examples: list[Kept], shards: int, share: float, seed: int
) -> None:
    selection = Selection(validation_split=share, seed=seed)
    chosen = choose(shards_of(examples, shards, seed=seed), selection, LARGE)
    sides: dict[int, set[bytes]] = {Fate.TAKEN: set(), Fate.MOVED: set()}
    moved = 0
    for (_, _, keys), fate in fates_of(chosen, examples, shards):
        sides[fate].update(keys)
        moved += fate == Fate.MOVED
    assert sides[Fate.TAKEN].isdisjoint(sides[Fate.MOVED])
    assert moved <= len(examples) * share + 1e-6


def plain(count: int, *, stratum: str = "text only", media: bool = False) -> list[Kept]:
    return [(b"line %d" % number, stratum, (key_of(str(number)),) if media else ()) for number in range(count)]


@pytest.mark.parametrize(
    ("allowed", "media", "taken", "limited_by"),
    [
        (room(text_examples=10), False, 10, "10 training examples"),
        (room(text_examples=10), True, 50, ""),
        (room(multimodal_examples=9), True, 9, "9 training examples"),
        (room(text_examples=50), False, 50, ""),
        (room(train_bytes=0), False, 0, "0 bytes"),
    ],
)
def test_fit_takes_the_most_that_is_allowed(allowed: Room, media: bool, taken: int, limited_by: str) -> None:
    chosen = choose(shards_of(plain(50, media=media), 3), Selection(fits=True), allowed)
    assert sum(one.taken for one in chosen.strata) == taken
    assert chosen.limited_by == limited_by


@pytest.mark.parametrize(
    ("train", "validation", "taken"), [(1000, 60, 50), (100, 60, 30), (10, 60, 20), (0, 60, 20), (1000, 40, 40)]
)
def test_fit_holds_the_validation_examples_against_both_limits(train: int, validation: int, taken: int) -> None:
    allowed = room(validation_examples=50, validation_percent=30, validation_percent_from=20)
    shards = [*shards_of(plain(train), 2), *shards_of(plain(validation), 2, "validation")]
    chosen = choose(shards, Selection(fits=True), allowed)
    assert sum(one.taken for one in chosen.strata if one.split == "validation") == taken


def test_what_many_examples_share_is_not_moved_in_part() -> None:
    examples: list[Kept] = [(b"%d" % number, "video", (key_of("same"),)) for number in range(90)]
    examples += [(b"other %d" % number, "video", (key_of(str(number)),)) for number in range(10)]
    chosen = choose(shards_of(examples, 2), Selection(validation_split=0.2), LARGE)
    moved = [example for example, fate in fates_of(chosen, examples, 2) if fate == Fate.MOVED]
    assert len(moved) == 10
    assert chosen.held_together == 90


def test_examples_hang_together_through_others() -> None:
    shared = np.array([[0, 1], [0, 2], [0, 2], [0, 3], [0, 9]], dtype=np.uint64)
    owners = np.array([0, 0, 1, 1, 2], dtype=np.int64)
    assert groups_of(4, owners, shared).tolist() == [0, 0, 2, 3]


def test_very_many_strata_are_told_together() -> None:
    examples = [(b"%d" % number, str(number % (MOST_STRATA_TOLD + 5)), ()) for number in range(300)]
    chosen = choose(shards_of(examples, 4), Selection(max_examples=100), LARGE)
    assert len(chosen.strata) == MOST_STRATA_TOLD + 1
    assert chosen.strata[-1].name is None
    assert sum(one.taken for one in chosen.strata) == 100


def test_white_space_around_a_line_does_not_change_its_rank() -> None:
    assert rank_of(b' {"a":1}\r', 0) == rank_of(b'{"a":1}', 0) != rank_of(b'{"a":1}', 1)
