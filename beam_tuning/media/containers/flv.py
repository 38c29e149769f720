"""FLV: Flash Video.

Asks for the end of the object: the timestamps of the last tags, less those of the first, are the length. The duration
that the metadata tag gives is not believed; tools that cut or join files leave it as it was.

Specifications: Adobe, "Video File Format Specification", version 10.1, annex E; https://veovera.org/docs/enhanced
(codecs by FourCC).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

from beam_tuning.media.containers.lengths import MAX_DURATION_S, TAIL_S, known, lacks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, Window, cut_at, damaged, read, u16be, u24be, u32be
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_TAG_HEADER_BYTES = 11
#: Behind each tag.
_TAG_SIZE_BYTES = 4
_TAIL_BYTES = 64 * 1024
#: Video at a high bit rate has frames of more than a short tail.
_LONG_TAIL_BYTES = 2 << 20
_MAX_METADATA_BYTES = 4 << 20
_MAX_NESTING = 4
_VIDEO_CODECS = {2: "flv1", 3: "flashsv", 4: "vp6f", 5: "vp6a", 6: "flashsv2", 7: "h264", 12: "hevc"}
_AUDIO_CODECS = {
    0: "pcm_s16le", 1: "adpcm_swf", 2: "mp3", 3: "pcm_s16le", 4: "nellymoser", 5: "nellymoser", 6: "nellymoser",
    7: "pcm_alaw", 8: "pcm_mulaw", 10: "aac", 11: "speex", 14: "mp3",
}  # fmt: skip
_FOURCC_CODECS = {
    b"avc1": "h264", b"hvc1": "hevc", b"vvc1": "vvc", b"vp08": "vp8", b"vp09": "vp9", b"av01": "av1",
    b"ac-3": "ac3", b"ec-3": "eac3", b"Opus": "opus", b".mp3": "mp3", b"fLaC": "flac", b"mp4a": "aac",
}  # fmt: skip
_MAX_TAGS = 4096
_MAX_STEP_MS = 2000
#: What a duration in the metadata may be longer than the tags say: it counts the last frame, or starts at 0.
_NEAR_S = 1.0
_MAX_WHOLE_NUMBER = 1e15
_TAG_START = re.compile(rb"[\x08\x09\x12]")
_Metadata = dict[str, float | bool | str]
_SAMPLE_RATES_HZ = (5512, 11025, 22050, 44100)


def matches(head: bytes) -> bool:
    # Only two of the flags exist.
    return head[:4] == b"FLV\x01" and len(head) >= 9 and not head[4] & 0xFA and u32be(head, 5) >= 9


class _Tag(NamedTuple):
    """One tag; `time_ms` is None for a tag without a time of its own: metadata, and a codec's configuration."""

    kind: int
    start: int
    end: int
    time_ms: int | None
    opening: bytes


def _parse_tag(header: bytes, start: int) -> _Tag | None:
    if len(header) < _TAG_HEADER_BYTES or header[0] & 0x1F not in (_AUDIO, _VIDEO, _SCRIPT) or header[8:11] != bytes(3):
        return None
    kind, opening = header[0] & 0x1F, header[_TAG_HEADER_BYTES:]
    time_ms: int | None = header[7] << 24 | u24be(header, 4)
    if kind == _SCRIPT or _is_configuration(kind, opening):
        time_ms = None
    return _Tag(kind, start, start + _TAG_HEADER_BYTES + u24be(header, 1), time_ms, opening)


def _is_configuration(kind: int, opening: bytes) -> bool:
    if len(opening) < 2:
        return False
    if kind == _VIDEO:
        # With the upper bit the packet type stands in the lower half of the first byte.
        return opening[0] & 15 == 0 if opening[0] & 0x80 else opening[0] & 15 in (7, 12) and opening[1] == 0
    return opening[0] & 15 == 0 if opening[0] >> 4 == 9 else opening[0] >> 4 == 10 and opening[1] == 0


class _Timeline:
    """The times of the audio and video tags seen."""

    def __init__(self) -> None:
        self.first: dict[int, _Tag] = {}
        self._start_ms: int | None = None
        self._last_ms: dict[int, int] = {}
        self._step_ms: dict[int, int] = {}

    def add(self, tag: _Tag) -> None:
        if tag.kind == _SCRIPT:
            return
        self.first.setdefault(tag.kind, tag)
        if tag.time_ms is None:
            return
        if self._start_ms is None or tag.time_ms < self._start_ms:
            self._start_ms = tag.time_ms
        last_ms = self._last_ms.get(tag.kind, tag.time_ms)
        if 0 < tag.time_ms - last_ms < _MAX_STEP_MS:
            self._step_ms[tag.kind] = tag.time_ms - last_ms
        self._last_ms[tag.kind] = max(last_ms, tag.time_ms)

    @property
    def timed(self) -> Collection[int]:
        """Kinds of which a tag with a time was seen."""
        return self._last_ms.keys()

    @property
    def start_s(self) -> float:
        return (self._start_ms or 0) / 1000

    def seconds(self) -> float | None:
        """From the first tag's time to the end of the last, which lasts as long as the one before it."""
        ends_ms = [last_ms + self._step_ms.get(kind, 0) for kind, last_ms in self._last_ms.items()]
        return max(ends_ms) / 1000 - self.start_s if ends_ms else None


