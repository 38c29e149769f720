"""Matroska and WebM (RFC 9559, https://www.webmproject.org/docs/container).

Info and Tracks stand before the first cluster, nearly always in the first read, and Info declares the duration. It
counts from 0 and covers subtitles too: where the first block starts later, or there are other tracks, or a live stream
declares nothing, the last clusters are looked for in the object's tail and tell when the last block ends. Where the
tail holds none, the object is streamed. A segment or block that should end behind the object's last byte shows that the
object is cut short.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.media.containers.clusters import (
    CLUSTER,
    CLUSTER_MARK,
    BlockTimes,
    ClusterWalker,
    Ends,
    stream_clusters,
)
from beam_tuning.media.containers.ebml import (
    MAX_HEADER_BYTES,
    Element,
    element_at,
    elements,
    floating,
    text,
    unsigned,
)
from beam_tuning.media.containers.lengths import MAX_DURATION_S
from beam_tuning.media.containers.matroska_tracks import Track, parse_duration_tags, parse_tracks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, Window, cut_at, cut_off, damaged, read, stream
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, StreamInfo

_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _SEEK_HEAD, _INFO, _TRACKS, _TAGS = 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1254C367
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
#: How much of the end is searched for the last cluster: by what the first ones are like, at least and at most in the
#: first read of it, and at most in all. A cluster holds some seconds, at most 5 MiB in FFmpeg.
_TAIL_BYTES = 64 << 10
_LONG_TAIL_BYTES = 1 << 20
_LONGEST_TAIL_BYTES = 8 << 20
_MAX_TAILS = 3
#: Browsers do not say how long a cluster is. Chromium's last up to 30 s, or from key frame to key frame, which is less
#: (https://chromium.googlesource.com/webm/libwebm, kDefaultMaxClusterDuration).
_BROWSER_CLUSTER_S = 30
_BROWSER_TAIL_BYTES = 512 << 10
#: A first block this late makes it matter whether the declared duration counts from 0.
_LATE_START_S = 0.25
#: Info or Tracks above this are not read: only CodecPrivate could make them as large.
_MAX_HEADER_ELEMENT_BYTES = 8 << 20
#: Bytes of the first cluster that are looked at for the first blocks, in turn: a subtitle's picture may stand before.
_FIRST_CLUSTER_BYTES = (8 << 10, 1 << 20)
#: Places in a tail that look like a cluster and are tried, and elements that are looked at in trying.
_MAX_CANDIDATES = 64
_MAX_ELEMENTS = 100_000
#: How far the longest track's tag may be from the duration that Info declares.
_TAG_TOLERANCE_S = 0.1
#: Where blocks are this far from their DefaultDuration, the frame rate is variable and not known.
_STEP_TOLERANCE = 0.2


def matches(head: bytes) -> bool:
    """Whether the object starts with an EBML header."""
    return head.startswith(b"\x1a\x45\xdf\xa3")


class _Front(msgspec.Struct):
    """What stands before the first cluster.

    Attributes:
      duration: in timestamps of `scale_ns` nanoseconds; None when not declared.
      tracks: None when there is no Tracks element.
      cluster: where the first cluster starts; None when there is none in reach.
      seeks: by element ID, positions that SeekHead gives.
      tagged_ends_s: by UID of a track, when its last block ends as its tags say.
    """

    scale_ns: int = 1_000_000
    duration: float | None = None
    tracks: list[Track] | None = None
    cluster: int | None = None
    seeks: dict[int, int] = {}
    tagged_ends_s: dict[int, float] = {}

    @property
    def duration_s(self) -> float | None:
        """What Info declares, if it can be believed."""
        if self.duration is None:
            return None
        duration_s = self.duration * self.scale_ns / 1e9
        return duration_s if 0 < duration_s < MAX_DURATION_S else None

    @property
    def media_numbers(self) -> list[int]:
        """The numbers of the audio and video tracks."""
        return [track.number for track in self.tracks or () if track.stream is not None]

    def block_times(self) -> BlockTimes:
        """For the blocks of audio and video."""
        frames = {track.number: track.frame_ns for track in self.tracks or () if track.stream is not None}
        return BlockTimes(self.scale_ns, frames)


def plan(head: bytes, size_bytes: int) -> Plan:
    """Reads the front of the segment, and its tail where the front does not tell the duration."""
    ebml = element_at(head, 0)
    if ebml is None or ebml.stop is None or ebml.stop > len(head):
        return damaged("EBML", "it has no end")
    container = "matroska"
    for identifier, body, stop in elements(head, ebml.body, ebml.stop):
        if identifier == _DOC_TYPE and text(head, body, stop) == "webm":
            container = "webm"
    segment = element_at(head, ebml.stop)
    if segment is None or segment.id != _SEGMENT:
        return damaged(container, "no segment follows the EBML header")
    is_cut = segment.stop is not None and segment.stop > size_bytes
    window = Window(head, size_bytes)
    front = yield from _read_front(window, segment, size_bytes)
    streams = tuple(track.stream for track in front.tracks or () if track.stream is not None)
    if is_cut and not streams:
        truncated = cut_at("the segment", segment.stop or 0, size_bytes)
        reason = "the object ends before its list of tracks"
        return MediaInfo(container, MediaKind.VIDEO, duration_unknown=reason, truncated=truncated)
    if front.tracks is None:
        return ProbeFailure(FailureKind.UNREADABLE, f"The {container} file has no list of tracks.")
    if not streams:
        return ProbeFailure(FailureKind.UNREADABLE, f"The {container} file has no audio or video track.")
    kinds = {item.kind for item in streams}
    kind = MediaKind.VIDEO if MediaKind.VIDEO in kinds else MediaKind.AUDIO
    media = MediaInfo(container, kind, streams)
    return (yield from _with_duration(media, front, window, segment, size_bytes))


def _read_front(window: Window, segment: Element, size_bytes: int) -> Steps[_Front]:
    """Walks the segment up to its first cluster, then to what SeekHead says lies elsewhere."""
    front = _Front()
    position = segment.body
    while position < size_bytes:
        element = element_at((yield from window.at(position, MAX_HEADER_BYTES)), 0, position)
        if element is None:
            break
        if element.id == CLUSTER:
            front.cluster = position
            break
        if element.stop is None:
            break
        yield from _read_element(window, element, segment, front)
        position = element.stop
    for wanted, is_missing in ((_INFO, front.duration is None), (_TRACKS, front.tracks is None)):
        place = front.seeks.get(wanted)
        if is_missing and place is not None and position < place < size_bytes:
            element = element_at((yield from window.at(place, MAX_HEADER_BYTES)), 0, place)
            if element is not None and element.id == wanted:
                yield from _read_element(window, element, segment, front)
    return front


def _read_element(window: Window, element: Element, segment: Element, front: _Front) -> Steps[None]:
    if element.id not in (_SEEK_HEAD, _INFO, _TRACKS, _TAGS) or element.stop is None:
        return
    length = element.stop - element.body
    if length > _MAX_HEADER_ELEMENT_BYTES:
        return
    data = yield from window.at(element.body, length)
    if element.id == _TRACKS:
        front.tracks = parse_tracks(data)
        return
    if element.id == _TAGS:
        front.tagged_ends_s = parse_duration_tags(data)
        return
    for identifier, body, stop in elements(data, 0, len(data)):
        if identifier == _TIMESTAMP_SCALE:
            front.scale_ns = unsigned(data, body, stop) or front.scale_ns
        elif identifier == _DURATION:
            front.duration = floating(data, body, stop)
        elif identifier == _SEEK:
            place = dict.fromkeys((_SEEK_ID, _SEEK_POSITION), 0)
            for inner, inner_body, inner_stop in elements(data, body, stop):
                place[inner] = unsigned(data, inner_body, inner_stop)
            front.seeks.setdefault(place[_SEEK_ID], segment.body + place[_SEEK_POSITION])


def _with_duration(media: MediaInfo, front: _Front, window: Window, segment: Element, size_bytes: int) -> Plan:
    """Finds the duration, what the object lacks, and the frame rates that are not what the tracks say."""
    segment_stop = segment.stop or 0
    lacks_much = segment_stop > size_bytes + _LONG_TAIL_BYTES
    if front.cluster is None or lacks_much:
        truncated = cut_at("the segment", segment_stop, size_bytes)
        if truncated is None:
            return msgspec.structs.replace(media, duration_unknown="no cluster of blocks follows the header")
        return _cut_off(media, truncated, front.duration_s)
    for length in _FIRST_CLUSTER_BYTES:
        first = front.block_times()
        beginning = yield from window.at(front.cluster, length)
        ClusterWalker(size_bytes, _MAX_ELEMENTS).walk(beginning, front.cluster, 0, first)
        if first.first_s is not None:
            break
    media = msgspec.structs.replace(media, streams=_checked_rates(front, first))
    only_media = all(track.stream is not None for track in front.tracks or ())
    starts_early = first.first_s is not None and first.first_s <= _LATE_START_S
    is_cut = segment_stop > size_bytes
    if front.duration_s is not None and only_media and starts_early and not is_cut:
        return _with_lengths(media, front, front.duration_s, _tagged_lengths_s(front, first, front.duration_s))
    # Of an object that is cut, one read of the end tells whether media are missing; else there is all to find out.
    tails = 1 if is_cut else _MAX_TAILS if first.first_s is not None else 0
    last, ends = yield from _last_blocks(front, window.held(front.cluster), front.cluster, size_bytes, tails, is_cut)
    truncated, tail_cut = ends.cut(size_bytes, segment.stop)
    if truncated is not None:
        return _cut_off(media, truncated, front.duration_s)
    media = msgspec.structs.replace(media, tail_cut=tail_cut)
    start_s = first.first_s if first.first_s is not None else last.first_s
    if last.end_s is None or start_s is None:
        return msgspec.structs.replace(media, duration_unknown="its clusters hold no blocks of audio or video")
    if last.end_s < start_s:
        return msgspec.structs.replace(media, duration_unknown="its last block ends before its first one starts")
    lengths_s = {number: _own_length_s(first.bounds_s(number), last.bounds_s(number)) for number in front.media_numbers}
    return _with_lengths(media, front, last.end_s - max(start_s, 0.0), lengths_s)


def _own_length_s(first: tuple[float, float] | None, last: tuple[float, float] | None) -> float | None:
    """The length of a track whose first and last blocks have these bounds; None when there are none."""
    return None if first is None or last is None or last[1] < first[0] else last[1] - max(first[0], 0.0)


def _tagged_lengths_s(front: _Front, first: BlockTimes, duration_s: float) -> dict[int, float | None]:
    """By number of a track, the length that its tag says; `duration_s` is what Info says of the longest.

    Tags say when tracks end. They go stale, so the longest must be as long as Info says.
    """
    tracks = [track for track in front.tracks or () if track.stream is not None]
    if len(tracks) == 1:
        return {tracks[0].number: duration_s}
    if abs(max(front.tagged_ends_s.values(), default=0.0) - duration_s) > _TAG_TOLERANCE_S:
        return {}
    starts_s = {track.number: first.bounds_s(track.number) for track in tracks}
    return {
        track.number: front.tagged_ends_s.get(track.uid)
        for track in tracks
        if (start_s := starts_s[track.number]) is not None and start_s[0] <= _LATE_START_S
    }


def _with_lengths(
    media: MediaInfo, front: _Front, duration_s: float, lengths_s: Mapping[int, float | None]
) -> MediaInfo:
    """`media` with its duration, and by number of a track those of its streams."""
    streams = tuple(
        msgspec.structs.replace(stream, duration_s=lengths_s.get(number))
        for stream, number in zip(media.streams, front.media_numbers, strict=True)
    )
    return msgspec.structs.replace(media, duration_s=duration_s, streams=streams)


def _cut_off(media: MediaInfo, truncated: str, declared_s: float | None) -> MediaInfo:
    return msgspec.structs.replace(media, truncated=truncated, duration_unknown=cut_off(declared_s))


def _checked_rates(front: _Front, times: BlockTimes) -> tuple[StreamInfo, ...]:
    """The streams, without the frame rates that the blocks' times contradict."""
    streams = []
    for track in front.tracks or ():
        stream = track.stream
        if stream is None:
            continue
        step_ns = times.typical_step_ns(track.number)
        if stream.fps is not None and step_ns is not None and abs(step_ns * stream.fps / 1e9 - 1) > _STEP_TOLERANCE:
            stream = msgspec.structs.replace(stream, fps=None)
        streams.append(stream)
    return tuple(streams)


