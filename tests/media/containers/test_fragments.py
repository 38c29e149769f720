"""Fragmented MP4: the last fragment by its index, by its boxes, or by streaming all of them."""

from __future__ import annotations

import functools
import struct
from typing import Any

import pytest
from box_surgery import box, find, find_all, number_at, put, replace_box
from media_making import close_enough, demuxed, make_mp4, remuxed
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import iso_bmff
from beam_tuning.media.info import MediaKind

EMPTY_MOOV = "+frag_keyframe+empty_moov"
LAYOUTS = {
    "fragments": EMPTY_MOOV,
    "first fragment in moov": "+frag_keyframe",
    "one moof for each track": EMPTY_MOOV + "+separate_moof",
    "no tfhd offset": EMPTY_MOOV + "+omit_tfhd_offset",
    "index in front": EMPTY_MOOV + "+global_sidx",
    "dash": "+dash",
    "dash, index in front": "+dash+global_sidx",
    "no index at the end": EMPTY_MOOV + "+skip_trailer",
    "edit lists": EMPTY_MOOV + "+delay_moov",
    "cmaf": "+cmaf",
    "rewritten at the end": "+hybrid_fragmented",
    "a fragment for each frame": "+frag_every_frame+empty_moov",
    "smooth streaming": EMPTY_MOOV,
    "a pipe": EMPTY_MOOV,
}


@functools.cache
def encoded(duration_s: float, audio_duration_s: float) -> bytes:
    """A keyframe each second, and much data, so that fragments are larger than the tails that are read."""
    return make_mp4(
        duration_s=duration_s,
        audio_duration_s=audio_duration_s,
        size_px=(160, 120),
        video_options={"preset": "ultrafast", "g": "25", "crf": "8"},
    )


@functools.cache
def made(layout: str, duration_s: float, audio_duration_s: float | None = None) -> bytes:
    data = encoded(duration_s, duration_s if audio_duration_s is None else audio_duration_s)
    container = "ismv" if layout == "smooth streaming" else "mp4"
    return remuxed(data, container, seekable=layout != "a pipe", movflags=LAYOUTS[layout])


