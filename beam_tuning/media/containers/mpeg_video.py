"""MPEG-1 and MPEG-2 video as a bare elementary stream.

Asks for the whole object: the sequence header holds size and frame rate, but no length; pictures are counted.

Specifications: ISO/IEC 11172-2, 2.4.2; ISO/IEC 13818-2, 6.2 and 6.3.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import damaged, stream
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import MediaInfo, MediaKind, StreamInfo

SEQUENCE_HEADER = b"\x00\x00\x01\xb3"
_SEQUENCE_EXTENSION = re.compile(rb"\x00\x00\x01\xb5[\x10-\x1f]")
_FRAME_RATES = (None, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
#: A picture, or the extension that says whether a picture is a frame or one of its two fields.
_PICTURE = re.compile(rb"\x00\x00\x01(?:(\x00)|\xb5[\x80-\x8f].(.))", re.DOTALL)
_OVERLAP_BYTES = 6
_WHOLE_FRAME = 3


class Sequence(NamedTuple):
    """A sequence header and its extension."""

    codec: str
    width_px: int
    height_px: int
    fps: float

    def stream(self, duration_s: float | None) -> StreamInfo:
        return StreamInfo(
            MediaKind.VIDEO, self.codec, duration_s, width_px=self.width_px, height_px=self.height_px, fps=self.fps
        )


def parse_sequence(data: bytes, start: int) -> Sequence | None:
    """The sequence header at `start`; None when it is none."""
    header = data[start : start + 12]
    if len(header) < 12 or header[:4] != SEQUENCE_HEADER or not header[10] & 0x20:
        return None
    width_px, height_px = header[4] << 4 | header[5] >> 4, (header[5] & 15) << 8 | header[6]
    aspect, rate_code = header[7] >> 4, header[7] & 15
    if not (width_px and height_px and 1 <= aspect <= 14 and 1 <= rate_code <= 8):
        return None
    fps = _FRAME_RATES[rate_code] or 0.0
    # Two quantiser matrices may stand between a header and its extension.
    extension = _SEQUENCE_EXTENSION.search(data, start + 12, start + 12 + 144)
    if extension is None or len(data) < extension.start() + 10:
        return Sequence("mpeg1video", width_px, height_px, fps)
    bits = int.from_bytes(data[extension.start() + 4 : extension.start() + 10], "big")
    width_px |= (bits >> 31 & 3) << 12
    height_px |= (bits >> 29 & 3) << 12
    fps *= ((bits >> 5 & 3) + 1) / ((bits & 31) + 1)
    return Sequence("mpeg2video", width_px, height_px, fps)


def matches(head: bytes) -> bool:
    return parse_sequence(head, 0) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    sequence = parse_sequence(head, 0)
    if sequence is None:
        return damaged("mpegvideo", "it is no sequence header")
    counter = PictureCounter()
    counter.feed(head)
    if len(head) < size_bytes:
        for piece in (yield from stream(len(head))):
            counter.feed(piece)
    duration_s = counter.frames / sequence.fps
    unknown = None if duration_s else "no picture was found"
    streams = (sequence.stream(duration_s or None),)
    return MediaInfo("mpegvideo", MediaKind.VIDEO, streams, duration_s or None, unknown)


class PictureCounter:
    """Counts the pictures of a stream that comes in pieces; two fields are one picture."""

    def __init__(self) -> None:
        self._pictures = 0
        self._fields = 0
        self._rest = b""

    @property
    def frames(self) -> float:
        return self._pictures - self._fields / 2

    def feed(self, piece: bytes) -> None:
        data = self._rest + piece
        done = max(0, len(data) - _OVERLAP_BYTES)
        for match in _PICTURE.finditer(data):
            spend()
            if match.group(1):
                self._pictures += 1
            elif match.group(2)[0] & 3 != _WHOLE_FRAME:
                self._fields += 1
            done = max(done, match.end())
        self._rest = data[done:]
