"""MPEG program and transport streams and MPEG video: real files, other packet sizes, wraps, jumps and cuts."""

from __future__ import annotations

import functools
import random
import re
from types import ModuleType

import pytest
from media_making import close_enough, demuxed, make_media
from plan_driving import drive

from beam_tuning.media.containers import mpeg_ps, mpeg_ts, mpeg_video
from beam_tuning.media.info import FailureKind, MediaKind

made = functools.cache(make_media)

TS = functools.cache(
    lambda: make_media(
        "mpegts",
        video="libx264",
        audio="aac",
        duration_s=12,
        size_px=(320, 240),
        video_options={"preset": "ultrafast", "qp": "8"},
    )
)
PS = functools.cache(lambda: make_media("vob", video="mpeg2video", audio="mp2", duration_s=12, size_px=(320, 240)))


def packets(data: bytes) -> list[bytes]:
    return [data[start : start + 188] for start in range(0, len(data), 188)]


def stamped(data: bytes, change: int) -> bytes:
    """A transport stream whose presentation and decoding times are all `change` ticks later."""

    def moved(stamp: bytes) -> bytes:
        ticks = (stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | (stamp[2] >> 1) << 15 | stamp[3] << 7 | stamp[4] >> 1
        ticks = (ticks + change) % (1 << 33)
        head = stamp[0] & 0xF1 | (ticks >> 30 & 7) << 1
        return bytes((head, ticks >> 22 & 255, (ticks >> 14 & 254) | 1, ticks >> 7 & 255, (ticks << 1 & 254) | 1))

    out = []
    for packet in packets(data):
        start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        header = packet[start : start + 9]
        if packet[1] & 0x40 and header[:3] == b"\0\0\1" and header[3] >= 0xC0 and header[7] & 0x80:
            stamps = packet[start + 9 : start + 14], packet[start + 14 : start + 19] if header[7] & 0x40 else b""
            new = moved(stamps[0]) + (moved(stamps[1]) if stamps[1] else b"")
            packet = packet[: start + 9] + new + packet[start + 9 + len(new) :]
        out.append(packet)
    return b"".join(out)


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        ("libx264", "aac"),
        ("mpeg2video", "mp2"),
        ("libx265", "ac3"),
        ("mpeg4", "libmp3lame"),
        ("libx264", "eac3"),
        (None, "aac"),
        (None, "mp2"),
        ("mpeg1video", None),
        ("libx264", "libopus"),
    ],
)
def test_whole_transport_streams(video: str | None, audio: str | None) -> None:
    rate_hz = 48000 if audio == "libopus" else 44100
    data = made("mpegts", video=video, audio=audio, duration_s=4, sample_rate_hz=rate_hz)
    driven = drive(mpeg_ts, data)
    truth = demuxed(data)
    assert driven.info.duration_s == pytest.approx(truth.duration_s, abs=0.1)
    assert driven.info.truncated is None
    for stream, track in zip(driven.info.streams, truth.tracks, strict=True):
        # Layers II and III have one number between them; FFmpeg takes one for the other where there is little of it.
        assert stream.codec == ("mp2" if (video, audio) == (None, "mp2") else track.codec)
        is_sized = stream.codec != "mpeg4"
        assert (stream.width_px, stream.height_px) == ((track.width_px, track.height_px) if is_sized else (None, None))
        assert (stream.sample_rate_hz, stream.channels) == (track.sample_rate_hz, track.channels)
        assert track.end_s is not None
        assert track.start_s is not None
        assert stream.duration_s == pytest.approx(track.end_s - track.start_s, abs=0.1)
    assert driven.requests <= 2


def test_the_tail_costs_one_read() -> None:
    driven = drive(mpeg_ts, TS())
    assert len(TS()) > 400_000
    assert close_enough(driven.info.duration_s, demuxed(TS()).duration_s)
    assert driven.requests == 2
    assert driven.read_bytes <= 64 * 1024 + 256 * 1024


@pytest.mark.parametrize("kbits", [16, 32, 64])
def test_sparse_audio_in_large_packets(kbits: int) -> None:
    data = make_media("mpegts", audio="aac", duration_s=9.3, sample_rate_hz=16000, audio_options={"b": f"{kbits}k"})
    assert drive(mpeg_ts, data).info.duration_s == pytest.approx(demuxed(data).duration_s, abs=0.1)


@pytest.mark.parametrize(("prefix", "suffix"), [(4, 0), (0, 16)], ids=["192", "204"])
def test_other_packet_sizes(prefix: int, suffix: int) -> None:
    data = b"".join(bytes(prefix) + packet + bytes(suffix) for packet in packets(TS()))
    info = drive(mpeg_ts, data).info
    assert close_enough(info.duration_s, demuxed(TS()).duration_s)
    assert info.truncated is None


