"""Ogg: real files; then chains, live recordings, cut files and codecs that have no encoder here."""

from __future__ import annotations

import functools
import struct

import pytest
from media_making import close_enough, demuxed, make_media
from ogg_making import (
    FIRST,
    LAST,
    page,
    pages_of,
    speex_header,
    theora_header,
    vp8_header,
    with_granules_moved,
    with_serial,
)
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import ogg
from beam_tuning.media.info import FailureKind, MediaKind

made = functools.cache(make_media)
RATES_HZ = {"libopus": 48000, "vorbis": 44100, "flac": 44100}


def audio(codec: str, duration_s: float = 3, **options: str) -> bytes:
    channels = 2 if codec == "vorbis" else 1
    return make_media(
        "ogg",
        audio=codec,
        duration_s=duration_s,
        sample_rate_hz=RATES_HZ[codec],
        channels=channels,
        muxer_options=options,
    )


OPUS = functools.cache(lambda: audio("libopus", 20))


@pytest.mark.parametrize("codec", ["libopus", "vorbis", "flac"])
@pytest.mark.parametrize("duration_s", [1, 3, 30])
def test_whole_files(codec: str, duration_s: float) -> None:
    data = audio(codec, duration_s)
    driven = drive(ogg, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == (1 if len(data) <= 65536 else 2)
    assert driven.read_bytes <= 131072


@pytest.mark.parametrize("page_duration_us", ["20000", "5000000"])
def test_short_and_long_pages(page_duration_us: str) -> None:
    data = audio("libopus", 30, page_duration=page_duration_us)
    driven = drive(ogg, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 2


def test_what_opus_decoders_throw_away_at_the_start_is_not_played() -> None:
    data = OPUS()
    head = data.index(b"OpusHead")
    longer = data[: head + 10] + struct.pack("<H", 48000) + data[head + 12 :]
    whole_s, shorter_s = drive(ogg, data).info.duration_s, drive(ogg, longer).info.duration_s
    assert whole_s is not None
    assert shorter_s == pytest.approx(whole_s - 1 + 312 / 48000, abs=0.01)


def test_a_live_recording_is_as_long_as_it_plays() -> None:
    data = with_granules_moved(OPUS(), 48000 * 3600)
    info = drive(ogg, data).info
    assert info.duration_s == pytest.approx(20, abs=0.5)


def test_chained_streams_are_added_up() -> None:
    data = OPUS() + with_serial(OPUS(), 77) + with_serial(audio("libopus", 5), 78)
    driven = drive(ogg, data)
    assert driven.info.duration_s == pytest.approx(45, abs=0.1)
    assert driven.info.truncated is None
    assert len(driven.info.streams) == 1
    assert driven.requests == 3


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_copies_joined_with_one_serial_number_are_added_up(copies: int) -> None:
    driven = drive(ogg, OPUS() * copies)
    assert driven.info.duration_s == pytest.approx(20 * copies, abs=0.1)


def test_a_chain_inside_the_head() -> None:
    data = audio("libopus", 1) + with_serial(audio("libopus", 2), 5)
    assert len(data) < 65536
    assert drive(ogg, data).info.duration_s == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_cut_inside_a_page(kept: float) -> None:
    """Nothing declares how many pages there are: the one that is cut is all that is known to be missing."""
    data = OPUS()
    cut = data[: int(len(data) * kept)]
    info = drive(ogg, cut).info
    assert info.truncated is None
    assert str(info.tail_cut).startswith("the last page lacks its last ")
    # Whatever stands in the page that is cut may be played or not.
    assert info.duration_s == pytest.approx(demuxed(cut).duration_s, abs=1)


@pytest.mark.parametrize("codec", ["libopus", "vorbis", "flac"])
@pytest.mark.parametrize("duration_s", [2, 30])
@pytest.mark.parametrize("cut_bytes", [1, 60])
def test_a_last_page_that_lacks_a_few_bytes_counts_as_far_as_it_goes(
    codec: str, duration_s: float, cut_bytes: int
) -> None:
    data = audio(codec, duration_s)
    info = drive(ogg, data[:-cut_bytes]).info
    assert info.duration_s == pytest.approx(duration_s, abs=0.3)
    assert info.truncated is None
    lacking = "its last byte" if cut_bytes == 1 else f"its last {cut_bytes} bytes"
    assert info.tail_cut == f"the last page lacks {lacking}"


def test_the_packets_of_a_page_that_is_cut_a_little_are_counted() -> None:
    packets = b"".join(bytes([packet]) * 100 for packet in range(10))
    table = bytes([10]) + bytes([100]) * 10
    first, second = (
        struct.pack("<4sBBqIII", b"OggS", 0, 0, granule, 1, number, 0) + table + packets
        for number, granule in ((2, 16000), (3, 32000))
    )
    data = page(speex_header(), flags=FIRST) + page(b"c", number=1) + first + second
    for lacking, kept in ((0, 10), (1, 9), (100, 9), (101, 0), (999, 0)):
        info = drive(ogg, data[: len(data) - lacking]).info
        assert info.duration_s == pytest.approx(1 + kept / 10)
    # The page before the cut one is not there: what lies between is not known to be missing, and not counted.
    hole = (
        page(speex_header(), flags=FIRST) + page(b"c", number=1) + first + second.replace(b"\3\0\0\0", b"\x09\0\0\0", 1)
    )
    assert drive(ogg, hole[:-1]).info.duration_s == pytest.approx(1)


def test_a_first_page_that_is_cut() -> None:
    data = audio("libopus", 0.9)
    info = drive(ogg, data[:-40]).info
    assert info.duration_s == pytest.approx(0.9, abs=0.1)
    assert info.tail_cut is not None


@pytest.mark.parametrize("granule", [2**62, 2**40, 48000 * 3600 * 24])
@pytest.mark.parametrize("copies", [1, 2])
def test_a_time_that_the_object_cannot_hold_is_not_believed(granule: int, copies: int) -> None:
    pages = pages_of(audio("libopus", 1))
    last = pages[-1][:6] + struct.pack("<q", granule) + pages[-1][14:]
    info = drive(ogg, b"".join((*pages[:-1], last)) * copies).info
    assert info.duration_s is None
    assert info.streams[0].duration_s is None
    assert info.duration_unknown == "its numbers give a length that is out of reason"


@pytest.mark.parametrize(
    "header", [theora_header(rate=1, scale=4_000_000_000), vp8_header(rate=1, scale=4_000_000_000)]
)
def test_pictures_that_last_for_ages_are_not_believed(header: bytes) -> None:
    data = page(header, flags=FIRST) + page(bytes(90), number=1, granule=9 << 32, flags=LAST)
    assert drive(ogg, data).info.duration_s is None


def test_a_recording_without_an_end_mark_is_whole() -> None:
    """As Android writes them: no page has the flag that ends a stream."""
    pages = pages_of(OPUS())
    last = pages[-1][:5] + bytes((pages[-1][5] & ~LAST,)) + pages[-1][6:]
    info = drive(ogg, b"".join((*pages[:-1], last))).info
    assert close_enough(info.duration_s, 20)
    assert info.truncated is None


def test_bytes_behind_the_last_page_are_passed_over() -> None:
    info = drive(ogg, OPUS() + b"TAG" + bytes(125)).info
    assert close_enough(info.duration_s, 20)
    assert info.truncated is None


def test_a_capture_pattern_inside_a_packet_is_no_page() -> None:
    lure = b"OggS\0\0" + bytes(40)
    pages = [page(speex_header(), flags=FIRST), page(b"comments", number=1)]
    pages += [
        page(lure * 20, number=number, granule=16000 * (number - 1), flags=LAST * (number == 400))
        for number in range(2, 401)
    ]
    assert drive(ogg, b"".join(pages)).info.duration_s == 399.0


def test_speex() -> None:
    data = b"".join(
        [
            page(speex_header(channels=2), flags=FIRST),
            page(b"c", number=1),
            page(bytes(60), number=2, granule=32000, flags=LAST),
        ]
    )
    info = drive(ogg, data).info
    assert info.duration_s == 2.0
    assert (info.streams[0].codec, info.streams[0].sample_rate_hz, info.streams[0].channels) == ("speex", 16000, 2)


def test_theora_with_audio() -> None:
    # 250 frames: the last key frame is number 240, and ten frames come after it.
    pages = [
        page(theora_header(), serial=1, flags=FIRST),
        page(speex_header(), serial=2, flags=FIRST),
        page(bytes(500), serial=1, number=1, granule=100 << 6),
        page(bytes(60), serial=2, number=1, granule=16000 * 4),
        page(bytes(60), serial=2, number=2, granule=16000 * 9, flags=LAST),
        page(bytes(500), serial=1, number=2, granule=240 << 6 | 10, flags=LAST),
    ]
    info = drive(ogg, b"".join(pages)).info
    assert info.kind is MediaKind.VIDEO
    assert info.duration_s == 10.0
    assert [stream.duration_s for stream in info.streams] == [10.0, 9.0]
    video = info.streams[0]
    assert (video.codec, video.width_px, video.height_px, video.fps) == ("theora", 120, 90, 25.0)


def test_vp8_with_audio() -> None:
    # Frame 60 is the last; the bits below tell how many frames show nothing and how far the last key frame is.
    pages = [
        page(vp8_header(), serial=1, flags=FIRST),
        page(speex_header(), serial=2, flags=FIRST),
        page(bytes(500), serial=1, number=1, granule=7 << 32),
        page(bytes(60), serial=2, number=1, granule=16000 * 3),
        page(bytes(500), serial=1, number=2, granule=60 << 32 | 59 << 3, flags=LAST),
    ]
    info = drive(ogg, b"".join(pages)).info
    assert (info.kind, info.duration_s) == (MediaKind.VIDEO, 4.0)
    video = info.streams[0]
    assert (video.codec, video.width_px, video.height_px, video.fps) == ("vp8", 160, 120, 15.0)


def test_vp8_as_it_is_written() -> None:
    data = make_media("ogg", video="libvpx", audio="libopus", duration_s=3.0, fps=15, sample_rate_hz=48000)
    driven = drive(ogg, data)
    assert_as_demuxed(driven, data)
    assert driven.info.kind is MediaKind.VIDEO


def test_streams_that_are_no_media_are_left_out() -> None:
    skeleton = page(b"fishead\0" + bytes(56), serial=9, flags=FIRST)
    data = skeleton + with_serial(audio("libopus", 1), 5)
    info = drive(ogg, data).info
    assert [stream.codec for stream in info.streams] == ["opus"]


def test_no_time_in_the_tail_costs_a_longer_read() -> None:
    pages = [page(theora_header(), flags=FIRST), page(bytes(900), number=1, granule=25 << 6)]
    pages += [page(bytes(900), number=2, granule=100 << 6)]
    pages += [page(bytes(255 * 255), number=number, granule=-1) for number in range(3, 8)]
    pages += [page(bytes(9), number=8, granule=-1, flags=LAST)]
    driven = drive(ogg, b"".join(pages))
    assert driven.info.duration_s == 4.0


def test_a_stream_without_pages_of_its_own() -> None:
    info = drive(ogg, page(speex_header(), flags=FIRST) + page(b"c", number=1, flags=LAST)).info
    assert info.duration_s is None


@pytest.mark.parametrize(
    "packet",
    [
        b"OpusHead",
        b"\x01vorbis" + bytes(23),
        b"\x7fFLAC\x01\x00\x00\x01fLaC" + bytes(38),
        b"Speex   ",
        theora_header(rate=0),
        vp8_header(scale=0),
        vp8_header()[:20],
        b"\x01video\0\0\0XVID" + bytes(40),
        b"",
    ],
)
def test_first_packets_that_cannot_be_read(packet: bytes) -> None:
    data = page(packet, flags=FIRST) + page(bytes(100), number=1, granule=48000, flags=LAST)
    assert drive(ogg, data).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize(
    "head", [b"", b"OggS", b"OggS\1\2" + bytes(30), b"OggS\0\0" + bytes(30), b"oggs\0\2" + bytes(30)]
)
def test_other_bytes_are_not_ogg(head: bytes) -> None:
    assert not ogg.matches(head)
