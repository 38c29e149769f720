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
from typing import NamedTuple

import apache_beam as beam
import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection
from google.cloud.storage import Client

from beam_tuning.transforms.codecs import table_from_ipc, table_to_ipc

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


@dataclass
class WriteShards(beam.PTransform):
    """(shard name, (ordinal, content)) -> `WrittenFile` of each shard, contents in order of their ordinals.

    Content is zlib-compressed lines for `.jsonl`, an Arrow IPC stream for `.parquet`.
    """

    output: str

    def expand(self, shards: PCollection[tuple[str, tuple[int, bytes]]]) -> PCollection[WrittenFile]:
        written: PCollection[WrittenFile] = (
            shards
            | "Group by shard" >> beam.GroupByKey()
            | "Write shards" >> beam.ParDo(_WriteShardFn(self.output)).with_output_types(WrittenFile)
        )
        return written


class _WriteShardFn(beam.DoFn):
    def __init__(self, output: str) -> None:
        self._output = output

    def process(self, element: tuple[str, Iterable[tuple[int, bytes]]]) -> Iterator[WrittenFile]:
        name, contents = element
        ordered = [content for _, content in sorted(contents)]
        if name.endswith(".parquet"):
            yield write_file(self._output, name, [_parquet(ordered)])
        else:
            yield write_file(self._output, name, (zlib.decompress(content) for content in ordered))


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
    return write_file(output, f"media/media-{shard:05d}-of-{shards:05d}.parquet", [_parquet_of(table)])


def _parquet(parts: Iterable[bytes]) -> bytes:
    return _parquet_of(pa.concat_tables([table_from_ipc(part) for part in parts]))


def _parquet_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def join(folder: str, name: str) -> str:
    """A path below a local or remote folder."""
    return FileSystems.join(folder, *name.split("/"))


def write_file(output: str, name: str, contents: Iterable[bytes]) -> WrittenFile:
    """Writes one file whole or not at all: Cloud Storage shows an object when it is complete, elsewhere we rename."""
    path = join(output, name)
    remote = path.startswith("gs://")
    target = path if remote else f"{path}.incomplete"
    checksum = google_crc32c.Checksum()
    size_bytes = newlines = 0
    with FileSystems.create(target, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        for content in contents:
            view = memoryview(content)
            for start in range(0, len(view), _WRITE_BYTES):
                stream.write(view[start : start + _WRITE_BYTES].tobytes())
            checksum.update(content)
            size_bytes += len(content)
            newlines += content.count(b"\n")
    if not remote:
        FileSystems.rename([target], [path])
    lines = newlines if name.endswith(".jsonl") else None
    return WrittenFile(name, size_bytes, base64.b64encode(checksum.digest()).decode(), lines)


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
            with FileSystems.open(join(output, shard.name), compression_type=CompressionTypes.UNCOMPRESSED) as stream:
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
