"""What the report must be told of a run, beside what was counted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.curation.selection import Selection
from beam_tuning.dataset.lines import InputFile
from beam_tuning.policy.choices import USUAL_SCOPE, ResolutionScope
from beam_tuning.policy.limits import Limits
from beam_tuning.policy.readiness import FailOn


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before the run.

    Attributes:
      version: of beam_tuning.
      limits: of all models; `model` is one of them.
      options: all options by name, as JSON values.
      options_given: names of those that have another value than their default.
      splits: for which files were named.
      resolution_scope: as in `readiness`.
      tolerated: codes of reasons that decide nothing.
      epochs: that the price assumes.
      set_resolution: the media resolution that is written into every kept example, if one is.
      selection: which of the kept examples are taken.
      price_per_million_tokens: US dollars for the run's model, in place of the price in `limits`.
    """

    version: str
    model: str
    limits: Limits
    options: Mapping[str, object]
    inputs: tuple[InputFile, ...]
    splits: tuple[str, ...]
    output: str
    fail_on: FailOn
    resolution_scope: ResolutionScope = USUAL_SCOPE
    tolerated: tuple[str, ...] = ()
    epochs: int = 1
    price_per_million_tokens: float | None = None
    options_given: tuple[str, ...] = ()
    set_resolution: str | None = None
    selection: Selection = Selection()


class RunTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two runs over the same input.

    Attributes:
      started, finished: RFC 3339, UTC.
    """

    started: str
    finished: str
    elapsed_s: float
    runner: str


class OutputFile(msgspec.Struct, frozen=True):
    """A file of the run's output folder; the path is relative to it."""

    path: str
    size_bytes: int | None = None
    lines: int | None = None
