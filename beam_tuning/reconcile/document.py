"""`reconcile.json`: what a run foretold beside what the service did. Page and terminal are made from this alone."""

from __future__ import annotations

import msgspec

from beam_tuning.reasons import Verdict
from beam_tuning.reconcile.dataset import JobDataset
from beam_tuning.reconcile.token_counts import Foretold, TokenEstimate
from beam_tuning.tuning.job import JobError, TokenDistribution

#: Grows by one with every change that a reader of the last version could stumble over.
VERSION = 1
#: Stands among reason codes for lines of which the run said nothing.
NO_FINDING = "NONE"


class OurFinding(msgspec.Struct, frozen=True):
    """What the run said of a line."""

    code: str
    message: str


class MediaFacts(msgspec.Struct, frozen=True):
    """A media part of a line, as the run probed it."""

    uri: str
    kind: str | None
    duration_s: float | None
    size_bytes: int | None


class Line(msgspec.Struct, frozen=True):
    """A line of the job's dataset, led back to where it came from.

    Attributes:
      index: from 1, as the service counts.
      reason: for which the service dropped it, in its words; None where it gives none.
      findings: of the run.
    """

    index: int
    split: str
    file: str
    line: int
    offset_bytes: int
    verdict: Verdict
    reason: str | None
    findings: tuple[OurFinding, ...]
    tokens_low: int | None
    tokens_high: int | None
    prompt_start: str
    media: tuple[MediaFacts, ...]


class ReasonRow(msgspec.Struct, frozen=True):
    """A reason as the service words it, and what the run says of those examples.

    Attributes:
      examples: of the sample.
      ours: by reason code, or NO_FINDING; an example may have several.
    """

    reason: str
    examples: int
    ours: dict[str, int]


class Examples(msgspec.Struct, frozen=True):
    """Numbers of examples.

    Attributes:
      ours: lines of the job's dataset, as the run knows them.
      service: that the service counted.
      dropped: by the service.
      sampled: of these, those that it names.
    """

    ours: int
    service: int | None
    dropped: int | None
    sampled: int


class Tokens(msgspec.Struct, frozen=True):
    """Billed tokens of one epoch.

    Attributes:
      service: that the service counted.
      foretold: by the run, less the dropped examples.
      high_with_validation: the upper end, should validation examples be billed too.
      agrees: None where one side is not known.
    """

    service: int | None
    foretold: Foretold
    high_with_validation: int | None
    agrees: bool | None


class Difference(msgspec.Struct, frozen=True):
    """Something that is not as it was foretold."""

    name: str
    message: str


class Reconciliation(msgspec.Struct, frozen=True):
    """The document.

    Attributes:
      kept_by_us: lines that the service dropped and the run kept, as far as the service names them.
      dropped_by_both: lines that both dropped.
      kept_by_service: lines that the run dropped and the service did not; None where that cannot be shown.
      cannot_show: what the job's statistics leave open, as sentences.
      estimate: the run's estimates of tokens an example; beside them the service's own distributions.
      differences: empty when all is as foretold.
    """

    version: int
    job: str | None
    state: str | None
    error: JobError | None
    model: str | None
    epochs: int | None
    dataset: JobDataset
    examples: Examples
    kept_by_us: tuple[Line, ...]
    dropped_by_both: tuple[Line, ...]
    kept_by_service: tuple[Line, ...] | None
    reasons: tuple[ReasonRow, ...]
    tokens: Tokens
    estimate: TokenEstimate
    input_tokens: TokenDistribution | None
    output_tokens: TokenDistribution | None
    messages: TokenDistribution | None
    cannot_show: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def exit_code(self) -> int:
        """3 when anything is not as foretold."""
        return 3 if self.differences else 0

    def to_bytes(self) -> bytes:
        """JSON, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
