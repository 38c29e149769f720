"""AAC in ADTS frames.

Asks for the whole object: nothing declares the length, frames differ in size, and 1,024 samples stand in each, so only
counting them tells. The object is bounded by the caller; it is read in one request.

Specification: ISO/IEC 14496-3:2019, annex 1.A.2.
"""

from __future__ import annotations

import functools
import re

from beam_tuning.media.containers.frames import Frame, FrameFormat, audio_info, count_frames, find_start, opening_of
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged

_SAMPLE_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)


@functools.lru_cache(maxsize=4096)
def _parse(header: bytes) -> Frame | None:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate_index = header[2] >> 2 & 15
    size_bytes = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    has_crc = not header[1] & 1
    if rate_index >= len(_SAMPLE_RATES_HZ) or size_bytes < (9 if has_crc else 7):
        return None
    return Frame(
        size_bytes=size_bytes,
        samples=1024 * ((header[6] & 3) + 1),
        sample_rate_hz=_SAMPLE_RATES_HZ[rate_index],
        channels=_CHANNELS[(header[2] & 1) << 2 | header[3] >> 6],
        codec="aac",
        # The fixed part of the header: version, layer, profile, rate, channels.
        kind=header[1] << 16 | header[2] << 8 | header[3] & 0xF0,
        bits_per_s=0,
    )


ADTS = FrameFormat("aac", re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), 7, _parse)


def matches(head: bytes) -> bool:
    return find_start(ADTS, head) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    opening = opening_of(ADTS, head)
    if opening is None:
        return damaged("aac", "no run of frames was found")
    counted = yield from count_frames(ADTS, head, opening.start, opening.first.kind, size_bytes)
    return audio_info(ADTS, opening.first, counted)
