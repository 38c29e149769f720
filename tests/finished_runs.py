"""Finished runs without a pipeline: the lines given, judged, in shards, with tables, report and manifest."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from tuning_lines import LIMITS, encoded

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.lines import InputFile
from beam_tuning.dataset.parse import parse_line
from beam_tuning.media.info import ObjectInfo, ProbeResult
from beam_tuning.media.media_table import to_table
from beam_tuning.policy.judge import judge
from beam_tuning.policy.policy import Policy
from beam_tuning.policy.readiness import FailOn
from beam_tuning.reasons import Verdict
from beam_tuning.report.json import encode_json, report_document
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.report.tuning_job import tuning_job
from beam_tuning.run_folder import names
from beam_tuning.run_folder.manifest import Manifest, Tool, WrittenFile
from beam_tuning.run_folder.writing import RunTarget, join_files, write_file
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary
from beam_tuning.summary.tables import verdict_table

RUN_ID = "00112233445566aa"
_TIMES = RunTimes(
    started="2026-09-21T09:00:00Z", finished="2026-09-21T09:01:12Z", elapsed_s=72.4, runner="DirectRunner"
)


def make_run(
    folder: str,
    files: Mapping[str, Mapping[str, Sequence[bytes | dict[str, Any]]]],
    media: Mapping[str, ProbeResult] | None = None,
    *,
    model: str = "gemini-2.5-flash",
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Writes a run whose shards are the dataset's files; returns its report.

    Args:
      folder: a path or gs:// URI.
      files: for each split its files by path, each with its lines; empty lines are passed over as blank ones are.
      media: what probing found, by URI.
    """
    target = RunTarget(folder, RUN_ID)
    media = media or {}
    policy = Policy.of(LIMITS, model, allow_local_media=True)
    summary, media_summary = Summary.empty(), MediaSummary.empty()
    written: list[WrittenFile] = []
    inputs = []
    for split, of_split in files.items():
        summary.add_blank_lines(split, 0)
        for number, (path, lines) in enumerate(of_split.items()):
            examples, data = _judged(policy, split, path, lines, media)
            inputs.append(InputFile(split, path, sum(len(line) + 1 for line in data)))
            summary.add_all(examples)
            shard = Shard(split, number, len(of_split))
            for verdict in Verdict:
                content = b"".join(
                    line + b"\n" for one, line in zip(examples, data, strict=True) if one.verdict is verdict
                )
                written.append(write_file(target, names.lines_file(shard, verdict), [content]))
            written.append(write_file(target, names.verdicts_file(shard), [parquet(verdict_table(examples))]))
        kept = [file for file in sorted(written) if file.name.startswith(f"{split}/kept-")]
        if joined := join_files(target, names.tuning_file(split), kept):
            written.append(joined)
    for result in media.values():
        media_summary.add(result)
    ordered = [media[uri] for uri in sorted(media)]
    written.append(write_file(target, names.media_file(0, 1), [parquet(to_table(ordered))]))
    document = report_document(
        RunSettings(
            **{
                "version": "0.1.0",
                "model": model,
                "options": {"output": folder, **(options or {})},
                "inputs": tuple(inputs),
                "splits": tuple(files),
                "output": folder,
                "fail_on": FailOn.AS_GIVEN,
                "limits": LIMITS,
                **settings,
            }
        ),
        summary,
        media_summary,
        _TIMES,
        outputs=[OutputFile(file.name, file.size_bytes, file.lines) for file in sorted(written)],
    )
    written.append(write_file(target, names.REPORT_JSON, [encode_json(document)]))
    written.append(write_file(target, names.TUNING_JOB, [json.dumps(tuning_job(document)).encode()]))
    code = document.readiness.gate.exit_code
    write_file(target, names.MANIFEST, [Manifest.of(Tool("beam_tuning", "0.1.0"), code, written, RUN_ID).to_bytes()])
    report: dict[str, Any] = msgspec.to_builtins(document)
    return report


def _judged(
    policy: Policy, split: str, path: str, lines: Sequence[bytes | dict[str, Any]], media: Mapping[str, ProbeResult]
) -> tuple[list[JudgedExample], list[bytes]]:
    examples, data, offset = [], [], 0
    for number, line in enumerate(lines, 1):
        content = encoded(line)
        if content.strip():
            place = LineId(split, path, number, offset)
            examples.append(judge(policy, place, len(content), parse_line(content), media))
            data.append(content)
        offset += len(content) + 1
    return examples, data


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def at(uri: str, result: ProbeResult, info: ObjectInfo | None = None) -> ProbeResult:
    """The same found elsewhere."""
    return ProbeResult(uri, result.media, info or result.object)
