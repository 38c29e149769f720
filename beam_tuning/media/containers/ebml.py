"""EBML, the binary format under Matroska and WebM (RFC 8794): elements and their values."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

_F32 = Struct(">f").unpack_from
_F64 = Struct(">d").unpack_from

#: The longest header: an ID of 4 bytes and a size of 8.
MAX_HEADER_BYTES = 12


class Element(NamedTuple):
    """The header of one element; positions count as those of the bytes it was read from.

    Attributes:
      id: with its length marker, as specifications print it.
      body: where the value starts.
      stop: where it ends as declared; None for "not known", as live streams write it.
    """

    id: int
    body: int
    stop: int | None


def element_at(data: bytes, at: int, start: int = 0) -> Element | None:
    """The element whose header is at data[at:], where data[0] is byte `start` of the object.

    None when the bytes end within the header, or are no header.
    """
    if at >= len(data):
        return None
    width = 9 - data[at].bit_length()
    if width > 4 or at + width >= len(data):
        return None
    identifier = int.from_bytes(data[at : at + width], "big")
    at += width
    width = 9 - data[at].bit_length()
    if width > 8 or at + width > len(data):
        return None
    marked = int.from_bytes(data[at : at + width], "big")
    size = marked ^ 1 << 7 * width
    at += width
    return Element(identifier, start + at, None if size == (1 << 7 * width) - 1 else start + at + size)


def elements(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(id, start of the value, its end) of each element in data[start:stop]; one that declares more ends at `stop`."""
    while start < stop and (element := element_at(data, start)) is not None and element.body <= stop:
        end = stop if element.stop is None else min(element.stop, stop)
        yield element.id, element.body, end
        start = end


def unsigned(data: bytes, start: int, stop: int) -> int:
    """An unsigned integer; none of the lengths is wrong, and an empty one is 0."""
    return int.from_bytes(data[start:stop], "big")


def floating(data: bytes, start: int, stop: int) -> float | None:
    """A floating-point number of 4 or 8 bytes; None for other lengths."""
    if stop - start == 8:
        return float(_F64(data, start)[0])
    return float(_F32(data, start)[0]) if stop - start == 4 else None


def text(data: bytes, start: int, stop: int) -> str:
    """A string, up to the first zero."""
    return data[start:stop].split(b"\0", 1)[0].decode("utf-8", "replace")