def plan(head: bytes, size_bytes: int) -> Plan:
    window, timeline = Window(head, size_bytes), _Timeline()
    metadata, end = yield from _read_head(window, timeline, len(head))
    if len(head) < size_bytes:
        end = yield from _read_tail(timeline, end, size_bytes)
    seconds = timeline.seconds() if end else None
    reason = "no audio or video tag at the end of the object gives a time"
    if seconds is not None and _is_joined(metadata, timeline.start_s + seconds, size_bytes):
        seconds, reason = None, "the object goes on behind the file that its metadata describe, at other times"
    duration_s, unknown = known(seconds, reason)
    truncated, tail_cut = _end_of(metadata, timeline, end, size_bytes)
    streams = _streams(metadata, timeline)
    if not streams:
        return damaged("flv", "it has no audio or video tag")
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in streams) else MediaKind.AUDIO
    return MediaInfo("flv", kind, streams, duration_s, unknown, truncated, tail_cut)


def _end_of(metadata: _Metadata, timeline: _Timeline, last_end: int, size_bytes: int) -> tuple[str | None, str | None]:
    """(`truncated`, `tail_cut`): the file that the metadata describe goes on, or the last tag alone does."""
    declared_end, claimed_s = _whole_number(metadata, "filesize"), metadata.get("duration")
    found_s = timeline.seconds() or 0.0
    tail_bytes = TAIL_S * size_bytes / found_s if found_s else 0
    if declared_end > max(last_end + _TAG_SIZE_BYTES, size_bytes) + tail_bytes:
        return cut_at("the file that the metadata describe", declared_end, size_bytes), None
    if last_end > size_bytes:
        end_s = timeline.start_s + found_s
        if isinstance(claimed_s, float) and end_s + _NEAR_S < claimed_s < MAX_DURATION_S:
            return f"the metadata declare {claimed_s:.1f} s, the object ends inside a tag at {end_s:.1f} s", None
        return None, lacks("the last tag", last_end - size_bytes)
    if declared_end > size_bytes:
        return None, lacks("the file that the metadata describe", declared_end - size_bytes)
    return None, None


def _is_joined(metadata: _Metadata, end_s: float, size_bytes: int) -> bool:
    """Whether other tags follow the file that the metadata describe: their times begin anew, as a rule."""
    claimed_s = metadata.get("duration")
    is_longer = 0 < _whole_number(metadata, "filesize") < size_bytes
    return is_longer and isinstance(claimed_s, float) and not abs(claimed_s - end_s) < _NEAR_S


def _read_head(window: Window, timeline: _Timeline, head_bytes: int) -> Steps[tuple[_Metadata, int]]:
    """The metadata, and where the last tag seen ends; reads on until there is an audio or video tag with a time."""
    metadata: _Metadata = {}
    position = u32be((yield from window.at(5, 4)), 0) + _TAG_SIZE_BYTES
    end = 0
    is_whole = head_bytes == window.size_bytes
    for _ in range(_MAX_TAGS):
        # A codec's configuration stands first and has no time: the start is that of the first frames.
        if timeline.timed and (position >= head_bytes or (len(timeline.timed) == 2 and not is_whole)):
            break
        tag = _parse_tag((yield from window.at(position, _TAG_HEADER_BYTES + 5)), position)
        if tag is None:
            break
        end = tag.end
        if tag.kind == _SCRIPT and not metadata and tag.end - tag.start < _MAX_METADATA_BYTES:
            payload = yield from window.at(position, tag.end - tag.start)
            metadata = _parse_metadata(payload[_TAG_HEADER_BYTES:])
        timeline.add(tag)
        position = tag.end + _TAG_SIZE_BYTES
    return metadata, end


def _read_tail(timeline: _Timeline, seen_end: int, size_bytes: int) -> Steps[int]:
    """Adds the tags at the end of the object; where the last of them ends, 0 when there is none.

    Args:
      seen_end: where the last tag that was added ends; 0 for none.
    """
    next_tag = seen_end + _TAG_SIZE_BYTES
    for tail_bytes in (_TAIL_BYTES, _LONG_TAIL_BYTES):
        start = max(next_tag, size_bytes - tail_bytes)
        if start >= size_bytes:
            return seen_end
        (tail,) = yield from read((start, size_bytes))
        end = 0
        for tag in _tags_in(tail, is_tag_start=start == next_tag):
            end = start + tag.end
            if end <= size_bytes:
                timeline.add(tag)
        if end or start == next_tag:
            return end or seen_end
    return 0


