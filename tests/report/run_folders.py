"""Folders of runs on disk, as `show` reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from report_documents import document_of, run_settings

from beam_tuning.report.json import encode_json
from beam_tuning.run_folder.manifest import Manifest, Tool, WrittenFile
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.tables import line_hash, verdict_table


def write_run(
    path: Path,
    examples: list[JudgedExample],
    shards: int = 3,
    lines: Callable[[JudgedExample], str] | None = None,
    **settings: Any,
) -> RunFolder:
    """Report and verdict table of a run over some examples; `lines` gives the line of each."""
    (path / "verdicts").mkdir(parents=True)
    (path / "report.json").write_bytes(encode_json(document_of(examples, run_settings(**settings))))
    for shard in range(shards):
        some = examples[shard::shards]
        hashes = None if lines is None else [line_hash(lines(one).encode()) for one in some]
        pq.write_table(verdict_table(some, hashes), path / f"verdicts/train-{shard:05d}-of-{shards:05d}.parquet")
    document = json.loads((path / "report.json").read_bytes())
    files = [WrittenFile(str(file.relative_to(path)), 0, "") for file in path.rglob("*.parquet")]
    manifest = Manifest.of(Tool("beam_tuning", "0"), document["readiness"]["gate"]["exit_code"], files, "0" * 16)
    (path / "manifest.json").write_bytes(manifest.to_bytes())
    return RunFolder(str(path))
