"""What a length can be, and what may lack at the end of a file that is not cut off.

Recorders are stopped inside a frame. Every decoder takes such a file and leaves that frame out. So a file is cut off
only where more is missing than that: more than its last frame, packet or page, or than a tenth of a second of what its
header declares.
"""

from __future__ import annotations

#: Less than this lacking is no cut.
TAIL_S = 0.1
#: Longer than this (eleven days) is a damaged number, not a length: 100 MB, the largest object that tuning takes, would
#: have 800 bit/s.
MAX_DURATION_S = 1e6


def lacks(what: str, missing_bytes: int) -> str:
    """The `tail_cut` sentence."""
    count = "its last byte" if missing_bytes == 1 else f"its last {missing_bytes} bytes"
    return f"{what} lacks {count}"


def known(duration_s: float | None, unknown: str) -> tuple[float | None, str | None]:
    """(`duration_s`, None), or (None, why): `unknown` where there is none, else that it cannot be.

    Args:
      duration_s: what was found; None or 0 for nothing.
    """
    if not duration_s:
        return None, unknown
    if duration_s > MAX_DURATION_S:
        return None, "its numbers give a length that is out of reason"
    return duration_s, None
