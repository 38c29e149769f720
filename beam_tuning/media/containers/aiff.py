"""AIFF and AIFF-C.

Asks for nothing beyond the head when `COMM` and the header of `SSND` lie in it: samples are of constant size, so the
bytes of `SSND` that the object holds give the length. Two chunks that stand in the other order, or a large one before
them, cost one read each.

Specifications: Apple, "Audio Interchange File Format: AIFF", version 1.3, and "AIFF-C", draft 08/26/91.
"""

from __future__ import annotations

from beam_tuning.media.containers.lengths import TAIL_S, known, lacks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, Window, cut_at, damaged, u16be, u32be, u64be
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

#: Compression type of AIFF-C -> codec, and bytes of a sample where the type fixes it.
_PCM: dict[bytes, tuple[str, int]] = {
    b"raw ": ("pcm_u8", 1),
    b"in24": ("pcm_s24be", 3),
    b"in32": ("pcm_s32be", 4),
    b"fl32": ("pcm_f32be", 4),
    b"FL32": ("pcm_f32be", 4),
    b"fl64": ("pcm_f64be", 8),
    b"FL64": ("pcm_f64be", 8),
    b"alaw": ("pcm_alaw", 1),
    b"ALAW": ("pcm_alaw", 1),
    b"ulaw": ("pcm_mulaw", 1),
    b"ULAW": ("pcm_mulaw", 1),
    b"23ni": ("pcm_s32le", 4),
}
#: Compression type -> codec, bytes of a block of one channel, samples in it.
_BLOCKS: dict[bytes, tuple[str, int, int]] = {
    b"ima4": ("adpcm_ima_qt", 34, 64),
    b"MAC3": ("mace3", 2, 6),
    b"MAC6": ("mace6", 1, 6),
}
_MAX_CHUNKS = 64


def matches(head: bytes) -> bool:
    return head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")


def plan(head: bytes, size_bytes: int) -> Plan:
    window = Window(head, size_bytes)
    chunks = yield from _find_chunks(window)
    form_end = 8 + u32be(head, 4)
    if isinstance(chunks, str):
        if (cut := cut_at("the FORM chunk", form_end, size_bytes)) is None:
            return damaged("aiff", chunks)
        return MediaInfo("aiff", MediaKind.AUDIO, duration_unknown="the object ends before its samples", truncated=cut)
    common, sound_start, sound_size = chunks
    channels, sample_bits, rate_hz = u16be(common, 0), u16be(common, 6), _extended_float(common[8:18])
    compression = common[18:22] if head[8:12] == b"AIFC" else b"NONE"
    codec, block_bytes, block_samples = _block(compression, sample_bits)

    # A writer that cannot go back leaves 0, or the most that fits.
    unset = sound_size <= 8 or sound_size >= 0x7FFFF000
    sound_end = size_bytes if unset else sound_start + sound_size
    bytes_per_s = (block_bytes or 0) * channels * rate_hz / block_samples
    truncated: str | None = None
    tail_cut: str | None = None
    if sound_end - size_bytes > max(TAIL_S * bytes_per_s, (block_bytes or 0) * channels):
        truncated = cut_at("the SSND chunk", sound_end, size_bytes)
    elif sound_end > size_bytes:
        tail_cut = lacks("the SSND chunk", sound_end - size_bytes)
    elif size_bytes < form_end < 0x7FFFF000:
        # Of what follows the samples, nothing is heard.
        tail_cut = lacks("the FORM chunk, behind its samples,", form_end - size_bytes)
    # SSND opens with an offset and a block size; samples follow.
    sample_bytes = min(sound_end, size_bytes) - sound_start - 8
    duration_s: float | None = None
    unknown: str | None = None
    if not (channels and rate_hz):
        unknown = f"the header declares {channels} channels at {rate_hz:g} Hz"
    elif not block_bytes:
        unknown = f"the length of audio of compression type {compression!r} is not known from its size"
    elif sample_bytes <= 0:
        unknown = "the SSND chunk holds no samples"
    else:
        seconds = sample_bytes // (block_bytes * channels) * block_samples / rate_hz
        duration_s, unknown = known(seconds, "the SSND chunk holds less than one sample")
    rate = round(rate_hz) or None
    stream = StreamInfo(
        MediaKind.AUDIO, codec=codec, duration_s=duration_s, sample_rate_hz=rate, channels=channels or None
    )
    return MediaInfo("aiff", MediaKind.AUDIO, (stream,), duration_s, unknown, truncated, tail_cut)


def _find_chunks(window: Window) -> Steps[tuple[bytes, int, int] | str]:
    """The common chunk's bytes, and where the sound chunk's payload starts and how long it says it is."""
    common: bytes | None = None
    sound: tuple[int, int] | None = None
    position = 12
    for _ in range(_MAX_CHUNKS):
        header = yield from window.at(position, 8)
        if len(header) < 8:
            break
        start, size = position + 8, u32be(header, 4)
        if header[:4] == b"COMM":
            common = yield from window.at(start, min(size, 64))
            if len(common) < 18:
                return "the COMM chunk is too short"
        elif header[:4] == b"SSND":
            sound = start, size
        if common is not None and sound is not None:
            return common, *sound
        position = start + size + (size & 1)
    return "no COMM chunk was found" if common is None else "no SSND chunk was found"


def _block(compression: bytes, sample_bits: int) -> tuple[str | None, int | None, int]:
    """(codec, bytes of a block of one channel, samples in a block)."""
    if compression in _BLOCKS:
        return _BLOCKS[compression]
    if compression in _PCM:
        codec, sample_bytes = _PCM[compression]
        return codec, sample_bytes, 1
    sample_bytes = (sample_bits + 7) // 8
    if compression in (b"NONE", b"twos", b"sowt") and 1 <= sample_bytes <= 4:
        endian = "" if sample_bytes == 1 else "le" if compression == b"sowt" else "be"
        return f"pcm_s{sample_bytes * 8}{endian}", sample_bytes, 1
    return None, None, 1


def _extended_float(data: bytes) -> float:
    """An 80-bit IEEE 754 number as the sample rate of COMM is written; 0 when it is no sensible rate."""
    exponent, mantissa = u16be(data, 0) - 16383 - 63, u64be(data, 2)
    if not -63 <= exponent <= -30:
        return 0.0
    return mantissa * 2.0**exponent
