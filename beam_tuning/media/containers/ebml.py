"""EBML, the binary format under Matroska and WebM (RFC 8794): elements and their values."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from beam_tuning.media.containers.work import spend

_F32 = Struct(">f").unpack_from
_F64 = Struct(">d").unpack_from

#: The longest header: an ID of 4 bytes and a size of 8.
MAX_HEADER_BYTES = 12
#: Stands for a size that is not known.
UNKNOWN_SIZE = -1
#: By its first byte, how many bytes a number has (RFC 8794, 4): leading zeros and one; 9 for no number.
WIDTHS = bytes(9 - first.bit_length() for first in range(256))


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


def header_at(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(id, where the value starts in `data`, its size or `UNKNOWN_SIZE`) of the element whose header is at data[at:].

    None when the bytes end within the header, or are no header.
    """
    held = len(data)
    if at >= held:
        return None
    identifier = data[at]
    width = WIDTHS[identifier]
    if width > 1:
        if width > 4:
            return None
        identifier = int.from_bytes(data[at : at + width], "big")
    at += width
    if at >= held:
        return None
    size = data[at]
    width = WIDTHS[size]
    if width > 1:
        if width > 8 or at + width > held:
            return None
        size = int.from_bytes(data[at : at + width], "big")
    all_ones = (1 << 7 * width) - 1
    size &= all_ones
    return identifier, at + width, UNKNOWN_SIZE if size == all_ones else size


def element_at(data: bytes, at: int, start: int = 0) -> Element | None:
    """The element at data[at:], where data[0] is byte `start` of the object; None where `header_at` gives None."""
    header = header_at(data, at)
    if header is None:
        return None
    identifier, body, size = header
    return Element(identifier, start + body, None if size == UNKNOWN_SIZE else start + body + size)


def elements(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(id, start of the value, its end) of each element in data[start:stop]; one that declares more ends at `stop`."""
    while start < stop and (element := element_at(data, start)) is not None and element.body <= stop:
        spend()
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
