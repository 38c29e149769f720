"""MPEG transport streams, with packets of 188, 192 (.m2ts) or 204 bytes.

Asks for the end of the object: nothing declares the length, but every audio and video stream carries time stamps, so
the first ones in the head and the last ones in the tail give it. The program map names the codecs, the streams' own
headers in the head the rest.

Specifications: ISO/IEC 13818-1 (Rec. ITU-T H.222.0), 2.4.3 and 2.4.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers.ac3 import AC3
from beam_tuning.media.containers.adts import ADTS
from beam_tuning.media.containers.frames import Frame, find_start, first_frame
from beam_tuning.media.containers.mp3 import MPEG_AUDIO
from beam_tuning.media.containers.mpeg_video import SEQUENCE_HEADER, parse_sequence
from beam_tuning.media.containers.parameter_sets import h264_size, hevc_size
from beam_tuning.media.containers.pes import (
    TimeStamps,
    jumps,
    lengths_s,
    payload_start,
    presentation_time,
    seconds_between,
    ticks_of_frames,
)
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.program_map import read_program_map
from beam_tuning.media.containers.reading import damaged, read
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_PACKET_SIZES = (188, 192, 204)
_PACKET_BYTES = 188
_SYNC = 0x47
_PROVING_PACKETS, _ENOUGH_PACKETS = 5, 16
_LONG_HEAD_BYTES = 512 * 1024
_TAIL_BYTES = 256 * 1024
_LONG_TAIL_BYTES = 2 << 20
_UNIT_PREFIX = b"\x00\x00\x01"

_FRAME_FORMATS = {"mp2": MPEG_AUDIO, "aac": ADTS, "ac3": AC3, "eac3": AC3}


def matches(head: bytes) -> bool:
    return _find_sync(head) is not None


def _find_sync(data: bytes) -> tuple[int, int] | None:
    """(distance of packets, place of the first sync byte): where the sync byte stands at every packet's start."""
    for distance in _PACKET_SIZES:
        for offset in range(min(distance, len(data))):
            if data[offset] == _SYNC:
                column = data[offset : offset + _ENOUGH_PACKETS * distance : distance]
                if len(column) >= _PROVING_PACKETS and column.count(_SYNC) == len(column):
                    return distance, offset
    return None


class _Packet(NamedTuple):
    """One packet with a payload."""

    pid: int
    is_unit_start: bool
    payload: bytes

    @property
    def time(self) -> int | None:
        """The presentation time of the PES packet that starts here."""
        if not self.is_unit_start or self.payload[:3] != b"\x00\x00\x01":
            return None
        return presentation_time(self.payload, 0)


def _packet_starts(data: bytes) -> range:
    sync = _find_sync(data)
    return range(0) if sync is None else range(sync[1], len(data) - _PACKET_BYTES + 1, sync[0])


def _packet_at(data: bytes, start: int) -> _Packet | None:
    flags, control = data[start + 1], data[start + 3]
    # 0x80: an error that the sender knows of.
    if data[start] != _SYNC or flags & 0x80 or not control & 0x10:
        return None
    payload = start + 4 + (1 + data[start + 4] if control & 0x20 else 0)
    if payload >= start + _PACKET_BYTES:
        return None
    pid = (flags & 0x1F) << 8 | data[start + 2]
    return _Packet(pid, bool(flags & 0x40), data[payload : start + _PACKET_BYTES])


