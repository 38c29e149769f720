"""From a URI to what the object is: threads, fairness between hosts, the answers of earlier runs, and nothing raised.

One prober serves a whole process, however many DoFn instances use it: `shared_prober(options)`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Self

import msgspec

from beam_tuning.media.fair_queue import FairQueue, HostLimits, Outcome, Task
from beam_tuning.media.info import FailureKind, ProbeCost, ProbeFailure, ProbeResult
from beam_tuning.media.media_table import is_reusable, is_unchanged
from beam_tuning.media.probe import ProbeCaps, probe_object
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import ObjectReader, StoreError
from beam_tuning.media.stores.uris import GcsObject, HttpUrl, parse_uri

_LOGGER = logging.getLogger(__name__)

#: Lanes of what is no single host: all of Cloud Storage, and this machine's disks.
_CLOUD_STORAGE = "gs://"
_LOCAL = "file://"
#: Failures that speak of the host and not of the object.
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
        self._queue: FairQueue[_Job] = FairQueue(
            self._limits_of,
            capacity=_WAITING_PER_THREAD * options.threads,
            patience_s=options.outage_patience_s,
            rest_s=_HOST_REST_S,
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
        job = _Job(uri, cached, Future())
        if not self._queue.put(_host_of(uri), job):
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

    def _limits_of(self, host: str) -> HostLimits:
        threads = self.options.threads
        if host in (_CLOUD_STORAGE, _LOCAL):
            return HostLimits(first=threads, most=threads, failures=None)
        quarter = threads // 4
        return HostLimits(first=max(1, quarter), most=max(1, threads - quarter), failures=_HOST_FAILURES_IN_A_ROW)

    def _work(self) -> None:
        while (task := self._queue.take()) is not None:
            job = task.item
            if job.last is None and not job.answer.set_running_or_notify_cancel():
                self._queue.finish(task, Outcome.ANSWERED)
                continue
            result = self._probe(task)
            if job.last is not None:
                result = msgspec.structs.replace(result, cost=_sum(job.last.cost, result.cost))
            job.last = result
            if not self._queue.finish(task, _outcome(result)):
                job.answer.set_result(result)

    def _probe(self, task: Task[_Job]) -> ProbeResult:
        uri, cached = task.item.uri, task.item.cached
        if task.refused:
            return _failed(
                uri,
                FailureKind.SERVER_ERROR,
                f"{task.host} did not answer the last probes and is not asked for {_HOST_REST_S:.0f} s.",
                transient=True,
            )
        started_s = self._clock()
        try:
            result = self._recall(uri, cached) if cached and is_reusable(cached) else self._read(uri)
        except Exception as error:  # the prober outlives whatever one object does to it
            _LOGGER.exception("A probe failed inside.")
            result = _failed(uri, FailureKind.CRASHED, f"The probe failed inside with {type(error).__name__}.")
        latency_ms = round((self._clock() - started_s) * 1000)
        return msgspec.structs.replace(result, cost=msgspec.structs.replace(result.cost, latency_ms=latency_ms))

    def _read(self, uri: str) -> ProbeResult:
        try:
            reader = self._stores.reader(uri)
        except StoreError as error:
            return ProbeResult(uri, error.failure)
        try:
            return probe_object(uri, reader, self._caps)
        finally:
            reader.close()

    def _recall(self, uri: str, cached: ProbeResult) -> ProbeResult:
        """The earlier answer if it still holds, else a new one."""
        known = msgspec.structs.replace(cached, cached=True, cost=ProbeCost())
        if self.options.trust_cache:
            return known
        try:
            reader = self._stores.reader(uri)
        except StoreError as error:
            return ProbeResult(uri, error.failure)
        try:
            holds = _still_holds(cached, reader)
        finally:
            reader.close()
        if isinstance(holds, ProbeFailure):
            return ProbeResult(uri, holds, cost=reader.cost)
        if holds:
            return msgspec.structs.replace(known, cost=reader.cost)
        result = self._read(uri)
        return msgspec.structs.replace(result, cost=_sum(reader.cost, result.cost))


def _still_holds(cached: ProbeResult, reader: ObjectReader) -> bool | ProbeFailure:
    """Whether one metadata answer proves the cached answer, or why the object cannot be read any more."""
    try:
        return is_unchanged(cached.object, reader.stat())
    except StoreError as error:
        same = isinstance(cached.media, ProbeFailure) and cached.media.kind is error.failure.kind
        return same or error.failure


def _outcome(result: ProbeResult) -> Outcome:
    media = result.media
    if not (isinstance(media, ProbeFailure) and media.transient and media.kind in _HOST_FAILURES):
        return Outcome.ANSWERED
    return Outcome.BUSY if media.kind is FailureKind.SERVER_BUSY else Outcome.SILENT


def _sum(first: ProbeCost, second: ProbeCost) -> ProbeCost:
    return ProbeCost(*(getattr(first, name) + getattr(second, name) for name in ProbeCost.__struct_fields__))


def _failed(uri: str, kind: FailureKind, message: str, *, transient: bool = False) -> ProbeResult:
    return ProbeResult(uri, ProbeFailure(kind, message, transient))


def _host_of(uri: str) -> str:
    try:
        location = parse_uri(uri)
    except StoreError:
        return _LOCAL  # fails without a request
    if isinstance(location, GcsObject):
        return _CLOUD_STORAGE
    return location.origin if isinstance(location, HttpUrl) else _LOCAL


_probers: dict[ProbeOptions, Prober] = {}
_probers_lock = threading.Lock()


def shared_prober(options: ProbeOptions) -> Prober:
    """The prober of this process for these options; made once, never closed."""
    with _probers_lock:
        prober = _probers.get(options)
        if prober is None:
            prober = _probers[options] = Prober(options)
        return prober


# A forked process inherits no threads: it makes its own prober.
os.register_at_fork(after_in_child=_probers.clear)
