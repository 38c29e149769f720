"""Samples, validation sets, duplicates and leaks on engines with worker processes: as in process, byte for byte.

The choice is the same over 1, 7 and 40 files, whose lines stand in another order each.
"""

from __future__ import annotations

import functools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from run_output import output_of
from test_engine_repair import arguments_of
from tuning_lines import Json, example, file, text

from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult, StreamInfo
from beam_tuning.media.media_table import to_table

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SMALL_SHARDS = Path(__file__).parent / "small_shards"
VIDEOS, TRAIN_LINES, VALIDATION_LINES = 120, 360, 80


class Job(NamedTuple):
    """What is asked for.

    Attributes:
      has_validation: whether a validation set is given.
    """

    has_validation: bool
    options: tuple[str, ...]


JOBS = {
    "sample and split": Job(False, ("--max_examples=200", "--validation_split=0.1", "--seed=5")),
    "duplicates and leaks": Job(True, ("--max_examples=250", "--drop_duplicates", "--drop_leaks=validation")),
}


def uri(number: int) -> str:
    return f"gs://example-bucket/{number:04d}.mp4"


def video(number: int, **segment: str) -> Json:
    return file(uri(number), "video/mp4", **({"videoMetadata": segment} if segment else {}))


def lines_of_training() -> list[str]:
    """Videos that several lines share, text alone, lines that stand there twice, and what cannot be kept."""
    lines = []
    for number in range(TRAIN_LINES):
        parts = [text(f"Question {number}")]
        if number % 3:
            parts.insert(0, video(number % VIDEOS, startOffset="1s", endOffset="5s"))
        lines.append(json.dumps(example(*parts, answer=f"Answer {number}")))
    return [*lines, *lines[::20], *(["no JSON"] * 3)]


def lines_of_validation() -> list[str]:
    """Of ten lines one has a question of training, one a video of it, one a video's bytes, one another segment."""
    lines = []
    for number in range(VALIDATION_LINES):
        asked = text(f"Question {number if number % 10 == 0 else 10_000 + number}")
        shown = {1: [video(number)], 2: [video(2000 + number)], 3: [video(number, startOffset="6s")]}
        lines.append(json.dumps(example(*shown.get(number % 10, ()), asked, answer=f"Yes {number}")))
    return lines


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the media; those from 2000 on are copies."""
    folder = tmp_path_factory.mktemp("known")
    info = MediaInfo("mp4", MediaKind.VIDEO, (StreamInfo(MediaKind.VIDEO, "h264"),), 20.0)
    numbers = [*range(VIDEOS), *range(2000, 2000 + VALIDATION_LINES)]
    results = [
        ProbeResult(uri(number), info, ObjectInfo(1000 + number % 2000, "1", crc32c=f"{number % 2000:06d}=="))
        for number in numbers
    ]
    (folder / "media").mkdir()
    pq.write_table(to_table(results), folder / "media" / "media-00000-of-00001.parquet")
    return folder


def write(folder: Path, split: str, lines: list[str], files: int) -> None:
    shuffled = list(lines)
    random.Random(files).shuffle(shuffled)
    for number in range(files):
        (folder / f"{split}-{number:02d}.jsonl").write_text("".join(line + "\n" for line in shuffled[number::files]))


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same lines in 1, 7 and 40 files."""
    folder = tmp_path_factory.mktemp("datasets")
    for files in (1, 7, 40):
        (folder / str(files)).mkdir()
        write(folder / str(files), "train", lines_of_training(), files)
        write(folder / str(files), "validation", lines_of_validation(), files)
    return folder


def run(dataset: Path, known: Path, output: Path, job: Job, *engine: str) -> dict[str, Any]:
    """Runs the job and returns what it wrote."""
    given = [f"--train={dataset}/train-*", *([f"--validation={dataset}/validation-*"] if job.has_validation else [])]
    media = [f"--probe_cache={known}", "--trust_cache"]
    model = ["--model=gemini-2.5-flash", "--tolerate=MODEL_PAST_RETIREMENT", "--fail_on=never"]
    command = [*(sys.executable, "-m", "beam_tuning", "validate"), *given, f"--output={output}", *media, *model]
    done = subprocess.run(
        [*command, *job.options, *engine],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SMALL_SHARDS)},
    )
    assert done.returncode == 0, done.stderr
    return output_of(output)


#: (files, name of the job) -> what it wrote in process.
InProcess = Callable[[int, str], dict[str, Any]]


@pytest.fixture(scope="module")
def in_process(datasets: Path, known: Path, tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    outputs = tmp_path_factory.mktemp("in-process")

    @functools.cache
    def made(files: int, name: str) -> dict[str, Any]:
        return run(datasets / str(files), known, outputs / f"{name} {files}", JOBS[name])

    return made


def chosen(output: dict[str, Any]) -> dict[str, list[bytes]]:
    """Lines by split and verdict, whatever their order and their shards; those that are dropped without their place."""
    lines: dict[str, list[bytes]] = {}
    for name, content in output.items():
        if name.endswith(".jsonl") and "/" in name:
            of_file = content.splitlines()
            if "/dropped-" in name:
                of_file = [line.partition(b',"example":')[2] for line in of_file]
            lines.setdefault(name.rpartition("/")[0] + "/" + name.rpartition("/")[2].split("-0")[0], []).extend(of_file)
    return {name: sorted(of_name) for name, of_name in lines.items()}


def leaks_of(output: dict[str, Any]) -> Counter[str]:
    """Findings of the validation set that a comparison makes."""
    rows = [row for name, rows in output.items() if name.startswith("verdicts/validation-") for row in rows]
    return Counter(finding["code"] for row in rows for finding in row["findings"] if "BOTH" in finding["code"])


@pytest.mark.parametrize("name", JOBS)
def test_the_choice_is_the_same_over_any_files_in_any_order(in_process: InProcess, name: str) -> None:
    first = chosen(in_process(1, name))
    assert len(first["train/kept"]) == {"sample and split": 180, "duplicates and leaks": 250}[name]
    assert first["train/sampled-out"]
    assert first["validation/kept"]
    assert first["train/dropped"]
    if JOBS[name].has_validation:
        # Of 8 lines of each kind those count whose question or video training has: every third is text alone.
        assert leaks_of(in_process(1, name)) == {
            "EXAMPLE_IN_BOTH_SPLITS": 3,
            "MEDIA_IN_BOTH_SPLITS": 6 + 5,
            "MEDIA_SEGMENTS_IN_BOTH_SPLITS": 5,
        }
        assert len(first["validation/dropped"]) == 19
    for files in (7, 40):
        output = in_process(files, name)
        assert len([file for file in output if file.startswith("train/kept-")]) > 5
        assert chosen(output) == first


@pytest.mark.parametrize("engine", ["processes", "prism"])
@pytest.mark.parametrize("files", [1, 7, 40])
@pytest.mark.parametrize("name", JOBS)
def test_an_engine_gives_what_is_given_in_process(
    datasets: Path, known: Path, in_process: InProcess, tmp_path: Path, name: str, files: int, engine: str
) -> None:
    arguments = arguments_of(engine, tmp_path)
    output = run(datasets / str(files), known, tmp_path / "out", JOBS[name], *arguments)
    assert output == in_process(files, name)
