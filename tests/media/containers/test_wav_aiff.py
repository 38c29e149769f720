"""WAV, RF64, Wave64 and AIFF: real files, then headers of writers that cannot go back, and lies."""

from __future__ import annotations

import functools
import random
import struct

import pytest
from media_making import close_enough, demuxed, make_media
from plan_driving import assert_as_demuxed, drive

from beam_tuning.media.containers import aiff, wav
from beam_tuning.media.info import FailureKind

made = functools.cache(make_media)

SECOND = bytes(2 * 8000)
WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000 0000000000000000 77617665f3acd3118cd100c04f8edb8a")


def chunk(name: bytes, payload: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(payload) if size is None else size) + payload + bytes(len(payload) & 1)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def wave_format(
    tag: int = 1, channels: int = 1, rate: int = 8000, block: int = 2, bits: int = 16, more: bytes = b""
) -> bytes:
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits) + more)


@pytest.mark.parametrize("container", ["wav", "w64"])
@pytest.mark.parametrize(
    "codec",
    [
        "pcm_u8",
        "pcm_s16le",
        "pcm_s24le",
        "pcm_s32le",
        "pcm_f32le",
        "pcm_f64le",
        "pcm_alaw",
        "pcm_mulaw",
        "adpcm_ms",
        "adpcm_ima_wav",
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_wav_files_are_read_in_one_request(container: str, codec: str, channels: int) -> None:
    data = made(container, audio=codec, channels=channels, duration_s=1.3)
    driven = drive(wav, data)
    assert_as_demuxed(driven, data)
    assert driven.info.container == container
    assert driven.requests == 1


@pytest.mark.parametrize("options", [{"rf64": "always"}, {"write_bext": "1"}])
def test_broadcast_headers_are_read_in_one_request(options: dict[str, str]) -> None:
    data = make_media("wav", audio="pcm_s16le", muxer_options=options, metadata={"description": "x" * 200})
    driven = drive(wav, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 1


def test_wav_written_into_a_pipe_is_as_long_as_the_object() -> None:
    data = make_media("wav", audio="pcm_s16le", seekable=False)
    assert_as_demuxed(drive(wav, data), data)


@pytest.mark.parametrize("data_size", [0, 0xFFFFFFFF, 0xFFFFFFFF - 44, 0x7FFFF000, 0x7FFFFFFF, 0x80000000])
@pytest.mark.parametrize("riff_size", [0, 0xFFFFFFFF, 0x7FFFF024])
def test_sizes_of_streaming_writers_are_no_declaration(data_size: int, riff_size: int) -> None:
    data = riff(wave_format(), chunk(b"data", SECOND * 3, data_size), size=riff_size)
    info = drive(wav, data).info
    assert (info.duration_s, info.truncated) == (3.0, None)


def test_a_finished_form_with_an_empty_data_chunk_holds_nothing() -> None:
    info = drive(wav, riff(wave_format(), chunk(b"data", b""), chunk(b"LIST", b"INFO" + bytes(100)))).info
    assert info.duration_s is None
    assert "no samples" in str(info.duration_unknown)


@pytest.mark.parametrize("padding", [0, 1, 8])
def test_an_empty_data_chunk_at_the_end_holds_nothing(padding: int) -> None:
    info = drive(wav, riff(wave_format(), chunk(b"data", b"") + bytes(padding))).info
    assert info.duration_s is None


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(SECOND * 2, id="silence"),
        pytest.param(random.Random(1).randbytes(32_000), id="noise"),
        pytest.param(b"LIST\x10\0\0\0" + random.Random(2).randbytes(31_992), id="a chunk at first"),
        pytest.param(chunk(b"abcd", bytes(100)) * 290 + bytes(680), id="chunks for long"),
    ],
)
@pytest.mark.parametrize("front", [b"", chunk(b"LIST", bytes(26))])
def test_a_data_chunk_of_0_before_samples_is_unfinished(samples: bytes, front: bytes) -> None:
    """As recorders write it: the form's size was filled in, the data chunk's was not."""
    info = drive(wav, riff(wave_format(), front, chunk(b"data", samples, 0))).info
    assert (info.duration_s, info.truncated, info.tail_cut) == (2.0, None, None)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.94])
