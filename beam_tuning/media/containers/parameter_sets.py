"""Width and height of H.264 and HEVC video, from the sequence parameter set that opens a stream.

Specifications: Rec. ITU-T H.264 (08/2021), 7.3.2.1.1 and annex B; Rec. ITU-T H.265 (08/2021), 7.3.2.2, 7.3.3 and annex
B.
"""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.media.containers.bits import Bits
from beam_tuning.media.containers.work import spend

#: A NAL unit ends where the next start code, or zeros before it, begin.
_START_CODE = b"\0\0\1"
_H264_PARAMETERS, _HEVC_PARAMETERS = 7, 33
#: Profiles whose parameter sets tell of colour sampling and scaling (H.264, 7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
#: chroma_format_idc -> (SubWidthC, SubHeightC) (H.264, table 6-1; H.265, table 6-1).
_CHROMA_STEPS = ((1, 1), (2, 2), (2, 1), (1, 1))
#: A parameter set is shorter; only its front is read.
_MAX_BYTES = 1024
_MAX_SIDE_PX = 1 << 16

SizePx = tuple[int, int]


def h264_size(payload: bytes) -> SizePx | None:
    """(width, height) in pixels of the first sequence parameter set in a byte stream; None when none says it."""
    for unit in _units(payload):
        if unit[0] & 0x1F == _H264_PARAMETERS:
            return _possible(_h264_size(unit[1:]))
    return None


def hevc_size(payload: bytes) -> SizePx | None:
    """(width, height) in pixels of the first sequence parameter set in a byte stream; None when none says it."""
    for unit in _units(payload):
        if unit[0] >> 1 & 0x3F == _HEVC_PARAMETERS:
            return _possible(_hevc_size(unit[2:]))
    return None


def _units(payload: bytes) -> Iterator[bytes]:
    """The fronts of the NAL units, without start codes and emulation prevention; the last one as far as it is there."""
    start = payload.find(_START_CODE)
    while start >= 0:
        spend()
        start += len(_START_CODE)
        stop = payload.find(_START_CODE, start)
        unit = payload[start : min(stop if stop >= 0 else len(payload), start + _MAX_BYTES)]
        if unit:
            yield unit.replace(b"\0\0\3", b"\0\0")
        start = stop


def _possible(size_px: SizePx | None) -> SizePx | None:
    return size_px if size_px is not None and all(0 < side <= _MAX_SIDE_PX for side in size_px) else None


def _h264_size(unit: bytes) -> SizePx | None:
    bits = Bits(unit)
    profile = bits.take(8)
    bits.take(16)
    bits.take_unsigned()
    chroma, separate_planes = 1, 0
    if profile in _HIGH_PROFILES:
        chroma = bits.take_unsigned()
        separate_planes = bits.take(1) if chroma == 3 else 0
        bits.take_unsigned()
        bits.take_unsigned()
        bits.take(1)
        for number in range((8 if chroma != 3 else 12) if bits.take(1) else 0):
            if bits.take(1):
                _pass_scaling_list(bits, 16 if number < 6 else 64)
    bits.take_unsigned()
    order_type = bits.take_unsigned()
    if order_type == 0:
        bits.take_unsigned()
    elif order_type == 1:
        bits.take(1)
        bits.take_signed()
        bits.take_signed()
        for _ in range(min(bits.take_unsigned(), 255)):
            bits.take_signed()
    bits.take_unsigned()
    bits.take(1)
    width, height = 16 * (bits.take_unsigned() + 1), 16 * (bits.take_unsigned() + 1)
    frames_only = bits.take(1)
    height *= 2 - frames_only
    if not frames_only:
        bits.take(1)
    bits.take(1)
    step_x, step_y = _CHROMA_STEPS[0 if separate_planes or chroma > 3 else chroma]
    return _cropped(bits, width, height, step_x, step_y * (2 - frames_only))


def _pass_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.take_signed()) % 256
        last = following or last


def _hevc_size(unit: bytes) -> SizePx | None:
    bits = Bits(unit)
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    # profile_tier_level: 88 bits of the general profile, 8 of its level, then what each sublayer has of these.
    bits.take(88 + 8)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
    bits.take_unsigned()
    chroma = bits.take_unsigned()
    separate_planes = bits.take(1) if chroma == 3 else 0
    width, height = bits.take_unsigned(), bits.take_unsigned()
    return _cropped(bits, width, height, *_CHROMA_STEPS[0 if separate_planes or chroma > 3 else chroma])


def _cropped(bits: Bits, width: int, height: int, step_x: int, step_y: int) -> SizePx | None:
    """What is left of the picture; the bits go on with the flag of the window. None when the set ends before."""
    if bits.take(1):
        width -= step_x * (bits.take_unsigned() + bits.take_unsigned())
        height -= step_y * (bits.take_unsigned() + bits.take_unsigned())
    return (width, height) if bits.left() >= 0 else None
