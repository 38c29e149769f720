"""Which output shard every line goes to, and the number of every line.

A shard holds consecutive packs of the input, so that an output keeps the order of its input and is the same in every
run. Which shard a pack belongs to is known from the files' sizes alone, before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beam_tuning.dataset.lines import InputFile, LineRange

#: Bytes of input behind one output shard: small enough to be judged in seconds and held in memory, large enough that a
#: training file of the largest size allowed (1 GB) has few.
SHARD_BYTES = 64 << 20


class Shard(NamedTuple):
    """One output shard: `number` counts from 0 within the split."""

    split: str
    number: int
    total: int

    @property
    def key(self) -> str:
        """Text that stands for the shard as a key of a PCollection; `from_key` undoes it."""
        return f"{self.split}/{self.number}/{self.total}"

    @classmethod
    def from_key(cls, key: str) -> Shard:
        split, number, total = key.split("/")
        return cls(split, int(number), int(total))


class PlacedFile(NamedTuple):
    """A dataset file with its place in its split.

    Attributes:
      position_bytes: sizes of all files of the split before it.
      shards: of the split.
    """

    file: InputFile
    position_bytes: int
    shards: int

    def shard_of(self, line_range: LineRange, offset_bytes: int) -> Shard:
        """The shard of the lines that begin there. A compressed file, whose length is not known, stays together."""
        position = self.position_bytes + (0 if line_range.compressed else offset_bytes)
        return Shard(self.file.split, min(position // SHARD_BYTES, self.shards - 1), self.shards)


class PackSize(NamedTuple):
    """One pack as read. Sorts in the order of the input: split, path, offset."""

    split: str
    path: str
    offset_bytes: int
    lines: int
    key: bytes


def place_files(files: Iterable[InputFile]) -> tuple[PlacedFile, ...]:
    """All files of all splits in the order of the output."""
    ordered = sorted(files)
    totals: dict[str, int] = {}
    positions = []
    for file in ordered:
        positions.append(totals.setdefault(file.split, 0))
        totals[file.split] += file.size_bytes
    shards = {split: max(1, -(-total // SHARD_BYTES)) for split, total in totals.items()}
    return tuple(
        PlacedFile(file, position, shards[file.split]) for file, position in zip(ordered, positions, strict=True)
    )


def all_shards(files: Iterable[PlacedFile]) -> Iterator[Shard]:
    """All shards of all splits, those without a line too: their files are written all the same, and are empty."""
    for split, total in sorted({placed.file.split: placed.shards for placed in files}.items()):
        for number in range(total):
            yield Shard(split, number, total)


def first_lines(packs: Iterable[PackSize]) -> dict[bytes, int]:
    """By key of each pack, the 1-based number of its first line in its file; blank lines count."""
    numbers: dict[bytes, int] = {}
    file, line = None, 1
    for pack in sorted(packs):
        if (pack.split, pack.path) != file:
            file, line = (pack.split, pack.path), 1
        numbers[pack.key] = line
        line += pack.lines
    return numbers
