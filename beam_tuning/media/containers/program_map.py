"""The program map of an MPEG transport stream: which packet ids carry audio and video, and of which codec.

Specifications: ISO/IEC 13818-1 (Rec. ITU-T H.222.0), 2.4.4; ETSI EN 300 468, annex D, for private streams;
https://wiki.xiph.org/OpusTS; https://www.smpte-ra.org/mpegreg (registered formats).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from beam_tuning.media.containers.reading import u16be
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaKind, StreamInfo

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
_EXTENSION, _OPUS_EXTENSION = 0x7F, 0x80
_OPUS_HZ = 48_000
#: Programs of one stream whose maps are read; a broadcast multiplex has a dozen.
_MAX_PROGRAMS = 256


class MapPacket(Protocol):
    """What is read of a transport packet."""

    @property
    def pid(self) -> int: ...
    @property
    def is_unit_start(self) -> bool: ...
    @property
    def payload(self) -> bytes: ...


class ProgramMap(NamedTuple):
    """The streams of all programs, by packet id, in the order of the map.

    Attributes:
      streams: audio and video.
      unnamed: private streams of which the map does not say what they are.
    """

    streams: dict[int, StreamInfo]
    unnamed: frozenset[int]


def read_program_map(packets: Iterable[MapPacket]) -> ProgramMap:
    """Puts the sections of the tables together, and reads them."""
    sections: dict[int, bytes] = {}
    maps: dict[int, bytes] = {}
    map_pids = {0}
    streams: dict[int, StreamInfo] = {}
    unnamed: set[int] = set()
    for packet in packets:
        if packet.pid not in map_pids:
            continue
        spend()
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
            numbered = [at for at in range(8, len(section) - 3, 4) if u16be(section, at)]
            map_pids.update(u16be(section, at + 2) & 0x1FFF for at in numbered[: _MAX_PROGRAMS + 1 - len(map_pids)])
        elif packet.pid and section[0] == _PROGRAM_MAP_TABLE and maps.get(packet.pid) != section:
            # Maps are sent again and again; one that changed may name a stream that has been added.
            maps[packet.pid] = section
            for pid, stream in _entries(section):
                if stream is None:
                    unnamed.add(pid)
                else:
                    streams.setdefault(pid, stream)
    return ProgramMap(streams, frozenset(unnamed - streams.keys()))


def _entries(section: bytes) -> Iterator[tuple[int, StreamInfo | None]]:
    """(packet id, stream) of each audio and video stream of a map; None for a private stream that is not named."""
    program_info_end = 12 + (u16be(section, 10) & 0xFFF)
    is_blu_ray = b"HDMV" in section[12:program_info_end]
    position = program_info_end
    while position + 5 <= len(section):
        spend()
        stream_type, pid = section[position], u16be(section, position + 1) & 0x1FFF
        info_end = position + 5 + (u16be(section, position + 3) & 0xFFF)
        descriptors = section[position + 5 : info_end]
        found = _stream_of_type(stream_type, descriptors, is_blu_ray)
        if found is not None or stream_type == _PRIVATE_TYPE:
            yield pid, found
        position = info_end


def _stream_of_type(stream_type: int, descriptors: bytes, is_blu_ray: bool) -> StreamInfo | None:
    if stream_type in _VIDEO_TYPES:
        return StreamInfo(MediaKind.VIDEO, _VIDEO_TYPES[stream_type])
    if is_blu_ray and stream_type in _BLU_RAY_AUDIO_TYPES:
        return StreamInfo(MediaKind.AUDIO, _BLU_RAY_AUDIO_TYPES[stream_type])
    if stream_type in _AUDIO_TYPES:
        return StreamInfo(MediaKind.AUDIO, _AUDIO_TYPES[stream_type])
    if stream_type != _PRIVATE_TYPE:
        return None
    found: StreamInfo | None = None
    position = 0
    while position + 2 <= len(descriptors):
        tag, body = descriptors[position], descriptors[position + 2 : position + 2 + descriptors[position + 1]]
        if tag in _AUDIO_DESCRIPTORS:
            return StreamInfo(MediaKind.AUDIO, _AUDIO_DESCRIPTORS[tag])
        if tag == _REGISTRATION and body[:4] in _REGISTERED:
            found = StreamInfo(*_REGISTERED[body[:4]])
        elif tag == _EXTENSION and len(body) >= 2 and body[0] == _OPUS_EXTENSION:
            # 1 to 8 are as many channels; other codes are layouts that the stream itself describes.
            channels = body[1] if 1 <= body[1] <= 8 else None
            return StreamInfo(MediaKind.AUDIO, "opus", sample_rate_hz=_OPUS_HZ, channels=channels)
        position += 2 + len(body)
    return found
