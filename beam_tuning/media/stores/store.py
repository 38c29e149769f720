"""The contract between a prober and the places where media lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost, ProbeFailure


class StoreError(Exception):
    """A read that failed for good, retries included.

    Attributes:
      failure: what a probe reports.
    """

    def __init__(self, kind: FailureKind, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.failure = ProbeFailure(kind, message, transient)


def empty() -> StoreError:
    """What each store reports of an object without bytes."""
    return StoreError(FailureKind.EMPTY, "The object is empty.")


class ObjectReader(Protocol):
    """Reads one object, all reads from one generation of it, and counts what it does. Not thread-safe.

    Every method raises `StoreError`. A reader retries transient errors itself, within the probe's caps on time,
    requests and bytes.
    """

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        """First read: bytes [0, min(head_bytes, size)) and, from the same answer, what the store knows.

        The size is known and at least 1: an empty object is a StoreError, and where a server does not say the size, the
        object is read to its end to find out.
        """
        ...

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        """One round: the bytes of each range, whole."""
        ...

    def stream(self, start: int) -> Iterator[bytes]:
        """Bytes from `start` to the end in one request."""
        ...

    def stat(self) -> ObjectInfo:
        """What the store knows, for at most one byte of the body; a web server may leave the size unsaid."""
        ...

    @property
    def cost(self) -> ProbeCost:
        """What the reader has done so far; `latency_ms` is left 0 for the prober to fill."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...
