"""The catalogue of reasons: every verdict, its documentation and its remedy come from this one table.

A `Reason` is a row; a `Finding` is one occurrence of it in one example; a `Verdict` follows from an example's findings.
docs/reasons.md is generated from this table.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable
from importlib import resources

import msgspec


class Outcome(enum.StrEnum):
    """What the tuning service does, as far as it is documented; `meaning` says each in words."""

    REJECTS_JOB = "rejects-job"
    DROPS_EXAMPLE = "drops-example"
    OVER_LIMIT = "over-limit"
    UNDECIDED = "undecided"
    ADVICE = "advice"

    @property
    def meaning(self) -> str:
        """Sentences for people: what the service does, and what becomes of the example here."""
        return _MEANINGS[self]


_MEANINGS = {
    Outcome.REJECTS_JOB: "One such example makes the service reject the whole dataset. The example is dropped here.",
    Outcome.DROPS_EXAMPLE: "The service leaves the example out, as documented. It is dropped here too.",
    Outcome.OVER_LIMIT: "The example is over a documented limit, or uses something that no page says is "
    "supported. What the service does with it is not documented. To be safe, it is dropped here.",
    Outcome.UNDECIDED: (
        "Whether the service accepts the example could not be found out. It is neither kept nor dropped."
    ),
    Outcome.ADVICE: "Worth knowing. By itself it drops no example.",
}


class Scope(enum.StrEnum):
    """What a reason speaks of; REPAIR: of what `repair` did to a line, or why it did nothing."""

    LINE = "line"
    PART = "part"
    MEDIA = "media"
    REPAIR = "repair"
    FILE = "file"
    COMPARISON = "comparison"
    DATASET = "dataset"


class Verdict(enum.StrEnum):
    """What becomes of an example: read = kept + dropped + undecided + sampled out.

    Attributes:
      SAMPLED_OUT: it would be kept, but a sample was asked for and it is not in it. No rule gives this verdict.
    """

    KEPT = "kept"
    DROPPED = "dropped"
    UNDECIDED = "undecided"
    SAMPLED_OUT = "sampled-out"


#: What rules give. Every run writes shards for these, be they empty.
JUDGED = (Verdict.KEPT, Verdict.DROPPED, Verdict.UNDECIDED)


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row of the catalogue: a table of reasons.toml, which says what each field is."""

    scope: Scope
    outcome: Outcome
    title: str
    message: str
    remedy: str
    source: str
    since: str
    may_refuse_job: bool = False


