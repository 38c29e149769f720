"""Which of the kept examples are taken: a sample of the right size, and a validation set out of the training set.

Which examples are taken follows from the bytes of their lines and the seed alone: not from the order of files and
lines, nor from where they were judged. The order of a sample is nested: a smaller one is part of every larger one.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from beam_tuning.curation.groups import groups_of
from beam_tuning.curation.room import Room
from beam_tuning.dataset.layout import Shard

TRAIN, VALIDATION = "train", "validation"
RANK_BYTES = 16
#: Strata that are told by name; the smallest of more are told together.
MOST_STRATA_TOLD = 40

_Integers = npt.NDArray[np.int64]


class Stratify(enum.StrEnum):
    """What a sample keeps the proportions of.

    Attributes:
      MEDIA_KIND: the kinds of media that an example holds, such as video, or audio and image.
      FILE: the dataset file that it stands in.
      NONE: nothing; the hash alone decides.
    """

    MEDIA_KIND = "media_kind"
    FILE = "file"
    NONE = "none"


class Fate(enum.IntEnum):
    """What becomes of a kept example."""

    SAMPLED_OUT = 0
    TAKEN = 1
    MOVED = 2


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
      max_examples: training examples that are taken at most, those that are moved included; None for all.
      fits: whether no more is taken than the model's limits allow.
      seed: another one gives another sample.
      validation_split: share of the training examples that becomes the validation set; None for no such set.
    """

    max_examples: int | None = None
    fits: bool = False
    seed: int = 0
    stratify_by: Stratify = Stratify.MEDIA_KIND
    validation_split: float | None = None

    @property
    def samples(self) -> bool:
        """Whether examples may be left out for size."""
        return self.max_examples is not None or self.fits

    @property
    def is_on(self) -> bool:
        """Whether anything is chosen at all."""
        return self.samples or self.validation_split is not None


class KeptShard(msgspec.Struct, frozen=True, array_like=True):
    """The kept examples of one shard, in its order: columns, an entry for each example.

    Attributes:
      ranks: `rank_of` each, joined.
      sizes_bytes: of the lines as they are written, newline included.
      strata: by name, the number that stands for each in `stratum_of`.
      has_media: whether the example has a media part.
      share_counts: how many of `shared` belong to each example.
      shared: 16 bytes for each thing that must not stand on both sides of a split. Empty where nothing is split.
    """

    shard: Shard
    ranks: bytes
    sizes_bytes: list[int]
    strata: list[str]
    stratum_of: list[int]
    has_media: list[bool]
    share_counts: list[int] = []
    shared: bytes = b""


class StratumCount(msgspec.Struct, frozen=True, array_like=True):
    """What was taken of one stratum; `name` is None for the rest of very many strata."""

    split: str
    name: str | None
    kept: int
    taken: int
    moved: int


class Chosen(msgspec.Struct, frozen=True, array_like=True):
    """What was chosen.

    Attributes:
      fates: by `Shard.key`, a byte for each of its kept examples: a `Fate`.
      strata: the largest first.
      limited_by: what `fits` came up against, in words; empty where all fits.
      held_together: examples that were not moved because more of the training set shares their media than was to be
        moved.
    """

    fates: dict[str, bytes]
    strata: list[StratumCount]
    limited_by: str = ""
    held_together: int = 0


def rank_of(line: bytes, seed: int) -> bytes:
    """16 bytes by which lines are put in order. White space around the line does not count."""
    return hashlib.blake2b(line.strip(), digest_size=RANK_BYTES, key=seed.to_bytes(8, "big")).digest()


def choose(shards: Iterable[KeptShard], selection: Selection, room: Room) -> Chosen:
    """What becomes of every kept example.

    Args:
      shards: of all splits, each once, in any order.
      room: what the model's limits allow.
    """
    ordered = sorted(shards, key=lambda kept: kept.shard)
    train = _Examples.of([kept for kept in ordered if kept.shard.split == TRAIN])
    validation = _Examples.of([kept for kept in ordered if kept.shard.split != TRAIN])
    limited_by, held_together = _choose_train(train, selection, room)
    if selection.fits and len(validation):
        most = room.validation_examples_beside(int(np.count_nonzero(train.fates == Fate.TAKEN)))
        if most < len(validation):
            validation.fates[validation.order()[most:]] = Fate.SAMPLED_OUT
            limited_by = "; ".join(filter(None, (limited_by, f"{most:,} validation examples")))
    fates = {**train.by_shard(), **validation.by_shard()}
    return Chosen(fates, _told([*train.counts(), *validation.counts()]), limited_by, held_together)


def _choose_train(train: _Examples, selection: Selection, room: Room) -> tuple[str, int]:
    """Sets the fates; gives what it came up against, and how many examples could not be moved."""
    limited_by, held_together = "", 0
    order = train.order() if selection.samples else np.arange(len(train), dtype=np.int64)
    share = selection.validation_split
    total = len(order)
    if selection.max_examples is not None:
        total = min(total, selection.max_examples)
    most = room.train_examples(has_media=bool(train.has_media.any()))
    if selection.fits:
        # What is moved does not count against the limit of the training file.
        total = min(total, most if share is None else most + room.validation_examples)
    taken = order[:total]
    train.fates[order[total:]] = Fate.SAMPLED_OUT
    if share is not None:
        target = math.floor(len(taken) * share + 1e-9)  # 0.29 of 100 is 29, whatever a double makes of it
        if selection.fits:
            target = min(target, room.validation_examples_beside(len(taken) - target))
        moved, held_together = train.groups_to_move(taken, target)
        train.fates[moved] = Fate.MOVED
        taken = taken[train.fates[taken] == Fate.TAKEN]
    if selection.fits:
        fitting = int(np.searchsorted(np.cumsum(train.sizes_bytes[taken]), room.train_bytes, side="right"))
        if min(most, fitting) < len(taken) or total < len(order):
            limited_by = f"{most:,} training examples" if most <= fitting else f"{room.train_bytes:,} bytes"
        train.fates[taken[min(most, fitting) :]] = Fate.SAMPLED_OUT
    return limited_by, held_together


