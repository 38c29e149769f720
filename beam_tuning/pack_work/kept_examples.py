"""What is told of each kept example where some are to be chosen: some thirty bytes."""

from __future__ import annotations

import hashlib

from beam_tuning.curation.example_keys import keys_of
from beam_tuning.curation.leaks import identity
from beam_tuning.curation.selection import TRAIN, KeptShard, Selection, Stratify, rank_of
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.media.info import ObjectInfo
from beam_tuning.summary.judged_example import JudgedExample, PartFacts


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

    def add_all(self, later: KeptExamples) -> None:
        """Adds the examples of packs that come after these."""
        numbers = [self._strata.setdefault(name, len(self._strata)) for name in later._strata]
        self._stratum_of += [numbers[number] for number in later._stratum_of]
        self._ranks += later._ranks
        self._shared += later._shared
        self._sizes_bytes += later._sizes_bytes
        self._has_media += later._has_media
        self._share_counts += later._share_counts

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
    if len(judged.media) == 1:
        kind = judged.media[0].kind
        return kind.value if kind else "unknown"
    return " and ".join(sorted({part.kind.value if part.kind else "unknown" for part in judged.media})) or "text only"


def _object_of(part: PartFacts) -> bytes:
    """16 bytes for the object behind a media part: the same for two URIs with the same bytes, where the store says."""
    about = (part.result.object if part.result is not None else None) or ObjectInfo()
    text = identity(part.given.uri, about.size_bytes, about.crc32c, about.md5)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
