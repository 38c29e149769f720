"""Media that stand in both splits: the same object, by its URI or by its bytes, and which segments of it.

Two objects have the same bytes when their size and the store's checksum are the same. How an object is used in a split
is kept as a union of segments, so that what travels is small however often it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from beam_tuning.curation.repeats import Place
from beam_tuning.dataset.example import MediaPart

#: The end of a segment that goes on to the end of the media; no offset is as large.
END_NS = 1 << 62
#: Segments of one object that are told apart in a split. Where there are more, the nearest are taken as one.
_MOST_SEGMENTS = 1000

Segments = list[tuple[int, int]]


class MediaUse(NamedTuple):
    """How one pack uses one URI.

    Attributes:
      lines_before: in the pack, of the first line that names the URI.
      segments: [start, end) in nanoseconds, apart from each other, in order; none stands for the whole media.
      object: the same text for URIs with the same bytes; empty as long as it is not known.
    """

    uri: str
    lines_before: int
    segments: Segments
    object: str = ""


class PackUses(msgspec.Struct, frozen=True, array_like=True):
    """The uses of one pack that fall into one bucket; the other fields are those of `PackKeys`."""

    shard: str
    split: str
    path: str
    offset_bytes: int
    pack_key: bytes
    uses: list[MediaUse]

    def place_of(self, use: MediaUse) -> Place:
        """Where the first line stands."""
        return Place(self.split, self.path, self.offset_bytes, self.pack_key, use.lines_before)


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


def find_leaks(packs: Iterable[PackUses]) -> dict[str, list[Leak]]:
    """Leaks by the key of the shard that names the URI.

    Args:
      packs: all uses of some objects, which are known, in any order.
    """
    every = list(packs)
    splits_of: dict[str, str | None] = {}
    for pack in every:
        for use in pack.uses:
            if splits_of.setdefault(use.object, pack.split) != pack.split:
                splits_of[use.object] = None  # in both
    leaked: dict[str, list[tuple[PackUses, MediaUse]]] = {}
    for pack in every:
        for use in pack.uses:
            if splits_of[use.object] is None:
                leaked.setdefault(use.object, []).append((pack, use))
    leaks: dict[str, list[Leak]] = {}
    for some in leaked.values():
        for split in {pack.split for pack, _ in some}:
            others = [(pack, use) for pack, use in some if pack.split != split]
            first, first_use = min(others, key=lambda one: (one[0].place_of(one[1]), one[1].uri))
            segments = union(one for _, use in others for one in use.segments or [(0, END_NS)])
            for shard, uri in sorted({(pack.shard, use.uri) for pack, use in some if pack.split == split}):
                leaks.setdefault(shard, []).append(Leak(uri, first.place_of(first_use), first_use.uri, segments))
    return leaks
