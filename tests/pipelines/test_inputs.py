"""Which files patterns match, and what is refused before anything is read."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import requests
from gcs_emulator import GcsEmulator
from google.api_core.exceptions import RetryError

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import InputError
from beam_tuning.pipelines.inputs import check_splits, match_inputs
from beam_tuning.transforms import dataset_files


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        (folder / name).write_bytes(b"{}\n")
    return folder


def names(*patterns: str) -> list[str]:
    return [file.path for file in match_inputs("train", patterns)]


def refusal(*patterns: str) -> InputError:
    with pytest.raises(InputError) as caught:
        match_inputs("validation", patterns)
    assert caught.value.where == "--validation"
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    return caught.value


def test_patterns_match_files_once_in_order(data: Path) -> None:
    files = match_inputs("train", [f"{data}/b.jsonl", f"{data}/*.jsonl", f"{data}/../data/a.jsonl"])
    assert [Path(file.path).name for file in files] == ["a.jsonl", "b.jsonl"]
    assert {file.split for file in files} == {"train"}
    assert {file.size_bytes for file in files} == {3}


def test_a_matched_file_has_a_version_that_changes_with_it(data: Path) -> None:
    path = data / "a.jsonl"
    before = match_inputs("train", [str(path)])
    assert match_inputs("train", [str(path)]) == before
    os.utime(path, ns=(1, 1))
    after = match_inputs("train", [str(path)])
    assert after[0].size_bytes == before[0].size_bytes
    assert after != before


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("./*.jsonl", ["./a.jsonl", "./b.jsonl"]),
        ("a.jsonl", ["a.jsonl"]),
        ("?.jsonl", ["a.jsonl", "b.jsonl"]),
        ("[!a].jsonl", ["b.jsonl"]),
        ("[b-z].jsonl*", ["b.jsonl", "c.jsonl.gz"]),
        ("*", ["a.jsonl", "b.jsonl", "c.jsonl.gz"]),
        ("deep/*/*.jsonl", ["deep/er/d.jsonl"]),
        ("de*/*/d.jsonl", ["deep/er/d.jsonl"]),
        ("deep/**", ["deep/.hidden.jsonl", "deep/er/d.jsonl"]),
        ("**.jsonl", ["a.jsonl", "b.jsonl", "deep/.hidden.jsonl", "deep/er/d.jsonl"]),
        ("**/d.jsonl", ["deep/er/d.jsonl"]),
        ("deep/er/", ["deep/er/d.jsonl"]),
        ("deep//er/*", ["deep//er/d.jsonl"]),
        ("../data/a*", ["../data/a.jsonl"]),
    ],
)
def test_patterns_from_the_current_folder(
    data: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, matched: list[str]
) -> None:
    (data / "deep" / "er").mkdir(parents=True)
    (data / "deep" / "er" / "d.jsonl").write_bytes(b"{}\n")
    (data / "deep" / ".hidden.jsonl").write_bytes(b"{}\n")
    monkeypatch.chdir(data)
    assert names(pattern) == matched
    if not pattern.startswith("."):
        assert names(f"{data}/{pattern}") == [f"{data}/{name}" for name in matched]


ODD_NAMES = [
    *("with blank.jsonl", "star*.jsonl", "what?.jsonl", "[1].jsonl", "open[.jsonl", "{a,b}.jsonl", "100%.jsonl"),
    *("line\nbreak.jsonl", "😀.jsonl", "~.jsonl", "-.jsonl", "s3:.jsonl", "back\\slash.jsonl", "'quoted\".jsonl"),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_what_exists_by_that_name_is_taken_literally(data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in (name, "star1.jsonl", "what1.jsonl", "1.jsonl"):
        (data / other).write_bytes(b"{}\n")
    monkeypatch.chdir(data)
    assert names(name) == [name]
    assert names(f"{data}/{name}") == [f"{data}/{name}"]


def test_a_folder_that_exists_by_that_name_is_taken_literally(tmp_path: Path) -> None:
    for folder in ("out[1]", "out1"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jsonl").write_bytes(b"{}\n")
    assert names(f"{tmp_path}/out[1]/*.jsonl") == [f"{tmp_path}/out[1]/a.jsonl"]
    assert names(f"{tmp_path}/out[1]/**.jsonl") == [f"{tmp_path}/out[1]/a.jsonl"]
    assert names(f"{tmp_path}/out[12]/*.jsonl") == [f"{tmp_path}/out1/a.jsonl"]


@pytest.mark.parametrize("name", ["a,b.jsonl", "a, b.jsonl", "a,b,c.jsonl"])
def test_a_comma_in_a_name_is_told_with_the_way_to_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(b"{}\n")
    monkeypatch.chdir(tmp_path)
    remedy = str(refusal(*(piece.strip() for piece in name.split(","))).remedy)
    assert "comma" in remedy
    pattern = remedy.split("'")[1]
    assert names(pattern) == [name]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{data}/*.json", "matches no file"),
        ("{data}/missing.jsonl", "matches no file"),
        ("{data}/missing/*.jsonl", "matches no file"),
        ("{data}/a.jsonl/*.jsonl", "matches no file"),
        ("{data}", "this is a folder"),
        ("~/nowhere.jsonl", "matches no file"),
        ("a\0b", "matches no file"),
        ("a\0b*", "matches no file"),
        ("x" * 5000, "matches no file"),
        ("gs://", "the bucket must be named"),
        ("gs://buck*/a.jsonl", "the bucket must be named"),
        ("gs://example-bucket", "this is a bucket"),
        ("gs://example-bucket/", "this is a bucket"),
    ],
    ids=lambda value: value[:30],
)
def test_a_pattern_without_files_is_an_error_with_a_remedy(data: Path, pattern: str, message: str) -> None:
    assert refusal(f"{data}/a.jsonl", pattern.format(data=data)).what.endswith(message)


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("file:///data/train.jsonl", "Give the path alone: /data/train.jsonl"),
        ("FILE:/data/train.jsonl", "Give the path alone: /data/train.jsonl"),
        ("s3://example-bucket/train.jsonl", "Copy the files"),
        ("hdfs://host/train.jsonl", "Copy the files"),
        ("https://example.com/train.jsonl", "Copy the files"),
        ("az://container/train-*.jsonl", "Copy the files"),
        ("nowhere://bucket/x", "Copy the files"),
        ("GS://example-bucket/train.jsonl", "Write gs://bucket/object."),
        ("gs:/example-bucket/train.jsonl", "Write gs://bucket/object."),
    ],
)
def test_other_stores_are_refused_in_our_own_words(pattern: str, remedy: str) -> None:
    error = refusal(pattern)
    assert error.what.startswith("dataset files are read from this machine and from gs://, not from ")
    assert error.observed == pattern
    assert remedy in str(error.remedy)


def test_what_is_no_regular_file_is_refused_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.jsonl")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("socket.jsonl")
    reader, writer = os.pipe()
    try:
        for path, kind in [
            ("pipe.jsonl", "a pipe"),
            ("pipe*", "a pipe"),
            ("socket.jsonl", "a socket"),
            ("/dev/null", "a device"),
            (f"/dev/fd/{reader}", "a pipe"),  # as `<(command)` gives it
        ]:
            error = refusal(path)
            assert error.what == f"this is {kind}, not a file"
            assert "Write its lines to a file first" in str(error.remedy)
    finally:
        listening.close()
        os.close(reader)
        os.close(writer)


def test_a_link_that_leads_nowhere_is_not_passed_over(data: Path) -> None:
    (data / "broken.jsonl").symlink_to(data / "gone")
    for pattern in ("broken.jsonl", "*.jsonl"):
        error = refusal(f"{data}/{pattern}")
        assert "broken.jsonl" in str(error.observed)
        assert "link" in str(error.remedy)


def test_a_folder_that_cannot_be_listed_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", forbidden)
    monkeypatch.setattr(os, "scandir", forbidden)
    for pattern in (f"{data}/*.jsonl", f"{data}/**"):
        error = refusal(pattern)
        assert error.what == "a folder cannot be listed"
        assert "Permission denied" in str(error.observed)


def test_a_name_that_is_not_utf8_is_an_error(data: Path) -> None:
    (data / "bad\udcff.jsonl").write_bytes(b"{}")
    assert "UTF-8" in refusal(f"{data}/*.jsonl").what


def test_a_walk_goes_no_further_than_the_pattern(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "other" / "deep").mkdir(parents=True)
    listed = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or listdir(path))
    names(f"{data}/*.jsonl")
    assert listed == [f"{data}/"]


def test_the_same_file_in_both_splits_is_an_error_even_through_a_link(data: Path) -> None:
    (data / "link.jsonl").symlink_to(data / "a.jsonl")
    train = match_inputs("train", [f"{data}/a.jsonl"])
    with pytest.raises(InputError, match="both splits"):
        check_splits(train, match_inputs("validation", [f"{data}/link.jsonl"]))
    check_splits(train, match_inputs("validation", [f"{data}/b.jsonl"]))


# Cloud Storage


def test_objects_are_matched_with_their_generations(gcs: GcsEmulator) -> None:
    names_and_bytes = {"train/a.jsonl": b"{}\n", "train/b.jsonl": b"{}\n{}\n", "train/deep/c.jsonl": b"", "train/": b""}
    generations = {name: gcs.put(f"gs://example-bucket/{name}", body) for name, body in names_and_bytes.items()}
    expected = tuple(
        InputFile("train", f"gs://example-bucket/{name}", len(names_and_bytes[name]), generations[name])
        for name in ("train/a.jsonl", "train/b.jsonl")
    )
    assert match_inputs("train", ["gs://example-bucket/train/*.jsonl"]) == expected
    assert match_inputs("train", ["gs://example-bucket/train/"]) == expected
    assert match_inputs("train", ["gs://example-bucket/train/[ab].jsonl"]) == expected
    assert match_inputs("train", ["gs://example-bucket/train/b.jsonl"]) == expected[1:]
    assert names("gs://example-bucket/**.jsonl")[-1] == "gs://example-bucket/train/deep/c.jsonl"


@pytest.mark.parametrize("name", ["star*.jsonl", "[1].jsonl", "what?.jsonl", "a b#%ü😀.jsonl"])
def test_an_object_by_that_name_is_taken_literally(gcs: GcsEmulator, name: str) -> None:
    for other in (name, "star1.jsonl", "1.jsonl", "what1.jsonl"):
        gcs.put(f"gs://example-bucket/{other}", b"{}\n")
    assert names(f"gs://example-bucket/{name}") == [f"gs://example-bucket/{name}"]


@pytest.mark.parametrize("error", [requests.ConnectionError("no route"), RetryError("too long", None)])
def test_a_store_that_does_not_answer_is_no_matter_of_rights(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(name: str) -> Any:
        raise error

    monkeypatch.setattr(dataset_files, "_bucket", no_answer)
    told = refusal("gs://example-bucket/*.jsonl")
    assert "does not answer" in str(told.observed)
    assert "network" in str(told.remedy)


def test_a_bucket_that_is_not_there_and_one_without_matches(gcs: GcsEmulator) -> None:
    gcs.put("gs://example-bucket/a.jsonl", b"{}\n")
    assert refusal("gs://example-bucket/*.json").what == "the pattern matches no file"
    assert refusal("gs://example-bucket/b.jsonl").what == "the pattern matches no file"
    error = refusal("gs://no-such-bucket/*.jsonl")
    assert error.what == "the files cannot be listed"
    assert "gs://no-such-bucket/*.jsonl" in str(error.observed)
