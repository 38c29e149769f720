"""Ctrl-C and SIGTERM: the command ends with one sentence and the exit code that shells have for it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import ClassVar

#: What a shell says of a program that a signal ended is 128 and the signal's number: 130 and 143.
_SIGNALS = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by SIGTERM"}


class Stopped(KeyboardInterrupt):
    """Raised in the main thread when a signal asks the process to end.

    Attributes:
      exit_code: 130 or 143.
      consequence: what is now the case, as the rest of a sentence; set by who knows.
    """

    def __init__(self, number: int = signal.SIGINT, consequence: str = "") -> None:
        super().__init__(number, consequence)
        self.number = number
        self.consequence = consequence
        self.exit_code = 128 + number

    def __str__(self) -> str:
        words = _SIGNALS[signal.Signals(self.number)]
        return f"{words}; {self.consequence}" if self.consequence else f"{words}."


class _Asked:
    """The last signal that asked this process to end, in the block of `stopping_on_signals`."""

    number: int | None = None
    waits: bool = False
    ends: ClassVar[list[Callable[[], None]]] = []


@contextlib.contextmanager
def ending_when_stopped(end: Callable[[], None]) -> Iterator[None]:
    """Has `end` called in the block when a signal comes, before `Stopped` is raised: for what others would wait for."""
    _Asked.ends.append(end)
    try:
        yield
    finally:
        _Asked.ends.remove(end)


@contextlib.contextmanager
def stopping_afterwards() -> Iterator[None]:
    """Has a signal that comes in the block raise `Stopped` when the block ends: for what must not be done by half."""
    _Asked.waits = True
    try:
        yield
    finally:
        _Asked.waits = False
    if _Asked.number is not None:
        _stop(_Asked.number, None)


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raises `Stopped` in the block when a signal comes. Does nothing but in the main thread, where signals arrive.

    A signal that is ignored stays so: a shell has its background jobs ignore Ctrl-C.
    """
    _Asked.number = None
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in earlier.items():
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, _stop)
    try:
        yield
    except KeyboardInterrupt as error:
        raise error if isinstance(error, Stopped) else Stopped() from error
    finally:
        for number, handler in earlier.items():
            if handler is not None:
                signal.signal(number, handler)


def is_stopped() -> bool:
    """Whether a signal has come in the block of `stopping_on_signals`."""
    return _Asked.number is not None


def raise_if_stopped() -> None:
    """Raises `Stopped` again when a signal has come: libraries wrap what is raised below them in errors of theirs."""
    if _Asked.number is not None:
        raise Stopped(_Asked.number)


def _stop(number: int, _: FrameType | None) -> None:
    _Asked.number = number
    if _Asked.waits:
        return
    for end in _Asked.ends:
        end()
    raise Stopped(number)
