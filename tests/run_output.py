"""What a run wrote, less what may differ between two runs over the same input: times, and where the output lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

#: Sizes and checksums of these follow the times in them.
_TIMED = {"report.json", "report.html", "report.sarif"}
#: Options that say nothing of the dataset.
_OF_THE_RUN = {"output", "overwrite", "workers"}
#: Columns of the media table that tell what a probe took.
_PROBE_COST = {"requests", "received_bytes", "rounds", "retries", "latency_ms"}


def output_of(folder: Path) -> dict[str, Any]:
    """Content by name: bytes of lines, rows of tables, values of JSON."""
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: _content(name, path) for name, path in files.items()}


def _content(name: str, path: Path) -> Any:
    if name == "report.json":
        document = json.loads(path.read_bytes())
        del document["run"], document["output"]
        document["options"] = {key: value for key, value in document["options"].items() if key not in _OF_THE_RUN}
        document["options_given"] = [name for name in document["options_given"] if name not in _OF_THE_RUN]
        document["outputs"] = [file for file in document["outputs"] if not _costs(file["path"])]
        return document
    if name == "manifest.json":
        manifest = json.loads(path.read_bytes())
        del manifest["run_id"]
        manifest["files"] = [
            file
            for file in manifest["files"]
            if file["name"] not in _TIMED | {"tuning_job.json"} and not _costs(file["name"])
        ]
        return manifest
    if name == "tuning_job.json":
        job = json.loads(path.read_bytes())
        del job["tunedModelDisplayName"]
        return job
    if name in _TIMED:
        return None
    if name.endswith(".parquet"):
        table = pq.read_table(path)
        return table.drop_columns([column for column in table.column_names if column in _PROBE_COST]).to_pylist()
    return path.read_bytes()


def _costs(name: str) -> bool:
    return name.startswith("media/")
