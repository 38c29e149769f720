"""Times that lie after the end of the media: a quick way to find whether an answer names one.

Reading all times of a text takes some 100 us for each. So numbers are looked at first: only where one would lie after
the end, if it were a time, are times read at all, and of running text no more than what stands around the first such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from beam_tuning.times.cues import read_cues
from beam_tuning.times.forms import SECOND_NS
from beam_tuning.times.json_fields import read_json
from beam_tuning.times.reading import Mark, Reading, TimeLine
from beam_tuning.times.running_text import read_running_text

#: Of a longer answer nothing is said.
MAX_CHARS = 100_000
#: Of running text so much is read before and after the first number in question.
_BEFORE_CHARS, _AFTER_CHARS = 400, 600
_NUMBER = re.compile(
    r"(?:(?P<hours>\d{1,3}):)?(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d)"
    r"|(?P<count>\d{1,12})(?:\.\d+)?(?P<unit>[ -]?[hms])?"
)
_JSON_STARTS = ("{", "[", "```")
_CUE = "-->"
_UNITS_S = {"h": 3600, "m": 60, "s": 1}
#: `1h2m3s` has at most three parts, so that the largest is a third of it or more.
_PARTS = 3


def late_time(text: str, end_ns: int, *, expects_times: bool = False) -> tuple[str, int] | None:
    """A certain time after the end, the latest of those read: (as it is written, nanoseconds); None without one.

    Args:
      end_ns: of the media, counted from the start that the times count from.
      expects_times: as for `recognise.read_times`.
    """
    if len(text) > MAX_CHARS:
        return None
    is_json = text.lstrip().startswith(_JSON_STARTS)
    first = next(_late_numbers(text, end_ns / SECOND_NS, plain=is_json), None)
    if first is None:
        return None
    time_line = TimeLine(end_ns)
    reading: Reading | None = None
    if is_json:
        reading = read_json(text, time_line, expects_times=expects_times)
    if reading is None and _CUE in text:
        reading = read_cues(text, time_line)
    if reading is None:
        text = _around(text, first)
        reading = read_running_text(text, time_line, expects_times=expects_times)
    latest: Mark | None = max(reading.beyond, key=lambda mark: mark.time_ns, default=None)
    return None if latest is None else (text[latest.start : latest.stop], latest.time_ns)


def _late_numbers(text: str, end_s: float, *, plain: bool) -> Iterator[int]:
    """Where numbers stand that lie after the end as clocks, with a unit, or `plain` as seconds."""
    for match in _NUMBER.finditer(text):
        hours, minutes, seconds, count, unit = match.groups()
        if seconds is not None:
            at_s = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
        elif unit is not None:
            at_s = int(count) * _UNITS_S[unit[-1]] * _PARTS
        elif plain:
            at_s = int(count)
        else:
            continue
        # A fraction of a second that was left off does not matter: within a second of the end no time is late.
        if at_s > end_s:
            yield match.start()


def _around(text: str, place: int) -> str:
    """What stands around a place, cut between words; what is cut off is no beginning of a line."""
    start, stop = place - _BEFORE_CHARS, place + _AFTER_CHARS
    if start > 0:
        return "… " + text[start:stop].partition(" ")[2]
    return text[:stop]
