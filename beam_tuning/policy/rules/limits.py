"""Rules about limits: how many, how large, how long, how many tokens. Nothing is rounded before it is compared."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.rules.rule import Anew, Need, rule
from beam_tuning.policy.wording import seconds
from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.judged_example import PartFacts, TokenRange

#: Where these rules stand among all (see `ruleset`).
POSITION = 50

_NS_PER_S = 1_000_000_000
_AUDIO, _VIDEO, _DOCUMENT = MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.DOCUMENT
#: The model sees one frame of each second, so sound that goes on for no longer adds none.
_SAMPLED_FRAME_NS = _NS_PER_S
#: Frames a second of a video that does not say: the slowest usual rate, so the longest frame.
_SLOWEST_USUAL_FPS = 24
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


@rule(Need.MEDIA, *(reason for _, reason in _COUNTS.values()), is_limit=True)
def check_file_counts(facts: ExampleFacts) -> Iterator[Finding]:
    """At most so many files of each kind; a file that is named twice counts twice."""
    counts: dict[MediaKind | None, int] = {}
    for part in facts.parts:
        counts[part.kind] = counts.get(part.kind, 0) + 1
    for kind, count in counts.items():
        if kind is None:
            continue
        name, reason = _COUNTS[kind]
        limit = getattr(facts.limits, name).value
        if count > limit:
            message = f"the example has {count:,} files of kind {kind.value}; at most {limit:,} are allowed"
            over = [part.given.path for part in facts.parts if part.kind is kind][int(limit)]
            yield Finding(reason, message, over, count, limit)


@rule(Need.MEDIA, *(reason for _, reason in _SIZES.values()), is_limit=True)
def check_file_sizes(facts: ExampleFacts) -> Iterator[Finding]:
    """No file larger than its kind may be."""
    for part in facts.parts:
        if part.size_bytes is None or part.kind is None:
            continue
        name, reason = _SIZES[part.kind]
        limit = getattr(facts.limits, name).value
        if part.size_bytes > limit:
            message = f"the file has {part.size_bytes:,} bytes; at most {limit:,} are allowed"
            yield Finding(reason, message, part.given.path, part.size_bytes, limit)


@rule(Need.ELSEWHERE, Reason.HTTP_MEDIA_TOO_LARGE, is_limit=True)
def check_http_sizes(facts: ExampleFacts) -> Iterator[Finding]:
    """No file behind http(s) larger than inference reads from there."""
    limit = facts.limits.http_bytes.value
    for part in facts.parts:
        if part.place is Place.HTTP and part.size_bytes is not None and part.size_bytes > limit:
            message = f"the file behind http(s) has {part.size_bytes:,} bytes; inference reads at most {limit:,}"
            yield Finding(Reason.HTTP_MEDIA_TOO_LARGE, message, part.given.path, part.size_bytes, limit)


@rule(Need.DOCUMENT, Reason.DOCUMENT_TOO_MANY_PAGES, is_limit=True)
def check_document_pages(facts: ExampleFacts) -> Iterator[Finding]:
    """The documents of an example together have no more pages than allowed."""
    pages, limit = 0, facts.limits.document_pages.value
    for part in facts.parts:
        if part.kind is _DOCUMENT and part.info is not None and part.info.pages is not None:
            pages += part.info.pages
            if pages > limit:
                total = sum([one.info.pages or 0 for one in facts.parts if one.kind is _DOCUMENT and one.info])
                message = f"the documents have {total:,} pages; at most {limit:,} are allowed"
                yield Finding(Reason.DOCUMENT_TOO_MANY_PAGES, message, part.given.path, total, limit)
                return


@rule(Need.DOCUMENT, Reason.DOCUMENT_PAGES_UNKNOWN)
def check_pages_known(facts: ExampleFacts) -> Iterator[Finding]:
    """The number of pages that the limit is held against is known. Text files have no pages."""
    for part in facts.parts:
        info = part.info
        if part.kind is _DOCUMENT and info is not None and info.kind is _DOCUMENT and info.pages is None:
            message = "the pages could not be counted, so their limit cannot be checked"
            yield Finding(Reason.DOCUMENT_PAGES_UNKNOWN, message, part.given.path)


@rule(Need.AUDIO, Reason.AUDIO_TOO_LONG, is_limit=True)
def check_audio_length(facts: ExampleFacts) -> Iterator[Finding]:
    """The audio files of an example together last no longer than allowed."""
    total_ns, first_path = 0, ""
    for part in facts.parts:
        if part.kind is _AUDIO and part.length_ns is not None:
            total_ns += part.length_ns
            first_path = first_path or part.given.path
    limit = facts.limits.audio_length.value
    if total_ns > limit * _NS_PER_S:
        message = f"the audio lasts {seconds(total_ns)}; at most {limit:,} s are allowed"
        yield Finding(Reason.AUDIO_TOO_LONG, message, first_path, total_ns / _NS_PER_S, limit)


@rule(Need.VIDEO, Reason.VIDEO_TOO_LONG, Reason.VIDEO_LENGTH_AT_LIMIT, anew=Anew.BY_PROFILE)
def check_video_length(facts: ExampleFacts) -> Iterator[Finding]:
    """No video lasts longer than its media resolution allows."""
    for part in facts.parts:
        length_ns, longest_ns = part.length_ns, part.longest_ns
        if part.kind is not _VIDEO or length_ns is None or longest_ns is None:
            continue
        resolution = effective_resolution(part, facts.limits, facts.example.media_resolution)
        limit = facts.limits.video_length_s(resolution)
        reason = length_over(part, limit * _NS_PER_S)
        if reason is None:
            continue
        of_segment = part.given.segment is not None and facts.policy.length_basis is LengthBasis.SEGMENT
        what = "segment" if of_segment else "video"
        allowed = f"at most {limit:,} s are allowed with {resolution or 'no media resolution'}"
        if reason is Reason.VIDEO_TOO_LONG:
            message = f"the {what} lasts {seconds(length_ns)}; {allowed}"
        elif length_ns > limit * _NS_PER_S:
            message = f"the {what} lasts {seconds(length_ns)}, no more than a frame over the limit; {allowed}"
        else:
            message = (
                f"the pictures of the {what} last {seconds(length_ns)}, the {what} as a whole {seconds(longest_ns)}; "
                f"{allowed}, and no page says which of the two counts"
            )
            length_ns = longest_ns
        yield Finding(reason, message, part.given.path, length_ns / _NS_PER_S, limit)


@rule(Need.SEVERAL, Reason.MEDIA_KINDS_MIXED)
def check_kinds_mixed(facts: ExampleFacts) -> Iterator[Finding]:
    """Audio and video files in one example: no page says how their limits go together."""
    kinds = {part.kind for part in facts.parts}
    if _AUDIO in kinds and _VIDEO in kinds:
        yield Finding(Reason.MEDIA_KINDS_MIXED, "the example has an audio file and a video")


@rule(Need.NOTHING, Reason.EXAMPLE_TOO_MANY_TOKENS, Reason.EXAMPLE_TOKENS_UNCERTAIN, anew=Anew.BY_PROFILE)
def check_tokens(facts: ExampleFacts) -> Iterator[Finding]:
    """Input and output tokens together, by the estimate."""
    if facts.tokens is None:
        return
    limit = facts.limits.example_tokens.value
    reason = tokens_over(facts.tokens, limit)
    if reason is None:
        return
    low, high = facts.tokens.low, facts.tokens.high
    message = f"the example has {low:,} to {high:,} tokens by the estimate; at most {limit:,} are allowed"
    yield Finding(reason, message, observed=low if reason is Reason.EXAMPLE_TOO_MANY_TOKENS else high, limit=limit)


def length_over(part: PartFacts, limit_ns: float) -> Reason | None:
    """The reason that the length of a video gives, if any.

    Its pictures count. Within one frame of the limit the outcome is uncertain: players and muxers differ on whether a
    video ends where its last frame begins or where it ends. So it is where only the sound goes on beyond the limit.
    """
    length_ns, longest_ns = part.length_ns, part.longest_ns
    if length_ns is None or longest_ns is None or longest_ns <= limit_ns:
        return None
    if length_ns > limit_ns + _longest_frame_ns(part):
        return Reason.VIDEO_TOO_LONG
    if length_ns > limit_ns or longest_ns > limit_ns + _SAMPLED_FRAME_NS:
        return Reason.VIDEO_LENGTH_AT_LIMIT
    return None


def _longest_frame_ns(part: PartFacts) -> float:
    """How long a frame of the video stays, by its average rate; no longer than one that is sampled from it."""
    rates = [] if part.info is None else [stream.fps for stream in part.info.streams if stream.kind is _VIDEO]
    fps = min([rate for rate in rates if rate is not None and rate > 0], default=_SLOWEST_USUAL_FPS)
    return min(_NS_PER_S / fps, _SAMPLED_FRAME_NS)


def effective_resolution(part: PartFacts, limits: ModelLimits, media_resolution: str | None) -> str | None:
    """The part's own level where the model knows such levels, else that of the example."""
    own = part.given.media_resolution
    return own if own is not None and limits.part_media_resolution.value else media_resolution


def tokens_over(tokens: TokenRange, limit: float) -> Reason | None:
    """The reason that an estimate gives, if any: even its low end is over the limit, or only its high end."""
    if tokens.high <= limit:
        return None
    return Reason.EXAMPLE_TOO_MANY_TOKENS if tokens.low > limit else Reason.EXAMPLE_TOKENS_UNCERTAIN
