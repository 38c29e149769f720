"""First pass over the lines: which media they name, and which media resolution they ask for."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.dataset.lines import LinePack
from beam_tuning.dataset.scan import scan_line
from beam_tuning.transforms.codecs import decoder, encode
from beam_tuning.transforms.expected import EXPECTED

RESOLUTIONS = "resolutions"

_INPUT_BYTES_PER_BUCKET = 4 << 20
_FEWEST_BUCKETS, _MOST_BUCKETS = 64, 1 << 16


class NamedUris(msgspec.Struct, frozen=True, array_like=True):
    """Distinct URIs of one bucket that one pack names, with the key of the pack's shard."""

    shard: str
    uris: list[str]


class ScannedPacks(NamedTuple):
    """What `ScanLines` gives.

    Attributes:
      media: (bucket, encoded `NamedUris`). A URI is always in the same bucket.
      resolutions: `Counter` of media resolutions of the examples in scope, one a pack; `ABSENT` for an absent one.
    """

    media: PCollection[tuple[int, bytes]]
    resolutions: PCollection[Counter[str]]


@dataclass
class ScanLines(beam.PTransform):
    """(shard key, encoded LinePack) -> `ScannedPacks`.

    `visual_only` leaves examples without visual media out of the count of media resolutions.
    """

    buckets: int
    visual_only: bool = False

    def expand(self, packs: PCollection[tuple[str, bytes]]) -> ScannedPacks:
        scan = beam.ParDo(_ScanPackFn(self.buckets, self.visual_only))
        scanned = packs | "Scan packs" >> scan.with_outputs(RESOLUTIONS, main="media")
        return ScannedPacks(scanned.media, scanned[RESOLUTIONS])


@beam.typehints.with_output_types(tuple[int, bytes])
class _ScanPackFn(beam.DoFn):
    def __init__(self, buckets: int, visual_only: bool) -> None:
        self._buckets = buckets
        self._visual_only = visual_only

    def setup(self) -> None:
        self._decoder = decoder(LinePack)

    def process(self, element: tuple[str, bytes]) -> Iterator[tuple[int, bytes] | pvalue.TaggedOutput]:
        shard, packed = element
        uris: dict[str, None] = {}
        resolutions: Counter[str] = Counter()
        examples = 0
        for _, _, line in self._decoder.decode(packed).lines():
            scan = scan_line(line)
            examples += 1
            for uri in scan.uris:
                uris[uri] = None
            if scan.has_visual_media or (scan.is_example and not self._visual_only):
                resolutions[scan.media_resolution or ABSENT] += 1
        of_bucket: defaultdict[int, list[str]] = defaultdict(list)
        for uri in uris:
            of_bucket[bucket_of(uri, self._buckets)].append(uri)
        EXPECTED.add(of_bucket, examples)
        for bucket, some in of_bucket.items():
            yield bucket, encode(NamedUris(shard, some))
        if resolutions:
            yield pvalue.TaggedOutput(RESOLUTIONS, resolutions)


def bucket_count(input_bytes: int) -> int:
    """Buckets for an input of that size: each small enough for a worker's memory, and enough to occupy many workers.

    URIs are shuffled in buckets because an element of its own for each URI costs more than reading its line.
    """
    return min(max(input_bytes // _INPUT_BYTES_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)


def bucket_of(uri: str, buckets: int) -> int:
    """The same on every worker and in every attempt."""
    return zlib.crc32(uri.encode()) % buckets


class MostCommonResolutionCombineFn(beam.CombineFn):
    """Counters of `ScannedPacks.resolutions` -> the media resolution of most examples in scope.

    Of equally common ones an absent one, else the first in the alphabet; an absent one too when there is no example.
    """

    def create_accumulator(self) -> Counter[str]:
        return Counter()

    def add_input(self, accumulator: Counter[str], element: Counter[str]) -> Counter[str]:
        accumulator.update(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counter[str]]) -> Counter[str]:
        merged: Counter[str] = Counter()
        for accumulator in accumulators:
            merged.update(accumulator)
        return merged

    def extract_output(self, accumulator: Counter[str]) -> str:
        def order(resolution: str) -> tuple[int, bool, str]:
            return -accumulator[resolution], resolution != ABSENT, resolution

        return min(accumulator, key=order, default=ABSENT)
