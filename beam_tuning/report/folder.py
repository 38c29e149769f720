"""Reading an earlier run's output folder, wherever it lies: who calls says how files are listed and opened."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.errors import InputError
from beam_tuning.report.document import Document
from beam_tuning.report.document import read_document as decode_document
from beam_tuning.report.verdict_files import read_batches, read_columns

#: Columns that showing an example takes.
_SHOWN = ("split", "file", "line", "verdict", "findings")


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


def read_document(folder: RunFolder) -> Document:
    """The folder's `report.json`.

    Raises:
      InputError: there is none, or one that does not have the document's form.
    """
    try:
        with folder.open("report.json") as stream:
            encoded = stream.read()
    except OSError as error:
        raise InputError(
            "the folder holds no report.json",
            where=folder.name,
            remedy="Name the output folder of a finished `beam-tuning validate`.",
        ) from error
    return decode_document(encoded, folder.name)


def read_examples(folder: RunFolder, wanted: Filter) -> Iterator[dict[str, Any]]:
    """Rows of the verdict table that a filter wants, by name of the table's files, then by line.

    Raises:
      InputError: there is no verdict table, or one that cannot be read.
    """
    for name in _verdict_files(folder):
        for batch in read_batches(partial(folder.open, name), f"{folder.name}/{name}", _SHOWN):
            yield from _matching(batch, wanted).to_pylist()


def read_verdicts(folder: RunFolder, columns: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """Some columns of all examples; `optional` ones only where every file of the table has them.

    Raises:
      InputError: there is no verdict table, or one that cannot be read.
    """
    tables = [
        read_columns(partial(folder.open, name), f"{folder.name}/{name}", columns, optional)
        for name in _verdict_files(folder)
    ]
    shared = [name for name in optional if all(name in table.column_names for table in tables)]
    names = [*dict.fromkeys(column.partition(".")[0] for column in columns), *shared]
    return pa.concat_tables([table.select(names) for table in tables])


def _verdict_files(folder: RunFolder) -> Sequence[str]:
    found = sorted(folder.list("verdicts/*.parquet"))
    if not found:
        raise InputError(
            "the folder holds no verdict table", where=folder.name, remedy="Name the output folder of a finished run."
        )
    return found


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
