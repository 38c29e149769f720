"""Child processes for native code: a crash or an endless loop costs one answer, not the worker.

A child is a Python process of its own, started with `subprocess` (never forked out of a process with threads), that
answers requests one after the other over pipes. It is reused, limits its own memory and processor time, ends when its
standard input closes, and is killed when it does not answer in time.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from beam_tuning.media.info import FailureKind, ProbeFailure

#: The most memory that a child may take, its interpreter included. Parsing a megabyte of input takes far less.
_MAX_MEMORY_BYTES = 1 << 30
#: The most processor time for one answer. The kernel ends a child in an endless loop, even when its parent has gone.
_MAX_CPU_S = 20
#: The longest answer that is read. Our own programs answer with less, so a longer one means that the child is broken.
_MAX_ANSWER_BYTES = 1 << 20
#: After this many answers a child is replaced, so that memory that native code leaks does not pile up.
_MAX_ANSWERS = 2000

_LENGTH = struct.Struct(">I")
_OK, _ERROR = b"\0", b"\1"


class ChildError(Exception):
    """A child gave no answer; `failure` is what a probe reports.

    A crash will come again. What may lie in the machine, not in the object, is transient.
    """

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.failure = ProbeFailure(FailureKind.CRASHED, message, transient)


class ChildPool:
    """A few children that all answer alike. Thread-safe.

    Args:
      command: the program of a child; it calls `serve`.
      max_children: at work at the same moment; more callers wait.
      timeout_s: for one answer, the start of a child included.
    """

    def __init__(self, command: Sequence[str], *, max_children: int = 2, timeout_s: float = 15.0) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._slots = threading.BoundedSemaphore(max_children)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._owner = os.getpid()
        self._is_closed = False

    def ask(self, request: bytes) -> bytes:
        """One answer. Raises `ChildError`."""
        with self._slots:
            child = self._take()
            try:
                answer = child.ask(request, time.monotonic() + self._timeout_s)
            except BaseException:
                child.kill()
                raise
            self._give_back(child)
        if answer[:1] != _OK:
            message = f"Native code failed: {answer[1:].decode('utf-8', 'replace')}."
            raise ChildError(message, transient=True)
        return answer[1:]

    def close(self) -> None:
        """Kills the children that wait; those at work are killed as they finish."""
        with self._lock:
            self._is_closed = True
            children, self._idle = self._idle, []
        if self._owner == os.getpid():
            for child in children:
                child.kill()

    def _take(self) -> _Child:
        with self._lock:
            if self._owner != os.getpid():
                # This process was forked: the children are its parent's.
                self._owner, self._idle = os.getpid(), []
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
                child.kill()
        return _Child(self._command)

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            if child.answers < _MAX_ANSWERS and not self._is_closed:
                self._idle.append(child)
                return
        child.kill()


class _Child:
    """One child process; used by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        # What this process imports, the child must find too, however the worker set its path.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                bufsize=0,
            )
        except OSError as error:
            message = f"No child process could be started: {error}."
            raise ChildError(message, transient=True) from error
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018
        self._to_child = self._process.stdin.fileno()
        self._from_child = self._process.stdout.fileno()
        os.set_blocking(self._to_child, False)
        os.set_blocking(self._from_child, False)
        self.answers = 0

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes, deadline_s: float) -> bytes:
        self.answers += 1
        self._write(_LENGTH.pack(len(request)) + request, deadline_s)
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline_s))
        if not 1 <= length <= _MAX_ANSWER_BYTES:
            raise ChildError(f"A child process answered with {length} bytes.", transient=True)
        return self._read(length, deadline_s)

    def kill(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def _write(self, data: bytes, deadline_s: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._to_child, selectors.EVENT_WRITE, deadline_s)
            try:
                view = view[os.write(self._to_child, view) :]
            except BrokenPipeError:
                raise self._crashed() from None

    def _read(self, length: int, deadline_s: float) -> bytes:
        data = b""
        while len(data) < length:
            self._wait(self._from_child, selectors.EVENT_READ, deadline_s)
            part = os.read(self._from_child, length - len(data))
            if not part:
                raise self._crashed()
            data += part
        return data

    def _wait(self, descriptor: int, event: int, deadline_s: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not selector.select(max(deadline_s - time.monotonic(), 0)):
                message = "Native code did not come to an end in time and was stopped."
                raise ChildError(message, transient=True)

    def _crashed(self) -> ChildError:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return ChildError("A child process closed its pipe.", transient=True)
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return ChildError(f"Native code crashed with signal {name}.", transient=False)
        return ChildError(f"A child process ended with code {code}.", transient=True)


def serve(answer: Callable[[bytes], bytes]) -> None:
    """The life of a child: answers requests from standard input until it closes.

    An exception is the answer to its request; whatever else happens ends the process.
    """
    source = os.fdopen(os.dup(0), "rb")
    sink = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # what native code prints must not get between the answers
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _MAX_MEMORY_BYTES)
    while len(header := source.read(_LENGTH.size)) == _LENGTH.size:
        request = source.read(_LENGTH.unpack(header)[0])
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + _MAX_CPU_S)
        try:
            reply = _OK + answer(request)
        except Exception as error:  # noqa: BLE001
            reply = _ERROR + f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        view = memoryview(_LENGTH.pack(len(reply)) + reply)
        while view:
            view = view[os.write(sink, view) :]


def _limit(kind: int, value: int) -> None:
    """Lowers a soft limit; systems that do not have it go without."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
