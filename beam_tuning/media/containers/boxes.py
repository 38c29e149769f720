"""Boxes (atoms) of the ISO base media file format (ISO/IEC 14496-12, 4.2) and of QuickTime."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from beam_tuning.media.containers.work import spend

#: Size and type of a box: the shortest header.
HEADER_BYTES = 8
#: A header whose size needs 64 bits.
LONG_HEADER_BYTES = 16
#: Types at the top level of a file (14496-12, table 1; QuickTime's `wide`, `skip`, `free`, `pnot` and `PICT`).
TOP_LEVEL = frozenset(
    {b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"PICT", b"uuid", b"moof", b"sidx"}
    | {b"ssix", b"mfra", b"meta", b"udta", b"pdin", b"emsg", b"prft"}
)

_HEADER = Struct(">I4s").unpack_from
_U64 = Struct(">Q").unpack_from


class Box(NamedTuple):
    """One box, by its bytes' places in the object.

    Attributes:
      kind: the four-character code.
      body: where the fields after the header start.
      stop: where the box ends as declared, maybe behind the object's end; the object's end for "to the end".
    """

    kind: bytes
    body: int
    stop: int


class Held(NamedTuple):
    """The stretch of an object that is in memory: bytes from `start` on."""

    start: int
    data: bytes

    @property
    def stop(self) -> int:
        return self.start + len(self.data)

    def box_at(self, position: int, size_bytes: int, *, is_any_kind: bool = False) -> Box | None:
        """The box whose header starts at `position`; None when it is not held or is no header.

        At the top level, which is meant unless boxes may be of any kind, an unknown type that ends behind the object's
        end is no box, but a trailer that some camera or tool has put there.
        """
        spend()
        at = position - self.start
        if at < 0 or at + HEADER_BYTES > len(self.data):
            return None
        size, kind = _HEADER(self.data, at)
        body = position + HEADER_BYTES
        if size == 1:
            if at + LONG_HEADER_BYTES > len(self.data):
                return None
            (size,) = _U64(self.data, at + HEADER_BYTES)
            body = position + LONG_HEADER_BYTES
        elif size == 0:
            size = size_bytes - position
        stop = position + size
        if stop < body or (stop > size_bytes and kind not in TOP_LEVEL and not is_any_kind):
            return None
        return Box(kind, body, stop)


def boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the body, end) of each box in [start, stop); one that declares more ends at `stop`."""
    while start + HEADER_BYTES <= stop:
        spend()
        size, kind = _HEADER(data, start)
        body = start + HEADER_BYTES
        if size == 1:
            body = start + LONG_HEADER_BYTES
            if body > stop:
                return
            (size,) = _U64(data, start + HEADER_BYTES)
        elif size == 0:
            size = stop - start
        if size < body - start:
            return
        end = min(start + size, stop)
        yield kind, body, end
        start = end


def child(data: bytes, start: int, stop: int, kind: bytes) -> tuple[int, int] | None:
    """(start of the body, end) of the first box of that type in [start, stop)."""
    for found, body, end in boxes(data, start, stop):
        if found == kind:
            return body, end
    return None
