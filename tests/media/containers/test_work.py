"""Files made of the smallest parts there are: every reader comes to its end, or to that of its steps, never to minutes.

Counted work, not time: a step is about a microsecond (`containers/work.py`).
"""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Iterator, Sequence

import pytest
from box_surgery import box
from ebml_making import OPUS, block, cluster, element, header, info, segment, track, tracks, uint
from flac_making import crc_of
from media_making import make_media

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.containers.work import METER, WorkCapError, limited_to, spend
from beam_tuning.media.info import FailureKind, MediaInfo, ObjectInfo, ProbeCost, ProbeFailure
from beam_tuning.media.probe import ProbeCaps, probe_object

FTYP = box(b"ftyp", b"isom", bytes(4))


class Repeated:
    """An object of `size_bytes` bytes that begins with `front`, ends with `end`, and repeats `unit` between them.

    A reader of it, as of a store's; it holds one stretch at a time.
    """

    def __init__(self, front: bytes, unit: bytes, size_bytes: int, end: bytes = b"") -> None:
        self._front, self._end, self._size_bytes = front, end, size_bytes
        self._unit = unit * (1 + (1 << 20) // len(unit))
        self.unit_bytes = len(unit)
        self.streamed_bytes = 0

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        return ObjectInfo(size_bytes=self._size_bytes), self._piece(0, min(head_bytes, self._size_bytes))

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        return tuple(b"".join(self._pieces(start, stop)) for start, stop in ranges)

    def stream(self, start: int) -> Iterator[bytes]:
        for piece in self._pieces(start, self._size_bytes):
            self.streamed_bytes += len(piece)
            yield piece

    def stat(self) -> ObjectInfo:
        raise AssertionError("a probe needs no answer without bytes")

    @property
    def cost(self) -> ProbeCost:
        return ProbeCost()

    def close(self) -> None:
        raise AssertionError("whoever opened the reader closes it")

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, 1 << 16):
            yield self._piece(at, min(at + (1 << 16), stop))

    def _piece(self, start: int, stop: int) -> bytes:
        front = len(self._front)
        piece = self._front[start:stop]
        if stop > front:
            at = max(start - front, 0)
            phase = at % self.unit_bytes
            piece += self._unit[phase : phase + stop - max(start, front)]
        end_at = self._size_bytes - len(self._end)
        if stop > end_at:
            piece = piece[: max(end_at - start, 0)] + self._end[max(start - end_at, 0) : stop - end_at]
        return piece


