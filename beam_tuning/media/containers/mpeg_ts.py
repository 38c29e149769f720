"""MPEG transport streams, with packets of 188, 192 (.m2ts) or 204 bytes.

Asks for the end of the object: nothing declares the length, but every audio and video stream carries time stamps, so
the first ones in the head and the last ones in the tail give it. The program map names the codecs.

Specifications: ISO/IEC 13818-1 (Rec. ITU-T H.222.0), 2.4.3 and 2.4.4; ETSI EN 300 468, annex D, for private streams;
https://www.smpte-ra.org/mpegreg (registered formats).
"""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.media.containers.ac3 import AC3
from beam_tuning.media.containers.adts import ADTS
from beam_tuning.media.containers.frames import first_frame
from beam_tuning.media.containers.mp3 import MPEG_AUDIO
from beam_tuning.media.containers.mpeg_video import SEQUENCE_HEADER, parse_sequence
from beam_tuning.media.containers.pes import (
    TimeStamps,
    jumps,
    payload_start,
    presentation_time,
    seconds_between,
    ticks_of_frames,
)
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged, read, u16be
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

_PACKET_SIZES = (188, 192, 204)
_PACKET_BYTES = 188
_SYNC = 0x47
_PROVING_PACKETS, _ENOUGH_PACKETS = 5, 16
_LONG_HEAD_BYTES = 512 * 1024
_TAIL_BYTES = 256 * 1024
_LONG_TAIL_BYTES = 2 << 20
#: Of each stream, kept for its own header.
_OPENING_BYTES = 4 * 1024

_VIDEO_TYPES = {
    0x01: "mpeg1video", 0x02: "mpeg2video", 0x10: "mpeg4", 0x1B: "h264", 0x20: "h264", 0x24: "hevc", 0x33: "vvc",
    0x42: "cavs", 0xD1: "dirac", 0xDB: "h264", 0xEA: "vc1",
}  # fmt: skip
_AUDIO_TYPES = {
    0x03: "mp2", 0x04: "mp2", 0x0F: "aac", 0x11: "aac_latm", 0x1C: "aac", 0x81: "ac3", 0x87: "eac3", 0xC1: "ac3",
    0xC2: "eac3", 0xCF: "aac",
}  # fmt: skip
#: Blu-ray gives these private numbers meanings of its own.
_BLU_RAY_AUDIO_TYPES = {
    0x80: "pcm_bluray", 0x82: "dts", 0x83: "truehd", 0x84: "eac3", 0x85: "dts", 0x86: "dts", 0xA1: "eac3", 0xA2: "dts",
}  # fmt: skip
_FRAME_FORMATS = {"mp2": MPEG_AUDIO, "aac": ADTS, "ac3": AC3, "eac3": AC3}
_PROGRAM_MAP_TABLE = 2
_PRIVATE_TYPE = 0x06
_REGISTRATION = 0x05
_AUDIO_DESCRIPTORS = {0x6A: "ac3", 0x7A: "eac3", 0x7B: "dts", 0x7C: "aac"}
_REGISTERED: dict[bytes, tuple[MediaKind, str]] = {
    b"AC-3": (MediaKind.AUDIO, "ac3"), b"EAC3": (MediaKind.AUDIO, "eac3"), b"Opus": (MediaKind.AUDIO, "opus"),
    b"BSSD": (MediaKind.AUDIO, "s302m"), b"DTS1": (MediaKind.AUDIO, "dts"), b"DTS2": (MediaKind.AUDIO, "dts"),
    b"DTS3": (MediaKind.AUDIO, "dts"), b"HEVC": (MediaKind.VIDEO, "hevc"), b"VC-1": (MediaKind.VIDEO, "vc1"),
    b"AV01": (MediaKind.VIDEO, "av1"), b"drac": (MediaKind.VIDEO, "dirac"),
}  # fmt: skip


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
    """What the first bytes of the object say."""

    def __init__(self, data: bytes) -> None:
        self.size_bytes = len(data)
        self.packets = [packet for start in _packet_starts(data) if (packet := _packet_at(data, start)) is not None]
        self.stamps: dict[int, list[int]] = {}
        for packet in self.packets:
            if (time := packet.time) is not None:
                self.stamps.setdefault(packet.pid, []).append(time)
        self.program_map = _program_map(self.packets)


