"""Ogg pages by hand, for codecs that have no encoder here and for layouts that no muxer writes."""

from __future__ import annotations

import struct

FIRST, LAST = 2, 4


def page(payload: bytes, *, serial: int = 1, number: int = 0, granule: int = 0, flags: int = 0) -> bytes:
    """One page that holds one packet, or with -1 as granule position the start of one."""
    lacing = bytes([255] * (len(payload) // 255)) + (b"" if granule == -1 else bytes([len(payload) % 255]))
    header = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, number, 0)
    return header + bytes([len(lacing)]) + lacing + payload[: sum(lacing)]


def pages_of(data: bytes) -> list[bytes]:
    """The pages of a file."""
    pages, position = [], 0
    while position < len(data):
        table = data[position + 27 : position + 27 + data[position + 26]]
        end = position + 27 + len(table) + sum(table)
        pages.append(data[position:end])
        position = end
    return pages


def with_serial(data: bytes, serial: int) -> bytes:
    """The same file with another serial number on every page."""
    return b"".join(one[:14] + struct.pack("<I", serial) + one[18:] for one in pages_of(data))


def with_granules_moved(data: bytes, ticks: int) -> bytes:
    """The same audio as if the recording had begun `ticks` later; headers keep position 0."""
    moved = []
    for one in pages_of(data):
        granule = struct.unpack_from("<q", one, 6)[0]
        moved.append(one[:6] + struct.pack("<q", granule + ticks if granule > 0 else granule) + one[14:])
    return b"".join(moved)


def speex_header(rate_hz: int = 16000, channels: int = 1) -> bytes:
    return b"Speex   " + b"1.2".ljust(20, b"\0") + struct.pack("<IIIIII", 1, 80, rate_hz, 1, 4, channels) + bytes(28)


def vp8_header(rate: int = 15, scale: int = 1) -> bytes:
    return b"OVP80\x01\x01\x00" + struct.pack(">HH", 160, 120) + b"\0\0\1\0\0\1" + struct.pack(">II", rate, scale)


def theora_header(rate: int = 25, scale: int = 1, keyframe_shift: int = 6) -> bytes:
    packed = bytes((keyframe_shift >> 3, (keyframe_shift & 7) << 5))
    sizes = struct.pack(">HH", 8, 6) + (120).to_bytes(3, "big") + (90).to_bytes(3, "big") + bytes(2)
    return b"\x80theora\x03\x02\x01" + sizes + struct.pack(">II", rate, scale) + bytes(10) + packed
