"""Packs tile a file: every byte in exactly one pack, every pack a run of whole lines, for any ranges and pack sizes."""

from __future__ import annotations

import gzip
import io
import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.dataset import lines as lines_module
from beam_tuning.dataset import packs as packs_module
from beam_tuning.dataset.lines import (
    ExpansionLimit,
    InputFile,
    LineRange,
    gunzip,
    ranges_of,
    read_packs,
)
from beam_tuning.dataset.packs import LinePack, PackedLine, count_lines, split_lines
from beam_tuning.errors import FileExpandsTooFar, FileNotJsonLines, FileTruncated, FileUnreadable

_bytes_of_lines = st.lists(
    st.sampled_from([b"\n", b"\r\n", b" \n", b" ", b"\t", b"a", b"bc", b'{"x": 1}', b"\r", b"\x00", b"\xff"])
).map(b"".join)


def packs_of(data: bytes, range_bytes: int, pack_bytes: int) -> list[tuple[int, bytes]]:
    file = InputFile("train", "f", len(data))
    return [
        pack
        for line_range in ranges_of(file, compressed=False, range_bytes=range_bytes)
        for pack in read_packs(io.BytesIO(data), line_range, pack_bytes)
    ]


@settings(max_examples=300)
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


@settings(max_examples=200)
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


class _CountingStream(io.BytesIO):
    """Counts the bytes that are read from it."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_READ_LINE_BYTES", 100_000)
    monkeypatch.setattr(lines_module, "_READ_BYTES", 1000)
    endless = LineRange("train", "f", 0, 10_000_000, compressed=False)
    stream = _CountingStream(bytes(10_000_000))
    with pytest.raises(FileNotJsonLines, match="does not end"):
        list(read_packs(stream, endless, 1000))
    assert stream.read_bytes <= 100_000 + 2 * 1000


def test_a_line_without_end_is_read_once_not_once_for_each_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_READ_LINE_BYTES", 100_000)
    monkeypatch.setattr(lines_module, "_READ_BYTES", 1000)
    size, range_bytes = 3_000_000, 10_000
    stream = _CountingStream(b"first\n" + b"x" * (size - 6))
    packs: list[bytes] = []
    faults = 0
    for line_range in ranges_of(InputFile("train", "f", size), compressed=False, range_bytes=range_bytes):
        try:
            for _, pack in read_packs(stream, line_range, 1000):
                packs.append(pack)
        except FileNotJsonLines:
            faults += 1
    assert (packs, faults) == ([b"first\n"], 1)
    assert stream.read_bytes <= size + 100_000 + (size // range_bytes) * 2000


@given(data=_bytes_of_lines, offset=st.integers(0, 2**50))
def test_lines_that_are_not_blank_are_given_with_their_places(data: bytes, offset: int) -> None:
    expected, start = [], offset
    for index, line in enumerate(data.split(b"\n")):
        if line.strip():
            expected.append(PackedLine(index, start, line))
        start += len(line) + 1
    assert list(split_lines(data, offset)) == expected
    assert [line.offset_bytes + offset for line in split_lines(data)] == [line.offset_bytes for line in expected]
    pack = LinePack.of("train", "f", offset, data)
    assert list(pack.lines()) == expected
    assert pack.line_count == count_lines(data) == len(io.BytesIO(data).readlines())


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b" \t\n"])
def test_blank_lines_are_passed_over_in_bulk(monkeypatch: pytest.MonkeyPatch, blank: bytes) -> None:
    class Counting:
        calls = 0
        pattern = packs_module._BLANK_LINES

        def match(self, data: bytes, start: int) -> re.Match[bytes] | None:
            self.calls += 1
            return self.pattern.match(data, start)

    counting = Counting()
    monkeypatch.setattr(packs_module, "_BLANK_LINES", counting)
    lines = list(split_lines(b"{}\n" + blank * 300_000 + b"  {}\n" + blank * 300_000))
    assert [(line.lines_before, line.line) for line in lines] == [(0, b"{}"), (300_001, b"  {}")]
    assert counting.calls <= 5


def _json_lines(count: int, seed: int) -> bytes:
    chance = random.Random(seed)
    words = [f"word{number}" for number in range(2000)]
    prompt = "Describe what is heard in this recording, in one sentence, without guessing. " * 3
    return b"".join(
        json.dumps(
            {
                "contents": [
                    {"role": "user", "parts": [{"text": prompt}, {"fileData": {"fileUri": f"gs://b/{number}.mp3"}}]},
                    {"role": "model", "parts": [{"text": chance.choice(words)}]},
                ]
            }
        ).encode()
        + b"\n"
        for number in range(count)
    )


def test_json_lines_expand_no_further_than_is_allowed_at_first() -> None:
    data = _json_lines(20_000, seed=20261126)
    stored = gzip.compress(data)
    assert 20 < len(data) / len(stored) < 60
    whole = LineRange("train", "f.gz", 0, None, compressed=True)
    packs = read_packs(io.BytesIO(stored), whole, expansion=ExpansionLimit(len(stored), 100))
    assert b"".join(pack for _, pack in packs) == data


@pytest.mark.parametrize("body", [b"\n", b"{}\n", b"\0"], ids=["newlines", "objects", "zeros"])
def test_what_a_small_gzip_file_expands_to_is_bounded(body: bytes) -> None:
    stored = gzip.compress(body * (20_000_000 // len(body)))
    whole = LineRange("train", "bomb.gz", 0, None, compressed=True)
    packs: list[bytes] = []

    def read() -> None:
        for _, pack in read_packs(io.BytesIO(stored), whole, expansion=ExpansionLimit(len(stored), 100)):
            packs.append(pack)

    with pytest.raises(FileExpandsTooFar, match=r"more than 100 times") as caught:
        read()
    assert sum(map(len, packs)) <= max(100 * len(stored), 1 << 20)
    assert "--max_expansion" in str(caught.value)
    assert "bomb.gz" in str(caught.value)


def test_the_bound_is_exact_and_a_mebibyte_is_always_allowed() -> None:
    limit = ExpansionLimit(stored_bytes=400_000, times=20)
    limit.check(8_000_000, "f")
    with pytest.raises(FileExpandsTooFar):
        limit.check(8_000_001, "f")
    ExpansionLimit(stored_bytes=10, times=1).check(1 << 20, "f")
    with pytest.raises(FileExpandsTooFar):
        ExpansionLimit(stored_bytes=10, times=1).check((1 << 20) + 1, "f")


def test_keys_differ_by_split_file_and_offset_and_are_the_same_in_every_attempt() -> None:
    packs = [
        LinePack(split, path, offset, 0, b"") for split in ("train", "validation") for path in "ab" for offset in (0, 9)
    ]
    keys = [pack.key for pack in packs]
    assert len(set(keys)) == len(packs)
    assert keys == [LinePack(pack.split, pack.path, pack.offset_bytes, 9, b"other").key for pack in packs]
    assert {len(key) for key in keys} == {16}
