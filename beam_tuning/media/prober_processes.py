"""Probing on several cores: a prober in each of a few processes, which share the objects and the limits of one.

The probes in flight are divided among the processes, and with them what one host may have at once. What a process
learns of a host (that it is out, that it rests) it learns for itself, from its share of the objects.
"""

from __future__ import annotations

import os
import queue
import threading
import zlib
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from beam_tuning.media.info import ProbeResult
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import answer_without_asking, shared_prober
from beam_tuning.worker_processes.messages import pickled
from beam_tuning.worker_processes.pool import WorkerPool

#: google-auth's own setting, which the launcher sets where it has told that nobody is signed in.
_NO_METADATA_SERVER = "NO_GCE_CHECK"
#: Objects that a process has for each of its threads: enough to keep them busy while answers travel.
_OBJECTS_PER_THREAD = 8
#: After so long without an answer a process looks whether there are new objects: a slow host delays no other.
_LONGEST_WAIT_S = 0.05


class _Wanted(NamedTuple):
    """An object to be probed; `number` tells it from others of its process."""

    number: int
    uri: str
    cached: ProbeResult | None


class ProberProcesses:
    """Probes objects in processes of its own, which start when they are needed. Thread-safe.

    Args:
      processes: how many; no more are started than there are probes in flight.

    Attributes:
      shares: the options of each process.
    """

    def __init__(self, options: ProbeOptions, processes: int) -> None:
        self._options = options
        processes = min(processes, options.threads)
        shares = [options.threads // processes + (one < options.threads % processes) for one in range(processes)]
        self.shares = [msgspec.structs.replace(options, threads=share) for share in shares]
        self._processes: list[_ProberProcess] = []
        self._lock = threading.Lock()
        self._is_over = False

    def submit(self, uri: str, cached: ProbeResult | None = None) -> Future[ProbeResult]:
        """As `Prober.submit`, but the future raises BeamTuningError when the process ends before it has answered."""
        at_once = answer_without_asking(uri, cached, self._options)
        if at_once is not None:
            answered: Future[ProbeResult] = Future()
            answered.set_result(at_once)
            return answered
        with self._lock:
            if self._is_over:  # a step may still go on in its thread when the run has been stopped
                raise RuntimeError("the prober processes have ended")
            if not self._processes:
                self._processes = [_ProberProcess(options) for options in self.shares]
            share = zlib.crc32(uri.encode()) % len(self._processes)
            return self._processes[share].submit(uri, cached)

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(number for process in self._processes for number in process.pool.process_ids)

    def kill(self) -> None:
        """Ends the processes, whatever they are doing; may be called at any time, by a signal handler too."""
        self._is_over = True
        for process in self._processes:
            process.pool.kill()

    def close(self) -> None:
        """Ends the processes and waits until they are gone."""
        with self._lock:
            self._is_over = True
        for process in self._processes:
            process.close()


class _ProberProcess:
    """One process, and the thread that gives it objects and takes its answers.

    Attributes:
      pool: of this process alone.
    """

    def __init__(self, options: ProbeOptions) -> None:
        self.pool = WorkerPool(1)
        self._task = pickled(_ProbeSome(options))
        self._most = _OBJECTS_PER_THREAD * options.threads
        self._inbox: queue.SimpleQueue[tuple[Future[ProbeResult], str, ProbeResult | None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="prober-process", daemon=True)
        self._thread.start()

    def submit(self, uri: str, cached: ProbeResult | None) -> Future[ProbeResult]:
        answer: Future[ProbeResult] = Future()
        self._inbox.put((answer, uri, cached))
        return answer

    def close(self) -> None:
        self.pool.close()
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: dict[int, Future[ProbeResult]] = {}
        number = 0
        while True:
            fresh: list[_Wanted] = []
            while len(waiting) < self._most:
                try:
                    given = self._inbox.get(block=not waiting)
                except queue.Empty:
                    break
                if given is None:
                    for answer in waiting.values():
                        answer.set_exception(RuntimeError("the prober processes have ended"))
                    return
                answer, uri, cached = given
                waiting[number] = answer
                fresh.append(_Wanted(number, uri, cached))
                number += 1
            try:
                answers: list[tuple[int, ProbeResult]] = self.pool.submit(self._task, pickled(fresh)).result()
            except Exception as error:  # noqa: BLE001 - the process has ended; who waits is told
                for answer in waiting.values():
                    answer.set_exception(error)
                waiting.clear()
                continue
            for answered, result in answers:
                waiting.pop(answered).set_result(result)


class _Asked:
    """What the prober of this process is at."""

    waiting = 0
    done: queue.SimpleQueue[tuple[int, ProbeResult]] = queue.SimpleQueue()


@dataclass(frozen=True)
class _ProbeSome:
    """In the process: objects to be begun with -> (number, result) of those that are done, whenever they were begun."""

    options: ProbeOptions

    def __call__(self, fresh: list[_Wanted]) -> list[tuple[int, ProbeResult]]:
        if os.environ.get(_NO_METADATA_SERVER) == "true":
            from beam_tuning.media.stores.credentials import NOBODY_IS_TOLD

            NOBODY_IS_TOLD.set()
        prober = shared_prober(self.options)
        for wanted in fresh:
            _Asked.waiting += 1
            _tell_when_done(wanted.number, prober.submit(wanted.uri, wanted.cached))
        done: deque[tuple[int, ProbeResult]] = deque()
        try:
            while len(done) < _Asked.waiting:
                done.append(_Asked.done.get(block=not done, timeout=_LONGEST_WAIT_S))
        except queue.Empty:
            pass
        _Asked.waiting -= len(done)
        return list(done)


def _tell_when_done(number: int, answer: Future[ProbeResult]) -> None:
    answer.add_done_callback(lambda done: _Asked.done.put((number, done.result())))
