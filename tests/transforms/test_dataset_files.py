"""Dataset files in a bucket: the generation that was listed is read, or the reader learns that it is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from gcs_emulator import GcsEmulator

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import FileChanged
from beam_tuning.transforms.dataset_files import find_object, local_file, open_dataset_file

URI = "gs://example-bucket/data/train.jsonl"


def listed() -> InputFile:
    file = find_object("train", "example-bucket", "data/train.jsonl")
    assert file is not None
    return file


def read_all(file: InputFile) -> bytes:
    with open_dataset_file(file) as stream:
        return stream.read()


def test_an_object_is_read_as_it_was_listed(gcs: GcsEmulator) -> None:
    generation = gcs.put(URI, b"{}\n")
    assert listed() == InputFile("train", URI, 3, generation)
    assert read_all(listed()) == b"{}\n"


def test_an_object_that_says_it_is_gzip_is_read_as_it_is_stored(gcs: GcsEmulator) -> None:
    gcs.put(URI, b"\x1f\x8b stored", content_encoding="gzip")
    assert read_all(listed()) == b"\x1f\x8b stored"


@pytest.mark.parametrize("now", [b"[]\n", b"", b"{}\n", b"{}\n{}\n"])
def test_an_object_that_was_replaced_is_changed_whatever_it_holds(gcs: GcsEmulator, now: bytes) -> None:
    gcs.put(URI, b"{}\n")
    file = listed()
    gcs.put(URI, now)
    with pytest.raises(FileChanged, match="changed after the run had begun") as caught:
        read_all(file)
    assert caught.value.where == URI
    assert file.version in str(caught.value)


def test_an_object_that_was_deleted_is_changed(gcs: GcsEmulator) -> None:
    gcs.put(URI, b"{}\n")
    file = listed()
    gcs.delete(URI)
    with pytest.raises(FileChanged):
        read_all(file)


def test_an_object_that_is_replaced_while_it_is_read_is_changed(gcs: GcsEmulator) -> None:
    gcs.put(URI, b"first\nsecond\n")
    file = listed()

    def read_slowly() -> None:
        with open_dataset_file(file) as stream:
            gcs.put(URI, b"other\nlines\n")
            stream.read()

    with pytest.raises(FileChanged):
        read_slowly()


def test_without_a_version_nothing_is_held_against_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    file = local_file("train", str(path))
    path.write_bytes(b"{}\n{}\n")
    with pytest.raises(FileChanged, match="6 bytes, 3 when the run began"):
        read_all(file)
    assert read_all(InputFile("train", str(path), 3)) == b"{}\n{}\n"


def test_a_file_that_is_gone_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    file = local_file("train", str(path))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_all(file)