def plan(head: bytes, size_bytes: int) -> Plan:
    opening, tail, tail_start = _Opening(head), b"", size_bytes
    tail_stamps: dict[int, list[int]] = {}
    if len(head) < size_bytes:
        ranges = [(max(len(head), size_bytes - _TAIL_BYTES), size_bytes)]
        if not (opening.program_map and opening.stamps):
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
    streams = opening.program_map or _streams_by_packet_ids(opening.packets)
    if not streams:
        return damaged("mpegts", "no program map with an audio or video stream was found")
    end = tail or head
    stamps = [
        TimeStamps(opening.stamps.get(pid, []), tail_stamps.get(pid, []), _last_ticks(end, pid, stream))
        for pid, stream in streams.items()
    ]
    duration_s = seconds_between(stamps)
    unknown: str | None = None
    if duration_s is None:
        unknown = "no packet at the start carries a time stamp"
    elif jumps(duration_s, size_bytes, stamps, opening.size_bytes):
        duration_s, unknown = None, "the time stamps at the start and at the end do not belong together"
    described = tuple(_described(stream, _payload(opening.packets, pid)) for pid, stream in streams.items())
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in described) else MediaKind.AUDIO
    return MediaInfo("mpegts", kind, described, duration_s, unknown, _cut_packet(end, size_bytes))


def _cut_packet(data: bytes, size_bytes: int) -> str | None:
    """The `truncated` sentence when the object, whose last bytes these are, ends inside a packet."""
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
    for start in _packet_starts(data):
        # Most packets start no unit: they are passed over at once.
        if data[start + 1] & 0x40 and (packet := _packet_at(data, start)) and (time := packet.time) is not None:
            stamps.setdefault(packet.pid, []).append(time)
    return stamps


def _last_ticks(data: bytes, pid: int, stream: StreamInfo) -> int | None:
    """How long the frames behind the last time stamp of an audio stream last."""
    frame_format = _FRAME_FORMATS.get(stream.codec or "")
    if frame_format is None:
        return None
    payloads: list[bytes] = []
    for start in reversed(_packet_starts(data)):
        packet = _packet_at(data, start)
        if packet is None or packet.pid != pid:
            continue
        if packet.time is not None:
            payloads.append(packet.payload[payload_start(packet.payload, 0) :])
            return ticks_of_frames(b"".join(reversed(payloads)), frame_format)
        payloads.append(packet.payload)
    return None


def _payload(packets: list[_Packet], pid: int) -> bytes:
    """The first bytes of an elementary stream."""
    payload = bytearray()
    for packet in packets:
        if packet.pid == pid and (payload or packet.is_unit_start):
            payload += packet.payload[payload_start(packet.payload, 0) if packet.is_unit_start else 0 :]
            if len(payload) >= _OPENING_BYTES:
                break
    return bytes(payload)


def _described(stream: StreamInfo, payload: bytes) -> StreamInfo:
    """`stream` with what its own first bytes say."""
    if stream.codec in ("mpeg1video", "mpeg2video"):
        start = payload.find(SEQUENCE_HEADER)
        sequence = parse_sequence(payload, start) if start >= 0 else None
        return stream if sequence is None else sequence.stream(None)
    frame_format = _FRAME_FORMATS.get(stream.codec or "")
    frame = None if frame_format is None else first_frame(payload, frame_format)
    if frame is None:
        return stream
    rate_hz, channels = frame.sample_rate_hz, frame.channels or None
    return StreamInfo(MediaKind.AUDIO, frame.codec, sample_rate_hz=rate_hz, channels=channels)


