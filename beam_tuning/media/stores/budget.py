"""What one object has cost so far, and what it may cost at the most.

The caps of `ProbeOptions` on requests and bytes are enforced here and nowhere else: every store's reader counts in its
budget, and readers behind HTTP count each byte that a socket gives. Of time, this is what waiting takes; the probe
bounds what reading the bytes takes (`beam_tuning.media.probe`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from beam_tuning.media.info import FailureKind, ProbeCost
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.retry import Backoff, Clock, TransientError
from beam_tuning.media.stores.store import StoreError

#: A server may send so many bytes that are not the object's (headers, redirects, the frame of chunks) ...
_SPARE_BYTES = 1 << 20
#: ... and besides so many for each byte of the object. A chunk of one byte has a frame of five (RFC 9112, 7.1).
_FRAME_BYTES_FOR_A_BYTE = 8


class ReadLimits(NamedTuple):
    """What a connection holds to while one request is under way.

    Attributes:
      deadline_s: the moment of the clock at which the request must be over.
      stall_timeout_s: the longest wait for its next bytes.
      received: is told of all bytes that come, as they come. Raises StoreError when they are too many.
    """

    deadline_s: float
    stall_timeout_s: float
    received: Callable[[int], None]


class Budget:
    """Counts requests, bytes, rounds and retries of one object, and stops at the caps of `ProbeOptions`."""

    def __init__(self, options: ProbeOptions, clock: Clock, seed: str) -> None:
        self._options = options
        self._clock = clock
        self._backoff = Backoff(seed)
        self._deadline_s = clock.monotonic_s() + options.object_timeout_s
        self._requests = 0
        self._object_bytes = 0
        self._socket_bytes = 0
        self._rounds = 0
        self._retries = 0

    @property
    def cost(self) -> ProbeCost:
        return ProbeCost(self._requests, self._object_bytes, self._rounds, self._retries)

    def add_round(self) -> None:
        self._rounds += 1

    def add_request(self) -> None:
        """Counts a request that is about to be sent. Raises StoreError when it is one too many."""
        if self._requests >= self._options.max_requests:
            raise StoreError(
                FailureKind.WORK_CAP, f"Reading the object takes more than {self._options.max_requests} requests."
            )
        self._requests += 1

    def add_bytes(self, count: int) -> None:
        """Counts bytes of the object. Raises StoreError when they are too many."""
        self._object_bytes += count
        self.check_bytes(0)

    def check_bytes(self, expected: int) -> None:
        """Raises StoreError when so many more bytes of the object would be too many."""
        if max(self._object_bytes + expected, self._socket_bytes) > self._options.max_received_bytes:
            raise StoreError(
                FailureKind.WORK_CAP,
                f"Reading the object takes more than {self._options.max_received_bytes} bytes from its server.",
            )

    def limits(self, *, whole_object: bool = False) -> ReadLimits:
        """What the next request may take; a read of the whole object has all the time that is left."""
        deadline_s = self._deadline_s
        if not whole_object:
            deadline_s = min(deadline_s, self._clock.monotonic_s() + self._options.read_timeout_s)
        return ReadLimits(deadline_s, self._options.stall_timeout_s, self._add_socket_bytes)

    def _add_socket_bytes(self, count: int) -> None:
        """Counts bytes as they come: headers, the frame of chunks and all else included."""
        self._socket_bytes += count
        self.check_bytes(0)
        if self._socket_bytes > _SPARE_BYTES + (1 + _FRAME_BYTES_FOR_A_BYTE) * self._object_bytes:
            raise StoreError(
                FailureKind.SERVER_ERROR,
                f"The server sent {self._socket_bytes} bytes, and only {self._object_bytes} of them are the object's.",
            )

    def pause_or_raise(self, fault: TransientError, failed_attempts: int) -> None:
        """Waits before the next attempt, or raises what the probe reports when there is to be none."""
        if failed_attempts >= self._options.max_attempts:
            raise fault.as_failure() from None
        asked_s = fault.retry_after_s or 0.0
        pause_s = max(self._backoff.delay_s(failed_attempts), asked_s)
        if asked_s > self._options.max_retry_after_s or self._clock.monotonic_s() + pause_s >= self._deadline_s:
            raise fault.as_failure() from None
        self._retries += 1
        self._clock.sleep(pause_s)
