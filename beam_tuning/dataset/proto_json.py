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

_LEVELS = (None, "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH")
#: Values of the enums by JSON spelling: name or number. Unspecified is the same as absent.
MEDIA_RESOLUTIONS: dict[str | int, str | None] = {
    "MEDIA_RESOLUTION_UNSPECIFIED": None,
    **{name: name for name in _LEVELS if name},
    **dict(enumerate(_LEVELS)),
}
#: A part's own level knows one more.
PART_MEDIA_RESOLUTIONS: dict[str | int, str | None] = {
    **MEDIA_RESOLUTIONS,
    "MEDIA_RESOLUTION_ULTRA_HIGH": "MEDIA_RESOLUTION_ULTRA_HIGH",
    4: "MEDIA_RESOLUTION_ULTRA_HIGH",
}


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
