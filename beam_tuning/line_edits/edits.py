"""All edits, in the order in which they are made, and a line after them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from beam_tuning.dataset.replacing import replaced
from beam_tuning.line_edits.edit import Change, Edit
from beam_tuning.line_edits.fields import leave_out_empty_parts, leave_out_unknown_fields
from beam_tuning.line_edits.line import Line
from beam_tuning.line_edits.mime_types import spell_as_listed, write_found
from beam_tuning.line_edits.offsets import end_with_file, write_as_duration
from beam_tuning.line_edits.other_formats import convert
from beam_tuning.line_edits.resolution import write_long_form
from beam_tuning.line_edits.roles import lift_system_turn, name_roles
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.reasons import Finding, Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample

_OF_TYPES = frozenset(
    (
        Reason.MIME_TYPE_MISSING,
        Reason.MIME_TYPE_UNSUPPORTED,
        Reason.MIME_TYPE_UNCERTAIN,
        Reason.MIME_TYPE_MISMATCH,
    )
)
_OF_ROLES = frozenset((Reason.ROLE_UNKNOWN,))

#: What makes an example of the line comes first, then what its media are.
EDITS = (
    Edit("other_format", Reason.REPAIR_OTHER_FORMAT, frozenset((Reason.LINE_IS_OTHER_FORMAT,)), convert),
    Edit("system_turn", Reason.REPAIR_SYSTEM_TURN, _OF_ROLES, lift_system_turn),
    Edit("role", Reason.REPAIR_ROLE, _OF_ROLES, name_roles),
    Edit("unknown_field", Reason.REPAIR_UNKNOWN_FIELD, frozenset((Reason.FIELD_UNKNOWN,)), leave_out_unknown_fields),
    Edit("empty_part", Reason.REPAIR_EMPTY_PART, frozenset((Reason.PART_EMPTY,)), leave_out_empty_parts),
    Edit(
        "media_resolution",
        Reason.REPAIR_MEDIA_RESOLUTION,
        frozenset((Reason.MEDIA_RESOLUTION_INVALID,)),
        write_long_form,
    ),
    Edit("mime_type_spelling", Reason.REPAIR_MIME_TYPE_SPELLING, _OF_TYPES, spell_as_listed),
    Edit("mime_type", Reason.REPAIR_MIME_TYPE, _OF_TYPES, write_found),
    Edit("offset", Reason.REPAIR_OFFSET, frozenset((Reason.SEGMENT_INVALID,)), write_as_duration),
    Edit("end_offset", Reason.REPAIR_END_OFFSET, frozenset((Reason.SEGMENT_BEYOND_END,)), end_with_file),
)
#: Names of the edits, as people choose them.
NAMES = tuple(edit.name for edit in EDITS)

#: Judges the bytes of a line.
Judge = Callable[[bytes], JudgedExample]


class Done(NamedTuple):
    """One change that was made, and the edit that made it."""

    edit: Edit
    change: Change

    def finding(self) -> Finding:
        """What the report says of it."""
        before, after = self.change.before, self.change.after
        what = (
            f"{before} became {after}"
            if before and after
            else f"{after} was added"
            if after
            else f"{before} was left out"
        )
        return Finding(self.edit.reason, what, self.change.path, before or None, after or None)


class Edited(NamedTuple):
    """A line after its edits.

    Attributes:
      judged: what the rules make of it now, without the findings of the edits.
    """

    line: bytes
    judged: JudgedExample
    done: tuple[Done, ...]

    @property
    def is_kept(self) -> bool:
        return self.judged.verdict is Verdict.KEPT


def edited(line: bytes, judged: JudgedExample, judge: Judge, limits: ModelLimits, names: Collection[str]) -> Edited:
    """The line with all edits that apply; it may be kept now or not.

    Args:
      judged: what the rules made of the line.
      judge: for the line between two edits.
      names: of the edits that may be made.
    """
    done: list[Done] = []
    for edit in EDITS:
        if edit.name not in names or edit.mends.isdisjoint(finding.reason for finding in judged.findings):
            continue
        seen = Line.of(line, judged, limits)
        if seen is None:
            break
        changes = list(edit.changes(seen))
        if not changes:
            continue
        line = replaced(seen.text, (one for change in changes for one in change.replacements)).encode()
        judged = judge(line)
        done += [Done(edit, change) for change in changes]
    return Edited(line, judged, tuple(done))


def codes(done: Iterable[Done]) -> list[str]:
    """The codes of the edits that were made, each once, in order."""
    return list(dict.fromkeys(one.edit.reason.code for one in done))
