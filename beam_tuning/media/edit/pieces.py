"""Where a long file is taken apart: as few pieces as the limits allow, at a keyframe near each limit.

Of several keyframes the one where the sound is quietest is taken; of those that are about as quiet one where the scene
changes; of those the latest.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any, NamedTuple

import av
import numpy as np

from beam_tuning.media.edit.source import CannotEdit, Source, opened
from beam_tuning.media.edit.wanted import SECOND_NS, Pieces, WantedPieces

#: A cut is looked for in the last part of what a piece may hold.
_LOOKED_AT = 0.2
_MOST_LOOKED_AT_NS = 30 * SECOND_NS
#: How long it must be quiet around a cut.
_QUIET_NS = SECOND_NS // 5
#: Pictures are compared at this size; a scene changes where grey levels differ by so much of 255 on average.
_COMPARED_PX = (32, 18)
_SCENE_CHANGE = 25
_MOST_PIECES = 10_000
#: What MP4's index adds to the packets.
_INDEX_SHARE = 1.02
_INDEX_BYTES = 4096


class Point(NamedTuple):
    """A place where a file can be cut: its time, and the bytes of all packets before it."""

    time_ns: int
    bytes_before: int


def find_pieces(path: str, wanted: WantedPieces) -> Pieces:
    """Takes a file apart.

    Raises:
      CannotEdit: its length is not known, or it cannot be taken apart so.
    """
    with opened(path) as source:
        points, end = _points(source)

        def best(candidates: list[Point]) -> Point:
            return _best(source, candidates)

        return Pieces(tuple(_pieces(points, end, wanted, best)))


def _points(source: Source) -> tuple[list[Point], Point]:
    """All keyframes of the pictures, or packets of the sound, and the end."""
    leader = source.video if source.video is not None else source.audio[0]
    streams = [stream for stream in (source.video, *source.audio) if stream is not None]
    points: list[Point] = []
    total = last_ns = 0
    for packet in source.container.demux(streams):
        if packet.size == 0 or packet.pts is None:
            continue
        if packet.stream.index == leader.index and not packet.is_discard:
            time_ns = source.time_ns(packet.pts, leader)
            if packet.is_keyframe and time_ns >= 0:
                points.append(Point(time_ns, total))
            length = packet.duration or (round(1 / leader.average_rate / leader.time_base) if _rate(leader) else 0)
            last_ns = max(last_ns, source.time_ns(packet.pts + length, leader))
        total += packet.size
    if not points or last_ns <= 0:
        raise CannotEdit("does not say when its packets are shown")
    points.sort()
    return points, Point(last_ns, total)


def _rate(stream: Any) -> Any:
    return getattr(stream, "average_rate", None)


def _pieces(
    points: list[Point], end: Point, wanted: WantedPieces, best: Callable[[list[Point]], Point]
) -> list[tuple[int, int]]:
    """(start_ns, stop_ns) of each piece; without an overlap each begins where the one before it ends.

    Args:
      best: of several places, in order, the one to cut at.
    """
    times = [point.time_ns for point in points]
    pieces: list[tuple[int, int]] = []
    start = Point(0, 0)
    while True:
        latest_ns = _latest(start, points, end, wanted)
        if latest_ns >= end.time_ns:
            pieces.append((start.time_ns, end.time_ns))
            return pieces
        earliest_ns = max(
            start.time_ns + SECOND_NS // 2,
            latest_ns - min(round(_LOOKED_AT * (latest_ns - start.time_ns)), _MOST_LOOKED_AT_NS),
        )
        low, high = bisect_left(times, earliest_ns), bisect_right(times, latest_ns)
        candidates = points[low:high]
        cut = best(candidates) if candidates else Point(latest_ns, _bytes_at(latest_ns, points, end))
        pieces.append((start.time_ns, cut.time_ns))
        if len(pieces) > _MOST_PIECES or cut.time_ns - wanted.overlap_ns <= start.time_ns:
            raise CannotEdit("cannot be taken apart into pieces within the limits")
        start = _before(cut, points, wanted.overlap_ns)


def _before(cut: Point, points: list[Point], overlap_ns: int) -> Point:
    """Where the next piece begins."""
    if not overlap_ns:
        return cut
    at = max(0, bisect_right([point.time_ns for point in points], cut.time_ns - overlap_ns) - 1)
    return points[at]


def _latest(start: Point, points: list[Point], end: Point, wanted: WantedPieces) -> int:
    """The latest end of a piece that begins there."""
    latest_ns = start.time_ns + wanted.longest_ns
    if wanted.max_bytes is not None:
        room = start.bytes_before + max(0, round((wanted.max_bytes - _INDEX_BYTES) / _INDEX_SHARE))
        if end.bytes_before > room:
            fitting = bisect_right([point.bytes_before for point in points], room) - 1
            if fitting >= 0 and points[fitting].time_ns > start.time_ns:
                latest_ns = min(latest_ns, points[fitting].time_ns)
            else:
                raise CannotEdit("has no place to cut between two pieces within the limits")
    return latest_ns


def _bytes_at(time_ns: int, points: list[Point], end: Point) -> int:
    at = bisect_right([point.time_ns for point in points], time_ns)
    return points[at].bytes_before if at < len(points) else end.bytes_before


def _best(source: Source, candidates: list[Point]) -> Point:
    loud = _loudness(source, [point.time_ns for point in candidates])
    quiet = [point for point, one in zip(candidates, loud, strict=True) if one == min(loud)]
    if source.video is not None and len(quiet) > 1:
        changing = [point for point in quiet if _scene_changes(source, point.time_ns)]
        quiet = changing or quiet
    return quiet[-1]


def _scene_changes(source: Source, time_ns: int) -> bool:
    """Whether the picture at a time has little in common with the one before it."""
    before = None
    source.seek(time_ns - SECOND_NS // 100, source.video)
    try:
        for frame in source.container.decode(source.video):
            if frame.pts is None:
                continue
            picture = frame.reformat(*_COMPARED_PX, format="gray").to_ndarray().astype(np.int16)
            if source.time_ns(frame.pts, source.video) >= time_ns - SECOND_NS // 1000:
                return before is not None and float(np.abs(picture - before).mean()) >= _SCENE_CHANGE
            before = picture
    except av.FFmpegError:
        return False
    return False


def _loudness(source: Source, times_ns: list[int]) -> list[float]:
    """Root mean square of the sound around each time, between 0 and 1; 0 for a file without sound."""
    if not source.audio or len(times_ns) < 2:
        return [0.0] * len(times_ns)
    stream = source.audio[0]
    squares = np.zeros(len(times_ns))
    counts = np.zeros(len(times_ns))
    source.seek(min(times_ns) - SECOND_NS, stream)
    try:
        for frame in source.container.decode(stream):
            if frame.pts is None:
                continue
            time_ns = source.time_ns(frame.pts, stream)
            if time_ns > max(times_ns) + _QUIET_NS:
                break
            length_ns = round(frame.samples / frame.sample_rate * SECOND_NS)
            near = [
                index
                for index, at in enumerate(times_ns)
                if time_ns - _QUIET_NS <= at <= time_ns + length_ns + _QUIET_NS
            ]
            if near:
                values = frame.to_ndarray()
                scale = float(np.iinfo(values.dtype).max) if np.issubdtype(values.dtype, np.integer) else 1.0
                mean = float(np.mean((values.astype(np.float64) / scale) ** 2))
                squares[near] += mean * frame.samples
                counts[near] += frame.samples
    except av.FFmpegError:
        return [0.0] * len(times_ns)
    # Steps of 1 % of full scale: among places that are about as quiet the latest is taken.
    found = [math.sqrt(square / count) if count else 0.0 for square, count in zip(squares, counts, strict=True)]
    return [round(one, 2) for one in found]
