"""Processes of this machine that do pieces of work for the in-process runner.

The launcher opens a pool for a run (`open_pool`); a step asks for it (`current_pool`) and does its work itself where
there is none: on every other runner, and with one worker.

A worker is a Python program of its own, started with `subprocess`: it is not forked out of a process with threads, and
does not import the launcher's main module again, which may be a person's script.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

from beam_tuning.errors import BeamTuningError
from beam_tuning.stopping import ending_when_stopped, stopping_afterwards
from beam_tuning.worker_processes.messages import Answer, Work, pickled, read_message, write_message

Note = TypeVar("Note")

_COMMAND = (sys.executable, "-m", "beam_tuning.worker_processes.worker")
#: Pieces of one step in the works for each worker: one that it does, one that waits for it, one that waits to be taken.
_PIECES_PER_WORKER = 3


class _Piece(NamedTuple):
    work: bytes
    piece: bytes
    answer: Future[Any]


class Ending(Protocol):
    """What has processes of its own."""

    def kill(self) -> None:
        """Ends them, whatever they are doing; may be called at any time, by a signal handler too."""

    def close(self) -> None:
        """Ends them and waits until they are gone."""


Owned = TypeVar("Owned", bound=Ending)


class WorkerPool:
    """A number of worker processes. Thread-safe.

    Attributes:
      workers: how many there are.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._owned: dict[Hashable, Ending] = {}
        self._open = threading.Lock()
        self._is_closed = False
        self._pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._processes = [_start() for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._serve, args=(process,), name="worker-process", daemon=True)
            for process in self._processes
        ]
        for thread in self._threads:
            thread.start()

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes)

    def submit(self, work: bytes, piece: bytes) -> Future[Any]:
        """Has a worker do a piece of work; both are pickled. The future raises what the work raises.

        Raises:
          BeamTuningError: by the future, when the worker ends before it has answered, or the pool is closed.
        """
        answer: Future[Any] = Future()
        with self._open:
            if self._is_closed:  # a step may still go on in its thread when the run has been stopped
                answer.set_exception(_run_has_ended())
            else:
                self._pieces.put(_Piece(work, piece, answer))
        return answer

    def own(self, name: Hashable, make: Callable[[], Owned]) -> Owned:
        """What was made under this name, or is made now. It ends with the pool.

        Raises:
          BeamTuningError: the pool is closed.
        """
        with self._open:
            if self._is_closed:
                raise _run_has_ended()
            if name not in self._owned:
                self._owned[name] = make()
            return cast("Owned", self._owned[name])

    def kill(self) -> None:
        """Ends the workers, whatever they are doing; may be called at any time, by a signal handler too."""
        for owned in list(self._owned.values()):
            owned.kill()
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.kill()

    def close(self) -> None:
        """Ends the workers and waits until they are gone."""
        self.kill()
        with self._open:
            self._is_closed = True
            for _ in self._threads:
                self._pieces.put(None)
        for owned in list(self._owned.values()):
            owned.close()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what was still to be written is for nobody
                    if pipe is not None:
                        pipe.close()

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        """Gives one worker piece after piece."""
        fault: BeamTuningError | None = None
        while (piece := self._pieces.get()) is not None:
            if fault is None:
                data = _asked(process, piece)
                if data is not None:
                    answer: Answer = pickle.loads(data)  # noqa: S301 - from a program of ours, over a pipe of ours
                    if answer.error is None:
                        piece.answer.set_result(answer.value)
                    else:
                        piece.answer.set_exception(answer.error)
                    continue
                fault = _fault_of(process)
            # A run that has lost a worker fails: what waits is not done, by whichever worker it is taken.
            piece.answer.set_exception(fault)


def _start() -> subprocess.Popen[bytes]:
    # What this process imports, the worker must find too, however the launcher set its path.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        return subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603
    except OSError as error:
        raise BeamTuningError(
            "a worker process cannot be started",
            observed=error.strerror,
            remedy="Run with --workers=1, or with fewer workers.",
        ) from error


def _asked(process: subprocess.Popen[bytes], piece: _Piece) -> bytes | None:
    """The answer; None when the worker has ended."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    try:
        write_message(process.stdin, piece.work, piece.piece)
        return read_message(process.stdout)
    except OSError:
        return None


def _fault_of(process: subprocess.Popen[bytes]) -> BeamTuningError:
    process.kill()  # one that lives and does not answer as it should is of no use
    code = process.wait()
    ended = f"exit code {code}"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        ended = f"killed by {name}"
    return BeamTuningError(
        "a worker process ended before its work was done",
        observed=f"process {process.pid}, {ended}",
        remedy="Where memory is short the system kills the largest process: run with fewer --workers.",
    )


def _run_has_ended() -> BeamTuningError:
    return BeamTuningError("the run has ended, and its worker processes with it")


class _Current:
    """The pool of the run that this process does."""

    pool: WorkerPool | None = None


@contextlib.contextmanager
def open_pool(workers: int) -> Iterator[None]:
    """Has steps of a run in this process use so many worker processes; none for 1. They are gone when the block ends.

    Raises:
      BeamTuningError: they cannot be started.
    """
    if workers < 2:
        yield
        return
    with contextlib.ExitStack() as stack:
        with stopping_afterwards():  # else a worker could start that nobody knows of
            pool = WorkerPool(workers)
            stack.callback(pool.close)
            stack.enter_context(ending_when_stopped(pool.kill))
        try:
            _Current.pool = pool
            yield
        finally:
            _Current.pool = None


def current_pool() -> WorkerPool | None:
    """The pool of this process's run; None where steps do their work themselves."""
    return _Current.pool


class Task:
    """What is to be done with many pieces."""

    def __init__(self, work: Work) -> None:
        self.work = work

    @functools.cached_property
    def pickled(self) -> bytes:
        return pickled(self.work)


class OrderedWork(Generic[Note]):
    """Pieces of work of one step, done by the pool where there is one and given in the order in which they came.

    Args:
      pool: does the work; None to have it done here, at once.
    """

    def __init__(self, pool: WorkerPool | None) -> None:
        self._pool = pool
        self._waiting: deque[tuple[Note, Future[Any]]] = deque()

    def put(self, note: Note, task: Task, piece: Any) -> Iterator[tuple[Note, Any]]:
        """Takes a piece; gives what has become of this one or of earlier ones, each with the note it came with."""
        if self._pool is None:
            yield note, task.work(piece)
            return
        self._waiting.append((note, self._pool.submit(task.pickled, pickled(piece))))
        most = _PIECES_PER_WORKER * self._pool.workers
        while self._waiting and (len(self._waiting) > most or self._waiting[0][1].done()):
            yield self._take()

    def rest(self) -> Iterator[tuple[Note, Any]]:
        """All that has not been given yet."""
        while self._waiting:
            yield self._take()

    def _take(self) -> tuple[Note, Any]:
        note, answer = self._waiting.popleft()
        return note, answer.result()
