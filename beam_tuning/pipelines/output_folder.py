"""The output folder of a run, local or remote, through Beam's file systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from beam_tuning.transforms.files import join, open_file


class OutputFolder:
    """Implements `report.folder.RunFolder`."""

    def __init__(self, name: str) -> None:
        self._name = name.rstrip("/") or "/"

    @property
    def name(self) -> str:
        return self._name

    def open(self, name: str) -> BinaryIO:
        """A file of the folder. Raises OSError when it is not there."""
        return open_file(join(self._name, name))

    def list(self, pattern: str) -> Sequence[str]:
        """Names below the folder that match, sorted; none when the folder is not there."""
        try:
            found = FileSystems.match([join(self._name, pattern)])[0].metadata_list
        except BeamIOError:
            return ()
        return sorted(metadata.path.removeprefix(self._name).lstrip("/") for metadata in found)
