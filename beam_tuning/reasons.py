"""The catalogue of reasons: every verdict, its documentation and its remedy come from this one table.

A `Reason` is a row; a `Finding` is one occurrence of it in one example; a `Verdict` follows from an example's findings.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

import msgspec


class Outcome(enum.StrEnum):
    """What the tuning service does, as far as it is documented."""

    REJECTS_JOB = "rejects-job"
    DROPS_EXAMPLE = "drops-example"
    OVER_LIMIT = "over-limit"
    UNDECIDED = "undecided"
    ADVICE = "advice"


class Scope(enum.StrEnum):
    """What a reason speaks of."""

    LINE = "line"
    PART = "part"
    MEDIA = "media"
    FILE = "file"
    DATASET = "dataset"


class Verdict(enum.StrEnum):
    """What becomes of an example: read = kept + dropped + undecided."""

    KEPT = "kept"
    DROPPED = "dropped"
    UNDECIDED = "undecided"


class Row(NamedTuple):
    """One row of the catalogue.

    `message` is the general sentence; a finding's own message says what was seen. `source` is a public page or
    specification, or "beam_tuning" where the rule is the project's own caution. `since` is the first version with the code.
    """

    scope: Scope
    outcome: Outcome
    title: str
    message: str
    remedy: str
    source: str
    since: str = "0.1.0"


class Reason(enum.Enum):
    """Reason codes. The member's name is the code that people script against."""

    LINE_NOT_JSON = Row(
        Scope.LINE,
        Outcome.REJECTS_JOB,
        "Line is not JSON",
        "The line cannot be parsed as JSON.",
        "Write each example as one JSON object on one line.",
        "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/prepare-data",
    )

    @property
    def code(self) -> str:
        return self.name

    @property
    def outcome(self) -> Outcome:
        return self.value.outcome


class Finding(msgspec.Struct, frozen=True):
    """One occurrence of a reason in one example.

    Attributes:
      reason: the row of the catalogue.
      message: what was seen, as a sentence.
      path: where in the example, e.g. `contents[0].parts[1].fileData.fileUri`; empty for the line as a whole.
      observed: the value seen, in the unit that the message names.
      limit: the value allowed, in the same unit.
    """

    reason: Reason
    message: str
    path: str = ""
    observed: str | int | float | None = None
    limit: str | int | float | None = None


_DROPPING = frozenset({Outcome.REJECTS_JOB, Outcome.DROPS_EXAMPLE, Outcome.OVER_LIMIT})


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Dropped if any finding says so; else undecided if any finding does; else kept. Advice decides nothing."""
    verdict = Verdict.KEPT
    for finding in findings:
        outcome = finding.reason.outcome
        if outcome in _DROPPING:
            return Verdict.DROPPED
        if outcome is Outcome.UNDECIDED:
            verdict = Verdict.UNDECIDED
    return verdict