@pytest.mark.parametrize("audio_duration_s", [0.5, 2, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_small_files_are_read_as_a_full_demux_reads_them(layout: str, audio_duration_s: float) -> None:
    data = made(layout, 2, audio_duration_s)
    assert_as_demuxed(drive(iso_bmff, data), data)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_large_files_cost_three_reads(layout: str) -> None:
    data = made(layout, 20)
    assert len(data) > 512 * 1024
    driven = drive(iso_bmff, data)
    assert_as_demuxed(driven, data)
    assert driven.rounds <= 3
    if layout != "smooth streaming":  # whose fragments do not say when they start
        assert driven.requests <= 3
        assert driven.read_bytes < len(data) / 2


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_one_track(kind: str) -> None:
    codecs: dict[str, Any] = {"audio": {"video": None}, "video": {"audio": None}}[kind]
    data = make_mp4(duration_s=5, muxer_options={"frag_duration": "500000", "movflags": "+empty_moov"}, **codecs)
    driven = drive(iso_bmff, data)
    assert_as_demuxed(driven, data)
    assert driven.info.kind is MediaKind(kind)


@pytest.mark.parametrize("fps", [1, 5])
@pytest.mark.parametrize("use_editlist", ["0", "1"])
def test_slow_video_with_b_frames(fps: int, use_editlist: str) -> None:
    data = make_mp4(
        duration_s=12,
        fps=fps,
        audio=None,
        video_options={"preset": "medium", "bf": "3", "b-adapt": "0", "g": "3"},
        muxer_options={"movflags": EMPTY_MOOV, "use_editlist": use_editlist},
    )
    assert_as_demuxed(drive(iso_bmff, data), data)


@pytest.mark.parametrize("layout", ["fragments", "cmaf", "dash, index in front", "edit lists"])
def test_frame_rate_is_that_of_the_fragments_read(layout: str) -> None:
    video = drive(iso_bmff, made(layout, 20)).info.streams[0]
    assert video.fps == pytest.approx(25, rel=0.05)


def test_index_that_reaches_the_end_needs_no_tail() -> None:
    data = made("dash, index in front", 20)
    data = data[: find(data, "mfra").start]
    driven = drive(iso_bmff, data)
    assert_as_demuxed(driven, data)
    assert driven.rounds == 1


def test_index_that_declares_more_shows_a_cut() -> None:
    data = made("dash, index in front", 20)
    data = data[: find(data, "mfra").start - 1]
    info = drive(iso_bmff, data).info
    assert info.truncated is not None
    assert info.duration_s is None


@pytest.mark.parametrize("share", [0.1, 0.45, 0.9, 0.98])
@pytest.mark.parametrize("layout", ["fragments", "cmaf", "no index at the end", "one moof for each track", "dash"])
def test_cut_fragments_are_found(layout: str, share: float) -> None:
    data = made(layout, 20)
    cut = data[: int(len(data) * share)]
    info = drive(iso_bmff, cut).info
    assert info.truncated is not None
    assert info.duration_s is None


def test_a_recording_that_ended_between_fragments_is_whole() -> None:
    data = made("no index at the end", 20)
    last = find_all(data, "moof")[-1]
    cut = data[: last.start]
    assert_as_demuxed(drive(iso_bmff, cut), cut)
    assert drive(iso_bmff, cut).info.truncated is None


def test_declared_length_of_a_recording_that_broke_off_is_not_believed() -> None:
    data = made("no index at the end", 20)
    timescale = number_at(data, find(data, "moov/mvhd").body + 12)
    mvex = find(data, "moov/mvex")
    mehd = box(b"mehd", struct.pack(">II", 0, 3600 * timescale))
    data = replace_box(data, "moov/mvex", box(b"mvex", mehd, data[mvex.body : mvex.stop]))
    info = drive(iso_bmff, data).info
    assert close_enough(info.duration_s, 20)


def test_fragments_without_times_are_added_up() -> None:
    data = made("fragments", 20)
    for place in find_all(data, "moof/traf/tfdt"):
        data = put(data, place.start + 4, b"free")
    driven = drive(iso_bmff, data)
    assert_as_demuxed(driven, data)
    assert driven.read_bytes > len(data)  # the whole, and the tail that did not tell


def test_fragments_without_times_follow_on_the_samples_of_moov() -> None:
    data = made("first fragment in moov", 2)
    assert find(data, "moov/trak/mdia/minf/stbl/stsz").stop - find(data, "moov/trak/mdia/minf/stbl/stsz").start > 20
    for place in find_all(data, "moof/traf/tfdt"):
        data = put(data, place.start + 4, b"free")
    assert_as_demuxed(drive(iso_bmff, data), data)


def test_edits_of_no_length_mean_the_whole() -> None:
    data = made("edit lists", 2)
    for place in find_all(data, "moov/trak/edts/elst"):
        data = put(data, place.body + 8, 0)
    assert_as_demuxed(drive(iso_bmff, data), data)


@pytest.mark.parametrize("trailer", [bytes(3), b"SEFT of a camera, which is no box"])
def test_trailers_are_no_fragments(trailer: bytes) -> None:
    data = made("no index at the end", 2) + trailer
    info = drive(iso_bmff, data).info
    assert info.truncated is None
    assert close_enough(info.duration_s, 2.02)


@pytest.mark.parametrize("chunk_bytes", [7, 1000, 1 << 20])
def test_streams_come_in_chunks_of_any_size(chunk_bytes: int) -> None:
    data = made("smooth streaming", 2)
    assert close_enough(drive(iso_bmff, data, chunk_bytes=chunk_bytes).info.duration_s, demuxed(data).duration_s)


def test_recording_that_starts_late() -> None:
    # As cut out of a channel that has been on the air for days.
    data = made("fragments", 20)
    timescales = [number_at(data, place.body + 12) for place in find_all(data, "moov/trak/mdia/mdhd")]
    for header, place in zip(find_all(data, "moof/traf/tfhd"), find_all(data, "moof/traf/tfdt"), strict=True):
        (start,) = struct.unpack_from(">Q", data, place.body + 4)
        timescale = timescales[number_at(data, header.body + 4) - 1]
        data = put(data, place.body + 4, struct.pack(">Q", start + 500_000 * timescale))
    driven = drive(iso_bmff, data)
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)


def test_times_that_run_backwards_are_unknown() -> None:
    data = made("no index at the end", 20)
    for place in find_all(data, "moof/traf/tfdt"):
        early = place.start > len(data) // 2
        data = put(data, place.body + 4, struct.pack(">Q", 0 if early else 1 << 40))
    info = drive(iso_bmff, data).info
    assert info.duration_s is None
    assert "possible times" in str(info.duration_unknown)


def test_words_of_a_fragment_inside_media_are_not_taken_for_one() -> None:
    data = made("no index at the end", 20)
    mdat = find_all(data, "mdat")[-1]
    lie = box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", bytes(8))))
    for position in range(mdat.body + 100, mdat.stop - 200, 500):
        data = put(data, position, lie)
    assert close_enough(drive(iso_bmff, data).info.duration_s, 20)


def test_fragment_index_that_lies() -> None:
    data = made("fragments", 20)
    for offset in (0, 5, len(data) - 1, 2**31, 2**32 - 1):
        lying = data
        for tfra in find_all(data, "mfra/tfra"):
            # The last entry: time, offset, three numbers of a byte.
            width = 19 if data[tfra.body] else 11
            at = tfra.stop - width + (8 if width == 19 else 4)
            lying = put(lying, at, struct.pack(">Q", offset) if width == 19 else struct.pack(">I", offset))
        driven = drive(iso_bmff, lying)
        assert close_enough(driven.info.duration_s, 20.02)


@pytest.mark.parametrize("size", [0, 16, 2**31, 2**32 - 1])
def test_size_of_the_fragment_index_that_lies(size: int) -> None:
    data = made("fragments", 20)
    assert data[-12:-8] == b"mfro" or data[-16:][4:8] == b"mfro"
    driven = drive(iso_bmff, put(data, len(data) - 4, size))
    assert close_enough(driven.info.duration_s, 20.02)


def test_no_fragment_follows() -> None:
    data = made("fragments", 2)
    data = data[: find_all(data, "moof")[0].start]
    info = drive(iso_bmff, data).info
    assert info.duration_unknown == "no audio or video track has samples with possible times"
    assert [stream.codec for stream in info.streams] == ["h264", "aac"]


@pytest.mark.parametrize("count", [0, 2**32 - 1])
def test_sample_counts_that_lie(count: int) -> None:
    data = made("fragments", 2)
    for place in find_all(data, "moof/traf/trun"):
        data = put(data, place.body + 4, count)
    drive(iso_bmff, data)


def test_many_fragments_that_lead_nowhere_end_soon() -> None:
    front = made("fragments", 2)
    front = front[: find_all(front, "moof")[0].start]
    nested = box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", bytes(8)), box(b"trun", bytes(9000))))
    data = front + b"".join(nested + bytes(64) for _ in range(400))
    driven = drive(iso_bmff, data)
    assert driven.rounds <= 5
