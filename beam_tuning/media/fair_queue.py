"""Work for many hosts on a few threads, so that a slow or silent host holds up nobody but itself.

Three measures, each for one host:

* a limit of tasks in flight, which grows by one with each success and is halved with each failure (additive increase,
  multiplicative decrease, as TCP does), and never reaches all threads;
* turns: hosts are served in rotation, however many tasks one of them has waiting;
* a rest: after so many failures in a row, tasks are handed out as `refused` for a time, and then one is tried again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

#: Hosts that failed lately and have nothing to do are remembered up to this number.
_REMEMBERED_HOSTS = 4096


class HostLimits(NamedTuple):
    """How much one host may have at once, and when it is given a rest.

    Attributes:
      first, most: tasks in flight, in the beginning and at the most.
      failures: in a row, after which the host rests.
    """

    first: int
    most: int
    failures: int


class Task(NamedTuple, Generic[Item]):
    """An item and its host; `refused` when the host rests and the item is to fail at once."""

    host: str
    item: Item
    refused: bool


class _Lane(Generic[Item]):
    """One host's tasks."""

    def __init__(self, host: str, limits: HostLimits) -> None:
        self.host = host
        self.limits = limits
        self.limit = limits.first
        self.waiting: deque[Item] = deque()
        self.in_flight = 0
        self.failures = 0
        self.rests_until_s = float("-inf")
        self.is_listed = False

    @property
    def may_run(self) -> bool:
        return bool(self.waiting) and self.in_flight < self.limit


class FairQueue(Generic[Item]):
    """A bounded queue with a lane for each host. Thread-safe.

    Args:
      limits_of: the limits of a host.
      capacity: items that wait; `put` waits for room.
      rest_s: how long a host rests.
      clock: seconds, monotonic.
    """

    def __init__(
        self, limits_of: Callable[[str], HostLimits], *, capacity: int, rest_s: float, clock: Callable[[], float]
    ) -> None:
        self._limits_of = limits_of
        self._capacity = capacity
        self._rest_s = rest_s
        self._clock = clock
        self._lanes: OrderedDict[str, _Lane[Item]] = OrderedDict()
        self._listed: deque[_Lane[Item]] = deque()  # lanes that may run, in the order of their turns
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
            lane.waiting.append(item)
            self._waiting += 1
            self._list(lane)
            return True

    def take(self) -> Task[Item] | None:
        """The next task; waits for one. None when the queue is closed."""
        with self._has_work:
            self._has_work.wait_for(lambda: self._closed or self._listed)
            if self._closed:
                return None
            lane = self._listed.popleft()
            lane.is_listed = False
            lane.in_flight += 1
            self._waiting -= 1
            self._has_room.notify()
            task = Task(lane.host, lane.waiting.popleft(), self._clock() < lane.rests_until_s)
            self._list(lane)
            return task

    def finish(self, task: Task[Item], *, failed: bool) -> None:
        """Must follow each `take`: whether the host failed to answer, or answered (be it with a refusal)."""
        with self._has_work:
            lane = self._lanes[task.host]
            lane.in_flight -= 1
            if not task.refused:
                self._learn(lane, failed=failed)
            self._list(lane)
            if not lane.waiting and not lane.in_flight:
                self._put_away(lane)

    def close(self) -> list[Item]:
        """Ends all waiting; returns the items that nobody took."""
        with self._has_work:
            self._closed = True
            left = [item for lane in self._lanes.values() for item in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting.clear()
            self._has_work.notify_all()
            self._has_room.notify_all()
            return left

    def _learn(self, lane: _Lane[Item], *, failed: bool) -> None:
        if not failed:
            lane.failures = 0
            lane.rests_until_s = float("-inf")
            lane.limit = min(lane.limit + 1, lane.limits.most)
            return
        lane.failures += 1
        lane.limit = max(1, lane.limit // 2)
        if lane.failures >= lane.limits.failures:
            lane.limit = 1  # after the rest, one task finds out whether the host is back
            lane.rests_until_s = self._clock() + self._rest_s

    def _list(self, lane: _Lane[Item]) -> None:
        if lane.may_run and not lane.is_listed:
            lane.is_listed = True
            self._listed.append(lane)
            self._has_work.notify()

    def _put_away(self, lane: _Lane[Item]) -> None:
        if not lane.failures:
            del self._lanes[lane.host]
            return
        self._lanes.move_to_end(lane.host)
        oldest = next(iter(self._lanes.values()))
        if len(self._lanes) > _REMEMBERED_HOSTS and not oldest.waiting and not oldest.in_flight:
            del self._lanes[oldest.host]
