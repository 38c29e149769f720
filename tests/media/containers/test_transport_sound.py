"""Sound in transport streams that nothing names, that begins late, or that stands between very large pictures."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from media_making import demuxed, make_media
from plan_driving import drive

from beam_tuning.media.containers import mpeg_ts
from beam_tuning.media.info import MediaKind

#: FFmpeg has no number for AAC, MPEG audio and LATM in a Blu-ray stream (.m2ts), and marks them as private data.
_BLU_RAY = {"mpegts_m2ts_mode": "1"}
_PLAIN = {"mpegts_m2ts_mode": "0"}
_BLU_RAY_MAP_PID, _MAP_PID = 0x100, 0x1000
_BLU_RAY_SOUND_PID, _SOUND_PID = 0x1100, 0x101

#: Pictures of 20 Mbit/s: a few milliseconds fit into the first read.
_LARGE_PICTURES: dict[str, Any] = {
    "video": "libx264",
    "size_px": (960, 540),
    "video_options": {"preset": "ultrafast", "qp": "0", "x264-params": "keyint=1"},
}

made = functools.cache(make_media)


def described(data: bytes) -> list[tuple[str | None, int | None, int | None]]:
    """(codec, rate, channels) of each stream, as our reader tells them, once they are what a full demux tells."""
    info = drive(mpeg_ts, data).info
    ours = [(stream.codec, stream.sample_rate_hz, stream.channels) for stream in info.streams]
    assert ours == [(track.codec, track.sample_rate_hz, track.channels) for track in demuxed(data).tracks]
    return ours


@pytest.mark.parametrize("options", [_PLAIN, _BLU_RAY], ids=["188", "192"])
@pytest.mark.parametrize("flags", ["", "latm"])
@pytest.mark.parametrize("video", ["libx264", None])
def test_aac_and_latm_beside_pictures_and_alone(options: dict[str, str], flags: str, video: str | None) -> None:
    muxer = options | ({"mpegts_flags": flags} if flags else {})
    data = make_media("mpegts", video=video, audio="aac", channels=2, duration_s=8, muxer_options=muxer)
    assert described(data)[-1] == ("aac_latm" if flags else "aac", 44100, 2)
    assert drive(mpeg_ts, data).info.duration_s == pytest.approx(demuxed(data).duration_s, abs=0.1)
    assert drive(mpeg_ts, data).requests <= 2


@pytest.mark.parametrize("options", [_PLAIN, _BLU_RAY], ids=["188", "192"])
@pytest.mark.parametrize("audio", ["aac", "libmp3lame"])
def test_sound_that_begins_behind_the_head(options: dict[str, str], audio: str) -> None:
    data = make_media(
        "mpegts",
        audio=audio,
        duration_s=4,
        audio_duration_s=2,
        audio_start_s=2,
        muxer_options=options,
        **_LARGE_PICTURES,
    )
    assert len(data) > 512 * 1024
    codec = "mp3" if audio == "libmp3lame" and options is _BLU_RAY else None
    info = drive(mpeg_ts, data).info
    picture, sound = info.streams
    assert (picture.kind, sound.kind) == (MediaKind.VIDEO, MediaKind.AUDIO)
    assert (sound.sample_rate_hz, sound.channels) == (44100, 1)
    assert codec is None or sound.codec == codec
    assert info.duration_s == pytest.approx(demuxed(data).duration_s, abs=0.1)
    assert drive(mpeg_ts, data).requests == 2


def test_one_frame_alone_is_known_where_the_stream_calls_itself_audio() -> None:
    data = make_media(
        "mpegts", video="libx264", audio="aac", duration_s=0.2, audio_duration_s=0.02, muxer_options=_BLU_RAY
    )
    sound = drive(mpeg_ts, data).info.streams[-1]
    assert (sound.codec, sound.sample_rate_hz, sound.channels) == ("aac", 44100, 1)


def test_a_map_that_names_more_streams_later() -> None:
    """A broadcast that goes from a programme without sound to one with it sends another map."""
    options = {"mpegts_flags": "resend_headers"}
    silent = make_media("mpegts", video="libx264", duration_s=1, muxer_options=options)
    data = make_media("mpegts", video="libx264", audio="aac", duration_s=1, muxer_options=options)
    maps = [packet for packet in packets(silent) if pid(packet) == _MAP_PID]
    others = packets(data)
    first = next(at for at, packet in enumerate(others) if pid(packet) == _MAP_PID)
    changed = b"".join([*others[:first], maps[0], *others[first + 1 :]])
    assert [stream.codec for stream in drive(mpeg_ts, changed).info.streams] == ["h264", "aac"]


@pytest.mark.parametrize(
    ("options", "sound_pid"), [(_PLAIN, _SOUND_PID), (_BLU_RAY, _BLU_RAY_SOUND_PID)], ids=["188", "192"]
)
def test_a_map_that_first_comes_in_the_tail(options: dict[str, str], sound_pid: int) -> None:
    distance = 192 if options is _BLU_RAY else 188
    whole = make_media("mpegts", audio="aac", duration_s=6, muxer_options=options, **_LARGE_PICTURES)
    assert len(whole) > 1 << 20
    mapped = {0, _BLU_RAY_MAP_PID, _MAP_PID}
    kept = [
        packet
        for at, packet in enumerate(packets(whole, distance))
        if pid(packet[-188:]) not in mapped or at * distance > len(whole) - 200 * 1024
    ]
    streams = drive(mpeg_ts, b"".join(kept)).info.streams
    assert [(stream.codec, stream.sample_rate_hz) for stream in streams] == [("h264", None), ("aac", 44100)]
    assert sound_pid in {pid(packet[-188:]) for packet in kept}


def packets(data: bytes, distance: int = 188) -> list[bytes]:
    return [data[start : start + distance] for start in range(0, len(data), distance)]


def pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]
