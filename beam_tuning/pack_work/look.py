"""The first look at a pack: which media its lines name, which media resolution they ask for, and what tells whether
lines of other packs say the same. Each line is decoded once for all of it."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from beam_tuning.curation.example_keys import keys_of_decoded
from beam_tuning.curation.leaks import MediaUse, PackUses, segment_of, union
from beam_tuning.curation.repeats import PackKeys, row_of
from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.dataset.example import MediaPart
from beam_tuning.dataset.fast_path import decode_usual
from beam_tuning.dataset.json_text import MAX_PARSED_LINE_BYTES
from beam_tuning.dataset.packs import LinePack
from beam_tuning.dataset.scan import scan_decoded
from beam_tuning.dataset.uri import place_of
from beam_tuning.pack_work.codecs import decoder, encode


class NamedUris(msgspec.Struct, frozen=True, array_like=True):
    """Distinct URIs of one bucket that one pack names, with the key of the pack's shard."""

    shard: str
    uris: list[str]


class CompareKeys(NamedTuple):
    """How examples are compared with one another.

    Attributes:
      buckets: of keys and of uses.
      set_resolution: the media resolution that is written into every line, if one is.
      looks_at_media: whether uses of media are told.
    """

    buckets: int
    set_resolution: str | None
    looks_at_media: bool


class PackLook(NamedTuple):
    """What a look at a pack finds.

    Attributes:
      examples: lines that are not blank.
      uris: distinct URIs worth probing, by bucket.
      resolutions: media resolutions of the examples in scope; `ABSENT` for an absent one.
      keys: (bucket, encoded `PackKeys`).
      uses: (bucket, encoded `PackUses`).
    """

    examples: int
    uris: Mapping[int, list[str]]
    resolutions: Counter[str]
    keys: list[tuple[int, bytes]]
    uses: list[tuple[int, bytes]]


@dataclass(frozen=True)
class LookAtPack:
    """(shard key, encoded LinePack) -> `PackLook`.

    Attributes:
      buckets: of URIs. A URI is always in the same one.
      visual_only: whether examples without visual media are left out of the count of media resolutions.
      compare: None where examples are not compared.
    """

    buckets: int
    visual_only: bool
    compare: CompareKeys | None

    def __call__(self, piece: tuple[str, bytes]) -> PackLook:
        shard, packed = piece
        pack = _PACK_DECODER.decode(packed)
        uris: dict[str, None] = {}
        resolutions: Counter[str] = Counter()
        rows: defaultdict[int, list[bytes]] = defaultdict(list)
        uses = _Uses()
        examples = 0
        for lines_before, _, line in pack.lines():
            examples += 1
            usual = decode_usual(line) if len(line) <= MAX_PARSED_LINE_BYTES else None
            scan = scan_decoded(usual, line)
            for uri in scan.uris:
                uris[uri] = None
            if scan.has_visual_media or (scan.is_example and not self.visual_only):
                resolutions[scan.media_resolution or ABSENT] += 1
            if self.compare is None:
                continue
            keys = keys_of_decoded(usual, line, self.compare.set_resolution)
            if keys is not None:
                rows[int.from_bytes(keys.input[:8], "big") % self.compare.buckets].append(row_of(lines_before, keys))
                if self.compare.looks_at_media and keys.media:
                    uses.add(lines_before, keys.media)
        of_bucket: defaultdict[int, list[str]] = defaultdict(list)
        for uri in uris:
            of_bucket[bucket_of(uri, self.buckets)].append(uri)
        place = (shard, pack.split, pack.path, pack.offset_bytes, pack.key)
        return PackLook(
            examples,
            dict(of_bucket),
            resolutions,
            [(bucket, encode(PackKeys(*place, b"".join(some)))) for bucket, some in rows.items()],
            [
                (bucket, encode(PackUses(*place, of_uris)))
                for bucket, of_uris in (uses.by_bucket(self.compare.buckets) if self.compare else {}).items()
            ],
        )


def bucket_of(uri: str, buckets: int) -> int:
    """The same on every worker and in every attempt; any text has one, a lone surrogate in it or not."""
    return zlib.crc32(uri.encode("utf-8", "surrogatepass")) % buckets


class _Uses:
    """How one pack uses its media, gathered line by line."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._segments: dict[str, list[tuple[int, int]]] = {}
        self._whole: set[str] = set()

    def add(self, lines_before: int, media: Iterable[MediaPart]) -> None:
        for part in media:
            uri = part.uri
            if uri not in self._first:
                if not place_of(uri):
                    continue
                self._first[uri] = lines_before
            if part.segment is None:
                self._whole.add(uri)
            else:
                self._segments.setdefault(uri, []).append(segment_of(part))

    def by_bucket(self, buckets: int) -> dict[int, list[MediaUse]]:
        of_bucket: defaultdict[int, list[MediaUse]] = defaultdict(list)
        for uri, lines_before in self._first.items():
            segments = [] if uri in self._whole else union(self._segments[uri])
            of_bucket[bucket_of(uri, buckets)].append(MediaUse(uri, lines_before, segments))
        return of_bucket


_PACK_DECODER = decoder(LinePack)
