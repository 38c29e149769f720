"""What faults of objects and outages of hosts cost, in tries and in seconds of a clock that only the test moves."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.media.fair_queue import FairQueue
from beam_tuning.media.host_lane import HostLimits, Outcome, Task

PATIENCE_S, REST_S = 60.0, 60.0
#: As the prober has them for 32 threads: a web server, and Cloud Storage.
WEB, SERVICE = HostLimits(8, 24, 8, PATIENCE_S, REST_S), HostLimits(32, 32, None, PATIENCE_S, REST_S)
#: A probe that is answered, and one that fails after all attempts of its reader.
GOOD_S, BAD_S = 0.05, 3.5


class Item(NamedTuple):
    name: str
    is_bad: bool = False


class End(NamedTuple):
    outcome: Outcome
    refused: bool
    ended_s: float


class Host:
    """One host, 32 threads, and what becomes of its objects.

    Attributes:
      tries, ends: of each item.
    """

    def __init__(self, limits: HostLimits, shown: Callable[[Item, float], Outcome]) -> None:
        self.now_s = 0.0
        self.tries: Counter[Item] = Counter()
        self.ends: dict[Item, End] = {}
        self._shown = shown
        self._queue: FairQueue[str, Item] = FairQueue(lambda _: limits, capacity=10**9, clock=lambda: self.now_s)
        self._waiting = 0
        self._in_flight: list[tuple[float, int, Task[str, Item], Outcome]] = []
        self._numbers = itertools.count()

    def put(self, *items: Item) -> Host:
        for item in items:
            assert self._queue.put("host", item)
            self._waiting += 1
        return self

    def run(self) -> Host:
        """Until all items have ended."""
        self._take_all()
        while self._waiting or self._in_flight:
            ends_s = self._in_flight[0][0] if self._in_flight else float("inf")
            if self._waiting and self.now_s + 0.1 < ends_s:
                self.now_s += 0.1  # perhaps a pause ends
            else:
                self.now_s, _, task, outcome = heapq.heappop(self._in_flight)
                self._finish(task, outcome)
            self._take_all()
        return self

    def _take_all(self) -> None:
        while len(self._in_flight) < 32 and (task := self._queue.take(wait=False)) is not None:
            self._waiting -= 1
            if task.refused:
                self._finish(task, Outcome.SILENT)
                continue
            self.tries[task.item] += 1
            outcome = self._shown(task.item, self.now_s)
            ends_s = self.now_s + (GOOD_S if outcome is Outcome.ANSWERED else BAD_S)
            heapq.heappush(self._in_flight, (ends_s, next(self._numbers), task, outcome))

    def _finish(self, task: Task[str, Item], outcome: Outcome) -> None:
        if self._queue.finish(task, outcome):
            self._waiting += 1
        else:
            self.ends[task.item] = End(outcome, task.refused, self.now_s)

    def answered(self) -> set[Item]:
        return {item for item, end in self.ends.items() if end.outcome is Outcome.ANSWERED}


def bad_objects(fault: Outcome) -> Callable[[Item, float], Outcome]:
    """A host that works, with objects that never do."""
    return lambda item, _: fault if item.is_bad else Outcome.ANSWERED


def outage(fault: Outcome, starts_s: float, ends_s: float) -> Callable[[Item, float], Outcome]:
    return lambda _, now_s: fault if starts_s <= now_s < ends_s else Outcome.ANSWERED


def good(count: int) -> list[Item]:
    return [Item(f"good {number}") for number in range(count)]


def bad(count: int) -> list[Item]:
    return [Item(f"bad {number}", is_bad=True) for number in range(count)]


FAULTS = [Outcome.FAULTY, Outcome.BUSY, Outcome.SILENT]
HOSTS = pytest.mark.parametrize("limits", [WEB, SERVICE], ids=["web", "service"])


@HOSTS
def test_one_object_with_an_error_of_its_own_is_tried_once_and_not_waited_for(limits: HostLimits) -> None:
    host = Host(limits, bad_objects(Outcome.FAULTY)).put(*bad(1)).run()
    assert host.tries == Counter(bad(1))
    assert host.now_s == BAD_S


@HOSTS
@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_object_takes_nothing_from_others_that_come_with_it(limits: HostLimits, fault: Outcome) -> None:
    host = Host(limits, bad_objects(fault)).put(*bad(1), *good(50)).run()
    assert host.answered() == set(good(50))
    assert all(host.tries[item] == 1 for item in good(50))
    assert max(host.ends[item].ended_s for item in good(50)) < 1.0


@HOSTS
@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_object_takes_nothing_from_others_that_come_later(limits: HostLimits, fault: Outcome) -> None:
    host = Host(limits, bad_objects(fault)).put(*bad(1)).run()
    given_up_s = host.now_s
    assert given_up_s <= PATIENCE_S + 8.0 + BAD_S
    host.put(*good(50)).run()
    assert host.answered() == set(good(50))
    assert all(host.tries[item] == 1 for item in good(50))
    assert host.now_s < given_up_s + 1.0


@HOSTS
@pytest.mark.parametrize("fault", FAULTS)
def test_as_many_bad_objects_as_good_ones_hold_up_no_good_one_for_long(limits: HostLimits, fault: Outcome) -> None:
    items = bad(150) + good(150)
    random.Random(1).shuffle(items)
    host = Host(limits, bad_objects(fault)).put(*items).run()
    assert host.answered() == set(good(150))
    assert all(host.tries[item] == 1 for item in good(150))
    assert all(1 <= host.tries[item] <= 3 for item in bad(150))
    # 150 bad objects on the 8 threads that the host has in the beginning.
    assert max(host.ends[item].ended_s for item in good(150)) < 150 * BAD_S / 8
    assert host.now_s < 150 * BAD_S / 8 + PATIENCE_S


@HOSTS
def test_errors_of_many_objects_refuse_none_however_they_are_ordered(limits: HostLimits) -> None:
    host = Host(limits, bad_objects(Outcome.FAULTY)).put(*bad(150), *good(150)).run()
    assert host.answered() == set(good(150))
    assert all(host.tries[item] == 1 for item in good(150))
    assert all(host.tries[item] >= 1 for item in bad(150))


@HOSTS
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("count", [5, 40, 2000])
def test_an_outage_of_half_a_minute_costs_that_time_and_no_answer(
    limits: HostLimits, fault: Outcome, count: int
) -> None:
    host = Host(limits, outage(fault, 0.03, 30.0)).put(*good(1)).run()
    host.put(*[Item(f"later {number}") for number in range(count)]).run()
    assert len(host.answered()) == 1 + count
    assert 30.0 <= host.now_s < 30.0 + 8.0 + 2 * BAD_S
    in_vain = host.tries.total() - 1 - count
    if fault is not Outcome.FAULTY:
        # Those in flight when it began, and one that asks now and then.
        assert in_vain <= limits.most + 8


@HOSTS
def test_an_outage_by_errors_is_waited_for_though_a_few_objects_have_errors_of_their_own(limits: HostLimits) -> None:
    def shown(item: Item, now_s: float) -> Outcome:
        return Outcome.FAULTY if item.is_bad or 20.0 <= now_s < 50.0 else Outcome.ANSWERED

    host = Host(limits, shown).put(*good(100), *bad(5), *[Item(f"more {number}") for number in range(100)]).run()
    assert host.now_s < 20.0
    host.now_s = 20.0
    host.put(*[Item(f"later {number}") for number in range(200)]).run()
    assert len(host.answered()) == 400


@HOSTS
@pytest.mark.parametrize("fault", [Outcome.BUSY, Outcome.SILENT])
def test_after_an_outage_that_outlasts_patience_the_host_rests(limits: HostLimits, fault: Outcome) -> None:
    host = Host(limits, outage(fault, 0.03, 10_000.0)).put(*good(1)).run()
    host.put(*[Item(f"later {number}") for number in range(2000)]).run()
    assert host.answered() == set(good(1))
    assert host.tries.total() <= 1 + limits.most + 12
    assert host.now_s < PATIENCE_S + 8.0 + 2 * BAD_S
    assert sum(end.refused for end in host.ends.values()) >= 1900


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.sampled_from([WEB, SERVICE]), st.randoms())
@settings(max_examples=60)
def test_no_object_of_a_host_that_answers_errors_fails_without_a_try(
    are_bad: list[bool], limits: HostLimits, chance: random.Random
) -> None:
    items = [Item(str(number), is_bad) for number, is_bad in enumerate(are_bad)]
    host = Host(limits, bad_objects(Outcome.FAULTY))
    while items:
        batch = [items.pop() for _ in range(chance.randint(1, len(items)))]
        host.put(*batch).run()
    assert all(count >= 1 for count in host.tries.values())
    assert len(host.tries) == len(are_bad)
    assert {item.is_bad for item in host.answered()} <= {False}
    assert len(host.answered()) == are_bad.count(False)


@given(
    st.lists(st.tuples(st.sampled_from(FAULTS), st.booleans()), min_size=1, max_size=40),
    st.sampled_from([WEB, SERVICE]),
)
@settings(max_examples=60)
def test_good_objects_beside_bad_ones_of_all_kinds_are_answered_at_the_first_try(
    kinds: list[tuple[Outcome, bool]], limits: HostLimits
) -> None:
    """As long as the host shows in the beginning that it works."""
    faults = {Item(str(number), is_bad): fault for number, (fault, is_bad) in enumerate(kinds)}
    host = Host(limits, lambda item, _: faults[item] if item.is_bad else Outcome.ANSWERED)
    faults |= dict.fromkeys(good(1), Outcome.SILENT)
    host.put(*good(1)).run()
    host.put(*(item for item in faults if item not in good(1))).run()
    for item in faults:
        assert item.is_bad or (host.tries[item], host.ends[item].outcome) == (1, Outcome.ANSWERED)
