"""FLAC: real files, cut ones, and such as leave the number of samples out."""

from __future__ import annotations

import functools

import pytest
from media_making import close_enough, demuxed, make_media
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import flac
from beam_tuning.media.info import FailureKind

made = functools.cache(make_media)
LONG = {"audio": "flac", "duration_s": 12, "channels": 2}


def without_total(data: bytes) -> bytes:
    """The number of samples has 36 bits, from the lower half of byte 21 on."""
    return data[:21] + bytes((data[21] & 0xF0,)) + bytes(4) + data[26:]


def with_block(data: bytes, kind: int, payload: bytes) -> bytes:
    return data[:42] + bytes((kind,)) + len(payload).to_bytes(3, "big") + payload + data[42:]


@pytest.mark.parametrize("sample_rate_hz", [8000, 16000, 22050, 44100, 48000, 96000, 11025])
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_files(sample_rate_hz: int, channels: int) -> None:
    data = make_media("flac", audio="flac", sample_rate_hz=sample_rate_hz, channels=channels, duration_s=1.7)
    assert_as_demuxed(drive(flac, data), data)


@pytest.mark.parametrize("duration_s", [0.01, 0.1, 12])
def test_the_end_of_the_object_costs_one_read(duration_s: float) -> None:
    data = make_media("flac", audio="flac", duration_s=duration_s, channels=2)
    driven = drive(flac, data)
    assert_as_demuxed(driven, data)
    assert driven.requests <= 2


def test_a_file_written_into_a_pipe() -> None:
    data = make_media("flac", audio="flac", duration_s=12, channels=2, seekable=False)
    driven = drive(flac, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 2


def test_no_total() -> None:
    data = without_total(made("flac", **LONG))
    assert drive(flac, data).info.duration_s == 12.0


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, 0.97])
def test_a_cut_file_is_as_long_as_what_is_there(kept: float) -> None:
    data = made("flac", **LONG)
    cut = data[: int(len(data) * kept)]
    info = drive(flac, cut).info
    assert close_enough(info.duration_s, demuxed(cut).duration_s)
    assert info.truncated is not None
    assert "STREAMINFO declares 529200 samples" in info.truncated
    assert str(len(cut)) in info.truncated


def test_a_small_cut_file() -> None:
    data = made("flac", audio="flac", duration_s=1)
    info = drive(flac, data[: len(data) // 2]).info
    assert info.truncated is not None
    assert close_enough(info.duration_s, demuxed(data[: len(data) // 2]).duration_s)


def test_pictures_in_front_cost_nothing() -> None:
    data = with_block(made("flac", **LONG), 6, bytes(3_000_000))
    driven = drive(flac, data)
    assert driven.info.duration_s == 12.0
    assert driven.read_bytes < 140_000


def test_a_tag_behind_the_frames_does_not_hide_them() -> None:
    data = made("flac", **LONG) + b"TAG" + bytes(125)
    info = drive(flac, data).info
    assert (info.duration_s, info.truncated) == (12.0, None)


def test_much_behind_the_frames_costs_a_longer_read() -> None:
    data = made("flac", **LONG) + bytes(200_000)
    driven = drive(flac, data)
    assert driven.info.duration_s == 12.0
    assert driven.requests == 3


def test_no_frame_at_the_end_is_no_length() -> None:
    info = drive(flac, made("flac", **LONG)[:20_000] + bytes(2_000_000)).info
    assert info.duration_s is None
    assert info.duration_unknown == "no frame was found at the end of the object"


def test_sync_words_that_are_no_frames_are_not_believed() -> None:
    lure = bytes.fromhex("fff8c9c87f00") + bytes(10)
    data = made("flac", **LONG) + lure * 20
    assert drive(flac, data).info.duration_s == 12.0


@pytest.mark.parametrize("length", [8, 20, 41])
def test_a_header_that_is_cut(length: int) -> None:
    assert drive(flac, made("flac", **LONG)[:length]).failure.kind is FailureKind.UNREADABLE


def test_a_sample_rate_of_zero() -> None:
    data = made("flac", **LONG)
    lying = data[:18] + bytes(2) + bytes((data[20] & 0x0F,)) + data[21:]
    assert "sample rate" in drive(flac, lying).failure.message


def test_blocks_of_no_samples() -> None:
    data = made("flac", **LONG)
    info = drive(flac, data[:8] + bytes(4) + data[12:]).info
    assert info.duration_s is None


@pytest.mark.parametrize(
    "head", [b"", b"fLaC", b"fLaC\x04\x00\x00\x22" + bytes(60), b"flac\x00\x00\x00\x22" + bytes(60)]
)
def test_other_bytes_are_not_flac(head: bytes) -> None:
    assert not flac.matches(head)
