"""Who gets the next thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.media.fair_queue import FairQueue, HostLimits, Task


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> FairQueue[int]:
    return FairQueue(lambda host: HostLimits(2, 4, 3), capacity=1000, rest_s=60.0, clock=clock)


def take_all(queue: FairQueue[int]) -> list[Task[int]]:
    """All tasks that may run now; a lane that may not is left waiting."""
    taken = []
    while queue._listed:
        task = queue.take()
        assert task is not None
        taken.append(task)
    return taken


def put(queue: FairQueue[int], host: str, count: int) -> None:
    for item in range(count):
        assert queue.put(host, item)


def test_hosts_take_turns(queue: FairQueue[int]) -> None:
    put(queue, "a", 5)
    put(queue, "b", 1)
    put(queue, "c", 1)
    assert [task.host for task in take_all(queue)] == ["a", "b", "c", "a"]


def test_items_of_a_host_keep_their_order(queue: FairQueue[int]) -> None:
    put(queue, "a", 6)
    seen = []
    while tasks := take_all(queue):
        for task in tasks:
            seen.append(task.item)
            queue.finish(task, failed=True)
    assert seen == sorted(seen)


def test_a_host_that_answers_may_have_more_up_to_a_limit(queue: FairQueue[int]) -> None:
    put(queue, "a", 100)
    widths = []
    for _ in range(5):
        tasks = take_all(queue)
        widths.append(len(tasks))
        for task in tasks:
            queue.finish(task, failed=False)
    assert widths == [2, 4, 4, 4, 4]


def test_a_host_that_fails_may_have_less(queue: FairQueue[int]) -> None:
    put(queue, "a", 10)
    for task in take_all(queue):
        queue.finish(task, failed=True)
    assert len(take_all(queue)) == 1


def test_a_host_that_keeps_failing_rests_and_is_tried_again(queue: FairQueue[int], clock: Clock) -> None:
    put(queue, "a", 10)
    refused = []
    for _ in range(6):
        (task, *more) = take_all(queue)
        refused.append(task.refused)
        for each in (task, *more):
            queue.finish(each, failed=True)
    assert refused == [False, False, True, True, True, True]

    clock.now_s = 61.0
    put(queue, "a", 10)
    (task,) = take_all(queue)
    assert not task.refused  # one finds out
    queue.finish(task, failed=True)
    (task,) = take_all(queue)
    assert task.refused
    queue.finish(task, failed=True)

    clock.now_s = 122.0
    (task,) = take_all(queue)
    queue.finish(task, failed=False)
    tasks = take_all(queue)
    assert [task.refused for task in tasks] == [False, False]


def test_a_rest_is_one_hosts_own(queue: FairQueue[int]) -> None:
    put(queue, "a", 4)
    while tasks := take_all(queue):
        for task in tasks:
            queue.finish(task, failed=True)
    put(queue, "b", 1)
    put(queue, "a", 1)
    assert {task.host: task.refused for task in take_all(queue)} == {"a": True, "b": False}


def test_put_waits_for_room(clock: Clock) -> None:
    queue: FairQueue[int] = FairQueue(lambda host: HostLimits(1, 1, 1), capacity=2, rest_s=1.0, clock=clock)
    put(queue, "a", 2)
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(queue.put, "a", 2)
        with pytest.raises(TimeoutError):
            third.result(timeout=0.05)
        assert queue.take() is not None
        assert third.result(timeout=5)


def test_close_lets_all_go_and_returns_what_is_left(queue: FairQueue[int]) -> None:
    with ThreadPoolExecutor(2) as pool:
        takers = [pool.submit(queue.take) for _ in range(2)]
        put(queue, "a", 2)
        assert all(taker.result(timeout=5) for taker in takers)
        put(queue, "a", 3)  # over the host's limit: they wait
        taker = pool.submit(queue.take)
        assert queue.close() == [0, 1, 2]
        assert taker.result(timeout=5) is None
    assert not queue.put("a", 1)


def test_hosts_without_work_are_forgotten(queue: FairQueue[int]) -> None:
    for number in range(100):
        put(queue, f"host-{number}", 1)
        (task,) = take_all(queue)
        queue.finish(task, failed=False)
    assert not queue._lanes
    for number in range(5000):
        put(queue, f"host-{number}", 1)
        (task,) = take_all(queue)
        queue.finish(task, failed=True)
    assert len(queue._lanes) <= 4096


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_every_item_is_taken_once_and_no_host_is_over_its_limit(work: list[tuple[str, bool]], threads: int) -> None:
    queue: FairQueue[tuple[int, bool]] = FairQueue(
        lambda host: HostLimits(1, 2, 3), capacity=8, rest_s=0.0, clock=Clock()
    )
    taken: list[int] = []
    in_flight = dict.fromkeys("abc", 0)
    lock = threading.Lock()

    def worker() -> None:
        while (task := queue.take()) is not None:
            with lock:
                in_flight[task.host] += 1
                assert in_flight[task.host] <= 2
            with lock:
                in_flight[task.host] -= 1
            queue.finish(task, failed=task.item[1])
            taken.append(task.item[0])
            if len(taken) == len(work):
                queue.close()

    with ThreadPoolExecutor(threads) as pool:
        workers = [pool.submit(worker) for _ in range(threads)]
        for number, (host, failed) in enumerate(work):
            queue.put(host, (number, failed))
        if not work:
            queue.close()
        for each in workers:
            each.result(timeout=20)
    assert sorted(taken) == list(range(len(work)))
