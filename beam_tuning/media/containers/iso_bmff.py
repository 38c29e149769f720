"""MP4, QuickTime, M4A and 3GP: files of the ISO base media file format (ISO/IEC 14496-12; QuickTime File Format).

The answer is the `moov` box. It lies first ("faststart"), where the first read holds it or tells its exact range, or
behind the media, where the sizes of the boxes in the first read tell its position. Boxes in between are stepped over,
never read. Only a fragmented file needs more: see `fragments.py`. A box that should end behind the object's last byte
shows that the object is cut short.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from beam_tuning.media.containers import heif
from beam_tuning.media.containers.boxes import HEADER_BYTES, LONG_HEADER_BYTES, TOP_LEVEL, Box, Held
from beam_tuning.media.containers.fragments import Fragments, read_fragments
from beam_tuning.media.containers.moov import Movie, parse_movie
from beam_tuning.media.containers.plan import HEAD_BYTES, Plan
from beam_tuning.media.containers.reading import cut_at, read
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, StreamInfo

#: A rest of the object up to this long is read whole in one round, for `moov` is somewhere in it.
_REST_BYTES = 4 << 20
#: Ten hours of audio and video have a `moov` of about 12 MiB; a larger one is not read.
_MAX_MOOV_BYTES = 16 << 20
#: Boxes at the top level that are stepped over with a read each.
_MAX_STEPS = 8
#: Read behind `moov`, for the header of the box of media that follows.
_NEXT_HEADERS_BYTES = 64
_WORDS = (b"free", b"skip", b"wide", b"meta")
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_TRUNCATED = "the object is cut off"


def matches(head: bytes) -> bool:
    """Whether the object starts with a box that such a file may start with."""
    if head[4:8] in _WORDS and head[0] >= 0x20:
        return False  # four letters and a word, not a size and a type
    return head[4:8] in TOP_LEVEL and Held(0, head).box_at(0, 1 << 62) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    """Finds `moov`, or the picture that the file is instead."""
    container = _container(head)
    kind = MediaKind.AUDIO if head[4:8] == b"ftyp" and head[8:12] in _AUDIO_BRANDS else MediaKind.VIDEO
    held = Held(0, head)
    position = steps = 0
    while position + HEADER_BYTES <= size_bytes:
        if min(position + LONG_HEADER_BYTES, size_bytes) > held.stop:
            steps += 1
            if steps > _MAX_STEPS:
                return MediaInfo(container, kind, duration_unknown=f"more than {_MAX_STEPS} boxes lie before moov")
            is_short = size_bytes - position <= _REST_BYTES
            (data,) = yield from read((position, size_bytes if is_short else position + HEAD_BYTES))
            held = Held(position, data)
        box = held.box_at(position, size_bytes)
        if box is None:
            break
        if box.kind == b"moov":
            return (yield from _read_moov(container, kind, held, box, size_bytes))
        if box.kind == b"moof":
            message = f"The {container} file is a media segment: the moov box of its initialization segment is missing."
            return ProbeFailure(FailureKind.UNREADABLE, message)
        if box.kind == b"meta" and heif.is_picture(head):
            return (yield from heif.read_picture(head, held, box, size_bytes))
        truncated = cut_at(f"box {_name(box)}", box.stop, size_bytes)
        if truncated is not None:
            return MediaInfo(
                container, kind, duration_unknown="the object ends before its moov box", truncated=truncated
            )
        position = box.stop
    return ProbeFailure(
        FailureKind.UNREADABLE, f"The {container} file has no moov box: its recording was not finished."
    )


def _read_moov(container: str, kind: MediaKind, held: Held, box: Box, size_bytes: int) -> Plan:
    truncated = cut_at("box moov", box.stop, size_bytes)
    if box.stop - box.body > _MAX_MOOV_BYTES:
        reason = f"its moov box declares {box.stop - box.body} bytes; {_MAX_MOOV_BYTES} are read at most"
        return MediaInfo(container, kind, duration_unknown=reason, truncated=truncated)
    stop = min(box.stop, size_bytes)
    if stop > held.stop:
        (rest,) = yield from read((held.stop, min(stop + _NEXT_HEADERS_BYTES, size_bytes)))
        held = Held(held.start, held.data + rest)
    movie = parse_movie(held.data, box.body - held.start, stop - held.start)
    if movie.is_compressed:
        return MediaInfo(container, kind, duration_unknown="its moov box is compressed", truncated=truncated)
    if not movie.tracks and truncated is None:
        return ProbeFailure(FailureKind.UNREADABLE, f"The {container} file has no audio or video track.")
    fragments = None
    if movie.is_fragmented and truncated is None:
        fragments = yield from read_fragments(movie, held, box.stop, size_bytes)
        truncated = fragments.truncated
    if truncated is None:
        truncated = _cut_media(movie, held, box.stop, size_bytes)
    return _media(container, kind, movie, fragments, truncated)


def _cut_media(movie: Movie, held: Held, position: int, size_bytes: int) -> str | None:
    """Whether a box behind `moov`, or a chunk of samples, should lie behind the object's end."""
    while (box := held.box_at(position, size_bytes)) is not None:
        position = box.stop
        if position > size_bytes:
            return cut_at(f"box {_name(box)}", position, size_bytes)
    for track in movie.tracks:
        if track.last_chunk_start is not None and track.last_chunk_start >= size_bytes:
            return cut_at(f"the last chunk of track {track.track_id}", track.last_chunk_start + 1, size_bytes)
    return None


