"""MP4 and QuickTime: real files of many codecs and layouts, then files that no muxer writes."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable

import pytest
from box_surgery import box, find, find_all, number_at, put, replace_box
from hypothesis import given, settings
from hypothesis import strategies as st
from media_making import close_enough, demuxed, make_media, make_mp4
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import iso_bmff
from beam_tuning.media.info import FailureKind, MediaKind

SLOW_B_FRAMES = {"preset": "medium", "bf": "3", "b-adapt": "0", "g": "8"}

WHOLE_FILES: dict[str, Callable[[], bytes]] = {
    "moov last": lambda: make_mp4(duration_s=8),
    "moov first": lambda: make_mp4(duration_s=2, faststart=True),
    "quicktime": lambda: make_mp4(container="mov"),
    "3gp": lambda: make_mp4(container="3gp"),
    "f4v": lambda: make_mp4(container="f4v"),
    "m4a": lambda: make_mp4(container="ipod", video=None),
    "video only": lambda: make_mp4(audio=None),
    "short audio": lambda: make_mp4(duration_s=4, audio_duration_s=1),
    "long audio": lambda: make_mp4(duration_s=1, audio_duration_s=4),
    "late video": lambda: make_mp4(video_start_s=3),
    "late audio": lambda: make_mp4(audio_start_s=3),
    "both late": lambda: make_mp4(video_start_s=3, audio_start_s=3),
    "no edit list": lambda: make_mp4(muxer_options={"use_editlist": "0"}),
    "variable frame rate": lambda: make_mp4(audio=None, frame_times_s=[0, 0.04, 0.5, 3.1, 7, 7.04, 9]),
    "slow, B-frames": lambda: make_mp4(duration_s=12, fps=1, video_options=SLOW_B_FRAMES),
    "slow, B-frames, no edit list": lambda: make_mp4(
        duration_s=12, fps=1, video_options=SLOW_B_FRAMES, muxer_options={"use_editlist": "0"}
    ),
    "slow, B-frames, signed offsets": lambda: make_mp4(
        duration_s=12, fps=1, video_options=SLOW_B_FRAMES, muxer_flags="+negative_cts_offsets"
    ),
    "hint tracks": lambda: make_mp4(duration_s=1, muxer_flags="+faststart+rtphint"),
    "hevc": lambda: make_mp4(video="libx265", audio=None),
    "av1, opus": lambda: make_mp4(video="libsvtav1", audio="libopus", sample_rate_hz=48000),
    "vp9, flac": lambda: make_mp4(video="libvpx-vp9", audio="flac"),
    "mpeg4, mp3": lambda: make_mp4(video="mpeg4", audio="libmp3lame"),
    "mpeg2, mp2": lambda: make_mp4(video="mpeg2video", audio="mp2"),
    "mpeg1, ac3": lambda: make_mp4(video="mpeg1video", audio="ac3", channels=2),
    "mjpeg, eac3": lambda: make_mp4(video="mjpeg", audio="eac3", channels=2),
    "png, alac": lambda: make_mp4(video="png", audio="alac"),
    "vorbis": lambda: make_mp4(video=None, audio="vorbis", channels=2),
    "iso pcm": lambda: make_mp4(video=None, audio="pcm_s24le"),
    "iso float pcm": lambda: make_mp4(video=None, audio="pcm_f32be"),
    "prores, 96 kHz": lambda: make_mp4(
        container="mov", video="prores", audio="pcm_s16le", channels=2, sample_rate_hz=96000, duration_s=1
    ),
    "raw video, 8 bits": lambda: make_mp4(container="mov", video="rawvideo", audio="pcm_u8", duration_s=1),
    "h263, mulaw": lambda: make_mp4(container="mov", video="h263", audio="pcm_mulaw", size_px=(176, 144)),
} | {
    f"quicktime {codec}": functools.partial(make_mp4, container="mov", video=None, audio=codec)
    for codec in ("pcm_s8", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f64be", "pcm_alaw", "adpcm_ima_qt")
}


@functools.cache
def made(name: str) -> bytes:
    return WHOLE_FILES[name]()


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_whole_files_are_read_as_a_full_demux_reads_them(name: str) -> None:
    data = made(name)
    driven = drive(iso_bmff, data)
    assert_as_demuxed(driven, data)
    assert driven.rounds <= 2
    assert driven.requests <= 2
    truth = {track.kind: track.fps for track in demuxed(data).tracks}
    for stream in driven.info.streams:
        if stream.kind is MediaKind.VIDEO:
            assert stream.fps == pytest.approx(truth["video"], rel=0.02)


@pytest.mark.parametrize(
    ("name", "container", "kind"),
    [
        ("moov last", "mp4", MediaKind.VIDEO),
        ("quicktime", "mov", MediaKind.VIDEO),
        ("3gp", "3gp", MediaKind.VIDEO),
        ("m4a", "mp4", MediaKind.AUDIO),
        ("vorbis", "mp4", MediaKind.AUDIO),
    ],
)
def test_container_and_kind(name: str, container: str, kind: MediaKind) -> None:
    info = drive(iso_bmff, made(name)).info
    assert (info.container, info.kind) == (container, kind)


def test_moov_in_the_head_costs_no_second_read() -> None:
    data = make_mp4(duration_s=20, faststart=True)
    assert len(data) > 128 * 1024
    driven = drive(iso_bmff, data)
    assert (driven.rounds, driven.requests, driven.read_bytes) == (1, 1, 64 * 1024)


def test_moov_behind_the_media_costs_one_exact_read() -> None:
    data = make_mp4(duration_s=20)
    driven = drive(iso_bmff, data)
    assert driven.rounds == 2
    assert driven.read_bytes == 64 * 1024 + (find(data, "moov").stop - find(data, "moov").start)


def test_moov_longer_than_the_head_costs_its_rest() -> None:
    data = made_with_long_moov()
    moov = find(data, "moov")
    driven = drive(iso_bmff, data)
    assert_as_demuxed(driven, data)
    assert driven.rounds == 2
    assert driven.read_bytes <= moov.stop + 64


def test_far_moov_behind_a_long_rest_costs_three_reads() -> None:
    data = make_mp4(duration_s=2)
    mdat = find(data, "mdat")
    moov = find(data, "moov")
    # Five MiB that no reader should move, between the media and moov.
    data = data[: mdat.stop] + box(b"free", bytes(5 << 20)) + data[moov.start :]
    driven = drive(iso_bmff, data, head_bytes=mdat.start + 64)
    assert_as_demuxed(driven, data)
    assert (driven.rounds, driven.requests) == (3, 3)
    assert driven.read_bytes < 256 * 1024


@functools.cache
def made_with_long_moov() -> bytes:
    data = make_mp4(duration_s=2, faststart=True)
    moov = find(data, "moov")
    padding = box(b"udta", bytes(100 * 1024))
    data = put(data, moov.start, moov.stop - moov.start + len(padding))
    data = data[: moov.stop] + padding + data[moov.stop :]
    for place in find_all(data, "moov/trak/mdia/minf/stbl/stco"):
        for position in range(place.body + 8, place.stop, 4):
            data = put(data, position, number_at(data, position) + len(padding))
    return data


def test_sizes_of_64_bits() -> None:
    data = make_mp4(faststart=True)
    mdat = find(data, "mdat")
    # FFmpeg writes `free` of 8 bytes before `mdat`, so that the longer header fits.
    free = find(data, "free")
    assert free.stop == mdat.start
    size = mdat.stop - free.start
    wide = data[: free.start] + struct.pack(">I4sQ", 1, b"mdat", size) + data[mdat.body :]
    assert_as_demuxed(drive(iso_bmff, wide), wide)
    cut = wide[: len(wide) // 2]
    assert drive(iso_bmff, cut).info.truncated == f"box mdat ends at byte {len(wide)}, the object at byte {len(cut)}"


def test_media_up_to_the_end_of_the_file() -> None:
    data = make_mp4(faststart=True)
    open_ended = put(data, find(data, "mdat").start, 0)
    assert_as_demuxed(drive(iso_bmff, open_ended), open_ended)
    # Its size says nothing of a cut, but its chunks do.
    assert "last chunk" in str(drive(iso_bmff, open_ended[: len(data) // 2]).info.truncated)


# -- Rotation, covers, chapters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "rotation_deg"),
    [
        ((65536, 0, 0, 65536), 0),
        ((0, 65536, -65536, 0), 90),
        ((-65536, 0, 0, -65536), 180),
        ((0, -65536, 65536, 0), 270),
        ((-65536, 0, 0, 65536), 0),
        ((46341, 46341, -46341, 46341), 0),
        ((0, 0, 0, 0), 0),
    ],
)
def test_rotation_is_that_of_the_track_matrix(matrix: tuple[int, ...], rotation_deg: int) -> None:
    data = make_mp4(duration_s=1, audio=None, faststart=True)
    turned = put(data, find(data, "moov/trak/tkhd").body + 40, struct.pack(">ii4xii", *matrix))
    stream = drive(iso_bmff, turned).info.streams[0]
    assert stream.rotation_deg == rotation_deg
    assert (stream.width_px, stream.height_px) == (64, 48)


def test_rotation_of_the_movie_counts_too() -> None:
    data = make_mp4(duration_s=1, audio=None, faststart=True)
    quarter = struct.pack(">ii4xii", 0, 65536, -65536, 0)
    data = put(data, find(data, "moov/mvhd").body + 36, quarter)
    assert drive(iso_bmff, data).info.streams[0].rotation_deg == 90
    data = put(data, find(data, "moov/trak/tkhd").body + 40, quarter)
    assert drive(iso_bmff, data).info.streams[0].rotation_deg == 180


def test_pictures_of_chapters_are_no_video() -> None:
    data = make_mp4(video="mjpeg", faststart=True)
    assert [s.kind for s in drive(iso_bmff, data).info.streams] == [MediaKind.VIDEO, MediaKind.AUDIO]
    # The audio track names the pictures as its chapters.
    free = find(data, "moov/trak/tkhd", 1)
    data = replace_box(data, "moov/trak/edts", box(b"tref", box(b"chap", struct.pack(">I", 1))), 1)
    assert free
    info = drive(iso_bmff, data).info
    assert info.kind is MediaKind.AUDIO
    assert [stream.kind for stream in info.streams] == [MediaKind.AUDIO]


# -- Times: edit lists, sample tables, headers that lie --------------------------------------------------------------

Surgery = Callable[[bytes], bytes]


def edit_list(track: int, *entries: tuple[int, int], version: int = 0) -> Surgery:
    """Replaces a track's edit list: (duration in milliseconds, media time in the track's ticks or -1)."""
    layout = ">qqI" if version else ">IiI"
    body = struct.pack(">II", version << 24, len(entries))
    body += b"".join(struct.pack(layout, duration, time, 0x10000) for duration, time in entries)
    return lambda data: replace_box(data, "moov/trak/edts", box(b"edts", box(b"elst", body)), track)


def field(path: str, offset: int, *values: int | bytes, track: int = 0) -> Surgery:
    """Overwrites a field of a track's box."""
    return lambda data: put(data, find(data, path, track).body + offset, *values)


