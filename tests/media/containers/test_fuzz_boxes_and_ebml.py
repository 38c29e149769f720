"""Damaged MP4 and Matroska: no exception, no read outside the object, bounded reads, no contradiction."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_making import make_media, make_mp4
from plan_driving import Reader, drive

from beam_tuning.media.containers import iso_bmff, matroska

OPUS = {"audio": "libopus", "sample_rate_hz": 48000}
BASES: dict[str, tuple[Reader, Callable[[], bytes]]] = {
    "mp4": (iso_bmff, lambda: make_mp4(duration_s=1, faststart=True)),
    "mp4, moov last": (iso_bmff, lambda: make_mp4(duration_s=4, video_start_s=1)),
    "quicktime": (iso_bmff, lambda: make_mp4(container="mov", audio="pcm_s16le", sample_rate_hz=96000, duration_s=1)),
    "fragments": (iso_bmff, lambda: make_mp4(duration_s=4, fragmented=True)),
    "dash": (iso_bmff, lambda: make_mp4(duration_s=4, muxer_flags="+dash+global_sidx")),
    "smooth streaming": (iso_bmff, lambda: make_mp4(duration_s=2, container="ismv")),
    "webm": (matroska, lambda: make_media("webm", video="libvpx", duration_s=1, **OPUS)),
    "live webm": (matroska, lambda: make_media("webm", video="libvpx", duration_s=4, seekable=False, **OPUS)),
    "matroska": (matroska, lambda: make_media("matroska", video="libx264", audio="aac", duration_s=1)),
}


@functools.cache
def base(name: str) -> bytes:
    return BASES[name][1]()


#: (where, as a share of the file or near a structure, what): overwrite, insert, delete or repeat a few bytes.
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "insert", "delete", "zero", "repeat", "flip"]),
        st.one_of(st.integers(0, 4096), st.integers(-4096, -1), st.integers(0, 1 << 20)),
        st.binary(min_size=1, max_size=16),
    ),
    min_size=1,
    max_size=6,
)


def mutated(data: bytes, mutations: list[tuple[str, int, bytes]]) -> bytes:
    for operation, where, value in mutations:
        at = where % max(len(data), 1)
        rest = data[at:]
        if operation == "overwrite":
            rest = value + rest[len(value) :]
        elif operation == "insert":
            rest = value + rest
        elif operation == "delete":
            rest = rest[len(value) ** 2 :]
        elif operation == "zero":
            rest = bytes(len(value) ** 2) + rest[len(value) ** 2 :]
        elif operation == "repeat":
            rest = rest[: 64 * len(value)] + rest
        elif rest:
            rest = bytes([rest[0] ^ 1 << value[0] % 8]) + rest[1:]
        data = data[:at] + rest
    return data


def drive_if_known(reader: Reader, data: bytes) -> None:
    if not reader.matches(data[:65536]):
        return
    driven = drive(reader, data)
    assert driven.requests <= 24
    assert driven.read_bytes <= 3 * len(data) + 2 * 65536


@pytest.mark.parametrize("name", BASES)
@settings(max_examples=120)
@given(mutations=MUTATIONS)
def test_mutated_files(name: str, mutations: list[tuple[str, int, bytes]]) -> None:
    drive_if_known(BASES[name][0], mutated(base(name), mutations))


@pytest.mark.parametrize("name", BASES)
@settings(max_examples=60)
@given(length=st.integers(1, 1 << 18), mutations=MUTATIONS)
def test_cut_and_mutated_files(name: str, length: int, mutations: list[tuple[str, int, bytes]]) -> None:
    data = base(name)
    drive_if_known(BASES[name][0], mutated(data[: length % len(data) + 1], mutations))


@pytest.mark.parametrize("name", BASES)
def test_every_cut_of_the_header(name: str) -> None:
    data = base(name)
    for length in range(9, min(len(data), 2500), 7):
        drive_if_known(BASES[name][0], data[:length])


@pytest.mark.parametrize("name", BASES)
def test_every_field_of_the_header_at_its_limits(name: str) -> None:
    """Sizes, counts and versions at once: each four bytes of the front become all ones, zeros and a sign."""
    data = base(name)
    start = max(data.find(b"moov") - 4, 0)
    for at in range(start, min(start + 1600, len(data) - 4), 4):
        for value in (b"\xff\xff\xff\xff", bytes(4), b"\x80\0\0\0", b"\x01\0\0\0"):
            drive_if_known(BASES[name][0], data[:at] + value + data[at + 4 :])


@settings(max_examples=100)
@given(st.binary(max_size=300), st.sampled_from([b"\0\0\0\x18ftypisom", b"\x1a\x45\xdf\xa3"]))
def test_any_bytes_behind_the_magic(data: bytes, magic: bytes) -> None:
    drive_if_known(iso_bmff if b"ftyp" in magic else matroska, magic + data)


def test_noise_behind_the_magic() -> None:
    noise = random.Random(7)
    for _ in range(20):
        tail = noise.randbytes(100_000)
        drive_if_known(iso_bmff, b"\0\0\0\x18ftypisom" + tail)
        drive_if_known(
            matroska, b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + tail
        )
