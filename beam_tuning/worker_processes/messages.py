"""How a pool and its worker processes talk: pickled messages with their lengths before them, over two pipes."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import IO, Any, NamedTuple, TypeAlias

#: Does one piece of work: a pure function of what it is given. It travels pickled, so it is a function of a module or
#: an object of a class of one.
Work: TypeAlias = Callable[[Any], Any]

_LENGTH = struct.Struct(">Q")


class Answer(NamedTuple):
    """What a worker made of one piece.

    Attributes:
      value: what the work gave.
      error: what it raised instead.
    """

    value: Any = None
    error: BaseException | None = None


def write_message(sink: IO[bytes], *parts: bytes) -> None:
    """Raises OSError when nobody reads any more."""
    for part in parts:
        sink.write(_LENGTH.pack(len(part)))
        sink.write(part)
    sink.flush()


def read_message(source: IO[bytes]) -> bytes | None:
    """One part of a message; None when nobody writes any more."""
    header = source.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    data = source.read(length)
    return data if len(data) == length else None


def pickled(value: Any) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def pickled_answer(answer: Answer) -> bytes:
    """An error that cannot travel is told by its words."""
    try:
        data = pickled(answer)
        if answer.error is not None:
            pickle.loads(data)  # noqa: S301 - some errors can be pickled and not be made again
    except Exception as error:  # noqa: BLE001
        told = answer.error or error
        return pickled(Answer(error=RuntimeError(f"{type(told).__name__}: {told}")))
    return data
