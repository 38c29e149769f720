"""Worker processes: pieces of work in order, errors that travel, and workers that end as they should."""

from __future__ import annotations

import operator
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S

from beam_tuning.errors import BeamTuningError, InputError
from beam_tuning.worker_processes import pool as pool_module
from beam_tuning.worker_processes.messages import pickled
from beam_tuning.worker_processes.pool import OrderedWork, Task, WorkerPool, current_pool, open_pool

# Work is a function that a worker can import; those of the standard library will do.
FIRST = Task(operator.itemgetter(0))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with open_pool(2):
        found = current_pool()
        assert found is not None
        yield found


@pytest.mark.parametrize("has_pool", [True, False])
def test_answers_come_in_the_order_of_the_pieces_with_their_notes(pool: WorkerPool, has_pool: bool) -> None:
    work: OrderedWork[int] = OrderedWork(pool if has_pool else None)
    pieces = [[bytes([number]) * (number % 7) * 30_000] for number in range(40)]
    given = [answer for number, piece in enumerate(pieces) for answer in work.put(number, FIRST, piece)]
    given += work.rest()
    assert given == [(number, piece[0]) for number, piece in enumerate(pieces)]
    assert list(work.rest()) == []


def test_no_more_pieces_wait_than_a_few_for_each_worker(pool: WorkerPool) -> None:
    work: OrderedWork[int] = OrderedWork(pool)
    given = 0
    for number in range(50):
        given += len(list(work.put(number, FIRST, [number])))
        assert number + 1 - given <= 3 * pool.workers
    assert given + len(list(work.rest())) == 50


def test_without_a_pool_a_piece_is_done_at_once() -> None:
    work: OrderedWork[str] = OrderedWork(None)
    assert list(work.put("a", Task(len), b"xyz")) == [("a", 3)]


def refuse(path: str) -> None:
    raise InputError("the file is damaged", where=path, remedy="Mend it.")


class UnpicklableError(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def fail_oddly(_: object) -> None:
    raise UnpicklableError("this", "that")


def test_an_error_of_ours_arrives_whole_and_the_worker_goes_on(pool: WorkerPool) -> None:
    with pytest.raises(InputError) as caught:
        pool.submit(pickled(refuse), pickled("a.jsonl")).result(200)
    assert (caught.value.where, caught.value.remedy) == ("a.jsonl", "Mend it.")
    with pytest.raises(RuntimeError, match="UnpicklableError: this and that"):
        pool.submit(pickled(fail_oddly), pickled(0)).result(200)
    assert pool.submit(pickled(len), pickled(b"ab")).result(200) == 2


def print_and_count(text: str) -> int:
    print(text)
    return len(text)


def test_what_is_printed_does_not_get_between_the_answers(pool: WorkerPool) -> None:
    assert pool.submit(pickled(print_and_count), pickled("printed")).result(200) == 7


def is_alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_that_is_killed_is_told_and_nothing_waits_for_it() -> None:
    with open_pool(2):
        pool = current_pool()
        assert pool is not None
        process_ids = pool.process_ids
        for process_id in process_ids:  # all: a piece may wait for either
            os.kill(process_id, signal.SIGSTOP)
        answers = [pool.submit(pickled(len), pickled(b"ab")) for _ in range(9)]
        for process_id in process_ids:
            os.kill(process_id, signal.SIGKILL)
        for answer in answers:
            with pytest.raises(BeamTuningError, match="a worker process ended before its work was done") as caught:
                answer.result(200)
            assert "killed by SIGKILL" in str(caught.value)
            assert "--workers" in str(caught.value)
    assert not any(map(is_alive, process_ids))
    assert current_pool() is None


def test_workers_are_gone_with_the_block_also_those_that_are_busy() -> None:
    with open_pool(2):
        pool = current_pool()
        assert pool is not None
        process_ids = pool.process_ids
        os.kill(process_ids[0], signal.SIGSTOP)
        for _ in range(9):
            pool.submit(pickled(len), pickled(b"ab"))
    assert not any(map(is_alive, process_ids))


def test_one_worker_is_no_pool() -> None:
    with open_pool(1):
        assert current_pool() is None


def test_a_worker_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pool_module, "_COMMAND", (str(tmp_path / "python"),))
    with pytest.raises(BeamTuningError, match="a worker process cannot be started"), open_pool(2):
        pass


LAUNCHER = """
import sys
from beam_tuning.worker_processes.pool import current_pool, open_pool
with open_pool(2):
    print(*current_pool().process_ids, flush=True)
    sys.stdin.read()
"""


def test_workers_end_with_a_launcher_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stdout is not None
        process_ids = [int(word) for word in launcher.stdout.readline().split()]
        watched = [os.pidfd_open(process_id) for process_id in process_ids]
        launcher.kill()
    for descriptor in watched:
        assert select.select([descriptor], [], [], 200)[0]  # readable when the process has ended
        os.close(descriptor)


def test_a_step_that_goes_on_when_the_pool_is_closed_waits_for_nobody() -> None:
    pool = WorkerPool(1)
    pool.close()
    work: OrderedWork[int] = OrderedWork(pool)
    with pytest.raises(BeamTuningError, match="the run has ended"):
        list(work.put(1, FIRST, [1]))
    with pytest.raises(BeamTuningError, match="the run has ended"):
        pool.own("prober", lambda: WorkerPool(1))


def test_what_a_pool_owns_ends_with_it() -> None:
    pool = WorkerPool(1)
    owned = pool.own("other", lambda: WorkerPool(1))
    assert pool.own("other", lambda: WorkerPool(1)) is owned
    pool.close()
    with pytest.raises(BeamTuningError, match="the run has ended"):
        owned.submit(FIRST.pickled, pickled([1])).result(timeout=PATIENCE_S)
