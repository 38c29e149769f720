"""Writing the output folder.

Beam's own file sinks give records in no order, leave stale shards behind when the number of shards changes, and rename
on Cloud Storage by copying. Here a shard holds consecutive packs in the order of the input, under a name known
beforehand: the same bytes in every run, and a retried or doubled bundle writes the same object again.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.layout import Shard
from beam_tuning.pack_work.codecs import table_from_ipc, table_to_ipc
from beam_tuning.reasons import JUDGED, Verdict
from beam_tuning.run_folder import names
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.writing import FileWriter, RunTarget, write_file
from beam_tuning.summary.tables import verdict_table


class ShardFiles:
    """The files of one output shard: one of lines for each verdict, one of verdicts.

    `written` names them after the block has ended well.
    """

    def __init__(self, target: RunTarget, shard: Shard, verdicts: Iterable[Verdict] = JUDGED) -> None:
        self._target = target
        self._shard = shard
        self._verdicts = tuple(verdicts)
        self._tables: list[pa.Table] = []
        self.written: list[WrittenFile] = []

    def __enter__(self) -> Self:
        self._writers = {
            verdict: FileWriter(self._target, names.lines_file(self._shard, verdict)) for verdict in self._verdicts
        }
        return self

    def write(self, verdict: Verdict, lines: bytes) -> None:
        """Appends whole lines, with their newlines."""
        self._writers[verdict].write(lines)

    def write_verdicts(self, table: pa.Table) -> None:
        """Appends rows of the verdict table."""
        self._tables.append(table)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for writer in self._writers.values():
                writer.abandon()
            return
        self.written = [writer.finish() for writer in self._writers.values()]
        table = pa.concat_tables(self._tables or [verdict_table(())])
        self.written.append(write_file(self._target, names.verdicts_file(self._shard), [_parquet(table)]))


@dataclass
class WriteMediaTable(beam.PTransform):
    """Arrow IPC streams of distinct media objects -> `WrittenFile` of `media/media-*.parquet`, sorted by URI."""

    target: RunTarget
    shards: int

    def expand(self, rows: PCollection[bytes]) -> PCollection[WrittenFile]:
        written: PCollection[WrittenFile] = (
            rows
            | "Spread rows" >> beam.FlatMap(_split_by_uri, self.shards).with_output_types(tuple[int, bytes])
            | "Group rows" >> beam.GroupByKey()
            | "Write media table"
            >> beam.Map(_write_media_shard, self.target, self.shards).with_output_types(WrittenFile)
        )
        return written


def _split_by_uri(data: bytes, shards: int) -> Iterator[tuple[int, bytes]]:
    if shards == 1:
        yield 0, data
        return
    table = table_from_ipc(data)
    indices: list[list[int]] = [[] for _ in range(shards)]
    for row, uri in enumerate(table.column("uri").to_pylist()):
        indices[zlib.crc32(uri.encode()) % shards].append(row)
    for shard, rows in enumerate(indices):
        if rows:
            yield shard, table_to_ipc(table.take(rows))


def _write_media_shard(element: tuple[int, Iterable[bytes]], target: RunTarget, shards: int) -> WrittenFile:
    shard, parts = element
    table = pa.concat_tables([table_from_ipc(part) for part in parts]).sort_by("uri")
    return write_file(target, names.media_file(shard, shards), [_parquet(table)])


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
