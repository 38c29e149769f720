"""FLAC in its own framing.

Asks for the end of the object: the number and the length of the last frame tell how many samples are there. STREAMINFO
in the head declares that number too, but nothing declares how many bytes it takes, so a cut object looks whole from its
head alone; and an encoder that writes into a pipe leaves it out.

Specification: RFC 9639.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged, read, u16be, u64be
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_TAIL_BYTES = 64 * 1024
#: A frame holds at most 65535 samples; 1 MiB has room for the largest of usual streams.
_LONG_TAIL_BYTES = 1 << 20
_FRAME_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_BLOCK_SAMPLES = {1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608} | {code: 256 << (code - 8) for code in range(8, 16)}
_SAMPLE_RATES_HZ = (None, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)


def matches(head: bytes) -> bool:
    return head[:4] == b"fLaC" and head[4:5] in (b"\x00", b"\x80") and head[5:8] == b"\x00\x00\x22"


class StreamInfoBlock(NamedTuple):
    """STREAMINFO (RFC 9639, section 8.2)."""

    max_block_samples: int
    sample_rate_hz: int
    channels: int
    bits: int
    total_samples: int

    def stream(self, duration_s: float | None) -> StreamInfo:
        rate = self.sample_rate_hz or None
        return StreamInfo(MediaKind.AUDIO, "flac", duration_s, sample_rate_hz=rate, channels=self.channels)


def parse_stream_info(data: bytes) -> StreamInfoBlock | None:
    """Reads the 34 bytes of the block."""
    if len(data) < 34:
        return None
    packed = u64be(data, 10)
    return StreamInfoBlock(
        max_block_samples=u16be(data, 2),
        sample_rate_hz=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        bits=(packed >> 36 & 31) + 1,
        total_samples=packed & (1 << 36) - 1,
    )


def plan(head: bytes, size_bytes: int) -> Plan:
    info = parse_stream_info(head[8:42])
    if info is None or info.sample_rate_hz == 0:
        return damaged("flac", "STREAMINFO has no sample rate")
    last: _Frame | None = None
    for tail_bytes in (_TAIL_BYTES, _LONG_TAIL_BYTES):
        start = max(0, size_bytes - tail_bytes)
        tail = head if len(head) == size_bytes else (yield from read((start, size_bytes)))[0]
        last = _last_frame(info, tail)
        if last is not None or len(tail) == size_bytes:
            break
    if last is None:
        unknown = "no frame was found at the end of the object"
        return MediaInfo("flac", MediaKind.AUDIO, (info.stream(None),), None, unknown)
    present = last.first_sample + last.samples
    truncated: str | None = None
    if info.total_samples >= present + info.max_block_samples:
        declared = f"STREAMINFO declares {info.total_samples} samples"
        truncated = f"{declared}, but the object ends at byte {size_bytes} with sample {present}"
    duration_s = present / info.sample_rate_hz
    return MediaInfo("flac", MediaKind.AUDIO, (info.stream(duration_s),), duration_s, None, truncated)


class _Frame(NamedTuple):
    first_sample: int
    samples: int


def _last_frame(info: StreamInfoBlock, data: bytes) -> _Frame | None:
    """The last frame header that is surely one: another frame in `data` ends at its first sample, or it is sample 0."""
    frames = [frame for match in _FRAME_SYNC.finditer(data) if (frame := _parse_frame(info, data, match.start()))]
    ends = {frame.first_sample + frame.samples for frame in frames} | {0}
    return next((frame for frame in reversed(frames) if frame.first_sample in ends), None)


def _parse_frame(info: StreamInfoBlock, data: bytes, start: int) -> _Frame | None:
    """Reads a frame header (RFC 9639, section 9.1), which its CRC-8 and STREAMINFO have to confirm."""
    header = data[start : start + 16]
    if len(header) < 16 or header[3] & 1:
        return None
    block_code, rate_code = header[2] >> 4, header[2] & 15
    if rate_code < len(_SAMPLE_RATES_HZ) and _SAMPLE_RATES_HZ[rate_code] not in (None, info.sample_rate_hz):
        return None
    assignment = header[3] >> 4
    if (2 if 8 <= assignment <= 10 else assignment + 1) != info.channels:
        return None
    # The frame's or first sample's number is coded as UTF-8 codes characters, on up to 7 bytes.
    leading_ones = 8 - (~header[4] & 0xFF).bit_length()
    if leading_ones in (1, 8):
        return None
    number_bytes = leading_ones or 1
    number = header[4] & (0x7F >> leading_ones)
    for byte in header[5 : 4 + number_bytes]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    position = 4 + number_bytes
    if block_code in (6, 7):
        samples = int.from_bytes(header[position : position + block_code - 5], "big") + 1
        position += block_code - 5
    else:
        samples = _BLOCK_SAMPLES.get(block_code, 0)
    position += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if rate_code == 15 or not 0 < samples <= info.max_block_samples or _crc8(header[:position]) != header[position]:
        return None
    is_variable = header[1] & 1
    return _Frame(number if is_variable else number * info.max_block_samples, samples)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc8_row(value: int) -> int:
    for _ in range(8):
        value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value


_CRC8 = bytes(_crc8_row(value) for value in range(256))
