"""MP4, QuickTime, M4A and 3GP: files of the ISO base media file format (ISO/IEC 14496-12; QuickTime File Format).

The answer is the `moov` box. It lies first ("faststart"), where the first read holds it or tells its exact range, or
behind the media, where the sizes of the boxes in the first read tell its position. Boxes in between are stepped over,
never read. Only a fragmented file needs more: see `fragments.py`.

Whether an object is cut short is decided by where the samples lie, not by what boxes claim: a box may end behind the
object's last byte while all samples are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers import heif
from beam_tuning.media.containers.boxes import HEADER_BYTES, LONG_HEADER_BYTES, TOP_LEVEL, Box, Held
from beam_tuning.media.containers.fragments import Fragments, read_fragments
from beam_tuning.media.containers.moov import Movie, Track, parse_movie
from beam_tuning.media.containers.mp3 import MPEG_AUDIO
from beam_tuning.media.containers.plan import HEAD_BYTES, Plan
from beam_tuning.media.containers.reading import Steps, cut_at, cut_off, read
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, StreamInfo

#: A rest of the object up to this long is read whole in one round, for `moov` is somewhere in it.
_REST_BYTES = 4 << 20
#: Ten hours of audio and video have a `moov` of about 12 MiB; a larger one is not read.
_MAX_MOOV_BYTES = 16 << 20
#: Boxes at the top level that are stepped over with a read each.
_MAX_STEPS = 8
#: Read behind `moov`, for the header of the box of media that follows.
_NEXT_HEADERS_BYTES = 64
#: Boxes behind `moov` whose headers are read in search of fragments that nothing announces.
_MAX_STEPS_BEHIND = 3
#: The boxes of a fragment without a sample: moof, mfhd, traf, tfhd, trun and mdat.
_LEAST_FRAGMENT_BYTES = 8 + 16 + 8 + 16 + 16 + 8
#: Samples that are missing at the end and last less than this are no loss: a recording was stopped.
_MISSED_S = 0.1
#: Boxes in `moov` without which the samples are known all the same.
_BESIDE_TRACKS = frozenset({b"udta", b"meta", b"free", b"skip", b"iods", b"uuid"})
_WORDS = (b"free", b"skip", b"wide", b"meta")
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
#: Codecs whose frames say what their sample entry does not.
_SELF_DESCRIBED = {"mp1": MPEG_AUDIO, "mp2": MPEG_AUDIO, "mp3": MPEG_AUDIO}


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
            return (yield from _read_moov(container, kind, head, held, box, size_bytes))
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


def _read_moov(container: str, kind: MediaKind, head: bytes, held: Held, box: Box, size_bytes: int) -> Plan:
    cut = _Cut(cut_at("box moov", box.stop, size_bytes))
    if box.stop - box.body > _MAX_MOOV_BYTES:
        reason = f"its moov box declares {box.stop - box.body} bytes; {_MAX_MOOV_BYTES} are read at most"
        return MediaInfo(container, kind, duration_unknown=reason, truncated=cut.truncated)
    stop = min(box.stop, size_bytes)
    if stop > held.stop:
        (rest,) = yield from read((held.stop, min(stop + _NEXT_HEADERS_BYTES, size_bytes)))
        held = Held(held.start, held.data + rest)
    movie = parse_movie(held.data, box.body - held.start, stop - held.start)
    if movie.is_compressed:
        reason = "its moov box is compressed"
        return MediaInfo(container, kind, duration_unknown=reason, truncated=cut.truncated)
    if not movie.tracks and cut.truncated is None:
        return ProbeFailure(FailureKind.UNREADABLE, f"The {container} file has no audio or video track.")
    fragments = None
    is_announced = True
    if cut.truncated is not None:
        if _tracks_are_whole(held, box, size_bytes):
            cut = _Cut(None, cut.truncated)
    elif movie.is_fragmented:
        fragments = yield from read_fragments(movie, held, box.stop, size_bytes)
        cut = _Cut(fragments.truncated, fragments.tail_cut)
    else:
        cut = _cut_media(movie, held, box.stop, size_bytes)
        if cut == _WHOLE:
            is_announced = not (yield from _has_fragments_behind(movie, held, box.stop, size_bytes))
    streams, length_s = _streams(movie, fragments, head, is_known=cut.truncated is None and is_announced)
    doubt = next((track.doubt for track in movie.tracks if track.doubt is not None), None)
    if not is_announced:
        doubt = "fragments follow that its moov box does not announce: some readers play them, others do not"
    duration_s, unknown = length_s, None
    if cut.truncated is not None:
        duration_s, unknown = None, cut_off(length_s if fragments is None and doubt is None else None)
    elif doubt is not None:
        duration_s, unknown = None, doubt
    elif duration_s is None:
        unknown = "no audio or video track has samples with possible times"
    if streams:
        has_video = any(stream.kind is MediaKind.VIDEO for stream in streams)
        kind = MediaKind.VIDEO if has_video else MediaKind.AUDIO
    return MediaInfo(container, kind, streams, duration_s, unknown, cut.truncated, cut.tail_cut)


class _Cut(NamedTuple):
    """What an object lacks, as the sentences of `MediaInfo`; one of them at most."""

    truncated: str | None = None
    tail_cut: str | None = None


_WHOLE = _Cut()


def _tracks_are_whole(held: Held, movie: Box, size_bytes: int) -> bool:
    """Whether a `moov` box that ends behind the object's end lacks nothing of its tracks."""
    within = Held(movie.body, held.data[movie.body - held.start :])
    position = movie.body
    while (box := within.box_at(position, size_bytes, is_any_kind=True)) is not None:
        position = box.stop
        if position > size_bytes:
            return box.kind in _BESIDE_TRACKS and position >= movie.stop
    return movie.stop - size_bytes < HEADER_BYTES


