"""When the last sample of a fragmented MP4 ends, without reading all fragments.

ISO/IEC 14496-12: moof 8.8.4, mfra, tfra and mfro 8.8.9 to 8.8.11, sidx 8.16.3. In this order:

- A segment index behind `moov` that reaches exactly to the object's end tells the duration.
- The last fragments are looked for in the object's tail, by the random access index at its very end or by their boxes;
  they tell when they start (`tfdt`) and how long they last.
- Where they do not, the whole object is streamed and all fragments are added up.

What `mehd` declares is not used: a recording that broke off declares it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from beam_tuning.media.containers.boxes import HEADER_BYTES, LONG_HEADER_BYTES, TOP_LEVEL, Held, boxes
from beam_tuning.media.containers.moof import FragmentTimes, SegmentIndex, parse_segment_index, presented_s
from beam_tuning.media.containers.moov import Movie
from beam_tuning.media.containers.plan import HEAD_BYTES
from beam_tuning.media.containers.reading import ByteStream, Steps, cut_at, read, stream

_U32 = Struct(">I").unpack_from
_U64 = Struct(">Q").unpack_from

#: How much of the end is searched for the last fragment, in turn: a fragment holds a few seconds.
_TAIL_BYTES = (128 << 10, 2 << 20, 16 << 20)
#: A larger `moof` would describe half a million samples; none is read.
_MAX_MOOF_BYTES = 8 << 20
#: Places in a tail that look like a fragment and are tried, and bytes of `moof` boxes that are parsed in trying.
_MAX_CANDIDATES = 64
_MAX_TRIED_BYTES = 16 << 20


class Fragments(NamedTuple):
    """What the fragments say, by track id.

    Attributes:
      starts_s, ends_s: of the presentation, edit lists applied.
      samples_per_s: average rate in the fragments that were read.
      truncated, tail_cut: as in `MediaInfo`, one of them at most.
      are_all_read: whether no fragment was left out.
    """

    starts_s: dict[int, float]
    ends_s: dict[int, float]
    samples_per_s: dict[int, float]
    truncated: str | None
    tail_cut: str | None
    are_all_read: bool


def read_fragments(movie: Movie, held: Held, position: int, size_bytes: int) -> Steps[Fragments]:
    """Finds out when the samples in fragments start and end; `position` is where `moov` ends."""
    first = FragmentTimes(movie, size_bytes)
    index: SegmentIndex | None = None
    behind_movie = position
    while (box := held.box_at(position, size_bytes)) is not None:
        if box.kind == b"moof":
            first.add(held, position, box)
        elif box.kind == b"sidx" and index is None:
            start, stop = box.body - held.start, min(box.stop, held.stop) - held.start
            index = parse_segment_index(held.data, start, stop, box.stop)
        position = box.stop
    if position + HEADER_BYTES > size_bytes:
        return _fragments(first, first, position, size_bytes, are_all_read=True)
    if index is not None and index.stop >= size_bytes:
        return _from_index(movie, first, index, size_bytes)
    last = None
    if not first.is_vague:
        last = yield from _last_fragments(movie, first, position, size_bytes)
    if last is None:
        return (yield from _all_fragments(movie, behind_movie, size_bytes))
    return last


def _fragments(
    first: FragmentTimes, last: FragmentTimes, end: int, size_bytes: int, *, are_all_read: bool = False
) -> Fragments:
    """What the first and the last fragments say; `end` is where the last box should end."""
    truncated, tail_cut = cut_at("the last fragment", end, size_bytes), None
    if truncated is not None and not last.is_cut and last.lacking_samples <= 1:
        lacks = "only the last sample lacks bytes" if last.lacking_samples else "all samples are there"
        truncated, tail_cut = None, f"{truncated}; {lacks}"
    rates = first.samples_per_s() if truncated is None else {}
    return Fragments(first.starts_s(), last.ends_s(), rates, truncated, tail_cut, are_all_read)


def _from_index(movie: Movie, first: FragmentTimes, index: SegmentIndex, size_bytes: int) -> Fragments:
    truncated = cut_at("the last indexed segment", index.stop, size_bytes)
    for track in movie.tracks:
        if track.track_id == index.track_id and track.timescale:
            shift_s = presented_s(track, movie.timescale, 0)
            starts_s = {track.track_id: index.first / index.timescale + shift_s}
            ends_s = {track.track_id: index.last / index.timescale + shift_s}
            return Fragments(starts_s, ends_s, first.samples_per_s(), truncated, None, are_all_read=False)
    return Fragments({}, {}, {}, truncated, None, are_all_read=False)


def _last_fragments(movie: Movie, first: FragmentTimes, position: int, size_bytes: int) -> Steps[Fragments | None]:
    """Reads the tail, more of it each time; None when it does not tell. Boxes before `position` have been seen."""
    tail = Held(size_bytes, b"")
    for length in _TAIL_BYTES:
        start = max(size_bytes - length, position)
        if start == tail.start:
            break
        if first.starts_s() or start == position:
            (more,) = yield from read((start, tail.start))
        else:
            # The first fragment lies behind what the first read held.
            more, beginning = yield from read((start, tail.start), (position, min(position + HEAD_BYTES, start)))
            near = Held(position, beginning)
            box = near.box_at(position, size_bytes)
            if box is not None and box.kind == b"moof":
                first.add(near, position, box)
        tail = Held(start, more + tail.data)
        parts = [tail]
        indexed = _last_indexed(tail, size_bytes)
        if indexed is not None and position <= indexed < tail.start:
            (near_bytes,) = yield from read((indexed, min(indexed + HEAD_BYTES, tail.start)))
            parts.append(Held(indexed, near_bytes))
        tried_bytes = 0
        for candidate in _candidates(tail, indexed):
            if tried_bytes > _MAX_TRIED_BYTES:
                break
            last = FragmentTimes(movie, size_bytes)
            end = _follow(candidate, parts, last, size_bytes)
            tried_bytes += last.parsed_bytes
            if end is not None and last.ends_s() and not last.is_vague:
                return _fragments(first, last, end, size_bytes)
    return None


def _last_indexed(tail: Held, size_bytes: int) -> int | None:
    """Where the last fragment that the random access index names lies; None without an index in the tail."""
    data = tail.data
    if data[-12:-8] != b"mfro":
        return None
    position = size_bytes - _U32(data, len(data) - 4)[0]
    box = tail.box_at(position, size_bytes)
    if box is None or box.kind != b"mfra":
        return None
    last = None
    for kind, body, end in boxes(data, box.body - tail.start, min(box.stop, tail.stop) - tail.start):
        if kind != b"tfra" or end - body < 16:
            continue
        lengths, count = _U32(data, body + 8)[0], _U32(data, body + 12)[0]
        wide = data[body] == 1
        # Time and offset, then three numbers of 1 to 4 bytes each.
        width = (16 if wide else 8) + 3 + (lengths >> 4 & 3) + (lengths >> 2 & 3) + (lengths & 3)
        entry = body + 16 + (count - 1) * width
        if count and entry + width <= end:
            (offset,) = (_U64 if wide else _U32)(data, entry + (8 if wide else 4))
            last = offset if last is None else max(last, offset)
    return last


def _candidates(tail: Held, indexed: int | None) -> Iterator[int]:
    """Where a fragment may start: as the index says, then wherever the bytes of the tail look like one."""
    if indexed is not None:
        yield indexed
    at = -1
    for _ in range(_MAX_CANDIDATES):
        at = tail.data.find(b"moof", at + 1)
        if at < 0:
            return
        if at >= 4 and tail.data[at + 8 : at + 12] == b"mfhd":
            yield tail.start + at - 4


def _follow(position: int, parts: list[Held], times: FragmentTimes, size_bytes: int) -> int | None:
    """Adds the fragments from `position` on; returns where the last box ends, at or behind the object's end.

    None when the boxes do not lead there: then `position` was no box, or a part in between is not held.
    """
    while position + HEADER_BYTES <= size_bytes:
        for held in parts:
            box = held.box_at(position, size_bytes)
            if box is not None:
                break
        else:
            return None
        if box.kind not in TOP_LEVEL:
            return None
        if box.kind == b"moof":
            if box.stop > held.stop and held.stop < size_bytes:
                return None
            times.add(held, position, box)
        position = box.stop
    return position


def _all_fragments(movie: Movie, position: int, size_bytes: int) -> Steps[Fragments]:
    """Streams the object from `position` on and adds up all fragments."""
    chunks = ByteStream((yield from stream(position)))
    times = FragmentTimes(movie, size_bytes)
    while position + HEADER_BYTES <= size_bytes:
        header = chunks.take(HEADER_BYTES)
        if header[:4] == b"\0\0\0\1":
            header += chunks.take(LONG_HEADER_BYTES - HEADER_BYTES)
        box = Held(position, header).box_at(position, size_bytes)
        if box is None:
            break
        length = box.stop - box.body
        if box.kind == b"moof" and length <= _MAX_MOOF_BYTES:
            times.add(Held(box.body, chunks.take(length)), position, box)
        elif not chunks.skip(length):
            position = box.stop
            break
        position = box.stop
    return _fragments(times, times, position, size_bytes, are_all_read=True)
