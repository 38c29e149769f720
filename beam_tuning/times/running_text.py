"""Times in running text: `0:12`, `[00:12 - 00:15]`, `(at 1:02:03.5)`, `1m20s`, `from 12.5s to 14s`, lists of events.

A clock-like text is one of three things: certainly a time of the media, certainly something else (`3:2`, a verse, 10:30
a.m., a score), or in doubt. One certain time makes its doubtful neighbours certain, but none that something else speaks
against.
"""

from __future__ import annotations

import enum
import re
from fractions import Fraction
from typing import NamedTuple

from beam_tuning.times.forms import SECOND_NS, Clock, Count, Form, Timecode, Units
from beam_tuning.times.reading import Doubt, Mark, Reading, Span, TimeLine, Unit
from beam_tuning.times.signs import (
    AFTER_CHARS,
    BEFORE_CHARS,
    begins_line,
    follows_preposition,
    is_called_moment,
    is_of_the_day,
    is_something_else,
)

_TIME = re.compile(
    r"""(?<![\w])(?:
      (?<!\d:)(?P<timecode>(?P<th>\d{1,2}):(?P<tm>[0-5]\d):(?P<ts>[0-5]\d)(?P<sep>[:;])(?P<tf>\d\d))(?!\w|[:;]\d)
    | (?P<clock>(?:(?P<h>\d{1,3}):(?P<m3>[0-5]\d)|(?P<m2>\d{1,3})):(?P<s>[0-5]\d)
        (?:(?P<mark>\.)(?P<f>\d{1,9})|(?P<comma>,)(?P<f3>\d{3})(?!\d))?)(?!\w|:\d|[.,]\d)
    | (?P<units>(?:(?P<uh>\d{1,2})(?P<hw>h|hr|hrs)(?P<hs>[ ]?))?(?:(?P<um>\d{1,3})(?P<mw>m|min|mins)(?P<ms>[ ]?))?
        (?P<us>\d{1,5})(?:\.(?P<uf>\d{1,9}))?(?P<sw>[ ]?(?:s|sec|secs)|[ -]seconds?))(?![\w'’])
    )""",
    re.VERBOSE,
)
_BETWEEN = re.compile(r"\s{0,3}(?:-->|->|→|-|–|—|~)\s{0,3}|\s(?P<word>to|until|till|and|through)\s", re.IGNORECASE)
_ARROW = re.compile(r"\s*(?:-->|->|→)")
#: Times that no form here can write back, or that do not say from where they count.
_LOOSE = re.compile(
    r"""(?<![\w:.])(?:
      \d{1,5}(?:\.\d+)?[ ]?(?:-|–|—|to)[ ]?(?=\d{1,5}(?:\.\d+)?[ ]?(?:s|secs?|seconds?|m|mins?|minutes?)\b)
    | (?:at|after|around|until|from|since)[ ](?:the[ ]|about[ ]|around[ ])?
        (?:\d{1,4}(?:\.\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty|fifty)
        [ -](?:minutes?|mins?|hours?)\b
    | \d{1,4}(?:\.\d+)?[ -](?:minutes?|mins?|hours?|seconds?|secs?)[ ](?:in\b|into\b|mark\b)
    | (?:minute|second|frame)s?[ ]\d{1,6}\b
    | (?:halfway|midway)[ ]through[ ]the[ ](?:video|clip|recording|audio|film)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SHORT_END = re.compile(r"\s?[-–—]\s?\d{1,2}(?![\d:.])")
_OPENING, _CLOSING = "[(<", "])>"
_BRACKETED_BEFORE = re.compile(
    r"(?P<open>[\[(<])\s?(?P<at>(?:at|from|t\s?=|time:?|around|timestamp:?)\s?)?\Z", re.IGNORECASE
)
_DECADE = re.compile(r"(?:\b(?:the|his|her|their|my|our|early|late|mid|in)[ -])\Z", re.IGNORECASE)


class _Trust(enum.Enum):
    CERTAIN = enum.auto()
    #: Certain as soon as another time of the text is.
    WEAK = enum.auto()
    DOUBTFUL = enum.auto()
    NONE = enum.auto()


class _Found(NamedTuple):
    span: Span
    trust: _Trust
    begins_line: bool
    is_loose_end: bool


def read_running_text(text: str, time_line: TimeLine, *, expects_times: bool = False) -> Reading:
    """The times of a text.

    Args:
      expects_times: whether the prompt says that there are some.
    """
    found = [one for one in _candidates(text, time_line) if one.trust is not _Trust.NONE]
    is_anchored = expects_times or any(one.trust is _Trust.CERTAIN for one in found)
    spans: list[Span] = []
    doubts: list[Doubt] = []
    beyond: list[Mark] = []
    starts_of_units: list[int] = []
    for one in found:
        start, stop = one.span.first.start, one.span.marks[-1].stop
        certain = one.trust is _Trust.CERTAIN or (one.trust is _Trust.WEAK and is_anchored)
        late = [mark for mark in one.span.marks if is_beyond(mark, time_line)]
        if certain and late:
            beyond += late
            doubts.append(Doubt(start, stop, "lies after the end of the media"))
        elif certain and one.is_loose_end:
            doubts.append(Doubt(start, stop, "is followed by what may be its end"))
        elif certain and one.span.end_ns < one.span.first.time_ns:
            doubts.append(Doubt(start, stop, "ends before it begins"))
        elif certain:
            spans.append(one.span)
            if one.begins_line:
                starts_of_units.append(start)
        else:
            doubts.append(Doubt(start, stop, "may be a time of the media or something else"))
    taken = [(one.span.first.start, one.span.marks[-1].stop) for one in found]
    doubts += [
        Doubt(match.start(), match.end(), "may say a time of the media")
        for match in _LOOSE.finditer(text)
        if not any(start < match.end() and match.start() < stop for start, stop in taken)
    ]
    doubts.sort(key=lambda doubt: doubt.start)
    return Reading(tuple(spans), tuple(doubts), _units(text, starts_of_units), tuple(beyond))


def read_whole(text: str, time_line: TimeLine) -> Span | None:
    """The moment or interval that the whole text is; None when it is something else."""
    start = len(text) - len(text.lstrip(" [("))
    match = _TIME.match(text, start)
    if match is None:
        return None
    first = _mark(match, time_line)
    if first is None:
        return None
    last = None
    between = _BETWEEN.match(text, first.stop)
    stop = first.stop
    if between and (match := _TIME.match(text, between.end())):
        last = _mark(match, time_line)
        stop = between.end() if last is None else last.stop
    return Span(first, last) if text[stop:].strip(" ])") == "" else None


def is_beyond(mark: Mark, time_line: TimeLine) -> bool:
    """Whether the time lies after the end of the media, by more than the form rounds and readers of files differ."""
    if time_line.duration_ns is None:
        return False
    return mark.time_ns > time_line.duration_ns + max(int(mark.form.unit_ns), SECOND_NS)


def _candidates(text: str, time_line: TimeLine) -> list[_Found]:
    found: list[_Found] = []
    position = 0
    while match := _TIME.search(text, position):
        position = match.end()
        first = _mark(match, time_line)
        if first is None:
            if match["timecode"]:
                found.append(_doubtful_timecode(match))
            continue
        last = None
        between = _BETWEEN.match(text, match.end())
        if between and (second := _TIME.match(text, between.end())):
            word = (between["word"] or "").lower()
            if word != "and" or re.search(r"\bbetween\s\Z", text[max(0, match.start() - 10) : match.start()], re.I):
                last = _mark(second, time_line)
                position = second.end() if last is not None else position
        found.append(_judged(text, match, Span(first, last), time_line))
    return found


def _doubtful_timecode(match: re.Match[str]) -> _Found:
    mark = Mark(match.start(), match.end(), 0, Clock(3, 2))
    return _Found(Span(mark), _Trust.DOUBTFUL, begins_line=False, is_loose_end=False)


def _judged(text: str, match: re.Match[str], span: Span, time_line: TimeLine) -> _Found:
    start, stop = span.first.start, span.marks[-1].stop
    before, after = text[max(0, start - BEFORE_CHARS) : start], text[stop : stop + AFTER_CHARS]
    first_after = text[span.first.stop : span.first.stop + AFTER_CHARS]
    line_start = begins_line(before.rstrip("[(<").rstrip("*_`") if before[-1:] in _OPENING else before)
    if match["units"]:
        trust = _trust_of_units(match, span, before, after, line_start)
    elif is_something_else(before, after) or (span.last is not None and is_something_else(before, first_after)):
        trust = _Trust.NONE
    else:
        trust = _trust_of_clock(match, span, before, after, line_start, time_line)
    is_loose_end = span.last is None and not match["units"] and _SHORT_END.match(after) is not None
    return _Found(span, trust, line_start, is_loose_end)


def _trust_of_clock(
    match: re.Match[str], span: Span, before: str, after: str, line_start: bool, time_line: TimeLine
) -> _Trust:
    text_between = match.string[span.first.stop : span.last.start] if span.last else ""
    if _ARROW.match(text_between) or match["timecode"] or is_called_moment(before, after):
        return _Trust.CERTAIN
    if is_of_the_day(before, after):
        return _Trust.DOUBTFUL
    bracket = _BRACKETED_BEFORE.search(before)
    fits = time_line.duration_ns is not None and not any(is_beyond(mark, time_line) for mark in span.marks)
    if bracket and after[:1] in _CLOSING and (bracket["open"] == "[" or bracket["at"] or fits):
        return _Trust.CERTAIN
    lead = int(match["h"] or match["m2"])
    if lead == 0 or (line_start and fits):
        return _Trust.CERTAIN
    if match["m2"] and lead > 23 and follows_preposition(before):
        return _Trust.CERTAIN
    if line_start or bracket or span.last is not None or follows_preposition(before) or match["h"]:
        return _Trust.WEAK
    return _Trust.DOUBTFUL


def _trust_of_units(match: re.Match[str], span: Span, before: str, after: str, line_start: bool) -> _Trust:
    """`12.5s` may be a moment, a length (for 12.5s), a decade (the 80s) or a name."""
    plain = not (match["uh"] or match["um"] or match["uf"])
    if plain and match["us"].endswith("0") and match["sw"] == "s" and (_DECADE.search(before) or len(match["us"]) == 4):
        return _Trust.NONE
    if is_something_else(before, after):
        return _Trust.NONE
    bracket = _BRACKETED_BEFORE.search(before)
    closed = after[:1] in _CLOSING or re.match(r"\s?(?:[-–—:|]|\Z)", after) is not None
    if bracket and after[:1] in _CLOSING and (bracket["open"] == "[" or bracket["at"] or span.last):
        return _Trust.CERTAIN
    if is_called_moment(before, after):
        return _Trust.CERTAIN
    if re.search(r"\b(?:at|@|from|between|until)\s\Z", before, re.IGNORECASE):
        return _Trust.CERTAIN
    if line_start and closed:
        return _Trust.CERTAIN if span.last is not None or match["um"] or match["uf"] else _Trust.WEAK
    if span.last is not None:
        return _Trust.WEAK
    return _Trust.DOUBTFUL


def _mark(match: re.Match[str], time_line: TimeLine) -> Mark | None:
    """None for a timecode whose frame rate is not known or does not count so many frames."""
    form: Form
    if match["timecode"]:
        rate = time_line.frame_rate
        if rate is None or match["sep"] == ";":
            return None
        timecode = Timecode(len(match["th"]), rate.numerator, rate.denominator)
        if int(match["tf"]) >= timecode.frames_a_second:
            return None
        seconds = (int(match["th"]) * 60 + int(match["tm"])) * 60 + int(match["ts"])
        frames = seconds * timecode.frames_a_second + int(match["tf"])
        return Mark(match.start(), match.end(), timecode.time_ns(frames), timecode)
    if match["clock"]:
        fraction = match["f"] or match["f3"] or ""
        hours, minutes = (match["h"], match["m3"]) if match["h"] else ("0", match["m2"])
        seconds = (int(hours) * 60 + int(minutes)) * 60 + int(match["s"])
        lead = match["h"] or match["m2"]
        form = Clock(3 if match["h"] else 2, len(lead), len(fraction), "," if match["comma"] else ".")
    else:
        fraction = match["uf"] or ""
        seconds = (int(match["uh"] or 0) * 60 + int(match["um"] or 0)) * 60 + int(match["us"])
        form = Units(
            (match["hw"] or "") + (match["hs"] or ""),
            (match["mw"] or "") + (match["ms"] or ""),
            match["sw"],
            len(fraction),
            2 if match["us"].startswith("0") and len(match["us"]) == 2 else 1,
        )
    time_ns = seconds * SECOND_NS + int(Fraction(int(fraction or 0) * SECOND_NS, 10 ** len(fraction)))
    return Mark(match.start(), match.end(), time_ns, form)


def count_mark(text: str, start: int, stop: int, of_ns: int) -> Mark:
    """A plain number as a time; `of_ns` is what 1 stands for."""
    _, _, fraction = text[start:stop].partition(".")
    return Mark(start, stop, round(Fraction(text[start:stop]) * of_ns), Count(len(fraction), of_ns))


def _units(text: str, starts: list[int]) -> tuple[tuple[Unit, ...], ...]:
    """Lines that begin with a time, each with the lines that follow it up to the next."""
    if not starts:
        return ()
    begins = [text.rfind("\n", 0, start) + 1 for start in starts]
    ends = [begin - 1 for begin in begins[1:]] + [len(text)]
    units = []
    for begin, end in zip(begins, ends, strict=True):
        blank = len(text[begin:end]) - len(text[begin:end].rstrip())
        units.append(Unit(begin, end - blank))
    return (tuple(units),)
