"""Still pictures: PNG, JPEG, WebP, GIF and BMP.

Asks for nothing beyond the head: width and height stand in it. Only a JPEG with large metadata (EXIF thumbnails, colour
profiles) costs a read or two to step over them. Sizes that WebP and BMP declare show a cut.

Specifications: W3C PNG (third edition), ITU-T T.81 (JPEG), RFC 9649 (WebP), CompuServe GIF89a, and
https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader.
"""

from __future__ import annotations

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import Steps, Window, cut_at, damaged, u16be, u16le, u32be, u32le
from beam_tuning.media.info import MediaInfo, MediaKind

_PNG = b"\x89PNG\r\n\x1a\n"
_BMP_HEADER_BYTES = frozenset({12, 40, 52, 56, 64, 108, 124})
#: Start-of-frame markers: all of 0xC0 to 0xCF but those of tables and extensions.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_JPEG_SEGMENTS = 512


def matches(head: bytes) -> bool:
    return _container(head) is not None


def plan(head: bytes, size_bytes: int) -> Plan:
    container = _container(head) or "image"
    truncated: str | None = None
    if container == "png":
        size_px = u32be(head, 16), u32be(head, 20)
    elif container == "gif":
        size_px = u16le(head, 6), u16le(head, 8)
    elif container == "webp":
        size_px = _webp_size(head)
        truncated = cut_at("the RIFF form", 8 + u32le(head, 4), size_bytes)
    elif container == "bmp":
        size_px = _bmp_size(head)
        truncated = cut_at("the file that the header describes", u32le(head, 2), size_bytes)
    else:
        size_px = yield from _jpeg_size(Window(head, size_bytes))
    if not all(size_px):
        return damaged(container, "it says no width or height")
    return MediaInfo(container, MediaKind.IMAGE, truncated=truncated, width_px=size_px[0], height_px=size_px[1])


def _container(head: bytes) -> str | None:
    if head[:8] == _PNG and head[12:16] == b"IHDR":
        return "png"
    if head[:3] == b"\xff\xd8\xff" and head[3:4] >= b"\xc0":
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    # Two letters are little: the reserved fields are zero, the header has a known length and one plane.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and u32le(head, 14) in _BMP_HEADER_BYTES:
        planes = u16le(head, 22) if u32le(head, 14) == 12 else u16le(head, 26)
        return "bmp" if planes == 1 else None
    return None


def _webp_size(head: bytes) -> tuple[int, int]:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8L" and head[20:21] == b"\x2f":
        packed = u32le(head, 21)
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if form == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        # The two upper bits of each are a scale for display.
        return u16le(head, 26) & 0x3FFF, u16le(head, 28) & 0x3FFF
    return 0, 0


def _bmp_size(head: bytes) -> tuple[int, int]:
    if u32le(head, 14) == 12:
        return u16le(head, 18), u16le(head, 20)
    # A negative height means rows from top to bottom.
    return u32le(head, 18), abs(int.from_bytes(head[22:26], "little", signed=True))


def _jpeg_size(window: Window) -> Steps[tuple[int, int]]:
    position = 2
    for _ in range(_MAX_JPEG_SEGMENTS):
        segment = yield from window.at(position, 9)
        if len(segment) < 9 or segment[0] != 0xFF:
            break
        marker = segment[1]
        if marker == 0xFF:
            position += 1
        elif marker in _JPEG_FRAMES:
            return u16be(segment, 7), u16be(segment, 5)
        elif marker == 0x01 or 0xD0 <= marker <= 0xD9:
            position += 2
        else:
            position += 2 + u16be(segment, 2)
    return 0, 0
