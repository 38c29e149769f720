"""Writing to Cloud Storage: objects appear whole, and the store joins shards itself."""

from __future__ import annotations

import pytest
from gcs_emulator import GcsEmulator

from beam_tuning.transforms.write import join_shards, write_file


@pytest.mark.parametrize("count", [1, 3, 32, 33, 70])
def test_shards_are_composed_in_order_and_nothing_else_is_left(gcs: GcsEmulator, count: int) -> None:
    gcs.create_bucket("bucket")
    lines = [b"line %d\n" % number for number in range(count)]
    output = "gs://bucket/run/1"
    shards = [write_file(output, f"train/kept-{number:05d}.jsonl", [line]) for number, line in enumerate(lines)]
    joined = join_shards(output, "train.jsonl", shards)
    assert joined is not None
    assert joined.name == "train.jsonl"
    assert joined.size_bytes == sum(map(len, lines))
    assert gcs.get("gs://bucket/run/1/train.jsonl") == b"".join(lines)
    assert gcs.list("gs://bucket/") == ["gs://bucket/run/1/train.jsonl"] + [
        f"gs://bucket/run/1/train/kept-{number:05d}.jsonl" for number in range(count)
    ]


def test_a_file_of_many_writes_is_one_object_with_its_checksum(gcs: GcsEmulator) -> None:
    gcs.create_bucket("bucket")
    written = write_file("gs://bucket", "train/kept-00000-of-00001.jsonl", [b"x" * 5_000_000] * 4)
    assert written.size_bytes == 20_000_000
    assert gcs.get("gs://bucket/train/kept-00000-of-00001.jsonl") == b"x" * 20_000_000


def test_empty_shards_are_left_out_of_the_composition(gcs: GcsEmulator) -> None:
    gcs.create_bucket("bucket")
    shards = [write_file("gs://bucket/r", f"train/kept-{n}.jsonl", [body]) for n, body in enumerate((b"", b"a\n", b""))]
    joined = join_shards("gs://bucket/r", "train.jsonl", shards)
    assert joined is not None
    assert gcs.get("gs://bucket/r/train.jsonl") == b"a\n"