def test_a_cut_wav_is_as_long_as_what_is_there(kept: float) -> None:
    data = made("wav", audio="pcm_s16le")
    cut = data[: int(len(data) * kept)]
    info = drive(wav, cut).info
    assert info.truncated == f"the data chunk ends at byte {len(data)}, the object at byte {len(cut)}"
    assert info.tail_cut is None
    assert close_enough(info.duration_s, demuxed(cut).duration_s)


@pytest.mark.parametrize("front", [b"", chunk(b"LIST", bytes(26))])
@pytest.mark.parametrize(("counted", "is_known"), [("header", True), ("shortest header", True), ("more", False)])
def test_a_data_chunk_that_counts_the_header_in_is_whole(front: bytes, counted: str, is_known: bool) -> None:
    header_bytes = 44 + len(front)
    extra = {"header": header_bytes, "shortest header": 44, "more": header_bytes + 7}[counted]
    samples = SECOND * 2
    data = riff(wave_format(), front, chunk(b"data", samples, len(samples) + extra))
    info = drive(wav, data).info
    assert (info.duration_s, info.truncated) == (2.0, None)
    # Else some samples are missing, if few.
    assert (info.tail_cut is None) == is_known


@pytest.mark.parametrize(
    ("missing_bytes", "is_cut"), [(1, False), (200, False), (1599, False), (1600, False), (1602, True), (16_000, True)]
)
def test_less_than_a_tenth_of_a_second_missing_is_no_cut(missing_bytes: int, is_cut: bool) -> None:
    samples = SECOND * 2
    data = riff(wave_format(), chunk(b"data", samples))[:-missing_bytes]
    info = drive(wav, data).info
    assert (info.truncated is not None, info.tail_cut is not None) == (is_cut, not is_cut)
    assert info.duration_s == (len(samples) - missing_bytes) // 2 / 8000
    if not is_cut:
        lacking = "its last byte" if missing_bytes == 1 else f"its last {missing_bytes} bytes"
        assert info.tail_cut == f"the data chunk lacks {lacking}"


def test_a_last_block_that_is_cut_is_no_cut() -> None:
    data = made("wav", audio="adpcm_ima_wav", duration_s=3)
    block = struct.unpack_from("<H", data, 32)[0]
    assert drive(wav, data[: 1 - block]).info.tail_cut is not None
    assert drive(wav, data[: -20 * block]).info.truncated is not None


@pytest.mark.parametrize("bytes_per_s", [0, 0xFFFFFFFF])
def test_a_claimed_byte_rate_hides_no_cut(bytes_per_s: int) -> None:
    fields = struct.pack("<HHIIHH", 0xFF, 1, 8000, bytes_per_s, 1, 0)
    data = riff(chunk(b"fmt ", fields), chunk(b"data", bytes(1000), 3_000_000))
    assert drive(wav, data).info.truncated is not None


def test_a_cut_behind_the_samples_is_none_of_the_sound() -> None:
    data = riff(wave_format(), chunk(b"data", SECOND), chunk(b"LIST", bytes(500)))[:-100]
    info = drive(wav, data).info
    assert (info.duration_s, info.truncated) == (1.0, None)
    assert info.tail_cut == "the RIFF form, behind its samples, lacks its last 100 bytes"


def test_a_form_that_counts_its_own_header_is_not_cut() -> None:
    data = riff(wave_format(), chunk(b"data", SECOND))
    data = data[:4] + struct.pack("<I", len(data)) + data[8:]
    info = drive(wav, data).info
    assert (info.truncated, info.tail_cut) == (None, None)


def test_a_cut_before_the_samples() -> None:
    data = riff(wave_format(), chunk(b"LIST", bytes(500)), chunk(b"data", SECOND))[:100]
    info = drive(wav, data).info
    assert info.duration_s is None
    assert info.truncated is not None


def test_large_chunks_before_the_samples_cost_one_read() -> None:
    data = riff(wave_format(), chunk(b"id3 ", bytes(300_001)), chunk(b"data", SECOND * 2))
    driven = drive(wav, data)
    assert driven.info.duration_s == 2.0
    assert driven.requests == 2
    assert driven.read_bytes < 140_000


def test_chunks_behind_the_samples_are_not_counted() -> None:
    data = riff(wave_format(), chunk(b"data", SECOND), chunk(b"LIST", bytes(100_000)))
    assert drive(wav, data).info.duration_s == 1.0


