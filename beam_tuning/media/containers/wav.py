"""WAV in all its headers: RIFF, RF64/BW64 (64-bit sizes) and Sony Wave64.

Asks for nothing beyond the head when `fmt ` and the header of `data` lie in it, as they nearly always do: samples are
of constant size, so the bytes of the `data` chunk that the object really holds give the length. Recorders that were
stopped leave the chunk's size unset, or a little off. A large chunk before `data` costs one read to step over.
Compressed audio: blocks of a known number of samples are counted as well; MP3 is read as MP3 is; for others the `fact`
chunk has to agree with the byte rate.

Specifications: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, `fmt `, `fact`),
EBU Tech 3306 (RF64) and ITU-R BS.2088 (BW64), Sony Pictures Digital "Sony Wave64".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from beam_tuning.media.containers import mp3
from beam_tuning.media.containers.lengths import TAIL_S, known, lacks
from beam_tuning.media.containers.plan import HEAD_BYTES, Plan
from beam_tuning.media.containers.reading import (
    Steps,
    Window,
    cut_at,
    damaged,
    shifted,
    u32le,
    u64le,
)
from beam_tuning.media.containers.windows_codecs import FLOAT, MP3, PCM, WaveFormat, parse_wave_format
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure, StreamInfo

#: GUIDs of Wave64 end alike, but for `riff` itself.
_WAVE64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_WAVE64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
#: A tenth of a second of what is written: eight channels of 32 bits at 192 kHz. Headers may claim any rate.
_MAX_TAIL_BYTES = 614_400
#: RIFF, `fmt ` of 16 bytes, and the header of `data`.
_SHORTEST_HEADER_BYTES = 44
#: Behind an empty data chunk.
_MAX_CHUNKS = 16
_NAME = re.compile(rb"[ -~]{4}")
_ALAW, _MULAW = 0x0006, 0x0007
_MS_ADPCM, _IMA_ADPCM, _GSM = 0x0002, 0x0011, 0x0031
#: GSM 6.10 as Windows packs it: two frames of 160 samples.
_GSM_BLOCK_BYTES, _GSM_BLOCK_SAMPLES = 65, 320


def matches(head: bytes) -> bool:
    if head[:16] == _WAVE64_RIFF:
        return head[24:40] == b"wave" + _WAVE64_TAIL
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"


class _Chunk(NamedTuple):
    name: bytes
    start: int
    size: int
    next: int


class _Found(NamedTuple):
    """What stands before the samples."""

    format: WaveFormat
    samples: int | None
    data: _Chunk


def plan(head: bytes, size_bytes: int) -> Plan:
    wave64 = head[:4] == b"riff"
    container = "w64" if wave64 else "wav"
    window = Window(head, size_bytes)
    found = yield from _find_data(window, wave64)
    riff_end = u64le(head, 16) if wave64 else 8 + u32le(head, 4)
    if isinstance(found, str):
        cut = None if _is_streamed_size(riff_end - 8) else cut_at("the RIFF form", riff_end, size_bytes)
        if cut is None:
            return damaged(container, found)
        return MediaInfo(
            container, MediaKind.AUDIO, duration_unknown="the object ends before its samples", truncated=cut
        )
    wave, data = found.format, found.data
    present = size_bytes - data.start
    declared = None if (yield from _is_unset(window, data, riff_end, wave64)) else data.size
    data_bytes = present if declared is None else min(declared, present)
    truncated, tail_cut = _end_of(found, declared, riff_end, size_bytes)
    duration_s, unknown = yield from _length(window, found, data_bytes)
    if duration_s is not None:
        duration_s, unknown = known(duration_s, "the data chunk holds less than one sample")
    stream = StreamInfo(
        MediaKind.AUDIO,
        codec=wave.codec,
        duration_s=duration_s,
        sample_rate_hz=wave.sample_rate_hz or None,
        channels=wave.channels or None,
    )
    return MediaInfo(container, MediaKind.AUDIO, (stream,), duration_s, unknown, truncated, tail_cut)


def _end_of(found: _Found, declared: int | None, riff_end: int, size_bytes: int) -> tuple[str | None, str | None]:
    """(`truncated`, `tail_cut`)."""
    wave, data = found.format, found.data
    if declared is None:
        return None, None
    missing_bytes = data.start + declared - size_bytes
    frame_bytes, frame_samples = _frame(wave) or (wave.block_bytes, 0)
    bytes_per_s = frame_bytes * wave.sample_rate_hz / frame_samples if frame_samples else wave.bytes_per_s
    if missing_bytes > max(min(TAIL_S * bytes_per_s, _MAX_TAIL_BYTES), frame_bytes):
        return cut_at("the data chunk", data.start + declared, size_bytes), None
    # Some writers count the header in: the one that stands there, or the shortest there is.
    if missing_bytes > 0 and missing_bytes not in (data.start, _SHORTEST_HEADER_BYTES):
        return None, lacks("the data chunk", missing_bytes)
    # Of what follows the samples, nothing is heard. Some writers count the form's own header of eight bytes too.
    if missing_bytes <= 0 and riff_end - 8 > size_bytes and not _is_streamed_size(riff_end - 8):
        return None, lacks("the RIFF form, behind its samples,", riff_end - size_bytes)
    return None, None


def _find_data(window: Window, wave64: bool) -> Steps[_Found | str]:
    wave: WaveFormat | None = None
    samples: int | None = None
    long_data_size: int | None = None
    position = 40 if wave64 else 12
    while True:
        chunk = yield from _chunk_at(window, position, wave64)
        if chunk is None:
            return "no data chunk was found"
        name = chunk.name
        if name == b"fmt ":
            wave = parse_wave_format((yield from window.at(chunk.start, min(chunk.size, 64))))
        elif name == b"fact" and chunk.size >= 4:
            samples = u32le((yield from window.at(chunk.start, 4)), 0)
        elif name == b"ds64" and chunk.size >= 24:
            sizes = yield from window.at(chunk.start, 24)
            long_data_size, long_samples = u64le(sizes, 8), u64le(sizes, 16)
            samples = long_samples or samples
        elif name == b"data":
            if wave is None:
                return "no fmt chunk stands before the samples"
            if chunk.size == 0xFFFFFFFF and long_data_size is not None:
                chunk = chunk._replace(size=long_data_size)
            return _Found(wave, samples, chunk)
        position = chunk.next


def _chunk_at(window: Window, position: int, wave64: bool) -> Steps[_Chunk | None]:
    if wave64:
        header = yield from window.at(position, 24)
        size = u64le(header, 16) - 24
        if len(header) < 24 or size < 0:
            return None
        return _Chunk(header[:4], position + 24, size, position + 24 + (size + 7) // 8 * 8)
    header = yield from window.at(position, 8)
    if len(header) < 8:
        return None
    size = u32le(header, 4)
    return _Chunk(header[:4], position + 8, size, position + 8 + size + (size & 1))


def _is_streamed_size(size: int) -> bool:
    """Whether a size is what writers put that cannot go back: nothing, or the most that fits (FFmpeg, SoX, mpg123)."""
    return size <= 0 or 0x7FFFF000 <= size <= 0x80000000 or 0xFFFFF000 <= size <= 0xFFFFFFFF


def _is_unset(window: Window, data: _Chunk, riff_end: int, wave64: bool) -> Steps[bool]:
    """Whether the size of the data chunk is none, so that the samples run to the end of the object."""
    if data.size == 0 and abs(riff_end - window.size_bytes) <= 8:
        # A form that ends where the object ends was finished. If chunks follow the empty one, it is empty indeed.
        position = data.start
        for _ in range(_MAX_CHUNKS):
            chunk = yield from _chunk_at(window, position, wave64)
            if chunk is None or not _NAME.fullmatch(chunk.name) or chunk.next > window.size_bytes + 1:
                break
            position = chunk.next
        return window.size_bytes - position > 8
    return _is_streamed_size(data.size)


def _length(window: Window, found: _Found, data_bytes: int) -> Steps[tuple[float | None, str | None]]:
    """(seconds, None), or (None, why they are not known)."""
    wave = found.format
    if data_bytes == 0:
        return None, "the data chunk holds no samples"
    if wave.sample_rate_hz == 0 or wave.channels == 0:
        return None, f"the header declares {wave.channels} channels at {wave.sample_rate_hz} Hz"
    frame = _frame(wave)
    if frame is not None:
        frame_bytes, frame_samples = frame
        return data_bytes // frame_bytes * frame_samples / wave.sample_rate_hz, None
    if wave.tag == MP3:
        head = yield from window.at(found.data.start, min(HEAD_BYTES, data_bytes))
        if mp3.matches(head):
            media = yield from shifted(mp3.plan(head, data_bytes), found.data.start)
            if not isinstance(media, ProbeFailure):
                return media.duration_s, media.duration_unknown
    return _compressed_length(wave, found.samples, data_bytes)


def _frame(wave: WaveFormat) -> tuple[int, int] | None:
    """(bytes, samples) of what the data consist of: a sample for each channel, or a compressed block."""
    channels = wave.channels
    if not channels:
        return None
    if wave.tag in (PCM, FLOAT):
        bits = wave.bits or (wave.block_bytes * 8 // channels)
        return (channels * ((bits + 7) // 8), 1) if bits else None
    if wave.tag in (_ALAW, _MULAW):
        return channels, 1
    block = wave.block_bytes
    held = 0
    if wave.tag == _IMA_ADPCM:
        # A block opens with one whole sample for each channel, then four bits each.
        held = (block - 4 * channels) * 2 // channels + 1
    elif wave.tag == _MS_ADPCM:
        held = (block - 7 * channels) * 2 // channels + 2
    elif wave.tag == _GSM:
        held = block // _GSM_BLOCK_BYTES * _GSM_BLOCK_SAMPLES
    # A header may give a block fewer samples than it has room for, not more.
    return (block, min(wave.samples_per_block or held, held)) if block and held > 1 else None


def _compressed_length(wave: WaveFormat, samples: int | None, data_bytes: int) -> tuple[float | None, str | None]:
    by_rate_s = data_bytes / wave.bytes_per_s if wave.bytes_per_s else None
    by_fact_s = samples / wave.sample_rate_hz if samples else None
    if by_rate_s is None or by_fact_s is None or abs(by_rate_s - by_fact_s) > max(0.25, 0.0025 * by_fact_s):
        return None, f"compressed audio (format tag 0x{wave.tag:04x}) whose fact chunk and byte rate do not agree"
    return by_fact_s, None
