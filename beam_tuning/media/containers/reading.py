"""What the container readers share: asking for bytes inside a plan, walking forward over an object, and integers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar, cast

from beam_tuning.media.containers.plan import HEAD_BYTES, ByteRange, PlanAnswer, PlanRequest, Ranges, Stream
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import FailureKind, ProbeFailure
from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, PageCountReading, PageCountRequest

_Result = TypeVar("_Result")
#: A part of a plan: used as `result = yield from part(...)`.
Steps = Generator[PlanRequest, PlanAnswer, _Result]


def read(*ranges: tuple[int, int]) -> Steps[tuple[bytes, ...]]:
    """One round: the bytes of each range [start, stop)."""
    answer = yield Ranges(tuple(ByteRange(start, stop) for start, stop in ranges))
    return cast("tuple[bytes, ...]", answer)


def stream(start: int) -> Steps[Iterator[bytes]]:
    """All bytes from `start` on, in chunks."""
    answer = yield Stream(start)
    return cast("Iterator[bytes]", answer)


def read_with_libmediainfo(request: MediaInfoRequest) -> Steps[MediaInfoReading | ProbeFailure]:
    """What libmediainfo makes of the bytes that are held."""
    answer = yield request
    return cast("MediaInfoReading | ProbeFailure", answer)


def count_pages(document: bytes) -> Steps[PageCountReading | ProbeFailure]:
    """How many pages a PDF document has, of which all bytes are given."""
    answer = yield PageCountRequest(document)
    return cast("PageCountReading | ProbeFailure", answer)


def shifted(plan: Steps[_Result], offset: int) -> Steps[_Result]:
    """`plan`, made for an object that begins `offset` bytes into the real one."""
    try:
        request = next(plan)
        while True:
            moved: PlanRequest = request
            if isinstance(request, Stream):
                moved = Stream(request.start + offset)
            elif isinstance(request, Ranges):
                moved = Ranges(tuple(ByteRange(start + offset, stop + offset) for start, stop in request.ranges))
            request = plan.send((yield moved))
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]


class Window:
    """The stretch of an object that a plan holds. It moves forward as bytes beyond it are asked for, a few times."""

    _MAX_MOVES = 8
    #: Of what follows, which is asked for next as a rule.
    _LOOKAHEAD_BYTES = 4096

    def __init__(self, head: bytes, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._start = 0
        self._data = head
        self._moves = 0

    def at(self, position: int, length: int) -> Steps[bytes]:
        """Bytes [position, position + length): fewer where the object ends, none once the moves are used up."""
        spend()
        stop = min(position + length, self.size_bytes)
        held_stop = self._start + len(self._data)
        if stop > held_stop or position < self._start:
            if position >= stop or self._moves == self._MAX_MOVES:
                return b""
            self._moves += 1
            read_stop = min(position + max(length + self._LOOKAHEAD_BYTES, HEAD_BYTES), self.size_bytes)
            if self._start <= position < held_stop:
                (more,) = yield from read((held_stop, read_stop))
                self._data = self._data[position - self._start :] + more
            else:
                (self._data,) = yield from read((position, read_stop))
            self._start = position
        return self._data[position - self._start : stop - self._start] if position < stop else b""

    def held(self, position: int) -> bytes:
        """What the window has from `position` on."""
        return self._data[position - self._start :] if position >= self._start else b""


class ByteStream:
    """A stream's chunks as one run of bytes, read once from front to back."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._data = b""
        self._offset = 0
        #: Bytes taken or skipped so far.
        self.position = 0

    def take(self, length: int) -> bytes:
        """The next bytes; fewer than `length` at the end."""
        spend()
        held = len(self._data) - self._offset
        if held < length:
            parts = [self._data[self._offset :]]
            while held < length and (chunk := next(self._chunks, None)) is not None:
                parts.append(chunk)
                held += len(chunk)
            self._data, self._offset = b"".join(parts), 0
        taken = self._data[self._offset : self._offset + length]
        self._offset += len(taken)
        self.position += len(taken)
        return taken

    def skip(self, length: int) -> bool:
        """Steps over bytes; False when the end comes first."""
        spend()
        while True:
            held = len(self._data) - self._offset
            step = min(held, length)
            self._offset += step
            self.position += step
            length -= step
            if length == 0:
                return True
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._data, self._offset = chunk, 0


def damaged(container: str, what: str) -> ProbeFailure:
    """The answer for an object that begins as a container does and cannot be read on."""
    return ProbeFailure(FailureKind.UNREADABLE, f"The {container} header cannot be read: {what}.")


def cut_at(what: str, declared_end: int, size_bytes: int) -> str | None:
    """The `truncated` sentence when `what` should end at byte `declared_end`; None when the object holds it."""
    if declared_end <= size_bytes:
        return None
    return f"{what} ends at byte {declared_end}, the object at byte {size_bytes}"


def cut_off(declared_s: float | None) -> str:
    """The `duration_unknown` of an object that is cut off, with the length that its whole header declares."""
    says = "" if declared_s is None else f"; whole it would last {declared_s:.3f} s by its header"
    return f"the object is cut off{says}"


def u16le(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 2], "little")


def u32le(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 4], "little")


def u64le(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 8], "little")


def u16be(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 2], "big")


def u24be(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 3], "big")


def u32be(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 4], "big")


def u64be(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 8], "big")