STBL = "moov/trak/mdia/minf/stbl/"
MDHD = "moov/trak/mdia/mdhd"


def both(first: Surgery, second: Surgery) -> Surgery:
    return lambda data: second(first(data))


#: Audio of ten seconds and one track, moov last, so that a longer moov moves nothing.
AS_DEMUXED: dict[str, Surgery] = {
    "trimmed at the start": edit_list(0, (6_000, 4 * 44100)),
    "trimmed at both ends": edit_list(0, (2_000, 4 * 44100)),
    "two stretches": edit_list(0, (2_000, 44100), (3_000, 5 * 44100)),
    "two stretches, backwards": edit_list(0, (2_000, 5 * 44100), (3_000, 0)),
    "a gap in between": edit_list(0, (2_000, 0), (3_000, -1), (4_000, 44100)),
    "a late start": edit_list(0, (7_000, -1), (10_000, 0)),
    "a gap at the end": edit_list(0, (2_000, 44100), (3_000, -1)),
    "64-bit entries": edit_list(0, (2_000, 44100), version=1),
    "longer than the media": edit_list(0, (600_000, 0)),
    "no entries": edit_list(0),
    "mdhd says six times as much": field(MDHD, 16, 6 * 441_000),
    "mdhd says nothing": field(MDHD, 16, 0),
    "mdhd says not known": field(MDHD, 16, 0xFFFFFFFF),
    "mvhd says nothing": field("moov/mvhd", 16, 0),
    "tkhd says nothing": field("moov/trak/tkhd", 20, 0),
    "mvhd alone is wrong": field("moov/mvhd", 16, 77_000_000),
    "tkhd alone is wrong": field("moov/trak/tkhd", 20, 77_000_000),
    "movie without a timescale": field("moov/mvhd", 12, 0),
    "handler unknown": field("moov/trak/mdia/hdlr", 8, b"odd!"),
    "handler empty": field("moov/trak/mdia/hdlr", 8, bytes(4)),
    "too many times": lambda data: put(
        data, find(data, STBL + "stts").body + 8, 2 * number_at(data, find(data, STBL + "stts").body + 8)
    ),
}


