"""`report.json` made: every section takes what it needs from the run."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from beam_tuning.curation.selection import Chosen
from beam_tuning.policy.readiness import DatasetFinding, readiness
from beam_tuning.reasons import Reason
from beam_tuning.report.document import SCHEMA_VERSION, SECTIONS, Document, Tool
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.report.sections.section import RunFacts
from beam_tuning.report.wording import escaped
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import SplitSummary, Summary


def report_document(
    settings: RunSettings,
    summary: Summary,
    media_summary: MediaSummary,
    times: RunTimes,
    *,
    file_faults: Sequence[DatasetFinding] = (),
    outputs: Sequence[OutputFile] = (),
    chosen: Chosen | None = None,
) -> Document:
    """The document of a run.

    Args:
      outputs: files of the output folder, in the order in which they are listed.
      chosen: which of the kept examples were taken, where that was to be chosen.
    """
    model = settings.limits.model(settings.model)
    ready = readiness(
        summary,
        model,
        day=day_of(times),
        splits=settings.splits,
        resolution_scope=settings.resolution_scope,
        file_faults=file_faults,
        local_media=media_summary.local,
        tolerated={Reason[code] for code in settings.tolerated},
        set_resolution=settings.set_resolution,
        makes_validation=settings.selection.validation_split is not None,
    )
    splits = {name: summary.splits.get(name, SplitSummary()) for name in ready.drop_shares}
    facts = RunFacts(settings, model, splits, ready, media_summary, times, tuple(outputs), chosen)
    return Document(
        schema_version=SCHEMA_VERSION,
        tool=Tool(name="beam_tuning", version=settings.version),
        model=settings.model,
        **{field.name: field.make(facts) for section in SECTIONS for field in section.fields},
    )


def day_of(times: RunTimes) -> datetime.date:
    """The day on which the run began, in UTC: a model is retired, or not yet, on that day."""
    return datetime.date.fromisoformat(times.started[:10])


def encode_json(value: Any) -> bytes:
    """Indented JSON with a last newline.

    Control and direction-changing characters stand as `\\uXXXX`: a program that reads the file gets the value as it
    is, and a terminal or an editor that shows the file is not steered by it.
    """
    indented = msgspec.json.format(msgspec.json.encode(value), indent=2)
    return escaped(indented.decode()).encode() + b"\n"
