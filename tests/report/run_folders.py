"""Folders of runs on disk, as `show` reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq
from report_documents import document_of, run_settings

from beam_tuning.report.json import encode_json
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.tables import line_hash, verdict_table


class LocalFolder:
    """A run's folder on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")

    def list(self, pattern: str) -> Sequence[str]:
        return [str(path.relative_to(self._path)) for path in self._path.glob(pattern)]


def write_run(
    path: Path,
    examples: list[JudgedExample],
    shards: int = 3,
    lines: Callable[[JudgedExample], str] | None = None,
    **settings: Any,
) -> LocalFolder:
    """Report and verdict table of a run over some examples; `lines` gives the line of each."""
    (path / "verdicts").mkdir(parents=True)
    (path / "report.json").write_bytes(encode_json(document_of(examples, run_settings(**settings))))
    for shard in range(shards):
        some = examples[shard::shards]
        hashes = None if lines is None else [line_hash(lines(one).encode()) for one in some]
        pq.write_table(verdict_table(some, hashes), path / f"verdicts/train-{shard:05d}-of-{shards:05d}.parquet")
    return LocalFolder(path)