class _Opening:
    """What the first bytes of the object say.

    Attributes:
      stamps: presentation times of each packet id, in file order.
      payloads: what each packet id carries, from its first unit on.
      stream_ids: what the first unit of each packet id calls itself.
    """

    def __init__(self, data: bytes) -> None:
        self.size_bytes = len(data)
        self.stamps: dict[int, list[int]] = {}
        self.payloads: dict[int, bytearray] = {}
        self.stream_ids: dict[int, int] = {}
        packets = [packet for start in _packet_starts(data) if (packet := _packet_at(data, start)) is not None]
        spend(len(packets))
        for pid, is_unit_start, payload in packets:
            skipped = 0
            if is_unit_start and payload[:3] == _UNIT_PREFIX:
                self.stream_ids.setdefault(pid, int.from_bytes(payload[3:4]))
                if (time := presentation_time(payload, 0)) is not None:
                    self.stamps.setdefault(pid, []).append(time)
                self.payloads.setdefault(pid, bytearray())
                skipped = payload_start(payload, 0)
            if pid in self.payloads:
                self.payloads[pid] += payload[skipped:]
        self.program_map = read_program_map(packets)

    def streams(self) -> dict[int, StreamInfo]:
        """Audio and video by packet id, with what their own headers say."""
        mapped, unnamed = self.program_map
        if not mapped and not unnamed:
            return {pid: found for pid in self.stream_ids if (found := self._by_own_id(pid)) is not None}
        streams = {pid: _described(stream, bytes(self.payloads.get(pid, b""))) for pid, stream in mapped.items()}
        for pid in sorted(unnamed):
            found = self._by_own_id(pid)
            if found is not None and found.kind is MediaKind.AUDIO and found.codec is not None:
                streams[pid] = found
        return streams

    def _by_own_id(self, pid: int) -> StreamInfo | None:
        """The stream of a packet id that no map names, if its units call themselves audio or video."""
        stream_id = self.stream_ids.get(pid, 0)
        if not 0xC0 <= stream_id <= 0xEF:
            return None
        kind = MediaKind.VIDEO if stream_id >= 0xE0 else MediaKind.AUDIO
        return _described(StreamInfo(kind), bytes(self.payloads[pid]))


def plan(head: bytes, size_bytes: int) -> Plan:
    opening, tail, tail_start = _Opening(head), b"", size_bytes
    tail_stamps: dict[int, list[int]] = {}
    if len(head) < size_bytes:
        ranges = [(max(len(head), size_bytes - _TAIL_BYTES), size_bytes)]
        if not (opening.program_map.streams and opening.stamps):
            # At a high bit rate the first program map, or the first whole header of a stream, may lie beyond the head.
            ranges.append((len(head), min(_LONG_HEAD_BYTES, size_bytes)))
        tail_start = ranges[0][0]
        tail, *more = yield from read(*ranges)
        if more:
            opening = _Opening(head + more[0])
        tail_stamps = _stamps_by_pid(tail)
        if not tail_stamps and tail_start > len(head):
            tail_start = max(len(head), size_bytes - _LONG_TAIL_BYTES)
            (tail,) = yield from read((tail_start, size_bytes))
            tail_stamps = _stamps_by_pid(tail)
    streams = opening.streams()
    if not streams:
        return damaged("mpegts", "no program map with an audio or video stream was found")
    end = tail or head
    last_ticks = _last_ticks(end, streams)
    stamps = [TimeStamps(opening.stamps.get(pid, []), tail_stamps.get(pid, []), last_ticks.get(pid)) for pid in streams]
    duration_s = seconds_between(stamps)
    unknown: str | None = None
    described = tuple(streams.values())
    if duration_s is None:
        unknown = "no packet at the start carries a time stamp"
    elif jumps(duration_s, size_bytes, stamps, opening.size_bytes):
        duration_s, unknown = None, "the time stamps at the start and at the end do not belong together"
    else:
        own_s = lengths_s(stamps, is_all_read=tail_start <= opening.size_bytes or not tail)
        described = tuple(
            msgspec.structs.replace(stream, duration_s=length_s)
            for stream, length_s in zip(described, own_s, strict=True)
        )
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in described) else MediaKind.AUDIO
    return MediaInfo("mpegts", kind, described, duration_s, unknown, tail_cut=_cut_packet(end, size_bytes))


