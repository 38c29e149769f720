"""Files that commands on a finished run write into its folder: added beside it, or anew in place of the run's own.

What is added (`names.LATER`) no manifest names. What is written anew the manifest must tell of: the file first, then
the manifest. A command that is killed in between leaves a file that the manifest contradicts; the same command, run
again, mends that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from beam_tuning.errors import OutputError
from beam_tuning.run_folder.manifest import Manifest, WrittenFile
from beam_tuning.run_folder.names import LATER, MANIFEST
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.run_folder.writing import RunTarget, write_file

#: Part of the names of unfinished files, where a manifest of version 0 has no id.
_NO_RUN_ID = "0" * 16


class LaterWriter:
    """Writes for one command into the folder of a finished run."""

    def __init__(self, folder: str, manifest: Manifest) -> None:
        self._target = RunTarget(folder, manifest.run_id or _NO_RUN_ID)
        self._manifest = manifest

    def add(self, name: str, content: bytes) -> None:
        """Writes a file of `names.LATER`, whole or not at all.

        Raises:
          OutputError: the folder cannot be written.
        """
        if name not in LATER:
            raise ValueError(f"{name} is no file of a later command")
        write_file(self._target, name, [content])

    def rewrite(self, name: str, contents: Iterable[bytes]) -> WrittenFile:
        """Writes a file of the run anew, whole or not at all. `tell` must follow.

        Raises:
          OutputError: the folder cannot be written.
        """
        return write_file(self._target, name, contents)

    def tell(self, written: Sequence[WrittenFile]) -> Manifest:
        """Replaces the manifest by one that tells of the files that were written anew.

        Raises:
          OutputError: the folder cannot be written, or its manifest is no longer the one that the command read.
        """
        if RunFolder(self._target.folder).manifest() != self._manifest:
            raise OutputError(
                "something else writes to the run folder",
                where=self._target.folder,
                observed=f"another {MANIFEST} than a moment ago",
                remedy="Run one command at a time on a run folder, and run this one again.",
            )
        manifest = self._manifest.with_files(written)
        if manifest != self._manifest:
            write_file(self._target, MANIFEST, [manifest.to_bytes()])
        self._manifest = manifest
        return manifest

    def remove_unfinished(self) -> None:
        """Deletes what commands that were killed had begun."""
        folder = open_folder(self._target.folder)
        for entry in folder.unfinished(self._target.run_id):
            folder.delete(entry)
