"""What is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import OutputError
from beam_tuning.pipelines.inputs import match_inputs
from beam_tuning.pipelines.preflight import prepare_output


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        (folder / name).write_bytes(b"{}\n")
    return folder


@pytest.mark.parametrize(
    "earlier", ["manifest.json", "report.json", "train/kept-00000-of-00001.jsonl", "media/x.parquet"]
)
def test_an_earlier_run_is_refused_or_deleted(data: Path, tmp_path: Path, earlier: str) -> None:
    output = tmp_path / "out"
    (output / earlier).parent.mkdir(parents=True)
    (output / earlier).write_text("old")
    (output / "notes.txt").write_text("mine")
    files = match_inputs("train", [f"{data}/*.jsonl"])
    with pytest.raises(OutputError, match="earlier run") as caught:
        prepare_output(str(output), [f"{data}/*.jsonl"], files, overwrite=False)
    assert "--overwrite" in str(caught.value)
    assert (output / earlier).exists()
    prepare_output(str(output), [f"{data}/*.jsonl"], files, overwrite=True)
    assert not (output / earlier).exists()
    assert (output / "notes.txt").read_text() == "mine"


def test_a_folder_with_other_files_only_is_free(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    prepare_output(str(tmp_path / "out"), [f"{data}/*"], match_inputs("train", [f"{data}/*"]), overwrite=False)


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
        prepare_output(output.format(data=data), patterns, match_inputs("train", [f"{data}/*"]), overwrite=True)


def test_an_input_among_the_files_of_an_earlier_run_is_not_deleted(tmp_path: Path) -> None:
    kept = tmp_path / "out" / "train" / "kept-00000-of-00001.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}\n")
    files = (InputFile("train", str(kept), 3),)
    with pytest.raises(OutputError, match="input file"):
        prepare_output(str(tmp_path / "out"), [str(kept)], files, overwrite=True)
    assert kept.exists()
