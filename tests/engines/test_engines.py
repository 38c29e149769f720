"""The whole job on engines whose workers are processes: the output of the in-process runner, byte for byte.

`scripts/test-engines` gets the engines and says where they are.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from media_server import MediaServer, serving_media
from run_output import output_of

from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
HARNESS = HERE / "sdk_harness.py"
WHOLE_BUT_NOT_READY = 3


class Engine(NamedTuple):
    """How to run on an engine, and how many worker processes it then has."""

    arguments: tuple[str, ...]
    workers: int


def engine(name: str, harness: Path) -> Engine:
    separate = (
        "--environment_type=PROCESS",
        f"--environment_config={json.dumps({'command': str(harness)})}",
    )
    if name == "processes":
        return Engine(("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"), 2)
    if name == "prism":
        prism = os.environ.get("BEAM_TUNING_PRISM") or pytest.skip("there is no Prism (scripts/test-engines builds it)")
        return Engine(("--runner=PrismRunner", f"--prism_location={prism}", *separate), 2)
    jar = os.environ.get("BEAM_TUNING_FLINK_JAR") or pytest.skip("there is no Flink job server for this Beam in Maven")
    return Engine(("--runner=FlinkRunner", f"--flink_job_server_jar={jar}", "--parallelism=2", *separate), 2)


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("harness") / "sdk-harness"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {HARNESS} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dataset")


@pytest.fixture(scope="module")
def running_media(folder: Path) -> Iterator[MediaServer]:
    with serving_media(folder / "media") as media:
        yield media


@pytest.fixture(scope="module")
def sample(folder: Path, running_media: MediaServer) -> Sample:
    return write_sample(folder, media_base=running_media.url)


@pytest.fixture
def media(running_media: MediaServer) -> Iterator[MediaServer]:
    running_media.reset()
    yield running_media
    running_media.reset()


class Run(NamedTuple):
    """A launcher that has been started; what it says goes to a file, for a full pipe would hold it up."""

    process: subprocess.Popen[bytes]
    said: Path

    def end(self) -> tuple[int, str]:
        """(exit code, what it said)."""
        code = self.process.wait(timeout=150)
        return code, self.said.read_text()


def start(sample: Sample, output: Path, *arguments: str) -> Run:
    said = output.with_suffix(".log")
    with said.open("wb") as log:
        command = [
            sys.executable,
            HERE / "two_environments.py",
            "validate",
            f"--train={sample.train}",
            f"--validation={sample.validation}",
            f"--output={output}",
            f"--model={SAMPLE_MODEL}",
            "--allow_private_addresses",
            *arguments,
        ]
        return Run(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT), said)


def run(sample: Sample, output: Path, *arguments: str) -> tuple[int, str]:
    return start(sample, output, *arguments).end()


@pytest.fixture(scope="module")
def in_process(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    output = tmp_path_factory.mktemp("in-process") / "out"
    code, text = run(sample, output)
    assert code == WHOLE_BUT_NOT_READY, text
    return output_of(output)


def workers_of(launcher: int) -> list[int]:
    """Processes that run Beam's SDK harness and descend from the launcher."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile

    def descends(pid: int) -> bool:
        while pid in parents and pid != launcher:
            pid = parents[pid]
        return pid == launcher

    harnesses = ([sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main"], [sys.executable, str(HARNESS)])
    found = []
    for pid in parents:
        try:
            command = (Path("/proc") / str(pid) / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if any(command[: len(harness)] == harness for harness in harnesses) and descends(pid):
            found.append(pid)
    return sorted(found)


ENGINES = ["processes", "prism", "flink"]


@pytest.mark.parametrize("name", ENGINES)
def test_same_output_from_several_worker_processes(
    name: str,
    harness: Path,
    sample: Sample,
    media: MediaServer,
    in_process: dict[str, object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = engine(name, harness)
    media.reset()
    media.open.clear()
    running = start(sample, tmp_path / "out", *chosen.arguments)
    assert media.asked.wait(120), running.said.read_text()
    workers = workers_of(running.process.pid)
    media.open.set()
    code, text = running.end()
    assert code == WHOLE_BUT_NOT_READY, text
    with capsys.disabled():
        print(f"\n{name}: worker processes {workers}")
    assert len(workers) >= chosen.workers
    assert output_of(tmp_path / "out") == in_process
    assert set(media.first_reads.values()) == {1}


@pytest.mark.parametrize("name", ENGINES)
def test_a_store_that_fails_for_a_while_changes_nothing(
    name: str, harness: Path, sample: Sample, media: MediaServer, in_process: dict[str, object], tmp_path: Path
) -> None:
    chosen = engine(name, harness)
    media.reset()
    media.failures = 2
    code, text = run(sample, tmp_path / "out", *chosen.arguments)
    assert code == WHOLE_BUT_NOT_READY, text
    assert output_of(tmp_path / "out") == in_process


@pytest.mark.parametrize("name", ENGINES)
def test_a_killed_worker_loses_and_doubles_nothing(
    name: str, harness: Path, sample: Sample, media: MediaServer, in_process: dict[str, object], tmp_path: Path
) -> None:
    """An engine that tries the bundle again ends well; one that does not fails the job and leaves no manifest, and the
    next run gives what the first would have given."""
    chosen = engine(name, harness)
    media.reset()
    media.open.clear()
    running = start(sample, tmp_path / "out", *chosen.arguments)
    assert media.asked.wait(120), running.said.read_text()
    for worker in workers_of(running.process.pid):
        os.kill(worker, signal.SIGKILL)
    media.open.set()
    code, text = running.end()
    if code != WHOLE_BUT_NOT_READY:
        assert code == 1, text
        assert "--overwrite" in text
        assert not (tmp_path / "out" / "manifest.json").exists()
        code, text = run(sample, tmp_path / "out", "--overwrite", *chosen.arguments)
        assert code == WHOLE_BUT_NOT_READY, text
    assert output_of(tmp_path / "out") == in_process
    assert max(media.first_reads.values()) <= 2


def test_the_sample_has_media_over_http(sample: Sample, in_process: dict[str, object], tmp_path: Path) -> None:
    """The comparison above is one of answers and not of failures."""
    run(sample, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "media").to_pylist()
    assert sum(row["duration_s"] is not None for row in table) > 10
