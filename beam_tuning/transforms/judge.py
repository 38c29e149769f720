"""Second pass over the lines: every example with its media, judged, counted and written, shard by shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.pvalue import PCollection
from apache_beam.utils.windowed_value import WindowedValue

from beam_tuning.curation.room import Room
from beam_tuning.curation.selection import VALIDATION, Selection
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.packs import LinePack
from beam_tuning.pack_work.codecs import encode
from beam_tuning.pack_work.judged_packs import ShardJudge, in_order, packs_of
from beam_tuning.pack_work.kept_examples import KeptExamples
from beam_tuning.pack_work.shard_output import (
    ChosenPacks,
    JudgePacks,
    JudgePacksToChoose,
    OutputChosen,
    Outputs,
    ShardOutput,
    WaitingPacks,
)
from beam_tuning.policy.judge import Policy
from beam_tuning.reasons import JUDGED, Verdict
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.transforms.bundles import at_the_end
from beam_tuning.transforms.expected import EXPECTED
from beam_tuning.transforms.select import RANKS, SelectExamples
from beam_tuning.transforms.shard_writer import SUMMARY, ShardWriter
from beam_tuning.uri_rewriting import NOTHING_REWRITTEN, UriRewriting
from beam_tuning.worker_processes.pool import OrderedWork, Task, current_pool

Pack = TypeVar("Pack")

#: What a worker takes at once: enough that what it is given beside the lines is little, few enough that all workers end
#: at about the same time.
_PACKS_PER_PIECE = 4


class JudgedShards(NamedTuple):
    """What `JudgeShards` gives.

    Attributes:
      files: of every shard one of lines for each verdict, and verdicts, be they empty.
      summaries: encoded `Summary`, one a shard.
      chosen: one encoded `Chosen`; None where nothing was to be chosen.
    """

    files: PCollection[WrittenFile]
    summaries: PCollection[bytes]
    chosen: PCollection[bytes] | None = None


def verdicts_of(selection: Selection) -> tuple[Verdict, ...]:
    """The verdicts that a run gives."""
    return (*JUDGED, Verdict.SAMPLED_OUT) if selection.samples else JUDGED


@dataclass
class JudgeShards(beam.PTransform):
    """{packs, results, shards, and marks and leaks where examples are compared}, keyed by shard -> `JudgedShards`.

    A shard's examples are judged and written in one go, in the order of the input: nothing but packs and results is
    shuffled, and what a retried bundle writes is the same. Where examples are to be chosen, judged packs go through a
    shuffle once more and wait there until it is known which are taken; they are judged once.

    Attributes:
      first_lines: side input, the number of the first line of every pack.
      most_common_resolution: side input, when the policy wants the majority's media resolution.
      selection: which of the kept examples are taken.
      rewriting: of media URIs. Lines are judged and kept as rewritten; a line that is not kept is told as it came.
      room: what the model's limits allow, for the selection.
    """

    policy: Policy
    target: RunTarget
    first_lines: pvalue.AsSingleton
    most_common_resolution: pvalue.AsSingleton | None = None
    selection: Selection = field(default_factory=Selection)
    room: Room | None = None
    rewriting: UriRewriting = NOTHING_REWRITTEN

    def expand(self, keyed: dict[str, PCollection[Any]]) -> JudgedShards:
        joined = keyed | "Join by shard" >> beam.CoGroupByKey()
        side_inputs = [self.first_lines]
        if self.most_common_resolution is not None:
            side_inputs.append(self.most_common_resolution)
        if not self.selection.is_on or self.room is None:
            judge_shard = beam.ParDo(_JudgeShardFn(self.policy, self.target, self.rewriting), *side_inputs)
            judged = joined | "Judge shards" >> judge_shard.with_outputs(SUMMARY, main="files")
            return JudgedShards(judged.files, judged[SUMMARY])
        judge_packs = beam.ParDo(_JudgePacksFn(self.policy, self.selection, self.rewriting), *side_inputs)
        waiting = joined | "Judge packs" >> judge_packs.with_outputs(RANKS, main="packs")
        selected = waiting[RANKS] | "Select" >> SelectExamples(self.selection, self.room)
        write_chosen = beam.ParDo(_WriteChosenFn(self.target, self.selection))
        written = (
            {"packs": waiting.packs, "fates": selected.fates}
            | "Join what was chosen" >> beam.CoGroupByKey()
            | "Write shards" >> write_chosen.with_outputs(SUMMARY, main="files")
        )
        return JudgedShards(written.files, written[SUMMARY], selected.chosen)


class _Part(NamedTuple):
    """Which packs of a shard a piece of work is about.

    Attributes:
      shards: as for `ShardWriter`.
    """

    shards: tuple[Shard, ...]
    is_first: bool
    is_last: bool


class _WriteShardsFn(beam.DoFn):
    """Has pieces of shards worked out, here or in worker processes, and writes each shard from its own, in order.

    A shard may still be worked at when the next one comes: with worker processes, none of them waits for others.
    """

    def __init__(self, target: RunTarget, verdicts: tuple[Verdict, ...]) -> None:
        self._target = target
        self._verdicts = verdicts

    def start_bundle(self) -> None:
        EXPECTED.tell()
        self._work: OrderedWork[_Part] = OrderedWork(current_pool())
        self._writer: ShardWriter | None = None

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        yield from at_the_end(self._written(self._work.rest()))

    def _put(
        self, shards: tuple[Shard, ...], task: Task, pieces: Sequence[object]
    ) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        """Takes the pieces of a shard; gives what was written meanwhile, of this shard or of earlier ones."""
        for number, piece in enumerate(pieces, 1):
            part = _Part(shards, number == 1, number == len(pieces))
            yield from self._written(self._work.put(part, task, piece))

    def _written(self, done: Iterator[tuple[_Part, ShardOutput]]) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        try:
            for part, output in done:
                if part.is_first:
                    self._writer = ShardWriter(self._target, part.shards, self._verdicts)
                assert self._writer is not None  # noqa: S101
                self._writer.add(output)
                if part.is_last:
                    writer, self._writer = self._writer, None
                    yield from writer.finish()
        except BaseException:
            if self._writer is not None:
                self._writer.abandon()
            raise


@beam.typehints.with_output_types(WrittenFile)
class _JudgeShardFn(_WriteShardsFn):
    """(shard key, {packs, results, ...}) -> files; summaries are a tagged output."""

    def __init__(self, policy: Policy, target: RunTarget, rewriting: UriRewriting) -> None:
        super().__init__(target, JUDGED)
        self._rewriting = rewriting
        self._policy = policy

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
    ) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        key, group = element
        shard = Shard.from_key(key)
        policy = with_chosen_resolution(self._policy, most_common_resolution)
        packs, judge = _to_judge(group, first_lines, policy, self._rewriting)
        task = Task(JudgePacks(judge, Outputs((shard.split,), self._verdicts)))
        yield from self._put((shard,), task, pieces_of(packs))


@beam.typehints.with_output_types(tuple[str, bytes])
class _JudgePacksFn(beam.DoFn):
    """(shard key, {packs, results, ...}) -> (shard key, judged pack), and encoded `KeptShard` as a tagged output."""

    def __init__(self, policy: Policy, selection: Selection, rewriting: UriRewriting) -> None:
        self._policy = policy
        self._selection = selection
        self._rewriting = rewriting

    def start_bundle(self) -> None:
        self._work: OrderedWork[_Part] = OrderedWork(current_pool())
        self._kept = KeptExamples(self._selection)

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
    ) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        key, group = element
        policy = with_chosen_resolution(self._policy, most_common_resolution)
        packs, judge = _to_judge(group, first_lines, policy, self._rewriting)
        task = Task(JudgePacksToChoose(judge, self._selection))
        pieces = pieces_of(packs)
        for number, piece in enumerate(pieces, 1):
            part = _Part((Shard.from_key(key),), number == 1, number == len(pieces))
            yield from self._waiting(self._work.put(part, task, piece))

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        yield from at_the_end(self._waiting(self._work.rest()))

    def _waiting(self, done: Iterator[tuple[_Part, WaitingPacks]]) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        for part, waiting in done:
            (shard,) = part.shards
            for pack in waiting.packs:
                yield shard.key, pack
            self._kept.add_all(waiting.kept)
            if part.is_last:
                kept, self._kept = self._kept, KeptExamples(self._selection)
                yield pvalue.TaggedOutput(RANKS, encode(kept.of_shard(shard)))


@beam.typehints.with_output_types(WrittenFile)
class _WriteChosenFn(_WriteShardsFn):
    """(shard key, {packs: judged, fates}) -> files; summaries are a tagged output."""

    def __init__(self, target: RunTarget, selection: Selection) -> None:
        super().__init__(target, verdicts_of(selection))
        self._selection = selection

    def process(self, element: tuple[str, dict[str, Iterable[bytes]]]) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        key, group = element
        shard = Shard.from_key(key)
        shards = [shard]
        if self._selection.validation_split is not None:
            shards.append(shard._replace(split=VALIDATION))
        (fates,) = group["fates"]
        pieces = []
        for packs in pieces_of(in_order(group["packs"])):
            kept = sum(pack.kept for pack in packs)
            pieces.append(ChosenPacks(packs, fates[:kept]))
            fates = fates[kept:]
        if fates:
            raise RuntimeError(f"{key}: more examples were chosen from than are kept")
        task = Task(OutputChosen(Outputs(tuple(one.split for one in shards), self._verdicts)))
        yield from self._put(tuple(shards), task, pieces)


def pieces_of(packs: Sequence[Pack]) -> list[Sequence[Pack]]:
    """The packs of a shard in pieces for workers. None make one piece: the files of the shard are written too."""
    return [packs[start : start + _PACKS_PER_PIECE] for start in range(0, len(packs) or 1, _PACKS_PER_PIECE)]


def _to_judge(
    group: Mapping[str, Iterable[bytes]], first_lines: Mapping[bytes, int], policy: Policy, rewriting: UriRewriting
) -> tuple[list[LinePack], ShardJudge]:
    """The packs of a shard, and what judges them."""
    packs = packs_of(group["packs"])
    found = {name: list(group.get(name, ())) for name in ("results", "marks", "leaks")}
    if not (found["marks"] or found["leaks"]):  # which name packs of any shard
        first_lines = {pack.key: first_lines[pack.key] for pack in packs}
    return packs, ShardJudge(policy, rewriting, found, first_lines)


def with_chosen_resolution(policy: Policy, most_common: str | None) -> Policy:
    """The policy, where the majority's media resolution was asked for with that."""
    return policy if most_common is None else msgspec.structs.replace(policy, chosen_resolution=most_common)
