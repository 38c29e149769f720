"""Audio that is nothing but frames, each saying how long it is: MPEG audio, ADTS and AC-3.

A frame's header gives its length in bytes and in samples. So frames that meet end to end prove the format, which no
short sync word can, and counting them all gives the exact length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from beam_tuning.media.containers.reading import Steps, cut_at, read, stream
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

#: Frames that have to meet before bytes are taken for audio: at the very start, and behind bytes that are no frame.
_PROVING_FRAMES = 3
_PROVING_FRAMES_BEHIND_JUNK = 8
#: Zeros are padding; of other bytes, only the rest of a cut frame is stepped over at the start.
_MAX_JUNK_BYTES = 8 * 1024
#: Read of the middle and of the end.
_SAMPLE_BYTES = 16 * 1024
#: A stream of a constant rate this much longer than its head is sampled, a shorter one read.
_WORTH_SAMPLING_BYTES = 128 * 1024


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


def first_frame(data: bytes, *frame_formats: FrameFormat) -> Frame | None:
    """The first header in bytes that are known to be audio of one of these formats."""
    for frame_format in frame_formats:
        for match in frame_format.sync.finditer(data):
            frame = frame_format.parse(data[match.start() : match.start() + frame_format.header_bytes])
            if frame is not None:
                return frame
    return None


class FrameCounter:
    """Counts the frames of a stream that comes in pieces, stepping over what is no frame."""

    def __init__(self, frame_format: FrameFormat, kind: int) -> None:
        self.seconds = 0.0
        self._format = frame_format
        self._kind = kind
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        data = self._rest + piece
        parse, header_bytes, size = self._format.parse, self._format.header_bytes, len(data)
        position = samples = rate_hz = 0
        while position + header_bytes <= size:
            frame = parse(data[position : position + header_bytes])
            if frame is None or frame.kind != self._kind:
                self.seconds += samples / rate_hz if samples else 0
                samples = 0
                position, synced = self._resync(data, position)
                if not synced:
                    break
                continue
            if position + frame.size_bytes > size:
                break
            position += frame.size_bytes
            samples += frame.samples
            rate_hz = frame.sample_rate_hz
        self.seconds += samples / rate_hz if samples else 0
        self._rest = data[position:]

    def missing_bytes(self) -> int:
        """How far the last frame reaches beyond the end."""
        return _missing_bytes(self._format, self._rest, self._kind)

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


class Counted(NamedTuple):
    """All frames of an object: their length, and the `truncated` sentence."""

    seconds: float
    truncated: str | None


def count_frames(frame_format: FrameFormat, head: bytes, start: int, kind: int, size_bytes: int) -> Steps[Counted]:
    """Counts the frames from `start` on, reading all of the object beyond its head."""
    counter = FrameCounter(frame_format, kind)
    counter.feed(head[start:])
    if len(head) < size_bytes:
        for piece in (yield from stream(len(head))):
            counter.feed(piece)
    return Counted(counter.seconds, cut_at("the last frame", size_bytes + counter.missing_bytes(), size_bytes))


def count_by_rate(
    frame_format: FrameFormat,
    run: Run,
    size_bytes: int,
    tags_bytes: Callable[[bytes], int] | None = None,
    sample_middle: bool = True,
) -> Steps[Counted | None]:
    """The length of a stream of constant bit rate; None when samples of it do not bear that out.

    One round reads the end, and the middle too. At a constant rate the place of every frame follows from the first; so
    the frames there must not only have the same rate but stand where they should. Where that place alone is proof
    enough, the middle is left out: frames of a fractional length on average stand nowhere else by chance.

    Args:
      tags_bytes: how long the tags are that an object with these last bytes ends with.
      sample_middle: False never reads the middle.
    """
    first = run.first
    if not (first.bits_per_s and run.constant_rate) or size_bytes - run.end < _WORTH_SAMPLING_BYTES:
        return None
    starts = [size_bytes - _SAMPLE_BYTES]
    if sample_middle and _constant_frame_bytes(first).is_integer():
        starts.append((run.end + size_bytes - _SAMPLE_BYTES) // 2)
    samples = yield from read(*((start, start + _SAMPLE_BYTES) for start in starts))
    audio_end = size_bytes - (tags_bytes(samples[0]) if tags_bytes else 0)
    tail = samples[0][: max(0, audio_end - starts[0])]
    rests = [_rest_behind_run(frame_format, run, *part) for part in zip(starts, (tail, *samples[1:]), strict=True)]
    if None in rests:
        return None
    missing = _missing_bytes(frame_format, rests[0] or b"", first.kind)
    frames = round((audio_end - run.start) / _constant_frame_bytes(first))
    seconds = frames * first.samples / first.sample_rate_hz
    return Counted(seconds, cut_at("the last frame", size_bytes + missing, size_bytes))


def _constant_frame_bytes(frame: Frame) -> float:
    return frame.samples * frame.bits_per_s / 8 / frame.sample_rate_hz


def _rest_behind_run(frame_format: FrameFormat, run: Run, sample_start: int, sample: bytes) -> bytes | None:
    """What is left of a sample behind its frames; None when these do not go on as `run` does at its constant rate."""
    first, frame_bytes = run.first, _constant_frame_bytes(run.first)
    found = _proven_run(frame_format, sample, first.kind)
    if found is None or not found.constant_rate or found.first.bits_per_s != first.bits_per_s:
        return None
    phase = (sample_start + found.start - run.start) % frame_bytes
    rest = sample[found.end :]
    # Padding makes frames of two lengths, one slot apart.
    return rest if min(phase, frame_bytes - phase) <= 2 and len(rest) <= frame_bytes + 2 else None


def _proven_run(frame_format: FrameFormat, data: bytes, kind: int) -> Run | None:
    for match in frame_format.sync.finditer(data):
        run = walk(frame_format, data, match.start())
        if run is not None and run.frames >= _PROVING_FRAMES and run.first.kind == kind:
            return run
    return None


def _missing_bytes(frame_format: FrameFormat, rest: bytes, kind: int) -> int:
    """How many bytes the frame that opens `rest`, the last bytes of an object, would have beyond them."""
    frame = frame_format.parse(rest[: frame_format.header_bytes])
    return max(0, frame.size_bytes - len(rest)) if frame is not None and frame.kind == kind else 0


def audio_info(frame_format: FrameFormat, first: Frame, counted: Counted) -> MediaInfo:
    """The answer for an object of one audio stream."""
    seconds = counted.seconds or None
    stream_info = StreamInfo(
        MediaKind.AUDIO, first.codec, seconds, sample_rate_hz=first.sample_rate_hz, channels=first.channels or None
    )
    unknown = None if seconds else "no whole frame of audio was found"
    return MediaInfo(frame_format.container, MediaKind.AUDIO, (stream_info,), seconds, unknown, counted.truncated)
