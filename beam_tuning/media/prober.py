"""From a URI to what the object is: threads, fairness between hosts, the answers of earlier runs, and nothing raised.

One prober serves a whole process, however many users it has there: `shared_prober(options)`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import Self

import msgspec

from beam_tuning.media.fair_queue import FairQueue
from beam_tuning.media.host_lane import HostLimits, Outcome, Task
from beam_tuning.media.info import FailureKind, MediaInfo, ProbeCost, ProbeFailure, ProbeResult
from beam_tuning.media.location import STORES, Location, Refusal, locate
from beam_tuning.media.media_table import is_reusable, is_unchanged
from beam_tuning.media.probe import ProbeCaps, probe_object
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.gcs import EMULATOR_VARIABLE
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import Lane, ObjectReader, StoreError, unsupported

_LOGGER = logging.getLogger(__name__)

#: Failures that may speak of the host and not of the object.
_HOST_FAILURES = frozenset({FailureKind.TIMED_OUT, FailureKind.SERVER_ERROR, FailureKind.SERVER_BUSY})
#: A web server that fails so often in a row is not asked for a while.
_HOST_FAILURES_IN_A_ROW = 8
_HOST_REST_S = 60.0
#: Probes that may wait for each thread before `submit` waits.
_WAITING_PER_THREAD = 64


@dataclass
class _Job:
    """`last` is what the last probe gave, when the object is probed again."""

    uri: str
    location: Location
    cached: ProbeResult | None
    answer: Future[ProbeResult]
    last: ProbeResult | None = None


class Prober:
    """Probes objects on its own threads, `options.threads` at once.

    `stores` and `clock` (seconds, monotonic) are for tests.
    """

    def __init__(
        self, options: ProbeOptions, *, stores: Stores | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.options = options
        self._stores = stores or Stores(options)
        self._clock = clock
        self._caps = ProbeCaps(max_bytes=options.max_received_bytes)
        self._queue: FairQueue[Lane, _Job] = FairQueue(
            self._limits_of,
            capacity=_WAITING_PER_THREAD * options.threads,
            clock=clock,
        )
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    def submit(self, uri: str, cached: ProbeResult | None = None) -> Future[ProbeResult]:
        """Probes one object. The future never raises: every failure is a `ProbeResult` with a `ProbeFailure`.

        Waits while too many probes wait already. `cached` is the answer of an earlier run: it is given again, marked as
        cached, when one metadata answer of the store proves that the object is the same (with `options.trust_cache`,
        without asking); else the object is probed. Transient failures are not given again.
        """
        at_once = answer_without_asking(uri, cached, self.options)
        if at_once is not None:
            answered: Future[ProbeResult] = Future()
            answered.set_result(at_once)
            return answered
        location = locate(uri)
        assert not isinstance(location, Refusal)  # noqa: S101 - that is an answer
        job = _Job(uri, location, cached, Future())
        if not self._queue.put(STORES[location.store].lane(location), job):
            raise RuntimeError("the prober is closed")
        if len(self._threads) < self.options.threads:
            self._start_thread()
        return job.answer

    def close(self) -> None:
        """Ends the threads after the probes that they are at; probes that wait are cancelled."""
        for job in self._queue.close():
            if job.last is None:
                job.answer.cancel()
            else:
                job.answer.set_result(job.last)
        for thread in self._threads:
            thread.join()
        self._stores.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _start_thread(self) -> None:
        with self._starting:
            number = len(self._threads)
            if number < self.options.threads:
                # Daemons: the end of the process does not wait for a slow host.
                thread = threading.Thread(target=self._work, name=f"probe-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _limits_of(self, lane: Lane) -> HostLimits:
        threads, patience_s = self.options.threads, self.options.outage_patience_s
        if lane.is_service:
            return HostLimits(threads, threads, None, patience_s, _HOST_REST_S)
        quarter = threads // 4
        return HostLimits(max(1, quarter), max(1, threads - quarter), _HOST_FAILURES_IN_A_ROW, patience_s, _HOST_REST_S)

    def _work(self) -> None:
        while (task := self._queue.take()) is not None:
            job = task.item
            if job.last is None and not job.answer.set_running_or_notify_cancel():
                self._queue.finish(task._replace(refused=True), Outcome.SILENT)  # nothing was learned of the host
                continue
            result, outcome = self._refused(task) if task.refused else self._probe(job)
            job.last = result
            if not self._queue.finish(task, outcome):
                job.answer.set_result(result)

    def _refused(self, task: Task[Lane, _Job]) -> tuple[ProbeResult, Outcome]:
        message = f"{task.host.name} did not answer the last probes and is not asked for {_HOST_REST_S:.0f} s."
        failure = ProbeFailure(FailureKind.SERVER_ERROR, message, transient=True)
        return task.item.last or ProbeResult(task.item.uri, failure), Outcome.SILENT

    def _probe(self, job: _Job) -> tuple[ProbeResult, Outcome]:
        """Probes once, and says what that showed of the host."""
        started_s = self._clock()
        heard = False
        try:
            result, heard = self._recall(job) or self._read(job)
        except StoreError as error:
            result = ProbeResult(job.uri, error.failure)
        except Exception as error:  # the prober outlives whatever one object does to it
            _LOGGER.exception("A probe failed inside.")
            message = f"The probe failed inside with {type(error).__name__}."
            result = ProbeResult(job.uri, ProbeFailure(FailureKind.CRASHED, message))
        latency_ms = round((self._clock() - started_s) * 1000)
        cost = msgspec.structs.replace(result.cost, latency_ms=latency_ms)
        result = msgspec.structs.replace(result, cost=_sum(job.last.cost, cost) if job.last else cost)
        return result, _outcome(result.media, heard=heard)

    def _read(self, job: _Job) -> tuple[ProbeResult, bool]:
        """A new answer, and whether the store was heard."""
        with closing(self._stores.reader_at(job.location)) as reader:
            return probe_object(job.uri, reader, self._caps), reader.heard

    def _recall(self, job: _Job) -> tuple[ProbeResult, bool] | None:
        """The earlier answer if it still holds, or a new one if the store says that it does not; None without one."""
        cached = job.cached
        if cached is None or not is_reusable(cached):
            return None
        known = _as_cached(cached)
        with closing(self._stores.reader_at(job.location)) as reader:
            holds = _still_holds(cached, reader)
            heard = reader.heard
        if isinstance(holds, ProbeFailure):
            return ProbeResult(job.uri, holds, cost=reader.cost), heard
        if holds:
            return msgspec.structs.replace(known, cost=reader.cost), heard
        result, heard = self._read(job)
        return msgspec.structs.replace(result, cost=_sum(reader.cost, result.cost)), heard


def answer_without_asking(uri: str, cached: ProbeResult | None, options: ProbeOptions) -> ProbeResult | None:
    """What no store need be asked for: of a URI that leads nowhere, or the answer of an earlier run that is trusted."""
    location = locate(uri)
    if isinstance(location, Refusal):
        return ProbeResult(uri, unsupported(location.fault).failure)
    if cached is None or not options.trust_cache or not is_reusable(cached):
        return None
    return _as_cached(cached)


def _as_cached(earlier: ProbeResult) -> ProbeResult:
    return msgspec.structs.replace(earlier, cached=True, cost=ProbeCost())


def _still_holds(cached: ProbeResult, reader: ObjectReader) -> bool | ProbeFailure:
    """Whether one metadata answer proves the cached answer, or why the object cannot be read any more."""
    try:
        return is_unchanged(cached.object, reader.stat())
    except StoreError as error:
        same = isinstance(cached.media, ProbeFailure) and cached.media.kind is error.failure.kind
        return same or error.failure


def _outcome(media: MediaInfo | ProbeFailure, *, heard: bool) -> Outcome:
    if not (isinstance(media, ProbeFailure) and media.transient and media.kind in _HOST_FAILURES):
        return Outcome.ANSWERED
    if media.kind is FailureKind.SERVER_BUSY:
        return Outcome.BUSY
    return Outcome.FAULTY if heard and media.kind is FailureKind.SERVER_ERROR else Outcome.SILENT


def _sum(first: ProbeCost, second: ProbeCost) -> ProbeCost:
    return ProbeCost(*(getattr(first, name) + getattr(second, name) for name in ProbeCost.__struct_fields__))


_probers: dict[tuple[ProbeOptions, str | None], Prober] = {}
_probers_lock = threading.Lock()


def shared_prober(options: ProbeOptions) -> Prober:
    """The prober of this process for these options; made once, never closed.

    Another Cloud Storage emulator, or none any more, is another prober: addresses are looked up when one is made.
    """
    key = (options, os.environ.get(EMULATOR_VARIABLE))
    with _probers_lock:
        prober = _probers.get(key)
        if prober is None:
            prober = _probers[key] = Prober(options)
        return prober


# A forked process inherits no threads: it makes its own prober.
os.register_at_fork(after_in_child=_probers.clear)
