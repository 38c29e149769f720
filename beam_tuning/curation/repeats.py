"""Examples that stand in the dataset more than once: the same twice, the same input with another answer, the same text
in both splits.

Examples are compared within buckets by the hash of their input, as rows of 37 bytes; what is found comes back as marks
for lines. No line travels.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from beam_tuning.curation.example_keys import HASH_BYTES, ExampleKeys
from beam_tuning.reasons import Reason

_ROW = np.dtype(
    [("input", f"V{HASH_BYTES}"), ("answer", f"V{HASH_BYTES}"), ("lines_before", "<u4"), ("has_media", "u1")]
)
_PLACE_AND_MEDIA = struct.Struct("<IB").pack
_DUPLICATE, _CONFLICT, _BOTH = (
    Reason.EXAMPLE_DUPLICATE.code,
    Reason.EXAMPLE_CONFLICT.code,
    Reason.EXAMPLE_IN_BOTH_SPLITS.code,
)


class Place(NamedTuple):
    """Where a line stands, in the order of the input: split, file, pack, place in the pack.

    Attributes:
      pack_key: `LinePack.key`, which leads to the number of the pack's first line.
      lines_before: in the pack, blank ones included.
    """

    split: str
    path: str
    offset_bytes: int
    pack_key: bytes
    lines_before: int


class PackKeys(msgspec.Struct, frozen=True, array_like=True):
    """Keys of the examples of one pack that fall into one bucket.

    Attributes:
      shard: key of the pack's shard.
      rows: joined; `row_of` makes each.
    """

    shard: str
    split: str
    path: str
    offset_bytes: int
    pack_key: bytes
    rows: bytes


class Marks(msgspec.Struct, frozen=True, array_like=True):
    """One thing that was found of lines of one pack, of each in the same words.

    Attributes:
      code: of the reason.
      other: another line, of which the finding speaks.
      pack_key, lines_before: of the lines.
    """

    code: str
    other: Place
    pack_key: bytes
    lines_before: list[int]


def row_of(lines_before: int, keys: ExampleKeys) -> bytes:
    """One of the rows of `PackKeys`, which are joined."""
    return keys.input + keys.answer + _PLACE_AND_MEDIA(lines_before, bool(keys.media))


def find_repeats(packs: Iterable[PackKeys]) -> Iterator[tuple[str, list[Marks]]]:
    """(key of a shard, what was found of its lines), a shard perhaps more than once.

    However many lines say the same, only columns of numbers are held for each.

    Args:
      packs: all of one bucket, in any order.
    """
    ordered = sorted(packs, key=lambda pack: (pack.split, pack.path, pack.offset_bytes))
    tables = [np.frombuffer(pack.rows, _ROW) for pack in ordered]
    if not tables:
        return
    rows = np.concatenate(tables)
    pack_of = np.repeat(np.arange(len(ordered)), [len(table) for table in tables])
    # Two 64-bit halves sort many times faster than 16 bytes as a blob.
    given, answers = (np.ascontiguousarray(rows[name]).view("<u8").reshape(-1, 2) for name in ("input", "answer"))
    order = np.lexsort((rows["lines_before"], pack_of, answers[:, 1], answers[:, 0], given[:, 1], given[:, 0]))
    is_new_input = _differs_from_last(given[order])
    is_new_answer = is_new_input | _differs_from_last(answers[order])
    columns = (pack_of[order], rows["lines_before"][order], is_new_answer, rows["has_media"][order])
    starts = np.flatnonzero(is_new_input)
    ends = np.r_[starts[1:], len(order)]
    found = _Found(ordered)
    for group in np.flatnonzero(ends - starts > 1).tolist():
        _mark_group(found, _Group(*(column[starts[group] : ends[group]] for column in columns)))
        if found.is_full:
            yield from found.take()
    yield from found.take()


def _differs_from_last(halves: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    differs: npt.NDArray[np.bool_] = np.r_[True, (halves[1:] != halves[:-1]).any(axis=1)]
    return differs


#: (number of the pack, lines before in the pack): sorts in the order of the input.
_Position = tuple[int, int]


class _Group(NamedTuple):
    """Examples with the same input: by answer, and of one answer in the order of the input."""

    pack_of: npt.NDArray[Any]
    lines_before: npt.NDArray[Any]
    is_new_answer: npt.NDArray[Any]
    has_media: npt.NDArray[Any]

    def members(self) -> Iterator[tuple[int, int, bool, int]]:
        """The columns line by line, of which few are made to Python's own numbers at once."""
        for start in range(0, len(self.pack_of), _MEMBERS_AT_ONCE):
            yield from zip(*(column[start : start + _MEMBERS_AT_ONCE].tolist() for column in self), strict=True)


class _Found:
    """Gathers what was found, by line of which it speaks and pack of which it is said."""

    def __init__(self, packs: Sequence[PackKeys]) -> None:
        self.packs = packs
        self._lines: defaultdict[tuple[str, _Position, int], array[int]] = defaultdict(lambda: array("I"))

    @property
    def is_full(self) -> bool:
        return len(self._lines) >= _SETS_AT_ONCE

    def add(self, code: str, pack: int, lines_before: int, other: _Position) -> None:
        self._lines[code, other, pack].append(lines_before)

    def take(self) -> Iterator[tuple[str, list[Marks]]]:
        of_shard: dict[str, list[Marks]] = {}
        for (code, (pack, line), of_pack), lines_before in self._lines.items():
            marks = Marks(code, self._place(pack, line), self.packs[of_pack].pack_key, lines_before.tolist())
            of_shard.setdefault(self.packs[of_pack].shard, []).append(marks)
        self._lines.clear()
        yield from sorted(of_shard.items())

    def _place(self, number: int, lines_before: int) -> Place:
        pack = self.packs[number]
        return Place(pack.split, pack.path, pack.offset_bytes, pack.pack_key, lines_before)


def _mark_group(found: _Found, group: _Group) -> None:
    first_of_split: dict[str, _Position] = {}
    first, first_with_other_answer = _NOWHERE, _NOWHERE
    for pack, line, is_new_answer, _ in group.members():
        place, split = (pack, line), found.packs[pack].split
        first_of_split[split] = min(first_of_split.get(split, _NOWHERE), place)
        if is_new_answer:  # the first of those that give it
            first, first_with_other_answer = sorted((first, first_with_other_answer, place))[:2]
    first_of_answer = same = (-1, -1)
    for pack, line, is_new_answer, has_media in group.members():
        place, split = (pack, line), found.packs[pack].split
        if is_new_answer:
            first_of_answer = same = place
        elif found.packs[same[0]].split != split:
            same = place
        if same != place:
            found.add(_DUPLICATE, pack, line, same)
        if first_with_other_answer != _NOWHERE:
            found.add(_CONFLICT, pack, line, first_with_other_answer if first_of_answer == first else first)
        if not has_media and len(first_of_split) > 1:
            found.add(_BOTH, pack, line, next(one for name, one in first_of_split.items() if name != split))


_NOWHERE: _Position = (1 << 62, 0)
_MEMBERS_AT_ONCE = 1 << 16
_SETS_AT_ONCE = 50_000