def _cut_packet(data: bytes, size_bytes: int) -> str | None:
    """The `tail_cut` sentence when the object, whose last bytes these are, ends inside a packet.

    Nothing else can be missing that anyone could tell: a transport stream has no end of its own.
    """
    starts = _packet_starts(data)
    if not starts:
        return None
    left = data[starts[-1] + starts.step :]
    # What may follow the 188 bytes (error correction) or precede them (a time) is no packet.
    if left[:1] != bytes((_SYNC,)):
        return None
    return f"the last packet has {len(left)} of its {_PACKET_BYTES} bytes: the object ends at byte {size_bytes}"


def _stamps_by_pid(data: bytes) -> dict[int, list[int]]:
    """Presentation times of each packet id, in file order."""
    stamps: dict[int, list[int]] = {}
    starts = _packet_starts(data)
    spend(len(starts))
    for start in starts:
        # Most packets start no unit: they are passed over at once.
        if data[start + 1] & 0x40 and (packet := _packet_at(data, start)) and (time := packet.time) is not None:
            stamps.setdefault(packet.pid, []).append(time)
    return stamps


def _last_ticks(data: bytes, streams: Mapping[int, StreamInfo]) -> dict[int, int | None]:
    """By packet id of an audio stream, how long the frames behind its last time stamp last."""
    payloads: dict[int, list[bytes]] = {pid: [] for pid, stream in streams.items() if stream.codec in _FRAME_FORMATS}
    ticks: dict[int, int | None] = {}
    starts = _packet_starts(data)
    spend(len(starts))
    for start in reversed(starts):
        packet = _packet_at(data, start)
        if packet is None or packet.pid not in payloads:
            continue
        if packet.time is None:
            payloads[packet.pid].append(packet.payload)
            continue
        parts = payloads.pop(packet.pid)
        parts.append(packet.payload[payload_start(packet.payload, 0) :])
        frame_format = _FRAME_FORMATS[streams[packet.pid].codec or ""]
        ticks[packet.pid] = ticks_of_frames(b"".join(reversed(parts)), frame_format)
        if not payloads:
            break
    return ticks


def _described(stream: StreamInfo, payload: bytes) -> StreamInfo:
    """`stream` with what its own first bytes, `payload`, say."""
    described = _described_video(stream, payload) if stream.kind is MediaKind.VIDEO else None
    if stream.kind is MediaKind.AUDIO:
        frame = _first_audio_frame(stream, payload)
        if frame is not None:
            rate_hz, channels = frame.sample_rate_hz, frame.channels or None
            described = StreamInfo(MediaKind.AUDIO, frame.codec, sample_rate_hz=rate_hz, channels=channels)
    return described or stream


def _first_audio_frame(stream: StreamInfo, payload: bytes) -> Frame | None:
    if stream.codec is not None:
        frame_format = _FRAME_FORMATS.get(stream.codec)
        return None if frame_format is None else first_frame(payload, frame_format)
    for frame_format in (ADTS, AC3, MPEG_AUDIO):
        # Nothing but its frames says what it is: several have to meet.
        start = find_start(frame_format, payload)
        if start is not None:
            return frame_format.parse(payload[start : start + frame_format.header_bytes])
    return None


def _described_video(stream: StreamInfo, payload: bytes) -> StreamInfo | None:
    if stream.codec in ("mpeg1video", "mpeg2video", None):
        start = payload.find(SEQUENCE_HEADER)
        sequence = parse_sequence(payload, start) if start >= 0 else None
        if sequence is not None:
            return sequence.stream(None)
    size_px = None
    if stream.codec in ("h264", None):
        size_px = h264_size(payload)
    elif stream.codec == "hevc":
        size_px = hevc_size(payload)
    if size_px is None:
        return None
    codec = stream.codec or "h264"
    return StreamInfo(MediaKind.VIDEO, codec, width_px=size_px[0], height_px=size_px[1])
