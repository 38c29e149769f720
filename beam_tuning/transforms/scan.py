"""First pass over the lines: which media they name, and which media resolution they ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam import pvalue

from beam_tuning.dataset.lines import LinePack
from beam_tuning.dataset.scan import scan_line
from beam_tuning.transforms.codecs import decoder

RESOLUTIONS = "resolutions"


class ScannedPacks(NamedTuple):
    """What `ScanLines` gives.

    Attributes:
      media: (uri, pack key), each pair once.
      resolutions: `Counter` of media resolutions of examples with pictures, one a pack; "" stands for an absent one.
    """

    media: beam.PCollection[tuple[str, bytes]]
    resolutions: beam.PCollection[Counter[str]]


@dataclass
class ScanLines(beam.PTransform):
    """(pack key, encoded LinePack) -> `ScannedPacks`."""

    def expand(self, packs: beam.PCollection[tuple[bytes, bytes]]) -> ScannedPacks:
        scanned = packs | "Scan packs" >> beam.ParDo(_ScanPackFn()).with_outputs(RESOLUTIONS, main="media")
        return ScannedPacks(scanned.media, scanned[RESOLUTIONS])


@beam.typehints.with_output_types(tuple[str, bytes])
class _ScanPackFn(beam.DoFn):
    def setup(self) -> None:
        self._decoder = decoder(LinePack)

    def process(self, element: tuple[bytes, bytes]) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        key, packed = element
        uris: dict[str, None] = {}
        resolutions: Counter[str] = Counter()
        for _, line in self._decoder.decode(packed).lines():
            scan = scan_line(line)
            uris.update(dict.fromkeys(scan.uris))
            if scan.has_visual_media:
                resolutions[scan.media_resolution or ""] += 1
        for uri in uris:
            yield uri, key
        if resolutions:
            yield pvalue.TaggedOutput(RESOLUTIONS, resolutions)


class MostCommonResolutionCombineFn(beam.CombineFn):
    """Counters of `ScannedPacks.resolutions` -> the media resolution of most examples with pictures.

    Of equally common ones the first in the alphabet; "" when it is an absent one, or when no example has pictures.
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
        return min(accumulator, key=lambda resolution: (-accumulator[resolution], resolution), default="")
