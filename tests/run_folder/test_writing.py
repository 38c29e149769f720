"""Files appear whole or not at all, with the checksum of their content; shards are joined in order."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import pytest
from gcs_emulator import GcsEmulator

from beam_tuning.errors import OutputError
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.writing import RunTarget, join_files, write_file

RUN_ID = "0123456789abcdef"


def crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


@pytest.fixture(params=["local", "gs"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunTarget]:
    if request.param == "gs":
        request.getfixturevalue("gcs").create_bucket("bucket")
        yield RunTarget("gs://bucket/run/1", RUN_ID)
    else:
        yield RunTarget(str(tmp_path / "out"), RUN_ID)


def content_of(target: RunTarget, name: str) -> bytes:
    with open_folder(target.folder).open(name) as stream:
        return stream.read()


def present(target: RunTarget) -> list[str]:
    return [entry.name for entry in open_folder(target.folder).entries("train")]


def shard_name(number: int) -> str:
    return f"train/kept-{number:05d}-of-09999.jsonl"


def test_a_second_attempt_writes_the_same_file_again(target: RunTarget) -> None:
    first = write_file(target, shard_name(0), [b"a\n", b"b\n"])
    assert first[:4] == (shard_name(0), 4, crc32c(b"a\nb\n"), 2)
    assert write_file(target, shard_name(0), [b"a\nb\n"])[:4] == first[:4]
    assert content_of(target, shard_name(0)) == b"a\nb\n"
    assert present(target) == [shard_name(0)]


@pytest.mark.parametrize("size_bytes", [0, 10, 20_000_000])
def test_a_write_that_fails_leaves_no_file_under_the_name(target: RunTarget, size_bytes: int) -> None:
    def contents() -> Iterator[bytes]:
        yield b"x" * size_bytes
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError):
        write_file(target, shard_name(0), contents())
    assert present(target) == []


def test_a_large_file_is_one_object_with_its_checksum(target: RunTarget) -> None:
    written = write_file(target, shard_name(0), [b"x" * 5_000_000] * 4)
    assert written.size_bytes == 20_000_000
    assert content_of(target, shard_name(0)) == b"x" * 20_000_000
    assert written.crc32c == crc32c(b"x" * 20_000_000)


@pytest.mark.parametrize("count", [1, 3, 32, 33, 70, 1025])
def test_shards_are_joined_in_order_and_nothing_else_is_left(target: RunTarget, count: int) -> None:
    lines = [b"" if number % 5 == 4 else b"line %d\n" % number for number in range(count)]
    shards = [write_file(target, shard_name(number), [line]) for number, line in enumerate(lines)]
    joined = join_files(target, "train.jsonl", shards)
    whole = b"".join(lines)
    assert joined is not None
    assert joined[:4] == ("train.jsonl", len(whole), crc32c(whole), whole.count(b"\n"))
    assert content_of(target, "train.jsonl") == whole
    assert present(target) == [shard_name(number) for number in range(count)]
    assert not open_folder(target.folder).unfinished(RUN_ID)


def test_nothing_kept_is_no_file_rather_than_an_empty_one(target: RunTarget) -> None:
    empty = write_file(target, shard_name(0), [])
    assert join_files(target, "train.jsonl", [empty]) is None
    assert open_folder(target.folder).entry("train.jsonl") is None


@pytest.mark.parametrize("fault", ["changed", "gone"])
def test_a_shard_that_is_not_as_it_was_written_is_not_joined(target: RunTarget, fault: str) -> None:
    first, second = (write_file(target, shard_name(number), [b"a\n"]) for number in range(2))
    if fault == "changed":
        write_file(target, shard_name(1), [b"b\n"])
    else:
        folder = open_folder(target.folder)
        entry = folder.entry(shard_name(1))
        assert entry is not None
        folder.delete(entry)
    with pytest.raises(OutputError):
        join_files(target, "train.jsonl", [first, second])
    assert open_folder(target.folder).entry("train.jsonl") is None


@pytest.mark.parametrize("count", [1, 32, 33, 1025])
def test_a_composition_that_fails_half_way_is_made_good_by_another(gcs: GcsEmulator, count: int) -> None:
    gcs.create_bucket("bucket")
    target = RunTarget("gs://bucket/run", RUN_ID)
    shards = [write_file(target, shard_name(number), [b"%d\n" % number]) for number in range(count)]
    last = count - 1
    gcs.delete(f"gs://bucket/run/{shards[last].name}")
    with pytest.raises(OutputError):
        join_files(target, "train.jsonl", shards)
    # More than 32 are joined in steps, whose first ones went well.
    assert bool(open_folder(target.folder).unfinished(RUN_ID)) is (count > 32)
    assert open_folder(target.folder).entry("train.jsonl") is None
    shards[last] = write_file(target, shards[last].name, [b"%d\n" % last])
    assert join_files(target, "train.jsonl", shards)
    assert gcs.get("gs://bucket/run/train.jsonl") == b"".join(b"%d\n" % number for number in range(count))
    assert not open_folder(target.folder).unfinished(RUN_ID)


def test_a_planted_link_under_the_final_name_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out" / "train.jsonl").symlink_to(tmp_path / "victim")
    write_file(RunTarget(str(tmp_path / "out"), RUN_ID), "train.jsonl", [b"{}\n"])
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == b"{}\n"


def test_a_planted_link_under_the_name_of_an_unfinished_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name has a part that nobody can know beforehand; here somebody does."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0123abcd")
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out" / f"train.jsonl.{RUN_ID}-0123abcd.incomplete").symlink_to(tmp_path / "victim")
    with pytest.raises(OutputError):
        write_file(RunTarget(str(tmp_path / "out"), RUN_ID), "train.jsonl", [b"{}\n"])
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_bucket_that_is_not_there_is_told(gcs: GcsEmulator) -> None:
    with pytest.raises(OutputError, match="no such bucket"):
        write_file(RunTarget("gs://no-such-bucket/run", RUN_ID), "train.jsonl", [b"{}\n"])


def test_a_written_file_travels_as_a_tuple() -> None:
    file = WrittenFile("train.jsonl", 3, "AAAAAA==", 1, "7")
    assert WrittenFile(*tuple(file)) == file
