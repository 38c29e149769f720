"""Second pass over the lines: every example with its media, judged and counted."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.layout import Placement
from beam_tuning.dataset.lines import LinePack
from beam_tuning.dataset.parse import parse_line
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.judge import Policy, judge
from beam_tuning.reasons import Verdict
from beam_tuning.report.rejected import rejected_line
from beam_tuning.summary.record import JudgedExample
from beam_tuning.summary.summary import Summary
from beam_tuning.summary.tables import verdict_table
from beam_tuning.transforms.codecs import decoder, table_to_ipc
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS

SUMMARY = "summary"
_BOM = b"\xef\xbb\xbf"


class JudgedPacks(NamedTuple):
    """What `JudgeExamples` gives.

    Attributes:
      shards: (shard name, (ordinal of the pack, content)), for `write.WriteShards`. Every shard of a split occurs for
        kept, dropped and undecided lines and for verdicts, be it with empty content.
      summaries: encoded `Summary` of parts.
    """

    shards: PCollection[tuple[str, tuple[int, bytes]]]
    summaries: PCollection[bytes]


@dataclass
class JudgeExamples(beam.PTransform):
    """{packs, placements, results}, keyed by pack -> `JudgedPacks`.

    `most_common_resolution` is given when the policy wants the majority's media resolution.
    """

    policy: Policy
    most_common_resolution: pvalue.AsSingleton | None = None

    def expand(self, keyed: dict[str, PCollection[Any]]) -> JudgedPacks:
        side_inputs = (self.most_common_resolution,) if self.most_common_resolution else ()
        judged = (
            keyed
            | "Join by pack" >> beam.CoGroupByKey()
            | "Judge packs" >> beam.ParDo(_JudgePackFn(self.policy), *side_inputs).with_outputs(SUMMARY, main="shards")
        )
        return JudgedPacks(judged.shards, judged[SUMMARY])


@beam.typehints.with_output_types(tuple[str, tuple[int, bytes]])
class _JudgePackFn(beam.DoFn):
    _verdicts: ClassVar = {verdict: Metrics.counter(NAMESPACE, f"examples_{verdict.value}") for verdict in Verdict}

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def setup(self) -> None:
        self._pack_decoder = decoder(LinePack)
        self._results_decoder = decoder(list[ProbeResult])

    def process(
        self, element: tuple[bytes, dict[str, Iterable[Any]]], most_common_resolution: str | None = None
    ) -> Iterator[tuple[str, tuple[int, bytes]] | pvalue.TaggedOutput]:
        policy = self._policy
        if most_common_resolution is not None:
            policy = msgspec.structs.replace(policy, chosen_resolution=most_common_resolution)
        _, group = element
        media = {result.uri: result for packed in group["results"] for result in self._results_decoder.decode(packed)}
        placement = Placement(*next(iter(group["placements"])))
        for packed in group["packs"]:
            pack = self._pack_decoder.decode(packed)
            lines: dict[Verdict, list[bytes]] = {verdict: [] for verdict in Verdict}
            summary = Summary.empty()
            examples: list[JudgedExample] = []
            blank_lines = 0
            for number, (offset, line) in enumerate(pack.lines(), placement.first_line):
                if not line or line.isspace():
                    blank_lines += 1
                    continue
                parsed = parse_line(line)
                line_id = LineId(pack.split, pack.path, number, offset)
                example = judge(policy, line_id, len(line), parsed, media)
                if example.verdict is Verdict.KEPT:
                    # A byte order mark is legal only where a file begins; in a shard the line may stand elsewhere.
                    lines[Verdict.KEPT].append(line.removeprefix(_BOM) if offset == 0 else line)
                else:
                    lines[example.verdict].append(rejected_line(example, line))
                examples.append(example)
            for verdict, of_verdict in lines.items():
                self._verdicts[verdict].inc(len(of_verdict))
                content = b"".join(line + b"\n" for line in of_verdict)
                name = shard_name(pack.split, verdict.value, placement, ".jsonl")
                yield name, (placement.ordinal, zlib.compress(content, 1))
            summary.add_all(examples)
            summary.add_blank_lines(pack.split, blank_lines)
            PROGRESS.add(examples_judged=len(examples))
            name = shard_name("verdicts", pack.split, placement, ".parquet")
            yield name, (placement.ordinal, table_to_ipc(verdict_table(examples)))
            yield pvalue.TaggedOutput(SUMMARY, summary.to_bytes())


def shard_name(folder: str, stem: str, placement: Placement, suffix: str) -> str:
    """E.g. `train/kept-00000-of-00003.jsonl`, relative to the output folder."""
    return f"{folder}/{stem}-{placement.shard:05d}-of-{placement.shards:05d}{suffix}"
