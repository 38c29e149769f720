"""Matroska by hand: elements, blocks and whole files, for what no muxer writes."""

from __future__ import annotations

import struct


def element(identifier: int, *parts: bytes, size: int | None = -1, width: int = 0) -> bytes:
    """An element. `size` None is "not known", -1 the real one; `width` is the number of bytes that the size takes."""
    body = b"".join(parts)
    marked_id = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    if size is None:
        width = width or 8
        return marked_id + ((1 << 7 * width + 1) - 1).to_bytes(width, "big") + body
    length = len(body) if size == -1 else size
    width = width or next(count for count in range(1, 9) if length < (1 << 7 * count) - 1)
    return marked_id + (length | 1 << 7 * width).to_bytes(width, "big") + body


def uint(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def header(doc_type: bytes = b"matroska") -> bytes:
    return element(0x1A45DFA3, element(0x4282, doc_type))


def info(*, duration: float | None = None, scale_ns: int | None = None, width: int = 8) -> bytes:
    parts = b"" if scale_ns is None else uint(0x2AD7B1, scale_ns)
    if duration is not None:
        parts += element(0x4489, struct.pack(">d" if width == 8 else ">f", duration))
    return element(0x1549A966, parts)


def track(number: int, kind: int, codec: bytes, *parts: bytes) -> bytes:
    return element(0xAE, uint(0xD7, number), uint(0x83, kind), element(0x86, codec), *parts)


def tracks(*entries: bytes) -> bytes:
    return element(0x1654AE6B, *entries)


#: One track of Opus, as browsers record it.
OPUS_TRACK = track(1, 2, b"A_OPUS", element(0xE1, element(0xB5, struct.pack(">f", 48000)), uint(0x9F, 1)))
OPUS = tracks(OPUS_TRACK)


def block(
    time: int, *, track_number: int = 1, flags: int = 0x80, data: bytes = bytes(40), duration: int | None = None
) -> bytes:
    """A SimpleBlock, or a BlockGroup when it has a duration."""
    body = bytes([0x80 | track_number]) + struct.pack(">hB", time, flags) + data
    if duration is None:
        return element(0xA3, body)
    return element(0xA0, element(0xA1, body), uint(0x9B, duration))


def cluster(timestamp: int, *blocks: bytes, size: int | None = -1) -> bytes:
    return element(0x1F43B675, uint(0xE7, timestamp), *blocks, size=size)


def segment(*parts: bytes, size: int | None = -1) -> bytes:
    return element(0x18538067, *parts, size=size, width=8)
