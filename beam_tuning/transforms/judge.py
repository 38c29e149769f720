"""Second pass over the lines: every example with its media, judged, counted and written, shard by shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_tuning.curation.leaks import Leak
from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.lines import LinePack
from beam_tuning.media.info import ProbeFailure, ProbeResult
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
from beam_tuning.uri_rewriting import NOTHING_REWRITTEN, UriRewriting

SUMMARY = "summary"


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
      rewriting: of media URIs. Lines are judged and kept as rewritten; a line that is not kept is told as it came.
    """

    policy: Policy
    target: RunTarget
    first_lines: pvalue.AsSingleton
    most_common_resolution: pvalue.AsSingleton | None = None
    rewriting: UriRewriting = NOTHING_REWRITTEN

    def expand(self, keyed: dict[str, PCollection[Any]]) -> JudgedShards:
        side_inputs = [self.first_lines]
        if self.most_common_resolution is not None:
            side_inputs.append(self.most_common_resolution)
        judge_shard = beam.ParDo(_JudgeShardFn(self.policy, self.target, self.rewriting), *side_inputs)
        judged = (
            keyed
            | "Join by shard" >> beam.CoGroupByKey()
            | "Judge shards" >> judge_shard.with_outputs(SUMMARY, main="files")
        )
        return JudgedShards(judged.files, judged[SUMMARY])


@beam.typehints.with_output_types(WrittenFile)
class _JudgeShardFn(beam.DoFn):
    _verdicts: ClassVar = {verdict: Metrics.counter(NAMESPACE, f"examples_{verdict.value}") for verdict in Verdict}

    def __init__(self, policy: Policy, target: RunTarget, rewriting: UriRewriting) -> None:
        self._policy = policy
        self._target = target
        self._rewriting = rewriting

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
        _add_rewritten(media, self._rewriting)
        packs = sorted(map(self._pack_decoder.decode, group["packs"]), key=lambda pack: (pack.path, pack.offset_bytes))
        shard = Shard.from_key(key)
        comparison = Comparison(
            (mark for packed in group.get("marks", ()) for mark in marks_from_bytes(packed)),
            (
                _rewritten_leak(leak, self._rewriting)
                for packed in group.get("leaks", ())
                for leak in leaks_from_bytes(packed)
            ),
            first_lines,
        )
        summary = Summary.empty()
        summary.add_blank_lines(shard.split, 0)
        check_claim(open_folder(self._target.folder), self._target.run_id)
        with ShardFiles(self._target, shard) as files:
            for pack in packs:
                judged = _judge_pack(pack, first_lines[pack.key], policy, media, self._rewriting, comparison)
                for verdict, lines in judged.lines.items():
                    files.write(verdict, lines)
                    self._verdicts[verdict].inc(len(lines))
                files.write_verdicts(verdict_table(judged.examples, judged.line_hashes))
                summary.add_all(judged.examples)
                summary.add_blank_lines(pack.split, judged.blank_lines)
                PROGRESS.add(EXAMPLES_JUDGED, len(judged.examples))
        yield from files.written
        yield pvalue.TaggedOutput(SUMMARY, summary.to_bytes())


class _JudgedPack(NamedTuple):
    examples: list[JudgedExample]
    line_hashes: list[bytes]
    lines: dict[Verdict, list[bytes]]
    blank_lines: int


def _add_rewritten(media: dict[str, ProbeResult], rewriting: UriRewriting) -> None:
    """What was found at the old place stands for the new one, unless the new one was looked at and is there."""
    for uri, result in list(media.items()):
        new = rewriting.get(uri)
        if new is not None and (new not in media or isinstance(media[new].media, ProbeFailure)):
            media[new] = msgspec.structs.replace(result, uri=new)


def _rewritten_leak(leak: Leak, rewriting: UriRewriting) -> Leak:
    """Examples are judged under their new URIs, and found in both splits under the old ones."""
    uri, other_uri = (rewriting.get(one) or one for one in (leak.uri, leak.other_uri))
    return msgspec.structs.replace(leak, uri=uri, other_uri=other_uri)


def _judge_pack(
    pack: LinePack,
    first_line: int,
    policy: Policy,
    media: Mapping[str, ProbeResult],
    rewriting: UriRewriting,
    comparison: Comparison,
) -> _JudgedPack:
    """Every line of a pack: judged, and as it is to be written."""
    lines: dict[Verdict, list[bytes]] = {verdict: [] for verdict in Verdict}
    examples: list[JudgedExample] = []
    line_hashes: list[bytes] = []
    for lines_before, offset, given in pack.lines():
        line = rewriting.line(given)
        line_id = LineId(pack.split, pack.path, first_line + lines_before, offset)
        example, text = judge_line(policy, line_id, line, media)
        if line is not given:
            added_bytes = example.added_bytes + len(line) - len(given)
            example = msgspec.structs.replace(example, size_bytes=len(given), added_bytes=added_bytes)
        example = comparison.judge(policy, example, pack.key, lines_before)
        if example.verdict is Verdict.KEPT:
            lines[Verdict.KEPT].append(text)
        else:
            lines[example.verdict].append(rejected_line(example, given))
        examples.append(example)
        line_hashes.append(line_hash(without_byte_order_mark(given)))
    return _JudgedPack(examples, line_hashes, lines, pack.line_count - len(examples))
