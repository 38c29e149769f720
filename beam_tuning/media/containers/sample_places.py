"""Where in the file the samples of an MP4 or QuickTime track lie: whether an object that seems cut holds them all.

ISO/IEC 14496-12: stsz and stz2 8.7.3, stsc 8.7.4, stco and co64 8.7.5.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from beam_tuning.media.containers.sample_table import SampleTable
from beam_tuning.media.containers.work import spend

_TWO_U32 = Struct(">II").unpack_from
_U32 = Struct(">I").unpack_from
#: Bytes of an entry of `stsc`.
_RUN_BYTES = 12
#: array's type codes of unsigned numbers, by their width in bytes.
_TYPE_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class SamplePlaces:
    """Chunks of a track and the sizes of the samples in them; offsets are those of the object.

    Args:
      data: the bytes that `table` points into.
    """

    def __init__(self, data: bytes, table: SampleTable) -> None:
        self._data = data
        self._table = table

    def first_start(self) -> int | None:
        """Where the first sample starts; None without chunks."""
        offsets = self._offsets(slice(0, 1))
        return offsets[0] if offsets else None

    def last_chunk(self) -> tuple[int, int] | None:
        """(start, least end) of the last chunk, which lies last in the file as a rule; None without chunks."""
        offsets = self._offsets(slice(-1, None))
        if not offsets:
            return None
        sizes, runs = self._sizes(), self._table.chunks
        if sizes is None or runs is None:
            return offsets[0], offsets[0] + 1
        body, end = runs
        count = min(_U32(self._data, body + 4)[0], (end - body - 8) // _RUN_BYTES)
        samples = _U32(self._data, body + 12 + (count - 1) * _RUN_BYTES)[0] if count else 0
        return offsets[0], offsets[0] + max(sizes.total(max(sizes.samples - samples, 0), sizes.samples), 1)

    def lacking_samples(self, size_bytes: int) -> int | None:
        """How many samples do not lie wholly in the first `size_bytes` bytes of the object; None when not known."""
        offsets, sizes = self._offsets(slice(None)), self._sizes()
        if sizes is None:
            return None
        lacking = sample = 0
        for chunk, samples in zip(offsets, self._samples_by_chunk(len(offsets)), strict=False):
            spend()
            stop = min(sample + samples, sizes.samples)
            if chunk >= size_bytes:
                lacking += stop - sample
            elif chunk + sizes.total(sample, stop) > size_bytes:
                position = chunk
                for number in range(sample, stop):
                    spend()
                    position += sizes.total(number, number + 1)
                    lacking += position > size_bytes
            sample = stop
        return lacking

    def _offsets(self, wanted: slice) -> array[int]:
        """Where the chunks start, or those of them that are wanted."""
        if self._table.offsets is None:
            return array("Q")
        kind, body, end = self._table.offsets
        width = 8 if kind == b"co64" else 4
        count = min(_U32(self._data, body + 4)[0], (end - body - 8) // width)
        first, stop, _ = wanted.indices(count)
        return _numbers(self._data, body + 8 + first * width, stop - first, width)

    def _sizes(self) -> _Sizes | None:
        if self._table.sizes is None:
            return None
        kind, body, end = self._table.sizes
        if end - body < 12:
            return None
        size, count = _TWO_U32(self._data, body + 4)
        if kind == b"stsz" and size:
            # Old QuickTime files say 1 for samples of sound, however many bytes these have.
            return _Sizes(count, size, self._data, 0, 0) if size > 1 else None
        width = 4 if kind == b"stsz" else (size & 0xFF) // 8
        if width not in _TYPE_CODES:
            return None
        return _Sizes(min(count, (end - body - 12) // width), 0, self._data, body + 12, width)

    def _samples_by_chunk(self, chunks: int) -> Iterator[int]:
        """How many samples each chunk holds, from the first chunk on."""
        if self._table.chunks is None:
            return
        body, end = self._table.chunks
        count = min(_U32(self._data, body + 4)[0], (end - body - 8) // _RUN_BYTES)
        for number in range(count):
            spend()
            at = body + 8 + number * _RUN_BYTES
            first, samples = _TWO_U32(self._data, at)
            following = _U32(self._data, at + _RUN_BYTES)[0] if number + 1 < count else chunks + 1
            for _ in range(min(following, chunks + 1) - first):
                yield samples


class _Sizes(NamedTuple):
    """Sizes of samples: `uniform` for all, or numbers of `width` bytes from `start` on in `data`."""

    samples: int
    uniform: int
    data: bytes
    start: int
    width: int

    def total(self, first: int, stop: int) -> int:
        """Bytes of the samples [first, stop)."""
        if self.uniform:
            return (stop - first) * self.uniform
        return sum(_numbers(self.data, self.start + first * self.width, stop - first, self.width))


def _numbers(data: bytes, start: int, count: int, width: int) -> array[int]:
    numbers = array(_TYPE_CODES[width])
    numbers.frombytes(data[start : start + count * width])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
