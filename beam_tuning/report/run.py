"""What the report must be told of a run, beside what was counted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.dataset.lines import InputFile
from beam_tuning.policy.readiness import DatasetLimits, FailOn


class Limit(msgspec.Struct, frozen=True):
    """A limit of the model to show, with where its number stands.

    Attributes:
      label: for people, e.g. `Video length at LOW`.
      distribution: name of the distribution (see `report.json`) in whose picture it is drawn, in that one's unit.
      read_on: the day the page was read, e.g. `2026-08-22`.
    """

    label: str
    value: int | float
    unit: str
    source: str
    read_on: str
    distribution: str | None = None


class Price(msgspec.Struct, frozen=True):
    """Of a million training tokens in US dollars; None where it is not known."""

    usd_per_million_tokens: float | None
    source: str | None = None
    read_on: str | None = None


class Formula(msgspec.Struct, frozen=True):
    """How tokens of one kind of content are estimated."""

    subject: str
    text: str
    source: str


class Profile(msgspec.Struct, frozen=True):
    """A what-if column: models that share limits and token rates, at one media resolution.

    Attributes:
      key: as in `WhatIf.profile`.
      media_resolution: None for "absent on every line".
    """

    key: str
    models: tuple[str, ...]
    media_resolution: str | None


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before the run.

    Attributes:
      version: of beam_tuning.
      options: all options by name, as JSON values.
      splits: for which files were named.
      epochs: that the price assumes.
      prices: by model.
    """

    version: str
    model: str
    options: Mapping[str, object]
    inputs: tuple[InputFile, ...]
    splits: tuple[str, ...]
    output: str
    fail_on: FailOn
    epochs: int = 1
    dataset_limits: DatasetLimits = DatasetLimits()
    limits: tuple[Limit, ...] = ()
    profiles: tuple[Profile, ...] = ()
    prices: Mapping[str, Price] = {}
    formulas: tuple[Formula, ...] = ()


class RunTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two runs over the same input.

    Attributes:
      started, finished: RFC 3339, UTC.
      stages_s: wall seconds by stage, where the runner tells.
    """

    started: str
    finished: str
    elapsed_s: float
    runner: str
    stages_s: Mapping[str, float] = {}


class OutputFile(msgspec.Struct, frozen=True):
    """A file of the run's output folder; the path is relative to it."""

    path: str
    size_bytes: int | None = None
    lines: int | None = None
