"""Reading an earlier run's output folder, wherever it lies: who calls says how files are listed and opened."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from beam_tuning.errors import InputError
from beam_tuning.report.json import SCHEMA_VERSION

_VERDICTS = "verdicts/*.parquet"
_BATCH_ROWS = 4096


class RunFolder(Protocol):
    """The output folder of a run, local or remote."""

    @property
    def name(self) -> str:
        """The path or URI."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A file of the folder, seekable. Raises OSError when it is not there."""
        ...

    def list(self, pattern: str) -> Sequence[str]:
        """Names of the files below the folder that match, e.g. `verdicts/*.parquet`."""
        ...


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
    """The folder's `report.json`.

    Raises:
      InputError: there is none, or one of another schema version.
    """
    remedy = "Name the output folder of a finished `beam-tuning validate`."
    try:
        with folder.open("report.json") as stream:
            document: dict[str, Any] = json.load(stream)
    except OSError as error:
        raise InputError("the folder holds no report.json", where=folder.name, remedy=remedy) from error
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
    return document


def read_examples(folder: RunFolder, wanted: Filter) -> Iterator[dict[str, Any]]:
    """Rows of the verdict table that a filter wants, by name of the table's files, then by line."""
    for name in sorted(folder.list(_VERDICTS)):
        with folder.open(name) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(_BATCH_ROWS):
                yield from _matching(batch, wanted).to_pylist()


def read_verdicts(folder: RunFolder) -> pa.Table:
    """The columns split, file, line and verdict of all examples."""
    tables = []
    for name in sorted(folder.list(_VERDICTS)):
        with folder.open(name) as stream:
            tables.append(pq.read_table(stream, columns=["split", "file", "line", "verdict"]))
    if not tables:
        raise InputError(
            "the folder holds no verdict table", where=folder.name, remedy="Name the output folder of a finished run."
        )
    return pa.concat_tables(tables)


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