def _cut_media(movie: Movie, held: Held, position: int, size_bytes: int) -> _Cut:
    """What is missing when a box behind `moov`, or a chunk of samples, should end behind the object's end."""
    claim = None
    while claim is None and (box := held.box_at(position, size_bytes)) is not None:
        position = box.stop
        claim = cut_at(f"box {_name(box)}", position, size_bytes)
    for track in movie.tracks:
        last = track.places.last_chunk()
        if claim is None and last is not None:
            claim = cut_at(f"the last chunk of track {track.track_id}", last[1], size_bytes)
    if claim is None:
        return _WHOLE
    lacking = [(track, track.places.lacking_samples(size_bytes)) for track in movie.tracks]
    if all(samples == 0 for _, samples in lacking):
        return _Cut(tail_cut=f"{claim}; all samples are there") if lacking else _Cut(truncated=claim)
    for track, samples in lacking:
        if samples is None or (samples > 1 and samples * track.media_s > _MISSED_S * track.samples):
            return _Cut(truncated=claim)
    return _Cut(tail_cut=f"{claim}; less than {_MISSED_S} s is missing")


def _has_fragments_behind(movie: Movie, held: Held, position: int, size_bytes: int) -> Steps[bool]:
    """Whether a fragment follows, behind media that are stepped over."""
    ends = [last[1] for track in movie.tracks if (last := track.places.last_chunk()) is not None]
    if size_bytes - max([position, *ends]) < _LEAST_FRAGMENT_BYTES:
        return False
    for _ in range(_MAX_STEPS_BEHIND):
        while (box := held.box_at(position, size_bytes)) is not None:
            if box.kind == b"moof":
                return True
            position = box.stop
        if position + LONG_HEADER_BYTES <= held.stop or position + LONG_HEADER_BYTES > size_bytes:
            break
        (data,) = yield from read((position, min(position + _NEXT_HEADERS_BYTES, size_bytes)))
        held = Held(position, data)
    return False


def _streams(
    movie: Movie, fragments: Fragments | None, head: bytes, *, is_known: bool
) -> tuple[tuple[StreamInfo, ...], float | None]:
    """The streams, and the length of the whole; streams have a length of their own when `is_known`."""
    streams: list[StreamInfo] = []
    starts_s: list[float] = []
    ends_s: list[float] = []
    for track in movie.tracks:
        starts = [] if track.span is None else [track.span.start_s]
        ends = [] if track.span is None else [track.span.end_s]
        fps, is_ended = track.stream.fps, True
        if fragments is not None:
            starts += [fragments.starts_s[track.track_id]] if track.track_id in fragments.starts_s else []
            ends += [fragments.ends_s[track.track_id]] if track.track_id in fragments.ends_s else []
            # The end of a track is not known when its last fragment was not seen.
            is_ended = fragments.are_all_read or track.track_id in fragments.ends_s
            if fps is None and track.stream.kind is MediaKind.VIDEO:
                fps = fragments.samples_per_s.get(track.track_id)
        duration_s = _length_s(starts, ends) if is_known and is_ended else None
        stream = msgspec.structs.replace(track.stream, duration_s=duration_s, fps=fps)
        streams.append(_self_described(stream, track, head))
        starts_s += starts
        ends_s += ends
    return tuple(streams), _length_s(starts_s, ends_s)


def _self_described(stream: StreamInfo, track: Track, head: bytes) -> StreamInfo:
    """`stream` with what its first frame says, when the first read holds it."""
    frame_format = _SELF_DESCRIBED.get(stream.codec or "")
    start = track.places.first_start() if frame_format is not None else None
    if frame_format is None or start is None:
        return stream
    frame = frame_format.parse(head[start : start + frame_format.header_bytes])
    if frame is None:
        return stream
    return msgspec.structs.replace(stream, sample_rate_hz=frame.sample_rate_hz, channels=frame.channels or None)


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
