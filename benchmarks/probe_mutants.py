"""Damaged media by the thousand, probed in a process of its own: does one of them hang it, crash it or raise?"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import MediaInfo, ObjectInfo, ProbeCost
from beam_tuning.media.probe import probe_object

_HANG_S = 20.0
_MAX_SOURCE_BYTES = 4 << 20
_HEADER_BYTES = 2000


class MutantsTally(NamedTuple):
    """What became of the mutants; `slowest_ms` is the longest that one of them took."""

    probed: int
    hangs: int
    crashes: int
    raised: int
    known: int
    slowest_ms: float


class _MemoryReader:
    """An object in memory, as a store's reader."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.cost = ProbeCost()

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        return self.stat(), self._data[:head_bytes]

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        if not all(0 <= start < stop <= len(self._data) for start, stop in ranges):
            raise AssertionError(f"{ranges} is not inside an object of {len(self._data)} bytes")
        return tuple(self._data[start:stop] for start, stop in ranges)

    def stream(self, start: int) -> Iterator[bytes]:
        for position in range(start, len(self._data), 1 << 16):
            yield self._data[position : position + (1 << 16)]

    def stat(self) -> ObjectInfo:
        return ObjectInfo(size_bytes=len(self._data))

    def close(self) -> None:
        pass


def mutant(source: bytes, seed: int) -> bytes:
    """A damaged copy; the same for the same seed."""
    choice = random.Random(seed)
    data = bytearray(source)
    for _ in range(choice.choice((1, 1, 2, 5, 20))):
        if not data:
            break
        # Most of what is read lies at the start.
        reach = min(len(data), _HEADER_BYTES) if choice.random() < 0.7 else len(data)
        at = choice.randrange(reach)
        kind = choice.randrange(6)
        if kind == 0:
            data[at] ^= 1 << choice.randrange(8)
        elif kind == 1:
            data[at : at + 4] = choice.choice((bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1"))
        elif kind == 2:
            data[at : at + 16] = choice.randbytes(16)
        elif kind == 3:
            length = choice.choice((64, 1000, 30_000))
            data[at : at + length] = bytes(min(length, len(data) - at))
        elif kind == 4:
            del data[at : at + choice.choice((1, 7, 400, len(data)))]
        else:
            data[at:at] = choice.randbytes(choice.choice((1, 9, 500)))
    return bytes(data)


def _probe_from(first: int, count: int, folder: str, names: list[str], out: Connection) -> None:
    for number in range(first, count):
        source = (Path(folder) / names[number % len(names)]).read_bytes()
        data = mutant(source, number)
        out.send(("started", 0.0))
        started = time.perf_counter()
        try:
            media = probe_object("mutant", _MemoryReader(data)).media
            outcome = "known" if isinstance(media, MediaInfo) and media.duration_s is not None else "not known"
        except Exception as error:  # noqa: BLE001 - whatever a mutant makes the prober raise is looked for
            outcome = f"raised {error!r}"
        out.send((outcome, 1000 * (time.perf_counter() - started)))
    out.send(("done", 0.0))


def probe_mutants(folder: Path, names: list[str], count: int) -> MutantsTally:
    """Probes `count` mutants of the files in turn."""
    names = [name for name in names if (folder / name).stat().st_size <= _MAX_SOURCE_BYTES]
    context = multiprocessing.get_context("spawn")
    tally: Counter[str] = Counter()
    slowest_ms, number = 0.0, 0
    while number < count:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_probe_from, args=(number, count, str(folder), names, sender))
        child.start()
        sender.close()
        while True:
            try:
                answer = receiver.recv() if receiver.poll(_HANG_S) else ("hang", 0.0)
            except EOFError:
                answer = ("crash", 0.0)
            outcome, took_ms = answer
            if outcome == "started":
                continue
            if outcome == "done":
                break
            if outcome.startswith("raised"):
                print(f"mutant {number} of {names[number % len(names)]}: {outcome}")
                outcome = "raised"
            tally[outcome] += 1
            slowest_ms = max(slowest_ms, took_ms)
            number += 1
            if outcome in ("hang", "crash"):
                break
        child.kill()
        child.join()
    return MutantsTally(count, tally["hang"], tally["crash"], tally["raised"], tally["known"], slowest_ms)
