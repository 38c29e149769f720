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

from beam_tuning.media.containers.elementary import FRAME_FORMATS, by_own_id, described, sound_by_its_frames
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
#: A frame of LOAS does not say how long it lasts.
_TIMED_FRAMES = {codec: found for codec, found in FRAME_FORMATS.items() if codec != "aac_latm"}


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


class _Part:
    """What a part of the object carries.

    Attributes:
      stamps: presentation times of each packet id, in file order.
      payloads: what each packet id carries, from its first unit on.
      stream_ids: what the first unit of each packet id calls itself.
      program_map: of the tables in this part.
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

    def carried(self, pid: int) -> tuple[int, bytes]:
        """(what the first unit of a packet id calls itself, its first bytes)."""
        return self.stream_ids.get(pid, 0), bytes(self.payloads.get(pid, b""))


def _streams(opening: _Part, tail: _Part) -> dict[int, StreamInfo]:
    """Audio and video by packet id, with what their own headers say.

    What starts behind the head, or has no whole frame in it beside pictures of a high bit rate, stands in the tail.
    """
    program_map = opening.program_map if any(opening.program_map) else tail.program_map
    if not any(program_map):
        own = {pid: by_own_id(*opening.carried(pid)) for pid in opening.stream_ids}
        return {pid: stream for pid, stream in own.items() if stream is not None}
    streams: dict[int, StreamInfo] = {}
    for pid, named in program_map.streams.items():
        stream = described(named, opening.carried(pid)[1])
        streams[pid] = stream if stream != named else described(named, tail.carried(pid)[1])
    for pid in sorted(program_map.unnamed):
        sound = sound_by_its_frames(*opening.carried(pid)) or sound_by_its_frames(*tail.carried(pid))
        if sound is not None:
            streams[pid] = sound
    return streams


def plan(head: bytes, size_bytes: int) -> Plan:
    opening, tail, tail_start = _Part(head), b"", size_bytes
    ending = _Part(tail)
    if len(head) < size_bytes:
        ranges = [(max(len(head), size_bytes - _TAIL_BYTES), size_bytes)]
        if not (any(opening.program_map) and opening.stamps):
            # At a high bit rate the first program map, or the first whole header of a stream, may lie beyond the head.
            ranges.append((len(head), min(_LONG_HEAD_BYTES, size_bytes)))
        tail_start = ranges[0][0]
        tail, *more = yield from read(*ranges)
        if more:
            opening = _Part(head + more[0])
        ending = _Part(tail)
        if not ending.stamps and tail_start > len(head):
            tail_start = max(len(head), size_bytes - _LONG_TAIL_BYTES)
            (tail,) = yield from read((tail_start, size_bytes))
            ending = _Part(tail)
    streams = _streams(opening, ending)
    if not streams:
        return damaged("mpegts", "no program map with an audio or video stream was found")
    end = tail or head
    last_ticks = _last_ticks(end, streams)
    stamps = [
        TimeStamps(opening.stamps.get(pid, []), ending.stamps.get(pid, []), last_ticks.get(pid)) for pid in streams
    ]
    duration_s = seconds_between(stamps)
    unknown: str | None = None
    timed = tuple(streams.values())
    if duration_s is None:
        unknown = "no packet at the start carries a time stamp"
    elif jumps(duration_s, size_bytes, stamps, opening.size_bytes):
        duration_s, unknown = None, "the time stamps at the start and at the end do not belong together"
    else:
        own_s = lengths_s(stamps, is_all_read=tail_start <= opening.size_bytes or not tail)
        timed = tuple(
            msgspec.structs.replace(stream, duration_s=length_s) for stream, length_s in zip(timed, own_s, strict=True)
        )
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in timed) else MediaKind.AUDIO
    return MediaInfo("mpegts", kind, timed, duration_s, unknown, tail_cut=_cut_packet(end, size_bytes))


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


def _last_ticks(data: bytes, streams: Mapping[int, StreamInfo]) -> dict[int, int | None]:
    """By packet id of an audio stream, how long the frames behind its last time stamp last."""
    payloads: dict[int, list[bytes]] = {pid: [] for pid, stream in streams.items() if stream.codec in _TIMED_FRAMES}
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
        frame_format = _TIMED_FRAMES[streams[packet.pid].codec or ""]
        ticks[packet.pid] = ticks_of_frames(b"".join(reversed(parts)), frame_format)
        if not payloads:
            break
    return ticks
