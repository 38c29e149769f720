"""One object's bytes, read by its container's plan, within caps; every outcome is a record, nothing is raised."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from beam_tuning.media.containers import plan_for
from beam_tuning.media.containers.plan import HEAD_BYTES, MAX_ROUNDS, Plan, Stream
from beam_tuning.media.info import FailureKind, MediaInfo, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.media.stores.store import ObjectReader, StoreError


class ProbeCaps(msgspec.Struct, frozen=True):
    """What one probe may take before it ends in a `WORK_CAP` or `TIMED_OUT` failure.

    Attributes:
      max_rounds: dependent reads after the first.
      max_requests: ranges asked for, the head included. Retries are the reader's.
      max_bytes: body bytes asked for. Above the largest object that the tuning service takes (100 MB), for a container
        that does not say its duration is streamed whole.
      timeout_s: from the first read on; the reader bounds each read itself.
    """

    max_rounds: int = MAX_ROUNDS
    max_requests: int = 48
    max_bytes: int = 128 << 20
    timeout_s: float = 120.0


DEFAULT_CAPS = ProbeCaps()


def probe_object(
    uri: str,
    reader: ObjectReader,
    caps: ProbeCaps = DEFAULT_CAPS,
    clock: Callable[[], float] = time.monotonic,
) -> ProbeResult:
    """Finds out what one object is. Never raises; the caller closes the reader.

    Args:
      uri: as the dataset spells it; goes into the result only.
      reader: opened on nothing yet.
      caps: what the probe may take.
      clock: seconds, monotonic.
    """
    started_s = clock()
    probe = _Probe(reader, caps, clock, started_s + caps.timeout_s)
    media = probe.run()
    cost = msgspec.structs.replace(reader.cost, latency_ms=round((clock() - started_s) * 1000))
    return ProbeResult(uri=uri, media=media, object=probe.object, cost=cost)


class _CapReachedError(Exception):
    """A probe asked for more than it may have."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = ProbeFailure(kind, message)


class _Probe:
    """The state of one probe: what has been asked for so far."""

    def __init__(self, reader: ObjectReader, caps: ProbeCaps, clock: Callable[[], float], deadline_s: float) -> None:
        self.object: ObjectInfo | None = None
        self._reader = reader
        self._caps = caps
        self._clock = clock
        self._deadline_s = deadline_s
        self._rounds = 0
        self._requests = 1
        self._bytes = 0

    def run(self) -> MediaInfo | ProbeFailure:
        try:
            self.object, head = self._reader.open(HEAD_BYTES)
            size_bytes = self.object.size_bytes
            if size_bytes is None:
                return ProbeFailure(FailureKind.SERVER_ERROR, "the server does not say how large the object is")
            if size_bytes == 0 or not head:
                return ProbeFailure(FailureKind.EMPTY, "the object holds no bytes")
            self._bytes = len(head)
            return self._drive(plan_for(head, size_bytes), size_bytes)
        except (StoreError, _CapReachedError) as error:
            return error.failure

    def _drive(self, plan: Plan, size_bytes: int) -> MediaInfo | ProbeFailure:
        try:
            request = next(plan)
            while True:
                self._count_round()
                if isinstance(request, Stream):
                    self._count(1, size_bytes - request.start)
                    request = plan.send(self._stream(request.start))
                else:
                    self._count(len(request.ranges), sum(stop - start for start, stop in request.ranges))
                    request = plan.send(self._reader.read(request.ranges))
        except StopIteration as ended:
            media: MediaInfo | ProbeFailure = ended.value
            return media

    def _stream(self, start: int) -> Iterator[bytes]:
        for chunk in self._reader.stream(start):
            self._check_time()
            yield chunk

    def _count_round(self) -> None:
        self._rounds += 1
        if self._rounds > self._caps.max_rounds:
            raise _CapReachedError(FailureKind.WORK_CAP, f"the probe took more than {self._caps.max_rounds} rounds")
        self._check_time()

    def _count(self, requests: int, size_bytes: int) -> None:
        self._requests += requests
        self._bytes += size_bytes
        if self._requests > self._caps.max_requests:
            raise _CapReachedError(FailureKind.WORK_CAP, f"the probe took more than {self._caps.max_requests} requests")
        if self._bytes > self._caps.max_bytes:
            raise _CapReachedError(
                FailureKind.WORK_CAP,
                f"the probe would read {self._bytes} bytes, more than {self._caps.max_bytes}",
            )

    def _check_time(self) -> None:
        if self._clock() > self._deadline_s:
            raise _CapReachedError(FailureKind.TIMED_OUT, f"the probe took longer than {self._caps.timeout_s} s")
