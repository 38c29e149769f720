"""Values of protobuf's JSON mapping that tuning lines hold: durations and media resolutions.

Source: https://protobuf.dev/programming-guides/json/ (Duration: seconds with at most nine decimal places and an `s`).
"""

from __future__ import annotations

import functools
import re

_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s", re.ASCII)
#: Range of google.protobuf.Duration: about 10,000 years.
_LONGEST_DURATION_NS = 315_576_000_000 * 1_000_000_000
_LONGEST_TEXT = len("-315576000000.999999999s")

#: Media resolutions of an example as a whole, the lowest first.
LOW, MEDIUM, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"
LEVELS = (LOW, MEDIUM, HIGH)
#: A part's own level knows one more.
ULTRA_HIGH = "MEDIA_RESOLUTION_ULTRA_HIGH"
PART_LEVELS = (*LEVELS, ULTRA_HIGH)
#: How an absent media resolution is named in counts and tables.
ABSENT = "absent"


def _enum_values(levels: tuple[str, ...]) -> dict[str | int, str | None]:
    """Values of an enum by JSON spelling: name or number. Unspecified is the same as absent."""
    values: dict[str | int, str | None] = {"MEDIA_RESOLUTION_UNSPECIFIED": None, 0: None}
    for number, name in enumerate(levels, 1):
        values[name] = values[number] = name
    return values


MEDIA_RESOLUTIONS = _enum_values(LEVELS)
PART_MEDIA_RESOLUTIONS = _enum_values(PART_LEVELS)


def duration_ns(text: str) -> int | None:
    """Nanoseconds of a duration such as `3.5s`; None when it is none."""
    return _duration_ns(text) if len(text) <= _LONGEST_TEXT else None


@functools.lru_cache(maxsize=4096)
def _duration_ns(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    sign, seconds, fraction = match.groups()
    nanoseconds = int(seconds) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
    if nanoseconds > _LONGEST_DURATION_NS:
        return None
    return -nanoseconds if sign else nanoseconds
