"""Is it the object, or is it the host? One case at a time."""

from __future__ import annotations

import pytest

from beam_tuning.media.fair_queue import FairQueue
from beam_tuning.media.host_lane import HostLimits, Outcome, Task

Tasks = list[Task[str, str]]


class Host:
    """One host whose clock the test moves; items are named by what they are to show."""

    def __init__(
        self, first: int = 8, most: int = 20, failures: int | None = None, *, patience_s: float = 60.0
    ) -> None:
        self.now_s = 0.0
        self.queue: FairQueue[str, str] = FairQueue(
            lambda _: HostLimits(first, most, failures, patience_s, 60.0), capacity=1000, clock=lambda: self.now_s
        )

    def put(self, *items: str) -> None:
        for item in items:
            assert self.queue.put("host", item)

    def take(self) -> Tasks:
        """All that may run now."""
        return list(iter(lambda: self.queue.take(wait=False), None))

    def finish(self, outcome: Outcome, *tasks: Task[str, str], after_s: float = 1.0) -> list[bool]:
        """Which of the tasks, finished one after the other, were kept."""
        kept = []
        for task in tasks:
            self.now_s += after_s
            kept.append(self.queue.finish(task, outcome))
        return kept


def items(tasks: Tasks) -> list[str]:
    return [task.item for task in tasks]


ANSWERED, FAULTY, BUSY, SILENT = Outcome


@pytest.fixture
def host() -> Host:
    """A host of which there is no doubt, and that has answered once, ten seconds ago."""
    made = Host()
    made.put("first")
    made.finish(ANSWERED, *made.take())
    made.now_s = 10.0
    return made


def test_while_one_has_failed_another_is_tried_first_and_without_a_pause(host: Host) -> None:
    host.put("a")
    (a,) = host.take()
    assert host.finish(SILENT, a) == [True]
    assert host.take() == []
    host.put("b")
    (b,) = host.take()
    assert b.item == "b"
    assert host.finish(SILENT, b) == [True]
    host.now_s += 8.0
    host.put("c")
    assert items(host.take())[0] == "c"


def test_one_object_that_fails_again_and_again_is_one_witness(host: Host) -> None:
    host.put("a")
    for _ in range(5):
        (a,) = host.take()
        assert host.finish(SILENT, a) == [True]
        host.now_s += 8.0
    (a,) = host.take()
    host.finish(SILENT, a)
    host.put("b")
    assert items(host.take()) == ["b"]


def test_after_so_many_nothing_is_tried_in_a_pause(host: Host) -> None:
    host.put("a", "b", "c")
    assert host.finish(SILENT, *host.take()) == [True] * 3
    host.put("d", "e")
    assert host.take() == []
    host.now_s += 8.0
    assert items(host.take()) == ["d"]  # one, and none of those that failed


def test_an_answer_ends_a_pause(host: Host) -> None:
    host.put("a", "b")
    a, b = host.take()
    assert host.finish(SILENT, a, after_s=5.0) == [True]
    host.finish(ANSWERED, b, after_s=0.0)
    assert items(host.take()) == ["a"]


def test_an_answer_ends_a_rest() -> None:
    host = Host(8, 8, failures=3)
    host.put("a", "b", "c", "d", "e")
    a, b, c, d, e = host.take()
    host.finish(SILENT, a, b, c)
    host.put("f")
    f = next((task for task in host.take() if task.item == "f"), None)
    assert f is None  # the limit is 1, and two are in flight
    host.finish(ANSWERED, d)
    host.finish(ANSWERED, e)
    assert [(task.item, task.refused) for task in host.take()] == [("f", False)]


def test_after_a_rest_one_finds_out() -> None:
    host = Host(8, 8, failures=3)
    host.put(*"abcdefgh")
    host.finish(SILENT, *host.take())
    host.now_s += 61.0
    host.put(*"ijkl")
    assert [(task.item, task.refused) for task in host.take()] == [("i", False)]


