"""Offsets of a segment: `5`, `"1m5s"`, `"00:05"` and others are written as `"5s"`; an end past the file is its end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from beam_tuning.dataset.json_places import Node, Number
from beam_tuning.dataset.proto_json import duration_ns
from beam_tuning.dataset.replacing import Replacement
from beam_tuning.line_edits.edit import Change, quoted, shown
from beam_tuning.line_edits.line import END_OFFSET, START_OFFSET, VIDEO_METADATA, Line
from beam_tuning.times.forms import SECOND_NS
from beam_tuning.times.reading import TimeLine
from beam_tuning.times.running_text import read_whole

_MILLISECOND_NS = SECOND_NS // 1000
#: Of a number without a unit: so long is no file that a model takes.
_LONGEST_S = 10 * 3600


def write_as_duration(line: Line) -> Iterator[Change]:
    """Offsets in other forms. A number counts seconds where the file, if its length is known, is as long as that."""
    for path, part in line.parts():
        metadata = part.member(*VIDEO_METADATA)
        facts = line.facts(path)
        if metadata is None:
            continue
        for spellings in (START_OFFSET, END_OFFSET):
            node = metadata.member(*spellings)
            if node is None or node.is_null or (node.text is not None and duration_ns(node.text) is not None):
                continue
            time_ns = _time_of(line.text, node, None if facts is None else facts.file_ns)
            if time_ns is None:
                continue
            after = quoted(duration_text(time_ns))
            where = f"{path}.videoMetadata.{spellings[0]}"
            yield Change(where, shown(line.raw(node)), after, (Replacement(node.start, node.stop, after),))


def end_with_file(line: Line) -> Iterator[Change]:
    """An end after the file's end becomes the file's end, where the segment begins before it."""
    for path, part in line.parts():
        metadata, facts = part.member(*VIDEO_METADATA), line.facts(path)
        if metadata is None or facts is None or facts.file_ns is None or facts.given.segment is None:
            continue
        start_ns, end_ns = facts.given.segment.start_ns or 0, facts.given.segment.end_ns
        end = metadata.member(*END_OFFSET)
        last_ns = facts.file_ns // _MILLISECOND_NS * _MILLISECOND_NS
        if end is None or end_ns is None or not 0 <= start_ns < last_ns < end_ns:
            continue
        after = quoted(duration_text(last_ns))
        where = f"{path}.videoMetadata.endOffset"
        yield Change(where, shown(line.raw(end)), after, (Replacement(end.start, end.stop, after),))


def duration_text(time_ns: int) -> str:
    """A time of 0 or later as the API writes durations, e.g. `5s`, `12.345s`."""
    seconds, fraction = divmod(time_ns, SECOND_NS)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{seconds}.{digits}s" if digits else f"{seconds}s"


def _time_of(text: str, node: Node, file_ns: int | None) -> int | None:
    """None when the value may mean several times, or none."""
    if isinstance(node.value, Number):
        return _plain(node.value.text, file_ns)
    if node.members is not None:
        return _message(node)
    if node.text is None:
        return None
    given = node.text.strip()
    if (plain := _plain(given, file_ns)) is not None:
        return plain
    span = read_whole(given, TimeLine())
    if span is None or span.last is not None:
        return None
    # `1:30` may be hours and minutes, unless the file is not that long.
    is_clock = ":" in given
    if is_clock and (file_ns is None or span.first.time_ns > file_ns + SECOND_NS):
        return None
    return span.first.time_ns


def _plain(number: str, file_ns: int | None) -> int | None:
    if not number.replace(".", "", 1).isdecimal() or not number.isascii() or len(number) > 20:
        return None
    time_ns = Fraction(number) * SECOND_NS
    limit_ns = _LONGEST_S * SECOND_NS if file_ns is None else file_ns + SECOND_NS
    # A larger number may count milliseconds or frames.
    return int(time_ns) if time_ns.denominator == 1 and time_ns <= limit_ns else None


def _message(node: Node) -> int | None:
    """google.protobuf.Duration as an object, which its JSON form is not."""
    time_ns = 0
    for key, value in node.members or ():
        digits = value.value.text if isinstance(value.value, Number) else value.text
        if key.value not in ("seconds", "nanos") or digits is None or not (digits.isdecimal() and digits.isascii()):
            return None
        if len(digits) > 12:
            return None
        time_ns += int(digits) * (SECOND_NS if key.value == "seconds" else 1)
    return time_ns if node.members else None