@functools.cache
def ten_seconds() -> bytes:
    return make_mp4(video=None, duration_s=10)


@pytest.mark.parametrize("name", AS_DEMUXED)
def test_odd_times_are_read_as_a_full_demux_reads_them(name: str) -> None:
    data = AS_DEMUXED[name](ten_seconds())
    assert data != ten_seconds()
    assert_as_demuxed(drive(iso_bmff, data), data)


EDITS = st.lists(st.tuples(st.integers(100, 8_000), st.one_of(st.just(-1), st.integers(0, 441_000))), max_size=4)


@settings(max_examples=150)
@given(EDITS)
def test_any_edit_list_is_right_or_unknown(edits: list[tuple[int, int]]) -> None:
    data = edit_list(0, *edits)(ten_seconds())
    info = drive(iso_bmff, data).info
    if info.duration_s is not None:
        assert close_enough(info.duration_s, demuxed(data).duration_s)


UNKNOWN: dict[str, tuple[Surgery, str]] = {
    "track without a timescale": (field(MDHD, 12, 0), "a timescale of 0"),
    "an edit of no length": (edit_list(0, (0, 1024)), "an edit that lasts 0 ticks"),
    "edits behind the media": (edit_list(0, (2_000, 0), (9_000, 5 * 44100)), "edits that last longer than its samples"),
    "no times": (field(STBL + "stts", 4, 0), "times of only 0 of"),
    "too few times": (field(STBL + "stts", 8, 5), "times of only"),
    "table of times missing": (field(STBL + "stts", -4, b"free"), "no table of their times"),
    "no chunks": (field(STBL + "stsc", 4, 0), "no audio or video track has samples with possible times"),
    "no offsets": (field(STBL + "stco", 4, 0), "no audio or video track has samples with possible times"),
    "no sizes": (field(STBL + "stsz", 8, 0), "no audio or video track has samples with possible times"),
    "sizes missing": (field(STBL + "stsz", -4, b"free"), "no audio or video track has samples with possible times"),
    "only an empty edit": (edit_list(0, (5_000, -1)), "no audio or video track has samples with possible times"),
    "an edit behind the media": (
        edit_list(0, (5_000, 99 * 44100)),
        "no audio or video track has samples with possible times",
    ),
    "timescale with a flipped bit": (
        both(field(MDHD, 12, 44100 >> 4), lambda data: put(data, find(data, "moov/trak/edts").start + 4, b"free")),
        "by its sample table",
    ),
    "half of the sizes": (
        lambda data: put(
            data, find(data, STBL + "stsz").body + 8, number_at(data, find(data, STBL + "stsz").body + 8) // 2
        ),
        "by its sample table",
    ),
    "compressed": (
        lambda data: replace_box(data, "moov", box(b"moov", box(b"cmov", zlib.compress(data)))),
        "its moov box is compressed",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_known_is_not_guessed(name: str) -> None:
    surgery, reason = UNKNOWN[name]
    info = drive(iso_bmff, surgery(ten_seconds())).info
    assert info.duration_s is None
    assert reason in str(info.duration_unknown)


def test_one_doubtful_track_makes_the_whole_unknown() -> None:
    data = make_mp4(duration_s=4)
    data = put(data, find(data, MDHD, 0).body + 12, 0)
    info = drive(iso_bmff, data).info
    assert info.duration_s is None
    assert [stream.duration_s for stream in info.streams] == [None, pytest.approx(4, abs=0.1)]


def test_steps_that_are_negative_numbers() -> None:
    # A writer that corrects a drift: one step of -100 ticks, stored without a sign.
    stts = struct.pack(">II", 0, 3) + struct.pack(">IIIIII", 200, 1024, 1, 0xFFFFFFFF - 99, 1_000_000, 1024)
    data = replace_box(ten_seconds(), STBL + "stts", box(b"stts", stts))
    assert_as_demuxed(drive(iso_bmff, data), data)


# -- Sample descriptions ---------------------------------------------------------------------------------------------


def test_first_description_is_odd() -> None:
    data = make_mp4(video=None)
    stsd = find(data, STBL + "stsd")
    odd = box(b"odd!", bytes(28))
    new = box(b"stsd", struct.pack(">II", 0, 2), odd, data[stsd.body + 8 : stsd.stop])
    data = replace_box(data, STBL + "stsd", new)
    info = drive(iso_bmff, data).info
    assert info.streams[0].codec == "aac"
    assert close_enough(info.duration_s, 2.0)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_any_number_of_descriptions(count: int) -> None:
    data = make_mp4(video=None)
    stsd = find(data, STBL + "stsd")
    new = box(b"stsd", struct.pack(">II", 0, count), data[stsd.body + 8 : stsd.stop] * count)
    info = drive(iso_bmff, replace_box(data, STBL + "stsd", new)).info
    assert info.streams[0].codec == ("aac" if count else None)


def test_unknown_format_has_no_codec_but_a_duration() -> None:
    data = field(STBL + "stsd", 12, b"odd!")(ten_seconds())
    info = drive(iso_bmff, data).info
    assert info.streams[0].codec is None
    assert close_enough(info.duration_s, 10.0)


def test_protected_formats_are_named_by_what_they_were() -> None:
    data = make_mp4(video=None)
    stsd = find(data, STBL + "stsd")
    entry = bytearray(data[stsd.body + 8 : stsd.stop])
    entry[4:8] = b"enca"
    entry += box(b"sinf", box(b"frma", b"mp4a"))
    entry[:4] = struct.pack(">I", len(entry))
    data = replace_box(data, STBL + "stsd", box(b"stsd", struct.pack(">II", 0, 1), bytes(entry)))
    assert drive(iso_bmff, data).info.streams[0].codec == "aac"


@pytest.mark.parametrize(
    ("flags", "bits", "codec"),
    [(1, 32, "pcm_f32le"), (3, 64, "pcm_f64be"), (4, 16, "pcm_s16le"), (6, 24, "pcm_s24be"), (0, 8, "pcm_u8")],
)
def test_quicktime_sound_description_version_2(flags: int, bits: int, codec: str) -> None:
    data = make_mp4(container="mov", video=None, audio="pcm_s16le", channels=2, sample_rate_hz=96000)
    entry = find(data, STBL + "stsd").body + 16
    assert struct.unpack_from(">H", data, entry + 8)[0] == 2
    data = put(data, entry + 48, bits, flags)
    stream = drive(iso_bmff, data).info.streams[0]
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == (codec, 96000, 2)


# -- Cut off, damaged, hostile ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("name", ["moov last", "moov first"])
def test_cut_files_are_found(name: str, share: float) -> None:
    data = made(name)
    info = drive(iso_bmff, data[: int(len(data) * share)]).info
    assert info.truncated is not None
    assert str(len(data[: int(len(data) * share)])) in info.truncated
    assert info.duration_s is None


@pytest.mark.parametrize("length", [8, 12, 31, 32, 39, 40, 41, 47, 48, 49])
def test_cut_in_the_first_boxes(length: int) -> None:
    media = drive(iso_bmff, made("moov first")[:length])
    assert media.rounds <= 2


@pytest.mark.parametrize(
    ("trailer", "is_cut"),
    [
        (bytes(20), False),
        (b"SEFT and other words of a camera", False),
        (b"\x7f\xff\xff\xffmdat", True),
        (box(b"free", bytes(10)), False),
        (b"abc", False),
    ],
)
def test_trailers_are_no_boxes(trailer: bytes, is_cut: bool) -> None:
    data = made("moov last") + trailer
    info = drive(iso_bmff, data).info
    assert info.truncated is None
    assert (info.tail_cut is not None) is is_cut


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (box(b"ftyp", b"isom", bytes(4)), "no moov box"),
        (box(b"ftyp", b"isom", bytes(4)) + struct.pack(">I4s", 0, b"mdat") + bytes(5000), "no moov box"),
        (box(b"styp", b"msdh", bytes(4)) + box(b"moof", box(b"mfhd", bytes(8))), "media segment"),
        (box(b"ftyp", b"isom", bytes(4)) + struct.pack(">I4s", 7, b"moov") + bytes(99), "no moov box"),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"moov", box(b"mvhd", bytes(100))), "no audio or video track"),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"moov"), "no audio or video track"),
        (box(b"moov", bytes(3)), "no audio or video track"),
    ],
)
def test_files_without_media_are_unreadable(data: bytes, words: str) -> None:
    failure = drive(iso_bmff, data).failure
    assert failure.kind is FailureKind.UNREADABLE
    assert words in failure.message


