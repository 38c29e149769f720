"""The contract between a container family and whoever reads bytes for it (sans I/O).

A plan is a generator. It is made with the object's first bytes, yields what it still needs, is sent the answer, and
returns what the object is:

    plan = module.plan(head, size_bytes)     # head: bytes [0, len(head)) of the object
    request = next(plan)                     # a PlanRequest
    request = plan.send(answer)              # the PlanAnswer to it
    ...StopIteration.value                   # MediaInfo | ProbeFailure

| request | answer |
| --- | --- |
| `Ranges` | `tuple[bytes, ...]` |
| `Stream` | `Iterator[bytes]` |
| `MediaInfoRequest` | `MediaInfoReading`, or the `ProbeFailure` of the child process |
| `PageCountRequest` | `PageCountReading`, or the `ProbeFailure` of the child process |

A plan opens nothing and starts nothing itself: what has to be looked at by native code is a request too. It never asks
for a byte outside [0, size_bytes), never asks for more than `MAX_ROUNDS` rounds, and counts its work (`work.py`). It
raises nothing but what its reader raises, and `WorkCapError`: damaged bytes end in a ProbeFailure, or in a MediaInfo
whose duration is unknown.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

from beam_tuning.media.info import MediaInfo, ProbeFailure
from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, PageCountReading, PageCountRequest

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


NativeRequest = MediaInfoRequest | PageCountRequest
NativeAnswer = MediaInfoReading | PageCountReading | ProbeFailure
PlanRequest = Ranges | Stream | NativeRequest
PlanAnswer = tuple[bytes, ...] | Iterator[bytes] | NativeAnswer
Plan = Generator[PlanRequest, PlanAnswer, MediaInfo | ProbeFailure]
