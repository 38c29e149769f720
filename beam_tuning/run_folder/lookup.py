"""From line N of `train.jsonl` back to the dataset: the file, line and offset that it came from.

`train.jsonl` is the kept shards of the split, joined in the order of their names; the manifest says how many lines each
has, and the verdict table beside each has a row for every line, kept or not, in the same order. So no line is read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.errors import InputError
from beam_tuning.reasons import Verdict
from beam_tuning.run_folder.manifest import Manifest
from beam_tuning.run_folder.names import FileRole, tuning_file, verdicts_beside
from beam_tuning.run_folder.reader import RunFolder

_PLACE = ("split", "file", "line", "offset_bytes")


class LineSource(NamedTuple):
    """Where an example stands in the dataset: see the columns of the verdict table."""

    split: str
    file: str
    line: int
    offset_bytes: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> LineSource:
        """From a row of the verdict table that has these columns."""
        return cls(*(row[name] for name in _PLACE))


class TuningLines:
    """The lines of a split's one tuning file, numbered from 1 as the service numbers them.

    Attributes:
      total: how many lines there are.
    """

    def __init__(self, folder: RunFolder, manifest: Manifest, split: str) -> None:
        self._folder = folder
        self._manifest = manifest
        self._split = split
        self._shards = [
            (name, lines)
            for name in sorted(manifest.named(FileRole.KEPT, f"{split}/"))
            if (lines := _lines_of(manifest, name, folder))
        ]
        self._ends = list(accumulate(lines for _, lines in self._shards))
        self.total = self._ends[-1] if self._ends else 0

    def sources(self, numbers: Iterable[int]) -> dict[int, LineSource]:
        """Where these lines come from; numbers that no line has are left out.

        Raises:
          InputError: a verdict table cannot be read, or does not fit the manifest.
        """
        return {number: LineSource.of(row) for number, row in self.rows(numbers, _PLACE)}

    def rows(self, numbers: Iterable[int], columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, row of the verdict table) for these lines, ascending; numbers that no line has are left out.

        Raises:
          InputError: as `sources`.
        """
        of_shard: dict[int, list[int]] = {}
        for number in sorted(set(numbers)):
            if 1 <= number <= self.total:
                of_shard.setdefault(bisect_right(self._ends, number - 1), []).append(number)
        for shard, wanted in of_shard.items():
            before = self._ends[shard - 1] if shard else 0
            kept = self._kept_rows(shard, columns)
            rows = kept.take(pa.array([number - before - 1 for number in wanted])).to_pylist()
            yield from zip(wanted, rows, strict=True)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows of all lines, in their order, shard by shard.

        Raises:
          InputError: as `sources`.
        """
        for shard in range(len(self._shards)):
            yield self._kept_rows(shard, columns)

    def _kept_rows(self, shard: int, columns: Sequence[str]) -> pa.Table:
        name, lines = self._shards[shard]
        table = self._folder.table(self._manifest, verdicts_beside(name), sorted({*columns, "verdict", "split"}))
        kept = table.filter(pc.equal(table["verdict"], Verdict.KEPT.value))
        if kept.num_rows != lines or pc.all(pc.equal(kept["split"], self._split)).as_py() is False:
            raise InputError(
                "the verdict table does not fit manifest.json",
                where=self._folder.path_of(verdicts_beside(name)),
                observed=f"{kept.num_rows:,} kept examples",
                limit=f"{lines:,}, the lines of {name}",
                remedy="Run `beam-tuning validate` again.",
            )
        return kept.select(columns)


def _lines_of(manifest: Manifest, name: str, folder: RunFolder) -> int:
    file = manifest.file(name)
    if file is None or file.lines is None or file.lines < 0:
        raise InputError(
            "manifest.json does not say how many lines the file has",
            where=folder.path_of(name),
            remedy="Run `beam-tuning validate` again.",
        )
    return file.lines


def check_whole(folder: RunFolder, manifest: Manifest, split: str) -> TuningLines:
    """The lines of a split, after a look at whether the tuning file has as many as its shards.

    Raises:
      InputError: it has not.
    """
    lines = TuningLines(folder, manifest, split)
    whole = manifest.file(tuning_file(split))
    if (whole.lines if whole is not None else 0) != lines.total:
        raise InputError(
            f"{tuning_file(split)} has not as many lines as its shards",
            where=folder.name,
            observed=f"{whole.lines if whole is not None else 0} lines",
            limit=f"{lines.total:,}",
            remedy="Run `beam-tuning validate` again.",
        )
    return lines
