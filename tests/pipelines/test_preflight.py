"""What is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import InputError, OutputError
from beam_tuning.pipelines.preflight import check_splits, match_inputs, refuse_output_in_input
from beam_tuning.run_folder.opening import open_folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        (folder / name).write_bytes(b"{}\n")
    return folder


def test_patterns_match_files_once_in_order(data: Path) -> None:
    files = match_inputs("train", [f"{data}/b.jsonl", f"{data}/*.jsonl", f"{data}/../data/a.jsonl"])
    assert [Path(file.path).name for file in files] == ["a.jsonl", "b.jsonl"]
    assert {file.split for file in files} == {"train"}
    assert {file.size_bytes for file in files} == {3}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{data}/*.json", "matches no file"),
        ("{data}/missing.jsonl", "matches no file"),
        ("{data}", "folder"),
        ("{data}/missing/*.jsonl", "matches no file"),
        ("nowhere://bucket/x", "cannot be listed"),
    ],
)
def test_a_pattern_without_files_is_an_error_with_a_remedy(data: Path, pattern: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        match_inputs("validation", [f"{data}/a.jsonl", pattern.format(data=data)])
    assert caught.value.where == "--validation"
    assert caught.value.remedy


def test_a_name_that_is_not_utf8_is_an_error(data: Path) -> None:
    (data / "bad\udcff.jsonl").write_bytes(b"{}")
    with pytest.raises(InputError, match="UTF-8"):
        match_inputs("train", [f"{data}/*.jsonl"])


def test_the_same_file_in_both_splits_is_an_error_even_through_a_link(data: Path) -> None:
    (data / "link.jsonl").symlink_to(data / "a.jsonl")
    train = match_inputs("train", [f"{data}/a.jsonl"])
    with pytest.raises(InputError, match="both splits"):
        check_splits(train, match_inputs("validation", [f"{data}/link.jsonl"]))
    check_splits(train, match_inputs("validation", [f"{data}/b.jsonl"]))


@pytest.mark.parametrize(
    ("output", "pattern"),
    [
        ("{data}", "{data}/*.jsonl"),
        ("{data}/out", "{data}/**/*.jsonl"),
        ("{data}/out", "{data}/**"),
        ("{data}/out/../.", "{data}/*.jsonl"),
    ],
)
def test_an_output_that_a_later_run_would_read_is_refused(data: Path, output: str, pattern: str) -> None:
    patterns = [pattern.format(data=data)]
    with pytest.raises(OutputError, match="inside the input"):
        refuse_output_in_input(open_folder(output.format(data=data)), patterns, match_inputs("train", [f"{data}/*"]))


def test_an_input_among_the_files_of_an_earlier_run_is_not_deleted(tmp_path: Path) -> None:
    kept = tmp_path / "out" / "train" / "kept-00000-of-00001.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}\n")
    files = (InputFile("train", str(kept), 3),)
    with pytest.raises(OutputError, match="input file"):
        refuse_output_in_input(open_folder(str(tmp_path / "out")), [str(kept)], files)
