"""Where every pack stands: its first line's number, and the output shard its examples go to.

Shards hold consecutive packs, so an output keeps the order of its input, is the same in every run and has a bounded
size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

#: Bytes of input lines behind one output shard.
SHARD_BYTES = 256 << 20


class PackSize(NamedTuple):
    """One pack as read. Sorts in the order of the output: split, file, offset."""

    split: str
    path: str
    offset_bytes: int
    lines: int
    size_bytes: int
    key: bytes


class Placement(NamedTuple):
    """`first_line` is 1-based; `ordinal` (of the pack) and `shard` count from 0 within the split."""

    first_line: int
    ordinal: int
    shard: int
    shards: int


def place_packs(packs: Iterable[PackSize], shard_bytes: int = SHARD_BYTES) -> Iterator[tuple[bytes, Placement]]:
    """(pack key, placement) of every pack, whatever order they come in."""
    for _, of_split in groupby(sorted(packs), key=lambda pack: pack.split):
        ordered = list(of_split)
        shard_of: list[int] = []
        shard = filled = 0
        for pack in ordered:
            if filled and filled + pack.size_bytes > shard_bytes:
                shard, filled = shard + 1, 0
            shard_of.append(shard)
            filled += pack.size_bytes
        path, line = None, 1
        for ordinal, (pack, own_shard) in enumerate(zip(ordered, shard_of, strict=True)):
            if pack.path != path:
                path, line = pack.path, 1
            yield pack.key, Placement(line, ordinal, own_shard, shard + 1)
            line += pack.lines