def _last_blocks(
    front: _Front, beginning: bytes, cluster: int, size_bytes: int, max_tails: int, is_cut: bool
) -> Steps[tuple[BlockTimes, Ends]]:
    """(times of the last blocks, where they end), from one of so many reads of the end or, unless cut, from all blocks.

    Args:
      beginning: of the first cluster, as far as it is held.
    """
    start, tail = size_bytes, b""
    walker = ClusterWalker(size_bytes, _MAX_ELEMENTS)
    length = _likely_cluster_bytes(front, beginning, cluster, size_bytes)
    for _ in range(max_tails):
        more_start = max(size_bytes - length, cluster)
        if more_start == start:
            break
        (more,) = yield from read((more_start, start))
        start, tail = more_start, more + tail
        at = -1
        for _ in range(_MAX_CANDIDATES):
            at = tail.find(CLUSTER_MARK, at + 1)
            if at < 0:
                break
            times = front.block_times()
            ends = walker.walk(tail, start, at, times)
            if ends is not None and times.end_s is not None:
                return times, ends
        length = min(_bytes_to_cluster(front, walker, tail, start), _LONGEST_TAIL_BYTES)
    times = front.block_times()
    if is_cut:
        return times, Ends(0, 0, 0)
    return times, stream_clusters((yield from stream(cluster)), cluster, times)


