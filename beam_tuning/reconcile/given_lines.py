"""The lines of one file of the dataset as it was given, numbered as the service may number them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.policy.readiness import TRAIN, VALIDATION
from beam_tuning.run_folder.names import FileRole


class GivenLines:
    """The examples of a file in their order, from the verdict tables. As `TuningLines`, but of all verdicts.

    Attributes:
      total: how many examples there are; blank lines are none.
    """

    def __init__(self, run: FinishedRun, split: str, path: str) -> None:
        self._run = run
        # A file whose examples became the validation set in part has rows in the tables of both splits.
        is_split = run.report.selection is not None and run.report.selection.validation_split is not None
        self._splits = (TRAIN, VALIDATION) if is_split else (split,)
        self._tables = sorted(run.manifest.named(FileRole.VERDICTS, f"verdicts/{split}-"))
        self._path = path
        self.total = sum(table.num_rows for table in self.batches(["line"]))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows of all examples, in their order.

        Raises:
          InputError: a verdict table is not as the run wrote it.
        """
        for name in self._tables:
            shard = name.partition("-")[2]
            wanted = sorted({*columns, "file", "offset_bytes"})
            tables = [
                self._run.folder.table(self._run.manifest, f"verdicts/{split}-{shard}", wanted)
                for split in self._splits
            ]
            table = pa.concat_tables(tables)
            table = table.filter(pc.equal(table["file"], self._path))
            yield (table.sort_by("offset_bytes") if len(tables) > 1 else table).select(columns)

    def rows(self, numbers: Iterable[int], columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, row) of these examples, ascending; without those before which the file has blank lines.

        Whether the service counts blank lines is not documented, so behind one it is not known which line a number
        means.

        Raises:
          InputError: as `batches`.
        """
        wanted = sorted(number for number in set(numbers) if 1 <= number <= self.total)
        before = 0
        for table in self.batches(sorted({*columns, "line"})):
            here = [number for number in wanted if before < number <= before + table.num_rows]
            for number, row in zip(here, table.take(_places(here, before)).to_pylist(), strict=True):
                if row["line"] == number:
                    yield number, row
            before += table.num_rows


def _places(numbers: list[int], before: int) -> pa.Array:
    return pa.array([number - before - 1 for number in numbers], pa.int64())
