"""The `moov` box of MP4 and QuickTime: its tracks, what they hold and when they are presented.

ISO/IEC 14496-12: mvhd 8.2.2, tkhd 8.3.2, tref 8.3.3, mdhd 8.4.2, hdlr 8.4.3, stsd 8.5.2, mvex and trex 8.8. Times
come from the sample tables and edit lists; the durations that headers declare only serve to doubt them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from struct import Struct, unpack_from
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers.boxes import boxes
from beam_tuning.media.containers.sample_entry import (
    SampleEntry,
    is_audio_format,
    is_video_format,
    parse_audio_entry,
    parse_video_entry,
)
from beam_tuning.media.containers.sample_places import SamplePlaces
from beam_tuning.media.containers.sample_table import (
    Edit,
    SampleTable,
    Span,
    edits_doubt,
    find_sample_table,
    parse_edits,
    presented,
    sample_times,
    start_shift_s,
)
from beam_tuning.media.info import MediaKind, StreamInfo

_U32 = Struct(">I").unpack_from
_U64 = Struct(">Q").unpack_from
_TWO_U32 = Struct(">II").unpack_from
_MATRIX_2X2 = Struct(">ii4xii").unpack_from

#: How far the sample tables may be from both declared durations before neither is believed. Writers round and pad.
_DOUBT_FACTOR = 1.5
_DOUBT_S = 1.0

#: Tracks, and sample descriptions of one track, that are looked at: real files have a few.
_MAX_TRACKS = 256
_MAX_DESCRIPTIONS = 16

#: The upper left of a transformation matrix (6.2.2), 16.16 fixed point: x' = a x + c y, y' = b x + d y, y downwards.
Matrix = tuple[int, int, int, int]
_IDENTITY: Matrix = (1 << 16, 0, 0, 1 << 16)


class Track(NamedTuple):
    """One track that holds audio or video.

    Attributes:
      stream: what its first usable description says, and how long its samples are presented.
      timescale: ticks a second; 0 when not said.
      span: None when no sample is presented, or when `doubt` says why that is not known.
      media_s: how long the samples last before the edit list; 0 when not known.
      samples: how many there are.
      places: where they lie.
      edits: as written.
    """

    track_id: int
    stream: StreamInfo
    timescale: int
    span: Span | None
    media_s: float
    doubt: str | None
    samples: int
    places: SamplePlaces
    edits: tuple[Edit, ...]


class Movie(NamedTuple):
    """A `moov` box.

    Attributes:
      timescale: ticks a second; 0 when not said.
      tracks: audio and video, pictures of chapters left out.
      is_fragmented: whether movie fragments may follow.
      sample_defaults: by track id, a sample's duration in the track's ticks and its size in bytes, from `trex`.
      is_compressed: whether the real box lies compressed within this one.
    """

    timescale: int
    tracks: tuple[Track, ...]
    is_fragmented: bool
    sample_defaults: dict[int, tuple[int, int]]
    is_compressed: bool


class _TrackFields(msgspec.Struct):
    """What a `trak` box says, before anything is made of it."""

    track_id: int = 0
    declared: int = 0
    matrix: Matrix = _IDENTITY
    size_px: tuple[int, int] = (0, 0)
    edits: tuple[Edit, ...] = ()
    chapter_tracks: Sequence[int] = ()
    timescale: int = 0
    handler: bytes = b""
    table: SampleTable | None = None


def parse_movie(data: bytes, start: int, stop: int) -> Movie:
    """The movie in data[start:stop], the body of a `moov` box. Damaged parts are left out; nothing is raised."""
    timescale = declared = 0
    matrix = _IDENTITY
    is_fragmented = is_compressed = False
    defaults: dict[int, tuple[int, int]] = {}
    fields: list[_TrackFields] = []
    for kind, body, end in boxes(data, start, stop):
        if kind == b"trak" and len(fields) < _MAX_TRACKS:
            fields.append(_track_fields(data, body, end))
        elif kind == b"mvhd" and body < end and end - body >= (112 if data[body] == 1 else 100):
            timescale, declared = _time_header(data, body)
            matrix = _MATRIX_2X2(data, body + (48 if data[body] == 1 else 36))
        elif kind == b"mvex":
            is_fragmented = True
            for inner, position, inner_end in boxes(data, body, end):
                if inner == b"trex" and inner_end - position >= 24:
                    defaults[_U32(data, position + 4)[0]] = _TWO_U32(data, position + 12)
        elif kind == b"cmov":
            is_compressed = True
    chapter_tracks = {track_id for track in fields for track_id in track.chapter_tracks}
    tracks = [
        track
        for track in (_track(data, item, timescale, matrix, is_fragmented) for item in fields)
        if track is not None
    ]
    tracks = [
        track for track in tracks if not (track.track_id in chapter_tracks and track.stream.kind is MediaKind.VIDEO)
    ]
    declared_s = {track.track_id: track.declared / timescale for track in fields} if timescale else {}
    if not is_fragmented and timescale:
        tracks = _doubt_contradictions(tracks, declared_s, declared / timescale)
    return Movie(
        timescale=timescale,
        tracks=tuple(tracks),
        is_fragmented=is_fragmented,
        sample_defaults=defaults,
        is_compressed=is_compressed,
    )


def _time_header(data: bytes, body: int) -> tuple[int, int]:
    """(timescale, duration) of an `mvhd` or `mdhd`; 0 for a duration of all ones, which says that it is not known."""
    if data[body] == 1:
        duration = _U64(data, body + 24)[0]
        return _U32(data, body + 20)[0], 0 if duration == 0xFFFFFFFFFFFFFFFF else duration
    timescale, duration = _TWO_U32(data, body + 12)
    return timescale, 0 if duration == 0xFFFFFFFF else duration


def _track_fields(data: bytes, start: int, stop: int) -> _TrackFields:
    fields = _TrackFields()
    for kind, body, end in boxes(data, start, stop):
        if kind == b"tkhd" and body < end and end - body >= (96 if data[body] == 1 else 84):
            if data[body] == 1:
                fields.track_id, fields.declared = unpack_from(">I4xQ", data, body + 20)
                fields.declared = 0 if fields.declared == 0xFFFFFFFFFFFFFFFF else fields.declared
                body += 12
            else:
                fields.track_id, fields.declared = unpack_from(">I4xI", data, body + 12)
                fields.declared = 0 if fields.declared == 0xFFFFFFFF else fields.declared
            fields.matrix = _MATRIX_2X2(data, body + 40)
            width, height = _TWO_U32(data, body + 76)
            fields.size_px = width >> 16, height >> 16
        elif kind == b"edts":
            for inner, position, inner_end in boxes(data, body, end):
                if inner == b"elst":
                    fields.edits = parse_edits(data, position, inner_end)
        elif kind == b"tref":
            for inner, position, inner_end in boxes(data, body, end):
                if inner == b"chap":
                    fields.chapter_tracks = unpack_from(f">{(inner_end - position) // 4}I", data, position)
        elif kind == b"mdia":
            _media_fields(data, body, end, fields)
    return fields


def _media_fields(data: bytes, start: int, stop: int, fields: _TrackFields) -> None:
    for kind, body, end in boxes(data, start, stop):
        if kind == b"mdhd" and body < end and end - body >= (32 if data[body] == 1 else 20):
            fields.timescale, _ = _time_header(data, body)
        elif kind == b"hdlr" and end - body >= 12:
            fields.handler = data[body + 8 : body + 12]
        elif kind == b"minf":
            for inner, position, inner_end in boxes(data, body, end):
                if inner == b"stbl":
                    fields.table = find_sample_table(data, position, inner_end)


def _track(
    data: bytes, fields: _TrackFields, movie_timescale: int, movie_matrix: Matrix, is_fragmented: bool
) -> Track | None:
    """None when the track is neither audio nor video."""
    if fields.table is None:
        return None
    described = _describe(data, fields.table, fields.handler)
    if described is None:
        return None
    kind, entry = described
    times = sample_times(data, fields.table)
    timescale = fields.timescale
    span = doubt = None
    if times.doubt is not None:
        doubt = times.doubt
    elif (times.samples or is_fragmented) and not timescale:
        doubt = "a timescale of 0"
    elif times.samples and is_fragmented:
        shift_s = start_shift_s(fields.edits, timescale, movie_timescale)
        span = Span(times.start / timescale + shift_s, times.stop / timescale + shift_s)
    elif times.samples:
        # Without the movie's timescale the edits cannot be read; FFmpeg plays such a track whole.
        edits = fields.edits if movie_timescale else ()
        doubt = edits_doubt(edits, times.stop, timescale, movie_timescale)
        span = presented(edits, times.start, times.stop, timescale, movie_timescale) if doubt is None else None
    is_video = kind is MediaKind.VIDEO
    ticks = times.stop - times.start
    stream = StreamInfo(
        kind=kind,
        codec=entry.codec,
        duration_s=span.end_s - max(span.start_s, 0) if span is not None else None,
        width_px=entry.width_px or (fields.size_px[0] if is_video else 0) or None,
        height_px=entry.height_px or (fields.size_px[1] if is_video else 0) or None,
        rotation_deg=_rotation_deg(fields.matrix, movie_matrix) if is_video else 0,
        fps=times.samples * timescale / ticks if is_video and ticks > 0 and timescale else None,
        sample_rate_hz=entry.sample_rate_hz or (timescale if not is_video and timescale > 1 else None),
        channels=entry.channels,
    )
    if doubt is not None:
        doubt = f"track {fields.track_id} has {doubt}"
    media_s = ticks / timescale if timescale else 0.0
    places = SamplePlaces(data, fields.table)
    return Track(fields.track_id, stream, timescale, span, media_s, doubt, times.samples, places, fields.edits)


def _describe(data: bytes, table: SampleTable, handler: bytes) -> tuple[MediaKind, SampleEntry] | None:
    """(kind of a track, its first description of a known codec, or else its first); None for other kinds of tracks.

    The kind is what the handler says, or else the format.
    """
    entries: list[tuple[bytes, int, int]] = []
    version = 0
    if table.descriptions is not None:
        body, end = table.descriptions
        version = data[body]
        entries = list(itertools.islice(boxes(data, body + 8, end), _MAX_DESCRIPTIONS))
    if handler == b"vide":
        kind = MediaKind.VIDEO
    elif handler == b"soun":
        kind = MediaKind.AUDIO
    elif any(is_video_format(found) for found, _, _ in entries):
        kind = MediaKind.VIDEO
    elif any(is_audio_format(found) for found, _, _ in entries):
        kind = MediaKind.AUDIO
    else:
        return None
    first = SampleEntry(None)
    for number, (found, body, end) in enumerate(entries):
        if kind is MediaKind.VIDEO:
            entry = parse_video_entry(data, found, body, end)
        else:
            entry = parse_audio_entry(data, found, body, end, version)
        if entry.codec is not None:
            return kind, entry
        if number == 0:
            first = entry
    return kind, first


def _rotation_deg(track: Matrix, movie: Matrix) -> int:
    """Clockwise turn of the picture, 0, 90, 180 or 270; mirroring and odd angles do not count."""
    a, b, c, d = track
    if movie != _IDENTITY:
        e, f, g, h = movie
        a, b, c, d = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
    if a == 0 and d == 0:
        return 90 if b > 0 else 270 if b < 0 else 0
    return 180 if a < 0 and d < 0 else 0


def _doubt_contradictions(tracks: list[Track], declared_s: dict[int, float], movie_s: float) -> list[Track]:
    """Takes the time from a track whose sample table both headers contradict, as a damaged timescale makes it.

    One header alone may be wrong: many writers leave one of them at 0 or never come back to it.
    """
    lengths = [(track.span.end_s, track.media_s) for track in tracks if track.span is not None]
    if not lengths or not movie_s or _agree(movie_s, *(max(each) for each in zip(*lengths, strict=True))):
        return tracks
    checked = []
    for track in tracks:
        declared = declared_s[track.track_id]
        if track.span is not None and declared and not _agree(declared, track.span.end_s, track.media_s):
            doubt = (
                f"track {track.track_id} lasts {track.span.end_s:.3f} s by its sample table, "
                f"{declared:.3f} s by its header and {movie_s:.3f} s by the movie's"
            )
            stream = msgspec.structs.replace(track.stream, duration_s=None)
            track = track._replace(stream=stream, span=None, doubt=doubt)
        checked.append(track)
    return checked


def _agree(declared_s: float, *lengths_s: float) -> bool:
    """Whether one of the lengths, with the edit list or without, is about what is declared."""
    return any(
        abs(length_s - declared_s) <= _DOUBT_S or declared_s / _DOUBT_FACTOR <= length_s <= declared_s * _DOUBT_FACTOR
        for length_s in lengths_s
    )
