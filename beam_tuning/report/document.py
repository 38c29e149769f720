"""`report.json`: everything the report knows, for programs; the page and the terminal are made from this alone.

Two runs over the same input give the same document but for its `run` section. `docs/report.schema.json` is its schema,
`docs/report.md` its description; both are made from the sections.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from beam_tuning.errors import InputError
from beam_tuning.report.sections import (
    distributions,
    files,
    limits,
    media,
    next_steps,
    options,
    reasons,
    repairs,
    resolution,
    run,
    selection,
    splits,
    tokens,
    tuning_job,
    verdict,
    what_if,
)
from beam_tuning.report.shapes import Part
from beam_tuning.report.wording import excerpt

#: Grows by one with every change that a reader of the last version could stumble over.
SCHEMA_VERSION = 2


class Tool(Part, frozen=True, kw_only=True):
    """What made the document."""

    name: Literal["beam_tuning"]
    version: str


class Document(Part, frozen=True, kw_only=True):
    """Everything that one run of `beam-tuning validate` found out."""

    schema_version: Annotated[int, Meta(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
    tool: Tool
    model: str
    options: dict[str, options.RecordedValue]
    options_given: list[str]
    output: str
    inputs: list[files.ReadFile]
    readiness: verdict.Readiness
    splits: dict[str, splits.Split]
    selection: selection.Selection | None = None
    repairs: repairs.Repairs | None = None
    reasons: list[reasons.ReasonRow]
    media_resolutions: resolution.MediaResolutions
    what_if: list[what_if.WhatIfRow]
    resolution_plan: list[resolution.PlanRow]
    distributions: list[distributions.Distribution]
    tokens: tokens.TokenTotals
    limits: list[limits.LimitRow]
    media: media.Media
    outputs: list[files.WrittenFile]
    run: run.Run


#: In the order of the page. A new section is a module, its template, and a line here and in `Document`.
SECTIONS = (
    verdict.SECTION,
    next_steps.SECTION,
    splits.SECTION,
    selection.SECTION,
    repairs.SECTION,
    reasons.SECTION,
    resolution.SECTION,
    what_if.SECTION,
    tokens.SECTION,
    tuning_job.SECTION,
    distributions.SECTION,
    media.SECTION,
    limits.SECTION,
    files.SECTION,
    options.SECTION,
    run.SECTION,
)


class _Version(msgspec.Struct):
    schema_version: msgspec.Raw


_decode = msgspec.json.Decoder(Document).decode
_decode_version = msgspec.json.Decoder(_Version).decode


def read_document(encoded: bytes, where: str) -> Document:
    """The document of a `report.json`.

    Args:
      where: the run's folder, for what is told of a document that cannot be read.

    Raises:
      InputError: it is no JSON, of another schema version, or does not have the document's form.
    """
    try:
        version = _version(encoded)
        if version != SCHEMA_VERSION:
            raise InputError(
                "report.json has another schema version than this beam-tuning reads",
                where=where,
                observed=excerpt(version),
                limit=SCHEMA_VERSION,
                remedy="Use the version of beam-tuning that made the run, or run `validate` again.",
            )
        return _decode(encoded)
    except msgspec.ValidationError as error:
        raise InputError(
            "report.json does not have the form that this beam-tuning writes",
            where=where,
            observed=excerpt(error),
            limit="docs/report.schema.json",
            remedy="Run `validate` again; report.json is not meant to be edited by hand.",
        ) from error
    # A document that is nested without end exhausts the decoder's stack.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            "report.json is damaged",
            where=where,
            observed=excerpt(error),
            remedy="Name the output folder of a finished `beam-tuning validate`.",
        ) from error


def _version(encoded: bytes) -> object:
    """What the document says; None where it says nothing."""
    try:
        return msgspec.json.decode(_decode_version(encoded).schema_version, type=int | str | None)
    except msgspec.ValidationError:
        return None
