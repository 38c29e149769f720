"""Opening the folder of a finished run: whole, of a version that is known, its report as the run wrote it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from beam_tuning.errors import InputError
from beam_tuning.policy.readiness import TRAIN, State
from beam_tuning.report.folder import read_document
from beam_tuning.run_folder.later import LaterWriter
from beam_tuning.run_folder.lookup import TuningLines, check_whole
from beam_tuning.run_folder.manifest import Manifest
from beam_tuning.run_folder.names import REPORT_JSON
from beam_tuning.run_folder.reader import RunFolder

_REMEDY = "Name the output folder of a finished `beam-tuning validate`."


class Finding(msgspec.Struct, frozen=True):
    """What speaks against "ready", of `report.json`."""

    code: str
    message: str
    remedy: str = ""


class Answer(msgspec.Struct, frozen=True):
    """One of the two answers of `report.json`."""

    state: State
    findings: tuple[Finding, ...] = ()


class Readiness(msgspec.Struct, frozen=True):
    cleaned: Answer


class SplitCounts(msgspec.Struct, frozen=True):
    """Examples of a split."""

    read: int
    kept: int
    dropped: int
    undecided: int


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of kept examples: the sum of both ends of their estimates, and how many examples have none."""

    low: int
    high: int
    unknown_examples: int = 0


class Price(msgspec.Struct, frozen=True):
    """US dollars a million training tokens, as the run took it."""

    usd_per_million_tokens: float | None = None
    source: str = ""
    read_on: str | None = None
    note: str = ""


class TokenTotals(msgspec.Struct, frozen=True):
    splits: dict[str, Tokens]
    tokens: Tokens
    price: Price


class Limit(msgspec.Struct, frozen=True):
    """An entry of the model's limits; `values` of those that list what is accepted."""

    name: str
    value: int | float | bool | str | None = None
    values: tuple[int | str, ...] = ()
    source: str = ""
    note: str = ""


class InputFile(msgspec.Struct, frozen=True):
    """A file of the dataset."""

    split: str
    path: str


class Times(msgspec.Struct, frozen=True):
    """When the run ended: RFC 3339, UTC."""

    finished: str | None = None


class Report(msgspec.Struct, frozen=True):
    """What later commands read of `report.json`."""

    model: str
    options: dict[str, Any]
    inputs: tuple[InputFile, ...]
    readiness: Readiness
    splits: dict[str, SplitCounts]
    tokens: TokenTotals
    limits: tuple[Limit, ...]
    run: Times = Times()

    def limit(self, name: str) -> Limit | None:
        """A limit of the run's model, as it was when the run was made."""
        return next((limit for limit in self.limits if limit.name == name), None)


class FinishedRun(NamedTuple):
    """A run that is whole.

    Attributes:
      folder: to read from.
      manifest: as it was when the run was opened.
      report: of that manifest.
    """

    folder: RunFolder
    manifest: Manifest
    report: Report

    @property
    def name(self) -> str:
        """The path or URI of the folder."""
        return self.folder.name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of which examples were kept, the training examples first."""
        kept = [name for name, counts in self.report.splits.items() if counts.kept]
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
        raise InputError("the folder holds no whole run: it has no manifest.json", where=folder.name, remedy=_REMEDY)
    content = folder.read_written(manifest, REPORT_JSON)
    read_document(folder)  # tells of another schema version
    try:
        report = msgspec.json.decode(content, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("report.json is damaged", where=folder.name, observed=error, remedy=_REMEDY) from error
    return FinishedRun(folder, manifest, report)
