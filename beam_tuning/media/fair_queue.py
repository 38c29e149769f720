"""Work for many hosts on a few threads, so that a slow, broken or silent host holds up nobody but itself.

Each host has a lane (`beam_tuning.media.host_lane`), which says how many of its tasks may be in flight and when it
pauses or rests. Hosts are served in rotation, however many tasks one of them has waiting.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic

from beam_tuning.media.host_lane import Host, HostLane, HostLimits, Item, Outcome, Task, Waiting

#: Hosts that have nothing to do are remembered up to this number.
_REMEMBERED_HOSTS = 4096


class FairQueue(Generic[Host, Item]):
    """A bounded queue with a lane for each host. Thread-safe.

    Args:
      limits_of: the limits of a host.
      capacity: items that wait; `put` waits for room.
      clock: seconds, monotonic.
    """

    def __init__(self, limits_of: Callable[[Host], HostLimits], *, capacity: int, clock: Callable[[], float]) -> None:
        self._limits_of = limits_of
        self._capacity = capacity
        self._clock = clock
        self._lanes: OrderedDict[Host, HostLane[Host, Item]] = OrderedDict()
        self._listed: deque[HostLane[Host, Item]] = deque()  # lanes that may run, in the order of their turns
        self._paused: dict[Host, HostLane[Host, Item]] = {}
        self._waiting = 0
        self._arrived = 0
        self._closed = False
        lock = threading.Lock()
        self._has_work = threading.Condition(lock)
        self._has_room = threading.Condition(lock)

    def put(self, host: Host, item: Item) -> bool:
        """Adds an item; waits while the queue is full. False when the queue is closed, and the item is not in it."""
        with self._has_room:
            self._has_room.wait_for(lambda: self._closed or self._waiting < self._capacity)
            if self._closed:
                return False
            lane = self._lanes.get(host)
            if lane is None:
                lane = self._lanes[host] = HostLane(host, self._limits_of(host))
            self._wait_in(lane, item, None)
            self._list(lane)
            return True

    def take(self, *, wait: bool = True) -> Task[Host, Item] | None:
        """The next task; waits for one, if it may. None when the queue is closed."""
        with self._has_work:
            while True:
                pause_s = self._end_pauses()
                if lane := self._next_lane():
                    break
                if self._closed or not wait:
                    return None
                self._has_work.wait(pause_s)
            self._waiting -= 1
            self._has_room.notify()
            task = lane.take(self._clock())
            self._list(lane)
            if self._paused:
                self._has_work.notify()  # another waits for the end of the pauses now
            return task

    def finish(self, task: Task[Host, Item], outcome: Outcome) -> bool:
        """Must follow each `take`. True when the queue has kept the item, to be taken once more."""
        with self._has_work:
            now_s = self._clock()
            lane = self._lanes[task.host]
            lane.in_flight -= 1
            is_kept = not task.refused and not self._closed and lane.learn(task, outcome, now_s)
            if is_kept:
                self._wait_in(lane, task.item, now_s if task.failed_s is None else task.failed_s)
            if lane.pauses_until_s > now_s and lane.host not in self._paused:
                self._paused[lane.host] = lane
                self._has_work.notify()  # somebody must wake up when the pause ends
            self._list(lane)
            if lane.is_empty:
                self._put_away(lane)
            return is_kept

    def close(self) -> list[Item]:
        """Ends all waiting; returns the items that nobody took."""
        with self._has_work:
            self._closed = True
            left = [item for lane in self._lanes.values() for item in lane.empty()]
            self._has_work.notify_all()
            self._has_room.notify_all()
            return left

    def _next_lane(self) -> HostLane[Host, Item] | None:
        while self._listed and not self._closed:
            lane = self._listed.popleft()
            lane.is_listed = False
            if lane.may_run(self._clock()):  # it may have failed since it was listed
                return lane
        return None

    def _wait_in(self, lane: HostLane[Host, Item], item: Item, failed_s: float | None) -> None:
        self._arrived += 1
        self._waiting += 1
        lane.add(Waiting(self._arrived, item, failed_s))

    def _end_pauses(self) -> float | None:
        """Lists the lanes whose pauses are over; returns the seconds until the next one is."""
        if not self._paused:
            return None
        now_s = self._clock()
        for lane in [lane for lane in self._paused.values() if lane.pauses_until_s <= now_s]:
            del self._paused[lane.host]
            self._list(lane)
        return min((lane.pauses_until_s - now_s for lane in self._paused.values()), default=None)

    def _list(self, lane: HostLane[Host, Item]) -> None:
        if not lane.is_listed and lane.may_run(self._clock()):
            lane.is_listed = True
            self._listed.append(lane)
            self._has_work.notify()

    def _put_away(self, lane: HostLane[Host, Item]) -> None:
        self._lanes.move_to_end(lane.host)
        oldest = next(iter(self._lanes.values()))
        if len(self._lanes) > _REMEMBERED_HOSTS and oldest.is_empty:
            del self._lanes[oldest.host]
