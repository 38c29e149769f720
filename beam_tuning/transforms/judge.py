"""Second pass over the lines: every example with its media, judged, counted and written, shard by shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.lines import LinePack
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.comparison import Comparison
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.judged_line import judge_line
from beam_tuning.reasons import Verdict
from beam_tuning.report.rejected import rejected_line
from beam_tuning.run_folder.claim import check_claim
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.summary import Summary
from beam_tuning.summary.tables import line_hash, verdict_table
from beam_tuning.transforms.codecs import decoder, results_from_bytes
from beam_tuning.transforms.compare import leaks_from_bytes, marks_from_bytes
from beam_tuning.transforms.expected import EXAMPLES_JUDGED, EXPECTED
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS
from beam_tuning.transforms.write import ShardFiles

SUMMARY = "summary"
_VERDICTS = {verdict: Metrics.counter(NAMESPACE, f"examples_{verdict.value}") for verdict in Verdict}


class JudgedShards(NamedTuple):
    """What `JudgeShards` gives.

    Attributes:
      files: of every shard four: kept, dropped and undecided lines, and verdicts, be they empty.
      summaries: encoded `Summary`, one a shard.
    """

    files: PCollection[WrittenFile]
    summaries: PCollection[bytes]


@dataclass
class JudgeShards(beam.PTransform):
    """{packs, results, shards, and marks and leaks where examples are compared}, keyed by shard -> `JudgedShards`.

    A shard's examples are judged and written in one go, in the order of the input: nothing but packs and results is
    shuffled, and what a retried bundle writes is the same.

    Attributes:
      first_lines: side input, the number of the first line of every pack.
      most_common_resolution: side input, when the policy wants the majority's media resolution.
    """

    policy: Policy
    target: RunTarget
    first_lines: pvalue.AsSingleton
    most_common_resolution: pvalue.AsSingleton | None = None

    def expand(self, keyed: dict[str, PCollection[Any]]) -> JudgedShards:
        side_inputs = [self.first_lines]
        if self.most_common_resolution is not None:
            side_inputs.append(self.most_common_resolution)
        judge_shard = beam.ParDo(_JudgeShardFn(self.policy, self.target), *side_inputs)
        judged = (
            keyed
            | "Join by shard" >> beam.CoGroupByKey()
            | "Judge shards" >> judge_shard.with_outputs(SUMMARY, main="files")
        )
        return JudgedShards(judged.files, judged[SUMMARY])


@beam.typehints.with_output_types(WrittenFile)
class _JudgeShardFn(beam.DoFn):
    def __init__(self, policy: Policy, target: RunTarget) -> None:
        self._policy = policy
        self._target = target

    def setup(self) -> None:
        self._pack_decoder = decoder(LinePack)

    def start_bundle(self) -> None:
        EXPECTED.tell()

    def process(
        self,
        element: tuple[str, dict[str, Iterable[bytes]]],
        first_lines: Mapping[bytes, int],
        most_common_resolution: str | None = None,
    ) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        policy = self._policy
        if most_common_resolution is not None:
            policy = msgspec.structs.replace(policy, chosen_resolution=most_common_resolution)
        key, group = element
        media = {result.uri: result for packed in group["results"] for result in results_from_bytes(packed)}
        packs = sorted(map(self._pack_decoder.decode, group["packs"]), key=lambda pack: (pack.path, pack.offset_bytes))
        comparison = Comparison(
            (mark for packed in group.get("marks", ()) for mark in marks_from_bytes(packed)),
            (leak for packed in group.get("leaks", ()) for leak in leaks_from_bytes(packed)),
            first_lines,
        )
        judged = (_judge_pack(pack, first_lines[pack.key], policy, media, comparison) for pack in packs)
        yield from write_shard(self._target, Shard.from_key(key), judged)


def write_shard(
    target: RunTarget, shard: Shard, packs: Iterable[JudgedPack]
) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
    """Writes the four files of a shard from its judged packs, in their order; its summary is a tagged output."""
    summary = Summary.empty()
    summary.add_blank_lines(shard.split, 0)
    check_claim(open_folder(target.folder), target.run_id)
    with ShardFiles(target, shard) as files:
        for judged in packs:
            for verdict, lines in judged.lines.items():
                files.write(verdict, lines)
                _VERDICTS[verdict].inc(len(lines))
            files.write_verdicts(verdict_table(judged.examples, judged.line_hashes))
            summary.add_all(judged.examples)
            summary.add_blank_lines(shard.split, judged.blank_lines)
            PROGRESS.add(EXAMPLES_JUDGED, len(judged.examples))
    yield from files.written
    yield pvalue.TaggedOutput(SUMMARY, summary.to_bytes())


class JudgedPack:
    """Lines of a shard: judged, and as they are to be written.

    Attributes:
      blank_lines: that stood between them.
    """

    def __init__(self) -> None:
        self.examples: list[JudgedExample] = []
        self.line_hashes: list[bytes] = []
        self.lines: dict[Verdict, list[bytes]] = {verdict: [] for verdict in Verdict}
        self.blank_lines = 0

    def add(self, example: JudgedExample, text: bytes, line: bytes, line_hash: bytes) -> None:
        """Adds an example.

        Args:
          text: what is written where it is kept.
          line: as it came, which is written where it is not.
          line_hash: of the line as the dataset has it.
        """
        if example.verdict is Verdict.KEPT:
            self.lines[Verdict.KEPT].append(text)
        else:
            self.lines[example.verdict].append(rejected_line(example, line))
        self.examples.append(example)
        self.line_hashes.append(line_hash)


def _judge_pack(
    pack: LinePack, first_line: int, policy: Policy, media: Mapping[str, ProbeResult], comparison: Comparison
) -> JudgedPack:
    judged = JudgedPack()
    for lines_before, offset, line in pack.lines():
        line_id = LineId(pack.split, pack.path, first_line + lines_before, offset)
        example, text = judge_line(policy, line_id, line, media)
        example = comparison.judge(policy, example, pack.key, lines_before)
        judged.add(example, text, line, line_hash(without_byte_order_mark(line)))
    judged.blank_lines = pack.line_count - len(judged.examples)
    return judged
