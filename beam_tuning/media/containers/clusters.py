"""Clusters of Matroska and WebM: when their blocks are presented (RFC 9559, 5.1.3 and 10)."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Callable, Iterator
from struct import Struct
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers.ebml import (
    MAX_HEADER_BYTES,
    UNKNOWN_SIZE,
    WIDTHS,
    Element,
    element_at,
    elements,
    header_at,
    unsigned,
)
from beam_tuning.media.containers.reading import cut_at
from beam_tuning.media.containers.work import spend

CLUSTER = 0x1F43B675
CLUSTER_MARK = b"\x1f\x43\xb6\x75"
#: Elements that stand beside clusters: SeekHead, Info, Tracks, Cues, Attachments, Chapters, Tags, and again Segment.
LEVEL_1 = frozenset(
    {CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0x18538067}
)

_VOID, _CRC_32 = 0xEC, 0xBF
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
#: Timestamp, Position, PrevSize, SimpleBlock, BlockGroup, EncryptedBlock, SilentTracks, Void, CRC-32.
_IN_CLUSTER = frozenset({_TIMESTAMP, 0xA7, 0xAB, _SIMPLE_BLOCK, _BLOCK_GROUP, 0xAF, 0x5854, _VOID, _CRC_32})

#: The most places that are tried as the start of a block. In random bytes every 128th byte looks like one, so 512 KiB
#: of them are looked through.
_MAX_MARKS = 4096
_BLOCK_MARK = re.compile(b"[\xa3\xa0]")
#: Of a block: its track's number of up to 8 bytes, a time, flags, and how many frames are laced into it.
BLOCK_START_BYTES = 12
_TIME_AND_FLAGS = Struct(">hB").unpack_from

#: A block that would end further than this behind the end of the object is not one: its bytes only look like a block.
_MAX_BLOCK_BYTES = 1 << 18
#: The usual distance between blocks is taken from the first blocks of a track: from this many of them at the most.
_EARLY_BLOCKS = 64
#: From fewer blocks than this the usual distance is not told.
_MIN_BLOCKS = 6


class _TrackTimes(msgspec.Struct):
    """What is known of the blocks of one track so far; times in nanoseconds.

    Attributes:
      frame_ns: the duration of a frame that the file declares; 0 where it declares none.
      blocks: how many there were.
      first_ns, end_ns: when the first of them starts, and when the last one ends.
      latest_ns: the latest start of a block.
      step_ns: how far the latest start lies behind the one before.
      early_ns: starts of the first blocks, in the order of the file.
    """

    frame_ns: int
    blocks: int = 0
    first_ns: int = 0
    latest_ns: int = 0
    end_ns: int = 0
    step_ns: int = 0
    early_ns: list[int] = []


class BlockTimes:
    """Collects blocks and says when they start and end.

    Args:
      scale_ns: nanoseconds of a timestamp (TimestampScale).
      frame_ns: by track number, the duration of a frame (DefaultDuration), or 0 when not said; blocks of other tracks
        do not count.
    """

    def __init__(self, scale_ns: int, frame_ns: dict[int, int]) -> None:
        self._scale_ns = scale_ns
        self._tracks = {number: _TrackTimes(frame_ns[number]) for number in frame_ns}

    def add(self, cluster_timestamp: int, data: bytes, at: int, stop: int, duration: int | None = None) -> None:
        """Adds the block in data[at:stop], of which `BLOCK_START_BYTES` are enough.

        Args:
          duration: its BlockDuration in timestamps, if it has one.
        """
        if at >= stop:
            return
        width = WIDTHS[data[at]]
        after = at + width + 3
        if width > 8 or after > stop:
            return
        number = data[at] ^ 0x80 if width == 1 else int.from_bytes(data[at : at + width], "big") ^ 1 << 7 * width
        track = self._tracks.get(number)
        if track is None:
            return
        relative, flags = _TIME_AND_FLAGS(data, at + width)
        time_ns = (cluster_timestamp + relative) * self._scale_ns
        if not track.blocks:
            track.first_ns = track.latest_ns = track.end_ns = time_ns
        elif time_ns > track.latest_ns:
            track.step_ns = time_ns - track.latest_ns
            track.latest_ns = time_ns
        elif time_ns < track.first_ns:
            track.first_ns = time_ns
        if duration is not None:
            end_ns = time_ns + duration * self._scale_ns
        else:
            frames = data[after] + 1 if flags & 0x06 and after < stop else 1
            # The distance of the last two blocks is the best that is known of the last one's length.
            end_ns = time_ns + (track.frame_ns * frames or track.step_ns)
        if end_ns > track.end_ns:
            track.end_ns = end_ns
        track.blocks += 1
        if track.blocks <= _EARLY_BLOCKS:
            track.early_ns.append(time_ns)

    @property
    def first_s(self) -> float | None:
        """When the first block starts; None without blocks."""
        starts = [track.first_ns for track in self._tracks.values() if track.blocks]
        return min(starts) / 1e9 if starts else None

    @property
    def end_s(self) -> float | None:
        """When the last block ends; None without blocks."""
        ends = [track.end_ns for track in self._tracks.values() if track.blocks]
        return max(ends) / 1e9 if ends else None

    def bounds_s(self, number: int) -> tuple[float, float] | None:
        """When the first block of a track starts and its last one ends; None without blocks."""
        track = self._tracks[number]
        return (track.first_ns / 1e9, track.end_ns / 1e9) if track.blocks else None

    def typical_step_ns(self, number: int) -> float | None:
        """The usual distance between the first blocks of a track, in presentation order; None when they are few."""
        times = sorted(self._tracks[number].early_ns)
        if len(times) < _MIN_BLOCKS:
            return None
        return statistics.median(later - earlier for earlier, later in itertools.pairwise(times))


class Ends(NamedTuple):
    """Where things end as declared, maybe behind the object's last byte.

    Attributes:
      last: the last element of all.
      clusters: the last cluster, or its last element where it does not say.
      blocks: the last element within a cluster, as a rule a block.
    """

    last: int
    clusters: int
    blocks: int

    def cut(self, size_bytes: int, segment_stop: int | None) -> tuple[str | None, str | None]:
        """The sentences of what the object lacks: (`truncated`, `tail_cut`); one of them at most.

        Args:
          segment_stop: where the segment ends as declared; None when it does not say.
        """
        stop = segment_stop or 0
        if self.clusters <= size_bytes < self.last:
            return None, cut_at("what follows the clusters", self.last, size_bytes)
        if size_bytes < self.blocks and max(self.clusters, stop) <= self.blocks:
            return None, cut_at("the last block", self.blocks, size_bytes)
        if stop > size_bytes:
            return cut_at("the segment", stop, size_bytes), None
        return cut_at("the last cluster", max(self.clusters, self.last), size_bytes), None


class _ClusterEnd(NamedTuple):
    """Where a cluster's last element ends, and the cluster's timestamp."""

    end: int
    timestamp: int


class ClusterWalker:
    """Walks clusters in memory, from one of several places that may be the start of one.

    Args:
      size_bytes: of the object.
      max_elements: looked at in all walks together; at the end of these every walk fails.
    """

    def __init__(self, size_bytes: int, max_elements: int) -> None:
        self._size_bytes = size_bytes
        self._elements_left = max_elements

    def walk(self, data: bytes, start: int, at: int, times: BlockTimes) -> Ends | None:
        """Adds the blocks of all clusters from data[at:] on, where data[0] is byte `start` of the object.

        Returns:
          where the last elements end, at or behind the last byte held; None when the bytes at `at`, or those that
          follow, are no elements of a segment.
        """
        end = blocks_end = clusters_end = start + at
        latest = 0
        while (element := element_at(data, end - start, start)) is not None:
            if element.id == CLUSTER:
                followed = self._walk_cluster(data, start, element, times, None)
                if followed is None or followed.timestamp < latest:
                    return None  # time runs on from cluster to cluster, unless this one only looks like one
                blocks_end, latest = followed
                end = clusters_end = max(blocks_end, element.stop or 0)
            elif element.id in LEVEL_1 or element.id in (_VOID, _CRC_32):
                end = self._size_bytes if element.stop is None else element.stop
            else:
                return None
            self._elements_left -= 1
        return Ends(end, clusters_end, blocks_end) if end + MAX_HEADER_BYTES > start + len(data) else None

    def walk_end(self, data: bytes, start: int, make_times: Callable[[], BlockTimes]) -> tuple[int, BlockTimes] | None:
        """(where blocks that lead to the end of `data` begin, their times as of a cluster that starts at 0).

        For bytes that lie within one cluster. None when no blocks in more than half of them lead to the end.
        """
        for mark in itertools.islice(_BLOCK_MARK.finditer(data), _MAX_MARKS):
            spend()
            times = make_times()
            inside = Element(CLUSTER, start + mark.start(), None)
            last = self._walk_cluster(data, start, inside, times, 0)
            if last is None or last.end > self._size_bytes + _MAX_BLOCK_BYTES:
                continue
            # Bytes that look like a block may end where one begins: only what follows is sure to be blocks.
            first = element_at(data, mark.start())
            if first is None or first.stop is None or first.stop > len(data) // 2:
                continue
            times = make_times()
            self._walk_cluster(data, start, Element(CLUSTER, start + first.stop, None), times, 0)
            return first.stop, times
        return None

    def _walk_cluster(
        self, data: bytes, start: int, cluster: Element, times: BlockTimes, timestamp: int | None
    ) -> _ClusterEnd | None:
        """None when the bytes are none of a cluster."""
        end = cluster.body
        while cluster.stop is None or end < cluster.stop:
            element = element_at(data, end - start, start)
            if element is None:
                if end + MAX_HEADER_BYTES <= start + len(data):
                    return None
                break
            if element.id not in _IN_CLUSTER:
                if cluster.stop is None and element.id in LEVEL_1:
                    break
                return None
            self._elements_left -= 1
            if element.stop is None or self._elements_left < 0:
                return None
            body, body_stop = element.body - start, min(element.stop - start, len(data))
            if element.id == _TIMESTAMP:
                timestamp = unsigned(data, body, body_stop)
            elif element.id == _SIMPLE_BLOCK and timestamp is not None:
                times.add(timestamp, data, body, body_stop)
            elif element.id == _BLOCK_GROUP and timestamp is not None:
                _add_group(data, body, body_stop, timestamp, times)
            end = element.stop
        return None if timestamp is None else _ClusterEnd(end, timestamp)


def _add_group(data: bytes, start: int, stop: int, timestamp: int, times: BlockTimes) -> None:
    block = 0, 0
    duration = None
    for identifier, body, end in elements(data, start, stop):
        if identifier == _BLOCK:
            block = body, end
        elif identifier == _BLOCK_DURATION:
            duration = unsigned(data, body, end)
    times.add(timestamp, data, *block, duration)


def stream_clusters(chunks: Iterator[bytes], start: int, times: BlockTimes) -> Ends:
    """Adds the blocks of all clusters in `chunks`, which begin at byte `start`, at an element beside clusters.

    Where damaged bytes are no elements, it goes on at the next cluster, as demultiplexers do.
    """
    scan = _Scan(start, times)
    held, at = b"", 0  # the next header is at held[at], which may lie in a later chunk
    for chunk in chunks:
        if at >= len(held):
            held, at = chunk, at - len(held)
        else:
            held, at = held[at:] + chunk, 0
        at = scan.run(held, at, len(held) - _LOOKAHEAD_BYTES)
    scan.run(held, at, len(held) - 1)
    scan.end_group()
    return scan.ends


#: Of an element, needed to deal with it: its header, and the start of a block or a short value.
_LOOKAHEAD_BYTES = MAX_HEADER_BYTES + BLOCK_START_BYTES


class _Scan:
    """Goes from element to element, into clusters and groups, over whatever stretch of bytes is held.

    Attributes:
      ends: where the elements so far end.
    """

    def __init__(self, position: int, times: BlockTimes) -> None:
        self.ends = Ends(position, position, position)
        self._position = position  # of the next header, in the object
        self._is_lost = False
        self._times = times
        self._timestamp = 0
        self._group_stop = 0
        self._block = b""
        self._duration: int | None = None

    def run(self, data: bytes, at: int, last: int) -> int:
        """Deals with the elements whose headers lie at data[at] to data[last]; returns where the next header is."""
        start = self._position - at  # where data[0] lies in the object
        end, clusters_end, blocks_end = (place - start for place in self.ends)
        held, steps = len(data), 0
        while at <= last:
            steps += 1
            if self._is_lost:
                at, self._is_lost = _next_cluster(data, at)
                if self._is_lost:
                    break
            header = header_at(data, at)
            if header is None or (header[2] == UNKNOWN_SIZE and header[0] != CLUSTER):
                at, self._is_lost = at + 1, True
                continue
            identifier, body, size = header
            stop = body + max(size, 0)
            if self._block and at >= self._group_stop - start:
                self.end_group()
            at = stop
            if identifier == _SIMPLE_BLOCK:
                self._times.add(self._timestamp, data, body, min(stop, held))
                blocks_end = stop
            elif identifier == CLUSTER:
                clusters_end = stop
                blocks_end = at = body
            elif identifier == _BLOCK_GROUP:
                self.end_group()
                self._group_stop = start + stop
                blocks_end, at = stop, body
            elif identifier == _BLOCK:
                self._block = data[body : min(body + BLOCK_START_BYTES, stop)]
            elif identifier == _BLOCK_DURATION and size <= 8:
                self._duration = unsigned(data, body, stop)
            elif identifier not in LEVEL_1:
                blocks_end = max(blocks_end, stop)
                if identifier == _TIMESTAMP and size <= 8:
                    self._timestamp = unsigned(data, body, stop)
            if stop > end:
                end = stop
        spend(steps)
        self._position = start + at
        self.ends = Ends(start + end, start + max(clusters_end, blocks_end), start + blocks_end)
        return at

    def end_group(self) -> None:
        """Adds the block of the group that has ended: its duration may stand behind it."""
        self._times.add(self._timestamp, self._block, 0, len(self._block), self._duration)
        self._block, self._duration = b"", None


def _next_cluster(data: bytes, at: int) -> tuple[int, bool]:
    """(where a cluster that opens with an element of one begins, from data[at:] on; whether none was found yet)."""
    while (found := data.find(CLUSTER_MARK, at)) >= 0:
        spend()
        cluster = header_at(data, found)
        opening = None if cluster is None else header_at(data, cluster[1])
        if opening is not None and opening[0] in _IN_CLUSTER:
            return found, False
        if opening is None and found + _LOOKAHEAD_BYTES > len(data):
            return found, True
        at = found + 1
    # A mark may go on in the next chunk.
    return max(at, len(data) - len(CLUSTER_MARK) + 1), True
