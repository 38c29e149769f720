"""Sizes of H.264 and HEVC video: what encoders write, then sets of bits that nobody writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_making import demuxed, make_media

from beam_tuning.media.containers.parameter_sets import h264_size, hevc_size

START = b"\0\0\1"


@pytest.mark.parametrize("size_px", [(64, 48), (98, 50), (322, 182), (176, 144)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "gray"])
def test_h264(size_px: tuple[int, int], pixel_format: str) -> None:
    data = make_media("h264", video="libx264", duration_s=0.2, size_px=size_px, pixel_format=pixel_format)
    assert h264_size(data) == size_px == truth(data)


@pytest.mark.parametrize("options", ["interlaced=1", "fake-interlaced=1", "bframes=0:cabac=0", "cqm=jvt"])
def test_h264_of_other_kinds(options: str) -> None:
    parameters = {"preset": "ultrafast", "x264-params": options}
    data = make_media("h264", video="libx264", duration_s=0.2, size_px=(320, 180), video_options=parameters)
    assert h264_size(data) == (320, 180) == truth(data)


@pytest.mark.parametrize("size_px", [(64, 48), (98, 50), (322, 182), (176, 144)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p"])
def test_hevc(size_px: tuple[int, int], pixel_format: str) -> None:
    data = make_media("hevc", video="libx265", duration_s=0.2, size_px=size_px, pixel_format=pixel_format)
    assert hevc_size(data) == size_px == truth(data)


def truth(data: bytes) -> tuple[int | None, int | None]:
    (track,) = demuxed(data).tracks
    return track.width_px, track.height_px


def test_the_set_may_stand_behind_other_units() -> None:
    data = make_media("h264", video="libx264", duration_s=0.1)
    assert h264_size(START + b"\x09\x10" + START + START + b"\x41" + bytes(50) + data) == (64, 48)


@pytest.mark.parametrize("length", range(4, 10))
def test_a_set_that_is_cut_says_nothing(length: int) -> None:
    data = make_media("h264", video="libx264", duration_s=0.1)
    at = data.index(START + b"\x67") if START + b"\x67" in data else data.index(START + b"\x27")
    assert h264_size(data[at : at + length]) is None


@pytest.mark.parametrize(
    "payload",
    [b"", START, START + b"\x67", START + b"\x67" + bytes(100), START * 30_000],
    ids=lambda payload: f"{payload[:6].hex()} and so on",
)
def test_nonsense_says_nothing(payload: bytes) -> None:
    assert h264_size(payload) is None
    assert hevc_size(payload.replace(b"\x67", b"\x42\x01")) is None


@settings(max_examples=300)
@given(st.binary(max_size=80))
def test_any_bits_say_something_possible_or_nothing(data: bytes) -> None:
    for size_px in (h264_size(START + b"\x67" + data), hevc_size(START + b"\x42\x01" + data)):
        assert size_px is None or all(0 < side <= 1 << 16 for side in size_px)
