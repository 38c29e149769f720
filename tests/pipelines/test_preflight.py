"""What is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import OutputError
from beam_tuning.pipelines.inputs import match_inputs
from beam_tuning.pipelines.preflight import refuse_output_in_input
from beam_tuning.run_folder.opening import open_folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        (folder / name).write_bytes(b"{}\n")
    return folder


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
