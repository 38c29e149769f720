"""Audio that is nothing but frames, each saying how long it is: MPEG audio, ADTS and AC-3.

A frame's header gives its length in bytes and in samples. So frames that meet end to end prove the format, which no
short sync word can, and counting them all gives the exact length. Nothing declares how many there are, so nothing short
of counting does: a constant rate says how long the bytes would play if all of them were frames, but parts that were
joined have tags between them. And a file that ends inside a frame lacks the rest of it; no more is known to be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from beam_tuning.media.containers.lengths import known, lacks
from beam_tuning.media.containers.reading import Steps, stream
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

#: Frames that have to meet before bytes are taken for audio: at the very start, and behind bytes that are no frame.
_PROVING_FRAMES = 3
_PROVING_FRAMES_BEHIND_JUNK = 8
#: Zeros are padding; of other bytes, only the rest of a cut frame is stepped over at the start.
_MAX_JUNK_BYTES = 8 * 1024


class Frame(NamedTuple):
    """One frame header.

    Attributes:
      kind: equal for the frames of one stream.
      bits_per_s: the frame's declared bit rate; 0 where a format declares none.
    """

    size_bytes: int
    samples: int
    sample_rate_hz: int
    channels: int
    codec: str
    kind: int
    bits_per_s: int


class FrameFormat(NamedTuple):
    """How frames of one format are found.

    Attributes:
      container: its name.
      sync: what a header starts with.
      header_bytes: how much of a frame `parse` is given.
      parse: the frame of a header; None when it is none.
    """

    container: str
    sync: re.Pattern[bytes]
    header_bytes: int
    parse: Callable[[bytes], Frame | None]


class Run(NamedTuple):
    """Frames of one kind that meet end to end: so many of them whole, from `start` to `end`."""

    first: Frame
    start: int
    end: int
    frames: int
    constant_rate: bool


def walk(frame_format: FrameFormat, data: bytes, start: int, max_frames: int | None = None) -> Run | None:
    """The run that starts at `start`; None when no whole frame does."""
    parse, header_bytes, size = frame_format.parse, frame_format.header_bytes, len(data)
    first = parse(data[start : start + header_bytes])
    if first is None or start + first.size_bytes > size:
        spend()
        return None
    kind, bits_per_s = first.kind, first.bits_per_s
    position, frames, constant_rate = start + first.size_bytes, 1, True
    while frames != max_frames:
        frame = parse(data[position : position + header_bytes])
        if frame is None or frame.kind != kind or position + frame.size_bytes > size:
            break
        constant_rate = constant_rate and frame.bits_per_s == bits_per_s
        position += frame.size_bytes
        frames += 1
    spend(frames)
    return Run(first, start, position, frames, constant_rate)


def find_start(frame_format: FrameFormat, head: bytes) -> int | None:
    """Where the frames of an object begin; None when its head is not of this format."""
    padding = len(head) - len(head.lstrip(b"\0"))
    for match in frame_format.sync.finditer(head, padding, padding + _MAX_JUNK_BYTES):
        start = match.start()
        needed = _PROVING_FRAMES if start == padding else _PROVING_FRAMES_BEHIND_JUNK
        run = walk(frame_format, head, start, needed)
        # A very short object is proven by frames that fill it.
        if run is not None and (run.frames == needed or (run.frames >= 2 and run.end == len(head))):
            return start
    return None


def frames_meet(frame_format: FrameFormat, data: bytes) -> bool:
    """Whether `data` begin with a frame, and go on with another one of its kind as far as there is more."""
    frame = frame_format.parse(data[: frame_format.header_bytes])
    if frame is None:
        return False
    following = data[frame.size_bytes : frame.size_bytes + frame_format.header_bytes]
    if len(following) < frame_format.header_bytes:
        return True
    after = frame_format.parse(following)
    return after is not None and after.kind == frame.kind


def find_late_start(frame_format: FrameFormat, data: bytes) -> int | None:
    """Where frames begin behind any number of other bytes; None when there are none.

    Frames are found inside other things too (archives, containers that nobody knows). So they have to go on to the end
    of the data, and most bytes from the first on have to be frames: tags stand between parts that were joined.
    """
    start: int | None = None
    position = frames_bytes = 0
    goes_on = False
    while match := frame_format.sync.search(data, position):
        run = walk(frame_format, data, match.start())
        position = match.start() + 1
        if run is not None and run.frames >= _PROVING_FRAMES_BEHIND_JUNK:
            position = run.end
            start = run.start if start is None else start
            frames_bytes += run.end - run.start
            following = frame_format.parse(data[run.end : run.end + frame_format.header_bytes])
            goes_on = len(data) - run.end < frame_format.header_bytes or (
                following is not None and following.kind == run.first.kind
            )
    return start if start is not None and goes_on and frames_bytes > (len(data) - start) / 2 else None


def first_frame(data: bytes, *frame_formats: FrameFormat) -> Frame | None:
    """The first header in bytes that are known to be audio of one of these formats."""
    for frame_format in frame_formats:
        for match in frame_format.sync.finditer(data):
            frame = frame_format.parse(data[match.start() : match.start() + frame_format.header_bytes])
            if frame is not None:
                return frame
    return None


class FrameCounter:
    """Counts the frames of a stream that comes in pieces, stepping over what is no frame.

    Attributes:
      seconds: of all whole frames so far.
    """

    def __init__(self, frame_format: FrameFormat, kind: int) -> None:
        self.seconds = 0.0
        self._format = frame_format
        self._kind = kind
        self._rest = b""
        #: Whether a frame ends where `_rest` begins.
        self._in_step = True

    def feed(self, piece: bytes) -> None:
        data = self._rest + piece
        parse, header_bytes, size = self._format.parse, self._format.header_bytes, len(data)
        position = samples = rate_hz = frames = 0
        if not self._in_step:
            position, self._in_step = self._resync(data, position)
        while self._in_step and position + header_bytes <= size:
            frame = parse(data[position : position + header_bytes])
            if frame is None or frame.kind != self._kind:
                self.seconds += samples / rate_hz if samples else 0
                samples = 0
                position, self._in_step = self._resync(data, position)
                continue
            if position + frame.size_bytes > size:
                break
            position += frame.size_bytes
            frames += 1
            samples += frame.samples
            rate_hz = frame.sample_rate_hz
        self.seconds += samples / rate_hz if samples else 0
        self._rest = data[position:]
        spend(frames)

    def tail_cut(self) -> str | None:
        """What the last frame lacks, once all pieces were fed."""
        return _tail_cut(self._format, self._rest, self._kind) if self._in_step else None

    def _resync(self, data: bytes, position: int) -> tuple[int, bool]:
        """Where the next frames are, or from where on more bytes are needed to say."""
        for match in self._format.sync.finditer(data, position):
            start = match.start()
            run = walk(self._format, data, start, _PROVING_FRAMES)
            if run is not None and run.frames == _PROVING_FRAMES:
                self._kind = run.first.kind
                return start, True
            frame = self._format.parse(data[start : start + self._format.header_bytes])
            reach = start if frame is None else (run.end if run else start) + frame.size_bytes
            if frame is not None and reach + self._format.header_bytes > len(data):
                return start, False
        return max(position, len(data) - self._format.header_bytes + 1), False


class Opening(NamedTuple):
    """Where the frames of an object begin, and the first of them."""

    start: int
    first: Frame


def opening_of(frame_format: FrameFormat, head: bytes) -> Opening | None:
    """What the frames of an object begin with; None when its head holds no run of them."""
    start = find_start(frame_format, head)
    if start is None:
        return None
    first = frame_format.parse(head[start : start + frame_format.header_bytes])
    return None if first is None else Opening(start, first)


class Counted(NamedTuple):
    """All frames of an object: their length, and the `tail_cut` sentence."""

    seconds: float
    tail_cut: str | None


def count_frames(frame_format: FrameFormat, head: bytes, start: int, kind: int, size_bytes: int) -> Steps[Counted]:
    """Counts the frames from `start` on, reading all of the object beyond its head."""
    counter = FrameCounter(frame_format, kind)
    counter.feed(head[start:])
    if len(head) < size_bytes:
        for piece in (yield from stream(len(head))):
            counter.feed(piece)
    return Counted(counter.seconds, counter.tail_cut())


def _tail_cut(frame_format: FrameFormat, rest: bytes, kind: int) -> str | None:
    """What the frame that opens `rest`, the last bytes of an object, lacks; None when no frame does."""
    if not frame_format.sync.match(rest):
        return None
    if len(rest) < frame_format.header_bytes:
        return f"the last frame lacks all but its first {len(rest)} bytes"
    frame = frame_format.parse(rest[: frame_format.header_bytes])
    if frame is None or frame.kind != kind or frame.size_bytes <= len(rest):
        return None
    return lacks("the last frame", frame.size_bytes - len(rest))


def audio_info(frame_format: FrameFormat, first: Frame, counted: Counted, truncated: str | None = None) -> MediaInfo:
    """The answer for an object of one audio stream."""
    duration_s, unknown = known(counted.seconds, "no whole frame of audio was found")
    stream_info = StreamInfo(
        MediaKind.AUDIO, first.codec, duration_s, sample_rate_hz=first.sample_rate_hz, channels=first.channels or None
    )
    tail_cut = counted.tail_cut if truncated is None else None
    return MediaInfo(frame_format.container, MediaKind.AUDIO, (stream_info,), duration_s, unknown, truncated, tail_cut)