@pytest.mark.parametrize("size", [2**20, 2**31, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("kind", [b"mdat", b"moov", b"free", b"ftyp", b"odd!"])
def test_sizes_that_lie_are_never_followed(kind: bytes, size: int) -> None:
    head = box(b"ftyp", b"isom", bytes(4))
    data = head + struct.pack(">I4sQ", 1, kind, size) + bytes(200_000)
    driven = drive(iso_bmff, data)
    assert driven.read_bytes <= len(data) + 64 * 1024


def test_a_giant_moov_is_not_read() -> None:
    data = box(b"ftyp", b"isom", bytes(4)) + box(b"moov", bytes(20 << 20))
    driven = drive(iso_bmff, data)
    assert driven.read_bytes == 64 * 1024
    assert "declares" in str(driven.info.duration_unknown)


def test_many_boxes_before_moov_end_the_search() -> None:
    boxes_of_10_mib = box(b"free", bytes(1 << 19)) * 20
    driven = drive(iso_bmff, box(b"ftyp", b"isom", bytes(4)) + boxes_of_10_mib + made("moov last"))
    assert driven.rounds <= 10
    assert "boxes lie before moov" in str(driven.info.duration_unknown)


@pytest.mark.parametrize(
    "children",
    [
        box(b"trak") * 100_000,
        box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd", bytes(8), box(b"mp4a") * 100_000))))),
        box(b"trak", box(b"edts", box(b"elst", struct.pack(">II", 0, 2**32 - 1), bytes(1_200_000)))),
    ],
)
def test_hostile_structures_end_soon(children: bytes) -> None:
    data = box(b"ftyp", b"isom", bytes(4)) + box(b"moov", children)
    assert drive(iso_bmff, data).rounds <= 2


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\0\0\x20",
        b"\0\0\0\x07ftyp",
        b"\0\0\0\x20junk" + bytes(40),
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\1ftyp\0\0\0\0\0\0\0\x0f",
        b"ftypisom",
        b"I am free, and free I am",
        b"the meta data of it",
    ],
)
def test_other_heads_do_not_match(head: bytes) -> None:
    assert not iso_bmff.matches(head)


