"""One example with all that rules look at, worked out once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.dataset.example import Example, MediaPart, Segment
from beam_tuning.dataset.tokens import Pictures, TokenUsage, frames_of
from beam_tuning.dataset.uri import Place, place_of
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure, ProbeResult
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.policy import Policy
from beam_tuning.summary.judged_example import TokenRange

_NS_PER_S = 1_000_000_000
#: Thirty years: a file that claims more says nothing.
_LONGEST_S = 1e9
_AUDIO, _VIDEO, _IMAGE = MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.IMAGE


class PartFacts(msgspec.Struct, gc=False):
    """One media part with what the probe found.

    Attributes:
      place: where the URI leads; None when tuning does not read it.
      kind: as declared, else as found.
      info, failure: one of them, or neither when there is no answer.
      size_bytes: of the object.
      file_ns: length of the file; None when unknown.
      used_ns: length that training decodes: of the segment within the file where one is given.
      length_ns: length that is held against limits, `used_ns` or `file_ns`.
    """

    part: MediaPart
    place: Place | None
    kind: MediaKind | None
    result: ProbeResult | None
    info: MediaInfo | None
    failure: ProbeFailure | None
    size_bytes: int | None
    file_ns: int | None
    used_ns: int | None
    length_ns: int | None


class Case(msgspec.Struct, gc=False):
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


def facts_of(part: MediaPart, media: Mapping[str, ProbeResult], *, of_segment: bool) -> PartFacts:
    """What is known of a part.

    Args:
      media: results by URI.
      of_segment: whether the segment's length is held against limits, not the file's.
    """
    result = media.get(part.uri)
    place = place_of(part.uri)
    if result is None:
        return PartFacts(part, place, part.kind, None, None, None, None, None, None, None)
    size_bytes = None if result.object is None else result.object.size_bytes
    info = result.media
    if isinstance(info, ProbeFailure):
        return PartFacts(part, place, part.kind, result, None, info, size_bytes, None, None, None)
    duration_s = info.duration_s
    file_ns = round(duration_s * _NS_PER_S) if duration_s is not None and 0 <= duration_s <= _LONGEST_S else None
    used_ns = file_ns if part.segment is None else _segment_ns(part.segment, file_ns)
    return PartFacts(
        part,
        place,
        part.kind or info.kind,
        result,
        info,
        None,
        size_bytes,
        file_ns,
        used_ns,
        used_ns if of_segment else file_ns,
    )


def _segment_ns(segment: Segment, file_ns: int | None) -> int | None:
    start_ns = max(0, segment.start_ns or 0)
    end_ns = segment.end_ns
    if end_ns is None or (file_ns is not None and end_ns > file_ns):
        end_ns = file_ns
    return None if end_ns is None else max(0, end_ns - start_ns)


def usage_of(example: Example, parts: tuple[PartFacts, ...], limits: ModelLimits) -> TokenUsage | None:
    """What of the example becomes tokens; None when a length is unknown, or with documents, whose pages are."""
    if not parts:
        return TokenUsage(example.text_bytes)
    audio_ns: list[int] = []
    pictures: dict[str | None, Pictures] = {}
    for facts in parts:
        kind, info, used_ns, level = facts.kind, facts.info, facts.used_ns, facts.part.media_resolution
        frames = images = 0
        if kind is _IMAGE:
            images = 1
        elif used_ns is None or info is None:
            return None
        elif kind is _AUDIO:
            audio_ns.append(used_ns)
            continue
        elif kind is _VIDEO:
            frames = frames_of(used_ns, _fps(facts.part.segment, limits))
            for stream in info.streams:
                if stream.kind is _AUDIO:
                    audio_ns.append(used_ns)
                    break
        else:
            return None
        before = pictures.get(level)
        if before is not None:
            frames, images = frames + before.frames, images + before.images
        pictures[level] = Pictures(level, frames, images)
    return TokenUsage(example.text_bytes, tuple(audio_ns), tuple(pictures.values()))


def _fps(segment: Segment | None, limits: ModelLimits) -> float | None:
    """The frame rate asked for, if it is a possible one."""
    if segment is None or segment.fps is None:
        return None
    return segment.fps if 0 < segment.fps <= limits.fps.value else None