@pytest.mark.parametrize(
    ("header", "samples", "duration_s"),
    [
        pytest.param(wave_format(block=0), SECOND, 1.0, id="no block size"),
        pytest.param(wave_format(block=4, bits=12), SECOND, 1.0, id="12 bits in 16"),
        pytest.param(wave_format(block=2, bits=0), SECOND, 1.0, id="no bits"),
        pytest.param(
            wave_format(0xFFFE, bits=32, block=4, more=struct.pack("<HHIH", 22, 32, 0, 3) + bytes(14)),
            SECOND,
            0.5,
            id="extensible float",
        ),
        pytest.param(
            wave_format(0x31, block=65, bits=0, more=struct.pack("<HH", 2, 320)), bytes(65 * 25), 1.0, id="gsm"
        ),
        pytest.param(
            wave_format(0x31, block=65, bits=0, more=struct.pack("<HH", 2, 65535)), bytes(65 * 25), 1.0, id="gsm, lying"
        ),
        pytest.param(
            wave_format(0x11, block=256, bits=4, more=struct.pack("<HH", 2, 65535)),
            bytes(256 * 10),
            10 * 505 / 8000,
            id="adpcm, lying",
        ),
        pytest.param(
            wave_format(0x11, block=256, bits=4, more=struct.pack("<HH", 2, 500)), bytes(2560), 0.625, id="adpcm, short"
        ),
        pytest.param(wave_format(0x11, block=4, bits=4), bytes(2560), None, id="adpcm without samples"),
        pytest.param(wave_format(0x31, block=1, bits=0), bytes(2560), None, id="gsm without samples"),
        pytest.param(wave_format(rate=0), SECOND, None, id="no rate"),
        pytest.param(wave_format(channels=0), SECOND, None, id="no channels"),
        pytest.param(wave_format(0x9999), SECOND, None, id="unknown format"),
        pytest.param(
            wave_format(0xFF) + chunk(b"fact", struct.pack("<I", 8000)), SECOND, 1.0, id="fact and rate agree"
        ),
        pytest.param(
            wave_format(0xFF) + chunk(b"fact", struct.pack("<I", 80000)), SECOND, None, id="fact and rate differ"
        ),
        pytest.param(wave_format(0xFF) + chunk(b"fact", bytes(4)), SECOND, None, id="no fact"),
    ],
)
def test_odd_formats(header: bytes, samples: bytes, duration_s: float | None) -> None:
    info = drive(wav, riff(header, chunk(b"data", samples))).info
    assert info.duration_s == duration_s
    assert (info.duration_unknown is None) == (duration_s is not None)


@pytest.mark.parametrize("options", [{}, {"b": "64k"}])
def test_mp3_in_wav_is_read_as_mp3(options: dict[str, str]) -> None:
    data = make_media("wav", audio="libmp3lame", duration_s=30, audio_options=options)
    info = drive(wav, data).info
    assert close_enough(info.duration_s, demuxed(data).duration_s)
    assert info.streams[0].codec == "mp3"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(riff(chunk(b"data", SECOND)), id="samples before their format"),
        pytest.param(riff(wave_format()), id="no samples"),
        pytest.param(riff(chunk(b"fmt ", bytes(4)), chunk(b"data", SECOND)), id="short format"),
        pytest.param(riff(), id="nothing"),
        pytest.param(WAVE64 + b"fmt " + bytes(20), id="wave64 of size 0"),
    ],
)
def test_headers_that_cannot_be_read(data: bytes) -> None:
    assert drive(wav, data).failure.kind is FailureKind.UNREADABLE


def test_a_chain_of_large_chunks_ends() -> None:
    data = riff(wave_format(), *[chunk(b"JUNK", bytes(70_000))] * 40, chunk(b"data", SECOND))
    driven = drive(wav, data)
    assert driven.failure.kind is FailureKind.UNREADABLE
    assert driven.read_bytes < 700_000