def _media(
    container: str, kind: MediaKind, movie: Movie, fragments: Fragments | None, truncated: str | None
) -> MediaInfo:
    streams: list[StreamInfo] = []
    starts_s: list[float] = []
    ends_s: list[float] = []
    for track in movie.tracks:
        starts = [] if track.span is None else [track.span.start_s]
        ends = [] if track.span is None else [track.span.end_s]
        if fragments is not None:
            starts += [fragments.starts_s[track.track_id]] if track.track_id in fragments.starts_s else []
            ends += [fragments.ends_s[track.track_id]] if track.track_id in fragments.ends_s else []
        duration_s = _length_s(starts, ends) if truncated is None else None
        fps = track.stream.fps
        if fps is None and fragments is not None and track.stream.kind is MediaKind.VIDEO:
            fps = fragments.samples_per_s.get(track.track_id)
        streams.append(msgspec.structs.replace(track.stream, duration_s=duration_s, fps=fps))
        starts_s += starts
        ends_s += ends
    doubts = [track.doubt for track in movie.tracks if track.doubt is not None]
    duration_s, unknown = _length_s(starts_s, ends_s), None
    if truncated is not None:
        duration_s, unknown = None, _TRUNCATED
    elif doubts:
        duration_s, unknown = None, doubts[0]
    elif duration_s is None:
        unknown = "no audio or video track has samples with possible times"
    if streams:
        has_video = any(stream.kind is MediaKind.VIDEO for stream in streams)
        kind = MediaKind.VIDEO if has_video else MediaKind.AUDIO
    return MediaInfo(container, kind, tuple(streams), duration_s, unknown, truncated)


def _length_s(starts_s: Sequence[float], ends_s: Sequence[float]) -> float | None:
    """From the first start, if that is after 0, to the last end; None when that is no length."""
    length_s = max(ends_s) - max(min(starts_s), 0.0) if starts_s and ends_s else -1.0
    return length_s if length_s >= 0 else None


def _container(head: bytes) -> str:
    if head[4:8] != b"ftyp" or head[8:12] == b"qt  ":
        return "mov"
    return "3gp" if head[8:10] == b"3g" else "mp4"


def _name(box: Box) -> str:
    return box.kind.decode("ascii", "backslashreplace")
