"""Native code that crashes, hangs or talks too much costs one answer; the pool and this process live on."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_making import make_media, make_mp4
from patience import PATIENCE_S

from beam_tuning.media.info import FailureKind
from beam_tuning.media.isolate import ChildError, ChildPool
from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, Segment
from beam_tuning.media.native_reads import read_natively

MakePool = Callable[..., ChildPool]

#: A child whose answer depends on what it is asked.
CHILD = """
import ctypes, os, re, sys
from beam_tuning.media.isolate import serve

def answer(request):
    if request == b"pid":
        return str(os.getpid()).encode()
    if request == b"abort":
        ctypes.CDLL(None).abort()
    if request == b"segfault":
        ctypes.string_at(0)
    if request == b"exit":
        os._exit(3)
    if request == b"loop":
        re.match(b"(a+)+$", b"a" * 64 + b"b")  # in C, and not to be interrupted
    if request == b"sleep":
        ctypes.CDLL(None).pause()
    if request == b"memory":
        return bytes(4 << 30)
    if request == b"raise":
        raise ValueError("no such thing")
    if request == b"print":
        print("noise", flush=True)
        os.write(1, b"more noise")
    return request[::-1]

serve(answer)
"""


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[MakePool]:
    pools: list[ChildPool] = []

    def make(program: str = CHILD, **options: float) -> ChildPool:
        script = tmp_path / f"child_{len(pools)}.py"
        script.write_text(textwrap.dedent(program))
        pools.append(ChildPool((sys.executable, str(script)), **options))  # type: ignore[arg-type]
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def test_one_child_answers_one_request_after_the_other(make_pool: MakePool) -> None:
    pool = make_pool()
    assert pool.ask(b"abc") == b"cba"
    assert pool.ask(b"") == b""
    assert len({pool.ask(b"pid") for _ in range(5)}) == 1
    assert pool.ask(b"x" * 900_000) == b"x" * 900_000


@pytest.mark.parametrize(
    ("request_", "words", "transient"),
    [
        (b"abort", "signal SIGABRT", False),
        (b"segfault", "signal SIGSEGV", False),
        (b"exit", "code 3", True),
        (b"memory", "MemoryError", True),
        (b"raise", "ValueError: no such thing", True),
    ],
)
def test_a_crash_costs_one_answer(make_pool: MakePool, request_: bytes, words: str, transient: bool) -> None:
    pool = make_pool()
    for _ in range(3):
        assert pool.ask(b"before") == b"erofeb"
        with pytest.raises(ChildError, match=words) as caught:
            pool.ask(request_)
        assert caught.value.failure.kind is FailureKind.CRASHED
        assert caught.value.failure.transient is transient
    assert pool.ask(b"after") == b"retfa"


@pytest.mark.parametrize("request_", [b"loop", b"sleep"])
def test_an_endless_loop_costs_one_answer(
    make_pool: MakePool, request_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(timeout_s=200)
    pid = int(pool.ask(b"pid"))
    with monkeypatch.context() as hasty:
        # Only once the child runs: on a busy machine its start takes longer.
        hasty.setattr(pool, "_timeout_s", 0.5)
        with pytest.raises(ChildError, match="did not come to an end"):
            pool.ask(request_)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert int(pool.ask(b"pid")) != pid


def test_a_child_that_died_in_its_sleep_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = int(pool.ask(b"pid"))
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([descriptor], [], [], 200)[0]
    os.close(descriptor)
    assert pool.ask(b"abc") == b"cba"


def test_what_native_code_prints_does_not_get_between_the_answers(make_pool: MakePool) -> None:
    pool = make_pool()
    assert [pool.ask(b"print") for _ in range(3)] == [b"tnirp"] * 3


def test_no_more_children_than_allowed_and_no_answer_mixed_up(make_pool: MakePool) -> None:
    pool = make_pool(max_children=3)
    questions = [f"question {number}".encode() for number in range(200)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(pool.ask, questions))
        pids = set(threads.map(pool.ask, [b"pid"] * 60))
    assert answers == [question[::-1] for question in questions]
    assert 1 <= len(pids) <= 3


def test_crashes_in_one_thread_do_not_disturb_the_others(make_pool: MakePool) -> None:
    pool = make_pool(max_children=3)

    def ask(number: int) -> bytes:
        try:
            return pool.ask(b"segfault" if number % 8 == 0 else str(number).encode())
        except ChildError:
            return b"crashed"

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(40)))
    assert answers == [b"crashed" if number % 8 == 0 else str(number)[::-1].encode() for number in range(40)]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.write(1, b'\\xff' * 8); os.read(0, 9); import time; time.sleep(60)", "answered with"),
        ("import os; os.write(1, bytes(4)); os.read(0, 9); import time; time.sleep(60)", "answered with"),
        ("raise SystemExit(7)", "code 7"),
        ("import os; os.close(1); os.read(0, 9)", "ended with code|closed its pipe"),
    ],
)
def test_programs_that_do_not_serve(make_pool: MakePool, program: str, words: str) -> None:
    with pytest.raises(ChildError, match=words):
        make_pool(program, timeout_s=200).ask(b"hello")


def test_a_program_that_cannot_be_started() -> None:
    pool = ChildPool(("/no/such/program",))
    with pytest.raises(ChildError, match="could be started") as caught:
        pool.ask(b"hello")
    assert caught.value.failure.transient


def test_closing_kills_the_children(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = int(pool.ask(b"pid"))
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


PARENT = """
import os, sys
from beam_tuning.media.isolate import ChildPool
from beam_tuning.media.native_messages import MediaInfoRequest, PageCountRequest, Segment
from beam_tuning.media.native_reads import children, read_natively
if sys.argv[1] in ("mediainfo", "page_count"):
    pool = children("beam_tuning.media." + sys.argv[1])
    is_media = sys.argv[1] == "mediainfo"
    read_natively(MediaInfoRequest(3, (Segment(0, b"abc"),), False) if is_media else PageCountRequest(b"abc"))
    pid = pool._idle[0]._process.pid
