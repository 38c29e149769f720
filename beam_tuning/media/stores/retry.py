"""When to try again, how long to wait, and the clock that tells."""

from __future__ import annotations

import email.utils
import random
import time
from typing import Protocol

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.store import StoreError

#: Exponential backoff as Cloud Storage asks for: https://cloud.google.com/storage/docs/retry-strategy
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 16.0
#: Answers that may differ the next time (same page). All but 408 and 500 say that the server cannot serve now, whatever
#: the object (RFC 6585, 4; RFC 9110, 15.6).
RETRIED_STATUSES = {
    408: FailureKind.TIMED_OUT,
    429: FailureKind.SERVER_BUSY,
    500: FailureKind.SERVER_ERROR,
    502: FailureKind.SERVER_BUSY,
    503: FailureKind.SERVER_BUSY,
    504: FailureKind.SERVER_BUSY,
}


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def monotonic_s(self) -> float: ...

    def unix_time_s(self) -> float: ...

    def sleep(self, duration_s: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def unix_time_s(self) -> float:
        return time.time()

    def sleep(self, duration_s: float) -> None:
        time.sleep(duration_s)


class TransientError(Exception):
    """One attempt failed in a way that another may not.

    Attributes:
      kind, message: what the probe reports when no attempt is left.
      retry_after_s: the pause that the server asks for.
    """

    def __init__(self, kind: FailureKind, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s

    def as_failure(self) -> StoreError:
        return StoreError(self.kind, self.message, transient=True)


class Backoff:
    """The pauses of one object. The same seed gives the same pauses, different objects spread out."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def delay_s(self, failed_attempts: int) -> float:
        """The pause after so many failed attempts: doubles each time, and between half and whole of that."""
        longest = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** (failed_attempts - 1))
        chance = random.Random(f"{failed_attempts} {self._seed}").random()  # noqa: S311 - spreads load, guards nothing
        return longest * (0.5 + 0.5 * chance)


def parse_retry_after(value: str | None, now_unix_s: float) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3: seconds or an HTTP date); None when it says none."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= 12 else float("inf")
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - now_unix_s)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
