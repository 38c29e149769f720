"""Container families: from an object's first bytes to the plan that reads it.

Each module reads one family and has `matches(head) -> bool` and `plan(head, size_bytes) -> Plan` (see `plan.py`).
Names and declared MIME types are never asked: only bytes.
"""

from __future__ import annotations

from typing import Protocol

from beam_tuning.media.containers import (
    ac3,
    adts,
    aiff,
    asf,
    avi,
    fallback,
    flac,
    flv,
    id3,
    iso_bmff,
    loas,
    matroska,
    mp3,
    mpeg_ps,
    mpeg_ts,
    mpeg_video,
    ogg,
    pdf,
    stills,
    wav,
)
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.plausible import without_absurd_lengths


class ContainerReader(Protocol):
    """What a module of this package offers."""

    def matches(self, head: bytes) -> bool:
        """Whether the object starts as this family does. Raises nothing, whatever the bytes."""
        ...

    def plan(self, head: bytes, size_bytes: int) -> Plan:
        """How to read an object whose head matches."""
        ...


#: Long magic numbers first; the short sync words of elementary streams, which any bytes may hold, last.
_READERS: tuple[ContainerReader, ...] = (
    iso_bmff,
    matroska,
    wav,
    avi,
    asf,
    ogg,
    flac,
    aiff,
    flv,
    stills,
    pdf,
    id3,
    mpeg_ps,
    mpeg_video,
    mpeg_ts,
    ac3,
    adts,
    loas,
    mp3,
)


def plan_for(head: bytes, size_bytes: int) -> Plan:
    """The plan of the first reader that knows the head; the native fallback when none does.

    Args:
      head: bytes [0, len(head)) of the object, at least one.
      size_bytes: the whole object's size.
    """
    reader = next((reader for reader in _READERS if reader.matches(head)), fallback)
    media = yield from reader.plan(head, size_bytes)
    return without_absurd_lengths(media, size_bytes)