class Reason(enum.Enum):
    """Reason codes. The member's name is the code that people script against; its row stands in reasons.toml."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name

    LINE_NOT_UTF8 = enum.auto()
    LINE_TOO_LONG = enum.auto()
    LINE_NOT_JSON = enum.auto()
    LINE_NESTED_TOO_DEEP = enum.auto()
    LINE_NOT_OBJECT = enum.auto()
    LINE_IS_OTHER_FORMAT = enum.auto()
    CONTENTS_MISSING = enum.auto()
    CONTENTS_EMPTY = enum.auto()
    PARTS_MISSING = enum.auto()
    PART_EMPTY = enum.auto()
    PART_HAS_SEVERAL_PAYLOADS = enum.auto()
    FIELD_WRONG_TYPE = enum.auto()
    FIELD_SPELLED_TWICE = enum.auto()
    FIELD_UNKNOWN = enum.auto()
    FIELD_NOT_DOCUMENTED = enum.auto()
    ROLE_UNKNOWN = enum.auto()
    ROLES_NOT_ALTERNATING = enum.auto()
    FIRST_TURN_NOT_USER = enum.auto()
    LAST_TURN_NOT_MODEL = enum.auto()
    ANSWER_NOT_JSON = enum.auto()
    SYSTEM_INSTRUCTION_NOT_TEXT = enum.auto()
    MODEL_TURN_HAS_MEDIA = enum.auto()
    FILE_URI_MISSING = enum.auto()
    FILE_URI_UNSUPPORTED = enum.auto()
    MIME_TYPE_MISSING = enum.auto()
    MIME_TYPE_UNSUPPORTED = enum.auto()
    MIME_TYPE_UNCERTAIN = enum.auto()
    INLINE_DATA_UNSUPPORTED = enum.auto()
    VIDEO_METADATA_WITHOUT_VIDEO = enum.auto()
    SEGMENT_INVALID = enum.auto()
    SEGMENT_NEGATIVE = enum.auto()
    SEGMENT_REVERSED = enum.auto()
    SEGMENT_BEYOND_END = enum.auto()
    TEXT_TIME_BEYOND_END = enum.auto()
    FPS_INVALID = enum.auto()
    FPS_NOT_DOCUMENTED = enum.auto()
    MEDIA_RESOLUTION_INVALID = enum.auto()
    PART_MEDIA_RESOLUTION_UNSUPPORTED = enum.auto()
    MEDIA_RESOLUTION_INCONSISTENT = enum.auto()
    PART_UNCERTAIN_FOR_MODEL = enum.auto()
    MEDIA_NOT_FOUND = enum.auto()
    MEDIA_FORBIDDEN = enum.auto()
    MEDIA_ADDRESS_BLOCKED = enum.auto()
    MEDIA_EMPTY = enum.auto()
    MEDIA_TRUNCATED = enum.auto()
    MEDIA_TAIL_CUT = enum.auto()
    MEDIA_UNREADABLE = enum.auto()
    MEDIA_KIND_MISMATCH = enum.auto()
    MIME_TYPE_MISMATCH = enum.auto()
    MEDIA_DURATION_UNKNOWN = enum.auto()
    MEDIA_TIMED_OUT = enum.auto()
    MEDIA_SERVER_ERROR = enum.auto()
    MEDIA_CHANGED = enum.auto()
    MEDIA_WORK_CAP = enum.auto()
    MEDIA_CRASHED = enum.auto()
    MEDIA_NOT_PROBED = enum.auto()
    AUDIO_TOO_MANY = enum.auto()
    AUDIO_TOO_LARGE = enum.auto()
    AUDIO_TOO_LONG = enum.auto()
    VIDEO_TOO_MANY = enum.auto()
    VIDEO_TOO_LARGE = enum.auto()
    VIDEO_TOO_LONG = enum.auto()
    VIDEO_LENGTH_AT_LIMIT = enum.auto()
    IMAGE_TOO_MANY = enum.auto()
    IMAGE_TOO_LARGE = enum.auto()
    DOCUMENT_TOO_MANY = enum.auto()
    DOCUMENT_TOO_LARGE = enum.auto()
    DOCUMENT_TOO_MANY_PAGES = enum.auto()
    DOCUMENT_PAGES_UNKNOWN = enum.auto()
    HTTP_MEDIA_TOO_LARGE = enum.auto()
    MEDIA_KINDS_MIXED = enum.auto()
    EXAMPLE_TOO_MANY_TOKENS = enum.auto()
    EXAMPLE_TOKENS_UNCERTAIN = enum.auto()
    REPAIR_OTHER_FORMAT = enum.auto()
    REPAIR_SYSTEM_TURN = enum.auto()
    REPAIR_ROLE = enum.auto()
    REPAIR_UNKNOWN_FIELD = enum.auto()
    REPAIR_EMPTY_PART = enum.auto()
    REPAIR_MEDIA_RESOLUTION = enum.auto()
    REPAIR_MIME_TYPE_SPELLING = enum.auto()
    REPAIR_MIME_TYPE = enum.auto()
    REPAIR_OFFSET = enum.auto()
    REPAIR_END_OFFSET = enum.auto()
    REPAIR_CUT = enum.auto()
    REPAIR_REMUX = enum.auto()
    REPAIR_DOWNSCALE = enum.auto()
    REPAIR_CHUNK = enum.auto()
    REPAIR_AUDIO = enum.auto()
    REPAIR_TIMES_AMBIGUOUS = enum.auto()
    REPAIR_MEDIA_FAILED = enum.auto()
    EXAMPLE_DUPLICATE = enum.auto()
    EXAMPLE_CONFLICT = enum.auto()
    EXAMPLE_IN_BOTH_SPLITS = enum.auto()
    MEDIA_IN_BOTH_SPLITS = enum.auto()
    MEDIA_SEGMENTS_IN_BOTH_SPLITS = enum.auto()
    INPUT_FILE_TRUNCATED = enum.auto()
    INPUT_FILE_UNREADABLE = enum.auto()
    INPUT_FILE_CHANGED = enum.auto()
    INPUT_FILE_EXPANDS_TOO_FAR = enum.auto()
    INPUT_FILE_NOT_JSON_LINES = enum.auto()
    MODEL_REMOVED = enum.auto()
    MODEL_PAST_RETIREMENT = enum.auto()
    DATASET_EMPTY = enum.auto()
    DROP_SHARE_TOO_HIGH = enum.auto()
    MEDIA_RESOLUTION_MIXED = enum.auto()
    MEDIA_IS_LOCAL = enum.auto()
    TRAINING_FILE_TOO_LARGE = enum.auto()
    TRAINING_TOO_MANY_EXAMPLES = enum.auto()
    VALIDATION_TOO_MANY_EXAMPLES = enum.auto()
    TRAINING_FEW_EXAMPLES = enum.auto()

    @property
    def code(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        return _ROWS[self._value_].scope

    @property
    def outcome(self) -> Outcome:
        return _ROWS[self._value_].outcome

    @property
    def title(self) -> str:
        return _ROWS[self._value_].title

    @property
    def message(self) -> str:
        return _ROWS[self._value_].message

    @property
    def remedy(self) -> str:
        return _ROWS[self._value_].remedy

    @property
    def source(self) -> str:
        return _ROWS[self._value_].source

    @property
    def since(self) -> str:
        return _ROWS[self._value_].since

    @property
    def may_refuse_job(self) -> bool:
        return _ROWS[self._value_].may_refuse_job

    @property
    def tolerable(self) -> bool:
        """Whether a person may take the risk: what the service does is not documented or not known.

        Of an example it keeps the example; of the dataset as a whole it opens the gate.
        """
        if self.scope is Scope.DATASET:
            return self.outcome is Outcome.UNDECIDED
        # A line that is too long is not looked at: nothing else would be known of it.
        of_example = self.scope is not Scope.FILE and self is not Reason.LINE_TOO_LONG
        return of_example and self.outcome in (Outcome.OVER_LIMIT, Outcome.UNDECIDED)


_ROWS = msgspec.toml.decode(resources.files("beam_tuning").joinpath("reasons.toml").read_bytes(), type=dict[str, Row])


class Finding(msgspec.Struct, frozen=True, array_like=True):
    """One occurrence of a reason in one example.

    Attributes:
      reason: the row of the catalogue.
      message: what was seen, as a sentence.
      path: where in the example, e.g. `contents[0].parts[1].fileData.fileUri`; empty for the line as a whole. Rules
        name the fields of a part in camelCase, however the line spells them.
      observed: the value seen, in the unit that the message names.
      limit: the value allowed, in the same unit.
    """

    reason: Reason
    message: str
    path: str = ""
    observed: str | int | float | None = None
    limit: str | int | float | None = None

    @property
    def code(self) -> str:
        """The reason's code, e.g. `VIDEO_TOO_LONG`."""
        return self.reason.name


