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
from beam_tuning.curation.selection import VALIDATION, Fate, Selection, shard_key
from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.packs import LinePack
from beam_tuning.media.info import ProbeResult
from beam_tuning.pack_work.codecs import decoder
from beam_tuning.pack_work.rewritten import judge_rewritten
from beam_tuning.policy.comparison import Comparison
from beam_tuning.policy.judge import Policy
from beam_tuning.reasons import JUDGED, Verdict
from beam_tuning.report.rejected import rejected_line
from beam_tuning.run_folder.claim import check_claim
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.summary.judged_example import JudgedExample, sampled_out
from beam_tuning.summary.summary import Summary
from beam_tuning.summary.tables import line_hash, verdict_table
from beam_tuning.transforms.expected import EXAMPLES_JUDGED, EXPECTED
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS
from beam_tuning.transforms.select import (
    SelectExamples,
    chosen_from_bytes,
    comparison_of,
    media_of,
    packs_of,
    with_chosen_resolution,
)
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
    shuffled, and what a retried bundle writes is the same.

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
        chosen: PCollection[bytes] | None = None
        side_inputs: dict[str, pvalue.AsSingleton] = {"first_lines": self.first_lines}
        if self.most_common_resolution is not None:
            side_inputs["most_common_resolution"] = self.most_common_resolution
        if self.selection.is_on and self.room is not None:
            chosen = joined | "Select" >> SelectExamples(
                self.policy, self.selection, self.room, self.first_lines, self.most_common_resolution, self.rewriting
            )
            side_inputs["chosen"] = pvalue.AsSingleton(chosen)
        judge_shard = beam.ParDo(_JudgeShardFn(self.policy, self.target, self.selection, self.rewriting), **side_inputs)
        judged = joined | "Judge shards" >> judge_shard.with_outputs(SUMMARY, main="files")
        return JudgedShards(judged.files, judged[SUMMARY], chosen)


@beam.typehints.with_output_types(WrittenFile)
class _JudgeShardFn(beam.DoFn):
    def __init__(self, policy: Policy, target: RunTarget, selection: Selection, rewriting: UriRewriting) -> None:
        self._rewriting = rewriting
        self._policy = policy
        self._target = target
        self._selection = selection

    def setup(self) -> None:
        self._pack_decoder = decoder(LinePack)

    def start_bundle(self) -> None:
        EXPECTED.tell()

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
        chosen: bytes | None = None,
    ) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        policy = with_chosen_resolution(self._policy, most_common_resolution)
        key, group = element
        media = media_of(group, self._rewriting)
        shard = Shard.from_key(key)
        fates = None
        if chosen is not None:
            fates = iter(chosen_from_bytes(chosen).fates[shard_key(shard.split, shard.number)])
        comparison = comparison_of(group, first_lines, self._rewriting)
        shards = [shard]
        if self._selection.validation_split is not None:
            shards.append(shard._replace(split=VALIDATION))
        judged = (
            _judge_pack(pack, first_lines[pack.key], policy, media, comparison, fates, self._rewriting)
            for pack in packs_of(group, self._pack_decoder)
        )
        yield from write_shard(self._target, shards, judged, verdicts_of(self._selection))
        if fates is not None and next(fates, None) is not None:
            raise RuntimeError(f"{key}: more examples were chosen from than are kept")  # a worker judges otherwise


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


class JudgedLine(NamedTuple):
    """A line with its verdict.

    Attributes:
      text: as it is to be written.
      line_hash: of the line as the dataset has it.
    """

    example: JudgedExample
    text: bytes
    line_hash: bytes


class JudgedPack:
    """Lines of a shard, judged.

    Attributes:
      blank_lines: that stood between them.
    """

    def __init__(self) -> None:
        self.lines: list[JudgedLine] = []
        self.blank_lines = 0

    def add(self, example: JudgedExample, text: bytes, line: bytes, line_hash: bytes) -> None:
        """Adds an example.

        Args:
          text: what is written where it is kept, or left out of a sample.
          line: as it came, which is written where it is not.
          line_hash: of the line as the dataset has it.
        """
        is_whole = example.verdict in (Verdict.KEPT, Verdict.SAMPLED_OUT)
        self.lines.append(JudgedLine(example, text if is_whole else rejected_line(example, line), line_hash))


def _judge_pack(
    pack: LinePack,
    first_line: int,
    policy: Policy,
    media: Mapping[str, ProbeResult],
    comparison: Comparison,
    fates: Iterator[int] | None,
    rewriting: UriRewriting,
) -> JudgedPack:
    """Every line of a pack.

    Args:
      fates: what becomes of the kept examples, one after the other; None keeps them all.
    """
    judged = JudgedPack()
    for lines_before, offset, line in pack.lines():
        line_id = LineId(pack.split, pack.path, first_line + lines_before, offset)
        of_line = judge_rewritten(policy, line_id, line, media, rewriting)
        example = comparison.judge(policy, of_line, pack.key, lines_before)
        if example.verdict is Verdict.KEPT and fates is not None:
            example = _with_fate(example, next(fates))
        judged.add(example, of_line.text, line, line_hash(without_byte_order_mark(line)))
    judged.blank_lines = pack.line_count - len(judged.lines)
    return judged


def _with_fate(example: JudgedExample, fate: int) -> JudgedExample:
    if fate == Fate.SAMPLED_OUT:
        return sampled_out(example)
    if fate == Fate.MOVED:
        line_id = msgspec.structs.replace(example.line_id, split=VALIDATION)
        return msgspec.structs.replace(example, line_id=line_id)
    return example