@pytest.mark.parametrize("leading", [1, 100, 187])
def test_a_stream_that_starts_inside_a_packet(leading: int) -> None:
    data = random.Random(1).randbytes(leading).replace(b"G", b"g") + TS()
    assert close_enough(drive(mpeg_ts, data).info.duration_s, demuxed(TS()).duration_s)


@pytest.mark.parametrize("start_s", [-1, 0, 3600, 95443, 95440, 95436, 95433])
def test_time_stamps_that_wrap_in_the_middle(start_s: int) -> None:
    data = stamped(TS(), start_s * 90_000)
    assert close_enough(drive(mpeg_ts, data).info.duration_s, demuxed(TS()).duration_s)


def test_time_stamps_that_jump_are_no_length() -> None:
    data = TS()
    middle = len(data) // 376 * 188
    joined = data[:middle] + stamped(data, 7200 * 90_000)[middle:]
    info = drive(mpeg_ts, joined).info
    assert info.duration_s is None
    assert "do not belong together" in str(info.duration_unknown)


def test_time_stamps_that_go_back_are_no_length() -> None:
    data = TS()
    info = drive(mpeg_ts, stamped(data, 60 * 90_000)[: len(data) // 376 * 188] + data).info
    assert info.duration_s is None


@pytest.mark.parametrize("left", [1, 50, 187])
def test_a_cut_packet_is_told(left: int) -> None:
    data = TS()[: 188 * 1500 + left]
    info = drive(mpeg_ts, data).info
    assert info.tail_cut == f"the last packet has {left} of its 188 bytes: the object ends at byte {len(data)}"
    assert info.truncated is None
    assert close_enough(info.duration_s, demuxed(data).duration_s)


def test_a_program_map_beyond_the_head_costs_a_longer_head() -> None:
    null = b"\x47\x1f\xff\x10" + bytes(184)
    data = null * 500 + TS()
    driven = drive(mpeg_ts, data)
    assert close_enough(driven.info.duration_s, demuxed(TS()).duration_s)
    assert driven.rounds == 2


def test_no_time_stamp_in_the_tail_costs_a_longer_tail() -> None:
    null = b"\x47\x1f\xff\x10" + bytes(184)
    driven = drive(mpeg_ts, TS() + null * 3000)
    assert close_enough(driven.info.duration_s, demuxed(TS()).duration_s)
    assert driven.rounds == 3


def test_no_program_map_leaves_the_packets_own_ids() -> None:
    data = b"".join(packet for packet in packets(TS()) if packet[1:3] not in (b"\x40\0", b"\x50\0"))
    info = drive(mpeg_ts, data).info
    assert close_enough(info.duration_s, demuxed(TS()).duration_s)
    assert {stream.kind for stream in info.streams} == {MediaKind.VIDEO, MediaKind.AUDIO}


def test_packets_of_nothing_are_no_media() -> None:
    assert drive(mpeg_ts, (b"\x47\x1f\xff\x10" + bytes(184)) * 3000).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_private_streams_are_named_by_their_descriptors(channels: int) -> None:
    data = make_media("mpegts", audio="libopus", sample_rate_hz=48000, duration_s=1, channels=channels)
    (stream,) = drive(mpeg_ts, data).info.streams
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == ("opus", 48000, channels)


@pytest.mark.parametrize("audio", ["aac", "mp2", "libmp3lame"])
def test_private_streams_that_nothing_names_are_known_by_their_frames(audio: str) -> None:
    # FFmpeg has no number for AAC in a Blu-ray stream, and marks it as private data.
    options = {"mpegts_m2ts_mode": "1"}
    data = make_media("mpegts", video="libx264", audio=audio, duration_s=3, channels=2, muxer_options=options)
    driven = drive(mpeg_ts, data)
    truth = demuxed(data)
    assert [stream.codec for stream in driven.info.streams] == [track.codec for track in truth.tracks]
    assert (driven.info.streams[1].sample_rate_hz, driven.info.streams[1].channels) == (44100, 2)
    assert close_enough(driven.info.duration_s, truth.duration_s)


@pytest.mark.parametrize("payload", [bytes(100), b"\x0b\x77" * 50, b"\xff\xf1" * 50, b"\xff\xfb\x90\x64" + bytes(96)])
def test_private_data_are_no_stream(payload: bytes) -> None:
    options = {"mpegts_m2ts_mode": "1"}
    data = make_media("mpegts", video="libx264", audio="aac", duration_s=2, muxer_options=options)
    spoiled = bytearray(data)
    for start in range(0, len(data), 192):
        packet = data[start + 4 : start + 192]
        if packet[1] & 0x1F == 0x11 and packet[2] == 0x00:
            # What is not header, of the audio packets.
            body = 4 + (1 + packet[4] if packet[3] & 0x20 else 0) + (14 if packet[1] & 0x40 else 0)
            filler = (payload * 2)[: 188 - body]
            spoiled[start + 4 + body : start + 4 + body + len(filler)] = filler
    info = drive(mpeg_ts, bytes(spoiled)).info
    assert [stream.codec for stream in info.streams][:1] == ["h264"]


@pytest.mark.parametrize(
    ("video", "size_px"), [("libx264", (322, 182)), ("libx265", (322, 182)), ("mpeg2video", (320, 180))]
)
def test_sizes_of_video_stand_in_the_first_read(video: str, size_px: tuple[int, int]) -> None:
    data = make_media("mpegts", video=video, audio="aac", channels=2, duration_s=2, size_px=size_px)
    driven = drive(mpeg_ts, data)
    picture, sound = driven.info.streams
    assert (picture.width_px, picture.height_px) == size_px
    assert (sound.sample_rate_hz, sound.channels) == (44100, 2)
    assert driven.requests <= 2


def test_streams_have_lengths_of_their_own() -> None:
    data = make_media("mpegts", video="libx264", audio="aac", duration_s=4, audio_duration_s=2)
    picture, sound = drive(mpeg_ts, data).info.streams
    assert (picture.duration_s, sound.duration_s) == (pytest.approx(4, abs=0.05), pytest.approx(2, abs=0.1))


def test_the_end_of_a_stream_that_was_not_seen_is_not_guessed() -> None:
    whole = packets(TS())
    # Sound, packet id 257, ends between the head and the tail.
    data = b"".join(
        p for at, p in enumerate(whole) if (p[1] & 0x1F, p[2]) != (1, 1) or at < len(whole) - 360 * 1024 // 188
    )
    assert 64 * 1024 + 360 * 1024 < len(data) < len(TS())
    picture, sound = drive(mpeg_ts, data).info.streams
    assert (picture.duration_s, sound.duration_s) == (pytest.approx(12, abs=0.05), None)


def test_time_stamps_that_jump_are_no_length_of_a_stream() -> None:
    data = TS()
    middle = len(data) // 376 * 188
    info = drive(mpeg_ts, data[:middle] + stamped(data, 7200 * 90_000)[middle:]).info
    assert {stream.duration_s for stream in info.streams} == {None}


def test_thousands_of_streams_cost_no_more_than_one() -> None:
    # Each of 250 programs has 200 streams: every packet is looked at once, not once for each of them.
    def section(table: int, body: bytes) -> bytes:
        return b"\0" + bytes((table,)) + (0xB000 | len(body) + 4).to_bytes(2, "big") + body + bytes(4)

    def sent(pid: int, payload: bytes) -> bytes:
        out, number = b"", 0
        while payload:
            start = 0x40 if number == 0 else 0
            out += bytes((0x47, start | pid >> 8, pid & 255, 0x10)) + payload[:184].ljust(184, b"\xff")
            payload, number = payload[184:], number + 1
        return out

    programs = b"".join(
        number.to_bytes(2, "big") + (0xE000 | 32 + number).to_bytes(2, "big") for number in range(1, 251)
    )
    data = sent(0, section(0, b"\0\1\xc1\0\0" + programs))
    for number in range(1, 251):
        entries = b"".join(
            b"\x0f" + (0xE000 | (number * 31 + at) % 8000).to_bytes(2, "big") + b"\xf0\0" for at in range(200)
        )
        data += sent(32 + number, section(2, b"\0\1\xc1\0\0\xe1\0\xf0\0" + entries))
    data += TS()
    driven = drive(mpeg_ts, data)
    assert driven.steps < 4 * len(data) // 188 + 250 * 200


def test_a_program_stream_has_streams_with_lengths_of_their_own() -> None:
    data = make_media("vob", video="mpeg2video", audio="mp2", duration_s=4, audio_duration_s=2)
    lengths_s = {stream.kind: stream.duration_s for stream in drive(mpeg_ps, data).info.streams}
    assert lengths_s == {MediaKind.VIDEO: pytest.approx(4, abs=0.05), MediaKind.AUDIO: pytest.approx(2, abs=0.1)}


def test_the_size_of_h264_in_a_program_stream() -> None:
    data = make_media("vob", video="libx264", audio="mp2", duration_s=2, size_px=(322, 182))
    (size_px,) = [(s.width_px, s.height_px) for s in drive(mpeg_ps, data).info.streams if s.kind is MediaKind.VIDEO]
    assert size_px == (322, 182)


@pytest.mark.parametrize(
    ("container", "video", "audio"),
    [
        ("vob", "mpeg2video", "mp2"),
        ("vob", "mpeg2video", "ac3"),
        ("mpeg", "mpeg1video", "mp2"),
        ("mpeg", None, "mp2"),
        ("mpeg", None, "libmp3lame"),
        ("svcd", "mpeg2video", "mp2"),
        ("vob", None, "pcm_s16be"),
        ("vob", "libx264", "mp2"),
    ],
)
def test_whole_program_streams(container: str, video: str | None, audio: str | None) -> None:
    data = made(container, video=video, audio=audio, duration_s=4, sample_rate_hz=48000, channels=2)
    driven = drive(mpeg_ps, data)
    truth = demuxed(data)
    assert close_enough(driven.info.duration_s, truth.duration_s)
    assert driven.info.truncated is None
    assert {stream.codec for stream in driven.info.streams} == {track.codec for track in truth.tracks}
    assert driven.requests <= 2


def test_sizes_and_rates_are_those_of_the_streams_own_headers() -> None:
    info = drive(mpeg_ps, PS()).info
    video, audio = sorted(info.streams, key=lambda stream: stream.kind is MediaKind.AUDIO)
    assert (video.width_px, video.height_px, video.fps) == (320, 240, 25.0)
    assert (audio.sample_rate_hz, audio.channels) == (44100, 1)


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9])
def test_a_cut_program_stream_is_as_long_as_what_is_there(kept: float) -> None:
    cut = PS()[: int(len(PS()) * kept) // 2048 * 2048 + 1000]
    info = drive(mpeg_ps, cut).info
    assert info.tail_cut is not None
    assert info.tail_cut.endswith(f"the object at byte {len(cut)}")
    assert info.truncated is None
    assert close_enough(info.duration_s, demuxed(cut).duration_s)


def test_a_program_stream_without_media() -> None:
    data = re.sub(rb"\x00\x00\x01[\xc0-\xef]", b"\0\0\1\xbe", PS())
    assert drive(mpeg_ps, data).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize(("container", "codec"), [("mpeg1video", "mpeg1video"), ("mpeg2video", "mpeg2video")])
@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 50])
def test_video_alone_is_counted(container: str, codec: str, fps: float) -> None:
    data = make_media(container, video=codec, duration_s=5, fps=fps, size_px=(320, 240))
    driven = drive(mpeg_video, data)
    assert driven.info.duration_s == pytest.approx(5, abs=0.1)
    (stream,) = driven.info.streams
    assert (stream.codec, stream.width_px, stream.height_px) == (codec, 320, 240)
    assert stream.fps == pytest.approx(fps, abs=0.01)
    assert driven.requests == (2 if len(data) > 65536 else 1)


