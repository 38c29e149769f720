"""AAC in LOAS: real streams, then configurations that no encoder here writes, and bytes that only look like it."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import pytest
from decoding import decoded_s
from media_making import make_media
from plan_driving import drive

from beam_tuning.media.containers import adts, id3, loas, mp3
from beam_tuning.media.containers.plan import HEAD_BYTES

made = functools.cache(make_media)


def bits(*fields: tuple[int, int]) -> bytes:
    """Bytes of (value, number of bits), filled up with zeros."""
    text = "".join(f"{value:0{width}b}" for value, width in fields)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


def frame(payload: bytes) -> bytes:
    return bytes((0x56, 0xE0 | len(payload) >> 8, len(payload) & 0xFF)) + payload


LC_44100_STEREO = ((2, 5), (4, 4), (2, 4), (0, 3))


def configured(
    *config: tuple[int, int],
    version: int = 0,
    same_time: int = 1,
    subframes: int = 1,
    programs: int = 1,
    layers: int = 1,
) -> bytes:
    """A frame with a multiplex configuration."""
    mux = ((0, 1), (version, 1), (same_time, 1), (subframes - 1, 6), (programs - 1, 4), (layers - 1, 3))
    return frame(bits(*mux, *config) + bytes(200))


PLAIN = frame(b"\x80" + bytes(180))


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_streams_are_counted(rate: int, channels: int) -> None:
    data = made("latm", audio="aac", duration_s=12, sample_rate_hz=rate, channels=channels)
    driven = drive(loas, data)
    assert driven.info.duration_s == pytest.approx(decoded_s(data, "loas"))
    assert driven.requests <= 2
    (stream,) = driven.info.streams
    assert (driven.info.container, stream.codec, stream.sample_rate_hz, stream.channels) == (
        "loas",
        "aac_latm",
        rate,
        channels,
    )
    assert (driven.info.truncated, driven.info.tail_cut) == (None, None)


def test_a_configuration_that_comes_late() -> None:
    """A recording begins wherever the broadcast was."""
    data = PLAIN * 40 + configured(*LC_44100_STEREO) + PLAIN * 59
    assert drive(loas, data).info.duration_s == pytest.approx(100 * 1024 / 44100)


@pytest.mark.parametrize("cut_bytes", [1, 50, 181])
def test_a_cut_last_frame(cut_bytes: int) -> None:
    info = drive(loas, (configured(*LC_44100_STEREO) + PLAIN * 99)[:-cut_bytes]).info
    assert info.duration_s == pytest.approx(99 * 1024 / 44100)
    assert info.truncated is None
    assert info.tail_cut is not None


def test_behind_an_id3v2_tag() -> None:
    data = b"ID3\x04\0\0\0\0\x08\0" + bytes(1024) + made("latm", audio="aac", duration_s=3)
    assert drive(id3, data).info.container == "loas"


@pytest.mark.parametrize(
    ("first", "seconds", "rate", "channels"),
    [
        pytest.param(configured(*LC_44100_STEREO), 1024 / 44100, 44100, 2, id="low complexity"),
        pytest.param(configured((2, 5), (4, 4), (2, 4), (4, 3)), 960 / 44100, 44100, 2, id="960 samples"),
        pytest.param(configured(*LC_44100_STEREO, subframes=3), 3072 / 44100, 44100, 2, id="three frames in one"),
        pytest.param(
            configured((5, 5), (7, 4), (1, 4), (4, 4), (2, 5), (0, 3)), 1024 / 22050, 44100, 1, id="band replication"
        ),
        pytest.param(
            configured((29, 5), (7, 4), (1, 4), (4, 4), (2, 5), (0, 3)), 1024 / 22050, 44100, 2, id="parametric stereo"
        ),
        pytest.param(configured((2, 5), (15, 4), (37800, 24), (2, 4), (0, 3)), 1024 / 37800, 37800, 2, id="odd rate"),
    ],
)
def test_configurations(first: bytes, seconds: float, rate: int, channels: int) -> None:
    info = drive(loas, first + PLAIN * 9).info
    assert info.duration_s == pytest.approx(10 * seconds)
    assert (info.streams[0].sample_rate_hz, info.streams[0].channels) == (rate, channels)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(PLAIN, id="no configuration"),
        pytest.param(configured(*LC_44100_STEREO, version=1), id="version 1"),
        pytest.param(configured(*LC_44100_STEREO, same_time=0), id="streams of other times"),
        pytest.param(configured(*LC_44100_STEREO, programs=2), id="two programs"),
        pytest.param(configured(*LC_44100_STEREO, layers=2), id="two layers"),
        pytest.param(configured((0, 5), (4, 4), (2, 4)), id="no object"),
        pytest.param(configured((39, 5), (4, 4), (2, 4)), id="another codec"),
        pytest.param(configured((2, 5), (13, 4), (2, 4)), id="no rate"),
        pytest.param(configured((2, 5), (15, 4), (1, 24), (2, 4)), id="a rate of 1 Hz"),
        pytest.param(frame(b"\0"), id="a configuration cut off"),
    ],
)
def test_streams_that_are_not_read(first: bytes) -> None:
    assert not loas.matches(first + PLAIN * 50)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x56",
        b"\x56\xe0",
        b"\x56\xe0\x00" * 20_000,
        b"\x56\xe0" * 30_000,
        b"\x56" * 65536,
        b"V\xe0s is text in an old character set. " * 2000,
        configured(*LC_44100_STEREO),
        configured(*LC_44100_STEREO) + bytes(5000),
        bytes(65536),
    ],
)
def test_other_bytes_are_no_stream(head: bytes) -> None:
    assert not loas.matches(head)


def test_random_bytes_are_no_stream() -> None:
    source = random.Random(4)
    for _ in range(100):
        assert not loas.matches(source.randbytes(HEAD_BYTES))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: made("adts", audio="aac", duration_s=4), id="adts"),
        pytest.param(lambda: made("mp3", audio="libmp3lame", duration_s=4), id="mp3"),
        pytest.param(lambda: made("ac3", audio="ac3", duration_s=4), id="ac3"),
    ],
)
def test_streams_of_frames_are_not_taken_for_each_other(data: Callable[[], bytes]) -> None:
    assert not loas.matches(data()[:HEAD_BYTES])
    latm = made("latm", audio="aac", duration_s=4)[:HEAD_BYTES]
    assert not adts.matches(latm)
    assert not mp3.matches(latm)
