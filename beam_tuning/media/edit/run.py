"""Edits, each in a child process of its own: a crash or an endless loop costs one file, not the worker."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys

import msgspec

from beam_tuning.media.edit.wanted import Answer, EditLimits, Made, NotMade, Pieces, Task, Wanted, WantedPieces

_USUAL = EditLimits()
_CHILD = (sys.executable, "-m", "beam_tuning.media.edit.child")


def can_edit() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def edit(source: str, target: str, wanted: Wanted, limits: EditLimits = _USUAL) -> Made | NotMade:
    """Makes a file, whole or not at all.

    Args:
      source: path of a local file, which is not changed.
      target: path of the new file; what is there is replaced.
    """
    unfinished = f"{target}.unfinished"
    try:
        made = _ask(Task(source, unfinished, wanted, limits))
        if isinstance(made, Made):
            os.replace(unfinished, target)
            return made
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)
    return made if isinstance(made, NotMade) else NotMade("gave another answer than was asked for")


def pieces_of(source: str, wanted: WantedPieces, limits: EditLimits = _USUAL) -> Pieces | NotMade:
    """Where a file is taken apart."""
    found = _ask(Task(source, "", wanted, limits))
    return found if isinstance(found, (Pieces, NotMade)) else NotMade("gave another answer than was asked for")


def _ask(task: Task) -> Answer:
    # What this process imports, the child must find too, however the worker set its path.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "SVT_LOG": "0"}
    try:
        ended = subprocess.run(  # noqa: S603
            _CHILD,
            input=msgspec.msgpack.encode(task),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=task.limits.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return NotMade(f"took longer than {task.limits.timeout_s:g} s to edit")
    except OSError as error:
        return NotMade(f"could not be edited: no child process could be started: {error}", is_transient=True)
    if ended.returncode < 0:
        return NotMade(_why_killed(-ended.returncode, task.limits))
    try:
        answer: Answer = msgspec.msgpack.decode(ended.stdout, type=Answer)
    except (msgspec.MsgspecError, ValueError):
        return NotMade(f"ended its child process with code {ended.returncode}", is_transient=True)
    return answer


def _why_killed(number: int, limits: EditLimits) -> str:
    if number == signal.SIGXCPU:
        return f"took more than {limits.cpu_s} s of processor time to edit"
    if number == signal.SIGXFSZ:
        return f"becomes larger than {limits.output_bytes:,} bytes"
    name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
    return f"crashed its child process with signal {name}"
