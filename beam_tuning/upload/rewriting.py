"""The tuning files of a run anew, with the uploaded objects in place of local media."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa

from beam_tuning.dataset.uri_values import replace_uris
from beam_tuning.errors import InputError
from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.run_folder.files import CHUNK_BYTES, Checksum
from beam_tuning.run_folder.names import FileRole

#: Of lines that are written together.
_BATCH_BYTES = 1 << 20


class Rewriting:
    """The lines of one split with other URIs. Iterating gives the bytes of the tuning file.

    The lines come from the kept shards, which stay as the run wrote them, so that it can be done again at any time.

    Attributes:
      replaced: URIs that were replaced so far.
    """

    def __init__(self, run: FinishedRun, split: str, targets: Mapping[str, str]) -> None:
        self._run = run
        self._split = split
        self._targets = targets
        self.replaced = 0

    def __iter__(self) -> Iterator[bytes]:
        """Raises InputError when a shard or verdict table is not as the run wrote it."""
        gathered: list[bytes] = []
        size_bytes = 0
        for line in self._lines():
            gathered.append(line)
            size_bytes += len(line)
            if size_bytes >= _BATCH_BYTES:
                yield b"".join(gathered)
                gathered.clear()
                size_bytes = 0
        yield b"".join(gathered)

    def _lines(self) -> Iterator[bytes]:
        tables = self._run.lines(self._split).batches(["media"])
        for name in sorted(self._run.manifest.named(FileRole.KEPT, f"{self._split}/")):
            file = self._run.manifest.file(name)
            if file is None or not file.lines:
                continue
            expected = iter(self._expected(next(tables)))
            checksum = Checksum()
            try:
                with self._run.folder.open(name) as stream:
                    for line in _lines_of(stream):
                        checksum.update(line)
                        yield self._rewritten(line, next(expected, 0), name)
            except OSError as error:
                raise InputError(
                    "the file cannot be read",
                    where=self._run.folder.path_of(name),
                    observed=error.strerror or type(error).__name__,
                    remedy="Run `beam-tuning validate` again.",
                ) from error
            if checksum.text() != file.crc32c:
                raise self._other_content(name)

    def _expected(self, table: pa.Table) -> list[int]:
        """For each line how many of its URIs are replaced."""
        return [
            sum(part["uri"] in self._targets for part in parts)
            for (parts,) in zip(table["media"].to_pylist(), strict=True)
        ]

    def _rewritten(self, line: bytes, expected: int, name: str) -> bytes:
        if not expected:
            return line
        rewritten, replaced = replace_uris(line, self._targets)
        if replaced != expected:
            raise self._other_content(name)
        self.replaced += replaced
        return rewritten

    def _other_content(self, name: str) -> InputError:
        return InputError(
            "the file is not as the run wrote it",
            where=self._run.folder.path_of(name),
            remedy="Run `beam-tuning validate` again.",
        )


def _lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Lines with their newlines; the stream's own are read byte by byte from Cloud Storage."""
    rest = b""
    while chunk := stream.read(CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
