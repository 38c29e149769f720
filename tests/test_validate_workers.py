"""Runs with worker processes: the same output for any number, and an end that leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S
from process_groups import command_of, members_of
from run_output import output_of

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL

#: Enough for several packs of a mebibyte.
LINES = 4000
WORDS = ("alpha", "bravo", "charlie", "delta", "Ελληνικά", "日本語", '"', "\\")


def example(chance: random.Random, media: str | None) -> dict[str, Any]:
    words = [" ".join(chance.choices(WORDS, k=60)) for _ in range(2)]
    parts: list[dict[str, Any]] = [{"text": words[0]}]
    if media is not None:
        parts.insert(0, {"fileData": {"mimeType": "video/mp4", "fileUri": media}})
    return {"contents": [{"role": "user", "parts": parts}, {"role": "model", "parts": [{"text": words[1]}]}]}


def write_lines(path: Path, lines: int, seed: int, media: Callable[[random.Random], str | None]) -> None:
    """Distinct lines, some that stand there twice, blank ones and lines that are no example."""
    chance = random.Random(seed)
    earlier: list[str] = []
    with open(path, "w", encoding="utf-8") as out:
        for number in range(lines):
            line = json.dumps(example(chance, media(chance)), ensure_ascii=number % 2 == 0)
            if number % 50 == 7:
                line = chance.choice(earlier)
            elif number % 90 == 8:
                line = chance.choice(["", "  ", "{}", "[1", '{"contents": 5}'])
            earlier.append(line)
            out.write(line + "\n")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")

    def media(chance: random.Random) -> str | None:
        return f"{folder}/gone-{chance.randrange(300)}.mp4" if chance.random() < 0.5 else None

    write_lines(folder / "train-a.jsonl", LINES, 1, media)
    write_lines(folder / "train-b.jsonl", 200, 2, media)
    write_lines(folder / "validation.jsonl", 600, 3, media)
    return folder


def validate(dataset: Path, output: Path, *more: str) -> dict[str, Any]:
    words = (f"--train={dataset}/train-*.jsonl", f"--output={output}", f"--model={SAMPLE_MODEL}", "--fail_on=never")
    assert main(["validate", *words, "--allow_local_media", *more]) == 0
    return output_of(output)


@pytest.mark.parametrize(
    "options",
    [
        ("--drop_duplicates", "--drop_leaks=train", "--media_resolution=majority"),
        ("--max_examples=900", "--validation_split=0.1", "--set_media_resolution=LOW"),
    ],
    ids=["two splits", "a sample"],
)
def test_any_number_of_workers_gives_the_same_output(dataset: Path, options: tuple[str, ...], tmp_path: Path) -> None:
    if "--drop_duplicates" in options:
        options += (f"--validation={dataset}/validation.jsonl",)
    expected = validate(dataset, tmp_path / "1", "--workers=1", *options)
    assert expected["train.jsonl"].count(b"\n") > 500
    for workers in ("2", "5"):
        assert validate(dataset, tmp_path / workers, f"--workers={workers}", *options) == expected
        for table in (tmp_path / "1" / "verdicts").iterdir():
            assert (tmp_path / workers / "verdicts" / table.name).read_bytes() == table.read_bytes()


def test_workers_are_for_runs_on_this_machine(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (f"--train={dataset}/train-b.jsonl", f"--output={tmp_path}/out", f"--model={SAMPLE_MODEL}")
    for runner in ("--runner=PrismRunner", "--direct_running_mode=multi_processing"):
        assert main(["validate", *words, "--workers=2", runner]) == 2
        told = capsys.readouterr().err
        assert "--workers: the runner has workers of its own" in told
        assert runner.partition("=")[2] in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wanted", ["0", "-1", "1.5", "many", "257"])
def test_workers_that_cannot_be(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (f"--train={tmp_path}/a.jsonl", f"--output={tmp_path}/out", f"--model={SAMPLE_MODEL}")
    assert main(["validate", *words, f"--workers={wanted}"]) == 2
    assert "auto, or a whole number from 1 to 256" in capsys.readouterr().err


class HoldingServer(ThreadingHTTPServer):
    """Answers nothing until it is told to; then says of everything that it is not there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), NotFound)
        self.asked = threading.Event()
        self.released = threading.Event()
        self.answered = threading.Semaphore(0)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class NotFound(BaseHTTPRequestHandler):
    server: HoldingServer

    def do_GET(self) -> None:
        self.server.asked.set()
        self.server.released.wait()
        self.send_error(404)
        self.server.answered.release()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HoldingServer]:
    with HoldingServer() as holding:
        thread = threading.Thread(target=holding.serve_forever, daemon=True)
        thread.start()
        yield holding
        holding.released.set()
        holding.shutdown()
        thread.join()


