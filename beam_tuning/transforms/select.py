"""What becomes of the kept examples: ranks of all of them come together, and one worker chooses.

What travels is some thirty bytes for each kept example, and a byte back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.combiners import ToList

from beam_tuning.curation.example_keys import keys_of
from beam_tuning.curation.leaks import identity
from beam_tuning.curation.room import Room
from beam_tuning.curation.selection import TRAIN, Chosen, KeptShard, Selection, Stratify, choose, rank_of
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.media.info import ObjectInfo
from beam_tuning.pack_work.codecs import decoder, encode
from beam_tuning.summary.judged_example import JudgedExample, PartFacts

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


class KeptExamples:
    """Gathers the columns of a `KeptShard`."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._strata: dict[str, int] = {}
        self._ranks: list[bytes] = []
        self._shared: list[bytes] = []
        self._sizes_bytes: list[int] = []
        self._stratum_of: list[int] = []
        self._has_media: list[bool] = []
        self._share_counts: list[int] = []

    def add(self, line: bytes, judged: JudgedExample, text: bytes) -> None:
        """Adds an example: its line as it came, and as it is written."""
        rank = rank_of(without_byte_order_mark(line), self._selection.seed)
        self._ranks.append(rank)
        self._sizes_bytes.append(len(text) + 1)
        self._stratum_of.append(
            self._strata.setdefault(_stratum(judged, self._selection.stratify_by), len(self._strata))
        )
        self._has_media.append(bool(judged.media))
        if self._selection.validation_split is not None:
            # So do examples with the same input, and lines that are the same.
            keys = keys_of(line)
            shared = {rank, *map(_object_of, judged.media), *(() if keys is None else (keys.input,))}
            self._share_counts.append(len(shared))
            self._shared += sorted(shared)

    def of_shard(self, shard: Shard) -> KeptShard:
        is_split = shard.split == TRAIN
        return KeptShard(
            shard=shard,
            ranks=b"".join(self._ranks),
            sizes_bytes=self._sizes_bytes,
            strata=list(self._strata),
            stratum_of=self._stratum_of,
            has_media=self._has_media,
            share_counts=self._share_counts if is_split else [],
            shared=b"".join(self._shared) if is_split else b"",
        )


def _stratum(judged: JudgedExample, stratify_by: Stratify) -> str:
    if stratify_by is Stratify.FILE:
        return judged.line_id.file
    if stratify_by is Stratify.NONE:
        return "all"
    return " and ".join(sorted({part.kind.value if part.kind else "unknown" for part in judged.media})) or "text only"


def _object_of(part: PartFacts) -> bytes:
    """16 bytes for the object behind a media part: the same for two URIs with the same bytes, where the store says."""
    about = (part.result.object if part.result is not None else None) or ObjectInfo()
    text = identity(part.given.uri, about.size_bytes, about.crc32c, about.md5)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


_SHARD_DECODER = decoder(KeptShard)
_CHOSEN_DECODER = decoder(Chosen)


def _choose(shards: list[bytes], selection: Selection, room: Room) -> bytes:
    return encode(choose(map(_SHARD_DECODER.decode, shards), selection, room))


def _fates(chosen: bytes) -> Iterator[tuple[str, bytes]]:
    yield from chosen_from_bytes(chosen).fates.items()


def chosen_from_bytes(data: bytes) -> Chosen:
    """The inverse of what `SelectExamples` gives."""
    return _CHOSEN_DECODER.decode(data)
