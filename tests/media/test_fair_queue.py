"""Who gets the next thread."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S

from beam_tuning.media.fair_queue import FairQueue
from beam_tuning.media.host_lane import HostLimits, Outcome, Task


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> FairQueue[str, int]:
    return FairQueue(lambda host: HostLimits(2, 4, 3, 30.0, 60.0), capacity=1000, clock=clock)


def take_all(queue: FairQueue[str, int]) -> list[Task[str, int]]:
    """All tasks that may run now."""
    return list(iter(lambda: queue.take(wait=False), None))


def put(queue: FairQueue[str, int], host: str, count: int) -> None:
    for item in range(count):
        assert queue.put(host, item)


def test_hosts_take_turns(queue: FairQueue[str, int]) -> None:
    put(queue, "a", 5)
    put(queue, "b", 1)
    put(queue, "c", 1)
    assert [task.host for task in take_all(queue)] == ["a", "b", "c", "a"]


def test_items_of_a_host_keep_their_order(queue: FairQueue[str, int]) -> None:
    put(queue, "a", 6)
    seen = []
    while tasks := take_all(queue):
        for task in tasks:
            seen.append(task.item)
            queue.finish(task, Outcome.SILENT)
    assert seen == sorted(seen)


def test_a_host_that_answers_may_have_more_up_to_a_limit(queue: FairQueue[str, int]) -> None:
    put(queue, "a", 100)
    widths = []
    for _ in range(5):
        tasks = take_all(queue)
        widths.append(len(tasks))
        for task in tasks:
            queue.finish(task, Outcome.ANSWERED)
    assert widths == [2, 4, 4, 4, 4]


def test_a_host_that_fails_may_have_less(queue: FairQueue[str, int]) -> None:
    put(queue, "a", 10)
    for task in take_all(queue):
        queue.finish(task, Outcome.SILENT)
    assert len(take_all(queue)) == 1


def test_the_limit_is_halved_once_for_all_that_failed_together(clock: Clock) -> None:
    """Additive increase, multiplicative decrease: 8, 4, 2, 1, and up again one by one."""
    queue: FairQueue[str, int] = FairQueue(lambda host: HostLimits(8, 10, 1000, 0.0, 0.0), capacity=1000, clock=clock)
    put(queue, "a", 200)
    widths = []
    for outcome in (*[Outcome.SILENT] * 3, *[Outcome.ANSWERED] * 4):
        tasks = take_all(queue)
        widths.append(len(tasks))
        for task in tasks:
            clock.now_s += 1.0
            queue.finish(task, outcome)
    assert widths == [8, 4, 2, 1, 2, 4, 8]
    assert len(take_all(queue)) == 10


def test_a_host_that_keeps_failing_rests_and_is_tried_again(queue: FairQueue[str, int], clock: Clock) -> None:
    put(queue, "a", 10)
    refused = []
    for _ in range(6):
        (task, *more) = take_all(queue)
        refused.append(task.refused)
        for each in (task, *more):
            queue.finish(each, Outcome.SILENT)
    assert refused == [False, False, True, True, True, True]

    clock.now_s = 61.0
    put(queue, "a", 10)
    (task,) = take_all(queue)
    assert not task.refused  # one finds out
    queue.finish(task, Outcome.SILENT)
    (task,) = take_all(queue)
    assert task.refused
    queue.finish(task, Outcome.SILENT)

    clock.now_s = 122.0
    (task,) = take_all(queue)
    queue.finish(task, Outcome.ANSWERED)
    tasks = take_all(queue)
    assert [task.refused for task in tasks] == [False, False]


def test_a_rest_is_one_hosts_own(queue: FairQueue[str, int]) -> None:
    put(queue, "a", 4)
    while tasks := take_all(queue):
        for task in tasks:
            queue.finish(task, Outcome.SILENT)
    put(queue, "b", 1)
    put(queue, "a", 1)
    assert {task.host: task.refused for task in take_all(queue)} == {"a": True, "b": False}


def test_put_waits_for_room(clock: Clock) -> None:
    queue: FairQueue[str, int] = FairQueue(lambda host: HostLimits(1, 1, 1, 0.0, 1.0), capacity=2, clock=clock)
    put(queue, "a", 2)
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(queue.put, "a", 2)
        with pytest.raises(TimeoutError):
            third.result(timeout=0.05)
        assert queue.take() is not None
        assert third.result(timeout=PATIENCE_S)


def test_close_lets_all_go_and_returns_what_is_left(queue: FairQueue[str, int]) -> None:
    with ThreadPoolExecutor(2) as pool:
        takers = [pool.submit(queue.take) for _ in range(2)]
        put(queue, "a", 2)
        assert all(taker.result(timeout=PATIENCE_S) for taker in takers)
        put(queue, "a", 3)  # over the host's limit: they wait
        taker = pool.submit(queue.take)
        assert queue.close() == [0, 1, 2]
        assert taker.result(timeout=PATIENCE_S) is None
    assert not queue.put("a", 1)


def test_hosts_that_were_idle_for_long_are_forgotten(queue: FairQueue[str, int]) -> None:
    for number in range(5000):
        put(queue, f"host-{number}", 1)
        (task,) = take_all(queue)
        queue.finish(task, Outcome.SILENT)
    assert len(queue._lanes) <= 4096


class TestOutages:
    """A host that worked and fails: its tasks wait for the end of it."""

    @pytest.fixture
    def working(self, queue: FairQueue[str, int], clock: Clock) -> FairQueue[str, int]:
        """A queue whose host `a` has given an answer, ten seconds ago."""
        put(queue, "a", 1)
        self.finish_all(queue, Outcome.ANSWERED)
        clock.now_s = 10.0
        return queue

    @staticmethod
    def finish_all(queue: FairQueue[str, int], outcome: Outcome) -> list[bool]:
        return [queue.finish(task, outcome) for task in take_all(queue)]

    def test_what_failed_is_kept_and_tried_again_after_a_pause(
        self, working: FairQueue[str, int], clock: Clock
    ) -> None:
        put(working, "a", 5)
        tasks = take_all(working)
        clock.now_s = 14.0
        assert [working.finish(task, Outcome.SILENT) for task in tasks] == [True] * len(tasks)
        assert take_all(working) == []

        clock.now_s = 14.5
        (canary,) = take_all(working)  # one, and not one of those that failed
        assert (canary.refused, canary.failed_s) == (False, None)
        assert canary.item not in [task.item for task in tasks]
        clock.now_s = 15.0
        assert not working.finish(canary, Outcome.ANSWERED)
        answered = [canary.item]
        while tasks := take_all(working):
            assert not any(working.finish(task, Outcome.ANSWERED) for task in tasks)
            answered += [task.item for task in tasks]
        assert sorted(answered) == [0, 1, 2, 3, 4]

    def test_pauses_grow(self, working: FairQueue[str, int], clock: Clock) -> None:
        put(working, "a", 1)
        pauses = []
        (task,) = take_all(working)
        while working.finish(task, Outcome.BUSY):
            began_s = clock.now_s
            while not (tasks := take_all(working)):
                clock.now_s += 0.25
            (task,) = tasks
            pauses.append(clock.now_s - began_s)
        assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]  # the next is after the patience of 30 s

    def test_patience_has_an_end_and_then_the_host_rests(self, working: FairQueue[str, int], clock: Clock) -> None:
        put(working, "a", 3)
        self.finish_all(working, Outcome.SILENT)
        clock.now_s = 41.0
        (task,) = take_all(working)
        assert not working.finish(task, Outcome.SILENT)
        refused = []
        while tasks := take_all(working):
            refused += [task.refused for task in tasks]
            assert not any(working.finish(task, Outcome.SILENT) for task in tasks)
        assert refused == [True, True]

        clock.now_s = 102.0
        put(working, "a", 2)
        (task,) = take_all(working)
        assert not task.refused
        assert not working.finish(task, Outcome.SILENT)  # still the same outage: no new patience
        (task,) = take_all(working)
        assert task.refused

    def test_a_failure_of_ones_own_takes_nothing_from_the_patience(
        self, working: FairQueue[str, int], clock: Clock
    ) -> None:
        put(working, "a", 3)
        bad, good = take_all(working)[:2]
        clock.now_s = 13.0
        working.finish(good, Outcome.ANSWERED)
        clock.now_s = 14.0
        assert not working.finish(bad, Outcome.SILENT)
        clock.now_s = 100.0
        put(working, "a", 1)
        assert True in self.finish_all(working, Outcome.SILENT)

    def test_an_answer_gives_new_patience(self, working: FairQueue[str, int], clock: Clock) -> None:
        put(working, "a", 1)
        assert self.finish_all(working, Outcome.SILENT) == [True]
        clock.now_s = 11.0
        assert self.finish_all(working, Outcome.ANSWERED) == [False]
        clock.now_s = 100.0
        put(working, "a", 1)
        assert self.finish_all(working, Outcome.SILENT) == [True]

    def test_an_object_that_fails_while_others_are_answered_fails_at_once(
        self, working: FairQueue[str, int], clock: Clock
    ) -> None:
        put(working, "a", 4)
        bad, good, _ = take_all(working)
        clock.now_s = 13.0
        working.finish(good, Outcome.ANSWERED)
        clock.now_s = 14.0
        assert not working.finish(bad, Outcome.SILENT)
        assert [task.refused for task in take_all(working)] == [False]

    def test_an_object_that_a_busy_host_turns_away_has_a_second_turn(
        self, working: FairQueue[str, int], clock: Clock
    ) -> None:
        put(working, "a", 4)
        bad, good, other = take_all(working)
        clock.now_s = 13.0
        working.finish(good, Outcome.ANSWERED)
        clock.now_s = 14.0
        assert working.finish(bad, Outcome.BUSY)
        assert not working.finish(other, Outcome.ANSWERED)
        behind, again = take_all(working)  # without a pause, and behind the one that waited already
        assert (behind.failed_s, again.item) == (None, bad.item)
        clock.now_s = 18.0
        assert not working.finish(again, Outcome.BUSY)

    def test_answers_from_before_an_outage_are_no_proof_against_it(
        self, working: FairQueue[str, int], clock: Clock
    ) -> None:
        put(working, "a", 2)
        first, second = take_all(working)
        clock.now_s = 10.1
        working.finish(first, Outcome.ANSWERED)
        clock.now_s = 14.0
        assert working.finish(second, Outcome.SILENT)

    def test_an_object_that_fails_again_when_the_host_is_back_fails_for_good(
        self, working: FairQueue[str, int], clock: Clock
    ) -> None:
        put(working, "a", 2)
        bad, good = take_all(working)
        clock.now_s = 14.0
        assert working.finish(bad, Outcome.BUSY)
        clock.now_s = 15.0
        working.finish(good, Outcome.ANSWERED)
        (again,) = take_all(working)
        assert again.item == bad.item
        clock.now_s = 40.0
        assert not working.finish(again, Outcome.BUSY)

    def test_a_host_that_says_it_is_busy_is_known_to_be_there(self, queue: FairQueue[str, int]) -> None:
        put(queue, "a", 2)
        assert self.finish_all(queue, Outcome.BUSY) == [True, True]

    def test_a_host_that_never_answered_is_not_waited_for(self, queue: FairQueue[str, int]) -> None:
        put(queue, "a", 2)
        assert self.finish_all(queue, Outcome.SILENT) == [False, False]

    def test_hosts_may_be_known_from_the_beginning(self, clock: Clock) -> None:
        queue: FairQueue[str, int] = FairQueue(lambda host: HostLimits(1, 1, None, 1.0, 1.0), capacity=9, clock=clock)
        put(queue, "gs://", 1)
        assert self.finish_all(queue, Outcome.SILENT) == [True]

    def test_others_go_on_meanwhile(self, working: FairQueue[str, int]) -> None:
        put(working, "a", 3)
        self.finish_all(working, Outcome.SILENT)
        put(working, "b", 1)
        assert [task.host for task in take_all(working)] == ["b"]

    def test_whoever_waits_wakes_up_when_the_pause_is_over(self) -> None:
        queue: FairQueue[str, int] = FairQueue(
            lambda host: HostLimits(1, 1, None, 60.0, 60.0),
            capacity=9,
            clock=time.monotonic,
        )
        with ThreadPoolExecutor(1) as pool:
            put(queue, "a", 1)
            assert self.finish_all(queue, Outcome.SILENT) == [True]
            task = pool.submit(queue.take).result(timeout=PATIENCE_S)
        assert task is not None
        assert task.item == 0

    def test_what_is_kept_is_left_when_the_queue_closes(self, working: FairQueue[str, int]) -> None:
        put(working, "a", 1)
        (task,) = take_all(working)
        assert working.finish(task, Outcome.SILENT)
        assert working.close() == [0]

    def test_nothing_is_kept_by_a_closed_queue(self, working: FairQueue[str, int]) -> None:
        put(working, "a", 1)
        (task,) = take_all(working)
        assert working.close() == []
        assert not working.finish(task, Outcome.SILENT)


class HastyClock:
    """Ten seconds go by whenever it is looked at, so that every pause is over the next time."""

    def __init__(self) -> None:
        self._seconds = itertools.count(step=10)

    def __call__(self) -> float:
        return float(next(self._seconds))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Outcome)), max_size=60), st.integers(1, 4))
@settings(max_examples=60)
def test_every_item_ends_once_and_no_host_is_over_its_limit(work: list[tuple[str, Outcome]], threads: int) -> None:
    queue: FairQueue[str, tuple[int, Outcome]] = FairQueue(
        lambda host: HostLimits(1, 2, 3, 500.0, 0.0), capacity=8, clock=HastyClock()
    )
    ended: list[int] = []
    in_flight = dict.fromkeys("abc", 0)
    lock = threading.Lock()

    def worker() -> None:
        while (task := queue.take()) is not None:
            with lock:
                in_flight[task.host] += 1
                assert in_flight[task.host] <= 2
            with lock:
                in_flight[task.host] -= 1
            if not queue.finish(task, task.item[1]):
                ended.append(task.item[0])
            if len(ended) == len(work):
                queue.close()

    with ThreadPoolExecutor(threads) as pool:
        workers = [pool.submit(worker) for _ in range(threads)]
        for number, (host, outcome) in enumerate(work):
            queue.put(host, (number, outcome))
        if not work:
            queue.close()
        for each in workers:
            each.result(timeout=PATIENCE_S)
    assert sorted(ended) == list(range(len(work)))
