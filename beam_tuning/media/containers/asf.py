"""ASF: WMA and WMV.

Asks for nothing beyond the head: File Properties holds the play duration, which includes the preroll. It is believed
when the packets in the head go by at about that speed. Where it does not hold (a broadcast, a cut object), the data
packets, all of one size, are read at the end, and the last presentation time is taken.

File Properties holds a file size too, which tools that edit the header or leave an index out do not correct; the Data
object says where the packets end. Only where both lie beyond the end of the object is it cut.

Specification: Microsoft, "Advanced Systems Format (ASF) Specification", revision 01.20.06.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from beam_tuning.media.containers.lengths import known, lacks
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, Window, cut_at, damaged, u16le, u32le, u64le
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
_BEYOND = 1 << 64
#: Packets in the head that tell of the speed, and how far that of the whole may differ: pictures vary much in size.
_TELLING_PACKETS = 4
_SPEED_FACTORS = {MediaKind.AUDIO: 1.5, MediaKind.VIDEO: 6}
#: The last payload lasts a while: sound comes in lumps of up to about a second.
_NEAR_S = 1.0
#: Far less than the lowest rate of a codec (5 kbit/s).
_MIN_BYTES_PER_S = 50


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
    kind = MediaKind.VIDEO if any(one.kind is MediaKind.VIDEO for one in streams) else MediaKind.AUDIO
    truncated, tail_cut = yield from _end_of(window, header_bytes, properties)
    packets = _Packets(window, header_bytes, properties)
    duration_s = properties.duration_s if truncated is None else None
    if duration_s is None or not packets.bear_out(duration_s, kind):
        duration_s = yield from packets.seconds()
    duration_s, unknown = known(duration_s, "the header does not say it, and no data packet with a time was found")
    return MediaInfo("asf", kind, streams, duration_s, unknown, truncated, tail_cut)


def _end_of(window: Window, data_object: int, properties: _FileProperties) -> Steps[tuple[str | None, str | None]]:
    """(`truncated`, `tail_cut`)."""
    if properties.is_broadcast or properties.file_bytes <= window.size_bytes:
        return None, None
    data_end = _data_end((yield from window.at(data_object, _OBJECT_HEADER_BYTES)), data_object)
    end, what = min((properties.file_bytes, "the file that the header describes"), (data_end, "the data object"))
    missing_bytes = end - window.size_bytes
    if missing_bytes <= 0:
        return None, None
    if missing_bytes < properties.packet_bytes:
        return None, lacks(what, missing_bytes)
    return cut_at(what, end, window.size_bytes), None


def _data_end(header: bytes, data_object: int) -> int:
    """Where the data object ends, by its header; beyond all objects when that is not said."""
    size = u64le(header, 16)
    return data_object + size if header[:16] == _DATA and size > _DATA_HEADER_BYTES else _BEYOND


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


class _Packets:
    """The data packets that the object holds whole."""

    def __init__(self, window: Window, data_object: int, properties: _FileProperties) -> None:
        self._window = window
        self._bytes = properties.packet_bytes if properties.packet_bytes <= _TAIL_BYTES else 0
        self._preroll_ms = properties.preroll_ms
        self._start = data_object + _DATA_HEADER_BYTES
        # What follows the data object is an index.
        end = min(window.size_bytes, _data_end(window.held(data_object), data_object))
        self._count = max(0, end - self._start) // self._bytes if self._bytes else 0

    def bear_out(self, duration_s: float, kind: MediaKind) -> bool:
        """Whether those in the head go by at about the speed that all of them must have to last so long."""
        held = self._window.held(self._start)[: self._count * self._bytes]
        times_ms = [time_ms for _, time_ms in self._times(held)]
        if duration_s > self._longest_s():
            return False
        held_s = (max(times_ms) - min(times_ms)) / 1000 if times_ms else 0
        if len(held) == self._count * self._bytes and times_ms:
            return abs(duration_s - held_s) <= _NEAR_S
        if len(held) < _TELLING_PACKETS * self._bytes or not times_ms:
            return True
        expected_s = held_s * self._count * self._bytes / len(held)
        factor = _SPEED_FACTORS[kind]
        return duration_s < factor * (expected_s + 1) and expected_s < factor * (duration_s + 1)

    def seconds(self) -> Steps[float | None]:
        """From the first to the last presentation time."""
        if not self._count:
            return None
        first_times = _packet_times((yield from self._window.at(self._start, self._bytes)))
        end = self._start + self._count * self._bytes
        tail_start = max(self._start, end - _TAIL_BYTES // self._bytes * self._bytes)
        tail = yield from self._window.at(tail_start, end - tail_start)
        times: dict[int, set[int]] = {}
        for number, time_ms in self._times(tail):
            times.setdefault(number, set()).add(time_ms)
        ends_ms: list[int] = []
        for stream_times in times.values():
            ordered = sorted(stream_times)
            # The last one lasts as long as the one before it did.
            ends_ms.append(ordered[-1] + (ordered[-1] - ordered[-2] if len(ordered) > 1 else 0))
        if not ends_ms or not first_times:
            return None
        start_ms = min(time_ms for _, time_ms in first_times)
        seconds = max(0, max(ends_ms) - max(start_ms, self._preroll_ms)) / 1000
        return seconds if seconds <= self._longest_s() else None

    def _longest_s(self) -> float:
        return self._window.size_bytes / _MIN_BYTES_PER_S

    def _times(self, packets: bytes) -> list[tuple[int, int]]:
        """As `_packet_times`, of several packets."""
        starts = range(0, len(packets) - self._bytes + 1, self._bytes or 1)
        return [time for start in starts for time in _packet_times(packets[start : start + self._bytes])]


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
