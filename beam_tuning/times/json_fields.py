"""Times in JSON that a text holds: fields such as start, end, timestamp, in seconds, milliseconds or clock form.

A number without a unit counts seconds when all such numbers of the text fit into the media as seconds, milliseconds
when they fit as these only and are too large to count frames; else it is in doubt. Strings of other fields
are running text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from typing import NamedTuple

from msgspec.structs import replace

from beam_tuning.dataset.json_places import Node, NotJson, Number, places, spelled_places
from beam_tuning.times.forms import MILLISECOND_NS, SECOND_NS
from beam_tuning.times.reading import Doubt, Mark, Reading, Span, TimeLine, Unit
from beam_tuning.times.running_text import count_mark, is_beyond, read_running_text, read_whole

_FENCE = re.compile(r"\A\s*```[ \t]*(?:json)?[ \t]*\r?\n(?P<body>.*?)\r?\n?```\s*\Z", re.DOTALL | re.IGNORECASE)
_BEGINNINGS = frozenset(
    "start begin from starttime begintime startoffset onset startts timestart timestampstart".split()  # noqa: SIM905
)
_ENDINGS = {
    "end": ("start", "begin"),
    "stop": ("start",),
    "to": ("from",),
    "until": ("from",),
    "endtime": ("starttime", "begintime"),
    "stoptime": ("starttime",),
    "endoffset": ("startoffset",),
    "endts": ("startts",),
    "timeend": ("timestart",),
    "timestampend": ("timestampstart",),
    "offset": ("onset",),
}
_MOMENTS = frozenset(("timestamp", "time", "offset", "timecode", "ts", "timeoffset", "position", "at", "moment"))
_LISTS = frozenset(("timestamps", "times", "timerange", "timeranges", "interval", "intervals", "span", "spans"))
_LISTS_OF_PAIRS = frozenset(("segment", "segments", "ranges", "range"))
_LENGTHS = frozenset(("duration", "dur", "length"))
_UNIT = re.compile(r"(?<=[a-z])_?(milliseconds|millis|msec|ms|seconds|secs|sec|s)\Z")
_OF_UNIT_NS = {"m": MILLISECOND_NS, "s": SECOND_NS}
#: Of a video; more than that many counts a second are no frames.
_MOST_FRAMES_A_SECOND = 120


def read_json(
    text: str, time_line: TimeLine, fields: Collection[str] = (), *, expects_times: bool = False
) -> Reading | None:
    """The times of a text that is JSON, be it in a code fence; None when it is none or a plain value.

    Args:
      fields: paths of the fields that hold times, `events.start`; without them they are told by their names.
    """
    fence = _FENCE.match(text)
    shift, body = (0, text) if fence is None else (fence.start("body"), fence["body"])
    if body.lstrip()[:1] not in ("{", "["):
        return None
    try:
        root = places(body)
    except NotJson:
        return None
    walk = _Walk(body, time_line, frozenset(fields), expects_times=expects_times)
    reading = walk.reading(root)
    return _moved_places(reading, shift) if shift else reading


class _Name(NamedTuple):
    """A field's name without its unit, and nanoseconds of the unit."""

    base: str
    of_ns: int | None


class _Given(NamedTuple):
    """Numbers and texts that belong together; `last` ends what `first` begins."""

    first: Node
    last: Node | None
    of_ns: int | None
    length: Node | None = None


