"""ASF and FLV: real files, then broadcasts, recordings that were never finished, and cut files."""

from __future__ import annotations

import functools
import struct

import pytest
from media_making import close_enough, demuxed, make_media
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import asf, flv
from beam_tuning.media.containers.plan import HEAD_BYTES
from beam_tuning.media.info import FailureKind, MediaKind

made = functools.cache(make_media)

FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")


def properties(data: bytes) -> int:
    """Where the payload of the File Properties object starts."""
    return data.index(FILE_PROPERTIES) + 24


def put(data: bytes, position: int, value: bytes) -> bytes:
    return data[:position] + value + data[position + len(value) :]


def with_object(data: bytes, guid: bytes, payload: bytes) -> bytes:
    """An ASF file with one more object at the start of its header."""
    added = guid + struct.pack("<Q", 24 + len(payload)) + payload
    header_bytes = struct.unpack_from("<Q", data, 16)[0]
    data = put(data, 16, struct.pack("<Q", header_bytes + len(added)))
    longer = data[:30] + added + data[30:]
    return put(longer, properties(longer) + 16, struct.pack("<Q", len(longer)))


def data_end(data: bytes) -> int:
    """Where the Data object of an ASF file ends, which stands behind the header."""
    header_bytes = struct.unpack_from("<Q", data, 16)[0]
    return header_bytes + struct.unpack_from("<Q", data, header_bytes + 16)[0]


@functools.cache
def wmv(duration_s: float = 20) -> bytes:
    return make_media("asf", video="wmv2", audio="wmav2", duration_s=duration_s)


def requests_for_the_end(data: bytes) -> int:
    return 1 if len(data) <= HEAD_BYTES else 2


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        ("wmv1", "wmav1"),
        ("wmv2", "wmav2"),
        ("msmpeg4v3", "libmp3lame"),
        ("libx264", "aac"),
        (None, "wmav2"),
        (None, "wmav1"),
        ("wmv2", None),
    ],
)
def test_whole_asf_files_are_read_in_one_request(video: str | None, audio: str | None) -> None:
    data = made("asf", video=video, audio=audio)
    driven = drive(asf, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 1
    assert driven.info.kind is (MediaKind.VIDEO if video else MediaKind.AUDIO)


@pytest.mark.parametrize("flags", [1, 3])
@pytest.mark.parametrize("length_s", [5, 20])
def test_a_broadcast_is_read_at_its_end(flags: int, length_s: float) -> None:
    data = wmv(length_s)
    at = properties(data)
    live = put(put(put(data, at + 64, struct.pack("<I", flags)), at + 40, bytes(8)), at + 16, bytes(8))
    driven = drive(asf, live)
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)
    assert driven.info.truncated is None
    assert driven.requests == requests_for_the_end(data)


@pytest.mark.parametrize("play", [0, 1000, 3_100 * 10_000])
def test_a_play_duration_that_is_no_longer_than_the_preroll(play: int) -> None:
    data = wmv()
    info = drive(asf, put(data, properties(data) + 40, struct.pack("<Q", play))).info
    assert close_enough(info.duration_s, demuxed(data).duration_s)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_cut_asf_file_is_as_long_as_what_is_there(kept: float) -> None:
    data = wmv()
    cut = data[: int(len(data) * kept)]
    info = drive(asf, cut).info
    assert info.truncated == f"the data object ends at byte {data_end(data)}, the object at byte {len(cut)}"
    assert close_enough(info.duration_s, demuxed(cut).duration_s)


def test_a_cut_asf_file_whose_data_object_says_no_size() -> None:
    data = wmv()
    unsaid = put(data, struct.unpack_from("<Q", data, 16)[0] + 16, bytes(8))
    info = drive(asf, unsaid[:-100_000]).info
    whole = f"the file that the header describes ends at byte {len(data)}"
    assert info.truncated == f"{whole}, the object at byte {len(data) - 100_000}"


