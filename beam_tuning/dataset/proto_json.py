"""Values of protobuf's JSON mapping that tuning lines hold: durations and media resolutions.

Source: https://protobuf.dev/programming-guides/json/ (Duration: seconds with at most nine decimal places and an `s`).
"""

from __future__ import annotations

import functools
import re

from beam_tuning.dataset.api_schema import MEDIA_RESOLUTION_UNSPECIFIED, MEDIA_RESOLUTIONS, PART_MEDIA_RESOLUTIONS

_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s", re.ASCII)
#: Range of google.protobuf.Duration: about 10,000 years.
_LONGEST_DURATION_NS = 315_576_000_000 * 1_000_000_000
_LONGEST_TEXT = len("-315576000000.999999999s")


def _enum_values(names: tuple[str, ...]) -> dict[str | int, str | None]:
    """Names by JSON spelling: name or number. Unspecified, the value 0, is the same as absent."""
    spelled: dict[str | int, str | None] = {MEDIA_RESOLUTION_UNSPECIFIED: None, 0: None}
    for number, name in enumerate(names, 1):
        spelled[name] = spelled[number] = name
    return spelled


#: What `generationConfig.mediaResolution` and a part's `mediaResolution.level` may hold, and what it means.
MEDIA_RESOLUTION_VALUES = _enum_values(MEDIA_RESOLUTIONS)
PART_MEDIA_RESOLUTION_VALUES = _enum_values(PART_MEDIA_RESOLUTIONS)


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
