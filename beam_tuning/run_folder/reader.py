"""Reading a finished run, for the commands that take a run folder."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from beam_tuning.errors import InputError
from beam_tuning.run_folder.files import Folder, crc32c_of
from beam_tuning.run_folder.manifest import Manifest, decode_manifest
from beam_tuning.run_folder.names import FOLDERS, MANIFEST, FileRole, role_of
from beam_tuning.run_folder.opening import open_folder

_REMEDY = "Name the output folder of a finished `beam-tuning validate`."
_BATCH_ROWS = 4096


class RunFolder:
    """The output folder of a run, local or gs://."""

    def __init__(self, name: str, option: str = "the folder") -> None:
        self._folder: Folder = open_folder(name, option)

    @property
    def name(self) -> str:
        """The path or URI."""
        return self._folder.name

    def path_of(self, name: str) -> str:
        """The path or URI of one of its files."""
        return self._folder.path_of(name)

    def open(self, name: str) -> BinaryIO:
        """A file of the folder, seekable. Raises OSError when it is not there."""
        return self._folder.open(name)

    def manifest(self) -> Manifest | None:
        """None when the run is not whole.

        Raises:
          InputError: it is damaged or of a later version.
        """
        try:
            with self.open(MANIFEST) as stream:
                return decode_manifest(stream.read(), self.name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(MANIFEST, error) from error

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
          InputError: it cannot be read.
        """
        try:
            with self.open(name) as stream:
                return stream.read()
        except OSError as error:
            raise self._unreadable(name, error) from error

    def read_written(self, manifest: Manifest, name: str) -> bytes:
        """The content of a file, which must be the very content that the run wrote.

        Raises:
          InputError: it cannot be read, the run wrote no such file, or another content.
        """
        file = manifest.file(name)
        if file is None:
            raise self._unreadable(name, FileNotFoundError())
        content = self.read(name)
        checksum = crc32c_of(io.BytesIO(content))
        if checksum != file.crc32c:
            raise InputError(
                "the file has been changed since the run wrote it",
                where=self.path_of(name),
                observed=f"{len(content):,} bytes, crc32c {checksum}",
                limit=f"{file.size_bytes:,} bytes, crc32c {file.crc32c}",
                remedy="Put the run's own file back, or run `beam-tuning validate` again.",
            )
        return content

    def table(self, manifest: Manifest, name: str, columns: Sequence[str]) -> pa.Table:
        """Columns of one table, which must be the very table that the run wrote.

        Raises:
          InputError: it cannot be read, is another one, or lacks a column.
        """
        stream = io.BytesIO(self.read_written(manifest, name))
        file = self._schema(name, stream, columns)
        try:
            return file.read(columns=list(columns)).select(list(columns))
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(name, error) from error

    def tables(self, role: FileRole) -> Sequence[str]:
        """Names of the verdict or media tables in the order of the input, of a run that is not whole as well.

        Raises:
          InputError: there are none.
        """
        manifest = self.manifest()
        if manifest is not None:
            names = manifest.named(role)
        else:
            names = [one.name for sub in FOLDERS for one in self._folder.entries(sub) if role_of(one.name) is role]
        if not names:
            raise InputError(f"the folder holds no {role} table", where=self.name, remedy=_REMEDY)
        return sorted(names)

    def batches(self, role: FileRole, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of all tables of a role.

        Args:
          columns: those wanted; None for all.

        Raises:
          InputError: there are none, or one is damaged or lacks a column.
        """
        for name in self.tables(role):
            with self._table(name) as stream:
                yield from self._batches_of(name, stream, columns)

    def check_columns(self, role: FileRole, columns: Sequence[str]) -> None:
        """Reads the schema of every table of a role.

        Raises:
          InputError: there are none, or one is damaged or lacks a column.
        """
        for name in self.tables(role):
            with self._table(name) as stream:
                self._schema(name, stream, columns)

    def _schema(self, name: str, stream: BinaryIO, columns: Sequence[str]) -> pq.ParquetFile:
        try:
            file = pq.ParquetFile(stream)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(name, error) from error
        missing = [column for column in columns if column not in file.schema_arrow.names]
        if missing:
            raise InputError(
                "the table is not one that this version of beam-tuning wrote",
                where=self.path_of(name),
                observed=f"no column {missing[0]}",
                remedy=_REMEDY,
            )
        return file

    def _table(self, name: str) -> BinaryIO:
        try:
            return self.open(name)
        except OSError as error:
            raise self._unreadable(name, error) from error

    def _batches_of(self, name: str, stream: BinaryIO, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        file = self._schema(name, stream, columns or ())
        try:
            yield from file.iter_batches(_BATCH_ROWS, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(name, error) from error

    def _unreadable(self, name: str, error: Any) -> InputError:
        if isinstance(error, FileNotFoundError):
            return InputError(f"the folder holds no {name}", where=self.name, remedy=_REMEDY)
        text = (str(error) or type(error).__name__).splitlines()[0][:300]
        return InputError("the file cannot be read", where=self.path_of(name), observed=text, remedy=_REMEDY)
