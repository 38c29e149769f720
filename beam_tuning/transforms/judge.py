"""Second pass over the lines: every example with its media, judged, counted and written, shard by shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_tuning.curation.room import Room
from beam_tuning.curation.selection import VALIDATION, Fate, Selection
from beam_tuning.dataset.layout import Shard
from beam_tuning.pack_work.codecs import encode
from beam_tuning.pack_work.judged_packs import JudgedPack, in_order, judged_packs, to_bytes
from beam_tuning.policy.judge import Policy
from beam_tuning.reasons import JUDGED, Verdict
from beam_tuning.run_folder.claim import check_claim
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.summary.judged_example import JudgedExample, sampled_out
from beam_tuning.summary.summary import Summary
from beam_tuning.summary.tables import verdict_table
from beam_tuning.transforms.expected import EXAMPLES_JUDGED, EXPECTED
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS
from beam_tuning.transforms.select import RANKS, KeptExamples, SelectExamples
from beam_tuning.transforms.write import ShardFiles
from beam_tuning.uri_rewriting import NOTHING_REWRITTEN, UriRewriting

SUMMARY = "summary"
_VERDICTS = {verdict: Metrics.counter(NAMESPACE, f"examples_{verdict.value}") for verdict in Verdict}


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


@beam.typehints.with_output_types(WrittenFile)
class _JudgeShardFn(beam.DoFn):
    def __init__(self, policy: Policy, target: RunTarget, rewriting: UriRewriting) -> None:
        self._rewriting = rewriting
        self._policy = policy
        self._target = target

    def start_bundle(self) -> None:
        EXPECTED.tell()

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
    ) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        policy = _with_chosen_resolution(self._policy, most_common_resolution)
        key, group = element
        judged = (pack for _, pack in judged_packs(group, first_lines, policy, self._rewriting))
        yield from write_shard(self._target, [Shard.from_key(key)], judged)


@beam.typehints.with_output_types(tuple[str, bytes])
class _JudgePacksFn(beam.DoFn):
    """(shard key, {packs, results, ...}) -> (shard key, judged pack), and encoded `KeptShard` as a tagged output."""

    def __init__(self, policy: Policy, selection: Selection, rewriting: UriRewriting) -> None:
        self._policy = policy
        self._selection = selection
        self._rewriting = rewriting

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
    ) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        policy = _with_chosen_resolution(self._policy, most_common_resolution)
        key, group = element
        kept = KeptExamples(self._selection)
        for pack, judged in judged_packs(group, first_lines, policy, self._rewriting, kept.add):
            yield key, to_bytes(pack, judged)
        yield pvalue.TaggedOutput(RANKS, encode(kept.of_shard(Shard.from_key(key))))


@beam.typehints.with_output_types(WrittenFile)
class _WriteChosenFn(beam.DoFn):
    """(shard key, {packs: judged, fates}) -> what `write_shard` gives."""

    def __init__(self, target: RunTarget, selection: Selection) -> None:
        self._target = target
        self._selection = selection

    def start_bundle(self) -> None:
        EXPECTED.tell()

    def process(self, element: tuple[str, dict[str, Iterable[bytes]]]) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        key, group = element
        shard = Shard.from_key(key)
        shards = [shard]
        if self._selection.validation_split is not None:
            shards.append(shard._replace(split=VALIDATION))
        (fates,) = group["fates"]
        yield from write_shard(
            self._target, shards, _with_fates(in_order(group["packs"]), fates), verdicts_of(self._selection)
        )


def _with_chosen_resolution(policy: Policy, most_common: str | None) -> Policy:
    """The policy, where the majority's media resolution was asked for with that."""
    return policy if most_common is None else msgspec.structs.replace(policy, chosen_resolution=most_common)


def write_shard(
    target: RunTarget, shards: Sequence[Shard], packs: Iterable[JudgedPack], verdicts: Sequence[Verdict] = JUDGED
) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
    """Writes the files of a shard from its judged packs, in their order; its summary is a tagged output.

    Args:
      shards: the shard that the packs are of; then those of other splits to which examples were moved.
      verdicts: that examples may have.
    """
    summary = Summary.empty()
    check_claim(open_folder(target.folder), target.run_id)
    with ExitStack() as stack:
        written = {one.split: stack.enter_context(ShardFiles(target, one, verdicts)) for one in shards}
        for split in written:
            summary.add_blank_lines(split, 0)
        for pack in packs:
            for split, files in written.items():
                of_split = [one for one in pack.lines if one.example.line_id.split == split]
                for verdict in verdicts:
                    texts = [one.text for one in of_split if one.example.verdict is verdict]
                    files.write(verdict, texts)
                    _VERDICTS[verdict].inc(len(texts))
                examples = [one.example for one in of_split]
                files.write_verdicts(verdict_table(examples, [one.line_hash for one in of_split]))
                summary.add_all(examples)
            summary.add_blank_lines(shards[0].split, pack.blank_lines)
            PROGRESS.add(EXAMPLES_JUDGED, len(pack.lines))
    for files in written.values():
        yield from files.written
    yield pvalue.TaggedOutput(SUMMARY, summary.to_bytes())


def _with_fates(packs: Iterable[JudgedPack], fates: bytes) -> Iterator[JudgedPack]:
    """The packs of a shard, with what was chosen of their kept examples, one after the other."""
    left = iter(fates)
    for pack in packs:
        yield JudgedPack(
            [
                line._replace(example=_with_fate(line.example, next(left)))
                if line.example.verdict is Verdict.KEPT
                else line
                for line in pack.lines
            ],
            pack.blank_lines,
        )


def _with_fate(example: JudgedExample, fate: int) -> JudgedExample:
    if fate == Fate.SAMPLED_OUT:
        return sampled_out(example)
    if fate == Fate.MOVED:
        line_id = msgspec.structs.replace(example.line_id, split=VALIDATION)
        return msgspec.structs.replace(example, line_id=line_id)
    return example
