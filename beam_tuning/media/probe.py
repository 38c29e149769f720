"""One object's bytes, read by its container's plan, within caps; every outcome is a record, nothing is raised."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import msgspec

from beam_tuning.media.containers import plan_for
from beam_tuning.media.containers.plan import HEAD_BYTES, MAX_ROUNDS, ByteRange, Plan, Stream
from beam_tuning.media.info import FailureKind, MediaInfo, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.media.stores.store import ObjectReader, StoreError

_LOGGER = logging.getLogger(__name__)


class ProbeCaps(msgspec.Struct, frozen=True):
    """What one probe may take before it ends in a `WORK_CAP` or `TIMED_OUT` failure. Retries are the reader's matter.

    Attributes:
      max_rounds: dependent reads after the first.
      max_requests: ranges asked for, the head included.
      max_bytes: asked for in all. The default lets the largest object that tuning takes (100 MB) be read whole, for
        some containers do not say their duration.
      timeout_s: from the first read on.
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
    """Finds out what one object is. Never raises; the caller closes the reader and measures the time.

    Args:
      uri: as the dataset spells it; goes into the result only.
      reader: of the object, nothing read yet.
      caps: what the probe may take.
      clock: seconds, monotonic.
    """
    probe = _Probe(reader, caps, clock)
    media = probe.run()
    return ProbeResult(uri=uri, media=media, object=probe.object, cost=reader.cost)


class _CapReachedError(Exception):
    """A probe asked for more than it may have."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = ProbeFailure(kind, message, transient=kind is FailureKind.TIMED_OUT)


class _Probe:
    """The state of one probe: what has been asked for so far."""

    def __init__(self, reader: ObjectReader, caps: ProbeCaps, clock: Callable[[], float]) -> None:
        self.object: ObjectInfo | None = None
        self._reader = reader
        self._caps = caps
        self._clock = clock
        self._deadline_s = clock() + caps.timeout_s
        self._rounds = 0
        self._requests = 1
        self._bytes = 0

    def run(self) -> MediaInfo | ProbeFailure:
        try:
            self.object, head = self._reader.open(HEAD_BYTES)
            size_bytes = self.object.size_bytes
            if size_bytes is None:
                return ProbeFailure(FailureKind.UNREADABLE, "The store does not say how large the object is.")
            if size_bytes == 0 or not head:
                return ProbeFailure(FailureKind.EMPTY, "The object holds no bytes.")
            self._bytes = len(head)
            return self._drive(plan_for(head, size_bytes), size_bytes)
        except (StoreError, _CapReachedError) as error:
            return error.failure
        except Exception as error:
            # A fault of ours in one object's bytes must not cost the others.
            _LOGGER.exception("A container reader failed.")
            message = f"The reader of this format failed: {type(error).__name__}: {error}."
            return ProbeFailure(FailureKind.CRASHED, message)

    def _drive(self, plan: Plan, size_bytes: int) -> MediaInfo | ProbeFailure:
        try:
            request = next(plan)
            while True:
                self._count_round()
                if isinstance(request, Stream):
                    self._count_request(ByteRange(request.start, size_bytes), size_bytes)
                    request = plan.send(self._stream(request.start))
                else:
                    for wanted in request.ranges:
                        self._count_request(wanted, size_bytes)
                    request = plan.send(self._read(request.ranges))
        except StopIteration as ended:
            media: MediaInfo | ProbeFailure = ended.value
            return media

    def _read(self, ranges: tuple[ByteRange, ...]) -> tuple[bytes, ...]:
        answer = self._reader.read(ranges)
        if [len(data) for data in answer] != [stop - start for start, stop in ranges]:
            raise StoreError(
                FailureKind.SERVER_ERROR, "The store gave fewer bytes than it was asked for.", transient=True
            )
        return answer

    def _stream(self, start: int) -> Iterator[bytes]:
        for chunk in self._reader.stream(start):
            self._check_time()
            yield chunk

    def _count_round(self) -> None:
        self._rounds += 1
        if self._rounds > self._caps.max_rounds:
            raise _CapReachedError(
                FailureKind.WORK_CAP, f"Reading the object takes more than {self._caps.max_rounds} rounds."
            )
        self._check_time()

    def _count_request(self, wanted: ByteRange, size_bytes: int) -> None:
        if not 0 <= wanted.start < wanted.stop <= size_bytes:
            raise ValueError(f"bytes {wanted.start} to {wanted.stop} of an object of {size_bytes} were asked for")
        self._requests += 1
        self._bytes += wanted.stop - wanted.start
        if self._requests > self._caps.max_requests:
            raise _CapReachedError(
                FailureKind.WORK_CAP, f"Reading the object takes more than {self._caps.max_requests} requests."
            )
        if self._bytes > self._caps.max_bytes:
            raise _CapReachedError(
                FailureKind.WORK_CAP,
                f"Reading the object takes {self._bytes} bytes, more than {self._caps.max_bytes}.",
            )

    def _check_time(self) -> None:
        if self._clock() > self._deadline_s:
            raise _CapReachedError(
                FailureKind.TIMED_OUT, f"Reading the object took longer than {self._caps.timeout_s:g} s."
            )
