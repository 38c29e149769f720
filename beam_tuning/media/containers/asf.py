"""ASF: WMA and WMV.

Asks for nothing beyond the head: File Properties holds the play duration, which includes the preroll. Where that does
not hold (a broadcast, a cut object), the data packets, all of one size, are read at the end, and the last presentation
time is taken.

Specification: Microsoft, "Advanced Systems Format (ASF) Specification", revision 01.20.06.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, Window, cut_at, damaged, read, u16le, u32le, u64le
from beam_tuning.media.containers.windows_codecs import parse_wave_format, video_codec
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


_HEADER = _guid("75B22630-668E-11CF-A6D9-00AA0062CE6C")
_DATA = _guid("75B22636-668E-11CF-A6D9-00AA0062CE6C")
_FILE_PROPERTIES = _guid("8CABDCA1-A947-11CF-8EE4-00C00C205365")
_STREAM_PROPERTIES = _guid("B7DC0791-A9B7-11CF-8EE6-00C00C205365")
_HEADER_EXTENSION = _guid("5FBF03B5-A92E-11CF-8EE3-00C00C205365")
_EXTENDED_STREAM_PROPERTIES = _guid("14E6A5CB-C672-4332-8399-A96952065B5A")
_AUDIO = _guid("F8699E40-5B4D-11CF-A8FD-00805F5C442B")
_VIDEO = _guid("BC19EFC0-5B4D-11CF-A8FD-00805F5C442B")

_OBJECT_HEADER_BYTES = 24
_DATA_HEADER_BYTES = 50
_MAX_HEADER_BYTES = 16 << 20
_MAX_OBJECTS = 256
_TAIL_BYTES = 64 * 1024
_HUNDRED_NS = 1e7
_BROADCAST = 1


def matches(head: bytes) -> bool:
    return head[:16] == _HEADER


class _FileProperties(NamedTuple):
    file_bytes: int
    play_s: float
    preroll_ms: int
    is_broadcast: bool
    packet_bytes: int

    @property
    def duration_s(self) -> float | None:
        seconds = self.play_s - self.preroll_ms / 1000
        return seconds if seconds > 0 and not self.is_broadcast else None


def plan(head: bytes, size_bytes: int) -> Plan:
    window = Window(head, size_bytes)
    header_bytes = u64le(head, 16)
    if not 30 <= header_bytes <= _MAX_HEADER_BYTES:
        return damaged("asf", f"it declares a length of {header_bytes} bytes")
    properties, streams = yield from _read_header(window, header_bytes)
    if properties is None or not streams:
        if (cut := cut_at("the header", header_bytes, size_bytes)) is None:
            return damaged("asf", "it has no file properties or no audio or video stream")
        return MediaInfo("asf", MediaKind.VIDEO, duration_unknown="the object ends inside its header", truncated=cut)
    declared_bytes = 0 if properties.is_broadcast else properties.file_bytes
    truncated = cut_at("the file that the header describes", declared_bytes, size_bytes)
    duration_s = properties.duration_s if truncated is None else None
    unknown = None
    if duration_s is None:
        duration_s = yield from _seconds_between_packets(window, header_bytes + _DATA_HEADER_BYTES, properties)
        unknown = None if duration_s else "the header does not say it, and no data packet with a time was found"
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in streams) else MediaKind.AUDIO
    return MediaInfo("asf", kind, streams, duration_s or None, unknown, truncated)


def _read_header(window: Window, header_bytes: int) -> Steps[tuple[_FileProperties | None, tuple[StreamInfo, ...]]]:
    properties: _FileProperties | None = None
    streams: dict[int, StreamInfo] = {}
    frame_rates: dict[int, float] = {}
    position = 30
    for _ in range(_MAX_OBJECTS):
        header = yield from window.at(position, _OBJECT_HEADER_BYTES)
        size = u64le(header, 16)
        if len(header) < _OBJECT_HEADER_BYTES or size < _OBJECT_HEADER_BYTES or position + size > header_bytes:
            break
        if header[:16] in (_FILE_PROPERTIES, _STREAM_PROPERTIES, _HEADER_EXTENSION):
            payload = (yield from window.at(position, size))[_OBJECT_HEADER_BYTES:]
            if header[:16] == _FILE_PROPERTIES:
                properties = _parse_file_properties(payload)
            elif header[:16] == _STREAM_PROPERTIES:
                streams.update(_parse_stream(payload))
            else:
                for guid, extension in _objects(payload[22:]):
                    if guid == _EXTENDED_STREAM_PROPERTIES and (frame_time := u64le(extension, 52)):
                        frame_rates[u16le(extension, 48)] = _HUNDRED_NS / frame_time
                        # It may hold the properties of a stream that has no object of its own.
                        at = extension.find(_STREAM_PROPERTIES)
                        streams.update(_parse_stream(extension[at + _OBJECT_HEADER_BYTES :]) if at > 0 else {})
        position += size
    return properties, tuple(
        msgspec.structs.replace(one, fps=frame_rates.get(number)) if one.kind is MediaKind.VIDEO else one
        for number, one in streams.items()
    )


def _objects(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + _OBJECT_HEADER_BYTES <= len(data):
        size = u64le(data, position + 16)
        if size < _OBJECT_HEADER_BYTES:
            return
        yield data[position : position + 16], data[position + _OBJECT_HEADER_BYTES : position + size]
        position += size


def _parse_file_properties(payload: bytes) -> _FileProperties | None:
    if len(payload) < 80:
        return None
    smallest, largest = u32le(payload, 68), u32le(payload, 72)
    return _FileProperties(
        file_bytes=u64le(payload, 16),
        play_s=u64le(payload, 40) / _HUNDRED_NS,
        preroll_ms=u64le(payload, 56),
        is_broadcast=bool(u32le(payload, 64) & _BROADCAST),
        packet_bytes=largest if smallest == largest else 0,
    )


def _parse_stream(payload: bytes) -> dict[int, StreamInfo]:
    """A stream's number and what is known of it; empty when it is neither audio nor video."""
    number, specific = u16le(payload, 48) & 0x7F, payload[54 : 54 + u32le(payload, 40)]
    if payload[:16] == _AUDIO and (wave := parse_wave_format(specific)):
        rate_hz, channels = wave.sample_rate_hz or None, wave.channels or None
        return {number: StreamInfo(MediaKind.AUDIO, wave.codec, sample_rate_hz=rate_hz, channels=channels)}
    if payload[:16] == _VIDEO and len(specific) >= 51:
        # Width, height, a flag and a size; then a BITMAPINFOHEADER.
        width_px, height_px = u32le(specific, 0) or None, u32le(specific, 4) or None
        codec = video_codec(specific[27:31])
        return {number: StreamInfo(MediaKind.VIDEO, codec, width_px=width_px, height_px=height_px)}
    return {}


