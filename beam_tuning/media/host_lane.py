"""What the queue of probes knows of one host: its tasks, how many of them at once, and what their failures mean.

The question behind it is always the same: is it the object, or is it the host?

* Other objects of the host were answered meanwhile: it is the object.
* Nothing else was answered: others are tried first. When enough different ones have failed and none was answered, the
  host has an outage. It is asked for one object now and then, until it answers or patience is at its end.
* The host answers, with errors of its own (500): it is there. What fails is tried once more behind the others, and
  nothing is refused without a try. Only where it gives errors for all that it is asked for, that is an outage.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

Host = TypeVar("Host", bound=Hashable)
Item = TypeVar("Item")

#: Pauses in an outage double from the first to the longest.
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
#: So many different items must have failed, and none been answered, before their host is held for out.
_WITNESSES = 3
#: Where this share of objects had errors of their own, more of them are no outage.
_OFTEN = 0.1


class Outcome(enum.Enum):
    """What a task showed of its host.

    ANSWERED: it works. FAULTY: it is there and answered with an error, which may be this item's own. BUSY: it says that
    it cannot serve now, whatever is asked for. SILENT: nothing at all.
    """

    ANSWERED = enum.auto()
    FAULTY = enum.auto()
    BUSY = enum.auto()
    SILENT = enum.auto()


class HostLimits(NamedTuple):
    """How much one host may have at once, and when it is given up.

    Attributes:
      first, most: tasks in flight, in the beginning and at the most.
      failures: in a row, after which a host that has never shown that it is there rests; None for a host of which there
        is no doubt.
      patience_s: how long an outage may last.
      rest_s: how long a host rests.
    """

    first: int
    most: int
    failures: int | None
    patience_s: float
    rest_s: float


class Task(NamedTuple, Generic[Host, Item]):
    """An item and its host.

    Attributes:
      refused: whether the item is to fail at once, with what it failed with before if it did.
      taken_s: when it was taken.
      failed_s: when it failed for the first time, if it was taken before.
    """

    host: Host
    item: Item
    refused: bool
    taken_s: float
    failed_s: float | None


class Waiting(NamedTuple, Generic[Item]):
    """An item that waits; `number` is its place in the order of arrival, `failed_s` as in `Task`."""

    number: int
    item: Item
    failed_s: float | None


class HostLane(Generic[Host, Item]):
    """One host's tasks. Not thread-safe: the queue's lock is held.

    Attributes:
      limit: tasks that may be in flight. It grows by one with each success. When tasks fail for want of the host it is
        halved, once for all that were in flight together (additive increase, multiplicative decrease, as TCP does).
      pauses_until_s: until then those that failed are not tried again, and in an outage nothing is.
      is_listed: the queue's note whether the lane stands in the rotation.
    """

    def __init__(self, host: Host, limits: HostLimits) -> None:
        self.host = host
        self.limits = limits
        self.limit = limits.first
        self.in_flight = 0
        self.pauses_until_s = float("-inf")
        self.is_listed = False
        self._fresh: deque[Waiting[Item]] = deque()  # never tried
        self._kept: deque[Waiting[Item]] = deque()  # failed, and to be tried again
        self._is_known = limits.failures is None
        self._halved_s = float("-inf")
        self._pause_s = 0.0
        self._rests_until_s = float("-inf")
        self._answers = 0
        self._answered_s = float("-inf")
        # Of different items since the last answer: not served, answered with an error, and when the first one failed.
        self._unserved = self._faulty = 0
        self._failing_since_s: float | None = None
        self._own_faults = 0  # errors that were held for the item's own

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not (self._fresh or self._kept or self.in_flight)

    @property
    def _is_out(self) -> bool:
        """Whether a host that is there serves nothing; while others wait to be tried, errors do not say so yet."""
        failed = self._unserved if self._fresh else self._unserved + self._faulty
        return self._is_known and failed >= _WITNESSES

    def may_run(self, now_s: float) -> bool:
        """Whether an item waits that may be taken now."""
        if self.in_flight >= (1 if self._is_out else self.limit):
            return False
        if now_s >= self.pauses_until_s:
            return bool(self._fresh or self._kept)
        return bool(self._fresh) and not self._is_out

    def add(self, waiting: Waiting[Item]) -> None:
        (self._fresh if waiting.failed_s is None else self._kept).append(waiting)

    def take(self, now_s: float) -> Task[Host, Item]:
        """The item that arrived first; of a host that fails one that was never tried, if there is any."""
        fresh_first = self._fresh and (
            not self._kept or self._failing_since_s is not None or self._fresh[0].number < self._kept[0].number
        )
        _, item, failed_s = (self._fresh if fresh_first else self._kept).popleft()
        refused = now_s < self._rests_until_s or (failed_s is not None and self._is_impatient(now_s))
        self.in_flight += 1
        return Task(self.host, item, refused, now_s, failed_s)

    def empty(self) -> list[Item]:
        """Takes out all that waits, in the order of arrival."""
        left = [waiting.item for waiting in sorted([*self._fresh, *self._kept])]
        self._fresh.clear()
        self._kept.clear()
        return left

    def learn(self, task: Task[Host, Item], outcome: Outcome, now_s: float) -> bool:
        """Takes note of an outcome; returns whether the item is to be kept and tried again."""
        if outcome is Outcome.ANSWERED:
            self._learn_answer(now_s)
            return False
        self._is_known |= outcome is not Outcome.SILENT
        # A failure is not over in a moment. Answers of its second half are later than what went wrong.
        since_s = (task.taken_s + now_s) / 2 if task.failed_s is None else task.failed_s
        serves_others = self._is_known and self._answered_s >= since_s
        self._narrow(task, outcome, now_s, serves_others=serves_others)
        if serves_others:
            # It is the object. But a host that is busy may turn away anyone: then there is a second turn.
            self._own_faults += outcome is Outcome.FAULTY
            return outcome is Outcome.BUSY and task.failed_s is None
        if outcome is Outcome.FAULTY and (kept := self._learn_fault(task)) is not None:
            return kept
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        if task.failed_s is None:
            self._faulty += outcome is Outcome.FAULTY
            self._unserved += outcome is not Outcome.FAULTY
        if not self._is_known:
            if self.limits.failures and self._unserved >= self.limits.failures:
                self._rest(now_s)
            return False
        if self._is_impatient(now_s):
            if self._is_out and outcome is not Outcome.FAULTY:
                self._rest(now_s)
            return False
        self._pause(now_s)
        return True

    def _learn_answer(self, now_s: float) -> None:
        self._is_known = True
        self._answers += 1
        self._answered_s = now_s
        self._unserved = self._faulty = 0
        self._failing_since_s = None
        self._pause_s = 0.0
        self.pauses_until_s = self._rests_until_s = float("-inf")
        self.limit = min(self.limit + 1, self.limits.most)

    def _learn_fault(self, task: Task[Host, Item]) -> bool | None:
        """Whether an answer with an error is kept for a second turn; None when it may be part of an outage."""
        if task.failed_s is None and self._answered_s > task.taken_s:
            return True  # most likely the object's own; the second turn, behind the others, will tell
        is_often_so = self._own_faults >= max(_WITNESSES, self._answers * _OFTEN)
        has_others = task.failed_s is None and (self._fresh or self.in_flight)
        if is_often_so or not (self._is_out or has_others):
            self._own_faults += 1  # there is nothing else to tell by, and an answer is not waited for
            return False
        return None

    def _narrow(self, task: Task[Host, Item], outcome: Outcome, now_s: float, *, serves_others: bool) -> None:
        """Halves the limit, if the failure says anything of how much the host can bear."""
        if outcome is Outcome.FAULTY or task.taken_s <= self._halved_s:
            return
        # What the host had in the beginning is not taken from it while it serves others.
        least = min(self.limit, self.limits.first) if serves_others else 1
        self.limit = max(least, self.limit // 2)
        self._halved_s = now_s

    def _is_impatient(self, now_s: float) -> bool:
        return self._failing_since_s is not None and now_s - self._failing_since_s >= self.limits.patience_s

    def _rest(self, now_s: float) -> None:
        self.limit = 1  # after the rest, one task finds out whether the host is back
        self.pauses_until_s = float("-inf")
        self._rests_until_s = now_s + self.limits.rest_s

    def _pause(self, now_s: float) -> None:
        if now_s < self.pauses_until_s:
            return  # one of those that were in flight when the pause began
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or _FIRST_PAUSE_S)
        self.pauses_until_s = now_s + self._pause_s