class _Examples:
    """The kept examples of one split, as columns.

    Attributes:
      ranks: the two halves of each rank.
      fates: of each; at first all are taken.
    """

    def __init__(self, shards: Sequence[KeptShard]) -> None:
        numbers: dict[str, int] = {}
        strata: list[_Integers] = []
        for shard in shards:
            known = np.array([numbers.setdefault(name, len(numbers)) for name in shard.strata], dtype=np.int64)
            strata.append(known[_integers(shard.stratum_of)] if shard.stratum_of else _integers(()))
        self._shards = shards
        self._names = list(numbers)
        self._strata = np.concatenate(strata) if strata else _integers(())
        halves = np.frombuffer(b"".join(shard.ranks for shard in shards), dtype=">u8").reshape(-1, 2)
        self.ranks = halves.astype(np.uint64)
        self.sizes_bytes = _integers([size for shard in shards for size in shard.sizes_bytes])
        self.has_media = np.array([one for shard in shards for one in shard.has_media], dtype=bool)
        self.fates = np.full(len(self.sizes_bytes), Fate.TAKEN, dtype=np.uint8)

    @classmethod
    def of(cls, shards: Sequence[KeptShard]) -> _Examples:
        return cls(shards)

    def __len__(self) -> int:
        return len(self.sizes_bytes)

    def by_rank(self) -> _Integers:
        """All examples by rank; of lines that are the same the first in the input comes first."""
        return np.lexsort((self.ranks[:, 1], self.ranks[:, 0])).astype(np.int64)

    def order(self) -> _Integers:
        """All examples in the order in which a sample takes them: every stratum in proportion, at any size."""
        by_rank = self.by_rank()
        strata = self._strata[by_rank]
        counts = np.bincount(strata, minlength=1)
        of_stratum = np.argsort(strata, kind="stable")
        place = np.empty(len(strata), dtype=np.int64)
        place[of_stratum] = np.arange(len(strata)) - np.repeat(np.cumsum(counts) - counts, counts)
        # The middle of the example's own slice of its stratum. Equal shares give equal doubles, whatever the machine.
        share = (2 * place + 1) / (2 * counts[strata])
        return by_rank[np.argsort(share, kind="stable")]

    def groups_to_move(self, among: _Integers, target: int) -> tuple[_Integers, int]:
        """At most `target` of these examples, whole groups of those that share something, by rank; and how many were
        passed over because their group is larger than what was left to move."""
        is_among = np.zeros(len(self), dtype=bool)
        is_among[among] = True
        shared = np.frombuffer(b"".join(shard.shared for shard in self._shards), dtype=">u8").reshape(-1, 2)
        owner = np.repeat(
            np.arange(len(self)), _integers([one for shard in self._shards for one in shard.share_counts])
        )
        group_of = groups_of(len(self), owner, shared)
        by_rank = self.by_rank()
        by_rank = by_rank[is_among[by_rank]]
        sizes = np.bincount(group_of[by_rank], minlength=len(self) + 1)
        moved, passed_over = np.zeros(len(self) + 1, dtype=bool), 0
        left = target
        seen = np.zeros(len(self) + 1, dtype=bool)
        for group in group_of[by_rank].tolist():
            if not left:
                break
            if seen[group]:
                continue
            seen[group] = True
            if sizes[group] <= left:
                moved[group] = True
                left -= int(sizes[group])
            else:
                passed_over += int(sizes[group])
        return by_rank[moved[group_of[by_rank]]], passed_over if left else 0

    def by_shard(self) -> dict[str, bytes]:
        fates, start = {}, 0
        for kept in self._shards:
            stop = start + len(kept.sizes_bytes)
            fates[kept.shard.key] = self.fates[start:stop].tobytes()
            start = stop
        return fates

    def counts(self) -> list[StratumCount]:
        if not self._shards:
            return []
        of_fate = {fate: np.bincount(self._strata[self.fates == fate], minlength=len(self._names)) for fate in Fate}
        return [
            StratumCount(
                self._shards[0].shard.split,
                name,
                int(sum(counts[number] for counts in of_fate.values())),
                int(of_fate[Fate.TAKEN][number]),
                int(of_fate[Fate.MOVED][number]),
            )
            for number, name in enumerate(self._names)
        ]


def _told(counts: Iterable[StratumCount]) -> list[StratumCount]:
    """The largest strata, and one row of each split for what is left."""
    ordered = sorted(counts, key=lambda one: (-one.kept, one.split, one.name or ""))
    told, rest = ordered[:MOST_STRATA_TOLD], ordered[MOST_STRATA_TOLD:]
    for split in sorted({one.split for one in rest}):
        others = [one for one in rest if one.split == split]
        totals = (sum(one.kept for one in others), sum(one.taken for one in others), sum(one.moved for one in others))
        told.append(StratumCount(split, None, *totals))
    return told


def _integers(values: Sequence[int]) -> _Integers:
    return np.array(values, dtype=np.int64)
