"""Reading the files of a run's verdict table: what is not ours, or is damaged, is told by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from beam_tuning.errors import InputError
from beam_tuning.report.wording import excerpt
from beam_tuning.summary.tables import VERDICT_SCHEMA

_BATCH_ROWS = 4096


Opener = Callable[[], BinaryIO]


def read_columns(opener: Opener, where: str, columns: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """Some columns of one file, whole.

    Args:
      opener: opens the file; may raise OSError.
      where: path or URI of the file, for what is told of it.
      columns: names, or paths of fields inside a column, e.g. `findings.list.element.code`.
      optional: columns that runs of earlier versions do not have; they are left out where they are missing.

    Raises:
      InputError: the file is no Parquet, is damaged, or does not have these columns.
    """
    with _told(where), opener() as stream:
        file = pq.ParquetFile(stream)
        present = set(file.schema_arrow.names)
        wanted = [*columns, *(name for name in optional if name in present)]
        _check(file, where, wanted)
        table = file.read(columns=wanted)
        table.validate(full=True)
        return table


def read_batches(opener: Opener, where: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The same in pieces of some thousand rows, with all columns of the file."""
    with _told(where), opener() as stream:
        file = pq.ParquetFile(stream)
        _check(file, where, columns)
        for batch in file.iter_batches(_BATCH_ROWS):
            batch.validate(full=True)
            yield batch


def _check(file: pq.ParquetFile, where: str, columns: Sequence[str]) -> None:
    found = file.schema_arrow
    for name in dict.fromkeys(column.partition(".")[0] for column in columns):
        wanted = VERDICT_SCHEMA.field(name)
        # Of two columns with one name neither is ours.
        field = found.field(name) if found.get_field_index(name) >= 0 else None
        if field is None or field.type != wanted.type or field.nullable != wanted.nullable:
            raise InputError(
                "this is no verdict table of beam_tuning",
                where=where,
                observed=f"{name}: {excerpt(field.type) if field is not None else 'no such column'}",
                limit=f"{name}: {wanted.type}",
                remedy="Take the file out of the folder, or run `validate` again.",
            )


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Errors of the file and of the Parquet reader, in our words."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(
            "the verdict table cannot be read",
            where=where,
            observed=excerpt(error),
            remedy="The file is damaged or was written by something else. Run `validate` again.",
        ) from error
