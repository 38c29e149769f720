"""What is said of a dataset as a whole: findings, the two answers, drop shares, and the gate."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from beam_tuning.policy.limits import DatasetLimits
from beam_tuning.reasons import Reason, Scope

TRAIN, VALIDATION = "train", "validation"


class State(enum.StrEnum):
    """An answer."""

    READY = "ready"
    NOT_READY = "not-ready"
    UNCERTAIN = "uncertain"


class DatasetFinding(msgspec.Struct, frozen=True):
    """One thing that was seen of the dataset as a whole.

    Attributes:
      certain: whether this makes the dataset not ready; else it makes the answer uncertain, or is advice.
      message: what was seen, as a sentence.
      observed, limit: in the unit that the message names.
    """

    reason: Reason
    certain: bool
    message: str
    split: str | None = None
    observed: str | int | float | None = None
    limit: str | int | float | None = None


class Answer(msgspec.Struct, frozen=True):
    """One of the two answers.

    Attributes:
      findings: all that speaks against "ready".
      advice: what is worth knowing and decides nothing, the findings among it whose risk a person takes.
    """

    findings: tuple[DatasetFinding, ...]
    advice: tuple[DatasetFinding, ...] = ()

    @property
    def state(self) -> State:
        if any(finding.certain for finding in self.findings):
            return State.NOT_READY
        return State.UNCERTAIN if self.findings else State.READY


class DropShare(msgspec.Struct, frozen=True):
    """Share of a split's examples that the service would drop: in [dropped, dropped + undecided] / read.

    Attributes:
      state: READY below the limit for certain, NOT_READY above it for certain, else UNCERTAIN; None without examples.
    """

    read: int
    dropped: int
    undecided: int
    state: State | None

    @property
    def low(self) -> float | None:
        return self.dropped / self.read if self.read else None

    @property
    def high(self) -> float | None:
        return (self.dropped + self.undecided) / self.read if self.read else None


def drop_share(read: int, dropped: int, undecided: int, limits: DatasetLimits) -> DropShare:
    """The share of so many examples, held against the limit without rounding."""
    low, high = dropped, dropped + undecided
    if not read:
        state = None
    elif 100 * high < limits.drop_percent * read:
        state = State.READY
    elif 100 * low > limits.drop_percent * read:
        state = State.NOT_READY
    else:
        state = State.UNCERTAIN
    return DropShare(read, dropped, undecided, state)


class FailOn(enum.StrEnum):
    """Which answer closes the gate."""

    AS_GIVEN = "as_given"
    CLEANED = "cleaned"
    NEVER = "never"


class Gate(msgspec.Struct, frozen=True):
    """Exit code of a run: 0 when the gate is open, 3 when it is closed, 2 when input could not be used."""

    is_open: bool
    why: str
    exit_code: int


class Readiness(msgspec.Struct, frozen=True):
    """Both answers and the drop share of each split that was named or read."""

    as_given: Answer
    cleaned: Answer
    drop_shares: Mapping[str, DropShare]

    def gate(self, fail_on: FailOn) -> Gate:
        """As given: both answers must be ready; cleaned: that one must; never: the gate stays open.

        A dataset file that could not be read to its end closes it in any case: the run is not whole.
        """
        if any(finding.reason.scope is Scope.FILE for finding in self.as_given.findings):
            return Gate(False, "A dataset file could not be read to its end.", 2)
        if fail_on is FailOn.NEVER:
            return Gate(True, "The gate is turned off.", 0)
        if fail_on is FailOn.AS_GIVEN and self.as_given.state is not State.READY:
            return Gate(False, f"As given, the dataset is {_WORDS[self.as_given.state]}.", 3)
        if self.cleaned.state is not State.READY:
            return Gate(False, f"The cleaned dataset is {_WORDS[self.cleaned.state]}.", 3)
        which = "As given and cleaned" if fail_on is FailOn.AS_GIVEN else "Cleaned"
        return Gate(True, f"{which}, the dataset is ready to tune.", 0)


_WORDS = {State.NOT_READY: "not ready to tune", State.UNCERTAIN: "perhaps not ready to tune"}


def percent(share: float) -> str:
    """For people, e.g. `12.5 %`; a share that is not quite 0, 10 or 100 % never reads as if it were."""
    for digits in range(1, 9):
        text = f"{100 * share:.{digits}f}"
        if float(text) not in (0.0, 10.0, 100.0) or float(text) == 100 * share:
            break
    return f"{text.rstrip('0').rstrip('.')} %"
