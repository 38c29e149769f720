"""The contract between a container family and whoever reads bytes for it (sans I/O).

A plan is a generator. It is made with the object's first bytes, yields what it still needs, is sent the answer, and
returns what the object is:

    plan = module.plan(head, size_bytes)     # head: bytes [0, len(head)) of the object
    request = next(plan)                     # Ranges or Stream
    request = plan.send(answer)              # tuple[bytes, ...] for Ranges, Iterator[bytes] for Stream
    ...StopIteration.value                   # MediaInfo | ProbeFailure

A plan never asks for a byte outside [0, size_bytes), never asks for more than `MAX_ROUNDS` rounds, and raises nothing
but what its reader raises: damaged bytes end in a ProbeFailure, or in a MediaInfo whose duration is unknown.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

from beam_tuning.media.info import MediaInfo, ProbeFailure

#: Bytes of the first read. 64 KiB holds the whole answer of most containers; see docs/probing.md for the measurement.
HEAD_BYTES = 64 * 1024
#: Dependent reads that a plan may ask for after the head.
MAX_ROUNDS = 12


class ByteRange(NamedTuple):
    """Bytes [start, stop) of the object."""

    start: int
    stop: int


class Ranges(NamedTuple):
    """Read these ranges at once; the answer has as many bytes objects, each of the length asked for."""

    ranges: tuple[ByteRange, ...]


class Stream(NamedTuple):
    """Read all bytes from `start` on in one request; the answer is an iterator of chunks."""

    start: int


Request = Ranges | Stream
Answer = tuple[bytes, ...] | Iterator[bytes]
Plan = Generator[Request, Answer, MediaInfo | ProbeFailure]
