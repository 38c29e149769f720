"""What is to be written and counted of judged packs: in a step of the graph, or in a worker process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import pyarrow as pa

from beam_tuning.curation.selection import VALIDATION, Fate, Selection
from beam_tuning.dataset.packs import LinePack
from beam_tuning.pack_work.judged_packs import JudgedLine, JudgedPack, ShardJudge, WaitingPack, to_bytes, unpacked
from beam_tuning.pack_work.kept_examples import KeptExamples
from beam_tuning.reasons import Verdict
from beam_tuning.summary.judged_example import sampled_out
from beam_tuning.summary.summary import Summary
from beam_tuning.summary.tables import verdict_table

# Looking an enum's member up costs more than comparing it.
_SAMPLED_OUT, _MOVED = Fate.SAMPLED_OUT, Fate.MOVED


class SplitOutput(NamedTuple):
    """What is to be written of the examples of one split.

    Attributes:
      texts: lines with their newlines, by verdict.
      counts: how many lines these are.
      table: rows of the verdict table, a chunk for each pack.
    """

    texts: dict[Verdict, bytes]
    counts: dict[Verdict, int]
    table: pa.Table


class ShardOutput(NamedTuple):
    """What some packs of a shard come to.

    Attributes:
      splits: by name.
      lines: how many were judged.
    """

    splits: dict[str, SplitOutput]
    summary: Summary
    lines: int


class Outputs(NamedTuple):
    """What packs may come to.

    Attributes:
      splits: those that examples may be of; blank lines are counted for the first.
      verdicts: that examples may have.
    """

    splits: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    def of(self, packs: Sequence[JudgedPack]) -> ShardOutput:
        summary = Summary.empty()
        for split in self.splits:
            summary.add_blank_lines(split, 0)
        texts: dict[str, dict[Verdict, list[bytes]]] = {
            split: {verdict: [] for verdict in self.verdicts} for split in self.splits
        }
        tables: dict[str, list[pa.Table]] = {split: [] for split in self.splits}
        for pack in packs:
            for split in self.splits:
                of_split = [one for one in pack.lines if one.example.line_id.split == split]
                for one in of_split:
                    texts[split][one.example.verdict].append(one.text)
                examples = [one.example for one in of_split]
                tables[split].append(verdict_table(examples, [one.line_hash for one in of_split]))
                summary.add_all(examples)
            summary.add_blank_lines(self.splits[0], pack.blank_lines)
        of_splits = {
            split: SplitOutput(
                {verdict: b"".join(line + b"\n" for line in lines) for verdict, lines in texts[split].items()},
                {verdict: len(lines) for verdict, lines in texts[split].items()},
                pa.concat_tables(tables[split] or [verdict_table(())]),
            )
            for split in self.splits
        }
        return ShardOutput(of_splits, summary, sum(len(pack.lines) for pack in packs))


@dataclass(frozen=True)
class JudgePacks:
    """Packs of one shard -> `ShardOutput`."""

    judge: ShardJudge
    outputs: Outputs

    def __call__(self, packs: Sequence[LinePack]) -> ShardOutput:
        return self.outputs.of([self.judge.judged(pack) for pack in packs])


class WaitingPacks(NamedTuple):
    """Judged packs, encoded, and what is told of their kept examples."""

    packs: list[bytes]
    kept: KeptExamples


@dataclass(frozen=True)
class JudgePacksToChoose:
    """Packs of one shard -> `WaitingPacks`."""

    judge: ShardJudge
    selection: Selection

    def __call__(self, packs: Sequence[LinePack]) -> WaitingPacks:
        kept = KeptExamples(self.selection)
        return WaitingPacks([to_bytes(pack, self.judge.judged(pack, kept.add)) for pack in packs], kept)


class ChosenPacks(NamedTuple):
    """Judged packs of one shard, and the fates of their kept examples, one after the other: a `Fate` each."""

    packs: Sequence[WaitingPack]
    fates: bytes


@dataclass(frozen=True)
class OutputChosen:
    """`ChosenPacks` -> `ShardOutput`."""

    outputs: Outputs

    def __call__(self, chosen: ChosenPacks) -> ShardOutput:
        fates = iter(chosen.fates)
        return self.outputs.of([_with_fates(unpacked(pack), fates) for pack in chosen.packs])


def _with_fates(pack: JudgedPack, fates: Iterator[int]) -> JudgedPack:
    """The pack, with what was chosen of its kept examples."""
    kept = Verdict.KEPT
    lines = [_with_fate(line, next(fates)) if line.example.verdict is kept else line for line in pack.lines]
    return JudgedPack(lines, pack.blank_lines)


def _with_fate(line: JudgedLine, fate: int) -> JudgedLine:
    if fate == _SAMPLED_OUT:
        return JudgedLine(sampled_out(line.example), line.text, line.line_hash)
    if fate == _MOVED:
        line_id = msgspec.structs.replace(line.example.line_id, split=VALIDATION)
        return JudgedLine(msgspec.structs.replace(line.example, line_id=line_id), line.text, line.line_hash)
    return line
