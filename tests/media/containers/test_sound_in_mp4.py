"""Channels and sample rates of sound in MP4: the codec's own configuration or its first frame, for templates say 2."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from box_surgery import box, find, find_all, number_at, put, replace_box
from media_making import demuxed, make_media, make_mp4
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import iso_bmff, matroska
from beam_tuning.media.info import StreamInfo

STSD = "moov/trak/mdia/minf/stbl/stsd"


def template(data: bytes, channels: int = 2) -> bytes:
    """The file with another `channelcount` in its sample entry."""
    entry = find(data, STSD).body + 16
    return put(data, entry + 16, struct.pack(">H", channels))


def sound(data: bytes) -> StreamInfo:
    (stream,) = drive(iso_bmff, data).info.streams
    return stream


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("claimed", [0, 1, 2, 6])
@pytest.mark.parametrize(
    ("codec", "rate_hz"),
    [("libmp3lame", 16000), ("mp2", 48000), ("alac", 44100), ("aac", 44100), ("flac", 96000), ("libopus", 48000)],
)
def test_what_the_sample_entry_claims_does_not_count(codec: str, rate_hz: int, channels: int, claimed: int) -> None:
    data = make_mp4(video=None, audio=codec, channels=channels, sample_rate_hz=rate_hz, duration_s=1)
    stream = sound(template(data, claimed))
    assert (stream.channels, stream.sample_rate_hz) == (channels, rate_hz)


@pytest.mark.parametrize("codec", ["alac", "aac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_quicktime(codec: str, channels: int) -> None:
    data = make_mp4(container="mov", video=None, audio=codec, channels=channels, duration_s=1)
    assert_as_demuxed(drive(iso_bmff, data), data)


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_beside_video(channels: int, faststart: bool) -> None:
    data = make_mp4(audio="libmp3lame", channels=channels, faststart=faststart)
    assert drive(iso_bmff, template_of_track(data, 1)).info.streams[1].channels == channels


def template_of_track(data: bytes, track: int) -> bytes:
    entry = find(data, STSD, track).body + 16
    return put(data, entry + 16, struct.pack(">H", 2))


def test_mp3_whose_first_frame_is_not_read_is_unknown() -> None:
    data = make_mp4(video=None, audio="libmp3lame", faststart=True)
    padding = box(b"free", bytes(100_000))
    moov = find(data, "moov")
    data = data[: moov.stop] + padding + data[moov.stop :]
    for place in find_all(data, "moov/trak/mdia/minf/stbl/stco"):
        for position in range(place.body + 8, place.stop, 4):
            data = put(data, position, number_at(data, position) + len(padding))
    driven = drive(iso_bmff, data)
    assert driven.info.streams[0].channels is None
    assert driven.info.streams[0].codec == "mp3"
    assert driven.requests == 1


@pytest.mark.parametrize("offset", [0, 5, 2**31])
def test_mp3_whose_first_frame_is_none_is_unknown(offset: int) -> None:
    data = make_mp4(video=None, audio="libmp3lame", faststart=True)
    for place in find_all(data, "moov/trak/mdia/minf/stbl/stco"):
        data = put(data, place.body + 8, offset)
    assert sound(data).channels is None


@pytest.mark.parametrize(
    ("layout", "channels"), [("5.1", 6), ("5.1(side)", 6), ("quad", 4), ("2.1", 3), ("6.1", 7), ("7.1", 8), ("3.0", 3)]
)
def test_aac_of_many_channels(layout: str, channels: int) -> None:
    # Layouts that have no number of their own stand in a program_config_element.
    data = make_mp4(video=None, audio="aac", channels=channels, layout=layout, duration_s=0.5)
    assert sound(template(data)).channels == channels == demuxed(data).tracks[0].channels


def test_aac_without_a_configuration_is_unknown() -> None:
    data = make_mp4(video=None, duration_s=1)
    config = data.index(b"esds")
    assert sound(put(data, config, b"free")).channels is None


@pytest.mark.parametrize(
    ("kind", "codec", "rate_hz"),
    [(b"samr", "amr_nb", 8000), (b"sawb", "amr_wb", 16000), (b"sevc", "evrc", 8000), (b"sqcp", "qcelp", 8000)],
)
def test_speech_has_one_channel(kind: bytes, codec: str, rate_hz: int) -> None:
    data = make_mp4(video=None, channels=2, duration_s=1)
    stsd = find(data, STSD)
    entry = struct.pack(">6xH8xHH4xI", 1, 2, 16, 44100 << 16)
    data = replace_box(data, STSD, box(b"stsd", struct.pack(">II", 0, 1), box(kind, entry)))
    assert stsd
    stream = sound(data)
    assert (stream.codec, stream.channels, stream.sample_rate_hz) == (codec, 1, rate_hz)


@pytest.mark.parametrize("channels", [1, 2])
def test_vorbis(channels: int) -> None:
    data = make_mp4(video=None, audio="vorbis", channels=2, duration_s=1)
    header = data.index(b"\x01vorbis")
    data = data[: header + 11] + bytes((channels,)) + data[header + 12 :]
    assert sound(template(data, 1)).channels == channels


@pytest.mark.parametrize("box_bytes", [8, 12, 20, 35])
def test_a_short_cookie_says_nothing(box_bytes: int) -> None:
    data = make_mp4(video=None, audio="alac", duration_s=1)
    at = data.rindex(b"alac") - 4
    assert sound(put(data, at, box_bytes)).channels is None


def test_matroska_and_mp4_agree() -> None:
    options: dict[str, Any] = {"audio": "aac", "channels": 6, "layout": "5.1(side)", "duration_s": 0.5}
    data = make_media("matroska", **options)
    assert drive(matroska, data).info.streams[0].channels == 6
