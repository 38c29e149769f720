"""What one edit of one object costs: files, bytes, seconds of media, processor time. Pure."""

from __future__ import annotations

import msgspec

from beam_tuning.edited_media.orders import Order
from beam_tuning.media.edit.wanted import SECOND_NS, Kind
from beam_tuning.media.info import MediaKind
from beam_tuning.media_repairs.plan import PartPlan
from beam_tuning.summary.judged_example import PartFacts

#: Processor seconds, as `benchmarks/repair.py` measured them on a busy AMD EPYC with two cores: the start of a child
#: process; copying packets; H.264 at the preset `medium` from H.264, for a million pixels of 1280x720.
_START_CPU_S = 0.3
_COPY_CPU_S_A_BYTE = 10e-9
_ENCODE_CPU_S_A_MEGAPIXEL = 0.03
#: The same for a second of sound, as FLAC and, where that is too large, as Opus.
_SOUND_CPU_S_A_SECOND = 0.015
#: Of pictures whose size or rate the probe does not tell.
_USUAL_MEGAPIXELS, _USUAL_FPS = 1280 * 720 / 1e6, 25.0
#: Encodings until a size is met, at most (`media.edit.encoding`).
_MOST_ENCODINGS = 3


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of one object, made once however many examples want it.

    Attributes:
      uri, order: which edit of which object.
      files: to write.
      write_bytes: at most.
      media_s: seconds of media in the new files.
      cpu_s_low, cpu_s_high: processor seconds where copying does wherever it may, and where all is encoded.
    """

    uri: str
    order: Order
    files: int
    write_bytes: int
    media_s: float
    cpu_s_low: float
    cpu_s_high: float


def work_of(part: PartPlan, facts: PartFacts) -> Work:
    """The work that a plan orders for a media part."""
    length_ns = _length_ns(part.order, facts)
    files = _pieces(part.order, length_ns)
    media_s = length_ns / SECOND_NS
    source_bytes = part.source.info.size_bytes or 0
    share_bytes = source_bytes * length_ns // max(1, facts.file_ns or 1)
    most_bytes = None if part.order.max_bytes is None else part.order.max_bytes * files
    starts_s = files * _START_CPU_S
    copied_s = starts_s + share_bytes * _COPY_CPU_S_A_BYTE
    encoded_s = starts_s + media_s * _encoding_cpu_s_a_second(part, facts)
    is_over = most_bytes is not None and share_bytes > most_bytes
    return Work(
        uri=part.source.uri,
        order=part.order,
        files=files,
        write_bytes=share_bytes if most_bytes is None else min(share_bytes, most_bytes),
        media_s=media_s,
        cpu_s_low=encoded_s if is_over else copied_s,
        cpu_s_high=encoded_s * (_MOST_ENCODINGS if is_over else 1),
    )


def _encoding_cpu_s_a_second(part: PartPlan, facts: PartFacts) -> float:
    if part.order.kind is Kind.SOUND:
        return _SOUND_CPU_S_A_SECOND
    streams = () if facts.info is None else facts.info.streams
    video = next((stream for stream in streams if stream.kind is MediaKind.VIDEO), None)
    megapixels, fps = _USUAL_MEGAPIXELS, _USUAL_FPS
    if video is not None:
        megapixels = (video.width_px or 0) * (video.height_px or 0) / 1e6 or megapixels
        fps = video.fps or fps
    return megapixels * fps * _ENCODE_CPU_S_A_MEGAPIXEL


def _pieces(order: Order, length_ns: int) -> int:
    if order.longest_ns is None:
        return 1
    advance_ns = max(1, order.longest_ns - order.overlap_ns)
    return max(1, -(-(length_ns - order.overlap_ns) // advance_ns))


def _length_ns(order: Order, facts: PartFacts) -> int:
    stop_ns = facts.file_ns if order.stop_ns is None else order.stop_ns
    return max(0, (stop_ns or 0) - order.start_ns)