MIB = 1 << 20
#: MPEG-2.5, layer III, 8 kbit/s at 12 kHz: 48 bytes.
SHORTEST_MP3 = b"\xff\xe3\x14\xc4" + bytes(44)
#: A frame of 192 samples whose checksum is right, numbered 0 each time, so that no two of them are neighbours.
FLAC_HEADER = b"\xff\xf8\x19\x18\x00" + bytes([crc_of(b"\xff\xf8\x19\x18\x00", 8, 0x107)])
#: Every one of these took seconds to minutes: the smallest parts of each container, many times.
HOSTILE: dict[str, Repeated] = {
    "matroska, voids": Repeated(
        header() + segment(info(), OPUS, size=None) + cluster(0, size=None), b"\xec\x80", 80 * MIB
    ),
    "matroska, blocks of no known track": Repeated(
        header() + segment(info(), OPUS, size=None) + cluster(0, size=None),
        block(0, track_number=9, data=b""),
        80 * MIB,
    ),
    "matroska, blocks": Repeated(
        header() + segment(info(), OPUS, size=None) + cluster(0, size=None), block(0, data=b""), 80 * MIB
    ),
    "matroska, groups": Repeated(
        header() + segment(info(), OPUS, size=None) + cluster(0, size=None), b"\xa0\x80", 80 * MIB
    ),
    "matroska, clusters": Repeated(header() + segment(info(), OPUS, size=None), cluster(0, size=None), 80 * MIB),
    "matroska, marks of clusters": Repeated(
        header() + segment(info(), OPUS, size=None) + cluster(0), b"\x1f\x43\xb6\x75", 80 * MIB
    ),
    "matroska, tracks of nothing": Repeated(
        header() + segment(info(), size=None) + element(0x1654AE6B, size=7 * MIB), b"\xec\x80", 8 * MIB
    ),
    "matroska, seeks": Repeated(
        header() + segment(info(), size=None) + element(0x114D9B74, size=7 * MIB), b"\x4d\xbb\x80", 8 * MIB
    ),
    "matroska, tags": Repeated(
        header() + segment(info(), size=None) + element(0x1254C367, size=7 * MIB), b"\x73\x73\x82\x67\xc8\x80", 8 * MIB
    ),
    "mp4, boxes in moov": Repeated(FTYP + struct.pack(">I4s", 15 * MIB, b"moov"), box(b"free"), 16 * MIB),
    "mp4, boxes in a track": Repeated(
        FTYP + struct.pack(">I4sI4s", 15 * MIB, b"moov", 15 * MIB - 8, b"trak"), box(b"free"), 16 * MIB
    ),
    "mp4, edits": Repeated(
        FTYP
        + struct.pack(
            ">I4sI4sI4sI4sII",
            15 * MIB,
            b"moov",
            15 * MIB - 8,
            b"trak",
            15 * MIB - 16,
            b"edts",
            15 * MIB - 24,
            b"elst",
            0,
            2**31,
        ),
        bytes(12),
        16 * MIB,
    ),
    "mp4, boxes behind moov": Repeated(FTYP + box(b"moov", box(b"mvex")), box(b"free"), 80 * MIB),
    "mp4, fragments of nothing": Repeated(
        FTYP
        + box(
            b"moov",
            box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"soun"), box(b"minf", box(b"stbl")))),
            box(b"mvex"),
        ),
        box(b"moof"),
        80 * MIB,
    ),
    "mp4, what looks like fragments": Repeated(
        FTYP
        + box(
            b"moov",
            box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"soun"), box(b"minf", box(b"stbl")))),
            box(b"mvex"),
        ),
        box(b"moof", box(b"mfhd")) + box(b"free") * 4,
        80 * MIB,
        end=bytes(7),
    ),
    "avi, chunks of nothing": Repeated(
        make_media("avi", video="mpeg4", duration_s=0.1).split(b"movi")[0].replace(b"RIFF", b"RIFF", 1)[:4]
        + bytes(4)
        + make_media("avi", video="mpeg4", duration_s=0.1).split(b"movi")[0][8:]
        + b"movi",
        b"00dc\0\0\0\0",
        80 * MIB,
    ),
    "mpeg video, pictures of nothing": Repeated(
        make_media("mpeg2video", video="mpeg2video", duration_s=0.1)[:600], b"\0\0\1\0", 80 * MIB
    ),
    "mpeg program, packets of nothing": Repeated(
        make_media("vob", video="mpeg2video", audio="mp2", duration_s=0.5)[:4096], b"\0\0\1\xbe\0\0", 80 * MIB
    ),
    "mpeg transport, packets of nothing": Repeated(
        make_media("mpegts", video="libx264", duration_s=0.5), b"\x47\x01\0\x10" + bytes(184), 188 * 400_000
    ),
    "heif, properties of nothing": Repeated(
        box(b"ftyp", b"heic", bytes(4))
        + struct.pack(">I4s4xI4sI4s", MIB, b"meta", MIB - 12, b"iprp", MIB - 20, b"ipco"),
        box(b"free"),
        2 * MIB,
    ),
    "mp3, the shortest frames": Repeated(b"", SHORTEST_MP3, 80 * MIB),
    "mp3, headers that no frame follows": Repeated(SHORTEST_MP3 * 40_000, SHORTEST_MP3[:4] + b"\0", 80 * MIB),
    "aac, frames of nothing": Repeated(b"", b"\xff\xf1\x50\x80\x00\xe0\x00", 80 * MIB),
    "loas, frames of little": Repeated(make_media("latm", audio="aac", duration_s=0.5), b"\x56\xe0\x01\x80", 80 * MIB),
    "ac3, the shortest frames": Repeated(b"", b"\x0b\x77\x00\x03\x04\x80\x00\x00", 80 * MIB),
    "flac, what looks like frames": Repeated(
        make_media("flac", audio="flac", duration_s=0.5)[:42].replace(b"fLaC\0", b"fLaC\x80"), FLAC_HEADER, 80 * MIB
    ),
    "ogg, pages of nothing": Repeated(
        make_media("ogg", audio="libopus", duration_s=0.5, sample_rate_hz=48000), b"OggS\0\0" + bytes(21), 80 * MIB
    ),
    "jpeg, segments of nothing": Repeated(b"\xff\xd8\xff", b"\xff", 80 * MIB),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_within_their_steps(name: str) -> None:
    reader = HOSTILE[name]
    with limited_to(10**9) as meter:
        result = probe_object("gs://example-bucket/hostile", reader, ProbeCaps(max_steps=150_000))
        assert meter.spent == 0
    media = result.media
    if isinstance(media, ProbeFailure):
        assert media.kind in (FailureKind.WORK_CAP, FailureKind.UNREADABLE)
        if media.kind is FailureKind.WORK_CAP:
            assert "150000 steps: it is made of very small parts" in media.message
            assert not media.transient
    # The steps count what is done: no more than some bytes of a stream, or one part, for each of them.
    assert reader.streamed_bytes <= max(16, reader.unit_bytes) * 150_000 + MIB