@pytest.mark.parametrize("more", [1, 5_000, 10_000_000])
def test_a_file_size_beyond_a_data_object_that_is_whole_is_no_cut(more: int) -> None:
    """As tools leave it that shorten the header, or an index, and correct no size but the data object's."""
    data = wmv()[: data_end(wmv())]
    driven = drive(asf, put(data, properties(data) + 16, struct.pack("<Q", len(data) + more)))
    assert_as_demuxed(driven, data)
    assert driven.info.tail_cut is None
    assert driven.requests == 1


@pytest.mark.parametrize("cut_bytes", [1, 1000])
def test_an_asf_file_that_lacks_a_part_of_its_last_packet_is_no_cut(cut_bytes: int) -> None:
    data = wmv()[: data_end(wmv())]
    info = drive(asf, data[:-cut_bytes]).info
    assert info.truncated is None
    assert str(info.tail_cut).startswith("the data object lacks its last ")
    assert close_enough(info.duration_s, demuxed(data).duration_s)


def test_an_index_that_is_cut_off_is_none_of_the_sound() -> None:
    data = wmv()
    assert data_end(data) < len(data)
    assert_as_demuxed(drive(asf, data[: data_end(data) + 10]), data)


@pytest.mark.parametrize("claimed_s", [0.5, 200, 2e6, 1e12])
@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("length_s", [5, 20])
def test_a_play_duration_that_the_packets_do_not_bear_out(claimed_s: float, index: bool, length_s: float) -> None:
    data = wmv(length_s)
    if not index:
        data = put(data[: data_end(data)], properties(data) + 16, bytes(8))
    preroll_s = struct.unpack_from("<Q", data, properties(data) + 56)[0] / 1000
    play = int((claimed_s + preroll_s) * 1e7)
    driven = drive(asf, put(data, properties(data) + 40, struct.pack("<Q", play)))
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)
    assert driven.requests == requests_for_the_end(data)


def test_sound_goes_by_at_one_speed() -> None:
    data = make_media("asf", audio="wmav2", duration_s=30)
    preroll_s = struct.unpack_from("<Q", data, properties(data) + 56)[0] / 1000
    claimed = put(data, properties(data) + 40, struct.pack("<Q", int((50 + preroll_s) * 1e7)))
    driven = drive(asf, claimed)
    assert close_enough(driven.info.duration_s, 30)
    assert driven.requests == 2


def test_an_asf_file_cut_in_its_header() -> None:
    info = drive(asf, wmv()[:400]).info
    assert info.truncated is not None
    assert info.duration_s is None


def test_pictures_in_the_header_cost_one_read() -> None:
    data = with_object(wmv(), bytes(16), bytes(500_000))
    driven = drive(asf, data)
    assert close_enough(driven.info.duration_s, 20)
    assert driven.info.truncated is None
    assert driven.requests == 2
    assert driven.read_bytes < 140_000


def test_the_frame_rate_is_that_of_the_extended_properties() -> None:
    video = struct.pack("<QQ8I2HQHH", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 400_000, 0, 0)[:64]
    extended = bytes.fromhex("cba5e61472c632438399a96952065b5a") + struct.pack("<Q", 24 + len(video)) + video
    data = with_object(wmv(), EXTENSION, bytes(18) + struct.pack("<I", len(extended)) + extended)
    assert drive(asf, data).info.streams[0].fps == 25.0


@pytest.mark.parametrize("size", [0, 29, 1 << 40])
def test_an_asf_header_of_an_impossible_size(size: int) -> None:
    assert drive(asf, put(wmv(), 16, struct.pack("<Q", size))).failure.kind is FailureKind.UNREADABLE


