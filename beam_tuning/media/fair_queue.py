"""Work for many hosts on a few threads, so that a slow or silent host holds up nobody but itself.

Four measures, each for one host:

* a limit of tasks in flight, which grows by one with each success and is halved with each failure (additive increase,
  multiplicative decrease, as TCP does), and never reaches all threads;
* turns: hosts are served in rotation, however many tasks one of them has waiting;
* patience: a host that is known to be there and fails all of a sudden has an outage. Its tasks are kept, those that
  failed too, and one of them finds out now and then whether it is over;
* a rest: after so many failures in a row, or when patience is at its end, tasks are handed out as `refused` for a time,
  and then one is tried again.
"""

from __future__ import annotations

import enum
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

#: Pauses in an outage double from the first to the longest.
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
#: Hosts that have nothing to do are remembered up to this number.
_REMEMBERED_HOSTS = 4096


class Outcome(enum.Enum):
    """What a task showed of its host: that it works, that it is there but busy or broken, or nothing at all."""

    ANSWERED = enum.auto()
    BUSY = enum.auto()
    SILENT = enum.auto()


class HostLimits(NamedTuple):
    """How much one host may have at once, and when it is given a rest.

    Attributes:
      first, most: tasks in flight, in the beginning and at the most.
      failures: in a row, after which a host that has never shown that it is there rests; None for a host of which there
        is no doubt.
    """

    first: int
    most: int
    failures: int | None


class Task(NamedTuple, Generic[Item]):
    """An item and its host.

    Attributes:
      refused: whether the host rests and the item is to fail at once.
      taken_s: when it was taken.
      failed_s: when it failed for the first time, if it was taken before.
    """

    host: str
    item: Item
    refused: bool
    taken_s: float
    failed_s: float | None


class _Lane(Generic[Item]):
    """One host's tasks."""

    def __init__(self, host: str, limits: HostLimits) -> None:
        self.host = host
        self.limits = limits
        self.limit = limits.first
        self.waiting: deque[tuple[Item, float | None]] = deque()  # with the time of its first failure
        self.in_flight = 0
        self.is_known = limits.failures is None
        self.answered_s = float("-inf")
        self.failures = 0
        self.failing_since_s: float | None = None
        self.pause_s = 0.0
        self.pauses_until_s = float("-inf")
        self.rests_until_s = float("-inf")
        self.is_listed = False

    def may_run(self, now_s: float) -> bool:
        return bool(self.waiting) and self.in_flight < self.limit and now_s >= self.pauses_until_s


