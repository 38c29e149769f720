"""Ctrl-C and SIGTERM in mid-run: one sentence, the exit code that shells have for it, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S
from process_groups import members_of

from beam_tuning.stopping import (
    Stopped,
    ending_when_stopped,
    is_stopped,
    raise_if_stopped,
    stopping_afterwards,
    stopping_on_signals,
)


class SilentHost:
    """Takes connections, and answers nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.asked = threading.Event()
        self._listener = listener
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._open.append(self._listener.accept()[0])
                self.asked.set()

    def close(self) -> None:
        for connection in self._open:
            connection.close()


@pytest.fixture
def host() -> Iterator[SilentHost]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        silent = SilentHost(listener)
        thread = threading.Thread(target=silent.serve, daemon=True)
        thread.start()
        yield silent
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        silent.close()


def example(uri: str) -> str:
    part = {"fileData": {"mimeType": "video/mp4", "fileUri": uri}}
    contents = [{"role": "user", "parts": [part, {"text": "?"}]}, {"role": "model", "parts": [{"text": "!"}]}]
    return json.dumps({"contents": contents})


IN_PROCESS: tuple[str, ...] = ()
PROCESSES = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.parametrize(
    ("number", "to_all", "mode"),
    [
        (signal.SIGINT, True, IN_PROCESS),
        (signal.SIGTERM, False, IN_PROCESS),
        (signal.SIGINT, True, PROCESSES),
        (signal.SIGINT, False, PROCESSES),
        (signal.SIGTERM, True, PROCESSES),
        (signal.SIGTERM, False, PROCESSES),
    ],
    ids=lambda one: one.name if isinstance(one, signal.Signals) else str(one),
)
def test_a_run_that_is_stopped_while_it_probes(
    number: signal.Signals, to_all: bool, mode: tuple[str, ...], host: SilentHost, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text("".join(example(f"{host.url}/{name}.mp4") + "\n" for name in range(20)))
    launcher = subprocess.Popen(
        [
            # A shell has its background jobs ignore what Ctrl-C sends, and the tests may be one.
            *("env", "--default-signal=INT", sys.executable, "-m", "beam_tuning", "validate"),
            *(f"--train={tmp_path}/a.jsonl", f"--output={tmp_path}/out", "--model=gemini-2.5-flash"),
            *("--allow_private_addresses", *mode),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert host.asked.wait(PATIENCE_S)
        (os.killpg if to_all else os.kill)(launcher.pid, number)  # a terminal sends Ctrl-C to all its processes
        _, told = launcher.communicate(timeout=PATIENCE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launcher.pid, signal.SIGKILL)
    assert launcher.returncode == 128 + number, told
    key = "Ctrl-C" if number is signal.SIGINT else "SIGTERM"
    assert told == f"beam-tuning: stopped by {key}; {tmp_path}/out holds a whole run only if manifest.json is there.\n"
    assert members_of(launcher.pid) == []
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize("when", ["before it has connected", "while it probes"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_process_that_is_killed(workers: int, when: str, host: SilentHost, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(example(f"{host.url}/{name}.mp4") + "\n" for name in range(20)))
    (tmp_path / "tmp").mkdir()
    launcher = subprocess.Popen(
        [
            *(sys.executable, "-m", "beam_tuning", "validate", "--allow_private_addresses"),
            *(f"--train={tmp_path}/a.jsonl", f"--output={tmp_path}/out", "--model=gemini-2.5-flash"),
            *("--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        start_new_session=True,
    )
    try:
        numbers: list[int] = []
        while not numbers and launcher.poll() is None:
            if when == "while it probes":
                assert host.asked.wait(PATIENCE_S)
            numbers = [int(path.name) for path in tmp_path.glob("tmp/beam-tuning-*/[0-9]*")]
        os.kill(numbers[0], signal.SIGKILL)
        _, told = launcher.communicate(timeout=PATIENCE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launcher.pid, signal.SIGKILL)
    assert launcher.returncode == 1, told
    assert "a worker process ended in mid-run" in told
    assert "--overwrite" in told
    assert "Traceback" not in told
    assert members_of(launcher.pid) == []
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_library_that_wraps_what_is_raised_hides_no_signal() -> None:
    with pytest.raises(Stopped) as caught, stopping_on_signals():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException as error:  # noqa: BLE001 - as Beam does it
            wrapped = RuntimeError(f"{error!r} while running a step")
        assert wrapped is not None
        assert is_stopped()
        raise_if_stopped()
    assert caught.value.exit_code == 143
    assert str(caught.value) == "stopped by SIGTERM."


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """The tests may be a background job, which its shell has ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_what_others_would_wait_for_is_ended_first() -> None:
    ended: list[str] = []
    with pytest.raises(Stopped), stopping_on_signals(), ending_when_stopped(lambda: ended.append("workers")):
        signal.raise_signal(signal.SIGTERM)  # a shell has its background jobs ignore SIGINT
    assert ended == ["workers"]


def test_what_must_not_be_done_by_half_is_done_first() -> None:
    done: list[str] = []
    with pytest.raises(Stopped) as caught, stopping_on_signals(), stopping_afterwards():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        done.append("all")
    assert done == ["all"]
    assert caught.value.exit_code == 143


def test_handlers_are_put_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with stopping_on_signals():
        raise_if_stopped()
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping_on_signals():
            signal.raise_signal(signal.SIGINT)
            assert not is_stopped()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_signals_are_not_touched() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def run() -> None:
        with stopping_on_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