class _Walk:
    def __init__(self, text: str, time_line: TimeLine, fields: frozenset[str], *, expects_times: bool) -> None:
        self._text = text
        self._time_line = time_line
        self._fields = fields
        self._expects_times = expects_times
        self._given: list[_Given] = []
        self._strings: list[Node] = []
        self._lists: list[tuple[Unit, ...]] = []
        self._spans: list[Span] = []
        self._doubts: list[Doubt] = []
        self._beyond: list[Mark] = []

    def reading(self, root: Node) -> Reading:
        self._value(root, "", "")
        unit_ns = self._unit_of_numbers()
        for given in self._given:
            self._add(given, unit_ns)
        for node in self._strings:
            self._running_text(node)
        self._spans.sort(key=lambda span: span.first.start)
        self._doubts.sort(key=lambda doubt: doubt.start)
        return Reading(tuple(self._spans), tuple(self._doubts), tuple(self._lists), tuple(self._beyond), is_json=True)

    # Which values are times

    def _value(self, node: Node, key: str, path: str) -> None:
        if node.members is not None:
            self._object(node, path)
        elif node.items is not None:
            self._array(node, key, path)
        elif isinstance(node.value, str):
            self._strings.append(node)

    def _array(self, node: Node, key: str, path: str) -> None:
        items = node.items or ()
        if items:
            self._lists.append(tuple(Unit(item.start, item.stop) for item in items))
        base = _name(key).base
        holds_times = path in self._fields if self._fields else base in _LISTS
        pairs = holds_times or (not self._fields and base in _LISTS_OF_PAIRS)
        of_ns = _name(key).of_ns
        # Two numbers under the name of one interval, or in a list of intervals.
        if pairs and len(items) == 2 and all(map(_is_time_like, items)) and base not in ("times", "timestamps"):
            self._given.append(_Given(items[0], items[1], of_ns))
            return
        for item in items:
            inner = item.items or ()
            if pairs and len(inner) == 2 and all(map(_is_time_like, inner)):
                self._given.append(_Given(inner[0], inner[1], of_ns))
            elif holds_times and _is_time_like(item):
                self._given.append(_Given(item, None, of_ns))
            else:
                self._value(item, "", path)

    def _object(self, node: Node, path: str) -> None:
        members = node.members or ()
        named = {_name(str(key.value)).base: value for key, value in members}
        is_span_of_characters = _counts_characters(named)
        ends: set[int] = set()
        keyed: list[Unit] = []
        for key, value in members:
            name = _name(str(key.value))
            below = f"{path}.{key.value}" if path else str(key.value)
            is_time = below in self._fields if self._fields else (name.base in _BEGINNINGS or name.base in _MOMENTS)
            if value.start in ends:
                continue
            if is_time and _is_time_like(value) and not is_span_of_characters:
                last = _end_of(members, name)
                if last is not None:
                    ends.add(last.start)
                length = None if last is not None else _length_of(members)
                self._given.append(_Given(value, last, name.of_ns, length))
            elif not self._fields and name.base in _ENDINGS and _is_time_like(value) and not is_span_of_characters:
                if not _has_beginning(members, name.base):
                    self._given.append(_Given(value, None, name.of_ns))
            else:
                self._value(value, str(key.value), below)
            span = read_whole(str(key.value), self._time_line) if "\\" not in self._text[key.start : key.stop] else None
            if span is not None:
                self._key(key, span)
                keyed.append(Unit(key.start, value.stop))
        if keyed and len(keyed) == len(members):
            self._lists.append(tuple(keyed))

    def _key(self, key: Node, span: Span) -> None:
        self._keep(_moved_span(span, key.start + 1))

    # What they say

    def _unit_of_numbers(self) -> int | None:
        """What 1 counts in numbers without a unit; None when that is in doubt."""
        numbers = [
            (node.value.text, node.stop - node.start)
            for given in self._given
            if given.of_ns is None
            for node in (given.first, given.last)
            if node is not None and isinstance(node.value, Number)
        ]
        numbers = [(text, size) for text, size in numbers if _is_plain(text)]
        if not numbers:
            return SECOND_NS
        largest = max(Fraction(text) for text, _ in numbers)
        has_fraction = any("." in text for text, _ in numbers)
        if self._time_line.duration_ns is None:
            return SECOND_NS if has_fraction else None
        duration_s = Fraction(self._time_line.duration_ns, SECOND_NS)
        if largest <= duration_s + 1 or has_fraction:
            return SECOND_NS
        if _MOST_FRAMES_A_SECOND * duration_s < largest <= 1000 * (duration_s + 1):
            return MILLISECOND_NS
        return SECOND_NS if largest <= 2 * duration_s else None

    def _add(self, given: _Given, unit_ns: int | None) -> None:
        of_ns = given.of_ns or unit_ns
        first = self._span_of(given.first, of_ns)
        last = None if given.last is None else self._span_of(given.last, of_ns)
        if first is None or (given.last is not None and last is None):
            stop = (given.last or given.first).stop
            self._doubt(
                min(given.first.start, stop), max(given.first.stop, stop), "is not a time, or has an unknown unit"
            )
            return
        if last is None:
            length_ns = None
            if given.length is not None:
                length = self._span_of(given.length, _name("duration").of_ns or of_ns)
                if length is None:
                    self._doubt(given.length.start, given.length.stop, "is a length of an unknown unit")
                    return
                length_ns = length.first.time_ns
            self._keep(replace(first, length_ns=length_ns) if length_ns is not None else first)
        elif first.last is not None or last.last is not None:
            self._doubt(given.first.start, given.first.stop, "is an interval where a time is expected")
        else:
            self._keep(Span(first.first, last.first))

    def _span_of(self, node: Node, of_ns: int | None) -> Span | None:
        if isinstance(node.value, Number):
            if of_ns is None or not _is_plain(node.value.text):
                return None
            return Span(count_mark(self._text, node.start, node.stop, of_ns))
        if node.text is None or node.stop - node.start - 2 != len(node.text):
            return None
        span = read_whole(node.text, self._time_line)
        if span is not None:
            return _moved_span(span, node.start + 1)
        if of_ns is not None and _is_plain(node.text):
            return Span(count_mark(self._text, node.start + 1, node.stop - 1, of_ns))
        return None

    def _keep(self, span: Span) -> None:
        start, stop = min(mark.start for mark in span.marks), max(mark.stop for mark in span.marks)
        late = [mark for mark in span.marks if is_beyond(mark, self._time_line)]
        if late:
            self._beyond += late
            self._doubt(start, stop, "lies after the end of the media")
        elif span.end_ns < span.first.time_ns:
            self._doubt(start, stop, "ends before it begins")
        else:
            self._spans.append(span)

    def _doubt(self, start: int, stop: int, why: str) -> None:
        self._doubts.append(Doubt(start, stop, why))

    def _running_text(self, node: Node) -> None:
        reading = read_running_text(node.text or "", self._time_line, expects_times=self._expects_times)
        if not (reading.spans or reading.doubts):
            return
        where = spelled_places(self._text, node)

        def there(mark: Mark) -> Mark:
            return replace(mark, start=where[mark.start], stop=where[mark.stop])

        for span in reading.spans:
            last = None if span.last is None else there(span.last)
            self._spans.append(replace(span, first=there(span.first), last=last))
        for doubt in reading.doubts:
            self._doubts.append(replace(doubt, start=where[doubt.start], stop=where[doubt.stop]))
        self._beyond += map(there, reading.beyond)


