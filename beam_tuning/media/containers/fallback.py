"""Objects that no reader of this package knows: told apart from web pages and text, then shown to libmediainfo.

The library is good at naming formats, not at durations: of the formats that reach it, it takes many from a bit rate,
the first frames or a header that a cut leaves as it was (a CAF file of 30 s came out as 0.184 s, an AU file of 30 s as
60 s). Its durations are believed only for containers where they agreed with a full demux, for whole and for cut files.
It gets the head and what it seeks, a few times. What it does not know either may still be MP3 behind other bytes.
"""

from __future__ import annotations

import codecs
import re

from beam_tuning.media.containers import mp3
from beam_tuning.media.containers.lengths import MAX_DURATION_S
from beam_tuning.media.containers.plan import HEAD_BYTES, Plan
from beam_tuning.media.containers.reading import read, read_with_libmediainfo
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, StreamInfo
from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, NativeStream, Segment

#: Seeks of the library that are followed.
_MAX_SEEKS = 3
#: libmediainfo's names of containers whose durations it gets right.
_BELIEVED_DURATIONS = frozenset({"MXF"})
#: And of MP3 whose first frames stand too late for the reader of it.
_FRAMES_BEHIND_OTHERS = "MPEG Audio"

_CODECS = {
    "AAC": "aac",
    "AC-3": "ac3",
    "ALAC": "alac",
    "AV1": "av1",
    "AVC": "h264",
    "DTS": "dts",
    "DV": "dvvideo",
    "E-AC-3": "eac3",
    "FLAC": "flac",
    "H.263": "h263",
    "HEVC": "hevc",
    "JPEG 2000": "jpeg2000",
    "MPEG-4 Visual": "mpeg4",
    "Monkey's Audio": "ape",
    "Opus": "opus",
    "ProRes": "prores",
    "TTA": "tta",
    "VC-1": "vc1",
    "VP8": "vp8",
    "VP9": "vp9",
    "VVC": "vvc",
    "Vorbis": "vorbis",
    "WavPack": "wavpack",
}
_KINDS = {"video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}

#: What often stands where media should: (how it begins, what it is).
_OTHER_THINGS = (
    (re.compile(rb"\s*<(!doctype html|html|head|body)", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"\s*<\?xml|\s*<[A-Za-z]+[ >]"), "an XML document"),
    (re.compile(rb"#EXTM3U"), "a playlist (HLS): it names media, it holds none"),
    (re.compile(rb"\s*[{\[]\s*[\"{\[\]}]"), "a JSON document"),
    (re.compile(rb"\x1f\x8b"), "gzip-compressed: store it decompressed"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"\x00+\Z"), "all zeros as far as was read"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def plan(head: bytes, size_bytes: int) -> Plan:
    """Names what the object is, without a duration unless its header holds one."""
    other = _not_media(head)
    if other is not None:
        late = None if any(head) else (yield from mp3.plan_behind_others(head, size_bytes))
        return late or ProbeFailure(FailureKind.UNREADABLE, f"The object is {other}.")
    segments = [Segment(0, head)]
    while True:
        may_seek = len(segments) <= _MAX_SEEKS
        reading = yield from read_with_libmediainfo(MediaInfoRequest(size_bytes, tuple(segments), may_seek))
        if isinstance(reading, ProbeFailure):
            return reading
        if reading.wanted is None or not may_seek:
            break
        (data,) = yield from read((reading.wanted, min(reading.wanted + HEAD_BYTES, size_bytes)))
        segments.append(Segment(reading.wanted, data))
    if reading.format is None or reading.format == _FRAMES_BEHIND_OTHERS:
        late = yield from mp3.plan_behind_others(head, size_bytes)
        if late is not None:
            return late
    return _media(reading)


def _not_media(head: bytes) -> str | None:
    for pattern, name in _OTHER_THINGS:
        if pattern.match(head):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # which does not mind a character cut off at the end
    except UnicodeDecodeError:
        return None
    return None if _BINARY.search(head) else "plain text"


def _media(reading: MediaInfoReading) -> MediaInfo | ProbeFailure:
    if reading.format is None:
        return ProbeFailure(FailureKind.UNREADABLE, "The bytes are of no media format that is known.")
    container = re.sub(r"[^a-z0-9]+", "_", reading.format.lower()).strip("_")
    streams = tuple(_stream(stream) for stream in reading.streams if stream.kind in _KINDS)
    if not streams:
        for stream in reading.streams:
            return MediaInfo(container, MediaKind.IMAGE, width_px=stream.width_px, height_px=stream.height_px)
        return ProbeFailure(
            FailureKind.UNREADABLE,
            f"No audio, video or picture was found in the bytes, which look like {reading.format}.",
        )
    has_video = any(stream.kind is MediaKind.VIDEO for stream in streams)
    duration_s, unknown, truncated = reading.duration_s, None, None
    if reading.is_truncated:
        duration_s, unknown, truncated = (
            None,
            "the object is cut off",
            f"libmediainfo finds the {container} file cut off",
        )
    elif reading.format not in _BELIEVED_DURATIONS or duration_s is None or duration_s > MAX_DURATION_S:
        duration_s, unknown = None, f"what libmediainfo says of {reading.format} is often an estimate"
    kind = MediaKind.VIDEO if has_video else MediaKind.AUDIO
    return MediaInfo(container, kind, streams, duration_s, unknown, truncated)


def _stream(stream: NativeStream) -> StreamInfo:
    codec = _CODECS.get(stream.format or "")
    if stream.format == "MPEG Audio":
        codec = {"Layer 1": "mp1", "Layer 2": "mp2", "Layer 3": "mp3"}.get(stream.profile or "")
    return StreamInfo(
        _KINDS[stream.kind],
        codec,
        width_px=stream.width_px,
        height_px=stream.height_px,
        fps=stream.fps if stream.kind == "video" else None,
        sample_rate_hz=stream.sample_rate_hz,
        channels=stream.channels,
    )
