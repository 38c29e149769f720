"""One object's bytes, read by its container's plan, within caps; every outcome is a record, nothing is raised."""

from __future__ import annotations

import logging

import msgspec

from beam_tuning.media.containers import plan_for
from beam_tuning.media.containers.plan import (
    HEAD_BYTES,
    MAX_ROUNDS,
    ByteRange,
    Plan,
    PlanAnswer,
    PlanRequest,
    Ranges,
    Stream,
)
from beam_tuning.media.containers.work import WorkCapError, limited_to
from beam_tuning.media.info import FailureKind, MediaInfo, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.media.native_reads import read_natively
from beam_tuning.media.stores.store import ObjectReader, StoreError

_LOGGER = logging.getLogger(__name__)


class ProbeCaps(msgspec.Struct, frozen=True):
    """What the plan of one probe may take before it ends in a `WORK_CAP` failure.

    What goes over the wire (requests, bytes received, retries, time) is the reader's matter: see `stores/budget.py`.

    Attributes:
      max_rounds: dependent reads after the first.
      max_bytes: that a plan may ask for in all; a read that would go beyond is not begun. The default lets the largest
        object that tuning takes (100 MB) be read whole, for some containers do not say their duration.
      max_steps: of work (`containers/work.py`), about a microsecond each. Ten hours of Opus packets of 20 ms are 1.8
        million.
    """

    max_rounds: int = MAX_ROUNDS
    max_bytes: int = 128 << 20
    max_steps: int = 3_000_000


DEFAULT_CAPS = ProbeCaps()


def probe_object(uri: str, reader: ObjectReader, caps: ProbeCaps = DEFAULT_CAPS) -> ProbeResult:
    """Finds out what one object is. Never raises; the caller closes the reader and measures the time.

    Args:
      uri: as the dataset spells it; goes into the result only.
      reader: of the object, nothing read yet.
      caps: what the probe may take.
    """
    probe = _Probe(reader, caps)
    media = probe.run()
    return ProbeResult(uri=uri, media=media, object=probe.object, cost=reader.cost)


class _CapReachedError(Exception):
    """A plan asked for more than it may have."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.failure = ProbeFailure(FailureKind.WORK_CAP, message)


class _Probe:
    """The state of one probe: what has been asked for so far."""

    def __init__(self, reader: ObjectReader, caps: ProbeCaps) -> None:
        self.object: ObjectInfo | None = None
        self._reader = reader
        self._caps = caps
        self._rounds = 0
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
            with limited_to(self._caps.max_steps):
                return self._drive(plan_for(head, size_bytes), size_bytes)
        except (StoreError, _CapReachedError) as error:
            return error.failure
        except WorkCapError:
            message = (
                f"Reading the object takes more than {self._caps.max_steps} steps: it is made of very small parts."
            )
            return ProbeFailure(FailureKind.WORK_CAP, message)
        except Exception as error:
            # A fault of ours in one object's bytes must not cost the others.
            _LOGGER.exception("A container reader failed.")
            message = f"The reader of this format failed: {type(error).__name__}: {error}."
            return ProbeFailure(FailureKind.CRASHED, message)

    def _drive(self, plan: Plan, size_bytes: int) -> MediaInfo | ProbeFailure:
        try:
            request = next(plan)
            while True:
                request = plan.send(self._answer(request, size_bytes))
        except StopIteration as ended:
            media: MediaInfo | ProbeFailure = ended.value
            return media

    def _answer(self, request: PlanRequest, size_bytes: int) -> PlanAnswer:
        if isinstance(request, Stream):
            self._count_round(ByteRange(request.start, size_bytes), size_bytes=size_bytes)
            return self._reader.stream(request.start)
        if isinstance(request, Ranges):
            self._count_round(*request.ranges, size_bytes=size_bytes)
            return self._read(request.ranges)
        return read_natively(request)

    def _read(self, ranges: tuple[ByteRange, ...]) -> tuple[bytes, ...]:
        answer = self._reader.read(ranges)
        if [len(data) for data in answer] != [stop - start for start, stop in ranges]:
            raise StoreError(
                FailureKind.SERVER_ERROR, "The store gave fewer bytes than it was asked for.", transient=True
            )
        return answer

    def _count_round(self, *wanted: ByteRange, size_bytes: int) -> None:
        self._rounds += 1
        if self._rounds > self._caps.max_rounds:
            raise _CapReachedError(f"Reading the object takes more than {self._caps.max_rounds} rounds.")
        for start, stop in wanted:
            if not 0 <= start < stop <= size_bytes:
                raise ValueError(f"bytes {start} to {stop} of an object of {size_bytes} were asked for")
            self._bytes += stop - start
        if self._bytes > self._caps.max_bytes:
            raise _CapReachedError(
                f"Reading the object takes {self._bytes} bytes, more than {self._caps.max_bytes}.",
            )
