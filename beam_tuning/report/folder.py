"""What commands read of an earlier run: its report and its examples."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.errors import InputError
from beam_tuning.report.json import SCHEMA_VERSION
from beam_tuning.run_folder.names import REPORT_JSON, FileRole
from beam_tuning.run_folder.reader import RunFolder


class Filter(NamedTuple):
    """Which examples are wanted; None lets all pass.

    Attributes:
      code: a reason code.
      file: a path, the last part of one, or a pattern with `*`, `?` and `[]`.
    """

    code: str | None = None
    split: str | None = None
    file: str | None = None


def read_document(folder: RunFolder) -> dict[str, Any]:
    """The report of a run: of a whole one, or of one whose input could not be read to its end.

    Raises:
      InputError: there is none, or one of another schema version.
    """
    remedy = "Name the output folder of a finished `beam-tuning validate`."
    try:
        document: dict[str, Any] = json.loads(folder.read(REPORT_JSON))
    except ValueError as error:
        raise InputError("report.json is damaged", where=folder.name, observed=error, remedy=remedy) from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            "report.json has another schema version than this beam-tuning reads",
            where=folder.name,
            observed=version,
            limit=SCHEMA_VERSION,
            remedy="Use the version of beam-tuning that made the run, or run `validate` again.",
        )
    if folder.manifest() is None and document["readiness"]["gate"]["exit_code"] != InputError.exit_code:
        raise InputError("the run is not whole: it has no manifest.json", where=folder.name, remedy=remedy)
    return document


def read_examples(folder: RunFolder, wanted: Filter) -> Iterator[dict[str, Any]]:
    """Rows of the verdict table that a filter wants, by name of the table's files, then by line."""
    for batch in folder.batches(FileRole.VERDICTS):
        yield from _matching(batch, wanted).to_pylist()


def read_verdicts(folder: RunFolder) -> pa.Table:
    """The columns split, file, line and verdict of all examples."""
    return pa.Table.from_batches(folder.batches(FileRole.VERDICTS, ["split", "file", "line", "verdict"]))


def _matching(batch: pa.RecordBatch, wanted: Filter) -> pa.RecordBatch:
    if wanted.split is not None:
        batch = batch.filter(pc.equal(batch["split"], wanted.split))
    if wanted.file is not None:
        batch = batch.filter(pa.array([_is_file(path, wanted.file) for path in batch["file"].to_pylist()], pa.bool_()))
    if wanted.code is not None:
        findings = batch["findings"]
        codes = pc.struct_field(pc.list_flatten(findings), "code")
        batch = batch.take(pc.list_parent_indices(findings).filter(pc.equal(codes, wanted.code)).unique())
    return batch


def _is_file(path: str, wanted: str) -> bool:
    return path == wanted or path.endswith(f"/{wanted}") or fnmatch.fnmatchcase(path, wanted)
