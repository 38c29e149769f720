"""What becomes of the kept examples: ranks of all of them come together, and one worker chooses.

An example is judged here without being counted or written, so that lines need not be kept anywhere until it is known
which are taken. What travels is some thirty bytes for each kept example, and a byte back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.pvalue import PCollection
from apache_beam.transforms.combiners import ToList

from beam_tuning.curation.example_keys import keys_of
from beam_tuning.curation.leaks import identity
from beam_tuning.curation.room import Room
from beam_tuning.curation.selection import TRAIN, Chosen, KeptShard, Selection, Stratify, choose, rank_of
from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.packs import LinePack
from beam_tuning.media.info import ObjectInfo, ProbeResult
from beam_tuning.pack_work.codecs import decoder, encode, results_from_bytes
from beam_tuning.pack_work.rewritten import add_rewritten, judge_rewritten, rewritten_leak
from beam_tuning.policy.comparison import Comparison
from beam_tuning.policy.judge import Policy
from beam_tuning.reasons import Verdict
from beam_tuning.summary.judged_example import JudgedExample, PartFacts
from beam_tuning.transforms.compare import leaks_from_bytes, marks_from_bytes
from beam_tuning.uri_rewriting import NOTHING_REWRITTEN, UriRewriting


@dataclass
class SelectExamples(beam.PTransform):
    """(shard key, {packs, results, marks, leaks}) -> one encoded `Chosen`.

    Attributes:
      first_lines: side input, the number of the first line of every pack.
      most_common_resolution: side input, when the policy wants the majority's media resolution.
      rewriting: of media URIs.
    """

    policy: Policy
    selection: Selection
    room: Room
    first_lines: pvalue.AsSingleton
    most_common_resolution: pvalue.AsSingleton | None = None
    rewriting: UriRewriting = NOTHING_REWRITTEN

    def expand(self, joined: PCollection[tuple[str, dict[str, Any]]]) -> PCollection[bytes]:
        side_inputs = [self.first_lines]
        if self.most_common_resolution is not None:
            side_inputs.append(self.most_common_resolution)
        chosen: PCollection[bytes] = (
            joined
            | "Rank examples" >> beam.ParDo(_RankKeptFn(self.policy, self.selection, self.rewriting), *side_inputs)
            | "List ranks" >> ToList()
            | "Choose" >> beam.Map(_choose, self.selection, self.room).with_output_types(bytes)
        )
        return chosen


@beam.typehints.with_output_types(bytes)
class _RankKeptFn(beam.DoFn):
    """(shard key, {packs, results}) -> encoded `KeptShard`."""

    def __init__(self, policy: Policy, selection: Selection, rewriting: UriRewriting) -> None:
        self._policy = policy
        self._rewriting = rewriting
        self._selection = selection

    def setup(self) -> None:
        self._pack_decoder = decoder(LinePack)

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
    ) -> Iterator[bytes]:
        key, group = element
        shard = Shard.from_key(key)
        kept = _KeptExamples(self._selection)
        policy = with_chosen_resolution(self._policy, most_common_resolution)
        media, comparison = media_of(group, self._rewriting), comparison_of(group, first_lines, self._rewriting)
        for pack in packs_of(group, self._pack_decoder):
            for lines_before, offset, line in pack.lines():
                line_id = LineId(pack.split, pack.path, first_lines[pack.key] + lines_before, offset)
                of_line = judge_rewritten(policy, line_id, line, media, self._rewriting, with_what_if=False)
                judged = comparison.judge(policy, of_line, pack.key, lines_before)
                if judged.verdict is Verdict.KEPT:
                    kept.add(line, judged, of_line.text)
        yield encode(kept.of_shard(shard))


def with_chosen_resolution(policy: Policy, most_common: str | None) -> Policy:
    """The policy, where the majority's media resolution was asked for with that."""
    return policy if most_common is None else msgspec.structs.replace(policy, chosen_resolution=most_common)


def media_of(group: dict[str, Iterable[bytes]], rewriting: UriRewriting) -> dict[str, ProbeResult]:
    """Probe results of a shard by URI, the rewritten one too."""
    media = {result.uri: result for packed in group["results"] for result in results_from_bytes(packed)}
    add_rewritten(media, rewriting)
    return media


def comparison_of(
    group: dict[str, Iterable[bytes]], first_lines: Mapping[bytes, int], rewriting: UriRewriting
) -> Comparison:
    """What comparing the examples with one another found of a shard."""
    return Comparison(
        (mark for packed in group.get("marks", ()) for mark in marks_from_bytes(packed)),
        (rewritten_leak(leak, rewriting) for packed in group.get("leaks", ()) for leak in leaks_from_bytes(packed)),
        first_lines,
    )


def packs_of(group: dict[str, Iterable[bytes]], pack_decoder: msgspec.msgpack.Decoder[LinePack]) -> list[LinePack]:
    """The packs of a shard in the order of the input."""
    return sorted(map(pack_decoder.decode, group["packs"]), key=lambda pack: (pack.path, pack.offset_bytes))


class _KeptExamples:
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
            split=shard.split,
            number=shard.number,
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


_SHARD_DECODER = msgspec.msgpack.Decoder(KeptShard)
_CHOSEN_DECODER = msgspec.msgpack.Decoder(Chosen)


def _choose(shards: list[bytes], selection: Selection, room: Room) -> bytes:
    return encode(choose(map(_SHARD_DECODER.decode, shards), selection, room))


def chosen_from_bytes(data: bytes) -> Chosen:
    """The inverse of what `SelectExamples` gives."""
    return _CHOSEN_DECODER.decode(data)
