"""`beam_tuning.open_run` and `Run`: what a finished run found out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import pyarrow as pa

from beam_tuning.api.signing_in import sign_in
from beam_tuning.errors import InputError, OptionError
from beam_tuning.media.media_table import SCHEMA as MEDIA_SCHEMA
from beam_tuning.policy.readiness import State
from beam_tuning.reasons import Outcome, Verdict
from beam_tuning.report.folder import Filter, read_document, read_examples
from beam_tuning.report.inline import render_inline
from beam_tuning.report.sections.next_steps import next_steps
from beam_tuning.run_folder.names import FileRole
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.summary.tables import VERDICT_SCHEMA


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Opens the output folder of a finished run.

    Args:
      folder: a local path or gs:// URI.

    Raises:
      InputError: there is no finished run, or one whose report this version cannot read.
    """
    name = os.fspath(folder)
    sign_in([name])
    return Run(name)


class SplitCounts(msgspec.Struct, frozen=True):
    """Examples of one split: read is the sum of the others. Sampled out is what a sample leaves out."""

    read: int
    kept: int
    dropped: int
    undecided: int
    sampled_out: int = 0


class RunFinding(msgspec.Struct, frozen=True):
    """One reason of one example, as the verdict table has it.

    Attributes:
      code: reason code; `beam_tuning.Reason` and docs/reasons.md explain each.
      outcome: what the service does, e.g. `drops-example`.
      message: what was seen, as a sentence.
      path: where in the example; empty for the line as a whole.
      observed, limit: the value seen and the value allowed, as text; None where the reason has none.
    """

    code: str
    outcome: Outcome
    message: str
    path: str
    observed: str | None
    limit: str | None


class RunExample(msgspec.Struct, frozen=True):
    """One example of a run.

    Attributes:
      line: in the file, from 1, blank lines counted.
      offset_bytes: of the line's first byte in the uncompressed file.
      prompt_start: start of the first user text.
      media_uris: of the media parts in order.
    """

    split: str
    file: str
    line: int
    offset_bytes: int
    verdict: Verdict
    prompt_start: str
    findings: tuple[RunFinding, ...]
    media_uris: tuple[str, ...]


class Run:
    """A finished run. Made by `beam_tuning.validate` and `beam_tuning.open_run`; in a notebook it shows itself.

    Attributes:
      folder: the output folder, as it was named.
    """

    def __init__(self, folder: str) -> None:
        self._folder = RunFolder(folder)
        self.folder = self._folder.name
        self._document = read_document(self._folder)
        if self._document.readiness.gate.exit_code == InputError.exit_code:
            raise InputError(
                "the run is not whole: a dataset file could not be read to its end",
                where=self.folder,
                observed=self._document.readiness.gate.why,
                remedy="Correct the file, and run `beam-tuning validate` again.",
            )

    @property
    def is_ready(self) -> bool:
        """Whether the cleaned files are ready to tune, as far as can be known."""
        return self.cleaned is State.READY

    @property
    def as_given(self) -> State:
        """What the tuning service would do with the dataset as it stands: ready, not-ready or uncertain."""
        return self._document.readiness.as_given.state

    @property
    def cleaned(self) -> State:
        """What it would do with the kept examples."""
        return self._document.readiness.cleaned.state

    @property
    def exit_code(self) -> int:
        """What `beam-tuning validate` ends with: 0, or 3 when the gate says no."""
        return self._document.readiness.gate.exit_code

    @property
    def why(self) -> str:
        """The gate's sentence."""
        return self._document.readiness.gate.why

    @property
    def model(self) -> str:
        """The model to tune."""
        return self._document.model

    @property
    def counts(self) -> Mapping[str, SplitCounts]:
        """Examples by split."""
        return {
            name: SplitCounts(split.read, split.kept, split.dropped, split.undecided, split.sampled_out)
            for name, split in self._document.splits.items()
        }

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many examples have each reason, by its code; what keeps examples out comes first."""
        return {row.code: row.examples for row in self._document.reasons}

    @property
    def next_commands(self) -> tuple[str, ...]:
        """What to type next, made from this run."""
        return tuple(step.command for step in next_steps(self._document))

    @cached_property
    def report(self) -> dict[str, Any]:
        """`report.json`, whose schema is docs/report.schema.json."""
        report: dict[str, Any] = msgspec.to_builtins(self._document)
        return report

    def path_of(self, name: str) -> str:
        """The path or URI of one of the run's files, e.g. of `report.html` or `train.jsonl`."""
        return self._folder.path_of(name)

    def verdicts(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The verdict table: a row for each example. docs/tables.md describes the columns.

        Args:
          columns: those wanted; None for all.

        Returns:
          A `pyarrow.Table`: `.to_pandas()`, `polars.from_arrow(...)` and DuckDB take it.

        Raises:
          OptionError: there is no such column.
          InputError: the table is damaged.
        """
        return self._table(FileRole.VERDICTS, VERDICT_SCHEMA, columns)

    def media(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The media table: a row for each distinct media object. Args, Returns, Raises: as `verdicts`."""
        return self._table(FileRole.MEDIA, MEDIA_SCHEMA, columns)

    def examples(
        self, *, code: str | None = None, split: str | None = None, file: str | None = None
    ) -> Iterator[RunExample]:
        """The examples that a filter lets pass, in the order of the input; all of them without one.

        Args:
          code: a reason code.
          split: `train` or `validation`.
          file: of the dataset: its path, the last part of it, or a pattern.

        Raises:
          InputError: the verdict table is damaged.
        """
        for row in read_examples(self._folder, Filter(code, split, file)):
            uris = tuple(part["uri"] for part in row["media"])
            yield msgspec.convert({**row, "media_uris": uris}, RunExample)

    def _table(self, role: FileRole, schema: pa.Schema, columns: Sequence[str] | None) -> pa.Table:
        for name in columns or ():
            if name not in schema.names:
                raise OptionError.of_choice("columns", name, schema.names, what="the table has no such column")
        wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        manifest = self._folder.manifest()
        if manifest is not None and not manifest.named(role):
            return wanted.empty_table()  # a dataset without media has no media table
        batches = list(self._folder.batches(role, None if columns is None else list(columns)))
        tables = [pa.Table.from_batches([batch]).select(wanted.names) for batch in batches]
        return pa.concat_tables(tables) if tables else wanted.empty_table()

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {one.kept:,} of {one.read:,} kept" for name, one in self.counts.items())
        return f"<Run {self.folder!r}: {self.as_given} as given, {self.cleaned} when cleaned; {counts}>"

    def _repr_html_(self) -> str:
        return render_inline(self._document)
