"""The whole job on engines whose workers are processes: the output of the in-process runner, byte for byte.

`scripts/test-engines` gets the engines and says where they are.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from media_server import MediaServer, serving_media
from patience import PATIENCE_S
from run_output import output_of

from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
HARNESS = HERE / "sdk_harness.py"
WHOLE_BUT_NOT_READY = 3
INTERRUPTED = 130


class Engine(NamedTuple):
    """How to run on an engine.

    Attributes:
      workers: how many worker processes it then has.
      tries_again: whether it tries a bundle again whose worker is gone.
      may_wait_for_ever: whether it may wait for a worker that is gone, so that a person must end the job: Prism 2.77
        fails such a job in most runs, and in some it does not notice.
      environ: what it needs in the environment.
    """

    arguments: tuple[str, ...]
    workers: int
    tries_again: bool = False
    may_wait_for_ever: bool = False
    environ: Mapping[str, str] = MappingProxyType({})


IN_PROCESS = Engine((), 0)


def engine(name: str, harness: Path) -> Engine:
    separate = (
        "--environment_type=PROCESS",
        f"--environment_config={json.dumps({'command': str(harness)})}",
    )
    if name == "processes":
        return Engine(("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"), 2)
    if name == "prism":
        prism = os.environ.get("BEAM_TUNING_PRISM") or pytest.skip("there is no Prism (scripts/test-engines builds it)")
        arguments = ("--runner=PrismRunner", f"--prism_location={prism}", *separate)
        return Engine(arguments, workers=2, may_wait_for_ever=True)
    jar = os.environ.get("BEAM_TUNING_FLINK_JAR") or pytest.skip("there is no Flink job server for this Beam in Maven")
    return Engine(
        (
            "--runner=FlinkRunner",
            f"--flink_job_server_jar={jar}",
            "--parallelism=2",
            "--sdk_worker_parallelism=2",
            *separate,
        ),
        workers=2,
        tries_again=True,
        environ={"FLINK_CONF_DIR": str(HERE / "flink")},
    )


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
        try:
            code = self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)  # so that it ends what it has started
            self.process.wait(timeout=PATIENCE_S // 4)
            pytest.fail(f"the job does not end:\n{self.said.read_text()}")
        return code, self.said.read_text()

    def end_or_interrupt(self, after_s: float) -> tuple[int, str]:
        """As `end`, but a job that has not ended by then is ended as a person would, with Ctrl-C."""
        try:
            self.process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
        return self.end()


def start(sample: Sample, output: Path, on: Engine, *arguments: str, **environ: str) -> Run:
    said = output.with_suffix(".log")
    with said.open("wb") as log:
        command = [
            "env",
            "--default-signal=INT",  # a shell has its background jobs ignore what Ctrl-C sends
            sys.executable,
            HERE / "two_environments.py",
            "validate",
            f"--train={sample.train}",
            f"--validation={sample.validation}",
            f"--output={output}",
            f"--model={SAMPLE_MODEL}",
            "--allow_private_addresses",
            *on.arguments,
            *arguments,
        ]
        environment = {**os.environ, **on.environ, **environ}
        return Run(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment), said)


def run(sample: Sample, output: Path, on: Engine, *arguments: str) -> tuple[int, str]:
    return start(sample, output, on, *arguments).end()


@pytest.fixture(scope="module")
def in_process(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    output = tmp_path_factory.mktemp("in-process") / "out"
    code, text = run(sample, output, IN_PROCESS)
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

    harnesses = ([sys.executable, "-m", "beam_tuning.transforms.worker_process"], [sys.executable, str(HARNESS)])
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
    media.open.clear()
    running = start(sample, tmp_path / "out", chosen)
    assert media.asked.wait(PATIENCE_S), running.said.read_text()
    workers = workers_of(running.process.pid)
    media.open.set()
    code, text = running.end()
    assert code == WHOLE_BUT_NOT_READY, text
    with capsys.disabled():
        print(f"\n{name}: worker processes {workers}")
    assert len(workers) >= chosen.workers
    assert output_of(tmp_path / "out") == in_process
    assert set(media.first_reads.values()) == {1}
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ENGINES)
def test_a_store_that_fails_now_and_then_changes_nothing(
    name: str, harness: Path, sample: Sample, media: MediaServer, in_process: dict[str, object], tmp_path: Path
) -> None:
    media.failures = 2
    code, text = run(sample, tmp_path / "out", engine(name, harness))
    assert code == WHOLE_BUT_NOT_READY, text
    assert output_of(tmp_path / "out") == in_process


@pytest.mark.parametrize("name", ENGINES)
def test_a_store_that_is_out_for_half_a_minute_changes_nothing(
    name: str, harness: Path, sample: Sample, media: MediaServer, in_process: dict[str, object], tmp_path: Path
) -> None:
    media.outage_s = 30.0
    code, text = run(sample, tmp_path / "out", engine(name, harness))
    assert code == WHOLE_BUT_NOT_READY, text
    assert output_of(tmp_path / "out") == in_process
    assert media.refused > 10
    # Only what was half read when the outage began is read again.
    assert max(media.first_reads.values()) <= 2
    assert sum(media.first_reads.values()) <= len(media.first_reads) + 16


def assert_no_harm(
    running: Run, on: Engine, sample: Sample, output: Path, media: MediaServer, in_process: dict[str, object]
) -> None:
    """An engine that tries the bundle again ends well; one that does not fails the job, or must be interrupted, and
    leaves no manifest, and the next run gives what the first would have given."""
    code, text = running.end_or_interrupt(after_s=60) if on.may_wait_for_ever else running.end()
    if on.tries_again:
        assert code == WHOLE_BUT_NOT_READY, text
    else:
        assert code == 1 or (on.may_wait_for_ever and code == INTERRUPTED), text
        assert code == INTERRUPTED or "--overwrite" in text
        assert not (output / "manifest.json").exists()
        code, text = run(sample, output, on, "--overwrite")
        assert code == WHOLE_BUT_NOT_READY, text
    assert output_of(output) == in_process
    assert max(media.first_reads.values()) <= 2


@pytest.mark.parametrize("name", ENGINES)
def test_killed_workers_lose_and_double_nothing(
    name: str, harness: Path, sample: Sample, media: MediaServer, in_process: dict[str, object], tmp_path: Path
) -> None:
    chosen = engine(name, harness)
    media.open.clear()
    running = start(sample, tmp_path / "out", chosen)
    assert media.asked.wait(PATIENCE_S), running.said.read_text()
    for worker in workers_of(running.process.pid):
        os.kill(worker, signal.SIGKILL)
    media.open.set()
    assert_no_harm(running, chosen, sample, tmp_path / "out", media, in_process)


def test_workers_that_run_out_of_a_bundles_time_lose_and_double_nothing(
    harness: Path, sample: Sample, media: MediaServer, in_process: dict[str, object], tmp_path: Path
) -> None:
    """Beam's own limit (--element_processing_timeout_minutes) ends a worker whose bundle does not get on.

    Not on Prism: it fails the job, but once in four runs it waited for ever for the worker that was gone.
    """
    chosen = engine("flink", harness)
    media.open.clear()
    running = start(sample, tmp_path / "out", chosen, SDK_HARNESS_ELEMENT_LIMIT_S="5")
    assert media.asked.wait(PATIENCE_S), running.said.read_text()
    assert has_one_ended(workers_of(running.process.pid), within_s=60)
    media.open.set()
    assert_no_harm(running, chosen, sample, tmp_path / "out", media, in_process)


def has_one_ended(pids: list[int], *, within_s: float) -> bool:
    processes = [os.pidfd_open(pid) for pid in pids]
    try:
        return bool(select.select(processes, [], [], within_s)[0])
    finally:
        for process in processes:
            os.close(process)


def test_the_sample_has_media_over_http(sample: Sample, in_process: dict[str, object], tmp_path: Path) -> None:
    """The comparison above is one of answers and not of failures."""
    run(sample, tmp_path / "out", IN_PROCESS)
    table = pq.read_table(tmp_path / "out" / "media").to_pylist()
    assert sum(row["duration_s"] is not None for row in table) > 10