@pytest.mark.parametrize("chunk_bytes", [1, 3, 7, 1000])
def test_pictures_on_the_seams_of_pieces_are_counted_once(chunk_bytes: int) -> None:
    data = made("mpeg2video", video="mpeg2video", duration_s=2)
    assert drive(mpeg_video, data, chunk_bytes=chunk_bytes, head_bytes=300).info.duration_s == 2.0


def test_two_fields_are_one_picture() -> None:
    data = made("mpeg2video", video="mpeg2video", duration_s=2)
    fields = re.sub(
        rb"(\x00\x00\x01\xb5[\x80-\x8f].)(.)",
        lambda match: match[1] + bytes((match[2][0] & 0xFC | 1,)),
        data,
        flags=re.DOTALL,
    )
    assert drive(mpeg_video, fields).info.duration_s == 1.0


@pytest.mark.parametrize("reader", [mpeg_ps, mpeg_ts, mpeg_video])
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"G",
        b"\0\0\1\xba",
        b"\0\0\1\xb3" + bytes(20),
        b"\0\0\1\xba" + bytes(50),
        b"G" * 4 + bytes(2000),
        bytes(65536),
        b"\0\0\1\xb3\xff\xff\xff\xff" * 9,
    ],
)
def test_start_codes_alone_match_nothing(reader: ModuleType, head: bytes) -> None:
    assert not reader.matches(head)


@pytest.mark.parametrize("reader", [mpeg_ps, mpeg_ts, mpeg_video])
def test_random_bytes_match_nothing(reader: ModuleType) -> None:
    source = random.Random(8)
    assert not any(reader.matches(source.randbytes(65536)) for _ in range(100))