def _program_map(packets: list[_Packet]) -> dict[int, StreamInfo]:
    """The audio and video streams of all programs, by packet id."""
    sections: dict[int, bytes] = {}
    map_pids = {0}
    streams: dict[int, StreamInfo] = {}
    for packet in packets:
        if packet.pid not in map_pids:
            continue
        if packet.is_unit_start:
            sections[packet.pid] = packet.payload[1 + packet.payload[0] :]
        elif packet.pid in sections:
            sections[packet.pid] += packet.payload
        section = sections.get(packet.pid, b"")
        section_bytes = 3 + (u16be(section, 1) & 0xFFF)
        if section_bytes < 12 or len(section) < section_bytes:
            continue
        # The last four bytes are a checksum.
        section = sections.pop(packet.pid)[: section_bytes - 4]
        if packet.pid == 0 and section[0] == 0:
            numbered = (at for at in range(8, len(section) - 3, 4) if u16be(section, at))
            map_pids.update(u16be(section, at + 2) & 0x1FFF for at in numbered)
        elif packet.pid and section[0] == _PROGRAM_MAP_TABLE:
            streams |= _parse_map(section)
            map_pids.remove(packet.pid)
            if map_pids == {0}:
                break
    return streams


def _parse_map(section: bytes) -> dict[int, StreamInfo]:
    program_info_end = 12 + (u16be(section, 10) & 0xFFF)
    is_blu_ray = b"HDMV" in section[12:program_info_end]
    streams: dict[int, StreamInfo] = {}
    position = program_info_end
    while position + 5 <= len(section):
        stream_type, pid = section[position], u16be(section, position + 1) & 0x1FFF
        info_end = position + 5 + (u16be(section, position + 3) & 0xFFF)
        found = _stream_of_type(stream_type, section[position + 5 : info_end], is_blu_ray)
        if found is not None:
            streams[pid] = found
        position = info_end
    return streams


def _stream_of_type(stream_type: int, descriptors: bytes, is_blu_ray: bool) -> StreamInfo | None:
    if stream_type in _VIDEO_TYPES:
        return StreamInfo(MediaKind.VIDEO, _VIDEO_TYPES[stream_type])
    if is_blu_ray and stream_type in _BLU_RAY_AUDIO_TYPES:
        return StreamInfo(MediaKind.AUDIO, _BLU_RAY_AUDIO_TYPES[stream_type])
    if stream_type in _AUDIO_TYPES:
        return StreamInfo(MediaKind.AUDIO, _AUDIO_TYPES[stream_type])
    if stream_type != _PRIVATE_TYPE:
        return None
    position = 0
    while position + 2 <= len(descriptors):
        tag, body = descriptors[position], descriptors[position + 2 : position + 2 + descriptors[position + 1]]
        if tag in _AUDIO_DESCRIPTORS:
            return StreamInfo(MediaKind.AUDIO, _AUDIO_DESCRIPTORS[tag])
        if tag == _REGISTRATION and body[:4] in _REGISTERED:
            return StreamInfo(*_REGISTERED[body[:4]])
        position += 2 + len(body)
    return None


def _streams_by_packet_ids(packets: list[_Packet]) -> dict[int, StreamInfo]:
    """Where no program map is: the streams whose packets call themselves audio or video."""
    streams: dict[int, StreamInfo] = {}
    for packet in packets:
        if packet.is_unit_start and packet.payload[:3] == b"\x00\x00\x01" and len(packet.payload) > 3:
            stream_id = packet.payload[3]
            if 0xC0 <= stream_id <= 0xEF:
                kind = MediaKind.VIDEO if stream_id >= 0xE0 else MediaKind.AUDIO
                streams.setdefault(packet.pid, StreamInfo(kind))
    return streams