def _likely_cluster_bytes(front: _Front, beginning: bytes, cluster: int, size_bytes: int) -> int:
    """How much of the end should hold the start of a cluster: `beginning` is the first one's, as far as it is held."""
    element = element_at(beginning, 0, cluster)
    following = beginning.find(CLUSTER_MARK, len(CLUSTER_MARK))
    if element is not None and element.stop is not None:
        likely, most = (element.stop - cluster) * 5 // 4, _LONG_TAIL_BYTES
    elif following > 0:
        likely, most = following * 2, _LONG_TAIL_BYTES
    else:
        times = front.block_times()
        ClusterWalker(size_bytes, _MAX_ELEMENTS).walk(beginning, cluster, 0, times)
        span_s = (times.end_s or 0.0) - (times.first_s or 0.0)
        likely = round(len(beginning) / span_s * _BROWSER_CLUSTER_S * 17 / 16) if span_s > 0 else 0
        most = _BROWSER_TAIL_BYTES
    return min(max(likely, _TAIL_BYTES), most)


def _bytes_to_cluster(front: _Front, walker: ClusterWalker, tail: bytes, start: int) -> int:
    """How much of the end should hold the cluster that `tail` lies within: its blocks say how late in it they are."""
    found = walker.walk_end(tail, start, front.block_times)
    if found is not None:
        begin, times = found
        end_s, first_s = times.end_s or 0.0, times.first_s or 0.0
        if end_s > first_s > 0:
            # Key frames at its start are longer than what follows.
            return round((len(tail) - begin) * end_s / (end_s - first_s) * 9 / 8) + _TAIL_BYTES
    return 8 * len(tail)
