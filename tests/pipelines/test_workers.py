"""How many worker processes a run on this machine has."""

from __future__ import annotations

import pytest

from beam_tuning.dataset.lines import InputFile
from beam_tuning.errors import OptionError
from beam_tuning.pipelines import workers as workers_module
from beam_tuning.pipelines.launch import pipeline_options
from beam_tuning.pipelines.workers import worker_count

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _six_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "usable_cores", lambda: 6)


@pytest.mark.parametrize(
    ("wanted", "files", "expected"),
    [
        ("auto", [("a.jsonl", 9 * MIB)], 6),
        ("auto", [("a.jsonl", 5 * MIB), ("b.jsonl", 4 * MIB)], 6),
        ("auto", [("a.jsonl", 7 * MIB)], 1),
        ("auto", [("a.jsonl.gz", 2 * MIB)], 6),  # it expands
        ("auto", [("a.jsonl.gz", MIB)], 1),
        (1, [("a.jsonl", 900 * MIB)], 1),
        (3, [("a.jsonl", 1)], 3),
    ],
)
def test_in_this_process(wanted: int | str, files: list[tuple[str, int]], expected: int) -> None:
    inputs = [InputFile("train", path, size_bytes) for path, size_bytes in files]
    assert worker_count(wanted, inputs, pipeline_options([])) == expected


@pytest.mark.parametrize("argument", ["--runner=PrismRunner", "--direct_running_mode=multi_processing"])
def test_other_runners_have_workers_of_their_own(argument: str) -> None:
    inputs = [InputFile("train", "a.jsonl", 900 * MIB)]
    assert worker_count("auto", inputs, pipeline_options([argument])) == 1
    with pytest.raises(OptionError, match="the runner has workers of its own") as caught:
        worker_count(2, inputs, pipeline_options([argument]))
    assert argument.partition("=")[2] in str(caught.value.observed)
