"""Packs tile a file: every byte in exactly one pack, every pack a run of whole lines, for any ranges and pack sizes."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.dataset import lines as lines_module
from beam_tuning.dataset.lines import (
    InputFile,
    LinePack,
    LineRange,
    count_lines,
    gunzip,
    ranges_of,
    read_packs,
    split_lines,
)
from beam_tuning.errors import FileNotJsonLines, FileTruncated, FileUnreadable

_bytes_of_lines = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b'{"x": 1}', b"\r", b"\x00", b"\xff"])).map(
    b"".join
)


def packs_of(data: bytes, range_bytes: int, pack_bytes: int) -> list[tuple[int, bytes]]:
    file = InputFile("train", "f", len(data))
    return [
        pack
        for line_range in ranges_of(file, compressed=False, range_bytes=range_bytes)
        for pack in read_packs(io.BytesIO(data), line_range, pack_bytes)
    ]


@settings(deadline=None, max_examples=300)
@given(
    data=_bytes_of_lines, range_bytes=st.integers(1, 40), pack_bytes=st.integers(1, 30), read_bytes=st.integers(1, 9)
)
def test_packs_tile_a_plain_file(data: bytes, range_bytes: int, pack_bytes: int, read_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_READ_BYTES", read_bytes)
        packs = packs_of(data, range_bytes, pack_bytes)
    position = 0
    for offset, pack in packs:
        assert offset == position
        assert pack
        position += len(pack)
    assert b"".join(pack for _, pack in packs) == data
    assert all(pack.endswith(b"\n") for _, pack in packs[:-1])


@settings(deadline=None, max_examples=200)
@given(
    members=st.lists(_bytes_of_lines, max_size=4),
    padding=st.sampled_from([b"", b"\0", b"\0" * 600]),
    pack_bytes=st.integers(1, 30),
    read_bytes=st.integers(1, 50),
)
def test_packs_tile_a_gzip_file_of_any_members(
    members: list[bytes], padding: bytes, pack_bytes: int, read_bytes: int
) -> None:
    stored = b"".join(gzip.compress(member) + padding for member in members)
    whole = LineRange("train", "f.gz", 0, None, compressed=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_READ_BYTES", read_bytes)
        packs = list(read_packs(io.BytesIO(stored), whole, pack_bytes))
    assert b"".join(pack for _, pack in packs) == b"".join(members)
    assert [offset for offset, _ in packs] == [sum(len(p) for _, p in packs[:i]) for i in range(len(packs))]


@settings(deadline=None)
@given(data=_bytes_of_lines, cut=st.integers(1, 19))
def test_a_gzip_file_cut_short_is_an_error_not_an_end(data: bytes, cut: int) -> None:
    stored = gzip.compress(data)
    with pytest.raises(FileTruncated, match="cut short") as caught:
        list(gunzip(io.BytesIO(stored[:-cut]), "gs://bucket/train.jsonl.gz"))
    assert "gs://bucket/train.jsonl.gz" in str(caught.value)


def test_a_second_member_cut_short_is_an_error() -> None:
    stored = gzip.compress(b"one\n") + gzip.compress(b"two\n" * 1000)[:30]
    with pytest.raises(FileTruncated):
        list(gunzip(io.BytesIO(stored), "f.gz"))


@pytest.mark.parametrize("damage", [b"garbage behind the member", b"\x1f\x8b\x08garbage"])
def test_damaged_gzip_is_an_error_that_names_the_file(damage: bytes) -> None:
    with pytest.raises((FileUnreadable, FileTruncated), match=r"f\.gz|gzip"):
        list(gunzip(io.BytesIO(gzip.compress(b"one\n") + damage), "f.gz"))


def test_a_flipped_bit_in_gzip_data_is_an_error() -> None:
    stored = bytearray(gzip.compress(b"some text that compresses a bit, a bit, a bit\n" * 50))
    stored[-6] ^= 1  # within the checksum
    with pytest.raises(FileUnreadable, match="damaged"):
        list(gunzip(io.BytesIO(bytes(stored)), "f.gz"))


def test_a_gzip_bomb_comes_in_chunks_of_bounded_size() -> None:
    stored = gzip.compress(bytes(64 << 20))
    assert max(map(len, gunzip(io.BytesIO(stored), "f.gz"))) <= 1 << 20


def test_a_line_of_50_mb_is_one_pack_with_its_neighbours_intact() -> None:
    data = b"first\n" + b"x" * 50_000_000 + b"\nlast"
    packs = packs_of(data, range_bytes=16 << 20, pack_bytes=1 << 20)
    assert b"".join(pack for _, pack in packs) == data
    assert sum(b"x" in pack for _, pack in packs) == 1


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 100_000)
    endless = LineRange("train", "f", 0, 10_000_000, compressed=False)
    with pytest.raises(FileNotJsonLines, match="does not end"):
        list(read_packs(io.BytesIO(bytes(10_000_000)), endless, 1000))


@given(data=_bytes_of_lines)
def test_count_lines_counts_what_split_lines_gives(data: bytes) -> None:
    assert count_lines(data) == len(split_lines(data))


@given(data=_bytes_of_lines.filter(bool), offset=st.integers(0, 2**50))
def test_a_pack_gives_its_lines_with_their_offsets(data: bytes, offset: int) -> None:
    pack = LinePack.of("train", "f", offset, data)
    assert zlib.decompress(pack.data) == data
    for line_offset, line in pack.lines():
        start = line_offset - offset
        assert data[start : start + len(line)] == line
        assert data[start + len(line) : start + len(line) + 1] in (b"\n", b"")
        assert start == 0 or data[start - 1 : start] == b"\n"


def test_keys_differ_by_split_file_and_offset_and_are_the_same_in_every_attempt() -> None:
    packs = [
        LinePack(split, path, offset, b"") for split in ("train", "validation") for path in "ab" for offset in (0, 9)
    ]
    keys = [pack.key for pack in packs]
    assert len(set(keys)) == len(packs)
    assert keys == [LinePack(pack.split, pack.path, pack.offset_bytes, b"other").key for pack in packs]
    assert {len(key) for key in keys} == {16}
