"""What the readers share: moving over an object, runs of bytes out of pieces, codec names."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.media.containers.plan import HEAD_BYTES, Plan, Ranges, Stream
from beam_tuning.media.containers.reading import ByteStream, Window, cut_at, read, shifted, stream
from beam_tuning.media.containers.windows_codecs import parse_wave_format, video_codec
from beam_tuning.media.info import FailureKind, ProbeFailure

OBJECT = bytes(number * 7 & 0xFF for number in range(500_000))


class Asked:
    """Answers the requests of a part of a plan from `OBJECT`, and keeps them."""

    def __init__(self) -> None:
        self.requests: list[Ranges | Stream] = []

    def run(self, part: Generator[object, object, object]) -> object:
        try:
            request = next(part)
            while True:
                assert isinstance(request, Ranges | Stream)
                self.requests.append(request)
                if isinstance(request, Stream):
                    request = part.send(iter([OBJECT[request.start :]]))
                else:
                    assert all(0 <= start < stop <= len(OBJECT) for start, stop in request.ranges)
                    request = part.send(tuple(OBJECT[start:stop] for start, stop in request.ranges))
        except StopIteration as ended:
            return ended.value


@settings(max_examples=60)
@given(
    head_bytes=st.integers(0, HEAD_BYTES),
    steps=st.lists(st.tuples(st.integers(0, len(OBJECT) + 10), st.integers(0, 90_000)), max_size=12),
)
def test_a_window_gives_the_objects_bytes_or_none(head_bytes: int, steps: list[tuple[int, int]]) -> None:
    asked = Asked()
    window = Window(OBJECT[:head_bytes], len(OBJECT))
    for position, length in steps:
        moves = len(asked.requests)
        found = asked.run(window.at(position, length))
        if found != OBJECT[position : position + length]:
            # Only when it has moved as often as it may.
            assert found == b""
            assert moves == 8
    assert len(asked.requests) <= 8


def test_a_window_asks_for_nothing_that_it_holds() -> None:
    asked = Asked()
    window = Window(OBJECT[:1000], len(OBJECT))
    assert asked.run(window.at(990, 10)) == OBJECT[990:1000]
    assert window.held(995) == OBJECT[995:1000]
    assert asked.requests == []
    asked.run(window.at(400_000, 4))
    assert asked.run(window.at(410_000, 40_000)) == OBJECT[410_000:450_000]
    assert len(asked.requests) == 1
    assert window.held(1000) == b""


def test_a_window_reads_only_what_it_lacks_when_it_moves_on() -> None:
    asked = Asked()
    window = Window(OBJECT[:1000], len(OBJECT))
    asked.run(window.at(600, 1000))
    (moved,) = asked.requests
    assert isinstance(moved, Ranges)
    assert [one.start for one in moved.ranges] == [1000]


@settings(max_examples=60)
@given(
    pieces=st.lists(st.binary(max_size=20), max_size=20),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=20),
)
def test_a_byte_stream_is_its_pieces_joined(pieces: list[bytes], steps: list[tuple[bool, int]]) -> None:
    whole, position = b"".join(pieces), 0
    data = ByteStream(iter(pieces))
    for takes, length in steps:
        if takes:
            assert data.take(length) == whole[position : position + length]
        else:
            assert data.skip(length) == (position + length <= len(whole))
        position = min(position + length, len(whole))
        assert data.position == position


@pytest.mark.parametrize("offset", [0, 1, 70_000])
def test_a_shifted_plan_reads_behind_the_offset(offset: int) -> None:
    def inner() -> Plan:
        first, second = yield from read((0, 4), (10, 20))
        pieces = yield from stream(30)
        return ProbeFailure(FailureKind.UNREADABLE, (first + second + next(pieces)[:5]).hex())

    asked = Asked()
    answer = asked.run(shifted(inner(), offset))
    seen = OBJECT[offset:]
    assert isinstance(answer, ProbeFailure)
    assert answer.message == (seen[0:4] + seen[10:20] + seen[30:35]).hex()


def test_a_shifted_plan_may_ask_for_nothing() -> None:
    def inner() -> Plan:
        yield from ()
        return ProbeFailure(FailureKind.EMPTY, "nothing")

    assert Asked().run(shifted(inner(), 5)) == ProbeFailure(FailureKind.EMPTY, "nothing")


@pytest.mark.parametrize(("end", "size", "is_cut"), [(10, 10, False), (9, 10, False), (11, 10, True), (0, 0, False)])
def test_what_ends_beyond_the_object_is_cut(end: int, size: int, is_cut: bool) -> None:
    sentence = cut_at("the box", end, size)
    assert sentence == (f"the box ends at byte {end}, the object at byte {size}" if is_cut else None)


@pytest.mark.parametrize(
    ("fourcc", "codec"),
    [
        (b"H264", "h264"),
        (b"h264", "h264"),
        (b"XviD", "mpeg4"),
        (b"divx", "mpeg4"),
        (b"WMV3", "wmv3"),
        (b"MJPG", "mjpeg"),
        (b"\0\0\0\0", "rawvideo"),
        (b"DIB ", "rawvideo"),
        (b"ZZZZ", None),
        (b"\xff\xfe\0\1", None),
        (b"", None),
    ],
)
def test_video_codecs_by_fourcc(fourcc: bytes, codec: str | None) -> None:
    assert video_codec(fourcc) == codec


@pytest.mark.parametrize(
    ("tag", "bits", "codec"),
    [
        (1, 8, "pcm_u8"),
        (1, 16, "pcm_s16le"),
        (1, 20, "pcm_s24le"),
        (1, 255, None),
        (3, 32, "pcm_f32le"),
        (3, 16, None),
        (0x55, 0, "mp3"),
        (0x161, 16, "wmav2"),
        (0x1234, 16, None),
    ],
)
def test_audio_codecs_by_format_tag(tag: int, bits: int, codec: str | None) -> None:
    plain = tag.to_bytes(2, "little") + bytes(12) + bits.to_bytes(2, "little")
    extensible = b"\xfe\xff" + plain[2:] + (22).to_bytes(2, "little") + bytes(6) + tag.to_bytes(2, "little") + bytes(14)
    for data in (plain, extensible):
        wave = parse_wave_format(data)
        assert wave is not None
        assert wave.codec == codec


@pytest.mark.parametrize("length", [0, 1, 13])
def test_a_wave_format_that_is_too_short(length: int) -> None:
    assert parse_wave_format(bytes(length)) is None
