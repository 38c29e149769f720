"""Distributions and counts that merge exactly: the same answer whatever the order and grouping of the additions.

Only integers are held. A `Distribution` knows count, sum, smallest and largest value exactly and the shape in fixed
logarithmic bins, eight to an octave, so a quantile read from it is off by at most one part in eight (HdrHistogram's
layout, https://github.com/HdrHistogram/HdrHistogram). A `BoundedCounts` counts names that may come from hostile data.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
import numpy

#: Values and sums stop here: the largest integer that an encoded summary and a Parquet column hold. Stopping keeps the
#: merge laws, because all values are at least 0.
LARGEST = 2**63 - 1
#: A probed duration beyond this (31 years) is not believed and counts as unknown.
LONGEST_S = 1e9

_BINS_PER_OCTAVE_LOG2 = 3
_BINS_PER_OCTAVE = 1 << _BINS_PER_OCTAVE_LOG2
_LARGEST_EXACT_FLOAT = 2**53
#: Below this number of values a plain loop is faster than an array.
_WORTH_AN_ARRAY = 32


def bin_of(value: int) -> int:
    """The bin that holds a value of at least 0. Values below 16 have a bin of their own."""
    if value < _BINS_PER_OCTAVE:
        return value
    shift = value.bit_length() - _BINS_PER_OCTAVE_LOG2 - 1
    return (shift << _BINS_PER_OCTAVE_LOG2) + (value >> shift)


def bin_start(index: int) -> int:
    """The smallest value of a bin; the bin ends before `bin_start(index + 1)`."""
    if index < _BINS_PER_OCTAVE:
        return index
    shift = (index >> _BINS_PER_OCTAVE_LOG2) - 1
    return (_BINS_PER_OCTAVE + (index & (_BINS_PER_OCTAVE - 1))) << shift


class Bin(NamedTuple):
    """Values in [start, stop) and how many there were."""

    start: int
    stop: int
    values: int


class Distribution(msgspec.Struct, array_like=True):
    """Of integers in [0, 2**63): count, sum, min, max and the shape. Empty: count 0, and min and max are None."""

    count: int = 0
    total: int = 0
    smallest: int | None = None
    largest: int | None = None
    counts_by_bin: dict[int, int] = {}

    def add(self, value: int) -> None:
        """Count one value; a value over `LARGEST` counts as `LARGEST`."""
        self.add_all([value])

    def add_all(self, values: list[int]) -> None:
        """Count many values at the price of a few: a million examples pass through here, five values each."""
        if not values:
            return
        smallest, largest = min(values), max(values)
        if largest > _LARGEST_EXACT_FLOAT or len(values) < _WORTH_AN_ARRAY:
            values = [min(value, LARGEST) for value in values]
            largest = min(largest, LARGEST)
            indexes = [bin_of(value) for value in values]
        else:
            array = numpy.array(values, numpy.int64)
            _, exponents = numpy.frexp(array)  # value < 2**exponent, as bit_length() says
            shifts = numpy.maximum(exponents - _BINS_PER_OCTAVE_LOG2 - 1, 0)
            indexes = ((shifts << _BINS_PER_OCTAVE_LOG2) + (array >> shifts)).tolist()
        self.count += len(values)
        self.total = min(self.total + sum(values), LARGEST)
        self.smallest = smallest if self.smallest is None else min(self.smallest, smallest)
        self.largest = largest if self.largest is None else max(self.largest, largest)
        counts = self.counts_by_bin
        for index, count in Counter(indexes).items():
            counts[index] = counts.get(index, 0) + count

    def merge(self, other: Distribution) -> None:
        """Add another distribution's values to this one."""
        if other.smallest is None or other.largest is None:
            return
        self.count += other.count
        self.total = min(self.total + other.total, LARGEST)
        self.smallest = other.smallest if self.smallest is None else min(self.smallest, other.smallest)
        self.largest = other.largest if self.largest is None else max(self.largest, other.largest)
        for index, count in other.counts_by_bin.items():
            self.counts_by_bin[index] = self.counts_by_bin.get(index, 0) + count

    def sort(self) -> None:
        """Put the bins in order, so that equal distributions have equal encodings."""
        self.counts_by_bin = dict(sorted(self.counts_by_bin.items()))

    def bins(self) -> Iterator[Bin]:
        """The bins that hold something, in order."""
        for index in sorted(self.counts_by_bin):
            yield Bin(bin_start(index), bin_start(index + 1), self.counts_by_bin[index])

    def quantile(self, share: float) -> int | None:
        """The value at or below which `share` of the values lie, to the bin's width; None when empty.

        Args:
          share: in [0, 1].
        """
        if self.smallest is None or self.largest is None:
            return None
        rank = share * self.count
        seen = 0
        for start, stop, count in self.bins():
            seen += count
            if seen >= rank:
                return max(self.smallest, min(self.largest, (start + stop - 1) // 2))
        return self.largest


class BoundedCounts(msgspec.Struct, array_like=True):
    """Counts by name, for at most `MOST_NAMES` names; what other names had is in `total` alone.

    Which names stay depends on the names only (the smallest checksums stay), so a name that is in the result was never
    dropped on the way and its count is exact.
    """

    total: int = 0
    counts: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Count a name; a long one is cut."""
        self.total += count
        counts = self.counts
        if name in counts:
            counts[name] += count
            return
        name = encodable(name[:LONGEST_NAME])
        counts[name] = counts.get(name, 0) + count
        if len(counts) > MOST_NAMES:
            del counts[max(counts, key=_name_rank)]

    def add_all(self, names: Iterable[str]) -> None:
        """Count many names."""
        for name, count in Counter(names).items():
            self.add(name, count)

    def merge(self, other: BoundedCounts) -> None:
        """Add another's counts to these."""
        self.total += other.total
        counts = self.counts
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        if len(counts) > MOST_NAMES:
            self.counts = {name: counts[name] for name in sorted(counts, key=_name_rank)[:MOST_NAMES]}

    def sort(self) -> None:
        """Put the names in order, so that equal counts have equal encodings."""
        self.counts = dict(sorted(self.counts.items()))

    def most_common(self) -> list[tuple[str, int]]:
        """Names and counts, the largest count first, then by name."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))

    @property
    def others(self) -> int:
        """What was counted under names that are not in `counts`."""
        return self.total - sum(self.counts.values())


#: Far above the number of containers, codecs or media resolutions that exist.
MOST_NAMES = 64
LONGEST_NAME = 80


def encodable(text: str) -> str:
    """The text itself, or, where it holds lone surrogates (odd file names), the text with those escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _name_rank(name: str) -> tuple[int, str]:
    return zlib.crc32(name.encode()), name
