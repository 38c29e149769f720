"""What a plan asks of native libraries, which run in child processes (`native_reads.py`), and what they answer."""

from __future__ import annotations

import msgspec


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """Bytes of the object from `start` on."""

    start: int
    data: bytes


class MediaInfoRequest(msgspec.Struct, frozen=True, array_like=True):
    """Have libmediainfo read what is held of an object; `may_seek` says whether more of it can be had."""

    size_bytes: int
    segments: tuple[Segment, ...]
    may_seek: bool


class NativeStream(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stream as libmediainfo sees it: `kind` is "video", "audio" or "image", `format` a name of its own."""

    kind: str
    format: str | None = None
    profile: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    fps: float | None = None


class MediaInfoReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What libmediainfo made of the bytes.

    Attributes:
      format: the container's name of its own; None when nothing was recognised.
      duration_s: as the library says; for many formats an estimate.
      is_truncated: whether the library finds the object cut off; it looks in few formats.
      wanted: the byte that it sought and that is not at hand; then all else is absent.
    """

    format: str | None = None
    duration_s: float | None = None
    is_truncated: bool = False
    streams: tuple[NativeStream, ...] = ()
    wanted: int | None = None


class PageCountRequest(msgspec.Struct, frozen=True, array_like=True):
    """Have the pages of a PDF document counted; `data` is all of it."""

    data: bytes


class PageCountReading(msgspec.Struct, frozen=True, array_like=True):
    """The pages of a document; None when they cannot be told, and then `unknown` says why."""

    pages: int | None
    unknown: str | None = None
