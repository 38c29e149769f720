"""Shards keep the order of the input, and lines are numbered file by file."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset import layout
from beam_tuning.dataset.layout import PackSize, Shard, all_shards, first_lines, place_files
from beam_tuning.dataset.lines import InputFile, ranges_of

_files = st.lists(
    st.builds(
        InputFile,
        st.sampled_from(["train", "validation"]),
        st.sampled_from(["a.jsonl", "b.jsonl", "c.jsonl.gz", "d.jsonl"]),
        st.integers(0, 500),
    ),
    unique_by=lambda file: file[:2],
)

_packs = st.lists(
    st.tuples(
        st.sampled_from(["train", "validation"]),
        st.sampled_from(["a.jsonl", "b.jsonl", "c.jsonl"]),
        st.integers(0, 50),
        st.integers(1, 9),
    ),
    unique_by=lambda pack: pack[:3],
).map(lambda packs: [PackSize(*pack, f"{pack[0]}/{pack[1]}/{pack[2]}".encode()) for pack in packs])


@given(files=_files, shard_bytes=st.integers(1, 300))
def test_shards_keep_the_order_of_the_input(files: list[InputFile], shard_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SHARD_BYTES", shard_bytes)
        placed = place_files(files)
        known = set(all_shards(placed))
        last: dict[str, Shard] = {}
        for one in placed:
            compressed = one.file.path.endswith(".gz")
            for line_range in ranges_of(one.file, compressed=compressed, range_bytes=97):
                for offset in range(line_range.start, line_range.stop or 10 * one.file.size_bytes, 13):
                    shard = one.shard_of(line_range, offset)
                    assert shard in known
                    assert shard >= last.get(shard.split, shard)
                    last[shard.split] = shard
    assert [one.file for one in placed] == sorted(files)
    assert {shard.split for shard in known} == {file.split for file in files}


@given(files=_files.filter(bool))
def test_every_shard_is_known_before_anything_is_read(files: list[InputFile]) -> None:
    shards = list(all_shards(place_files(files)))
    for split in {file.split for file in files}:
        numbers = [shard.number for shard in shards if shard.split == split]
        assert numbers == list(range(len(numbers)))
        assert {shard.total for shard in shards if shard.split == split} == {len(numbers)}


@given(packs=_packs, seed=st.randoms(use_true_random=False))
def test_lines_are_numbered_from_one_in_each_file(packs: list[PackSize], seed: object) -> None:
    numbers = first_lines(packs)
    next_line: dict[tuple[str, str], int] = defaultdict(lambda: 1)
    for pack in sorted(packs):
        assert numbers[pack.key] == next_line[pack.split, pack.path]
        next_line[pack.split, pack.path] += pack.lines
    shuffled = list(packs)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert first_lines(shuffled) == numbers


def test_a_shard_and_its_key_say_the_same() -> None:
    shard = Shard("validation", 3, 12)
    assert Shard.from_key(shard.key) == shard
