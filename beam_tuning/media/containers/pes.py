"""What MPEG program and transport streams share: packets of elementary streams (PES) and their time stamps.

Specification: ISO/IEC 13818-1 (Rec. ITU-T H.222.0), 2.4.3.6 and 2.4.3.7; ISO/IEC 11172-1, 2.4.3.3 for MPEG-1.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable

from beam_tuning.media.containers.frames import FrameFormat, walk

CLOCK_HZ = 90_000
_WRAP = 1 << 33
#: Bytes a second may differ between the head and the whole by this factor; if by more, the time stamps jump somewhere.
_RATE_FACTOR = 20


def presentation_time(data: bytes, start: int) -> int | None:
    """The presentation time stamp, in ticks of 90 kHz, of the PES packet at `start`; None when it has none."""
    position = start + 6
    header = data[position : position + 3]
    if len(header) < 3:
        return None
    if header[0] & 0xC0 == 0x80:
        position += 3
        if not header[1] & 0x80:
            return None
    else:
        # MPEG-1: stuffing, then perhaps the size of a buffer.
        end = position + 16
        while position < end and data[position : position + 1] == b"\xff":
            position += 1
        if data[position : position + 1] and data[position] & 0xC0 == 0x40:
            position += 2
    stamp = data[position : position + 5]
    if len(stamp) < 5 or stamp[0] & 0xE1 != 0x21 or not (stamp[2] & stamp[4] & 1):
        return None
    return (stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | (stamp[2] >> 1) << 15 | stamp[3] << 7 | stamp[4] >> 1


def payload_start(data: bytes, start: int) -> int:
    """Where the elementary stream's bytes begin in the PES packet at `start`."""
    if data[start + 6 : start + 7] and data[start + 6] & 0xC0 == 0x80:
        return start + 9 + (data[start + 8] if start + 8 < len(data) else 0)
    return start + 6


class TimeStamps:
    """The time stamps of one elementary stream, at the start and at the end of the object.

    Attributes:
      last_ticks: how long what follows the last stamp lasts; None where it is taken to last as long as the others do.
    """

    def __init__(self, head: list[int], tail: list[int], last_ticks: int | None = None) -> None:
        self.head = head
        self.tail = tail
        self.last_ticks = last_ticks

    def bounds(self, reference: int) -> tuple[int, int] | None:
        """(first, end) in ticks."""
        opening = [_unwrapped(stamp, reference) for stamp in self.head]
        closing = sorted({_unwrapped(stamp, reference) for stamp in self.tail or self.head})
        if not closing:
            return None
        last_ticks = self.last_ticks
        if last_ticks is None:
            steps = [after - before for before, after in itertools.pairwise(closing)]
            last_ticks = round(statistics.median(steps)) if steps else 0
        return min(opening or closing), closing[-1] + last_ticks


def ticks_of_frames(payload: bytes, *frame_formats: FrameFormat) -> int | None:
    """How long the audio frames that begin in a packet's payload last; None when there are none of these formats.

    A packet holds as many frames as its sender saw fit, and the last packet of a stream fewer.
    """
    for frame_format in frame_formats:
        for match in frame_format.sync.finditer(payload):
            run = walk(frame_format, payload, match.start())
            if run is not None:
                return run.frames * run.first.samples * CLOCK_HZ // run.first.sample_rate_hz
    return None


def _unwrapped(stamp: int, reference: int) -> int:
    """A stamp's place on a line through `reference`: stamps start again at 0 after 2^33 ticks (26.5 hours)."""
    return (stamp - reference + _WRAP // 2) % _WRAP - _WRAP // 2 + reference


def seconds_between(streams: Iterable[TimeStamps]) -> float | None:
    """From the first presentation to the end of the last."""
    streams = list(streams)
    reference = next((stamps.head[0] for stamps in streams if stamps.head), None)
    if reference is None:
        return None
    bounds = [found for stamps in streams if (found := stamps.bounds(reference)) is not None]
    return (max(end for _, end in bounds) - min(start for start, _ in bounds)) / CLOCK_HZ


def lengths_s(streams: Iterable[TimeStamps], *, is_all_read: bool) -> list[float | None]:
    """Of each stream, from its first presentation to the end of its last; None where one of the two was not seen.

    Args:
      is_all_read: whether head and tail leave nothing out, so that a stream without a stamp in the tail has ended.
    """
    lengths: list[float | None] = []
    for stamps in streams:
        bounds = stamps.bounds(stamps.head[0]) if stamps.head and (stamps.tail or is_all_read) else None
        lengths.append(None if bounds is None else (bounds[1] - bounds[0]) / CLOCK_HZ)
    return lengths


def jumps(duration_s: float, size_bytes: int, streams: Iterable[TimeStamps], head_bytes: int) -> bool:
    """Whether a length can only come from time stamps that jump: from the bytes a second in the head."""
    spans = [
        max(times) - min(times)
        for stamps in streams
        if (times := [_unwrapped(stamp, stamps.head[0]) for stamp in stamps.head])
    ]
    head_s = max(spans, default=0) / CLOCK_HZ
    if head_s <= 0 or duration_s <= 0:
        return duration_s <= 0
    factor = (size_bytes / duration_s) / (head_bytes / head_s)
    return not 1 / _RATE_FACTOR < factor < _RATE_FACTOR
