"""AC-3 and Enhanced AC-3 as bare frames.

Asks for the whole object, and counts its frames: nothing declares the length. AC-3 has a constant bit rate, but
recordings of broadcasts change it where the programme does.

Specification: ETSI TS 102 366 (ATSC A/52), clauses 4.4.1 and E.1.3.1.
"""

from __future__ import annotations

import functools
import re

from beam_tuning.media.containers.frames import Frame, FrameFormat, audio_info, count_frames, find_start, opening_of
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged

_SAMPLE_RATES_HZ = (48000, 44100, 32000)
_KBITS_PER_S = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
_BLOCKS = (1, 2, 3, 6)
_BLOCK_SAMPLES = 256


@functools.lru_cache(maxsize=4096)
def _parse(header: bytes) -> Frame | None:
    if len(header) < 7 or header[:2] != b"\x0b\x77":
        return None
    stream_id = header[5] >> 3
    if stream_id <= 10:
        return _parse_ac3(header, stream_id)
    return _parse_eac3(header, stream_id) if stream_id <= 16 else None


def _parse_ac3(header: bytes, stream_id: int) -> Frame | None:
    rate_code, size_code = header[4] >> 6, header[4] & 63
    if rate_code == 3 or size_code >= 2 * len(_KBITS_PER_S):
        return None
    bits_per_s, rate_hz = 1000 * _KBITS_PER_S[size_code // 2], _SAMPLE_RATES_HZ[rate_code]
    # Frames have whole words of 16 bits; only at 44.1 kHz some need one more than others.
    words = 1536 * bits_per_s // 16 // rate_hz + (size_code & 1 if rate_code == 1 else 0)
    mode = header[6] >> 5
    # Behind the mode stand, in some modes, mix levels of two bits each; then the flag of the low-frequency channel.
    level_bits = 2 * (mode in (3, 5, 7)) + 2 * (mode >= 4) + 2 * (mode == 2)
    has_lfe = header[6] >> (4 - level_bits) & 1
    kind = stream_id << 8 | rate_code
    return Frame(2 * words, 1536, rate_hz, _CHANNELS[mode] + has_lfe, "ac3", kind, bits_per_s)


def _parse_eac3(header: bytes, stream_id: int) -> Frame | None:
    size_bytes = 2 * (((header[2] & 7) << 8 | header[3]) + 1)
    rate_code, block_code = header[4] >> 6, header[4] >> 4 & 3
    if rate_code == 3:
        # Reduced rates put the rate where the number of blocks stands otherwise, and have six blocks.
        if block_code == 3:
            return None
        rate_hz, blocks = _SAMPLE_RATES_HZ[block_code] // 2, 6
    else:
        rate_hz, blocks = _SAMPLE_RATES_HZ[rate_code], _BLOCKS[block_code]
    # Frames of dependent and further substreams play at the same time as those of the first.
    is_first_substream = header[2] >> 6 != 1 and header[2] >> 3 & 7 == 0
    channels = _CHANNELS[header[4] >> 1 & 7] + (header[4] & 1)
    samples = blocks * _BLOCK_SAMPLES if is_first_substream else 0
    kind = stream_id << 16 | rate_hz
    return Frame(size_bytes, samples, rate_hz, channels, "eac3", kind, 0) if size_bytes >= 8 else None


AC3 = FrameFormat("ac3", re.compile(rb"\x0b\x77"), 7, _parse)
_EAC3 = AC3._replace(container="eac3")


def matches(head: bytes) -> bool:
    return find_start(AC3, head) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    opening = opening_of(AC3, head)
    if opening is None:
        return damaged("ac3", "no run of frames was found")
    start, first = opening
    frame_format = _EAC3 if first.codec == "eac3" else AC3
    counted = yield from count_frames(frame_format, head, start, first.kind, size_bytes)
    return audio_info(frame_format, first, counted)
