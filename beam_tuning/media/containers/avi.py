"""AVI, OpenDML included.

Asks for nothing beyond the head: the stream headers in `hdrl` hold each stream's length, and the sizes of `RIFF` and
`movi` show a cut. A header that was never filled in, or whose streams disagree widely, is not believed: then the whole
object is read and the chunks of each stream are counted.

Specifications: Microsoft, "AVI RIFF File Reference"
(https://learn.microsoft.com/windows/win32/directshow/avi-riff-file-reference); Matrox, "OpenDML AVI File Format
Extensions", version 1.02.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import ByteStream, Steps, Window, cut_at, cut_off, damaged, stream, u32le
from beam_tuning.media.containers.windows_codecs import parse_wave_format, video_codec
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_MAX_HEADER_BYTES = 8 << 20
_MAX_LISTS = 64
#: Streams whose lengths differ by more than this factor are counted.
_DISAGREEMENT = 1.5
_KINDS = {b"vids": MediaKind.VIDEO, b"iavs": MediaKind.VIDEO, b"auds": MediaKind.AUDIO}


def matches(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"AVI "


class _Track(NamedTuple):
    """One stream header: `length` units of `scale / rate` seconds each, after `start` units of nothing."""

    kind: MediaKind
    scale: int
    rate: int
    start: int
    length: int
    sample_bytes: int
    format: bytes

    def seconds(self, length: int) -> float | None:
        """How long so many units last."""
        return length * self.scale / self.rate if self.scale and self.rate and length else None

    def end_s(self, length_s: float | None) -> float | None:
        """When a stream of this length ends, on the clock of all streams."""
        return None if length_s is None else length_s + self.start * self.scale / self.rate

    def info(self, duration_s: float | None) -> StreamInfo:
        if self.kind is MediaKind.AUDIO:
            wave = parse_wave_format(self.format)
            return StreamInfo(
                self.kind,
                codec=wave.codec if wave else None,
                duration_s=duration_s,
                sample_rate_hz=(wave.sample_rate_hz or None) if wave else None,
                channels=(wave.channels or None) if wave else None,
            )
        # A BITMAPINFOHEADER; a negative height means rows from top to bottom.
        height_px = abs(int.from_bytes(self.format[8:12], "little", signed=True))
        return StreamInfo(
            self.kind,
            codec=video_codec(self.format[16:20]) if len(self.format) >= 20 else None,
            duration_s=duration_s,
            width_px=u32le(self.format, 4) or None,
            height_px=height_px or None,
            fps=self.rate / self.scale if self.rate and self.scale else None,
        )


def plan(head: bytes, size_bytes: int) -> Plan:
    window = Window(head, size_bytes)
    riff_end = 8 + u32le(head, 4)
    truncated = cut_at("the RIFF form", riff_end, size_bytes) if riff_end < 0xFFFFF000 else None
    header = yield from _find_list(window, 12, b"hdrl")
    if header is None or header.stop - header.start > _MAX_HEADER_BYTES or header.stop > size_bytes:
        if truncated is None:
            return damaged("avi", "no header list was found")
        return MediaInfo("avi", MediaKind.VIDEO, duration_unknown="the object ends in its header", truncated=truncated)
    tracks, frames, all_frames = _parse_header((yield from window.at(header.start, header.stop - header.start)))
    if not tracks:
        return damaged("avi", "it declares no audio or video stream")
    movi = yield from _find_list(window, header.stop + (header.stop & 1), b"movi")
    tail_cut: str | None = None
    if movi is not None and movi.stop < 0xFFFFF000:
        if movi.stop > size_bytes:
            truncated = truncated or cut_at("the movi list", movi.stop, size_bytes)
        elif truncated is not None and not all_frames:
            truncated, tail_cut = None, f"{truncated}; all samples are there"

    lengths_s = {
        number: track.seconds(max(track.length, all_frames) if track.kind is MediaKind.VIDEO else track.length)
        for number, track in tracks.items()
    }
    unknown: str | None = None
    if truncated:
        unknown = cut_off(_longest_s(tracks, lengths_s))
        lengths_s = dict.fromkeys(lengths_s)
    elif (
        riff_end == 8
        or movi is None
        or not _agree(list(lengths_s.values()))
        or not (all_frames or _has_frames(tracks, frames))
    ):
        units = _count_units((yield from stream(header.stop if movi is None else movi.start)), tracks)
        lengths_s = {number: track.seconds(units[number]) for number, track in tracks.items()}
    duration_s = _longest_s(tracks, lengths_s)
    if duration_s is None and unknown is None:
        unknown = "no stream has a length or a rate"
    return MediaInfo(
        container="avi",
        kind=max((track.kind for track in tracks.values()), key=lambda kind: kind is MediaKind.VIDEO),
        streams=tuple(track.info(lengths_s[number]) for number, track in tracks.items()),
        duration_s=duration_s,
        duration_unknown=unknown,
        truncated=truncated,
        tail_cut=tail_cut,
    )


def _longest_s(tracks: Mapping[int, _Track], lengths_s: Mapping[int, float | None]) -> float | None:
    """When the last stream ends; None when no length is known."""
    ends_s = [track.end_s(lengths_s[number]) for number, track in tracks.items()]
    return max((end_s for end_s in ends_s if end_s is not None), default=None)


class _List(NamedTuple):
    """What is inside a LIST chunk, its name left out."""

    start: int
    stop: int


def _find_list(window: Window, position: int, name: bytes) -> Steps[_List | None]:
    for _ in range(_MAX_LISTS):
        header = yield from window.at(position, 12)
        if len(header) < 12:
            break
        stop = position + 8 + u32le(header, 4)
        if header[:4] == b"LIST" and header[8:12] == name:
            return _List(position + 12, stop)
        position = stop + (stop & 1)
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        spend()
        size = u32le(data, position + 4)
        yield data[position : position + 4], data[position + 8 : position + 8 + size]
        position += 8 + size + (size & 1)


def _parse_header(data: bytes) -> tuple[dict[int, _Track], int, int]:
    """Audio and video streams by number, the frames of this RIFF form, and of all forms (0 when there is one)."""
    tracks: dict[int, _Track] = {}
    frames = all_frames = number = 0
    for name, payload in _chunks(data):
        if name == b"LIST" and payload[:4] == b"strl":
            parts = dict(_chunks(payload[4:]))
            header = parts.get(b"strh", b"")
            kind = _KINDS.get(header[:4])
            if kind is not None and len(header) >= 36:
                sample_bytes = u32le(header, 44)
                scale, rate, start, length = (u32le(header, at) for at in (20, 24, 28, 32))
                tracks[number] = _Track(kind, scale, rate, start, length, sample_bytes, parts.get(b"strf", b""))
            number += 1
        elif name == b"LIST" and payload[:4] == b"odml":
            all_frames = u32le(dict(_chunks(payload[4:])).get(b"dmlh", b""), 0)
        elif name == b"avih":
            frames = u32le(payload, 16)
    return tracks, frames, all_frames


def _agree(lengths_s: list[float | None]) -> bool:
    known = [length_s for length_s in lengths_s if length_s is not None]
    return len(known) == len(lengths_s) and max(known) <= _DISAGREEMENT * min(known) + 1


def _has_frames(tracks: dict[int, _Track], frames: int) -> bool:
    """Whether the main header's number of frames is that of a video stream."""
    lengths = [track.length for track in tracks.values() if track.kind is MediaKind.VIDEO]
    return not lengths or any(abs(length - frames) <= 2 + length // 100 for length in lengths)


def _count_units(chunks: Iterator[bytes], tracks: dict[int, _Track]) -> Counter[int]:
    """Units of each stream in the chunks from the start of `movi` on: frames, or samples where these have a size."""
    units: Counter[int] = Counter()
    data = ByteStream(chunks)
    while len(header := data.take(8)) == 8:
        size = u32le(header, 4)
        if header[:4] in (b"LIST", b"RIFF"):
            if data.take(4) not in (b"movi", b"rec ", b"AVIX"):
                data.skip(max(0, size - 4) + (size & 1))
            continue
        track = tracks.get(int(header[:2])) if header[:2].isdigit() else None
        if track is not None and header[2:4] in (b"dc", b"db", b"wb"):
            units[int(header[:2])] += size // track.sample_bytes if track.sample_bytes else 1
        data.skip(size + (size & 1))
    return units
