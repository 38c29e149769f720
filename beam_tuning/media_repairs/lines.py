"""An example with other media in place of its own, once for each piece; no other byte of its line changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import NamedTuple

from beam_tuning.dataset.json_places import Node, entries_of
from beam_tuning.dataset.replacing import Replacement, left_out, replaced
from beam_tuning.edited_media.orders import Delivered, DeliveredFile
from beam_tuning.line_edits.edit import quoted
from beam_tuning.line_edits.line import (
    END_OFFSET,
    FILE_DATA,
    FILE_URI,
    MIME_TYPE,
    START_OFFSET,
    VIDEO_METADATA,
    Line,
)
from beam_tuning.media.edit.wanted import SECOND_NS
from beam_tuning.media.info import MediaKind
from beam_tuning.media_repairs.plan import MediaPlan, PartPlan
from beam_tuning.media_repairs.texts import ExampleTexts, Refused, TimeChange, TimesMode, texts_of
from beam_tuning.summary.judged_example import PartFacts
from beam_tuning.times.moving import Piece
from beam_tuning.times.reading import TimeLine

#: Edits after which the file begins elsewhere.
_MOVING = ("cut", "chunk")
_TIMED = (MediaKind.AUDIO, MediaKind.VIDEO)
#: A piece that ends so near to the end of the file ends with it.
_NEAR_END_NS = SECOND_NS
#: The largest denominator of a usual frame rate, e.g. 30000/1001.
_MOST_DENOMINATOR = 1001


class RepairedLine(NamedTuple):
    """A line that an example became.

    Attributes:
      files: the new files it names, by path of the part.
      changes: every time before and after.
    """

    line: bytes
    files: tuple[tuple[str, DeliveredFile], ...]
    changes: tuple[TimeChange, ...]


def refusal_of(line: Line, plan: MediaPlan, *, times: TimesMode, fields: Collection[str] = ()) -> Refused | None:
    """Why the texts of an example stand against a plan whatever its files will be; None when they may not.

    Asked before anything is made: encoding is dear.
    """
    if times is TimesMode.NONE:
        return None
    for part in plan.parts:
        if part.edit not in _MOVING:
            continue
        texts = _texts(line, part, fields)
        if texts.fault is not None:
            return texts.fault
        answer = texts.answers_without_times() if part.edit == "chunk" else None
        if answer is not None:
            return Refused(answer.path, answer.value[:80], "holds no time: it speaks of the file as a whole")
    return None


def repaired_lines(
    line: Line,
    plan: MediaPlan,
    deliveries: Mapping[str, Delivered],
    *,
    times: TimesMode = TimesMode.STRICT,
    fields: Collection[str] = (),
) -> list[RepairedLine] | Refused:
    """The lines that an example becomes, in the order of time; pieces of which its answer says nothing give none.

    Args:
      deliveries: by path of the part.
      fields: JSON paths that hold times; without them fields are told by their names.
    """
    if not plan.takes_apart:
        files = [(part, deliveries[part.path].files[0]) for part in plan.parts]
        made = _with_files(line, files, times, fields)
        return made if isinstance(made, Refused) else [made]
    (part,) = plan.parts
    refused = refusal_of(line, plan, times=times, fields=fields)
    if refused is not None:
        return refused
    found: list[RepairedLine] = []
    for file in deliveries[part.path].files:
        made = _with_files(line, [(part, file)], times, fields)
        if isinstance(made, Refused):
            if made.is_empty:
                continue
            return made
        found.append(made)
    if not found:
        return Refused("", "the example", "has no times in any piece")
    return found


def _with_files(
    line: Line, files: list[tuple[PartPlan, DeliveredFile]], times: TimesMode, fields: Collection[str]
) -> RepairedLine | Refused:
    replacements: list[Replacement] = []
    changes: tuple[TimeChange, ...] = ()
    for part, file in files:
        node = next(placed.node for placed in line.parts() if placed.path == part.path)
        replacements += _part_replacements(node, file)
    moving = [(part, file) for part, file in files if _moves(line, part, file)]
    if moving and times is TimesMode.STRICT:
        texts = _texts(line, moving[0][0], fields)
        if sum(one.kind in _TIMED for one in line.judged.media) > 1:
            moved = texts.for_piece(Piece(0, _file_ns(line, moving[0][0]) + 1, is_last=True))
            if isinstance(moved, Refused) or moved.changes:
                first = moved if isinstance(moved, Refused) else moved.changes[0]
                text = first.text if isinstance(first, Refused) else first.before
                return Refused(first.path, text, "may speak of any of several media files")
        else:
            moved = texts.for_piece(_piece(line, *moving[0]))
            if isinstance(moved, Refused):
                return moved
            replacements += moved.replacements
            changes = moved.changes
    new = replaced(line.text, replacements).encode()
    return RepairedLine(new, tuple((part.path, file) for part, file in files), changes)


def _moves(line: Line, part: PartPlan, file: DeliveredFile) -> bool:
    """Whether the new file begins elsewhere, or ends clearly earlier."""
    if part.edit in _MOVING or file.made.start_ns != 0:
        return True
    return file.made.duration_ns < _file_ns(line, part) - _NEAR_END_NS


def _file_ns(line: Line, part: PartPlan) -> int:
    facts = line.facts(part.path)
    return 0 if facts is None or facts.file_ns is None else facts.file_ns


def _piece(line: Line, part: PartPlan, file: DeliveredFile) -> Piece:
    start_ns, stop_ns = file.made.start_ns, file.made.start_ns + file.made.duration_ns
    return Piece(start_ns, stop_ns, stop_ns >= _file_ns(line, part) - _NEAR_END_NS)


def _texts(line: Line, part: PartPlan, fields: Collection[str]) -> ExampleTexts:
    facts = line.facts(part.path)
    if facts is None:
        raise ValueError(f"no media part {part.path}")
    segment = facts.given.segment
    given = None
    if segment is not None and facts.file_ns is not None:
        end_ns = facts.file_ns if segment.end_ns is None else min(segment.end_ns, facts.file_ns)
        given = (segment.start_ns or 0, end_ns)
    time_line = TimeLine(facts.file_ns, _frame_rate(facts))
    return ExampleTexts(line.text, texts_of(line.root), time_line, fields=fields, segment=given)


def _frame_rate(facts: PartFacts) -> Fraction | None:
    streams = () if facts.info is None else facts.info.streams
    fps = next((stream.fps for stream in streams if stream.kind is MediaKind.VIDEO and stream.fps), None)
    return None if fps is None else Fraction(fps).limit_denominator(_MOST_DENOMINATOR)


def _part_replacements(part: Node, file: DeliveredFile) -> list[Replacement]:
    """Another URI and MIME type, and no offsets: the new file is the segment."""
    data = part.member(*FILE_DATA)
    if data is None:
        raise ValueError("the part has no file")
    made: list[Replacement] = []
    for key, value in data.members or ():
        if key.value in FILE_URI:
            made.append(Replacement(value.start, value.stop, json.dumps(file.uri, ensure_ascii=False)))
            uri_key = key
    mime_type = data.member(*MIME_TYPE)
    if mime_type is not None:
        made.append(Replacement(mime_type.start, mime_type.stop, quoted(file.made.mime_type)))
    else:
        name = MIME_TYPE[FILE_URI.index(str(uri_key.value))]
        made.append(Replacement(uri_key.start, uri_key.start, f"{quoted(name)}: {quoted(file.made.mime_type)}, "))
    return made + _without_offsets(part)


def _without_offsets(part: Node) -> list[Replacement]:
    metadata = part.member(*VIDEO_METADATA)
    if metadata is None or metadata.members is None:
        return []
    members = metadata.members
    offsets = {index for index, (key, _) in enumerate(members) if key.value in (*START_OFFSET, *END_OFFSET)}
    if not offsets:
        return []
    if len(offsets) < len(members):
        return list(left_out(entries_of(metadata), offsets))
    index = next(index for index, (_, value) in enumerate(part.members or ()) if value is metadata)
    return list(left_out(entries_of(part), {index}))
