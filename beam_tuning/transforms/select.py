"""What becomes of the kept examples: ranks of all of them come together, and one worker chooses.

What travels is some thirty bytes for each kept example, and a byte back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.combiners import ToList

from beam_tuning.curation.room import Room
from beam_tuning.curation.selection import Chosen, KeptShard, Selection, choose
from beam_tuning.pack_work.codecs import decoder, encode

RANKS = "ranks"


class SelectedExamples(NamedTuple):
    """What `SelectExamples` gives.

    Attributes:
      chosen: one encoded `Chosen`.
      fates: (shard key, a byte for each of its kept examples: a `Fate`), one a shard.
    """

    chosen: PCollection[bytes]
    fates: PCollection[tuple[str, bytes]]


@dataclass
class SelectExamples(beam.PTransform):
    """Encoded `KeptShard` of every shard -> `SelectedExamples`."""

    selection: Selection
    room: Room

    def expand(self, kept_shards: PCollection[bytes]) -> SelectedExamples:
        chosen: PCollection[bytes] = (
            kept_shards
            | "List ranks" >> ToList()
            | "Choose" >> beam.Map(_choose, self.selection, self.room).with_output_types(bytes)
        )
        fates: PCollection[tuple[str, bytes]] = chosen | "Fates" >> beam.FlatMap(_fates).with_output_types(
            tuple[str, bytes]
        )
        return SelectedExamples(chosen, fates)


_SHARD_DECODER = decoder(KeptShard)
_CHOSEN_DECODER = decoder(Chosen)


def _choose(shards: list[bytes], selection: Selection, room: Room) -> bytes:
    return encode(choose(map(_SHARD_DECODER.decode, shards), selection, room))


def _fates(chosen: bytes) -> Iterator[tuple[str, bytes]]:
    yield from chosen_from_bytes(chosen).fates.items()


def chosen_from_bytes(data: bytes) -> Chosen:
    """The inverse of what `SelectExamples` gives."""
    return _CHOSEN_DECODER.decode(data)
