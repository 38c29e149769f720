"""Subtitles as WebVTT and SRT write them.

Sources: https://www.w3.org/TR/webvtt1/ (a cue: an identifier, `start --> end settings`, text; cues are set apart by
blank lines); SRT has no standard of its own and writes a number, `HH:MM:SS,mmm --> HH:MM:SS,mmm`, text.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from msgspec.structs import replace

from beam_tuning.times.reading import Doubt, Reading, Span, TimeLine, Unit
from beam_tuning.times.running_text import is_beyond, read_whole

_TIMING = re.compile(
    r"^[ \t]*(?P<times>(?:\d{1,3}:)?\d{1,2}:\d\d[.,]\d{3}[ \t]*-->[ \t]*(?:\d{1,3}:)?\d{1,2}:\d\d[.,]\d{3})"
    r"(?P<rest>[^\n]*)$",
    re.MULTILINE,
)
_NUMBER = re.compile(r"(?:^|\n)(?P<number>\d{1,6})[ \t]*\r?\n\Z")
_BLANK = re.compile(r"\n[ \t\r]*(?=\n)|\s*\Z")
#: Times inside a cue's text, `<00:01.000>`: when a word is sung.
_INNER = re.compile(r"<\d\d:[\d:.]{5,12}>")


def read_cues(text: str, time_line: TimeLine) -> Reading | None:
    """The cues of a text; None when it holds none."""
    timings = list(_TIMING.finditer(text))
    if not timings:
        return None
    spans, doubts, units, beyond = [], [], [], []
    numbers_begin = 0
    # Each cue is looked at up to the next one only: a text may hold thousands without a blank line between them.
    nexts = [timing.start() for timing in timings[1:]] + [len(text)]
    blanks = [blank.start() for blank in _BLANK.finditer(text)]
    for timing, next_start in zip(timings, nexts, strict=True):
        span = _span(timing, time_line)
        if span is None or span.last is None or span.last.time_ns < span.first.time_ns:
            doubts.append(Doubt(timing.start("times"), timing.end("times"), "ends before it begins"))
            continue
        # A cue that was found faulty is no unit, so that the lines before this one may be anything.
        head = text[numbers_begin : timing.start()]
        number = _NUMBER.search(head)
        start = timing.start() if number is None else numbers_begin + number.start("number")
        following = bisect_left(blanks, timing.end())
        stop = blanks[following] if following < len(blanks) else len(text)
        late = [mark for mark in span.marks if is_beyond(mark, time_line)]
        if late:
            beyond += late
            doubts.append(Doubt(span.first.start, span.last.stop, "lies after the end of the media"))
        else:
            spans.append(span)
        if inner := _INNER.search(text, timing.end(), min(stop, next_start)):
            doubts.append(Doubt(inner.start(), inner.end(), "is a time inside a cue"))
        place = None if number is None else (start, numbers_begin + number.end("number"))
        units.append(Unit(start, stop, place))
        numbers_begin = stop
    return Reading(tuple(spans), tuple(doubts), (tuple(units),), tuple(beyond))


def _span(timing: re.Match[str], time_line: TimeLine) -> Span | None:
    span = read_whole(timing["times"], time_line)
    if span is None:
        return None
    shift = timing.start("times")
    return shifted_places(span, shift)


def shifted_places(span: Span, by: int) -> Span:
    """The span in a text that stands `by` characters further on in a larger one."""
    marks = [replace(mark, start=mark.start + by, stop=mark.stop + by) for mark in span.marks]
    return replace(span, first=marks[0], last=marks[1] if len(marks) > 1 else None)
