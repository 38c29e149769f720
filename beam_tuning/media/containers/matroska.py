"""Matroska and WebM (RFC 9559, https://www.webmproject.org/docs/container).

Info and Tracks stand before the first cluster, nearly always in the first read, and Info declares the duration. It
counts from 0 and covers subtitles too: where the first block starts later, or there are other tracks, or a live stream
declares nothing, the last clusters are looked for in the object's tail and tell when the last block ends. Where the
tail holds none, the object is streamed. A segment or block that should end behind the object's last byte shows that the
object is cut short.
"""

from __future__ import annotations

import msgspec

from beam_tuning.media.containers.clusters import (
    CLUSTER,
    CLUSTER_MARK,
    BlockTimes,
    ClusterWalker,
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
from beam_tuning.media.containers.matroska_tracks import Track, parse_tracks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import ByteStream, Steps, Window, cut_at, damaged, read, stream
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, StreamInfo

_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _SEEK_HEAD, _INFO, _TRACKS = 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
#: How much of the end is searched for the last cluster, in turn: a cluster holds some seconds, at most 5 MiB in FFmpeg.
_TAIL_BYTES = (64 << 10, 1 << 20, 8 << 20)
#: A first block this late makes it matter whether the declared duration counts from 0.
_LATE_START_S = 0.25
#: A declared duration above this (eleven days) is a damaged number.
_MAX_DURATION_S = 1e6
#: Info or Tracks above this are not read: only CodecPrivate could make them as large.
_MAX_HEADER_ELEMENT_BYTES = 8 << 20
#: Bytes of the first cluster that are looked at for the first blocks, in turn: a subtitle's picture may stand before.
_FIRST_CLUSTER_BYTES = (8 << 10, 1 << 20)
#: Places in a tail that look like a cluster and are tried, and elements that are looked at in trying.
_MAX_CANDIDATES = 64
_MAX_ELEMENTS = 100_000
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
    """

    scale_ns: int = 1_000_000
    duration: float | None = None
    tracks: list[Track] | None = None
    cluster: int | None = None
    seeks: dict[int, int] = {}

    @property
    def duration_s(self) -> float | None:
        """What Info declares, if it can be believed."""
        if self.duration is None:
            return None
        duration_s = self.duration * self.scale_ns / 1e9
        return duration_s if 0 < duration_s < _MAX_DURATION_S else None

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
    truncated = None if segment.stop is None else cut_at("the segment", segment.stop, size_bytes)
    window = Window(head, size_bytes)
    front = yield from _read_front(window, segment, size_bytes)
    if front.tracks is None:
        if truncated is not None:
            reason = "the object ends before its list of tracks"
            return MediaInfo(container, MediaKind.VIDEO, duration_unknown=reason, truncated=truncated)
        return ProbeFailure(FailureKind.UNREADABLE, f"The {container} file has no list of tracks.")
    streams = tuple(track.stream for track in front.tracks if track.stream is not None)
    if not streams:
        return ProbeFailure(FailureKind.UNREADABLE, f"The {container} file has no audio or video track.")
    kinds = {item.kind for item in streams}
    media = MediaInfo(
        container,
        MediaKind.VIDEO if MediaKind.VIDEO in kinds else MediaKind.AUDIO,
        streams,
        truncated=truncated,
    )
    if truncated is not None:
        return msgspec.structs.replace(media, duration_unknown="the object is cut off")
    return (yield from _with_duration(media, front, window, size_bytes))


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
    if element.id not in (_SEEK_HEAD, _INFO, _TRACKS) or element.stop is None:
        return
    length = element.stop - element.body
    if length > _MAX_HEADER_ELEMENT_BYTES:
        return
    data = yield from window.at(element.body, length)
    if element.id == _TRACKS:
        front.tracks = parse_tracks(data)
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


def _with_duration(media: MediaInfo, front: _Front, window: Window, size_bytes: int) -> Plan:
    """Finds the duration, and the frame rates that are not what the tracks say."""
    if front.cluster is None:
        return msgspec.structs.replace(media, duration_unknown="no cluster of blocks follows the header")
    for length in _FIRST_CLUSTER_BYTES:
        first = front.block_times()
        beginning = yield from window.at(front.cluster, length)
        ClusterWalker(size_bytes, _MAX_ELEMENTS).walk(beginning, front.cluster, 0, first)
        if first.first_s is not None:
            break
    media = msgspec.structs.replace(media, streams=_checked_rates(front, first))
    only_media = all(track.stream is not None for track in front.tracks or ())
    starts_early = first.first_s is not None and first.first_s <= _LATE_START_S
    if front.duration_s is not None and only_media and starts_early:
        return msgspec.structs.replace(media, duration_s=front.duration_s)
    last, truncated = yield from _last_blocks(front, front.cluster, size_bytes, whole=first.first_s is None)
    if truncated is not None:
        return msgspec.structs.replace(media, truncated=truncated, duration_unknown="the object is cut off")
    start_s = first.first_s if first.first_s is not None else last.first_s
    if last.end_s is None or start_s is None:
        return msgspec.structs.replace(media, duration_unknown="its clusters hold no blocks of audio or video")
    if last.end_s < start_s:
        return msgspec.structs.replace(media, duration_unknown="its last block ends before its first one starts")
    return msgspec.structs.replace(media, duration_s=last.end_s - max(start_s, 0.0))


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


def _last_blocks(front: _Front, cluster: int, size_bytes: int, *, whole: bool) -> Steps[tuple[BlockTimes, str | None]]:
    """(times of the last blocks, with `whole` of all; the sentence when the last element is cut off)."""
    start, tail = size_bytes, b""
    walker = ClusterWalker(size_bytes, _MAX_ELEMENTS)
    for length in () if whole else _TAIL_BYTES:
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
            end = walker.walk(tail, start, at, times)
            if end is not None and times.end_s is not None:
                return times, cut_at("the last block", end, size_bytes)
    times = front.block_times()
    end = stream_clusters(ByteStream((yield from stream(cluster))), cluster, times)
    return times, cut_at("the last block", end, size_bytes)
