"""Matroska and WebM: real files, live recordings without a duration, and files made by hand."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any

import pytest
from ebml_making import OPUS, OPUS_TRACK, block, cluster, element, header, info, segment, track, tracks, uint
from media_making import close_enough, demuxed, make_media, make_mp4, remuxed
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import matroska
from beam_tuning.media.containers.clusters import BlockTimes, stream_clusters
from beam_tuning.media.info import FailureKind, MediaKind

OPUS_HZ = {"sample_rate_hz": 48000}
WHOLE_FILES: dict[str, dict[str, Any]] = {
    "h264, aac": {"video": "libx264", "audio": "aac"},
    "hevc, flac": {"video": "libx265", "audio": "flac"},
    "mpeg4, mp3": {"video": "mpeg4", "audio": "libmp3lame"},
    "vp8, opus": {"video": "libvpx", "audio": "libopus", **OPUS_HZ},
    "vp9, vorbis": {"video": "libvpx-vp9", "audio": "vorbis", "channels": 2},
    "av1, eac3": {"video": "libsvtav1", "audio": "eac3"},
    "mjpeg, pcm": {"video": "mjpeg", "audio": "pcm_s16le"},
    "ffv1, ac3": {"video": "ffv1", "audio": "ac3"},
    "raw, alac": {"video": "rawvideo", "audio": "alac"},
    "mpeg2, wavpack": {"video": "mpeg2video", "audio": "wavpack"},
    "prores, 24 bits": {"video": "prores", "audio": "pcm_s24be"},
    "msmpeg4, tta": {"video": "msmpeg4v3", "audio": "tta"},
    "float pcm": {"audio": "pcm_f32le"},
    "8 bits": {"audio": "pcm_u8"},
    "video only": {"video": "libx264"},
    "late video": {"video": "libx264", "audio": "aac", "video_start_s": 3},
    "both late": {"video": "libx264", "audio": "aac", "video_start_s": 3, "audio_start_s": 3},
    "short audio": {"video": "libvpx", "audio": "libopus", "audio_duration_s": 0.5, **OPUS_HZ},
    "slow": {"video": "libvpx", "fps": 0.5, "duration_s": 20},
    "variable frame rate": {"video": "libvpx", "frame_times_s": [0, 0.04, 0.5, 0.6, 0.7, 3.1, 7, 7.04, 9]},
    "b-frames": {
        "video": "libx264",
        "fps": 5,
        "duration_s": 6,
        "video_options": {"preset": "medium", "bf": "3", "b-adapt": "0"},
    },
}


@functools.cache
def made(name: str, seekable: bool = True) -> bytes:
    return make_media("matroska", seekable=seekable, **WHOLE_FILES[name])


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_whole_files_are_read_as_a_full_demux_reads_them(name: str) -> None:
    data = made(name)
    driven = drive(matroska, data)
    assert_as_demuxed(driven, data)
    assert driven.info.container == "matroska"
    assert driven.rounds == (2 if name == "both late" else 1)


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_files_from_a_pipe_are_read_as_a_full_demux_reads_them(name: str) -> None:
    data = made(name, seekable=False)
    driven = drive(matroska, data)
    assert_as_demuxed(driven, data)
    assert driven.rounds == 2


@pytest.mark.parametrize("name", ["h264, aac", "hevc, flac", "vp8, opus", "b-frames"])
def test_constant_frame_rate(name: str) -> None:
    data = made(name)
    assert drive(matroska, data).info.streams[0].fps == pytest.approx(demuxed(data).tracks[0].fps)


def test_variable_frame_rate_is_not_taken_for_the_declared_one() -> None:
    assert drive(matroska, made("variable frame rate")).info.streams[0].fps is None


@pytest.mark.parametrize("duration_s", [3, 40])
@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"live": "1"},
        {"cluster_time_limit": "1000"},
        {"cluster_time_limit": "20000"},
        {"cues_to_front": "1"},
        {"reserve_index_space": "100000"},
    ],
    ids=str,
)
def test_webm(duration_s: int, seekable: bool, options: dict[str, str]) -> None:
    data = remuxed(webm_packets(duration_s), "webm", seekable=seekable, **options)
    driven = drive(matroska, data)
    assert_as_demuxed(driven, data)
    assert driven.info.container == "webm"
    assert driven.requests <= 2


@functools.cache
def webm_packets(duration_s: int) -> bytes:
    return make_media("webm", video="libvpx", audio="libopus", duration_s=duration_s, size_px=(160, 120), **OPUS_HZ)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("seekable", [True, False])
def test_cut_files_are_found(seekable: bool, share: float) -> None:
    data = remuxed(webm_packets(40), "webm", seekable=seekable)
    cut = data[: int(len(data) * share)]
    media = drive(matroska, cut).info
    assert media.truncated is not None
    assert media.truncated.endswith(f"the object at byte {len(cut)}")
    assert media.duration_s is None


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rotation(turn: int) -> None:
    matrix = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[turn]
    data = make_mp4(duration_s=1, audio=None, faststart=True)
    at = data.index(b"tkhd") + 4 + 40
    data = data[:at] + struct.pack(">ii4xii", *(value << 16 for value in matrix)) + data[at + 20 :]
    assert drive(matroska, remuxed(data, "matroska")).info.streams[0].rotation_deg == turn


# -- By hand: durations ----------------------------------------------------------------------------------------------

#: A second of Opus packets of 20 ms from a time on.
SECOND = tuple(block(time) for time in range(0, 1000, 20))


def live(
    *clusters: bytes, tracks_element: bytes = OPUS, info_element: bytes | None = None, size: int | None = None
) -> bytes:
    return header(b"webm") + segment(
        info() if info_element is None else info_element, tracks_element, *clusters, size=size
    )


def seconds(count: int, size: int | None = -1, first_ms: int = 0) -> list[bytes]:
    return [cluster(first_ms + 1000 * number, *SECOND, size=size) for number in range(count)]


@pytest.mark.parametrize("size", [-1, None])
@pytest.mark.parametrize("count", [1, 2, 50, 400])
def test_live_recordings(count: int, size: int | None) -> None:
    media = drive(matroska, live(*seconds(count, size))).info
    assert media.duration_s == pytest.approx(count)
    assert media.truncated is None


def test_live_recording_that_starts_late() -> None:
    media = drive(matroska, live(*seconds(30, first_ms=500_000))).info
    assert media.duration_s == pytest.approx(30)


@pytest.mark.parametrize("duration_ms", [30_000, 530_000], ids=["a length", "an end"])
def test_declared_duration_of_a_late_start_counts_from_either_end(duration_ms: int) -> None:
    data = live(*seconds(30, first_ms=500_000), info_element=info(duration=duration_ms))
    assert drive(matroska, data).info.duration_s == pytest.approx(30)


@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("scale_ns", [None, 1_000_000, 100_000, 1_000_000_000])
def test_declared_duration_counts_in_timestamps(scale_ns: int | None, width: int) -> None:
    data = live(*seconds(2), info_element=info(duration=77, scale_ns=scale_ns, width=width))
    driven = drive(matroska, data)
    assert driven.info.duration_s == pytest.approx(77 * (scale_ns or 1_000_000) / 1e9)
    assert driven.rounds == 1


@pytest.mark.parametrize("duration", [0.0, -5.0, float("nan"), float("inf"), 1e300])
def test_impossible_declared_durations_are_replaced_by_the_blocks(duration: float) -> None:
    assert drive(matroska, live(*seconds(3), info_element=info(duration=duration))).info.duration_s == pytest.approx(3)


def test_scale_of_zero_is_the_default() -> None:
    data = live(*seconds(3), info_element=info(duration=3000, scale_ns=0))
    assert drive(matroska, data).info.duration_s == pytest.approx(3)


def test_subtitles_that_last_longer_than_the_sound_do_not_count() -> None:
    both = tracks(OPUS_TRACK, track(2, 17, b"S_TEXT/UTF8"))
    late = cluster(3000, block(0), block(500, track_number=2, duration=60_000))
    data = live(*seconds(3), late, tracks_element=both, info_element=info(duration=63_500))
    assert drive(matroska, data).info.duration_s == pytest.approx(3.02, abs=0.03)


@pytest.mark.parametrize("picture_bytes", [100, 30_000, 3_000_000])
def test_pictures_of_subtitles_before_the_first_sound(picture_bytes: int) -> None:
    both = tracks(OPUS_TRACK, track(2, 17, b"S_HDMV/PGS"))
    early = cluster(7000, block(0, track_number=2, data=bytes(picture_bytes)), block(10))
    data = live(early, *seconds(60, first_ms=8000), tracks_element=both, info_element=info(duration=68_000))
    assert drive(matroska, data).info.duration_s == pytest.approx(60.99)


def test_times_that_run_backwards_are_unknown() -> None:
    data = live(*seconds(30, first_ms=900_000), *seconds(60))
    assert "ends before" in str(drive(matroska, data).info.duration_unknown)


@pytest.mark.parametrize(
    ("last", "end_s"),
    [
        (block(0, duration=700), 3.7),
        (block(0, flags=0x82, data=bytes([6]) + bytes(80)), 3.14),
        (block(0), 3.02),
        (block(-900), 3.0),
        (block(0, track_number=9), 3.0),
    ],
    ids=["its own duration", "laced", "a frame", "relative to before", "of another track"],
)
def test_end_of_the_last_block(last: bytes, end_s: float) -> None:
    frame = uint(0x23E383, 20_000_000)
    opus = tracks(track(1, 2, b"A_OPUS", frame))
    data = live(*seconds(3), cluster(3000, last), tracks_element=opus)
    assert drive(matroska, data).info.duration_s == pytest.approx(end_s)


def test_cluster_longer_than_the_tails_is_found() -> None:
    big = cluster(0, *(block(time, data=bytes(20_000)) for time in range(0, 10_000, 20)))
    driven = drive(matroska, live(big))
    assert driven.info.duration_s == pytest.approx(10)
    assert driven.read_bytes < 2 * len(big) + 64 * 1024 + 1000


def test_cluster_longer_than_all_tails_is_streamed() -> None:
    big = cluster(0, *(block(time, data=bytes(30_000)) for time in range(0, 6_000, 20)))
    driven = drive(matroska, live(big, size=None))
    assert driven.info.duration_s == pytest.approx(6)
    assert driven.info.truncated is None
    cut = live(big)[:-10]
    assert (
        drive(matroska, cut).info.tail_cut
        == f"the last block ends at byte {len(cut) + 10}, the object at byte {len(cut)}"
    )


@pytest.mark.parametrize("chunk_bytes", [1, 13, 1 << 20])
@pytest.mark.parametrize("size", [-1, None])
def test_streams_come_in_chunks_of_any_size(size: int | None, chunk_bytes: int) -> None:
    data = (
        b"".join(seconds(3, size)) + cluster(3000, block(0, duration=500), size=size) + element(0x1C53BB6B, bytes(99))
    )
    chunks = (data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes))
    times = BlockTimes(1_000_000, {1: 0})
    assert stream_clusters(chunks, 1000, times).last == 1000 + len(data)
    assert (times.first_s, times.end_s) == (0.0, 3.5)


def test_marks_of_clusters_inside_blocks_are_not_taken_for_clusters() -> None:
    lie = cluster(3_000_000, block(0))
    data = live(
        *[cluster(1000 * number, *(block(time, data=lie * 3) for time in range(0, 1000, 20))) for number in range(50)]
    )
    assert drive(matroska, data).info.duration_s == pytest.approx(50)


@pytest.mark.parametrize(
    "after",
    [
        element(0x1C53BB6B, bytes(300)),
        element(0x1254C367, bytes(30)) + element(0xEC, bytes(500)),
        element(0xEC, bytes(70_000)),
    ],
    ids=["cues", "tags", "a long void"],
)
def test_what_follows_the_clusters_does_not_matter(after: bytes) -> None:
    assert drive(matroska, live(*seconds(60), after)).info.duration_s == pytest.approx(60)


# -- By hand: where things lie ---------------------------------------------------------------------------------------


def test_tracks_behind_long_attachments_are_reached() -> None:
    fonts = element(0x1941A469, bytes(3 << 20))
    data = header() + segment(info(duration=3000), fonts, OPUS, *seconds(3))
    driven = drive(matroska, data)
    assert driven.info.duration_s == pytest.approx(3)
    assert (driven.requests, driven.rounds) == (2, 2)
    assert driven.read_bytes < 200_000


def test_tracks_behind_the_clusters_are_found_by_the_seek_head() -> None:
    clusters = b"".join(seconds(60))
    front = info(duration=60_000)
    seek_bytes = len(seek_head(0))
    place = seek_bytes + len(front) + len(clusters)
    data = header() + segment(seek_head(place), front, clusters, OPUS)
    assert drive(matroska, data).info.duration_s == pytest.approx(60)


def seek_head(tracks_position: int) -> bytes:
    position = element(0x53AC, tracks_position.to_bytes(4, "big"))
    return element(0x114D9B74, element(0x4DBB, element(0x53AB, b"\x16\x54\xae\x6b"), position))


@pytest.mark.parametrize("position", [0, 7, 10**6, 2**32 - 1])
def test_seek_heads_that_lie_are_not_followed_outside(position: int) -> None:
    data = header() + segment(seek_head(position), info(duration=5), *seconds(3))
    assert drive(matroska, data).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((info(duration=5), *seconds(1)), "no list of tracks"),
        ((tracks(), *seconds(1)), "no audio or video track"),
        ((tracks(track(1, 17, b"S_TEXT/UTF8")),), "no audio or video track"),
        ((), "no list of tracks"),
    ],
)
def test_files_without_media_are_unreadable(parts: tuple[bytes, ...], words: str) -> None:
    assert words in drive(matroska, header() + segment(*parts)).failure.message


@pytest.mark.parametrize(
    ("clusters", "reason"),
    [
        ((), "no cluster"),
        ((cluster(0),), "no blocks"),
        ((cluster(0, block(0, track_number=7)),), "no blocks"),
        ((cluster(0, element(0xA3, b"\x81")),), "no blocks"),
        ((cluster(0, element(0xA3, b"")),), "no blocks"),
    ],
)
def test_no_blocks_is_no_duration(clusters: tuple[bytes, ...], reason: str) -> None:
    assert reason in str(drive(matroska, live(*clusters)).info.duration_unknown)


@pytest.mark.parametrize(
    "data",
    [
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\x01",
        b"\x1a\x45\xdf\xa3\xff",
        b"\x1a\x45\xdf\xa3\x7f\xff" + bytes(300),
        header(),
        header() + b"\0\0\0\0",
        header() + element(0x1F43B675, bytes(40)),
        b"\x1a\x45\xdf\xa3" + bytes(500),
    ],
)
def test_broken_headers_are_unreadable(data: bytes) -> None:
    assert drive(matroska, data).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize("size", [10**6, 2**31, 2**40, 2**55])
@pytest.mark.parametrize("identifier", [0x1549A966, 0x1654AE6B, 0x114D9B74, 0xEC, 0x1941A469, 0x1F43B675])
def test_sizes_that_lie_are_never_followed(identifier: int, size: int) -> None:
    data = header() + segment(element(identifier, size=size), bytes(200_000))
    assert drive(matroska, data).read_bytes < 3 * len(data)


def test_many_marks_that_lead_nowhere_end_soon() -> None:
    blocks = b"".join(element(0xA3, b"\x82\0\0\0") for _ in range(30_000))
    nested = element(0x1F43B675, uint(0xE7, 0), size=None) + blocks
    driven = drive(matroska, live(nested * 8, b"\xff" * 40))
    assert driven.rounds <= 5


# -- By hand: tracks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec_id", "private", "codec"),
    [
        (b"V_MS/VFW/FOURCC", bytes(16) + b"XVID" + bytes(20), "mpeg4"),
        (b"V_MS/VFW/FOURCC", bytes(4), None),
        (b"V_QUICKTIME", bytes(4) + b"SVQ3" + bytes(80), "svq3"),
        (b"V_MPEG4/ISO/AVC\0\0", b"", "h264"),
        (b"V_NEW", b"", None),
        (b"", b"", None),
        (b"\xff\xfe", b"", None),
    ],
)
def test_video_codecs(codec_id: bytes, private: bytes, codec: str | None) -> None:
    picture = element(0xE0, uint(0xB0, 640), uint(0xBA, 360))
    data = live(*seconds(1), tracks_element=tracks(track(1, 1, codec_id, element(0x63A2, private), picture)))
    stream = drive(matroska, data).info.streams[0]
    assert (stream.codec, stream.width_px, stream.height_px) == (codec, 640, 360)


@pytest.mark.parametrize(
    ("codec_id", "private", "bits", "codec"),
    [
        (b"A_MS/ACM", struct.pack("<HHIIHH", 0x55, 2, 44100, 16000, 1, 0), 16, "mp3"),
        (b"A_MS/ACM", b"", 16, None),
        (b"A_PCM/INT/BIG", b"", 24, "pcm_s24be"),
        (b"A_PCM/INT/LIT", b"", 8, "pcm_u8"),
        (b"A_PCM/FLOAT/IEEE", b"", 64, "pcm_f64le"),
        (b"A_AAC/MPEG4/LC/SBR", b"", 16, "aac"),
        (b"A_DTS/LOSSLESS", b"", 16, "dts"),
        (b"A_NEW", b"", 16, None),
    ],
)
def test_audio_codecs(codec_id: bytes, private: bytes, bits: int, codec: str | None) -> None:
    sound = element(0xE1, element(0xB5, struct.pack(">d", 44100)), uint(0x9F, 2), uint(0x6264, bits))
    data = live(*seconds(1), tracks_element=tracks(track(1, 2, codec_id, element(0x63A2, private), sound)))
    stream = drive(matroska, data).info.streams[0]
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == (codec, 44100, 2)


def test_output_rate_is_the_one_that_is_heard() -> None:
    sound = element(0xE1, element(0xB5, struct.pack(">f", 22050)), element(0x78B5, struct.pack(">f", 44100)))
    data = live(*seconds(1), tracks_element=tracks(track(1, 2, b"A_MPEG/L3", sound)))
    assert drive(matroska, data).info.streams[0].sample_rate_hz == 44100


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_rates_are_absent(rate: float) -> None:
    sound = element(0xE1, element(0xB5, struct.pack(">d", rate)), uint(0x9F, 0))
    data = live(*seconds(1), tracks_element=tracks(track(1, 2, b"A_MPEG/L3", sound)))
    stream = drive(matroska, data).info.streams[0]
    assert stream.sample_rate_hz in (None, 8000)
    assert stream.channels is None


def test_kind_is_video_when_any_track_is() -> None:
    both = tracks(track(1, 2, b"A_OPUS"), track(2, 1, b"V_VP8"), track(3, 17, b"S_TEXT/UTF8"))
    media = drive(matroska, live(*seconds(1), tracks_element=both)).info
    assert media.kind is MediaKind.VIDEO
    assert [stream.codec for stream in media.streams] == ["opus", "vp8"]


def test_hundreds_of_tracks_do_not_matter() -> None:
    many: Callable[[int], bytes] = lambda number: track(number, 2, b"A_OPUS")  # noqa: E731
    media = drive(matroska, live(*seconds(1), tracks_element=tracks(*map(many, range(1, 5000))))).info
    assert close_enough(media.duration_s, 1.0)
