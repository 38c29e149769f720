"""First pass over the lines: which media they name, which media resolution they ask for, and what compares them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PCollection
from apache_beam.utils.windowed_value import WindowedValue

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.pack_work.codecs import encode
from beam_tuning.pack_work.look import CompareKeys, LookAtPack, NamedUris, PackLook
from beam_tuning.transforms.bundles import at_the_end
from beam_tuning.transforms.expected import EXPECTED
from beam_tuning.worker_processes.pool import OrderedWork, Task, current_pool

RESOLUTIONS = "resolutions"
KEYS = "keys"
USES = "uses"

_INPUT_BYTES_PER_BUCKET = 4 << 20
_FEWEST_BUCKETS, _MOST_BUCKETS = 64, 1 << 16


class ScannedPacks(NamedTuple):
    """What `ScanLines` gives.

    Attributes:
      media: (bucket, encoded `NamedUris`). A URI is always in the same bucket.
      resolutions: `Counter` of media resolutions of the examples in scope, one a pack; `ABSENT` for an absent one.
      keys: (bucket, encoded `PackKeys`), where examples are compared.
      uses: (bucket, encoded `PackUses`), where uses of media are.
    """

    media: PCollection[tuple[int, bytes]]
    resolutions: PCollection[Counter[str]]
    keys: PCollection[tuple[int, bytes]]
    uses: PCollection[tuple[int, bytes]]


@dataclass
class ScanLines(beam.PTransform):
    """(shard key, encoded LinePack) -> `ScannedPacks`.

    Attributes:
      buckets: of URIs.
      visual_only: whether examples without visual media are left out of the count of media resolutions.
      compare: None where examples are not compared.
    """

    buckets: int
    visual_only: bool = False
    compare: CompareKeys | None = None

    def expand(self, packs: PCollection[tuple[str, bytes]]) -> ScannedPacks:
        scan = beam.ParDo(_ScanPackFn(LookAtPack(self.buckets, self.visual_only, self.compare)))
        scanned = packs | "Scan packs" >> scan.with_outputs(RESOLUTIONS, KEYS, USES, main="media")
        return ScannedPacks(scanned.media, scanned[RESOLUTIONS], scanned[KEYS], scanned[USES])


@beam.typehints.with_output_types(
    tuple[int, bytes], **{RESOLUTIONS: Any, KEYS: tuple[int, bytes], USES: tuple[int, bytes]}
)
class _ScanPackFn(beam.DoFn):
    def __init__(self, look: LookAtPack) -> None:
        self._look = Task(look)

    def start_bundle(self) -> None:
        self._looks: OrderedWork[str] = OrderedWork(current_pool())

    def process(self, element: tuple[str, bytes]) -> Iterator[tuple[int, bytes] | pvalue.TaggedOutput]:
        for shard, look in self._looks.put(element[0], self._look, element):
            yield from _outputs(shard, look)

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        for shard, look in self._looks.rest():
            yield from at_the_end(_outputs(shard, look))


def _outputs(shard: str, look: PackLook) -> Iterator[tuple[int, bytes] | pvalue.TaggedOutput]:
    EXPECTED.add(look.uris, look.examples)
    for bucket, uris in look.uris.items():
        yield bucket, encode(NamedUris(shard, uris))
    if look.resolutions:
        yield pvalue.TaggedOutput(RESOLUTIONS, look.resolutions)
    for keys in look.keys:
        yield pvalue.TaggedOutput(KEYS, keys)
    for uses in look.uses:
        yield pvalue.TaggedOutput(USES, uses)


def bucket_count(input_bytes: int) -> int:
    """Buckets for an input of that size: each small enough for a worker's memory, and enough to occupy many workers.

    URIs are shuffled in buckets because an element of its own for each URI costs more than reading its line.
    """
    return min(max(input_bytes // _INPUT_BYTES_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)


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
