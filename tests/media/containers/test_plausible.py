"""Lengths that no object can have are unknown, whatever the container and however it claims them."""

from __future__ import annotations

import struct

import pytest
from box_surgery import box, find, put
from ebml_making import OPUS, block, cluster, header, info, segment
from media_making import make_media, make_mp4
from plan_driving import Driven, drive

from beam_tuning.media.containers import plan_for
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.plausible import without_absurd_lengths
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, StreamInfo


class _AnyReader:
    """Whichever reader takes the bytes."""

    def matches(self, head: bytes) -> bool:
        return True

    def plan(self, head: bytes, size_bytes: int) -> Plan:
        return plan_for(head, size_bytes)


def driven(data: bytes) -> Driven:
    return drive(_AnyReader(), data)


def small_fragments(samples: int, step: int, timescale: int = 1) -> bytes:
    """A fragmented MP4 of some 300 bytes that claims so many samples of `step` ticks."""
    media = box(b"mdhd", bytes(12), struct.pack(">II", timescale, 0), bytes(4)) + box(
        b"hdlr", bytes(8), b"soun", bytes(13)
    )
    moov = box(
        b"moov",
        box(
            b"trak",
            box(b"tkhd", bytes(12), struct.pack(">I", 1), bytes(68)),
            box(b"mdia", media, box(b"minf", box(b"stbl"))),
        ),
        box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, step, 1, 0))),
    )
    fragment = box(
        b"moof",
        box(b"mfhd", bytes(8)),
        box(
            b"traf",
            box(b"tfhd", struct.pack(">II", 0, 1)),
            box(b"tfdt", bytes(8)),
            box(b"trun", struct.pack(">II", 0, samples)),
        ),
    )
    return box(b"ftyp", b"isom", bytes(4)) + moov + fragment + box(b"mdat", bytes(8))


@pytest.mark.parametrize(("samples", "step"), [(2**32 - 1, 1), (1, 2**32 - 1), (2**32 - 1, 2**32 - 1), (1000, 10)])
def test_a_small_fragmented_file_does_not_last_for_years(samples: int, step: int) -> None:
    data = small_fragments(samples, step)
    assert len(data) < 400
    info = driven(data).info
    assert info.duration_s is None
    assert info.duration_unknown == f"{samples * step:.6g} s cannot be true of an object of {len(data)} bytes"
    assert [stream.duration_s for stream in info.streams] == [None]


def test_a_small_fragmented_file_may_last_for_a_while() -> None:
    assert driven(small_fragments(200, 1)).info.duration_s == 200


def of_an_mp4() -> bytes:
    data = make_mp4(video=None, duration_s=1)
    for at in ("moov/mvhd", "moov/trak/mdia/mdhd"):
        data = put(data, find(data, at).body + 12, 1)
    return data


def of_a_wav() -> bytes:
    data = make_media("wav", audio="pcm_s16le", duration_s=1)
    at = data.index(b"fmt ") + 12
    return data[:at] + struct.pack("<I", 1) + data[at + 4 :]


def of_an_avi() -> bytes:
    data = make_media("avi", video="mpeg4", duration_s=1)
    at = data.index(b"strh") + 8 + 20
    return data[:at] + struct.pack("<II", 2**31, 1) + data[at + 8 :]


@pytest.mark.parametrize("make", [of_an_mp4, of_a_wav, of_an_avi])
def test_other_containers_have_no_absurd_lengths(make: object) -> None:
    assert callable(make)
    data = make()
    info = driven(data).info
    longest_s = min(len(data), 1e6)
    assert info.duration_s is None or info.duration_s <= longest_s
    assert all((stream.duration_s or 0) <= longest_s for stream in info.streams)


def test_matroska_takes_the_blocks_where_info_is_absurd() -> None:
    data = header() + segment(info(duration=1e13), OPUS, cluster(0, *(block(20 * at) for at in range(50))))
    assert driven(data).info.duration_s == pytest.approx(1)


@pytest.mark.parametrize(
    ("duration_s", "size_bytes", "is_believed"),
    [
        (0.0, 1, True),
        (1.0, 1, True),
        (1.1, 1, False),
        (1e6, 1 << 40, True),
        (1.01e6, 1 << 40, False),
        (36_000.0, 10**8, True),
    ],
)
def test_bounds(duration_s: float, size_bytes: int, is_believed: bool) -> None:
    media = MediaInfo("mp4", MediaKind.AUDIO, (StreamInfo(MediaKind.AUDIO, duration_s=duration_s),), duration_s)
    found = without_absurd_lengths(media, size_bytes)
    assert isinstance(found, MediaInfo)
    assert (found == media) is is_believed
    assert (found.duration_unknown is None) is is_believed


def test_a_stream_alone_may_be_absurd() -> None:
    streams = (StreamInfo(MediaKind.AUDIO, duration_s=5.0), StreamInfo(MediaKind.VIDEO, duration_s=1e9))
    found = without_absurd_lengths(MediaInfo("mp4", MediaKind.VIDEO, streams, 5.0), 1000)
    assert isinstance(found, MediaInfo)
    assert (found.duration_s, [stream.duration_s for stream in found.streams]) == (5.0, [5.0, None])


def test_failures_and_pictures_pass() -> None:
    for media in (ProbeFailure(FailureKind.UNREADABLE, "x"), MediaInfo("png", MediaKind.IMAGE)):
        assert without_absurd_lengths(media, 0) is media
