"""What commands read of an earlier run: its report and its examples."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.errors import InputError
from beam_tuning.report.document import Document
from beam_tuning.report.document import read_document as decode_document
from beam_tuning.report.verdict_files import read_batches, read_columns
from beam_tuning.run_folder.names import REPORT_JSON, FileRole
from beam_tuning.run_folder.reader import RunFolder

#: Columns that showing an example takes.
_SHOWN = ("split", "file", "line", "verdict", "findings")


class Filter(NamedTuple):
    """Which examples are wanted; None lets all pass.

    Attributes:
      code: a reason code.
      file: a path, the last part of one, or a pattern with `*`, `?` and `[]`.
    """

    code: str | None = None
    split: str | None = None
    file: str | None = None


def read_document(folder: RunFolder) -> Document:
    """The report of a run: of a whole one, or of one whose input could not be read to its end.

    Raises:
      InputError: there is none, or one that does not have the document's form.
    """
    document = decode_document(folder.read(REPORT_JSON), folder.name)
    if folder.manifest() is None and document.readiness.gate.exit_code != InputError.exit_code:
        raise InputError(
            "the run is not whole: it has no manifest.json",
            where=folder.name,
            remedy="Name the output folder of a finished `beam-tuning validate`.",
        )
    return document


def read_examples(folder: RunFolder, wanted: Filter) -> Iterator[dict[str, Any]]:
    """Rows of the verdict table that a filter wants, by name of the table's files, then by line.

    Raises:
      InputError: there is no verdict table, or one that cannot be read.
    """
    for name in folder.tables(FileRole.VERDICTS):
        for batch in read_batches(partial(folder.open, name), folder.path_of(name), _SHOWN):
            yield from _matching(batch, wanted).to_pylist()


def read_verdicts(folder: RunFolder, columns: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """Some columns of all examples; `optional` ones only where every file of the table has them.

    Raises:
      InputError: there is no verdict table, or one that cannot be read.
    """
    tables = [
        read_columns(partial(folder.open, name), folder.path_of(name), columns, optional)
        for name in folder.tables(FileRole.VERDICTS)
    ]
    shared = [name for name in optional if all(name in table.column_names for table in tables)]
    names = [*dict.fromkeys(column.partition(".")[0] for column in columns), *shared]
    return pa.concat_tables([table.select(names) for table in tables])


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
