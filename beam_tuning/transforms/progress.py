"""What the steps in this process have done so far, for a progress display.

Beam's own metrics reach a launcher only between stages of an in-process run. On a remote runner these counts stay in
the workers, and the launcher reads Beam's metrics.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

#: Of this project's Beam metrics.
NAMESPACE = "beam_tuning"


class Unit(enum.Enum):
    """What is counted; says how a count is written."""

    THINGS = enum.auto()
    BYTES = enum.auto()


class Counter(NamedTuple):
    """Something that a command counts.

    Attributes:
      words: what follows the number, e.g. `media probed`.
      metrics: beginnings of the names of the Beam counters that add up to it.
      has_rate: whether it is worth telling how many there are in a second.
      beside: the counter whose work it measures; it is told while that one is in motion.
    """

    words: str
    metrics: tuple[str, ...]
    unit: Unit = Unit.THINGS
    has_rate: bool = False
    beside: Counter | None = None


class Count(NamedTuple):
    """How far a counter is.

    Attributes:
      total: None while it is not known.
      elapsed_s: since its first addition.
    """

    done: int = 0
    total: int | None = None
    elapsed_s: float = 0.0

    @property
    def is_in_motion(self) -> bool:
        """Whether it has begun and, as far as is known, not come to its end."""
        return self.done > 0 and (self.total is None or self.done < self.total)

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done, at the pace so far; None while nothing can be said."""
        if self.total is None or not self.done or self.elapsed_s < _SHORTEST_PACE_S:
            return None
        return max(self.total - self.done, 0) * self.elapsed_s / self.done


#: A pace that was seen for a shorter time says nothing.
_SHORTEST_PACE_S = 1.0


class Progress:
    """Counts that only grow; safe to add to and read from any thread.

    Attributes:
      is_shown: whether anybody reads here: on a worker elsewhere nobody does, and what costs memory is left out.
      runs: how often it was begun.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_shown = False
        self.runs = 0
        self._done: dict[Counter, int] = {}
        self._totals: dict[Counter, int] = {}
        self._first_s: dict[Counter, float] = {}

    def begin(self, counters: Iterable[Counter]) -> None:
        """Starts from 0 with these counters, in the order in which they are shown."""
        with self._lock:
            self.is_shown = True
            self.runs += 1
            self._done = dict.fromkeys(counters, 0)
            self._totals, self._first_s = {}, {}

    def end(self) -> None:
        """Nobody reads here any more."""
        self.is_shown = False

    def add(self, counter: Counter, amount: int = 1) -> None:
        with self._lock:
            self._first_s.setdefault(counter, time.monotonic())
            self._done[counter] = self._done.get(counter, 0) + amount

    def expect(self, counter: Counter, total: int) -> None:
        """Says what a counter will come to."""
        with self._lock:
            self._totals[counter] = total

    def read(self) -> dict[Counter, Count]:
        """All counters, in order."""
        now_s = time.monotonic()
        with self._lock:
            return {
                counter: Count(done, self._totals.get(counter), now_s - self._first_s.get(counter, now_s))
                for counter, done in self._done.items()
            }


PROGRESS = Progress()