def test_the_usual_steps_are_enough_for_a_long_recording() -> None:
    # Two hours of Opus packets of 20 ms, recorded live, whose clusters have to be read one after the other.
    packets = block(0, data=bytes(40)) * 1000
    front = header() + segment(info(), OPUS, size=None) + cluster(0, size=None)
    reader = Repeated(front, packets, len(front) + 360 * len(packets))
    with limited_to(10**9):
        media = probe_object("gs://example-bucket/long", reader, ProbeCaps(max_steps=ProbeCaps().max_steps // 5)).media
    assert isinstance(media, MediaInfo)


#: (a frame, its length, hours) of formats that are counted frame by frame, at rates at which so many hours may be read.
FRAMES: dict[str, tuple[bytes, float, int]] = {
    # MPEG-2, layer III, 8 kbit/s at 24 kHz: 24 bytes for 24 ms.
    "mp3": (b"\xff\xf3\x14\xc4" + bytes(20), 576 / 24000, 10),
    # ADTS at 44.1 kHz, one channel: 60 bytes for 23.2 ms.
    "aac": (b"\xff\xf1\x50\x40" + (60 << 5 | 0x1F).to_bytes(2, "big") + b"\xfc" + bytes(53), 1024 / 44100, 10),
    # AC-3 at 48 kHz, 32 kbit/s: 128 bytes for 32 ms.
    "ac3": (b"\x0b\x77\x00\x00\x00\x40\x40" + bytes(121), 1536 / 48000, 9),
}


@pytest.mark.parametrize("name", FRAMES)
def test_the_usual_steps_are_enough_for_many_hours_of_frames(name: str) -> None:
    frame, frame_s, hours = FRAMES[name]
    count = math.ceil(hours * 3600 / frame_s)
    with limited_to(10**9):
        media = probe_object("gs://example-bucket/long", Repeated(b"", frame, count * len(frame))).media
    assert isinstance(media, MediaInfo), media
    assert media.container == name
    assert media.duration_s == pytest.approx(count * frame_s)


# -- The count itself ------------------------------------------------------------------------------------------------


def test_without_a_limit_nothing_is_limited() -> None:
    spend(10**12)
    assert METER.spent == 0


@pytest.mark.parametrize("steps", [0, 1, 10, 10**6])
def test_as_many_steps_as_allowed(steps: int) -> None:
    with limited_to(steps) as meter:
        spend(steps)
        assert meter.spent == steps
        with pytest.raises(WorkCapError):
            spend()
    spend(10**12)


def test_limits_within_limits() -> None:
    with limited_to(100) as meter:
        spend(40)
        with limited_to(5) as inner:
            spend(5)
            assert inner.spent == 5
        assert meter.spent == 40
        spend(60)


def test_each_thread_has_its_own() -> None:
    left: list[float] = []
    with limited_to(10):
        thread = threading.Thread(target=lambda: left.append(METER.left))
        thread.start()
        thread.join()
    assert left == [float("inf")]


def test_tracks_of_many_kinds_cost_steps() -> None:
    many = tracks(*(track(number, 2, b"A_OPUS", uint(0x23E383, 1)) for number in range(1, 100)))
    reader = Repeated(header() + segment(info(duration=1000), many, cluster(0, block(0)), size=None), bytes(1), 20_000)
    with limited_to(10**6) as meter:
        assert isinstance(probe_object("gs://example-bucket/tracks", reader).media, MediaInfo)
        assert meter.spent == 0
