"""FLAC frames by hand, for streams that no encoder here writes: other numberings, changing rates, silence, noise."""

from __future__ import annotations

import functools
import random
import struct
from collections.abc import Iterable

_RATE_CODES = {8000: 4, 16000: 5, 22050: 6, 24000: 7, 32000: 8, 44100: 9, 48000: 10, 96000: 11}


@functools.cache
def _crc_table(bits: int, polynomial: int) -> list[int]:
    table = []
    for crc in range(256):
        crc <<= bits - 8
        for _ in range(8):
            crc = crc << 1 ^ polynomial if crc >> (bits - 1) else crc << 1
        table.append(crc)
    return table


def crc_of(data: bytes, bits: int, polynomial: int) -> int:
    table, mask, crc = _crc_table(bits, polynomial), (1 << bits) - 1, 0
    for byte in data:
        crc = (crc << 8 & mask) ^ table[crc >> (bits - 8) ^ byte]
    return crc


def coded_number(number: int) -> bytes:
    """A frame's or a sample's number, as UTF-8 codes characters (RFC 9639, section 9.1.5)."""
    if number < 0x80:
        return bytes((number,))
    length = next(length for length in range(2, 8) if number < 1 << (5 * length + 1))
    later = bytes(0x80 | number >> 6 * at & 0x3F for at in reversed(range(length - 1)))
    first = (0xFF00 >> length) & 0xFF | number >> 6 * (length - 1)
    return bytes((first,)) + later


def frame(
    number: int,
    samples: int = 4096,
    *,
    rate_hz: int = 16000,
    channels: int = 1,
    counts_samples: bool = False,
    noise: random.Random | None = None,
) -> bytes:
    """One frame of 16 bits: of silence, which takes a few bytes, or of noise, which takes two bytes a sample.

    Args:
      number: as it stands in the header.
      counts_samples: whether the header says that the number is a sample's.
    """
    rate_code = _RATE_CODES.get(rate_hz, 13)
    header = bytes((0xFF, 0xF8 | counts_samples, 0x70 | rate_code, (channels - 1) << 4 | 0x08)) + coded_number(number)
    header += struct.pack(">H", samples - 1) + (struct.pack(">H", rate_hz) if rate_code == 13 else b"")
    header += bytes((crc_of(header, 8, 0x107),))
    one = b"\x02" + noise.randbytes(2 * samples) if noise else b"\x00\x00\x00"
    body = header + one * channels
    return body + struct.pack(">H", crc_of(body, 16, 0x18005))


def stream_info(
    total: int,
    *,
    rate_hz: int = 16000,
    channels: int = 1,
    min_block: int = 4096,
    max_block: int = 4096,
    max_frame_bytes: int = 0,
) -> bytes:
    """A file's start: the magic number and STREAMINFO as its only metadata."""
    packed = rate_hz << 44 | (channels - 1) << 41 | 15 << 36 | total
    block = struct.pack(">HH", min_block, max_block) + bytes(3) + max_frame_bytes.to_bytes(3, "big")
    return b"fLaC\x80\0\0\x22" + block + packed.to_bytes(8, "big") + bytes(16)


def flac_file(frames: Iterable[bytes], total: int, **options: int) -> bytes:
    return stream_info(total, **options) + b"".join(frames)