# -- Pictures --------------------------------------------------------------------------------------------------------


def heif(brand: bytes, *sizes_px: tuple[int, int]) -> bytes:
    extents = b"".join(box(b"ispe", struct.pack(">III", 0, *size)) for size in sizes_px)
    meta = box(b"meta", bytes(4), box(b"hdlr", bytes(24)), box(b"iprp", box(b"ipco", extents)))
    return box(b"ftyp", brand, bytes(4), b"mif1") + meta + box(b"mdat", bytes(3000))


@pytest.mark.parametrize(("brand", "container"), [(b"heic", "heic"), (b"avif", "avif"), (b"mif1", "heif")])
def test_still_pictures(brand: bytes, container: str) -> None:
    info = drive(iso_bmff, heif(brand, (512, 512), (4032, 3024), (320, 240))).info
    assert (info.container, info.kind, info.width_px, info.height_px) == (container, MediaKind.IMAGE, 4032, 3024)
    assert info.truncated is None


def test_cut_picture_is_found() -> None:
    assert drive(iso_bmff, heif(b"heic", (64, 64))[:-1]).info.truncated is not None


def test_picture_without_a_size() -> None:
    info = drive(iso_bmff, heif(b"avif")).info
    assert (info.width_px, info.height_px) == (None, None)


def test_a_real_avif() -> None:
    data = make_media("avif", video="libsvtav1", duration_s=0.04, size_px=(128, 64))
    info = drive(iso_bmff, data).info
    assert (info.container, info.width_px, info.height_px) == ("avif", 128, 64)
