"""HEIC and AVIF: still pictures in the ISO base media file format.

ISO/IEC 23008-12 and https://aomediacodec.github.io/av1-avif. The first read holds the `meta` box; its largest picture
(`ispe`) is the whole image, smaller ones are tiles and previews.
"""

from __future__ import annotations

from struct import Struct

from beam_tuning.media.containers.boxes import Box, Held, boxes, child
from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.containers.reading import cut_at, read
from beam_tuning.media.info import MediaInfo, MediaKind

_TWO_U32 = Struct(">II").unpack_from

#: Brands of still pictures, by container name.
_BRANDS = {
    b"heic": "heic",
    b"heix": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"mif1": "heif",
    b"mif2": "heif",
    b"avif": "avif",
}
_MAX_META_BYTES = 1 << 20


def is_picture(head: bytes) -> bool:
    """Whether the file's major brand is that of a still picture."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def read_picture(head: bytes, held: Held, box: Box, size_bytes: int) -> Plan:
    """Reads the picture that `box`, a `meta` box whose start is held, describes."""
    stop = min(box.stop, box.body + _MAX_META_BYTES, size_bytes)
    if stop > held.stop:
        (rest,) = yield from read((held.stop, stop))
        held = Held(held.start, held.data + rest)
    width_px = height_px = 0
    # `meta` is a full box: four bytes of version and flags before its children.
    properties = child(held.data, box.body + 4 - held.start, stop - held.start, b"iprp")
    container = properties and child(held.data, *properties, b"ipco")
    for kind, body, end in boxes(held.data, *container) if container else ():
        if kind == b"ispe" and end - body >= 12:
            width, height = _TWO_U32(held.data, body + 4)
            if width * height > width_px * height_px:
                width_px, height_px = width, height
    position: int | None = box.stop
    truncated = None
    while position is not None and truncated is None:
        truncated = cut_at("the picture", position, size_bytes)
        following = held.box_at(position, size_bytes)
        position = following.stop if following is not None else None
    return MediaInfo(
        _BRANDS[head[8:12]],
        MediaKind.IMAGE,
        truncated=truncated,
        width_px=width_px or None,
        height_px=height_px or None,
    )
