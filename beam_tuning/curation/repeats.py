"""Examples that stand in the dataset more than once: the same twice, the same input with another answer, the same text
in both splits.

Examples are compared within buckets by the hash of their input, as rows of 37 bytes; what is found comes back as marks,
each for one line. No line travels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from beam_tuning.curation.example_keys import HASH_BYTES, ExampleKeys
from beam_tuning.reasons import Reason

_ROW = np.dtype(
    [("input", f"V{HASH_BYTES}"), ("answer", f"V{HASH_BYTES}"), ("lines_before", "<u4"), ("has_media", "u1")]
)
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
      rows: packed; `pack_rows` makes them.
    """

    shard: str
    split: str
    path: str
    offset_bytes: int
    pack_key: bytes
    rows: bytes


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """One thing that was found of one line.

    Attributes:
      code: of the reason.
      pack_key, lines_before: of the line.
      other: another line, of which the finding speaks.
    """

    code: str
    pack_key: bytes
    lines_before: int
    other: Place


def pack_rows(keys: Iterable[tuple[int, ExampleKeys]]) -> bytes:
    """Rows of `PackKeys`, from (lines before in the pack, keys)."""
    rows = [(key.input, key.answer, before, bool(key.example.media)) for before, key in keys]
    return np.array(rows, _ROW).tobytes()


def find_repeats(packs: Iterable[PackKeys]) -> dict[str, list[Mark]]:
    """Marks by the key of the shard that their lines are in. `packs` are all of one bucket, in any order."""
    ordered = sorted(packs, key=lambda pack: (pack.split, pack.path, pack.offset_bytes))
    tables = [np.frombuffer(pack.rows, _ROW) for pack in ordered]
    if not tables:
        return {}
    rows = np.concatenate(tables)
    pack_of = np.repeat(np.arange(len(ordered)), [len(table) for table in tables])
    # Two 64-bit halves sort many times faster than 16 bytes as a blob.
    halves = rows["input"].copy().view("<u8").reshape(-1, 2)
    order = np.lexsort((rows["lines_before"], pack_of, halves[:, 1], halves[:, 0]))
    sorted_halves = halves[order]
    starts = np.flatnonzero(np.r_[True, (sorted_halves[1:] != sorted_halves[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(order)]
    marks: dict[str, list[Mark]] = {}
    for group in np.flatnonzero(ends - starts > 1):
        members = order[starts[group] : ends[group]]
        _mark_group([_Member.of(ordered[pack_of[row]], rows[row]) for row in members.tolist()], marks)
    return marks


class _Member(NamedTuple):
    shard: str
    place: Place
    answer: bytes
    has_media: bool

    @classmethod
    def of(cls, pack: PackKeys, row: Any) -> _Member:
        place = Place(pack.split, pack.path, pack.offset_bytes, pack.pack_key, int(row["lines_before"]))
        return cls(pack.shard, place, bytes(row["answer"]), bool(row["has_media"]))


def _mark_group(members: Sequence[_Member], marks: dict[str, list[Mark]]) -> None:
    """Marks examples with the same input, which come in the order of the input."""
    first_of_split: dict[str, _Member] = {}
    first_of_answer: dict[bytes, _Member] = {}
    first_of_both: dict[tuple[str, bytes], _Member] = {}
    for one in members:
        first_of_split.setdefault(one.place.split, one)
        first_of_answer.setdefault(one.answer, one)
        first_of_both.setdefault((one.place.split, one.answer), one)
    first, *others = first_of_answer.values()
    for one, code, other in _found(members, first_of_split, first_of_both, first, others):
        mark = Mark(code, one.place.pack_key, one.place.lines_before, other.place)
        marks.setdefault(one.shard, []).append(mark)


def _found(
    members: Sequence[_Member],
    first_of_split: dict[str, _Member],
    first_of_both: dict[tuple[str, bytes], _Member],
    first: _Member,
    others: Sequence[_Member],
) -> Iterator[tuple[_Member, str, _Member]]:
    for one in members:
        same = first_of_both[one.place.split, one.answer]
        if same is not one:
            yield one, _DUPLICATE, same
        if others:
            yield one, _CONFLICT, others[0] if one.answer == first.answer else first
        if not one.has_media:
            for split, other in first_of_split.items():
                if split != one.place.split:
                    yield one, _BOTH, other
