"""AVI: real files, then files that were never finished, lie about their lengths, or are cut."""

from __future__ import annotations

import functools
import struct

import pytest
from media_making import close_enough, demuxed, make_media
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import avi
from beam_tuning.media.info import FailureKind, MediaKind

made = functools.cache(make_media)


def patched(data: bytes, position: int, value: int) -> bytes:
    return data[:position] + struct.pack("<I", value) + data[position + 4 :]


def stream_header(data: bytes, kind: bytes) -> int:
    """Where the payload of the first stream header of a kind starts."""
    return data.index(b"strh" + struct.pack("<I", 56) + kind) + 8


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        ("mpeg4", "libmp3lame"),
        ("mjpeg", "pcm_s16le"),
        ("libx264", "aac"),
        ("msmpeg4v3", "ac3"),
        ("mpeg2video", "mp2"),
        ("rawvideo", None),
        (None, "pcm_u8"),
        (None, "libmp3lame"),
    ],
)
def test_whole_files_are_read_in_one_request(video: str | None, audio: str | None) -> None:
    data = made("avi", video=video, audio=audio, channels=2 if audio == "ac3" else 1)
    driven = drive(avi, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 1
    assert driven.info.kind is (MediaKind.VIDEO if video else MediaKind.AUDIO)


@pytest.mark.parametrize("fps", [1, 12.5, 29.97])
def test_the_frame_rate_is_the_headers(fps: float) -> None:
    info = drive(avi, make_media("avi", video="mpeg4", fps=fps)).info
    assert info.streams[0].fps == pytest.approx(fps, abs=0.01)


def test_a_file_written_into_a_pipe_is_counted() -> None:
    data = make_media("avi", video="mpeg4", audio="libmp3lame", duration_s=6, seekable=False)
    driven = drive(avi, data)
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)
    assert driven.info.truncated is None
    assert driven.requests == 2


@pytest.mark.parametrize("kind", [b"vids", b"auds"])
@pytest.mark.parametrize("length", [0, 1, 100_000_000])
def test_a_stream_whose_length_disagrees_is_counted(kind: bytes, length: int) -> None:
    data = made("avi", video="mpeg4", audio="pcm_s16le", duration_s=4)
    lying = patched(data, stream_header(data, kind) + 32, length)
    driven = drive(avi, lying)
    assert driven.info.duration_s == pytest.approx(4, abs=0.1)
    assert driven.requests == 2


@pytest.mark.parametrize("field", [20, 24])
def test_a_stream_without_a_rate_leaves_the_other(field: int) -> None:
    data = made("avi", video="mpeg4", audio="pcm_s16le", duration_s=4)
    info = drive(avi, patched(data, stream_header(data, b"auds") + field, 0)).info
    assert info.duration_s == pytest.approx(4, abs=0.1)


def test_no_stream_with_a_rate() -> None:
    data = made("avi", video="mpeg4")
    info = drive(avi, patched(data, stream_header(data, b"vids") + 24, 0)).info
    assert info.duration_s is None
    assert info.duration_unknown == "no stream has a length or a rate"


def test_a_lone_stream_whose_length_is_not_the_main_headers_is_counted() -> None:
    data = made("avi", video="mpeg4", duration_s=4)
    driven = drive(avi, patched(data, stream_header(data, b"vids") + 32, 25))
    assert driven.info.duration_s == pytest.approx(4, abs=0.1)
    assert driven.requests == 2