#: Findings of one reason that an example keeps; a hostile line can hold millions.
MAX_FINDINGS_PER_REASON = 20


class FindingList:
    """Collects the findings of one example, with at most `MAX_FINDINGS_PER_REASON` of each reason.

    The last one kept of a reason says how many more there were.
    """

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts: Counter[Reason] = Counter()

    def admits(self, reason: Reason) -> bool:
        """Counts one finding, and tells whether it is to be kept. Ask before making a costly one."""
        self._counts[reason] += 1
        return self._counts[reason] <= MAX_FINDINGS_PER_REASON

    def keep(self, finding: Finding) -> None:
        """Adds a finding that was admitted."""
        self._kept.append(finding)

    def add(self, finding: Finding) -> None:
        """Counts a finding and keeps it if there is room."""
        if self.admits(finding.reason):
            self._kept.append(finding)

    def as_tuple(self) -> tuple[Finding, ...]:
        cut = {reason: count for reason, count in self._counts.items() if count > MAX_FINDINGS_PER_REASON}
        kept = list(self._kept)
        for index in reversed(range(len(kept) if cut else 0)):
            finding = kept[index]
            more = cut.pop(finding.reason, MAX_FINDINGS_PER_REASON) - MAX_FINDINGS_PER_REASON
            if more:
                message = f"{finding.message} (and {more:,} more like it on this line)"
                kept[index] = msgspec.structs.replace(finding, message=message)
        return tuple(kept)


_DROPPING = frozenset({Outcome.REJECTS_JOB, Outcome.DROPS_EXAMPLE, Outcome.OVER_LIMIT})


def verdict_of(findings: Iterable[Finding], tolerated: Collection[Reason] = ()) -> Verdict:
    """The verdict on one example: dropped if a finding drops it, else undecided if one leaves it open, else kept.

    Args:
      findings: all of the example. Advice decides nothing.
      tolerated: reasons that decide nothing either, because a person takes the risk.
    """
    return verdict_of_reasons([finding.reason for finding in findings], tolerated)


def verdict_of_reasons(reasons: Iterable[Reason], tolerated: Collection[Reason] = ()) -> Verdict:
    """The verdict on an example from the reasons of its findings alone; otherwise as `verdict_of`.

    Args:
      reasons: of all findings of the example, in any order; repeated ones change nothing.
      tolerated: as for `verdict_of`.
    """
    verdict = Verdict.KEPT
    for reason in reasons:
        if reason in tolerated:
            continue
        outcome = reason.outcome
        if outcome in _DROPPING:
            return Verdict.DROPPED
        if outcome is Outcome.UNDECIDED:
            verdict = Verdict.UNDECIDED
    return verdict
