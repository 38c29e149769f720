"""Rules about limits: how many, how large, how long, how many tokens. Nothing is rounded before it is compared."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import Case, PartFacts
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.wording import seconds
from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.judged_example import TokenRange

_NS_PER_S = 1_000_000_000
_AUDIO, _VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
_COUNTS = {
    MediaKind.AUDIO: ("audio_files", Reason.AUDIO_TOO_MANY),
    MediaKind.VIDEO: ("video_files", Reason.VIDEO_TOO_MANY),
    MediaKind.IMAGE: ("image_files", Reason.IMAGE_TOO_MANY),
    MediaKind.DOCUMENT: ("document_files", Reason.DOCUMENT_TOO_MANY),
}
_SIZES = {
    MediaKind.AUDIO: ("audio_bytes", Reason.AUDIO_TOO_LARGE),
    MediaKind.VIDEO: ("video_bytes", Reason.VIDEO_TOO_LARGE),
    MediaKind.IMAGE: ("image_bytes", Reason.IMAGE_TOO_LARGE),
    MediaKind.DOCUMENT: ("document_bytes", Reason.DOCUMENT_TOO_LARGE),
}


def check_file_counts(case: Case) -> Iterator[Finding]:
    """At most so many files of each kind; a file that is named twice counts twice."""
    counts: dict[MediaKind | None, int] = {}
    for facts in case.parts:
        counts[facts.kind] = counts.get(facts.kind, 0) + 1
    for kind, count in counts.items():
        if kind is None:
            continue
        name, reason = _COUNTS[kind]
        limit = getattr(case.limits, name).value
        if count > limit:
            message = f"the example has {count:,} files of kind {kind.value}; at most {limit:,} are allowed"
            over = [facts.part.path for facts in case.parts if facts.kind is kind][int(limit)]
            yield Finding(reason, message, over, count, limit)


def check_file_sizes(case: Case) -> Iterator[Finding]:
    """No file larger than its kind may be."""
    for facts in case.parts:
        if facts.size_bytes is None or facts.kind is None:
            continue
        name, reason = _SIZES[facts.kind]
        limit = getattr(case.limits, name).value
        if facts.size_bytes > limit:
            message = f"the file has {facts.size_bytes:,} bytes; at most {limit:,} are allowed"
            yield Finding(reason, message, facts.part.path, facts.size_bytes, limit)


def check_http_sizes(case: Case) -> Iterator[Finding]:
    """No file behind http(s) larger than inference reads from there."""
    limit = case.limits.http_bytes.value
    for facts in case.parts:
        if facts.place is Place.HTTP and facts.size_bytes is not None and facts.size_bytes > limit:
            message = f"the file behind http(s) has {facts.size_bytes:,} bytes; inference reads at most {limit:,}"
            yield Finding(Reason.HTTP_MEDIA_TOO_LARGE, message, facts.part.path, facts.size_bytes, limit)


def check_audio_length(case: Case) -> Iterator[Finding]:
    """The audio files of an example together last no longer than allowed."""
    total_ns, first_path = 0, ""
    for facts in case.parts:
        if facts.kind is _AUDIO and facts.length_ns is not None:
            total_ns += facts.length_ns
            first_path = first_path or facts.part.path
    limit = case.limits.audio_length.value
    if total_ns > limit * _NS_PER_S:
        message = f"the audio lasts {seconds(total_ns)}; at most {limit:,} s are allowed"
        yield Finding(Reason.AUDIO_TOO_LONG, message, first_path, total_ns / _NS_PER_S, limit)


def check_video_length(case: Case) -> Iterator[Finding]:
    """No video lasts longer than its media resolution allows."""
    for facts in case.parts:
        resolution = case.example.media_resolution
        if facts.length_ns is None or not is_too_long(facts, case.limits, resolution):
            continue
        resolution = effective_resolution(facts, case.limits, resolution)
        limit = case.limits.video_length_s(resolution)
        what = "segment" if facts.length_ns != facts.file_ns else "video"
        at = resolution or "no media resolution"
        message = f"the {what} lasts {seconds(facts.length_ns)}; at most {limit:,} s are allowed with {at}"
        yield Finding(Reason.VIDEO_TOO_LONG, message, facts.part.path, facts.length_ns / _NS_PER_S, limit)


def check_kinds_mixed(case: Case) -> Iterator[Finding]:
    """Audio and video files in one example: no page says how their limits go together."""
    if len(case.parts) > 1:
        kinds = {facts.kind for facts in case.parts}
        if _AUDIO in kinds and _VIDEO in kinds:
            yield Finding(Reason.MEDIA_KINDS_MIXED, "the example has an audio file and a video")


def check_tokens(case: Case) -> Iterator[Finding]:
    """Input and output tokens together, by the estimate."""
    if case.tokens is None:
        return
    limit = case.limits.example_tokens.value
    reason = tokens_over(case.tokens, limit)
    if reason is None:
        return
    low, high = case.tokens.low, case.tokens.high
    message = f"the example has {low:,} to {high:,} tokens by the estimate; at most {limit:,} are allowed"
    yield Finding(reason, message, observed=low if reason is Reason.EXAMPLE_TOO_MANY_TOKENS else high, limit=limit)


def is_too_long(facts: PartFacts, limits: ModelLimits, media_resolution: str | None) -> bool:
    """Whether this is a video that lasts longer than allowed, in an example of this media resolution."""
    if facts.kind is not _VIDEO or facts.length_ns is None:
        return False
    limit = limits.video_length_s(effective_resolution(facts, limits, media_resolution))
    return facts.length_ns > limit * _NS_PER_S


def effective_resolution(facts: PartFacts, limits: ModelLimits, media_resolution: str | None) -> str | None:
    """The part's own level where the model knows such levels, else that of the example."""
    own = facts.part.media_resolution
    return own if own is not None and limits.part_media_resolution.value else media_resolution


def tokens_over(tokens: TokenRange, limit: float) -> Reason | None:
    """The reason that an estimate gives, if any: even its low end is over the limit, or only its high end."""
    if tokens.high <= limit:
        return None
    return Reason.EXAMPLE_TOO_MANY_TOKENS if tokens.low > limit else Reason.EXAMPLE_TOKENS_UNCERTAIN
