"""Finds and changes boxes of MP4 files, for files that no muxer writes."""

from __future__ import annotations

import struct
from typing import NamedTuple


class Place(NamedTuple):
    """A box: where its header, its fields and the next box start."""

    start: int
    body: int
    stop: int


def find_all(data: bytes, path: str, start: int = 0, stop: int | None = None) -> list[Place]:
    """The boxes at a path such as `moov/trak/mdia`, in file order."""
    stop = len(data) if stop is None else stop
    kind, _, rest = path.partition("/")
    found = []
    while start + 8 <= stop:
        size, name = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            body += 8
        end = start + size if size else stop
        if name == kind.encode():
            found += find_all(data, rest, body, end) if rest else [Place(start, body, end)]
        start = end
    return found


def find(data: bytes, path: str, number: int = 0) -> Place:
    """The box at a path; `number` chooses among several, e.g. the second track's."""
    return find_all(data, path)[number]


def put(data: bytes, position: int, *values: int | bytes) -> bytes:
    """Overwrites bytes: integers as four bytes."""
    new = b"".join(value if isinstance(value, bytes) else struct.pack(">I", value) for value in values)
    return data[:position] + new + data[position + len(new) :]


def number_at(data: bytes, position: int) -> int:
    """Four bytes as an integer."""
    return int(struct.unpack_from(">I", data, position)[0])


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of these parts."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def replace_box(data: bytes, path: str, new: bytes, number: int = 0) -> bytes:
    """Puts other bytes in a box's place and corrects the sizes of the boxes around it (32-bit sizes only)."""
    target = find(data, path, number)
    grown = len(new) - (target.stop - target.start)
    names = path.split("/")
    changed = data
    for depth in range(1, len(names)):
        for place in find_all(data, "/".join(names[:depth])):
            if place.start < target.start < place.stop:
                changed = put(changed, place.start, number_at(data, place.start) + grown)
    return changed[: target.start] + new + changed[target.stop :]