def test_who_has_a_second_turn_has_it_behind_those_that_waited_and_before_those_that_came_later(host: Host) -> None:
    host.put(*"abcdefghi")
    bad, *others = host.take()
    host.put("early")
    host.finish(ANSWERED, *others)
    assert host.finish(BUSY, bad) == [True]
    host.put("late")
    assert items(host.take()) == ["early", "a", "late"]


def test_failures_beside_answers_leave_a_host_what_it_had_in_the_beginning() -> None:
    host = Host(8, 20)
    host.put(*(f"item {number}" for number in range(200)))
    host.finish(ANSWERED, *host.take())
    tasks = host.take()
    assert len(tasks) == 16
    for _ in range(3):
        answered, *failed = tasks
        host.finish(ANSWERED, answered)
        host.finish(SILENT, *failed, after_s=0.0)
        host.now_s += 1.0
        tasks = host.take()
        assert len(tasks) == 8


def test_an_error_while_others_were_answered_is_the_objects_own(host: Host) -> None:
    host.put("bad", "good")
    bad, good = host.take()
    host.finish(ANSWERED, good, after_s=3.0)
    assert host.finish(FAULTY, bad, after_s=1.0) == [False]


def test_an_error_after_others_were_answered_has_a_second_turn_and_no_third(host: Host) -> None:
    host.put("bad", "good")
    bad, good = host.take()
    host.finish(ANSWERED, good, after_s=1.0)
    assert host.finish(FAULTY, bad, after_s=9.0) == [True]
    (again,) = host.take()  # without a pause
    assert host.finish(FAULTY, again) == [False]


def test_errors_of_a_few_are_not_waited_for(host: Host) -> None:
    host.put("a", "b", "c")
    assert host.finish(FAULTY, *host.take()) == [True, True, False]
    host.now_s += 8.0
    assert host.finish(FAULTY, *host.take()) == [False, False]


def test_errors_of_many_at_once_are_an_outage(host: Host) -> None:
    host.put("a", "b", "c", "d")
    assert host.finish(FAULTY, *host.take()) == [True] * 4
    assert host.take() == []
    host.now_s += 8.0
    assert len(host.take()) == 1


def test_errors_of_many_at_once_are_none_where_errors_are_usual(host: Host) -> None:
    for number in range(3):
        host.put(f"lone {number}")
        assert host.finish(FAULTY, *host.take()) == [False]
    host.put("a", "b", "c", "d")
    assert host.finish(FAULTY, *host.take()) == [False] * 4


def test_after_an_outage_by_errors_nothing_is_refused_that_was_not_tried(host: Host) -> None:
    host.put("a", "b", "c", "d")
    host.finish(FAULTY, *host.take())
    host.now_s += 61.0
    host.put("e")
    (e,) = host.take()
    assert (e.item, e.refused) == ("e", False)
    assert host.finish(FAULTY, e) == [False]
    assert [(task.item, task.refused) for task in host.take()] == [("a", True)]
    host.put("f")
    assert ("f", False) in [(task.item, task.refused) for task in host.take()]


def test_two_objects_without_an_answer_are_no_reason_for_a_rest(host: Host) -> None:
    host.put("a")
    host.finish(SILENT, *host.take())
    host.now_s += 61.0
    host.put("b")
    b, a = host.take()
    assert (b.item, b.refused, a.item, a.refused) == ("b", False, "a", True)
    assert host.finish(SILENT, b, a) == [False, False]
    host.put("c")
    (c,) = host.take()
    assert (c.item, c.refused) == ("c", False)
    host.finish(SILENT, c)
    host.put("d")
    assert [(task.item, task.refused) for task in host.take()] == [("d", True)]


def test_an_answer_with_an_error_changes_no_limit(host: Host) -> None:
    host.put(*(f"item {number}" for number in range(200)))
    for _ in range(10):
        tasks = host.take()
        assert len(tasks) == 9
        host.finish(FAULTY, *tasks)