def _seconds_between_packets(window: Window, data_start: int, properties: _FileProperties) -> Steps[float | None]:
    """From the first to the last presentation time of the data packets that the object holds whole."""
    packet_bytes, size_bytes = properties.packet_bytes, window.size_bytes
    data_bytes = size_bytes - data_start
    if not 0 < packet_bytes <= _TAIL_BYTES or data_bytes < packet_bytes:
        return None
    first_times = _packet_times((yield from window.at(data_start, packet_bytes)))
    packets = data_bytes // packet_bytes
    tail_start = data_start + max(0, packets - _TAIL_BYTES // packet_bytes) * packet_bytes
    (tail,) = yield from read((tail_start, data_start + packets * packet_bytes))
    times: dict[int, set[int]] = {}
    for position in range(0, len(tail), packet_bytes):
        for number, time_ms in _packet_times(tail[position : position + packet_bytes]):
            times.setdefault(number, set()).add(time_ms)
    ends_ms: list[int] = []
    for stream_times in times.values():
        ordered = sorted(stream_times)
        # The last one lasts as long as the one before it did.
        ends_ms.append(ordered[-1] + (ordered[-1] - ordered[-2] if len(ordered) > 1 else 0))
    if not ends_ms or not first_times:
        return None
    start_ms = min(time_ms for _, time_ms in first_times)
    return max(0, max(ends_ms) - max(start_ms, properties.preroll_ms)) / 1000


def _packet_times(packet: bytes) -> list[tuple[int, int]]:
    """(stream number, presentation time in ms) of each payload of a data packet (section 5.2)."""
    times: list[tuple[int, int]] = []
    position = 1 + (packet[0] & 15) if packet and packet[0] & 0x80 else 0

    def take(length_type: int) -> int:
        nonlocal position
        length = (0, 1, 2, 4)[length_type & 3]
        value = int.from_bytes(packet[position : position + length], "little")
        position += length
        return value

    length_flags, property_flags = take(1), take(1)
    for length_type in (length_flags >> 5, length_flags >> 1, length_flags >> 3, 3, 2):
        take(length_type)
    has_several = length_flags & 1
    payload_flags = take(1) if has_several else 1
    for _ in range(payload_flags & 63):
        number = take(1) & 0x7F
        take(property_flags >> 4)
        offset, replicated_bytes = take(property_flags >> 2), take(property_flags)
        if replicated_bytes == 1:
            # Compressed payloads have their time in place of the offset, and one byte of difference.
            times.append((number, offset))
        elif replicated_bytes >= 8:
            times.append((number, u32le(packet, position + 4)))
        position += replicated_bytes
        if has_several:
            payload_bytes = take(payload_flags >> 6)
            position += payload_bytes
        if position > len(packet):
            break
    return times
