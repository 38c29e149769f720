"""Shards are written whole, in the order of the input, under names known beforehand."""

from __future__ import annotations

import base64
from pathlib import Path

import apache_beam as beam
import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.testing.util import assert_that, equal_to

from beam_tuning.dataset.layout import Shard
from beam_tuning.media.info import FailureKind, ProbeFailure, ProbeResult
from beam_tuning.media.media_table import to_table
from beam_tuning.pack_work.codecs import table_from_ipc, table_to_ipc
from beam_tuning.reasons import Verdict
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.summary.tables import VERDICT_SCHEMA
from beam_tuning.transforms.write import ShardFiles, WriteMediaTable


def target(folder: Path) -> RunTarget:
    return RunTarget(str(folder), "0123456789abcdef")


def crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


def test_a_shard_is_four_files_be_they_empty(tmp_path: Path) -> None:
    with ShardFiles(target(tmp_path), Shard("train", 2, 7)) as files:
        files.write(Verdict.KEPT, b"one\ntwo\n")
        files.write(Verdict.DROPPED, b"")
        files.write(Verdict.KEPT, b"three\n")
    kept = b"one\ntwo\nthree\n"
    names = [f"train/{verdict}-00002-of-00007.jsonl" for verdict in ("kept", "dropped", "undecided")]
    assert files.written[:3] == [
        WrittenFile(names[0], len(kept), crc32c(kept), 3),
        WrittenFile(names[1], 0, crc32c(b""), 0),
        WrittenFile(names[2], 0, crc32c(b""), 0),
    ]
    assert files.written[3].name == "verdicts/train-00002-of-00007.parquet"
    assert pq.read_table(tmp_path / files.written[3].name).schema.names == VERDICT_SCHEMA.names
    assert (tmp_path / names[0]).read_bytes() == kept
    present = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert present == {file.name for file in files.written}


def test_a_shard_that_fails_leaves_nothing_under_its_names(tmp_path: Path) -> None:
    def write() -> None:
        with ShardFiles(target(tmp_path), Shard("train", 0, 1)) as files:
            files.write(Verdict.KEPT, b"one\n")
            raise RuntimeError("a rule failed")

    with pytest.raises(RuntimeError, match="a rule failed"):
        write()
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.parametrize("shards", [1, 3])
def test_the_media_table_is_sorted_and_split_by_uri(tmp_path: Path, shards: int) -> None:
    results = [
        ProbeResult(f"gs://bucket/{number:03d}.mp4", ProbeFailure(FailureKind.NOT_FOUND, "There is no such object."))
        for number in range(40)
    ]
    parts = [table_to_ipc(to_table(results[start::4])) for start in range(4)]
    with beam.Pipeline("FnApiRunner") as pipeline:
        written = pipeline | beam.Create(parts) | WriteMediaTable(target(tmp_path), shards)
        assert_that(
            written | beam.Map(lambda file: file.name),
            equal_to([f"media/media-{shard:05d}-of-{shards:05d}.parquet" for shard in range(shards)]),
        )
    tables = [pq.read_table(path) for path in sorted(tmp_path.glob("media/*.parquet"))]
    for table in tables:
        assert table.column("uri").to_pylist() == sorted(table.column("uri").to_pylist())
    assert sorted(uri for table in tables for uri in table.column("uri").to_pylist()) == [r.uri for r in results]


def test_tables_survive_their_way_through_a_shuffle() -> None:
    table = pa.table({"uri": ["a", None], "findings": [[{"code": "X"}], []]})
    assert table_from_ipc(table_to_ipc(table)).equals(table)
