"""What a media object is: the records that a probe returns. Frozen, units in the names, absent is None."""

from __future__ import annotations

import enum

import msgspec


class MediaKind(enum.StrEnum):
    """The kind of a media object, of a MIME type or of a stream."""

    AUDIO = "audio"
    VIDEO = "video"
    IMAGE = "image"
    DOCUMENT = "document"


class FailureKind(enum.StrEnum):
    """Why a probe has no answer."""

    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    UNSUPPORTED_URI = "unsupported_uri"
    ADDRESS_BLOCKED = "address_blocked"
    TIMED_OUT = "timed_out"
    SERVER_ERROR = "server_error"
    SERVER_BUSY = "server_busy"
    CHANGED = "changed"
    WORK_CAP = "work_cap"
    CRASHED = "crashed"


class ObjectInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a store says of one object.

    Attributes:
      size_bytes: the whole object's size; None when the store does not say.
      generation: the Cloud Storage generation, as a decimal string.
      etag: the store's entity tag, quotes included.
      crc32c, md5: base64, as Cloud Storage gives them.
      content_type: the MIME type the store declares.
    """

    size_bytes: int | None = None
    generation: str | None = None
    etag: str | None = None
    crc32c: str | None = None
    md5: str | None = None
    content_type: str | None = None


class StreamInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """One audio or video stream.

    Attributes:
      kind: audio or video (cover art is no video stream).
      codec: short lower-case name as FFmpeg spells it, e.g. `h264`, `aac`, `opus`, `pcm_s16le`; None when unknown.
      duration_s: None when the container does not say it for this stream.
      width_px, height_px: coded size, before rotation.
      rotation_deg: clockwise, one of 0, 90, 180, 270.
      fps: average frames a second; None when the header does not say.
    """

    kind: MediaKind
    codec: str | None = None
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    rotation_deg: int = 0
    fps: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None


class MediaInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag="media"):
    """What the bytes are.

    Attributes:
      container: short name, e.g. `mp4`, `matroska`, `wav`, `mp3`, `png`, `pdf`.
      kind: VIDEO when there is a video stream, else AUDIO; IMAGE and DOCUMENT by magic.
      streams: audio and video streams in file order.
      duration_s: presentation length of the longest stream; None when it is not known, and then
        `duration_unknown` says why.
      truncated: None when the object is whole; else a sentence with the declared and the present number of bytes.
      tail_cut: None, or a sentence that says how many bytes the object lacks, when at most its last frame, packet, page
        or what follows the media is incomplete: a recording that was stopped, or a box that claims too much. Every
        decoder takes such a file, so it is not `truncated`.
      width_px, height_px: for images.
      pages: of a document; None when not known, and then `pages_unknown` says why.
    """

    container: str
    kind: MediaKind
    streams: tuple[StreamInfo, ...] = ()
    duration_s: float | None = None
    duration_unknown: str | None = None
    truncated: str | None = None
    tail_cut: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    pages: int | None = None
    pages_unknown: str | None = None


class ProbeFailure(msgspec.Struct, frozen=True, omit_defaults=True, tag="failure"):
    """Why there is no `MediaInfo`.

    Attributes:
      message: what was seen, as a sentence for a person.
      transient: whether a later run may succeed; transient failures make an example undecided and are not cached.
    """

    kind: FailureKind
    message: str
    transient: bool = False


class ProbeCost(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a probe took: requests sent, body bytes received, dependent rounds, retries, wall milliseconds."""

    requests: int = 0
    received_bytes: int = 0
    rounds: int = 0
    retries: int = 0
    latency_ms: int = 0


class ProbeResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is known of one distinct media object.

    Attributes:
      uri: as the dataset spells it.
      object: what the store says; None when the store did not answer.
      media: what the bytes are, or why that is not known.
      cached: whether the answer came from an earlier run.
    """

    uri: str
    media: MediaInfo | ProbeFailure
    object: ObjectInfo | None = None
    cost: ProbeCost = ProbeCost()
    cached: bool = False