def _name(key: str) -> _Name:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_").replace(" ", "_")
    unit = _UNIT.search(plain)
    base = plain[: unit.start()] if unit and (unit[0].startswith("_") or unit[1] in ("ms", "msec")) else plain
    known = base.replace("_", "")
    of_ns = None if base == plain or unit is None else _OF_UNIT_NS[unit[1][0]]
    return _Name(known, of_ns)


def _end_of(members: tuple[tuple[Node, Node], ...], beginning: _Name) -> Node | None:
    for key, value in members:
        name = _name(str(key.value))
        if name.of_ns == beginning.of_ns and beginning.base in _ENDINGS.get(name.base, ()) and _is_time_like(value):
            return value
    return None


def _has_beginning(members: tuple[tuple[Node, Node], ...], ending: str) -> bool:
    return any(_name(str(key.value)).base in _ENDINGS[ending] and _is_time_like(value) for key, value in members)


def _length_of(members: tuple[tuple[Node, Node], ...]) -> Node | None:
    return next(
        (value for key, value in members if _name(str(key.value)).base in _LENGTHS and _is_time_like(value)), None
    )


def _is_time_like(node: Node) -> bool:
    if isinstance(node.value, Number):
        return True
    text = node.text
    return text is not None and (read_whole(text, TimeLine(None, Fraction(1000))) is not None or _is_plain(text))


def _is_plain(number: str) -> bool:
    return re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", number) is not None


def _counts_characters(named: dict[str, Node]) -> bool:
    """Whether start and end count the characters of a text that stands beside them."""
    start, end = named.get("start") or named.get("begin"), named.get("end")
    if start is None or end is None or not (isinstance(start.value, Number) and isinstance(end.value, Number)):
        return False
    if not (start.value.text.isdigit() and end.value.text.isdigit()):
        return False
    length = int(end.value.text) - int(start.value.text)
    return length > 0 and any(value.text is not None and len(value.text) == length for value in named.values())


def _moved_span(span: Span, by: int) -> Span:
    last = None if span.last is None else replace(span.last, start=span.last.start + by, stop=span.last.stop + by)
    return replace(span, first=replace(span.first, start=span.first.start + by, stop=span.first.stop + by), last=last)


def _moved_places(reading: Reading, by: int) -> Reading:
    return Reading(
        tuple(_moved_span(span, by) for span in reading.spans),
        tuple(replace(doubt, start=doubt.start + by, stop=doubt.stop + by) for doubt in reading.doubts),
        tuple(tuple(Unit(unit.start + by, unit.stop + by) for unit in units) for units in reading.lists),
        tuple(replace(mark, start=mark.start + by, stop=mark.stop + by) for mark in reading.beyond),
        reading.is_json,
    )
