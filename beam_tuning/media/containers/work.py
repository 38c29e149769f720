"""What a plan may compute: a count of steps, so that hostile bytes hold no thread for minutes.

A step is one thing that a reader looks at in Python: a box, an element, a block, a packet, a frame, a chunk. It takes
about a microsecond, whatever the machine does besides, so the same bytes end at the same step each time.

The driver of a plan sets the limit (`limited_to`), the readers count (`spend`). Most need not think of it: `boxes`,
`Held.box_at`, `element_at`, `elements`, `Window.at`, `ByteStream.take` and `ByteStream.skip` count for whoever calls
them. A loop over bytes that uses none of these says at its end, or for each chunk of a stream, how often it went round:

    for piece in (yield from stream(len(head))):
        spend(counter.feed(piece))

The count belongs to the thread: a plan runs on the thread that drives it. Without a limit nothing is limited.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator


class WorkCapError(Exception):
    """A plan has used up its steps. Readers let it pass."""


class Meter(threading.local):
    """The count of the thread that looks at it: steps that are left, of `limit`."""

    limit: float = math.inf
    left: float = math.inf

    @property
    def spent(self) -> int:
        """Steps since the limit was set; 0 without one."""
        return 0 if self.limit == math.inf else int(self.limit - self.left)


METER = Meter()


def spend(steps: int = 1) -> None:
    """Counts steps. Raises `WorkCapError` when there are none left."""
    METER.left -= steps
    if METER.left < 0:
        raise WorkCapError


@contextlib.contextmanager
def limited_to(steps: int) -> Iterator[Meter]:
    """Within, this thread may spend so many steps."""
    before = METER.limit, METER.left
    METER.limit = METER.left = steps
    try:
        yield METER
    finally:
        METER.limit, METER.left = before