class FairQueue(Generic[Item]):
    """A bounded queue with a lane for each host. Thread-safe.

    Args:
      limits_of: the limits of a host.
      capacity: items that wait; `put` waits for room.
      patience_s: how long an outage may last.
      rest_s: how long a host rests.
      clock: seconds, monotonic.
    """

    def __init__(
        self,
        limits_of: Callable[[str], HostLimits],
        *,
        capacity: int,
        patience_s: float,
        rest_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._limits_of = limits_of
        self._capacity = capacity
        self._patience_s = patience_s
        self._rest_s = rest_s
        self._clock = clock
        self._lanes: OrderedDict[str, _Lane[Item]] = OrderedDict()
        self._listed: deque[_Lane[Item]] = deque()  # lanes that may run, in the order of their turns
        self._paused: dict[str, _Lane[Item]] = {}
        self._waiting = 0
        self._closed = False
        lock = threading.Lock()
        self._has_work = threading.Condition(lock)
        self._has_room = threading.Condition(lock)

    def put(self, host: str, item: Item) -> bool:
        """Adds an item; waits while the queue is full. False when the queue is closed, and the item is not in it."""
        with self._has_room:
            self._has_room.wait_for(lambda: self._closed or self._waiting < self._capacity)
            if self._closed:
                return False
            lane = self._lanes.get(host)
            if lane is None:
                lane = self._lanes[host] = _Lane(host, self._limits_of(host))
            self._wait_in(lane, item, None)
            self._list(lane)
            return True

    def take(self, *, wait: bool = True) -> Task[Item] | None:
        """The next task; waits for one, if it may. None when the queue is closed."""
        with self._has_work:
            while True:
                pause_s = self._end_pauses()
                if lane := self._next_lane():
                    break
                if self._closed or not wait:
                    return None
                self._has_work.wait(pause_s)
            lane.in_flight += 1
            self._waiting -= 1
            self._has_room.notify()
            now_s = self._clock()
            item, failed_s = lane.waiting.popleft()
            task = Task(lane.host, item, now_s < lane.rests_until_s, now_s, failed_s)
            self._list(lane)
            if self._paused:
                self._has_work.notify()  # another waits for the end of the pauses now
            return task

    def finish(self, task: Task[Item], outcome: Outcome) -> bool:
        """Must follow each `take`. True when the queue has kept the item, to be taken once more."""
        with self._has_work:
            lane = self._lanes[task.host]
            lane.in_flight -= 1
            is_kept = not task.refused and not self._closed and self._learn(lane, task, outcome)
            if is_kept:
                self._wait_in(lane, task.item, self._clock() if task.failed_s is None else task.failed_s)
            self._list(lane)
            if not lane.waiting and not lane.in_flight:
                self._put_away(lane)
            return is_kept

    def close(self) -> list[Item]:
        """Ends all waiting; returns the items that nobody took."""
        with self._has_work:
            self._closed = True
            left = [item for lane in self._lanes.values() for item, _ in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting.clear()
            self._has_work.notify_all()
            self._has_room.notify_all()
            return left

    def _next_lane(self) -> _Lane[Item] | None:
        while self._listed and not self._closed:
            lane = self._listed.popleft()
            lane.is_listed = False
            if lane.may_run(self._clock()):  # it may have failed since it was listed
                return lane
        return None

    def _wait_in(self, lane: _Lane[Item], item: Item, failed_s: float | None) -> None:
        # At the end: an object that fails for reasons of its own must not be the one that tells of the host.
        lane.waiting.append((item, failed_s))
        self._waiting += 1

    def _learn(self, lane: _Lane[Item], task: Task[Item], outcome: Outcome) -> bool:
        """Takes note of an outcome; returns whether the item is kept for the end of an outage."""
        now_s = self._clock()
        lane.is_known |= outcome is not Outcome.SILENT
        if outcome is Outcome.ANSWERED:
            lane.answered_s = now_s
            lane.failures = 0
            lane.failing_since_s = None
            lane.pause_s = 0.0
            lane.pauses_until_s = lane.rests_until_s = float("-inf")
            lane.limit = min(lane.limit + 1, lane.limits.most)
            return False
        lane.failures += 1
        lane.limit = max(1, lane.limit // 2)
        since_s = (task.taken_s + now_s) / 2 if task.failed_s is None else task.failed_s
        if lane.is_known and lane.answered_s >= since_s:
            # Others had answers meanwhile, so this object's failure is its own. But a host that is busy may have turned
            # away anyone: that object gets a second turn, after the others.
            return outcome is Outcome.BUSY and task.failed_s is None
        if lane.failing_since_s is None:
            lane.failing_since_s = now_s
        if lane.is_known and now_s - lane.failing_since_s < self._patience_s:
            self._pause(lane, now_s)
            return True
        if lane.is_known or (lane.limits.failures and lane.failures >= lane.limits.failures):
            lane.limit = 1  # after the rest, one task finds out whether the host is back
            lane.pauses_until_s = float("-inf")
            lane.rests_until_s = now_s + self._rest_s
        return False

    def _pause(self, lane: _Lane[Item], now_s: float) -> None:
        lane.limit = 1
        if now_s < lane.pauses_until_s:
            return  # one of those that were in flight when the outage began
        lane.pause_s = min(_LONGEST_PAUSE_S, 2 * lane.pause_s or _FIRST_PAUSE_S)
        lane.pauses_until_s = now_s + lane.pause_s
        self._paused[lane.host] = lane
        self._has_work.notify()  # somebody must wake up when the pause ends

    def _end_pauses(self) -> float | None:
        """Lists the lanes whose pauses are over; returns the seconds until the next one is."""
        if not self._paused:
            return None
        now_s = self._clock()
        for lane in [lane for lane in self._paused.values() if lane.pauses_until_s <= now_s]:
            del self._paused[lane.host]
            self._list(lane)
        return min((lane.pauses_until_s - now_s for lane in self._paused.values()), default=None)

    def _list(self, lane: _Lane[Item]) -> None:
        if not lane.is_listed and lane.may_run(self._clock()):
            lane.is_listed = True
            self._listed.append(lane)
            self._has_work.notify()

    def _put_away(self, lane: _Lane[Item]) -> None:
        self._lanes.move_to_end(lane.host)
        oldest = next(iter(self._lanes.values()))
        if len(self._lanes) > _REMEMBERED_HOSTS and not oldest.waiting and not oldest.in_flight:
            del self._lanes[oldest.host]
