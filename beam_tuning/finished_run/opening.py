"""Opening the folder of a finished run: whole, of a version that is known, its report as the run wrote it."""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.errors import InputError
from beam_tuning.policy.readiness import TRAIN
from beam_tuning.report.document import Document, read_document
from beam_tuning.run_folder.later import LaterWriter
from beam_tuning.run_folder.lookup import TuningLines, check_whole
from beam_tuning.run_folder.manifest import Manifest
from beam_tuning.run_folder.names import REPORT_JSON
from beam_tuning.run_folder.reader import RunFolder


class FinishedRun(NamedTuple):
    """A run that is whole.

    Attributes:
      folder: to read from.
      manifest: as it was when the run was opened.
      report: of that manifest.
    """

    folder: RunFolder
    manifest: Manifest
    report: Document

    @property
    def name(self) -> str:
        """The path or URI of the folder."""
        return self.folder.name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of which examples were kept, the training examples first."""
        kept = [name for name, split in self.report.splits.items() if split.kept]
        return tuple(sorted(kept, key=lambda name: (name != TRAIN, name)))

    def writer(self) -> LaterWriter:
        """To write into the folder."""
        return LaterWriter(self.name, self.manifest)

    def lines(self, split: str) -> TuningLines:
        """The lines of a split's tuning file."""
        return check_whole(self.folder, self.manifest, split)


def open_finished(name: str) -> FinishedRun:
    """The run of a folder.

    Raises:
      InputError: the folder holds no whole run, one of a later version, or a report that was changed since.
      OutputError: no folder can have this name, or the store refuses.
    """
    folder = RunFolder(name)
    manifest = folder.manifest()
    if manifest is None:
        raise InputError(
            "the folder holds no whole run: it has no manifest.json",
            where=folder.name,
            remedy="Name the output folder of a finished `beam-tuning validate`.",
        )
    return FinishedRun(folder, manifest, read_document(folder.read_written(manifest, REPORT_JSON), folder.name))