else:
    pool = ChildPool((sys.executable, sys.argv[2]))
    pid = int(pool.ask(b"pid"))
print(pid, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("ending", ["exit", "kill"])
@pytest.mark.parametrize("pool", ["mediainfo", "page_count", "own"])
def test_no_child_outlives_its_parent(tmp_path: Path, pool: str, ending: str) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    parent = subprocess.Popen(
        (sys.executable, "-c", PARENT, pool, str(tmp_path / "child.py")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent:
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        if ending == "kill":
            parent.kill()
        else:
            with contextlib.suppress(BrokenPipeError):
                parent.stdin.write(b"\n")
                parent.stdin.flush()
        assert select.select([descriptor], [], [], 200)[0]
        os.close(descriptor)


FORKING = """
import os, sys
from beam_tuning.media.isolate import ChildPool
pool = ChildPool((sys.executable, sys.argv[1]))
mine = pool.ask(b"pid")
forked = os.fork()
if forked == 0:
    os._exit(0 if pool.ask(b"pid") != mine and pool.ask(b"abc") == b"cba" else 1)
_, status = os.waitpid(forked, 0)
assert status == 0, status
assert pool.ask(b"pid") == mine
"""


def test_a_forked_process_starts_children_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = (sys.executable, "-W", "ignore", "-c", FORKING, str(tmp_path / "child.py"))
    assert subprocess.run(command, env=environment, timeout=PATIENCE_S, check=False).returncode == 0


# -- libmediainfo itself ---------------------------------------------------------------------------------------------


def read(data: bytes, *, may_seek: bool = True) -> MediaInfoReading:
    reading = read_natively(MediaInfoRequest(len(data), (Segment(0, data[:65536]),), may_seek))
    assert isinstance(reading, MediaInfoReading)
    return reading


def test_libmediainfo_reads_what_is_at_hand() -> None:
    reading = read(make_mp4(duration_s=1, faststart=True))
    assert reading.format == "MPEG-4"
    assert [(stream.kind, stream.format) for stream in reading.streams] == [("video", "AVC"), ("audio", "AAC")]


def test_libmediainfo_says_what_it_wants_next() -> None:
    data = make_media("mxf", video="mpeg2video", duration_s=5, size_px=(176, 144))
    wanted = read(data).wanted
    assert wanted is not None
    assert 65536 <= wanted < len(data)
    assert read(data, may_seek=False).format == "MXF"


@pytest.mark.parametrize("data", [b"", b"a", bytes(1000), b"\xff" * 70_000, b"RIFF\xff\xff\xff\xffWAVE"])
def test_libmediainfo_recognises_nothing_in_junk(data: bytes) -> None:
    assert not read(data, may_seek=False).streams


@functools.cache
def small_webm() -> bytes:
    return make_media("webm", video="libvpx", duration_s=2)


@settings(max_examples=100)
@given(places=st.lists(st.tuples(st.integers(0, 6000), st.binary(min_size=1, max_size=200)), max_size=4))
def test_libmediainfo_comes_to_an_end_on_damaged_files(places: list[tuple[int, bytes]]) -> None:
    data = small_webm()
    for at, value in places:
        data = data[:at] + value + data[at + len(value) :]
    read(data, may_seek=False)
