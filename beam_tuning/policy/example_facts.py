"""What rules look at: one example, and what is known of each of its media parts, worked out once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.dataset.example import Example, MediaPart, Segment
from beam_tuning.dataset.tokens import Pictures, TokenUsage, frames_of
from beam_tuning.dataset.uri import place_of
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure, ProbeResult
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.policy import Policy
from beam_tuning.summary.distributions import LONGEST_S
from beam_tuning.summary.judged_example import PartFacts, TokenRange

_NS_PER_S = 1_000_000_000
_AUDIO, _VIDEO, _IMAGE, _DOCUMENT = MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.IMAGE, MediaKind.DOCUMENT


class ExampleFacts(msgspec.Struct, gc=False):
    """What a rule is given.

    Attributes:
      limits: of the model in question: the policy's own, or that of a what-if profile.
      usage: what becomes tokens; None when not known.
      text_and_audio: (low, high) tokens that no media resolution changes, of the policy's own model.
      tokens: the estimate; None when not known.
    """

    policy: Policy
    limits: ModelLimits
    example: Example
    parts: tuple[PartFacts, ...]
    usage: TokenUsage | None
    text_and_audio: tuple[int, int]
    tokens: TokenRange | None


def part_facts(given: MediaPart, media: Mapping[str, ProbeResult], *, of_segment: bool) -> PartFacts:
    """What is known of a part.

    Args:
      media: results by URI.
      of_segment: whether the segment's length is held against limits, not the file's.
    """
    result = media.get(given.uri)
    place = place_of(given.uri)
    if result is None:
        return PartFacts(given, place, given.kind)
    size_bytes = None if result.object is None else result.object.size_bytes
    info = result.media
    if isinstance(info, ProbeFailure):
        return PartFacts(given, place, given.kind, result, size_bytes)
    kind = given.kind or info.kind
    file_ns = used_ns = longest_ns = _nanoseconds(info.duration_s)
    sound_ns: int | None = None
    if kind is _VIDEO:
        used_ns, sound_ns = _pictures_and_sound(info, file_ns)
    length_ns = used_ns
    segment = given.segment
    if segment is not None:
        used_ns = _within(segment, used_ns)
        sound_ns = 0 if sound_ns == 0 else _within(segment, sound_ns)
        if of_segment:
            length_ns, longest_ns = used_ns, _within(segment, file_ns)
    return PartFacts(given, place, kind, result, size_bytes, file_ns, used_ns, sound_ns, length_ns, longest_ns)


def _nanoseconds(duration_s: float | None) -> int | None:
    """None for a length that no file has."""
    return round(duration_s * _NS_PER_S) if duration_s is not None and 0 <= duration_s <= LONGEST_S else None


def _pictures_and_sound(info: MediaInfo, file_ns: int | None) -> tuple[int | None, int | None]:
    """Lengths of a video's pictures and of its sound: of the longest track of each, within the file.

    A track that does not say how long it is lasts as long as the file; of a file whose length is not known, a track's
    is not believed. Sound is 0 where there is none.
    """
    if file_ns is None:
        return None, None if any(stream.kind is _AUDIO for stream in info.streams) else 0
    pictures_ns = sound_ns = 0
    file_s = info.duration_s
    for stream in info.streams:
        stream_ns, stream_s = file_ns, stream.duration_s
        if stream_s is not None and stream_s != file_s:
            stream_ns = min(_nanoseconds(stream_s) or file_ns, file_ns)
        if stream.kind is _AUDIO:
            if stream_ns > sound_ns:
                sound_ns = stream_ns
        elif stream_ns > pictures_ns:
            pictures_ns = stream_ns
    return pictures_ns or file_ns, sound_ns


def _within(segment: Segment, whole_ns: int | None) -> int | None:
    """Length of the segment, as far as it lies within so much."""
    start_ns = max(0, segment.start_ns or 0)
    end_ns = segment.end_ns
    if end_ns is None or (whole_ns is not None and end_ns > whole_ns):
        end_ns = whole_ns
    return None if end_ns is None else max(0, end_ns - start_ns)


def usage_of(example: Example, parts: tuple[PartFacts, ...], limits: ModelLimits) -> TokenUsage | None:
    """What of the example becomes tokens; None when a length or a number of pages is not known."""
    if not parts:
        return TokenUsage(example.text_bytes)
    audio_ns: list[int] = []
    pictures: dict[str | None, Pictures] = {}
    for part in parts:
        kind, used_ns = part.kind, part.used_ns
        if kind is _VIDEO:
            if used_ns is None or part.sound_ns is None:
                return None
            seen = Pictures(part.given.media_resolution, frames_of(used_ns, _fps(part.given.segment, limits)))
            if part.sound_ns:
                audio_ns.append(part.sound_ns)
        elif kind is _AUDIO:
            if used_ns is None:
                return None
            audio_ns.append(used_ns)
            continue
        else:
            still = _still(part, limits)
            if still is None:
                return None
            seen = still
        before = pictures.get(seen.level)
        pictures[seen.level] = seen if before is None else before.plus(seen)
    return TokenUsage(example.text_bytes, tuple(audio_ns), tuple(pictures.values()))


def _still(part: PartFacts, limits: ModelLimits) -> Pictures | None:
    """The image, or the pages of a document; None when it is neither, or when pages are not known."""
    info, level = part.info, part.given.media_resolution
    if part.kind is _IMAGE:
        small_px = limits.small_image_side.value
        sides_px = () if info is None else (info.width_px, info.height_px)
        is_small = bool(sides_px) and all(side_px is not None and 0 < side_px <= small_px for side_px in sides_px)
        return Pictures(level, small_images=1) if is_small else Pictures(level, images=1)
    if part.kind is _DOCUMENT and info is not None and info.pages is not None:
        return Pictures(level, pages=info.pages)
    return None


def _fps(segment: Segment | None, limits: ModelLimits) -> float | None:
    """The frame rate asked for, if it is a possible one."""
    if segment is None or segment.fps is None:
        return None
    return segment.fps if 0 < segment.fps <= limits.fps.value else None