class Launcher:
    """A run in a process of its own with two workers, which goes on only as far as the test lets it."""

    def __init__(self, server: HoldingServer, folder: Path) -> None:
        self.server = server
        self.media = 5
        uris = iter(range(10**9))
        write_lines(folder / "train.jsonl", LINES, 4, lambda _: server.url(f"{next(uris) % self.media}.mp4"))
        self.output = folder / "out"
        self.process = subprocess.Popen(
            [
                # A shell has its background jobs ignore what Ctrl-C sends, and the tests may be one.
                *("env", "--default-signal=INT", sys.executable, "-m", "beam_tuning", "validate", "--workers=2"),
                *(f"--train={folder}/train.jsonl", f"--output={self.output}", f"--model={SAMPLE_MODEL}"),
                "--allow_private_addresses",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def reach(self, phase: str) -> list[int]:
        """Returns when the run is at the phase and cannot leave it; the workers that it waits for."""
        workers = self._workers(2)
        if phase != "look":
            assert self.server.asked.wait(PATIENCE_S)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        if phase == "probe":
            return self._workers(4)
        if phase == "judge":
            self.server.released.set()
            for _ in range(self.media):  # then there is nothing left to do but to judge
                assert self.server.answered.acquire(timeout=PATIENCE_S)
        return workers

    def _workers(self, number: int) -> list[int]:
        """Waits until there are so many."""
        found: list[int] = []
        while len(found) < number:
            assert self.process.poll() is None, self.process.communicate()
            found = [one for one in members_of(self.process.pid) if WORKER in command_of(one)]
        return found


WORKER = b"beam_tuning.worker_processes.worker"


@pytest.fixture
def launcher(server: HoldingServer, tmp_path: Path) -> Iterator[Launcher]:
    running = Launcher(server, tmp_path)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.communicate()


@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["INT", "TERM"])
@pytest.mark.parametrize("phase", ["look", "probe", "judge"])
def test_a_run_that_is_stopped(launcher: Launcher, phase: str, number: signal.Signals, to_all: bool) -> None:
    launcher.reach(phase)
    (os.killpg if to_all else os.kill)(launcher.process.pid, number)  # a terminal sends Ctrl-C to all its processes
    _, told = launcher.process.communicate(timeout=PATIENCE_S)
    assert launcher.process.returncode == 128 + number, told
    assert told.startswith("beam-tuning: stopped by ")
    assert told.count("\n") == 1
    assert members_of(launcher.process.pid) == []
    assert not (launcher.output / "manifest.json").exists()


@pytest.mark.parametrize("phase", ["look", "probe", "judge"])
def test_a_worker_that_is_killed_fails_the_run(launcher: Launcher, phase: str) -> None:
    for worker in launcher.reach(phase):
        os.kill(worker, signal.SIGKILL)
    _, told = launcher.process.communicate(timeout=PATIENCE_S)
    assert launcher.process.returncode == 1, told
    assert "a worker process ended before its work was done" in told
    assert "killed by SIGKILL" in told
    assert "Traceback" not in told
    assert members_of(launcher.process.pid) == []
    assert not (launcher.output / "manifest.json").exists()


def test_a_launcher_that_is_killed_leaves_no_worker(launcher: Launcher) -> None:
    workers = launcher.reach("probe")
    watched = [os.pidfd_open(worker) for worker in workers]
    launcher.process.kill()
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    for descriptor in watched:
        assert select.select([descriptor], [], [], 200)[0]  # readable when the process has ended
        os.close(descriptor)
