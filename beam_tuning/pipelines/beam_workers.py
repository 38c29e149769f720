"""Beam's own worker processes on this machine (--direct_running_mode=multi_processing): started, watched, ended."""

from __future__ import annotations

import contextlib
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import SubprocessSdkWorkerHandler, WorkerHandler
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from beam_tuning.stopping import ending_when_stopped
from beam_tuning.transforms import worker_process


class WorkerProcessRunner(FnApiRunner):
    """Beam's runner with a worker program that can be stopped: Beam's takes its own wherever the mode is given.

    Attributes:
      has_lost_a_worker: whether a worker process ended in mid-run.
    """

    def __init__(self, environment: SubprocessSDKEnvironment, folder: Path) -> None:
        super().__init__(environment)
        self.has_lost_a_worker = False
        self._folder = folder

    def run_pipeline(self, pipeline: beam.Pipeline, options: Any) -> Any:
        direct = options.view_as(DirectOptions)
        mode, direct.direct_running_mode = direct.direct_running_mode, "in_memory"
        try:
            return super().run_pipeline(pipeline, options)
        finally:
            direct.direct_running_mode = mode

    def end_workers(self) -> None:
        worker_process.end_workers(self._folder)

    def lose_worker(self) -> None:
        """The run has failed: Beam, which tries nothing again, would wait for what the others are doing."""
        self.has_lost_a_worker = True
        self.end_workers()


@contextlib.contextmanager
def beam_workers() -> Iterator[WorkerProcessRunner]:
    """A runner whose workers are processes; for one run, within the block."""
    with TemporaryDirectory(prefix="beam-tuning-") as folder:
        words = (sys.executable, "-m", worker_process.__name__, folder)
        # Without `exec` a shell would stand between, and tell of workers that are killed.
        environment = SubprocessSDKEnvironment.from_command_string(f"exec {shlex.join(words)}")
        runner = WorkerProcessRunner(environment, Path(folder))
        with _watching_workers(runner), ending_when_stopped(runner.end_workers):
            yield runner


@contextlib.contextmanager
def _watching_workers(runner: WorkerProcessRunner) -> Iterator[None]:
    """Has the runner notice a worker that is gone.

    It notices one whose connection breaks. For one that ends before it has connected it would wait for ever.
    """

    class Watched(SubprocessSdkWorkerHandler):
        is_closing = False

        def start_worker(self) -> None:
            super().start_worker()
            threading.Thread(target=self._watch, name="watch_worker", daemon=True).start()

        def close(self) -> None:
            self.is_closing = True
            super().close()

        def _watch(self) -> None:
            self.worker_thread.join()
            if not self.is_closing:
                runner.lose_worker()
                # What waits for data of this worker ends within a second, and what waits for its answers at once.
                with contextlib.suppress(Exception):  # it tells again why its connection broke
                    self.data_conn.close()
                for answer in list(self.control_conn._futures_by_id.values()):
                    answer.abort(RuntimeError("a worker process has ended"))

    handlers = WorkerHandler._registered_environments
    before = handlers[python_urns.SUBPROCESS_SDK]
    handlers[python_urns.SUBPROCESS_SDK] = (Watched, bytes)
    try:
        yield
    finally:
        handlers[python_urns.SUBPROCESS_SDK] = before
