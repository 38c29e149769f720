"""Writing the files of one run: each whole or not at all, with the checksum that goes into the manifest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from beam_tuning.run_folder.files import CHUNK_BYTES, Checksum
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.opening import open_folder


class RunTarget(NamedTuple):
    """Where a run writes: its folder, and the id of its claim. Small, so that it travels to workers."""

    folder: str
    run_id: str


class FileWriter:
    """One file of a run; counts and sums what goes through."""

    def __init__(self, target: RunTarget, name: str) -> None:
        self._name = name
        self._writer = open_folder(target.folder).writer(name, target.run_id)
        self._checksum = Checksum()
        self._size_bytes = self._newlines = 0

    def write(self, content: bytes) -> None:
        """Appends."""
        for start in range(0, len(content), CHUNK_BYTES):
            self._writer.write(content[start : start + CHUNK_BYTES])
        self._checksum.update(content)
        self._size_bytes += len(content)
        self._newlines += content.count(b"\n")

    def abandon(self) -> None:
        """Leaves nothing under the name."""
        self._writer.abandon()

    def finish(self) -> WrittenFile:
        """Puts the file under its name."""
        version = self._writer.finish()
        lines = self._newlines if self._name.endswith(".jsonl") else None
        return WrittenFile(self._name, self._size_bytes, self._checksum.text(), lines, version)


def write_file(target: RunTarget, name: str, contents: Iterable[bytes]) -> WrittenFile:
    """Writes one file whole or not at all.

    Raises:
      OutputError: the folder cannot be written.
    """
    writer = FileWriter(target, name)
    try:
        for content in contents:
            writer.write(content)
    except BaseException:
        writer.abandon()
        raise
    return writer.finish()


def join_files(target: RunTarget, name: str, parts: Iterable[WrittenFile]) -> WrittenFile | None:
    """Makes one file of several, in the order given; None when they are all empty.

    Raises:
      OutputError: the folder cannot be written, or a part is not as it was written.
    """
    filled = [part for part in parts if part.size_bytes]
    return open_folder(target.folder).join(name, filled, target.run_id) if filled else None
