"""Media that stand in both splits: the same object, by its URI or by its bytes, and which segments of it.

Two objects have the same bytes when their size and the store's checksum are the same. How an object is used in a split
is kept as a union of segments, so that what travels is small however often it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from beam_tuning.curation.repeats import Place
from beam_tuning.dataset.example import MediaPart

#: The end of a segment that goes on to the end of the media; no offset is as large.
END_NS = 1 << 62
#: Segments of one object that are told apart in a split. Where there are more, the nearest are taken as one.
_MOST_SEGMENTS = 1000

Segments = list[tuple[int, int]]


class MediaUse(msgspec.Struct, frozen=True, array_like=True):
    """How one pack uses one URI.

    Attributes:
      shard: key of the pack's shard.
      first: the first line that names the URI.
      segments: [start, end) in nanoseconds, apart from each other, in order.
    """

    shard: str
    uri: str
    first: Place
    segments: Segments


class Leak(msgspec.Struct, frozen=True, array_like=True):
    """A URI of one split whose object stands in the other split too.

    Attributes:
      other: the first line of the other split that names the object.
      other_uri: by which it names it.
      segments: that the other split uses.
    """

    uri: str
    other: Place
    other_uri: str
    segments: Segments


def segment_of(part: MediaPart) -> tuple[int, int]:
    """[start, end) of what a part uses, in nanoseconds."""
    segment = part.segment
    if segment is None:
        return 0, END_NS
    start_ns = segment.start_ns or 0
    end_ns = END_NS if segment.end_ns is None else segment.end_ns
    return max(min(start_ns, END_NS - 1), 0), max(min(end_ns, END_NS), 1)


def union(segments: Iterable[tuple[int, int]]) -> Segments:
    """The segments joined where they overlap or touch, in order; an empty or reversed one is taken as it stands."""
    joined: Segments = []
    for start, end in sorted(segments):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    while len(joined) > _MOST_SEGMENTS:
        gaps = sorted(range(1, len(joined)), key=lambda at: joined[at][0] - joined[at - 1][1])
        nearest = set(gaps[: len(joined) - _MOST_SEGMENTS])
        kept: Segments = []
        for at, (start, end) in enumerate(joined):
            if at in nearest:
                kept[-1] = (kept[-1][0], end)
            else:
                kept.append((start, end))
        joined = kept
    return joined


def overlaps(segment: tuple[int, int], segments: Sequence[tuple[int, int]]) -> bool:
    """Whether they have a moment in common."""
    return any(segment[0] < end and start < segment[1] for start, end in segments)


def identity(uri: str, size_bytes: int | None, crc32c: str | None, md5: str | None) -> str:
    """The same text for objects with the same bytes, as far as their store tells; else the URI."""
    checksum = f"crc32c {crc32c}" if crc32c else f"md5 {md5}" if md5 else None
    return uri if checksum is None or not size_bytes else f"{size_bytes} bytes, {checksum}"


def find_leaks(uses: Iterable[tuple[str, MediaUse]]) -> dict[str, list[Leak]]:
    """Leaks by the key of the shard that names the URI.

    Args:
      uses: (identity of the object, use) of all uses of these objects, in any order.
    """
    of_object: dict[str, list[MediaUse]] = {}
    for name, use in uses:
        of_object.setdefault(name, []).append(use)
    leaks: dict[str, list[Leak]] = {}
    for some in of_object.values():
        splits = {use.first.split for use in some}
        if len(splits) < 2:
            continue
        for split in splits:
            others = [use for use in some if use.first.split != split]
            first = min(others, key=lambda use: use.first)
            segments = union(one for use in others for one in use.segments)
            for shard, uri in sorted({(use.shard, use.uri) for use in some if use.first.split == split}):
                leaks.setdefault(shard, []).append(Leak(uri, first.first, first.uri, segments))
    return leaks