def test_an_asf_header_without_streams() -> None:
    data = wmv()
    no_streams = data.replace(bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365"), bytes(16))
    assert "no audio or video stream" in drive(asf, no_streams).failure.message


@pytest.mark.parametrize("size", [0, 1 << 31])
def test_data_packets_of_an_impossible_size(size: int) -> None:
    data = wmv()
    at = properties(data)
    lying = put(put(data, at + 68, struct.pack("<II", size, size)), at + 64, struct.pack("<I", 1))
    info = drive(asf, lying).info
    assert info.duration_s is None
    assert "no data packet" in str(info.duration_unknown)


# FLV


def flv_tag(kind: int, time_ms: int, body: bytes) -> bytes:
    header = (
        bytes((kind,))
        + len(body).to_bytes(3, "big")
        + (time_ms & 0xFFFFFF).to_bytes(3, "big")
        + bytes((time_ms >> 24,))
    )
    return header + bytes(3) + body + struct.pack(">I", 11 + len(body))


def number(name: str, value: float) -> bytes:
    return struct.pack(">H", len(name)) + name.encode() + b"\0" + struct.pack(">d", value)


def metadata(*fields: bytes) -> bytes:
    return flv_tag(18, 0, b"\x02\0\x0aonMetaData\x08" + struct.pack(">I", len(fields)) + b"".join(fields) + b"\0\0\x09")


def flv_file(*tags: bytes, flags: int = 5) -> bytes:
    return b"FLV\x01" + bytes((flags,)) + struct.pack(">II", 9, 0) + b"".join(tags)


def frames(seconds: float, start_ms: int = 0, body: bytes = b"\x22" + bytes(500)) -> bytes:
    return b"".join(flv_tag(9, start_ms + number * 40, body) for number in range(round(seconds * 25)))


@pytest.mark.parametrize(
    ("video", "audio", "rate"),
    [("flv", "libmp3lame", 44100), ("libx264", "aac", 48000), (None, "libmp3lame", 22050), ("flv", None, 44100)],
)
def test_whole_flv_files(video: str | None, audio: str | None, rate: int) -> None:
    data = make_media("flv", video=video, audio=audio, sample_rate_hz=rate, duration_s=8)
    driven = drive(flv, data)
    truth = demuxed(data)
    assert close_enough(driven.info.duration_s, truth.duration_s)
    assert driven.requests == (1 if len(data) <= HEAD_BYTES else 2)
    assert (driven.info.truncated, driven.info.tail_cut) == (None, None)
    ours = {stream.kind.value: (stream.codec, stream.width_px) for stream in driven.info.streams}
    assert ours == {track.kind: (track.codec, track.width_px) for track in truth.tracks}
    rates = [stream.sample_rate_hz for stream in driven.info.streams if stream.kind is MediaKind.AUDIO]
    assert rates == [rate] * bool(audio)


def test_configurations_in_front_do_not_hide_where_the_first_frames_start() -> None:
    """As GStreamer's muxer streams H.264 and AAC: no duration, both configurations before the first frame."""
    options = {"flvflags": "no_duration_filesize"}
    data = make_media(
        "flv",
        video="libx264",
        audio="aac",
        duration_s=12,
        size_px=(320, 240),
        video_options={"preset": "ultrafast", "g": "5"},
        muxer_options=options,
    )
    assert len(data) > 2 * 65536
    driven = drive(flv, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 2


@pytest.mark.parametrize("seekable", [True, False])
def test_an_flv_file_without_duration_is_read_at_its_end(seekable: bool) -> None:
    options = {"flvflags": "no_duration_filesize"} if seekable else {}
    data = make_media(
        "flv",
        video="flv",
        audio="libmp3lame",
        duration_s=20,
        size_px=(160, 120),
        seekable=seekable,
        muxer_options=options,
    )
    driven = drive(flv, data)
    assert len(data) > 65536
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)
    assert driven.requests == 2


@pytest.mark.parametrize("claimed_s", [float("nan"), float("inf"), -1.0, 0.0, 1e300, 5.0])
def test_a_duration_that_is_not_backed_is_not_believed(claimed_s: float) -> None:
    data = flv_file(metadata(number("duration", claimed_s)), frames(40))
    driven = drive(flv, data)
    assert driven.info.duration_s == pytest.approx(40)
    assert driven.requests == 2


@pytest.mark.parametrize("claimed_s", [41.5, 500.0, 5.0])
def test_a_duration_in_a_file_of_the_size_that_was_written_is_held_against_the_last_tags(claimed_s: float) -> None:
    body = frames(40)
    size = len(flv_file(metadata(number("duration", 0), number("filesize", 0)), body))
    data = flv_file(metadata(number("duration", claimed_s), number("filesize", size)), body)
    driven = drive(flv, data)
    assert driven.info.duration_s == pytest.approx(40)
    assert (driven.info.truncated, driven.info.tail_cut) == (None, None)
    assert driven.requests == 2


@pytest.mark.parametrize("long_at", [0, 200, 999])
def test_one_tag_longer_than_every_tail(long_at: int) -> None:
    """A tag of which neither the head nor the end of the object shows where it begins: its time is not known."""
    tags = [flv_tag(9, at * 40, b"\x22" + bytes(3_000_000 if at == long_at else 500)) for at in range(1000)]
    info = drive(flv, flv_file(*tags)).info
    assert info.duration_s == (None if long_at == 999 else pytest.approx(40))
    assert (info.duration_unknown is None) == (long_at != 999)


def test_a_long_tag_that_begins_in_the_head_and_ends_the_object() -> None:
    data = flv_file(frames(2), flv_tag(9, 2000, b"\x12" + bytes(3_000_000)))
    driven = drive(flv, data)
    assert driven.info.duration_s == pytest.approx(2.04)
    assert driven.info.tail_cut is None
    cut = drive(flv, data[:-1000]).info
    assert (cut.truncated, cut.tail_cut) == (None, "the last tag lacks its last 996 bytes")


@pytest.mark.parametrize("second_s", [10, 70])
def test_files_that_were_joined(second_s: float) -> None:
    """The times of the second part begin anew, and say nothing of the first."""
    body = frames(40)
    size = len(flv_file(metadata(number("duration", 0), number("filesize", 0)), body))
    data = flv_file(metadata(number("duration", 40), number("filesize", size)), body, frames(second_s))
    info = drive(flv, data).info
    assert info.duration_s is None
    assert "goes on behind the file" in str(info.duration_unknown)


def test_bytes_behind_the_last_tag_are_no_second_file() -> None:
    body = frames(40)
    size = len(flv_file(metadata(number("duration", 0), number("filesize", 0)), body))
    data = flv_file(metadata(number("duration", 40), number("filesize", size)), body) + bytes(1000)
    assert drive(flv, data).info.duration_s == pytest.approx(40)


def test_two_tags_with_all_the_time_in_the_world_between_them() -> None:
    info = drive(flv, flv_file(flv_tag(9, 0, b"\x22" + bytes(50)), flv_tag(9, 0xFFFF_FFFF, b"\x22" + bytes(50)))).info
    assert info.duration_s is None


@pytest.mark.parametrize("start_ms", [1000, 3_600_000, 0xFFFF_0000])
def test_a_recording_that_starts_late_is_as_long_as_it_plays(start_ms: int) -> None:
    body = frames(40, start_ms if start_ms < 0x7FFF_0000 else 0x7FFF_0000)
    size = len(flv_file(metadata(number("duration", 0), number("filesize", 0)), body))
    data = flv_file(metadata(number("duration", 3640.0), number("filesize", size)), body)
    assert drive(flv, data).info.duration_s == pytest.approx(40)


def test_a_codecs_configuration_is_no_start() -> None:
    configuration = flv_tag(9, 0, b"\x17\0\0\0\0" + bytes(30))
    data = flv_file(configuration, frames(40, 500_000, b"\x27\x01" + bytes(500)))
    assert drive(flv, data).info.duration_s == pytest.approx(40)


@pytest.mark.parametrize("body", [b"\x22" + bytes(500), b"\x22" + b"\x08\x09\x12" * 300])
@pytest.mark.parametrize("cut_bytes", [1, 200, 10_000])
def test_a_cut_flv_file_is_as_long_as_what_is_there(body: bytes, cut_bytes: int) -> None:
    data = flv_file(frames(60, body=body))
    cut = data[:-cut_bytes]
    info = drive(flv, cut).info
    lost_s = -(-(cut_bytes - 4) // (len(body) + 15)) * 0.04
    assert info.duration_s == pytest.approx(60 - lost_s, abs=0.1)
    # Nothing says how many tags there should be.
    assert info.truncated is None
    assert (info.tail_cut is None) == (cut_bytes == 1)


@pytest.mark.parametrize("start_ms", [0, 3_600_000])
def test_a_cut_flv_file_that_declares_a_longer_time(start_ms: int) -> None:
    data = flv_file(metadata(number("duration", start_ms / 1000 + 60)), frames(60, start_ms))
    cut = drive(flv, data[:300_050]).info
    assert "the object ends inside a tag" in str(cut.truncated)
    assert cut.tail_cut is None
    short = drive(flv, data[:-100]).info
    assert (short.truncated, short.tail_cut) == (None, "the last tag lacks its last 96 bytes")


@pytest.mark.parametrize(
    ("cut_bytes", "is_cut"), [(2, False), (100, False), (516, False), (5000, True), (200_000, True)]
)
def test_a_file_that_is_shorter_than_its_writer_left_it(cut_bytes: int, is_cut: bool) -> None:
    body = frames(40)
    size = len(flv_file(metadata(number("duration", 0), number("filesize", 0)), body))
    data = flv_file(metadata(number("duration", 40), number("filesize", size)), body)
    info = drive(flv, data[:-cut_bytes]).info
    declared = f"the file that the metadata describe ends at byte {size}, the object at byte {size - cut_bytes}"
    assert info.truncated == (declared if is_cut else None)
    assert (info.tail_cut is None) == is_cut


def test_a_file_size_larger_than_the_object() -> None:
    data = flv_file(metadata(number("duration", 100), number("filesize", 1_000_000)), frames(40))
    info = drive(flv, data).info
    assert info.truncated == f"the file that the metadata describe ends at byte 1000000, the object at byte {len(data)}"
    assert info.duration_s == pytest.approx(40)


def test_frames_longer_than_the_tail_cost_a_longer_read() -> None:
    data = flv_file(b"".join(flv_tag(9, number * 1000, b"\x12" + bytes(150_000)) for number in range(10)))
    driven = drive(flv, data)
    assert driven.info.duration_s == pytest.approx(10)
    assert driven.requests == 3


def test_an_index_of_key_frames_longer_than_the_head() -> None:
    times = b"\x0a" + struct.pack(">I", 20_000) + (b"\0" + struct.pack(">d", 1.0)) * 20_000
    index = struct.pack(">H", 9) + b"keyframes" + b"\x03" + struct.pack(">H", 5) + b"times" + times + b"\0\0\x09"
    body = frames(40)
    size = len(flv_file(metadata(index, number("duration", 0), number("filesize", 0)), body))
    data = flv_file(metadata(index, number("duration", 40.0), number("filesize", size)), body)
    driven = drive(flv, data)
    assert driven.info.duration_s == 40.0
    assert driven.requests <= 4


@pytest.mark.parametrize(
    ("opening", "codec"),
    [
        (b"\x90hvc1" + bytes(20), "hevc"),
        (b"\x90av01" + bytes(20), "av1"),
        (b"\x17\x01" + bytes(20), "h264"),
        (b"\x14" + bytes(20), "vp6f"),
        (b"\x1f" + bytes(20), None),
    ],
)
def test_codecs_by_number_and_by_fourcc(opening: bytes, codec: str | None) -> None:
    assert drive(flv, flv_file(frames(2, body=opening))).info.streams[0].codec == codec


def test_the_flags_of_old_audio_are_its_format() -> None:
    data = flv_file(b"".join(flv_tag(8, number * 26, b"\x2b" + bytes(100)) for number in range(100)), flags=5)
    info = drive(flv, data).info
    assert info.kind is MediaKind.AUDIO
    (stream,) = info.streams
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == ("mp3", 22050, 2)


@pytest.mark.parametrize("tags", [b"", metadata(), b"\xff" * 100, flv_tag(8, 0, b"")[:8]])
def test_flv_files_without_media(tags: bytes) -> None:
    assert drive(flv, flv_file(tags)).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize(
    "head", [b"", b"FLV", b"FLV\x02\x05\0\0\0\x09", b"FLV\x01\xff\0\0\0\x09", b"FLV\x01\x05\0\0\0\x01"]
)
def test_other_bytes_are_not_flv(head: bytes) -> None:
    assert not flv.matches(head)
