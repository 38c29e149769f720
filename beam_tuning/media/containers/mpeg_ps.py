"""MPEG program streams, of MPEG-1 and MPEG-2 (.mpg, .vob).

Asks for the end of the object: nothing declares the length, but every audio and video stream carries time stamps, so
the first ones in the head and the last ones in the tail give it.

Specifications: ISO/IEC 13818-1, 2.5; ISO/IEC 11172-1, 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers.ac3 import AC3
from beam_tuning.media.containers.adts import ADTS
from beam_tuning.media.containers.frames import FrameFormat, first_frame
from beam_tuning.media.containers.mp3 import MPEG_AUDIO
from beam_tuning.media.containers.mpeg_video import SEQUENCE_HEADER, PictureCounter, Sequence, parse_sequence
from beam_tuning.media.containers.parameter_sets import h264_size
from beam_tuning.media.containers.pes import (
    CLOCK_HZ,
    TimeStamps,
    jumps,
    lengths_s,
    payload_start,
    presentation_time,
    seconds_between,
    ticks_of_frames,
)
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import cut_at, damaged, read, u16be
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_PACK, _END, _PRIVATE_1 = 0xBA, 0xB9, 0xBD
_TAIL_BYTES = 128 * 1024
#: A key frame of a high bit rate may be longer than a short tail.
_LONG_TAIL_BYTES = 2 << 20
#: Of each stream, kept for its own header.
_OPENING_BYTES = 8 * 1024
_UNIT_START = re.compile(rb"\x00\x00\x01[\xb9-\xff]")
#: NAL units that H.264 begins with, for program streams that carry it.
_H264_START = re.compile(rb"\x00\x00\x01[\x09\x27\x47\x67]")


def matches(head: bytes) -> bool:
    if head[:4] != b"\x00\x00\x01\xba" or len(head) < 14:
        return False
    # Marker bits in the clock reference, of MPEG-2 and of MPEG-1.
    is_mpeg2 = head[4] & 0xC4 == 0x44 and head[6] & head[8] & 4 and head[9] & 1
    is_mpeg1 = head[4] & 0xF1 == 0x21 and head[6] & head[8] & 1
    return bool(is_mpeg2 or is_mpeg1)


class _Packet(NamedTuple):
    """One PES packet: `stream` is its id, with that of the substream in private packets."""

    stream: int
    start: int
    end: int


def _kind(stream: int) -> MediaKind | None:
    if 0xE0 <= stream <= 0xEF:
        return MediaKind.VIDEO
    # DVDs put AC-3, DTS and PCM into private packets, and subtitles as well.
    substream = stream & 0xFF
    if 0xC0 <= stream <= 0xDF or (
        stream >> 8 == _PRIVATE_1 and (0x80 <= substream <= 0x8F or 0xA0 <= substream <= 0xAF)
    ):
        return MediaKind.AUDIO
    return None


def _packets(data: bytes) -> Iterator[_Packet]:
    """Packets whose headers lie in `data`, from the first start code on."""
    position = 0
    while (match := _UNIT_START.search(data, position)) is not None:
        spend()
        position = match.start()
        code = data[position + 3]
        if code == _END:
            position += 4
        elif code == _PACK:
            is_mpeg2 = data[position + 4 : position + 5] >= b"\x40"
            stuffing = data[position + 13] & 7 if is_mpeg2 and position + 13 < len(data) else 0
            position += 14 + stuffing if is_mpeg2 else 12
        else:
            end = position + 6 + u16be(data, position + 4)
            stream = code
            if code == _PRIVATE_1:
                at = payload_start(data, position)
                stream = code << 8 | int.from_bytes(data[at : at + 1])
            yield _Packet(stream, position, end)
            position = max(end, position + 6)


class _Track:
    """One elementary stream: its time stamps, its first bytes, and those behind its last time stamp."""

    def __init__(self) -> None:
        self.stamps = TimeStamps([], [])
        self.opening = bytearray()
        self.closing = bytearray()

    def add(self, data: bytes, packet: _Packet, stamps: list[int]) -> None:
        payload = data[payload_start(data, packet.start) : packet.end]
        if len(self.opening) < _OPENING_BYTES:
            self.opening += payload
        if (stamp := presentation_time(data, packet.start)) is not None:
            stamps.append(stamp)
            self.closing.clear()
        self.closing += payload


def plan(head: bytes, size_bytes: int) -> Plan:
    tracks: dict[int, _Track] = {}
    end = tail_start = 0
    for packet in _packets(head):
        end = packet.end
        if _kind(packet.stream) is not None:
            track = tracks.setdefault(packet.stream, _Track())
            track.add(head, packet, track.stamps.head)
    if not tracks:
        return damaged("mpeg", "it has no audio or video packet")
    for tail_bytes in (_TAIL_BYTES, _LONG_TAIL_BYTES):
        tail_start = max(len(head), size_bytes - tail_bytes)
        if tail_start == size_bytes:
            break
        (tail,) = yield from read((tail_start, size_bytes))
        for packet in _packets(tail):
            end = tail_start + packet.end
            if (known := tracks.get(packet.stream)) is not None:
                known.add(tail, packet, known.stamps.tail)
        if tail_start == len(head) or any(track.stamps.tail for track in tracks.values()):
            break
    for stream, track in tracks.items():
        track.stamps.last_ticks = _last_ticks(stream, track)
    stamps = [track.stamps for track in tracks.values()]
    duration_s = seconds_between(stamps)
    unknown: str | None = None
    if duration_s is None:
        unknown = "no packet in the head carries a time stamp"
    elif jumps(duration_s, size_bytes, stamps, len(head)):
        duration_s, unknown = None, "the time stamps at the start and at the end do not belong together"
    own_s: list[float | None] = [None] * len(tracks)
    if duration_s is not None:
        own_s = lengths_s(stamps, is_all_read=tail_start == len(head))
    streams = tuple(
        msgspec.structs.replace(_describe(stream, bytes(track.opening)), duration_s=length_s)
        for (stream, track), length_s in zip(tracks.items(), own_s, strict=True)
    )
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in streams) else MediaKind.AUDIO
    # A recording that was stopped: the stream has no end of its own, so no more than its last packet is known to lack.
    return MediaInfo("mpeg", kind, streams, duration_s, unknown, tail_cut=cut_at("the last packet", end, size_bytes))


def _last_ticks(stream: int, track: _Track) -> int | None:
    """How long what follows the last time stamp of a stream lasts: packets hold as many frames as fit."""
    closing = bytes(track.closing)
    if _kind(stream) is MediaKind.AUDIO:
        return ticks_of_frames(closing, *_formats(stream))
    sequence = _sequence(bytes(track.opening))
    if sequence is None:
        return None
    counter = PictureCounter()
    counter.feed(closing)
    return round(counter.frames / sequence.fps * CLOCK_HZ)


def _sequence(payload: bytes) -> Sequence | None:
    start = payload.find(SEQUENCE_HEADER)
    return parse_sequence(payload, start) if start >= 0 else None


def _formats(stream: int) -> tuple[FrameFormat, ...]:
    """The formats that an audio stream of this id may have."""
    if stream >> 8 == _PRIVATE_1:
        return (AC3,) if stream & 0xF8 == 0x80 else ()
    return (MPEG_AUDIO, ADTS) if 0xC0 <= stream <= 0xDF else ()


def _describe(stream: int, payload: bytes) -> StreamInfo:
    """What the first bytes of an elementary stream say."""
    if _kind(stream) is MediaKind.VIDEO:
        if (sequence := _sequence(payload)) is not None:
            return sequence.stream(None)
        if _H264_START.search(payload) is None:
            return StreamInfo(MediaKind.VIDEO)
        width_px, height_px = h264_size(payload) or (None, None)
        return StreamInfo(MediaKind.VIDEO, "h264", width_px=width_px, height_px=height_px)
    if not _formats(stream):
        return StreamInfo(MediaKind.AUDIO, "dts" if stream & 0xF8 == 0x88 else "pcm_dvd")
    frame = first_frame(payload, *_formats(stream))
    if frame is None:
        return StreamInfo(MediaKind.AUDIO)
    return StreamInfo(
        MediaKind.AUDIO, frame.codec, sample_rate_hz=frame.sample_rate_hz, channels=frame.channels or None
    )
