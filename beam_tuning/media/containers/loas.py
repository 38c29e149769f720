"""AAC in LOAS: the AudioSyncStream of MPEG-4, with LATM inside, as broadcasts and some recorders have it.

Asks for the whole object, as for ADTS: nothing declares the length, so the frames are counted. A frame's first bytes
say how long it is; the multiplex configuration, in the first frames and now and then again, says what it holds.
Only what is in use is read: one program with one layer of AAC.

Specification: ISO/IEC 14496-3:2019, 1.7.2 (AudioSyncStream) and 1.7.3 (AudioMuxElement, StreamMuxConfig).
"""

from __future__ import annotations

import re

from beam_tuning.media.containers.aac import read_config
from beam_tuning.media.containers.bits import Bits
from beam_tuning.media.containers.frames import Frame, FrameFormat, audio_info, count_frames, find_start
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged

_HEADER_BYTES = 3
#: The configuration stands at the start of its frame.
_CONFIG_BYTES = 32
#: Frames at the start that are looked at for a configuration; FFmpeg writes one every 20.
_MAX_FRAMES = 64
#: Main, low complexity, scalable sampling rate, long-term prediction: the objects of one frame each of 1,024 samples.
_AAC_OBJECTS = (1, 2, 3, 4)
#: The lowest rate that has an index (table 1.18).
_MIN_RATE_HZ = 7350


def _parse(header: bytes) -> Frame | None:
    """A frame, whose samples, rate and channels its configuration tells."""
    if len(header) < _HEADER_BYTES or header[0] != 0x56 or header[1] & 0xE0 != 0xE0:
        return None
    payload_bytes = (header[1] & 0x1F) << 8 | header[2]
    return Frame(_HEADER_BYTES + payload_bytes, 0, 1, 0, "aac_latm", 0, 0) if payload_bytes else None


LOAS = FrameFormat("loas", re.compile(rb"\x56[\xe0-\xff]"), _HEADER_BYTES, _parse)


def matches(head: bytes) -> bool:
    start = find_start(LOAS, head)
    return start is not None and first_configured(head, start) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    start = find_start(LOAS, head)
    first = None if start is None else first_configured(head, start)
    if start is None or first is None:
        return damaged("loas", "no run of frames was found")
    told = first._replace(size_bytes=0)

    def parse(header: bytes) -> Frame | None:
        frame = _parse(header)
        return told._replace(size_bytes=frame.size_bytes) if frame is not None else None

    counted = yield from count_frames(LOAS._replace(parse=parse), head, start, first.kind, size_bytes)
    return audio_info(LOAS, first, counted)


def first_configured(head: bytes, start: int) -> Frame | None:
    """The first of the frames from `start` on that has a configuration, with what this tells."""
    for _ in range(_MAX_FRAMES):
        frame = _parse(head[start : start + _HEADER_BYTES])
        if frame is None:
            return None
        told = _configured(frame, head[start + _HEADER_BYTES : start + _HEADER_BYTES + _CONFIG_BYTES])
        if told is not None:
            return told
        start += frame.size_bytes
    return None


def _configured(frame: Frame, payload: bytes) -> Frame | None:
    """The frame with samples, rate and channels; None when it has no configuration, or none that is known."""
    bits = Bits(payload)
    # The first bit says that the configuration is that of the frame before; version 1 adds sizes to it.
    if bits.take(1) or bits.take(1):
        return None
    same_time_framing, subframes, programs, layers = bits.take(1), bits.take(6) + 1, bits.take(4) + 1, bits.take(3) + 1
    if not same_time_framing or programs != 1 or layers != 1:
        return None
    config = read_config(bits)
    core_rate_hz, output = config.core_rate_hz or 0, config.output
    # The first bit of GASpecificConfig tells of short frames.
    samples = subframes * (960 if bits.take(1) else 1024)
    if config.object_type not in _AAC_OBJECTS or core_rate_hz < _MIN_RATE_HZ or bits.left() < 0:
        return None
    rate_hz = output.sample_rate_hz or core_rate_hz
    # With band replication a decoder puts out more samples than the core has, at a higher rate.
    return frame._replace(
        samples=samples * rate_hz // core_rate_hz, sample_rate_hz=rate_hz, channels=output.channels or 0
    )
