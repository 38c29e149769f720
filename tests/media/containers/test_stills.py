"""Still pictures and PDF: told from media, with their size."""

from __future__ import annotations

import functools
import struct

import pytest
from media_making import make_media
from plan_driving import drive

from beam_tuning.media.containers import pdf, stills
from beam_tuning.media.info import FailureKind, MediaKind


@functools.cache
def picture(container: str, codec: str) -> bytes:
    return make_media(container, video=codec, duration_s=0.04, size_px=(80, 48))


def jpeg(*segments: bytes) -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 48, 80, 1) + bytes(3)
    return b"\xff\xd8" + b"".join(segments) + frame + b"\xff\xd9"


def segment(marker: int, size: int) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", size) + bytes(size - 2)


def webp(form: bytes, payload: bytes) -> bytes:
    body = b"WEBP" + form + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(header_bytes: int = 40, width: int = 80, height: int = 48, planes: int = 1) -> bytes:
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, planes, 24)
    else:
        header = struct.pack("<IiiHH", header_bytes, width, height, planes, 24).ljust(header_bytes, b"\0")
    return b"BM" + struct.pack("<III", 14 + len(header), 0, 14 + len(header)) + header


@pytest.mark.parametrize(
    ("container", "data"),
    [
        ("png", lambda: picture("image2pipe", "png")),
        ("jpeg", lambda: picture("mjpeg", "mjpeg")),
        ("gif", lambda: picture("gif", "gif")),
        ("jpeg", lambda: jpeg(segment(0xE1, 65000), segment(0xE2, 65000), segment(0xE2, 65000), b"\xff\xff")),
        ("jpeg", lambda: jpeg(segment(0xC4, 100), b"\xff\x01")),
        ("webp", lambda: webp(b"VP8X", bytes(4) + (79).to_bytes(3, "little") + (47).to_bytes(3, "little"))),
        ("webp", lambda: webp(b"VP8L", b"\x2f" + struct.pack("<I", 47 << 14 | 79))),
        ("webp", lambda: webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 80 | 1 << 14, 48))),
        ("bmp", lambda: bmp()),
        ("bmp", lambda: bmp(12)),
        ("bmp", lambda: bmp(124, height=-48)),
    ],
)
def test_pictures_have_a_size_and_no_length(container: str, data: functools.partial[bytes]) -> None:
    driven = drive(stills, data())
    info = driven.info
    assert (info.container, info.kind, info.width_px, info.height_px) == (container, MediaKind.IMAGE, 80, 48)
    assert (info.duration_s, info.streams, info.truncated) == (None, (), None)
    assert driven.requests <= 3


def test_large_metadata_of_a_jpeg_are_stepped_over() -> None:
    driven = drive(stills, jpeg(*[segment(0xE2, 65535)] * 300))
    assert driven.media is not None
    assert driven.rounds <= 12
    assert driven.read_bytes < 1_000_000


@pytest.mark.parametrize("data", [webp(b"VP8X", bytes(10))[:-3], bmp()[:-2]])
def test_cut_pictures_that_declare_their_size(data: bytes) -> None:
    assert drive(stills, data).info.truncated is not None


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(8),
        b"GIF89a" + bytes(4),
        webp(b"JUNK", bytes(30)),
        webp(b"VP8L", bytes(5)),
        bmp(width=0),
        b"\xff\xd8\xff\xd9" + bytes(100),
        b"\xff\xd8\xff\xe0",
        b"\xff\xd8\xff\xe0\x00\x00" * 2000,
    ],
)
def test_pictures_without_a_size(data: bytes) -> None:
    assert drive(stills, data).failure.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize(
    "head",
    [b"", b"BM", b"BMessages" + bytes(60), bmp(planes=2), bmp(41), b"GIF88a", b"\xff\xd8\xff", b"\xff\xd8\xff\x00"],
)
def test_other_bytes_are_no_pictures(head: bytes) -> None:
    assert not stills.matches(head)


@pytest.mark.parametrize("head", [b"%PDF-1.7\n", b"\xef\xbb\xbf%PDF-2.0", b"\r\n  %PDF-1.4"])
def test_pdf_is_a_document(head: bytes) -> None:
    driven = drive(pdf, head + bytes(1000))
    assert (driven.info.container, driven.info.kind) == ("pdf", MediaKind.DOCUMENT)
    assert driven.requests == 1


@pytest.mark.parametrize("head", [b"", b"%PDF", b"%PDF-", b"%PDF-x", b"text about %PDF-1.7"])
def test_other_bytes_are_not_pdf(head: bytes) -> None:
    assert not pdf.matches(head)
