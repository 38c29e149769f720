"""MP3, MP2, AAC and AC-3: real files with and without an encoder's header, with tags, joined and damaged.

Where they end inside a frame or behind other bytes: see test_audio_ends.py.
"""

from __future__ import annotations

import functools
import random
import struct
from types import ModuleType

import pytest
from decoding import decoded_s
from media_making import close_enough, demuxed, make_media
from plan_driving import Driven, drive

from beam_tuning.media.containers import ac3, adts, flac, id3, mp3
from beam_tuning.media.containers.plan import HEAD_BYTES
from beam_tuning.media.info import FailureKind

made = functools.cache(make_media)

#: As the muxer writes them without Xing header and without tags.
BARE = {"write_xing": "0", "id3v2_version": "0"}


@functools.cache
def mp3_of(
    duration_s: float = 14,
    *,
    header: bool = True,
    variable: bool = False,
    kbits: int = 128,
    rate: int = 44100,
    channels: int = 1,
) -> bytes:
    options = {"flags": "+qscale", "global_quality": str(118 * 2)} if variable else {"b": f"{kbits}k"}
    return make_media(
        "mp3",
        audio="libmp3lame",
        duration_s=duration_s,
        sample_rate_hz=rate,
        channels=channels,
        audio_options=options,
        muxer_options={"id3v2_version": "0"} if header else BARE,
    )