@pytest.mark.parametrize(
    "codec",
    [
        "pcm_s8",
        "pcm_s16be",
        "pcm_s24be",
        "pcm_s32be",
        "pcm_s16le",
        "pcm_f32be",
        "pcm_f64be",
        "pcm_alaw",
        "pcm_mulaw",
        "adpcm_ima_qt",
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_aiff_files_are_read_in_one_request(codec: str, channels: int) -> None:
    data = made("aiff", audio=codec, channels=channels, duration_s=1.3)
    driven = drive(aiff, data)
    assert_as_demuxed(driven, data)
    assert driven.requests == 1


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.94])
def test_a_cut_aiff_is_as_long_as_what_is_there(kept: float) -> None:
    data = made("aiff", audio="pcm_s16be")
    cut = data[: int(len(data) * kept)]
    info = drive(aiff, cut).info
    assert info.truncated == f"the SSND chunk ends at byte {len(data)}, the object at byte {len(cut)}"
    assert close_enough(info.duration_s, demuxed(cut).duration_s)


@pytest.mark.parametrize("missing_bytes", [1, 500, 8819])
def test_less_than_a_tenth_of_a_second_of_aiff_missing_is_no_cut(missing_bytes: int) -> None:
    data = made("aiff", audio="pcm_s16be")
    info = drive(aiff, data[:-missing_bytes]).info
    assert info.truncated is None
    assert str(info.tail_cut).startswith("the SSND chunk lacks its last ")
    assert info.duration_s == pytest.approx(2, abs=0.101)


def test_a_cut_of_aiff_behind_the_samples_is_none_of_the_sound() -> None:
    data = form((b"COMM", common()), (b"SSND", SOUND), (b"ANNO", bytes(500)))[:-100]
    info = drive(aiff, data).info
    assert (info.duration_s, info.truncated) == (1.0, None)
    assert info.tail_cut == "the FORM chunk, behind its samples, lacks its last 100 bytes"


def form(*chunks: tuple[bytes, bytes], kind: bytes = b"AIFF", size: int | None = None) -> bytes:
    body = kind + b"".join(
        name + struct.pack(">I", len(payload)) + payload + bytes(len(payload) & 1) for name, payload in chunks
    )
    return b"FORM" + struct.pack(">I", len(body) if size is None else size) + body


def common(
    frames: int = 8000, channels: int = 1, bits: int = 16, rate: bytes = struct.pack(">HQ", 16383 + 12, 8000 << 51)
) -> bytes:
    return struct.pack(">HIH", channels, frames, bits) + rate


SOUND = bytes(8) + SECOND


def test_aiff_chunks_in_the_other_order_cost_one_read() -> None:
    data = form((b"SSND", bytes(8) + SECOND * 10), (b"COMM", common()))
    driven = drive(aiff, data)
    assert driven.info.duration_s == 10.0
    assert driven.requests == 2
    assert driven.read_bytes < 70_000


@pytest.mark.parametrize(
    ("data", "duration_s"),
    [
        pytest.param(form((b"COMM", common(frames=0)), (b"SSND", SOUND)), 1.0, id="no count of frames"),
        pytest.param(form((b"COMM", common()), (b"SSND", SOUND), size=0xFFFFFFFF), 1.0, id="streamed form"),
        pytest.param(
            form((b"COMM", common()), (b"SSND", SOUND)).replace(
                b"SSND" + struct.pack(">I", len(SOUND)), b"SSND" + bytes(4)
            ),
            1.0,
            id="streamed sound",
        ),
        pytest.param(form((b"COMM", common(rate=bytes(10))), (b"SSND", SOUND)), None, id="rate 0"),
        pytest.param(form((b"COMM", common(rate=b"\x7f" * 10)), (b"SSND", SOUND)), None, id="rate infinite"),
        pytest.param(form((b"COMM", common(channels=0)), (b"SSND", SOUND)), None, id="no channels"),
        pytest.param(form((b"COMM", common()), (b"SSND", bytes(8))), None, id="no samples"),
        pytest.param(
            form((b"COMM", common() + b"QDM2\0\0"), (b"SSND", SOUND), kind=b"AIFC"), None, id="unknown compression"
        ),
    ],
)
def test_odd_aiff_files(data: bytes, duration_s: float | None) -> None:
    info = drive(aiff, data).info
    assert info.duration_s == duration_s
    assert info.truncated is None


@pytest.mark.parametrize(
    "data", [form((b"SSND", SOUND)), form((b"COMM", common())), form((b"COMM", b"\0"), (b"SSND", SOUND)), form()]
)
def test_aiff_headers_that_cannot_be_read(data: bytes) -> None:
    assert drive(aiff, data).failure.kind is FailureKind.UNREADABLE
