"""Placements keep the order of the input and count lines for each file."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset.layout import PackSize, Placement, place_packs

_packs = st.lists(
    st.tuples(
        st.sampled_from(["train", "validation"]),
        st.sampled_from(["a.jsonl", "b.jsonl", "c.jsonl"]),
        st.integers(0, 50),
        st.integers(1, 9),
        st.integers(1, 100),
    ),
    unique_by=lambda pack: pack[:3],
).map(lambda packs: [PackSize(*pack, f"{pack[0]}/{pack[1]}/{pack[2]}".encode()) for pack in packs])


@given(packs=_packs, shard_bytes=st.integers(1, 300), seed=st.randoms(use_true_random=False))
def test_shards_keep_the_order_of_the_input_and_their_size(
    packs: list[PackSize], shard_bytes: int, seed: object
) -> None:
    placed = dict(place_packs(packs, shard_bytes))
    shuffled = list(packs)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert placed == dict(place_packs(shuffled, shard_bytes))
    assert set(placed) == {pack.key for pack in packs}
    by_split: dict[str, list[tuple[PackSize, Placement]]] = defaultdict(list)
    for pack in sorted(packs):
        by_split[pack.split].append((pack, placed[pack.key]))
    for of_split in by_split.values():
        assert [placement.ordinal for _, placement in of_split] == list(range(len(of_split)))
        shards = [placement.shard for _, placement in of_split]
        assert shards == sorted(shards)
        assert set(shards) == set(range(shards[-1] + 1))
        assert {placement.shards for _, placement in of_split} == {shards[-1] + 1}
        for shard in set(shards):
            sizes = [pack.size_bytes for pack, placement in of_split if placement.shard == shard]
            assert len(sizes) == 1 or sum(sizes) <= shard_bytes


@given(packs=_packs)
def test_lines_are_numbered_from_one_in_each_file(packs: list[PackSize]) -> None:
    placed = dict(place_packs(packs))
    next_line: dict[tuple[str, str], int] = defaultdict(lambda: 1)
    for pack in sorted(packs):
        assert placed[pack.key].first_line == next_line[pack.split, pack.path]
        next_line[pack.split, pack.path] += pack.lines


def test_nothing_is_placed_nowhere() -> None:
    assert list(place_packs([])) == []