def constant(kbits: int, frames: int, rate: int = 48000) -> bytes:
    """Frames of silence at a constant rate, MPEG-1 layer III, mono, without padding."""
    index = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320).index(kbits) + 1
    header = bytes((0xFF, 0xFB, index << 4 | {44100: 0, 48000: 1, 32000: 2}[rate] << 2, 0xC0))
    return (header + bytes(144 * kbits * 1000 // rate - 4)) * frames


def padded(kbits: int, frames: int, rate: int) -> bytes:
    """As `constant`, with the padding that makes up for the fractional length of frames at 44.1 kHz."""
    data = bytearray()
    for number in range(1, frames + 1):
        size = 144 * kbits * 1000 * number // rate - len(data)
        header = bytearray(constant(kbits, 1, rate)[:4])
        header[2] |= (size - 144 * kbits * 1000 // rate) << 1
        data += header + bytes(size - 4)
    return bytes(data)


def with_header(frames: int, size_bytes: int, audio: bytes, name: bytes = b"Xing", table: bytes = b"") -> bytes:
    """Audio behind a frame of 384 bytes (48 kHz, 128 kbit/s, mono) with an encoder's header."""
    flags = (1 if frames else 0) | (2 if size_bytes else 0) | (4 if table else 0)
    fields = struct.pack(">I", frames) * bool(frames) + struct.pack(">I", size_bytes) * bool(size_bytes) + table
    frame = bytes.fromhex("fffb94c0") + bytes(17) + name + struct.pack(">I", flags) + fields
    return frame.ljust(384, b"\0") + audio


def with_vbri(frames: int, size_bytes: int, audio: bytes) -> bytes:
    vbri = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, size_bytes, frames)
    return (bytes.fromhex("fffb94c0") + bytes(32) + vbri).ljust(384, b"\0") + audio


def id3v2(size_bytes: int, footer: bool = False) -> bytes:
    size = bytes(size_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\x04\x00" + (b"\x10" if footer else b"\x00") + size
    return tag + b"\xff\xfb\x90\x64" * (size_bytes // 4) + bytes(size_bytes % 4) + (b"3DI" + tag[3:] if footer else b"")


ID3V1 = b"TAG" + bytes(125)


def ape(size_bytes: int, header: bool = True) -> bytes:
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, size_bytes + 32, 1, (1 << 31) * header) + bytes(8)
    return footer * header + b"\xff\xfb\x90\x64" * (size_bytes // 4) + bytes(size_bytes % 4) + footer


def probe(data: bytes) -> Driven:
    return drive(id3 if data[:3] == b"ID3" else mp3, data)


def assert_right(data: bytes, truth_s: float | None = None) -> Driven:
    driven = probe(data)
    truth_s = demuxed(data).duration_s if truth_s is None else truth_s
    assert close_enough(driven.info.duration_s, truth_s), (driven.info.duration_s, truth_s)
    return driven


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("header", [True, False])
def test_every_sample_rate(rate: int, header: bool) -> None:
    data = mp3_of(3, header=header, rate=rate, kbits=32)
    info = assert_right(data).info
    assert info.truncated is None
    (stream,) = info.streams
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == ("mp3", rate, 1)


@pytest.mark.parametrize("variable", [False, True])
def test_an_encoders_header_costs_no_read(variable: bool) -> None:
    data = mp3_of(variable=variable, channels=2)
    assert len(data) > HEAD_BYTES
    assert assert_right(data).requests == 1


@pytest.mark.parametrize("variable", [False, True])
def test_without_header_the_frames_are_counted(variable: bool) -> None:
    data = mp3_of(header=False, variable=variable, channels=2)
    driven = assert_right(data)
    assert driven.requests == 2
    assert driven.read_bytes == len(data)


@pytest.mark.parametrize("parts", [(64, 320, 64), (64, 64, 320, 64), (128, 64), (64, 320, 320, 64)])
def test_parts_of_different_rates_are_not_taken_for_a_constant_one(parts: tuple[int, ...]) -> None:
    # At 48 kHz the lengths of these frames divide each other: all stand where a constant 64 kbit/s would put them.
    data = b"".join(constant(kbits, 100_000_000 // (kbits * 1000)) for kbits in parts)
    assert_right(data, sum(100_000_000 // (kbits * 1000) for kbits in parts) * 0.024)


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("tag_frames", [0, 1.3, 49, 98])
@pytest.mark.parametrize(("kbits", "rate"), [(128, 48000), (32, 48000), (64, 32000), (128, 44100), (320, 44100)])
def test_parts_of_one_rate_with_tags_between_them(parts: int, tag_frames: float, kbits: int, rate: int) -> None:
    """As podcasts with inserted parts. A tag as long as 49 frames moves none from where a constant rate puts it."""
    frames = 49 * (2000 // kbits)
    one = padded(kbits, frames, rate)
    tag_bytes = round(len(one) / frames * tag_frames)
    data = (id3v2(tag_bytes - 10) if tag_bytes else b"").join([one] * parts)
    assert len(data) > HEAD_BYTES
    assert_right(data, parts * frames * 1152 / rate)


@pytest.mark.parametrize("frames", [2, 3, 20])
def test_a_few_frames_are_a_whole_file(frames: int) -> None:
    assert probe(constant(128, frames)).info.duration_s == pytest.approx(frames * 0.024)


@pytest.mark.parametrize("channels", [1, 2])
def test_layer_ii(channels: int) -> None:
    data = make_media("mp2", audio="mp2", duration_s=30, channels=channels)
    info = assert_right(data).info
    assert info.streams[0].codec == "mp2"


@pytest.mark.parametrize("frames", [1, 500, 4999, 5200, 10000, 20000, 2**32 - 1])
def test_a_header_with_a_wrong_number_of_frames_is_found_out(frames: int) -> None:
    audio = constant(128, 5000)
    assert_right(with_header(frames, len(audio) + 384, audio), 5000 * 0.024)


@pytest.mark.parametrize("factor", [0.4, 0.5, 2, 3])
def test_a_variable_rate_with_a_wrong_number_of_frames_is_found_out(factor: float) -> None:
    data = mp3_of(variable=True, channels=2)
    at = data.index(b"Xing") + 8
    frames = struct.unpack_from(">I", data, at)[0]
    driven = probe(data[:at] + struct.pack(">I", int(frames * factor)) + data[at + 4 :])
    assert close_enough(driven.info.duration_s, frames * 1152 / 44100)


@pytest.mark.parametrize("size_bytes", [0, 1000, 300_000])
def test_a_header_with_too_few_bytes_is_not_believed(size_bytes: int) -> None:
    # As where two files are joined, and the first one's header stays in front.
    audio = constant(128, 2500) + with_header(2500, 0, constant(64, 2500))
    assert_right(with_header(2500, size_bytes, audio), 5001 * 0.024)


def test_a_header_with_more_bytes_than_there_are() -> None:
    audio = constant(128, 1000)
    info = assert_right(with_header(5000, 384 * 5001, audio), 24.0).info
    assert (
        info.truncated
        == f"the audio that the encoder counted ends at byte {384 * 5001}, the object at byte {384 * 1001}"
    )


@pytest.mark.parametrize("name", [b"Xing", b"Info"])
@pytest.mark.parametrize("frames", [0, 5000])
def test_headers_that_say_less(name: bytes, frames: int) -> None:
    assert_right(with_header(frames, 0, constant(128, 5000), name), 5000 * 0.024)


@pytest.mark.parametrize(("frames", "requests"), [(5000, 1), (2500, 2), (9000, 2)])
def test_vbri(frames: int, requests: int) -> None:
    audio = constant(128, 5000)
    driven = assert_right(with_vbri(frames, len(audio) + 384, audio), 5000 * 0.024)
    assert driven.requests == requests


@pytest.mark.parametrize("tag_bytes", [0, 127, 3_000, 60_000, 70_000, 2_500_000])
@pytest.mark.parametrize("header", [True, False])
def test_a_tag_in_front_costs_one_read_however_long(tag_bytes: int, header: bool) -> None:
    audio = mp3_of(header=header)
    driven = assert_right(id3v2(tag_bytes) + audio, demuxed(audio).duration_s)
    assert driven.requests <= 3
    assert driven.read_bytes <= 2 * HEAD_BYTES + (0 if header else len(audio))


def test_several_tags_in_front() -> None:
    audio = mp3_of()
    assert_right(id3v2(100_000) + id3v2(5000, footer=True) + id3v2(10) + audio, demuxed(audio).duration_s)


@pytest.mark.parametrize(
    "tags", [ID3V1, ape(500), ape(500, header=False), ape(300) + ID3V1, ape(400_000), ape(400_000) + ID3V1], ids=len
)
@pytest.mark.parametrize("header", [True, False])
def test_tags_at_the_end_are_no_audio(tags: bytes, header: bool) -> None:
    audio = mp3_of(header=header)
    info = assert_right(audio + tags, demuxed(audio).duration_s).info
    assert info.truncated is None


@pytest.mark.parametrize(
    "junk", [bytes(4000), bytes(60_000), random.Random(5).randbytes(700), bytes(100) + b"\xff\xfb\x90" * 20]
)
def test_bytes_in_front_that_are_no_frame(junk: bytes) -> None:
    audio = mp3_of(header=False)
    assert_right(junk + audio, demuxed(audio).duration_s)


def test_bytes_between_frames_are_stepped_over() -> None:
    data = constant(64, 1000) + random.Random(3).randbytes(5000) + id3v2(3000) + constant(128, 1000)
    assert_right(data, 48.0)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 383, 1000, 65536])
def test_the_pieces_of_a_stream_do_not_matter(chunk_bytes: int) -> None:
    data = constant(64, 400) + b"junk" * 50 + constant(128, 100)
    assert drive(mp3, data, chunk_bytes=chunk_bytes, head_bytes=5000).info.duration_s == pytest.approx(12.0)


@pytest.mark.parametrize("chunk_bytes", [1, 103, 104, 1000, 4096])
def test_headers_in_junk_are_no_frames_wherever_a_piece_ends(chunk_bytes: int) -> None:
    lure = (b"\xff\xfb\x94\xc0" + bytes(100)) * 60
    data = constant(128, 50) + b"junk" + lure + constant(128, 50)
    assert drive(mp3, data, chunk_bytes=chunk_bytes, head_bytes=5000).info.duration_s == pytest.approx(2.4)


def test_a_tag_that_is_cut() -> None:
    info = drive(id3, id3v2(500_000)[:100_000]).info
    assert info.duration_s is None
    assert info.truncated == "the ID3v2 tag ends at byte 500010, the object at byte 100000"


def test_a_tag_before_nothing_known() -> None:
    failure = drive(id3, id3v2(100) + random.Random(1).randbytes(50_000)).failure
    assert failure.kind is FailureKind.UNREADABLE
    assert "byte 110" in failure.message


@pytest.mark.parametrize(
    ("container", "codec", "inner"), [("adts", "aac", adts), ("flac", "flac", flac), ("ac3", "ac3", ac3)]
)
@pytest.mark.parametrize("tag_bytes", [20, 200_000])
def test_other_audio_behind_a_tag(container: str, codec: str, inner: ModuleType, tag_bytes: int) -> None:
    audio = made(container, audio=codec, duration_s=4)
    info = drive(id3, id3v2(tag_bytes) + audio).info
    assert close_enough(info.duration_s, demuxed(audio).duration_s)
    assert info.streams[0].codec == codec
    assert inner.matches(audio)


@pytest.mark.parametrize("size", [b"\x80\0\0\0", b"\0\0\0\xff"])
def test_a_tag_size_with_the_eighth_bit_is_no_tag(size: bytes) -> None:
    assert not id3.matches(b"ID3\x04\0\0" + size + bytes(100))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
def test_aac_is_counted(rate: int, channels: int) -> None:
    data = made("adts", audio="aac", duration_s=10, sample_rate_hz=rate, channels=channels)
    driven = drive(adts, data)
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)
    assert driven.requests <= 2
    (stream,) = driven.info.streams
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == ("aac", rate, channels)


@pytest.mark.parametrize("codec", ["ac3", "eac3"])
@pytest.mark.parametrize("rate", [32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_ac3(codec: str, rate: int, channels: int) -> None:
    data = made(codec, audio=codec, duration_s=40, sample_rate_hz=rate, channels=channels)
    driven = drive(ac3, data)
    assert close_enough(driven.info.duration_s, demuxed(data).duration_s)
    assert driven.info.truncated is None
    (stream,) = driven.info.streams
    assert (driven.info.container, stream.codec, stream.sample_rate_hz, stream.channels) == (
        codec,
        codec,
        rate,
        channels,
    )
    assert driven.read_bytes == len(data)


def test_ac3_whose_rate_changes_with_the_programme() -> None:
    rates = ("192k", "384k", "192k")
    parts = [make_media("ac3", audio="ac3", duration_s=8, audio_options={"b": rate}) for rate in rates]
    data = b"".join(parts)
    assert drive(ac3, data).info.duration_s == pytest.approx(sum(decoded_s(one) for one in parts))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"\xff\xfb",
        constant(128, 1),
        constant(128, 1) + bytes(5000),
        constant(128, 2) + bytes(5000),
        b"\xff\xfb\x90\x64" * 10_000,
        b"\xff" * 65536,
        b"\xff\xf1" * 30_000,
        bytes(65536),
    ],
)
@pytest.mark.parametrize("reader", [mp3, adts, ac3])
def test_sync_words_alone_match_nothing(reader: ModuleType, head: bytes) -> None:
    assert not reader.matches(head)


@pytest.mark.parametrize("reader", [mp3, adts, ac3, id3])
def test_random_bytes_match_nothing(reader: ModuleType) -> None:
    source = random.Random(20)
    for _ in range(150):
        assert not reader.matches(source.randbytes(HEAD_BYTES))