def _tags_in(data: bytes, is_tag_start: bool) -> Iterator[_Tag]:
    """The tags of bytes; where these begin inside a tag, from the first one whose size stands behind it once more."""
    for match in _TAG_START.finditer(data):
        tag = _parse_tag(data[match.start() : match.start() + _TAG_HEADER_BYTES + 5], match.start())
        is_known = is_tag_start and match.start() == 0
        if tag is None or not (is_known or (tag.end + 4 <= len(data) and u32be(data, tag.end) == tag.end - tag.start)):
            continue
        while tag is not None:
            yield tag
            position = tag.end + _TAG_SIZE_BYTES
            tag = _parse_tag(data[position : position + _TAG_HEADER_BYTES + 5], position)
        return


def _streams(metadata: _Metadata, timeline: _Timeline) -> tuple[StreamInfo, ...]:
    streams: list[StreamInfo] = []
    for kind, tag in timeline.first.items():
        flags = tag.opening[0] if tag.opening else 0
        if kind == _VIDEO:
            codec = _FOURCC_CODECS.get(tag.opening[1:5]) if flags & 0x80 else _VIDEO_CODECS.get(flags & 15)
            width_px, height_px = _whole_number(metadata, "width") or None, _whole_number(metadata, "height") or None
            fps = metadata.get("framerate")
            fps = fps if isinstance(fps, float) and 0 < fps < 1000 else None
            streams.append(StreamInfo(MediaKind.VIDEO, codec, width_px=width_px, height_px=height_px, fps=fps))
        else:
            code = flags >> 4
            codec = _FOURCC_CODECS.get(tag.opening[1:5]) if code == 9 else _AUDIO_CODECS.get(code)
            rate_hz: int | None = _whole_number(metadata, "audiosamplerate") or None
            stereo = metadata.get("stereo")
            channels = 1 + stereo if isinstance(stereo, bool) else None
            if code not in (9, 10):
                # AAC and newer codecs leave these bits without meaning.
                rate_hz, channels = rate_hz or _SAMPLE_RATES_HZ[flags >> 2 & 3], channels or 1 + (flags & 1)
            streams.append(StreamInfo(MediaKind.AUDIO, codec, sample_rate_hz=rate_hz, channels=channels))
    return tuple(streams)


def _whole_number(metadata: _Metadata, name: str) -> int:
    value = metadata.get(name)
    return int(value) if isinstance(value, float) and 0 <= value < _MAX_WHOLE_NUMBER else 0


def _parse_metadata(data: bytes) -> _Metadata:
    """The numbers, flags and strings of an `onMetaData` event, in AMF 0."""
    if data[:13] != b"\x02\x00\x0aonMetaData" or data[13:14] not in (b"\x03", b"\x08"):
        return {}
    metadata: _Metadata = {}
    position = 14 + (4 if data[13] == 8 else 0)
    while position + 3 < len(data):
        name_end = position + 2 + u16be(data, position)
        name = data[position + 2 : name_end].decode("utf-8", "replace")
        value, after = _parse_value(data, name_end, 0)
        if after is None:
            break
        if value is not None:
            metadata[name] = value
        position = after
    return metadata


def _parse_value(data: bytes, position: int, depth: int) -> tuple[float | bool | str | None, int | None]:
    """A value, None for one of several parts; and where it ends, None at the end of the object or of what is known."""
    marker, position = data[position : position + 1], position + 1
    if marker == b"\x00" and position + 8 <= len(data):
        return struct.unpack_from(">d", data, position)[0], position + 8
    if marker == b"\x01":
        return data[position : position + 1] != b"\x00", position + 1
    if marker == b"\x02":
        end = position + 2 + u16be(data, position)
        return data[position + 2 : end].decode("utf-8", "replace"), end
    if marker in (b"\x05", b"\x06"):
        return None, position
    if marker == b"\x0b":
        return None, position + 10
    if marker == b"\x0a" and data[position + 4 : position + 5] == b"\x00":
        # Arrays are those of the key frames' times and places: numbers all.
        return None, position + 4 + 9 * u32be(data, position)
    if marker in (b"\x03", b"\x08") and depth < _MAX_NESTING:
        position += 4 if marker == b"\x08" else 0
        while position + 3 <= len(data) and data[position : position + 3] != b"\x00\x00\x09":
            _, after = _parse_value(data, position + 2 + u16be(data, position), depth + 1)
            if after is None:
                return None, None
            position = after
        return None, position + 3
    return None, None
