"""Writing the output folder.

Beam's own file sinks give records in no order, leave stale shards behind when the number of shards changes, and rename
on Cloud Storage by copying. Here a shard holds consecutive packs in the order of the input, under a name known
beforehand: the same bytes in every run, and a retried or doubled bundle writes the same object again.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import apache_beam as beam
import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection
from google.cloud.storage import Client

from beam_tuning.dataset.layout import Shard
from beam_tuning.reasons import Verdict
from beam_tuning.summary.tables import verdict_table
from beam_tuning.transforms.codecs import table_from_ipc, table_to_ipc
from beam_tuning.transforms.files import join, open_file

#: What a run writes, all of it below the output folder. Deleting an earlier run touches nothing else.
OUTPUT_FOLDERS = ("train", "validation", "verdicts", "media")
OUTPUT_FILES = (
    "train.jsonl",
    "validation.jsonl",
    "report.json",
    "report.html",
    "report.sarif",
    "tuning_job.json",
    "manifest.json",
)

_COMPOSE_SOURCES = 32

#: Bytes of one write call.
_WRITE_BYTES = 8 << 20


class WrittenFile(NamedTuple):
    """One file of the output folder.

    Attributes:
      name: relative to the output folder.
      size_bytes: of the content.
      crc32c: of the content, base64 of the big-endian value, as Cloud Storage shows it.
      lines: newlines of a JSON Lines file; None for other files.
    """

    name: str
    size_bytes: int
    crc32c: str
    lines: int | None = None


class _FileWriter:
    """Writes one file whole or not at all: Cloud Storage shows an object when it is complete, elsewhere we rename."""

    def __init__(self, output: str, name: str) -> None:
        self._name = name
        self._path = join(output, name)
        self._is_remote = self._path.startswith("gs://")
        self._target = self._path if self._is_remote else f"{self._path}.incomplete"
        self._stream = FileSystems.create(self._target, compression_type=CompressionTypes.UNCOMPRESSED)
        self._checksum = google_crc32c.Checksum()
        self._size_bytes = self._newlines = 0

    def write(self, content: bytes) -> None:
        for start in range(0, len(content), _WRITE_BYTES):
            self._stream.write(content[start : start + _WRITE_BYTES])
        self._checksum.update(content)
        self._size_bytes += len(content)
        self._newlines += content.count(b"\n")

    def abandon(self) -> None:
        """Closes a local file under its temporary name. A remote one stays open: closing it would make it appear."""
        if not self._is_remote:
            self._stream.close()

    def finish(self) -> WrittenFile:
        self._stream.close()
        if not self._is_remote:
            FileSystems.rename([self._target], [self._path])
        lines = self._newlines if self._name.endswith(".jsonl") else None
        return WrittenFile(self._name, self._size_bytes, base64.b64encode(self._checksum.digest()).decode(), lines)


class ShardFiles:
    """The four files of one output shard. `written` names them after the block has ended well."""

    def __init__(self, output: str, shard: Shard) -> None:
        self._output = output
        self._shard = shard
        self._tables: list[pa.Table] = []
        self.written: list[WrittenFile] = []

    def __enter__(self) -> Self:
        self._writers = {
            verdict: _FileWriter(self._output, self._shard.file_name(self._shard.split, verdict.value, ".jsonl"))
            for verdict in Verdict
        }
        return self

    def write(self, verdict: Verdict, lines: Iterable[bytes]) -> None:
        """Appends lines, which have no newlines of their own."""
        self._writers[verdict].write(b"".join(line + b"\n" for line in lines))

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
        name = self._shard.file_name("verdicts", self._shard.split, ".parquet")
        self.written.append(write_file(self._output, name, [_parquet(table)]))


@dataclass
class WriteMediaTable(beam.PTransform):
    """Arrow IPC streams of distinct media objects -> `WrittenFile` of `media/media-*.parquet`, sorted by URI."""

    output: str
    shards: int

    def expand(self, rows: PCollection[bytes]) -> PCollection[WrittenFile]:
        written: PCollection[WrittenFile] = (
            rows
            | "Spread rows" >> beam.FlatMap(_split_by_uri, self.shards).with_output_types(tuple[int, bytes])
            | "Group rows" >> beam.GroupByKey()
            | "Write media table"
            >> beam.Map(_write_media_shard, self.output, self.shards).with_output_types(WrittenFile)
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


def _write_media_shard(element: tuple[int, Iterable[bytes]], output: str, shards: int) -> WrittenFile:
    shard, parts = element
    table = pa.concat_tables([table_from_ipc(part) for part in parts]).sort_by("uri")
    return write_file(output, f"media/media-{shard:05d}-of-{shards:05d}.parquet", [_parquet(table)])


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def write_file(output: str, name: str, contents: Iterable[bytes]) -> WrittenFile:
    """Writes one file whole or not at all."""
    writer = _FileWriter(output, name)
    try:
        for content in contents:
            writer.write(content)
    except BaseException:
        writer.abandon()
        raise
    return writer.finish()


def join_shards(output: str, name: str, shards: Iterable[WrittenFile]) -> WrittenFile | None:
    """Makes one file of several, in the order given; None when they are all empty.

    On Cloud Storage the store composes them, and no byte is read or written here.
    """
    filled = [shard for shard in shards if shard.size_bytes]
    if not filled:
        return None
    if output.startswith("gs://"):
        return _compose(output, name, filled)

    def contents() -> Iterator[bytes]:
        for shard in filled:
            with open_file(join(output, shard.name)) as stream:
                while chunk := stream.read(_WRITE_BYTES):
                    yield chunk

    return write_file(output, name, contents())


def _compose(output: str, name: str, shards: list[WrittenFile]) -> WrittenFile:
    """A request takes at most 32 sources, and a composite may be composed again.

    https://cloud.google.com/storage/docs/composing-objects
    """
    bucket_name, _, folder = output.removeprefix("gs://").partition("/")
    bucket = Client().bucket(bucket_name)
    prefix = f"{folder}/" if folder else ""
    parts = [prefix + shard.name for shard in shards]
    target = prefix + name
    temporary: list[str] = []
    while len(parts) > _COMPOSE_SOURCES:
        groups = [parts[start : start + _COMPOSE_SOURCES] for start in range(0, len(parts), _COMPOSE_SOURCES)]
        parts = [f"{target}.part-{len(temporary) + index:05d}" for index in range(len(groups))]
        for part, group in zip(parts, groups, strict=True):
            bucket.blob(part).compose([bucket.blob(source) for source in group])
        temporary += parts
    blob = bucket.blob(target)
    blob.content_type = "application/jsonl"
    blob.compose([bucket.blob(source) for source in parts])
    for part in temporary:
        bucket.blob(part).delete()
    blob.reload()
    return WrittenFile(name, blob.size, blob.crc32c, sum(shard.lines or 0 for shard in shards))
