"""PDF: told from media, and its pages counted.

The whole document is read, for the page tree may stand anywhere in it; a child process counts (`page_count.py`). A
document above the size that the tuning service takes is not read: it is too large, however many pages it has.

Specification: ISO 32000-2, section 7.5.2 (the header is the first line).
"""

from __future__ import annotations

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import count_pages, read
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: The service takes 20 MB (https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/document).
_MAX_READ_BYTES = 20 << 20


def matches(head: bytes) -> bool:
    start = head[:64].removeprefix(_BYTE_ORDER_MARK).lstrip()
    return start[:5] == b"%PDF-" and start[5:6].isdigit()


def plan(head: bytes, size_bytes: int) -> Plan:
    if size_bytes > _MAX_READ_BYTES:
        unknown = f"the document has {size_bytes} bytes; pages are counted up to {_MAX_READ_BYTES}"
        return MediaInfo("pdf", MediaKind.DOCUMENT, pages_unknown=unknown)
    document = head
    if len(head) < size_bytes:
        (rest,) = yield from read((len(head), size_bytes))
        document += rest
    counted = yield from count_pages(document)
    if isinstance(counted, ProbeFailure):
        if counted.transient:
            return counted
        return MediaInfo("pdf", MediaKind.DOCUMENT, pages_unknown=counted.message)
    return MediaInfo("pdf", MediaKind.DOCUMENT, pages=counted.pages, pages_unknown=counted.unknown)
