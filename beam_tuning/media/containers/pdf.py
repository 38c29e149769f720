"""PDF: only told from media; nothing of it is read.

Specification: ISO 32000-2, section 7.5.2 (the header is the first line).
"""

from __future__ import annotations

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.info import MediaInfo, MediaKind

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def matches(head: bytes) -> bool:
    start = head[:64].removeprefix(_BYTE_ORDER_MARK).lstrip()
    return start[:5] == b"%PDF-" and start[5:6].isdigit()


def plan(head: bytes, size_bytes: int) -> Plan:
    yield from ()
    return MediaInfo("pdf", MediaKind.DOCUMENT)
