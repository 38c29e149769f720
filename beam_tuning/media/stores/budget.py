"""What one object has cost so far, and what it may cost at the most."""

from __future__ import annotations

from beam_tuning.media.info import FailureKind, ProbeCost
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.retry import Backoff, Clock, TransientError
from beam_tuning.media.stores.store import StoreError
from beam_tuning.media.stores.transport import TimeLimits


class Budget:
    """Counts requests, bytes, rounds and retries of one object, and stops at the caps of `ProbeOptions`."""

    def __init__(self, options: ProbeOptions, clock: Clock, seed: str) -> None:
        self._options = options
        self._clock = clock
        self._backoff = Backoff(seed)
        self._deadline_s = clock.monotonic_s() + options.object_timeout_s
        self._requests = 0
        self._received_bytes = 0
        self._rounds = 0
        self._retries = 0

    @property
    def cost(self) -> ProbeCost:
        return ProbeCost(self._requests, self._received_bytes, self._rounds, self._retries)

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
        """Counts bytes that came. Raises StoreError when they are too many."""
        self._received_bytes += count
        self.check_bytes(0)

    def check_bytes(self, expected: int) -> None:
        """Raises StoreError when so many more bytes would be too many."""
        if self._received_bytes + expected > self._options.max_received_bytes:
            raise StoreError(
                FailureKind.WORK_CAP,
                f"Reading the object takes more than {self._options.max_received_bytes} bytes from its server.",
            )

    def limits(self, *, whole_object: bool = False) -> TimeLimits:
        """The time that the next request has; a read of the whole object has all that is left."""
        deadline_s = self._deadline_s
        if not whole_object:
            deadline_s = min(deadline_s, self._clock.monotonic_s() + self._options.read_timeout_s)
        return TimeLimits(deadline_s, self._options.stall_timeout_s)

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
