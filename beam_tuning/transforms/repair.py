"""Repair of lines: what a finished run did not keep is edited, judged by the same rules, and written in its place."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
import pyarrow.parquet as pq
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.packs import LinePack
from beam_tuning.line_edits.edits import Edited, edited
from beam_tuning.media.info import ProbeResult
from beam_tuning.media_repairs.bringing import BackAs, Deliveries, MediaRepair, StaysLost, bring_back
from beam_tuning.pack_work.codecs import decoder, encode, results_by_uri
from beam_tuning.pack_work.judged_packs import JudgedPack
from beam_tuning.policy.comparison import with_comparison
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.judged_line import judge_line
from beam_tuning.reasons import Outcome
from beam_tuning.run_folder import names
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.writing import RunTarget, write_file
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.repair_counts import RepairCounts
from beam_tuning.summary.repaired import Repaired
from beam_tuning.summary.repairs_table import repairs_table
from beam_tuning.summary.summary import Summary
from beam_tuning.transforms.expected import EXPECTED
from beam_tuning.transforms.judge import JudgedShards, with_chosen_resolution
from beam_tuning.transforms.media_repair import deliveries_from
from beam_tuning.transforms.progress import NAMESPACE
from beam_tuning.transforms.run_lines import RunLine, RunPack
from beam_tuning.transforms.shard_writer import SUMMARY, write_shard

_CAME_BACK = Metrics.counter(NAMESPACE, "examples_that_came_back")


@dataclass
class EditedPacks(beam.PTransform):
    """(shard key, encoded RunPack) -> (shard key, encoded LinePack) of the lines as edited without their media.

    Which media a line names does not change any more after that, so a scan finds all that is to be probed.
    """

    policy: Policy
    edits: tuple[str, ...]

    def expand(self, packs: PCollection[tuple[str, bytes]]) -> PCollection[tuple[str, bytes]]:
        made: PCollection[tuple[str, bytes]] = packs | "Edit lines" >> beam.Map(
            _edited_pack, self.policy, self.edits
        ).with_output_types(tuple[str, bytes])
        return made


def _edited_pack(element: tuple[str, bytes], policy: Policy, edits: tuple[str, ...]) -> tuple[str, bytes]:
    key, packed = element
    pack = decoder(RunPack).decode(packed)
    lines = [_repaired(policy, edits, line, {}).line if line.is_open(policy) else line.data for line in pack.lines()]
    return key, encode(LinePack.of(pack.split, "", pack.number, b"".join(line + b"\n" for line in lines)))


@dataclass
class RepairShards(beam.PTransform):
    """{packs, results, shards}, keyed by shard -> `JudgedShards`, with the table of repairs among the files.

    Attributes:
      edits: names of the edits that may be made.
      most_common_resolution: side input, when the policy wants the majority's media resolution.
      media: how examples are brought back by edits of their media; None when they are not. What was delivered comes
        keyed as `deliveries` then.
    """

    policy: Policy
    target: RunTarget
    edits: tuple[str, ...]
    most_common_resolution: pvalue.AsSingleton | None = None
    media: MediaRepair | None = None

    def expand(self, keyed: dict[str, PCollection[Any]]) -> JudgedShards:
        side_inputs = [] if self.most_common_resolution is None else [self.most_common_resolution]
        repair_shard = beam.ParDo(_RepairShardFn(self.policy, self.target, self.edits, self.media), *side_inputs)
        repaired = (
            keyed
            | "Join by shard" >> beam.CoGroupByKey()
            | "Repair shards" >> repair_shard.with_outputs(SUMMARY, main="files")
        )
        return JudgedShards(repaired.files, repaired[SUMMARY])


@beam.typehints.with_output_types(WrittenFile)
class _RepairShardFn(beam.DoFn):
    def __init__(self, policy: Policy, target: RunTarget, edits: tuple[str, ...], media: MediaRepair | None) -> None:
        self._policy = policy
        self._target = target
        self._edits = edits
        self._media = media

    def setup(self) -> None:
        self._decode = decoder(RunPack).decode

    def start_bundle(self) -> None:
        EXPECTED.tell()

    def process(
        self, element: tuple[str, dict[str, Iterable[bytes]]], most_common_resolution: str | None = None
    ) -> Iterator[WrittenFile | pvalue.TaggedOutput]:
        policy = with_chosen_resolution(self._policy, most_common_resolution)
        key, group = element
        shard = Shard.from_key(key)
        media = results_by_uri(group["results"])
        packs = sorted(map(self._decode, group["packs"]), key=lambda pack: pack.number)
        repairs: list[Repaired] = []
        rules = _Rules(policy, self._edits, media, self._media, deliveries_from(group.get("deliveries", ())))
        counts = RepairCounts()
        judged = (_repaired_pack(pack, rules, repairs, counts) for pack in packs)
        yield from write_shard(self._target, shard, judged)
        summary = Summary.empty()
        summary.add_repairs(shard.split, counts)
        yield pvalue.TaggedOutput(SUMMARY, summary.to_bytes())
        sink = io.BytesIO()
        pq.write_table(repairs_table(repairs), sink, compression="zstd")
        yield write_file(self._target, names.repairs_file(shard), [sink.getvalue()])


class _Rules(NamedTuple):
    """What lines of a shard are repaired by.

    Attributes:
      media: what probing found, new files included.
      media_repair: None when media are not edited.
    """

    policy: Policy
    edits: tuple[str, ...]
    media: Mapping[str, ProbeResult]
    media_repair: MediaRepair | None
    deliveries: Deliveries


def _repaired_pack(pack: RunPack, rules: _Rules, repairs: list[Repaired], counts: RepairCounts) -> JudgedPack:
    """Judges every line; of those that were not kept before, what became goes to `repairs` and `counts`."""
    judged = JudgedPack()
    policy = rules.policy
    for line in pack.lines():
        as_it_came, text, _ = judge_line(policy, line.line_id, line.data, rules.media)
        as_it_came = with_comparison(policy, as_it_came, line.compared) if line.compared else as_it_came
        if not line.is_open(policy):
            judged.add(as_it_came, text, line.data, line.line_hash)
            if line.is_kept:
                counts.add_kept()
            else:
                repairs.append(Repaired(line.line_id, False, (), _deciding(as_it_came, policy)))
                counts.add_lost(repairs[-1])
            continue
        made = _repaired(policy, rules.edits, line, rules.media)
        done = tuple(one.finding() for one in made.done)
        back: list[BackAs] | StaysLost | None = None
        if made.is_kept:
            back = [BackAs(made.line, made.judged, (), ())]
        elif rules.media_repair is not None:
            judge = functools.partial(_judge, policy, line.line_id, rules.media)
            back = bring_back(made.line, made.judged, rules.media_repair, policy, rules.deliveries, judge)
        if isinstance(back, list):
            rows = []
            for one in back:
                findings = one.judged.findings + line.compared + done + one.done
                text = judge_line(policy, line.line_id, one.line, rules.media).text
                judged.add(msgspec.structs.replace(one.judged, findings=findings), text, one.line, line.line_hash)
                rows.append(Repaired(line.line_id, True, done + one.done, times=one.times, media=one.media))
            repairs += rows
            counts.add_back(rows)
            _CAME_BACK.inc()
            continue
        # What does not come back stays as it came: half a repair would hide what was wrong with it.
        why_not = refused = None
        if back is not None:
            refused = back.finding.reason.code
            why_not = f"{refused}: {back.finding.message}"
            as_it_came = msgspec.structs.replace(as_it_came, findings=(*as_it_came.findings, back.finding))
        judged.add(as_it_came, text, line.data, line.line_hash)
        repairs.append(Repaired(line.line_id, False, done, _deciding(made.judged, policy), why_not, refused=refused))
        counts.add_lost(repairs[-1])
    return judged


def _repaired(policy: Policy, edits: tuple[str, ...], line: RunLine, media: Mapping[str, ProbeResult]) -> Edited:
    judge = functools.partial(_judge, policy, line.line_id, media)
    return edited(line.data, judge(line.data), judge, policy.limits, edits)


def _judge(policy: Policy, line_id: LineId, media: Mapping[str, ProbeResult], line: bytes) -> JudgedExample:
    return judge_line(policy, line_id, line, media).example


def _deciding(judged: JudgedExample, policy: Policy) -> tuple[str, ...]:
    deciding = (
        finding.reason.code
        for finding in judged.findings
        if finding.reason.outcome is not Outcome.ADVICE and finding.reason not in policy.tolerated
    )
    return tuple(dict.fromkeys(deciding))
