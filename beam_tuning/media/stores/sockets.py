"""Sockets that hold to the limits of a request: each read ends in time, and every byte that comes is counted.

A socket's own time-out bounds one system call, so a server that sends a byte every few seconds could hold a probe for
ever. The sockets here also know the moment at which the whole request must be over.

Counting bodies is not enough: http.client reads interim answers (100 Continue) and trailers without end and without
telling anybody. So the sockets count what they give, and bound what comes before the first byte of a body.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

from beam_tuning.media.stores.budget import ReadLimits
from beam_tuning.media.stores.retry import Clock

#: Status line and headers of an answer, interim answers before it included. Servers of media send a few hundred bytes;
#: http.client alone would take a hundred headers of 64 KiB, and interim answers without end.
MAX_HEAD_BYTES = 128 * 1024


class HeadTooLongError(Exception):
    """A server sends headers or interim answers without end."""


class Limited:
    """What both kinds of sockets below add.

    Attributes:
      limits: of the request that is under way.
      head_bytes_left: while the head of an answer is awaited, bytes that may still come; None in its body.
    """

    clock: Clock
    limits = ReadLimits(float("inf"), float("inf"), lambda _: None)
    head_bytes_left: int | None = None

    def limit_next_wait(self) -> None:
        """Sets the time-out of the next call. Raises TimeoutError when there is no time left."""
        wait_s = next_wait_s(self.clock, self.limits)
        if wait_s != self.gettimeout():  # type: ignore[attr-defined]
            self.settimeout(wait_s)  # type: ignore[attr-defined] # a system call, mostly not needed

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Raises TimeoutError, HeadTooLongError, or the StoreError of `limits.received`."""
        self.limit_next_wait()
        count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        self.limits.received(count)
        if self.head_bytes_left is not None:
            self.head_bytes_left -= count
            if self.head_bytes_left < 0:
                raise HeadTooLongError
        return count


class TcpSocket(Limited, socket.socket):
    """A TCP socket with limits."""


class TlsSocket(Limited, ssl.SSLSocket):
    """A TLS socket with limits; it counts what is inside of TLS."""


def next_wait_s(clock: Clock, limits: ReadLimits) -> float:
    """Seconds that the next call may wait. Raises TimeoutError when there is no time left."""
    left_s = limits.deadline_s - clock.monotonic_s()
    if left_s <= 0:
        raise TimeoutError
    return min(left_s, limits.stall_timeout_s)
