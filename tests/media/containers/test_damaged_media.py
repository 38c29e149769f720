"""Every reader of this package on damaged files: it ends, raises nothing, stays in the object, and asks for little.

Real files of every family are cut, overwritten, stretched and joined. Bytes that are no media match no reader.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_making import make_media
from ogg_making import FIRST, LAST, page, theora_header, vp8_header
from plan_driving import Driven, drive

from beam_tuning.media.containers import (
    ac3,
    adts,
    aiff,
    asf,
    avi,
    flac,
    flv,
    id3,
    loas,
    mp3,
    mpeg_ps,
    mpeg_ts,
    mpeg_video,
    ogg,
    pdf,
    stills,
    wav,
)
from beam_tuning.media.containers.lengths import MAX_DURATION_S
from beam_tuning.media.info import MediaInfo

READERS = (wav, avi, asf, ogg, flac, aiff, flv, stills, pdf, id3, mpeg_ps, mpeg_video, mpeg_ts, ac3, adts, loas, mp3)
#: Far below what a probe may have (`ProbeCaps`).
MAX_REQUESTS = 14

SOURCES: dict[str, Callable[[], bytes]] = {
    "avi": lambda: make_media("avi", video="mpeg4", audio="libmp3lame", duration_s=3),
    "wav": lambda: make_media("wav", audio="pcm_s16le", duration_s=1.5),
    "wav adpcm": lambda: make_media("wav", audio="adpcm_ima_wav", duration_s=1),
    "wav mp3": lambda: make_media("wav", audio="libmp3lame", duration_s=1),
    "rf64": lambda: make_media("wav", audio="pcm_u8", duration_s=1, muxer_options={"rf64": "always"}),
    "w64": lambda: make_media("w64", audio="pcm_s16le", duration_s=1),
    "aiff": lambda: make_media("aiff", audio="pcm_s16be", duration_s=1),
    "flac": lambda: make_media("flac", audio="flac", duration_s=3),
    "opus": lambda: make_media("ogg", audio="libopus", sample_rate_hz=48000, duration_s=14),
    "vorbis": lambda: make_media("ogg", audio="vorbis", channels=2, duration_s=2),
    "theora": lambda: page(theora_header(), flags=FIRST) + page(bytes(90), number=1, granule=9 << 6, flags=LAST),
    "vp8": lambda: page(vp8_header(), flags=FIRST) + page(bytes(90), number=1, granule=9 << 32, flags=LAST),
    "mp3": lambda: make_media("mp3", audio="libmp3lame", duration_s=4),
    "mp3 without header": lambda: make_media(
        "mp3", audio="libmp3lame", duration_s=14, audio_options={"b": "128k"}, muxer_options={"write_xing": "0"}
    ),
    "aac": lambda: make_media("adts", audio="aac", duration_s=4),
    "latm": lambda: make_media("latm", audio="aac", duration_s=4),
    "ac3": lambda: make_media("ac3", audio="ac3", duration_s=4),
    "eac3": lambda: make_media("eac3", audio="eac3", duration_s=1),
    "asf": lambda: make_media("asf", video="wmv2", audio="wmav2", duration_s=2),
    "flv": lambda: make_media("flv", video="libx264", audio="aac", duration_s=2),
    "flv without duration": lambda: make_media("flv", video="flv", audio="libmp3lame", duration_s=9, seekable=False),
    "mpeg-ps": lambda: make_media("vob", video="mpeg2video", audio="mp2", duration_s=3, size_px=(160, 120)),
    "mpeg-1": lambda: make_media("mpeg", video="mpeg1video", audio="mp2", duration_s=1),
    "mpeg-ts": lambda: make_media("mpegts", video="libx264", audio="aac", duration_s=3, size_px=(160, 120)),
    "mpeg video": lambda: make_media("mpeg2video", video="mpeg2video", duration_s=1),
    "jpeg": lambda: make_media("mjpeg", video="mjpeg", duration_s=0.04),
    "gif": lambda: make_media("gif", video="gif", duration_s=0.1),
}


@functools.cache
def made(name: str) -> bytes:
    return SOURCES[name]()


def drive_all(data: bytes, chunk_bytes: int = 64 * 1024) -> list[Driven]:
    """Every reader that takes the bytes for its own; `drive` holds each to the contract."""
    driven = [drive(reader, data, chunk_bytes=chunk_bytes) for reader in READERS if reader.matches(data[:65536])]
    for one in driven:
        assert one.requests <= MAX_REQUESTS
        # The object once, and no more than the longest heads and tails besides.
        assert one.read_bytes <= 2 * len(data) + 65536
        # A damaged number is no length.
        assert not isinstance(one.media, MediaInfo) or (one.media.duration_s or 0) <= MAX_DURATION_S
    return driven


@pytest.mark.parametrize("name", SOURCES)
def test_whole_files_are_whole_to_the_first_reader_that_knows_them(name: str) -> None:
    assert drive_all(made(name))[0].info.truncated is None


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=12)
@given(data=st.data())
def test_overwritten_bytes(name: str, data: st.DataObject) -> None:
    damaged = bytearray(made(name))
    # Most of what is read lies at the start.
    places = st.one_of(st.integers(0, min(600, len(damaged) - 1)), st.integers(0, len(damaged) - 1))
    for _ in range(data.draw(st.integers(1, 12))):
        start = data.draw(places)
        junk = data.draw(
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(300)]),
            )
        )
        damaged[start : start + len(junk)] = junk[: len(damaged) - start]
    drive_all(bytes(damaged))


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=8)
@given(data=st.data())
def test_cut_stretched_and_joined_files(name: str, data: st.DataObject) -> None:
    whole = made(name)
    start, stop = sorted((data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(whole)))))
    filler = data.draw(
        st.sampled_from([b"", bytes(200), bytes(100_000), random.Random(1).randbytes(70_000), whole, whole[start:stop]])
    )
    for changed in (whole[:stop], whole[:start] + whole[stop:], whole[:start] + filler + whole[start:], whole + filler):
        if changed:
            drive_all(changed, data.draw(st.sampled_from([1000, 65536])))


@pytest.mark.parametrize("name", SOURCES)
def test_every_length_of_a_short_head(name: str) -> None:
    whole = made(name)
    for length in [*range(1, 130), *range(130, min(len(whole), 3000), 97)]:
        drive_all(whole[:length])


@settings(max_examples=60)
@given(st.sampled_from(sorted(SOURCES)), st.binary(max_size=400))
def test_a_magic_number_before_anything(name: str, tail: bytes) -> None:
    for length in (4, 12, 16, 40):
        drive_all(made(name)[:length] + tail)


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>" * 30,
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        json.dumps({"error": {"code": 403, "message": "denied", "data": list(range(5000))}}).encode(),
        b"some text, and more of it; " * 3000,
        bytes(70_000),
        b"\xff" * 70_000,
        b"\xff\xd8",
        b"\x47" * 3,
        b"PK\x03\x04" + bytes(70_000),
        b"\x1f\x8b\x08" + bytes(70_000),
        b"RIFF\0\0\0\0SOME" + bytes(100),
        b"FORM\0\0\0\0ILBM" + bytes(100),
        bytes(range(256)) * 300,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_media_matches_nothing(data: bytes) -> None:
    assert [reader.__name__ for reader in READERS if reader.matches(data[:65536])] == []


def test_random_bytes_match_nothing() -> None:
    source = random.Random(99)
    for _ in range(60):
        data = source.randbytes(65536)
        assert [reader.__name__ for reader in READERS if reader.matches(data)] == []