def test_the_frames_of_all_forms_together_are_the_length() -> None:
    data = made("avi", video="mpeg4", duration_s=4)
    header_bytes = struct.unpack_from("<I", data, 16)[0]
    # As in a long file: the stream and main headers count the first form alone.
    total = b"LIST" + struct.pack("<I", 16) + b"odml" + b"dmlh" + struct.pack("<II", 4, 100)
    data = data[: 20 + header_bytes] + total + data[20 + header_bytes :]
    data = patched(patched(data, 16, header_bytes + len(total)), 4, len(data) - 8)
    data = patched(patched(data, stream_header(data, b"vids") + 32, 25), data.index(b"avih") + 24, 25)
    driven = drive(avi, data)
    assert driven.info.duration_s == 4.0
    assert driven.requests == 1


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
def test_a_cut_file_says_so_and_no_length(kept: float) -> None:
    data = made("avi", video="mpeg4", audio="libmp3lame", duration_s=4)
    cut = data[: int(len(data) * kept)]
    info = drive(avi, cut).info
    assert info.truncated == f"the RIFF form ends at byte {len(data)}, the object at byte {len(cut)}"
    assert info.duration_s is None


def test_a_cut_file_tells_the_length_that_its_header_declares() -> None:
    data = made("avi", video="mpeg4", audio="libmp3lame", duration_s=4)
    info = drive(avi, data[: len(data) // 2]).info
    assert info.duration_unknown == "the object is cut off; whole it would last 4.049 s by its header"


@pytest.mark.parametrize("missing", [1, 100, "all of the index"])
def test_a_cut_index_costs_no_media(missing: int | str) -> None:
    data = made("avi", video="mpeg4", audio="libmp3lame", duration_s=4)
    index_bytes = len(data) - data.rindex(b"idx1")
    cut = data[: -(missing if isinstance(missing, int) else index_bytes)]
    info = drive(avi, cut).info
    assert info.truncated is None
    assert info.tail_cut is not None
    assert info.tail_cut.startswith(f"the RIFF form ends at byte {len(data)}, the object at byte {len(cut)}")
    assert close_enough(info.duration_s, demuxed(cut).duration_s)


def test_a_cut_in_the_last_sample_is_a_cut() -> None:
    data = made("avi", video="mpeg4", audio="libmp3lame", duration_s=4)
    cut = data[: data.rindex(b"idx1") - 1]
    assert drive(avi, cut).info.truncated is not None


def test_streams_have_lengths_of_their_own() -> None:
    data = made("avi", video="mpeg4", audio="libmp3lame", duration_s=4, audio_duration_s=3)
    video, sound = drive(avi, data).info.streams
    assert (video.duration_s, sound.duration_s) == (pytest.approx(4, abs=0.1), pytest.approx(3, abs=0.1))


def test_a_header_longer_than_the_head_costs_one_read() -> None:
    data = made("avi", video="mpeg4", audio="libmp3lame", duration_s=2)
    size = struct.unpack_from("<I", data, 16)[0]
    junk = b"JUNK" + struct.pack("<I", 200_000) + bytes(200_000)
    longer = patched(
        patched(data[: 20 + size] + junk + data[20 + size :], 16, size + len(junk)), 4, len(data) - 8 + len(junk)
    )
    driven = drive(avi, longer)
    assert driven.info.duration_s == pytest.approx(2, abs=0.1)
    assert driven.requests == 2


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"RIFF" + struct.pack("<I", 4) + b"AVI ", id="nothing"),
        pytest.param(
            b"RIFF" + struct.pack("<I", 40) + b"AVI " + b"LIST" + struct.pack("<I", 28) + b"movi" + bytes(24),
            id="no header list",
        ),
        pytest.param(
            b"RIFF" + struct.pack("<I", 16) + b"AVI " + b"LIST" + struct.pack("<I", 4) + b"hdrl", id="empty header list"
        ),
    ],
)
def test_headers_that_cannot_be_read(data: bytes) -> None:
    assert drive(avi, data).failure.kind is FailureKind.UNREADABLE


def test_a_header_list_of_gigabytes_is_not_read() -> None:
    data = b"RIFF" + struct.pack("<I", 100) + b"AVI LIST" + struct.pack("<I", 0x7FFFFFFF) + b"hdrl" + bytes(500_000)
    assert drive(avi, data).read_bytes < 100_000
