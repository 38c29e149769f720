"""Clusters of Matroska and WebM: when their blocks are presented (RFC 9559, 5.1.3 and 10)."""

from __future__ import annotations

import itertools
import statistics

import msgspec

from beam_tuning.media.containers.ebml import MAX_HEADER_BYTES, Element, element_at, elements, unsigned
from beam_tuning.media.containers.reading import ByteStream

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


#: A larger group of one block and its side data is stepped over.
_MAX_GROUP_BYTES = 32 << 20


#: The first blocks of a track, whose distances are looked at, and how few are too few.
_EARLY_BLOCKS = 64
_MIN_BLOCKS = 6


class _TrackTimes(msgspec.Struct):
    """Blocks of one track; times in nanoseconds."""

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

    def add(self, cluster_timestamp: int, block: bytes, duration: int | None = None) -> None:
        """Adds a block, whole or its first bytes, and its BlockDuration in timestamps, if it has one."""
        width = 9 - block[0].bit_length() if block else 9
        if width > 8 or len(block) < width + 3:
            return
        track = self._tracks.get(int.from_bytes(block[:width], "big") ^ 1 << 7 * width)
        if track is None:
            return
        relative = int.from_bytes(block[width : width + 2], "big", signed=True)
        time_ns = (cluster_timestamp + relative) * self._scale_ns
        if not track.blocks or time_ns > track.latest_ns:
            track.step_ns = time_ns - track.latest_ns if track.blocks else 0
            track.latest_ns = time_ns
        if duration is not None:
            length_ns = duration * self._scale_ns
        else:
            is_laced = block[width + 2] & 0x06
            frames = block[width + 3] + 1 if is_laced and len(block) > width + 3 else 1
            # The distance of the last two blocks is the best that is known of the last one's length.
            length_ns = track.frame_ns * frames or track.step_ns
        track.first_ns = min(track.first_ns, time_ns) if track.blocks else time_ns
        track.end_ns = max(track.end_ns, time_ns + length_ns) if track.blocks else time_ns + length_ns
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

    def typical_step_ns(self, number: int) -> float | None:
        """The usual distance between the first blocks of a track, in presentation order; None when they are few."""
        times = sorted(self._tracks[number].early_ns)
        if len(times) < _MIN_BLOCKS:
            return None
        return statistics.median(later - earlier for earlier, later in itertools.pairwise(times))


class ClusterWalker:
    """Walks clusters in memory, from one of several places that may be the start of one.

    Args:
      size_bytes: of the object.
      max_elements: looked at in all walks together; at the end of these every walk fails.
    """

    def __init__(self, size_bytes: int, max_elements: int) -> None:
        self._size_bytes = size_bytes
        self._elements_left = max_elements

    def walk(self, data: bytes, start: int, at: int, times: BlockTimes) -> int | None:
        """Adds the blocks of all clusters from data[at:] on, where data[0] is byte `start` of the object.

        Returns:
          where the last element ends as declared, at or behind the last byte held; None when the bytes at `at`, or
          those that follow, are no elements of a segment.
        """
        end = start + at
        while (element := element_at(data, end - start, start)) is not None:
            if element.id == CLUSTER:
                followed = self._walk_cluster(data, start, element, times)
                if followed is None:
                    return None
                end = followed
            elif element.id in LEVEL_1 or element.id in (_VOID, _CRC_32):
                end = self._size_bytes if element.stop is None else element.stop
            else:
                return None
            self._elements_left -= 1
        return end if end + MAX_HEADER_BYTES > start + len(data) else None

    def _walk_cluster(self, data: bytes, start: int, cluster: Element, times: BlockTimes) -> int | None:
        timestamp = None
        end = cluster.body
        while cluster.stop is None or end < cluster.stop:
            element = element_at(data, end - start, start)
            if element is None:
                if end + MAX_HEADER_BYTES <= start + len(data):
                    return None
                break
            if element.id not in _IN_CLUSTER:
                return end if cluster.stop is None and element.id in LEVEL_1 else None
            self._elements_left -= 1
            if element.stop is None or self._elements_left < 0:
                return None
            body, body_stop = element.body - start, min(element.stop - start, len(data))
            if element.id == _TIMESTAMP:
                timestamp = unsigned(data, body, body_stop)
            elif element.id == _SIMPLE_BLOCK and timestamp is not None:
                times.add(timestamp, data[body : body + 12])
            elif element.id == _BLOCK_GROUP and timestamp is not None:
                _add_group(data, body, body_stop, timestamp, times)
            end = element.stop
        if timestamp is None:
            return None
        return end if cluster.stop is None else max(cluster.stop, end)


def _add_group(data: bytes, start: int, stop: int, timestamp: int, times: BlockTimes) -> None:
    block = b""
    duration = None
    for identifier, body, end in elements(data, start, stop):
        if identifier == _BLOCK:
            block = data[body : body + 12]
        elif identifier == _BLOCK_DURATION:
            duration = unsigned(data, body, end)
    times.add(timestamp, block, duration)


def stream_clusters(chunks: ByteStream, start: int, times: BlockTimes) -> int:
    """Adds the blocks of all clusters in `chunks`, which begin at byte `start`, at an element beside clusters.

    Returns:
      where the last element ends as declared.
    """
    end = start
    timestamp = 0
    while (element := _take_element(chunks, start)) is not None:
        if element.stop is None:
            if element.id != CLUSTER:
                break
            end = element.body
            continue
        length = element.stop - element.body
        if element.id == CLUSTER:
            end = max(end, element.stop)
            continue
        end = max(end, element.stop)
        if element.id == _TIMESTAMP and length <= 8:
            timestamp = unsigned(chunks.take(length), 0, length)
        elif element.id == _SIMPLE_BLOCK:
            block = chunks.take(min(length, 12))
            times.add(timestamp, block)
            if not chunks.skip(length - len(block)):
                break
        elif element.id == _BLOCK_GROUP and length <= _MAX_GROUP_BYTES:
            group = chunks.take(length)
            _add_group(group, 0, len(group), timestamp, times)
        elif not chunks.skip(length):
            break
    return end


def _take_element(chunks: ByteStream, start: int) -> Element | None:
    position = start + chunks.position
    header = chunks.take(2)
    while len(header) < MAX_HEADER_BYTES:
        element = element_at(header, 0, position)
        if element is not None and element.body == position + len(header):
            return element
        more = chunks.take(1)
        if not more:
            return None
        header += more
    return element_at(header, 0, position)
