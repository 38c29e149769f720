"""Rules about what probing found: is it there, is it whole, is it what the example says."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import FailureKind, MediaKind, ProbeFailure
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules.rule import Need, rule
from beam_tuning.policy.wording import quoted, seconds
from beam_tuning.reasons import Finding, Outcome, Reason
from beam_tuning.summary.judged_example import PartFacts

#: Where these rules stand among all (see `ruleset`).
POSITION = 40

_FAILURES = {
    FailureKind.NOT_FOUND: Reason.MEDIA_NOT_FOUND,
    FailureKind.FORBIDDEN: Reason.MEDIA_FORBIDDEN,
    FailureKind.EMPTY: Reason.MEDIA_EMPTY,
    FailureKind.UNREADABLE: Reason.MEDIA_UNREADABLE,
    FailureKind.UNSUPPORTED_URI: Reason.FILE_URI_UNSUPPORTED,
    FailureKind.ADDRESS_BLOCKED: Reason.MEDIA_ADDRESS_BLOCKED,
    FailureKind.TIMED_OUT: Reason.MEDIA_TIMED_OUT,
    FailureKind.SERVER_ERROR: Reason.MEDIA_SERVER_ERROR,
    FailureKind.SERVER_BUSY: Reason.MEDIA_SERVER_ERROR,
    FailureKind.CHANGED: Reason.MEDIA_CHANGED,
    FailureKind.WORK_CAP: Reason.MEDIA_WORK_CAP,
    FailureKind.CRASHED: Reason.MEDIA_CRASHED,
}
_TIMED = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})
#: Containers, as probes name them, that a MIME type fits (IANA's registry, https://www.iana.org/assignments/media-types,
#: and for the unregistered ones their use).
CONTAINERS_OF_TYPE = {
    "application/pdf": {"pdf"},
    "audio/flac": {"flac", "ogg"},
    "audio/m4a": {"mp4"},
    "audio/mp3": {"mp3"},
    "audio/mp4": {"mp4", "3gp"},
    "audio/mpeg": {"mp3", "mpeg"},
    "audio/mpga": {"mp3"},
    "audio/ogg": {"ogg"},
    "audio/wav": {"wav", "w64"},
    "audio/webm": {"webm"},
    "audio/x-aac": {"aac", "loas"},
    "image/heic": {"heic", "heif"},
    "image/heif": {"heic", "heif", "avif"},
    "image/jpeg": {"jpeg"},
    "image/png": {"png"},
    "image/webp": {"webp"},
    "video/3gpp": {"3gp"},
    "video/avi": {"avi"},
    "video/flv": {"flv"},
    "video/mov": {"mov"},
    "video/mp4": {"mp4"},
    "video/mpeg": {"mpeg", "mpegts", "mpegvideo"},
    "video/mpegps": {"mpeg"},
    "video/mpegs": {"mpeg", "mpegts", "mpegvideo"},
    "video/mpg": {"mpeg", "mpegts", "mpegvideo"},
    "video/quicktime": {"mov"},
    "video/webm": {"webm"},
    "video/wmv": {"asf"},
    "video/x-flv": {"flv"},
}
_KNOWN_CONTAINERS = frozenset().union(*CONTAINERS_OF_TYPE.values()) | {"matroska", "aiff", "gif"}
_TEXT = "text/plain"


def reason_of(failure: ProbeFailure) -> Reason:
    """The row of the catalogue for a probe without an answer."""
    reason = _FAILURES[failure.kind]
    if failure.transient and reason.outcome is not Outcome.UNDECIDED:
        return Reason.MEDIA_SERVER_ERROR
    return reason


@rule(Need.DOUBT, Reason.MEDIA_NOT_PROBED, *_FAILURES.values())
def check_probe(facts: ExampleFacts) -> Iterator[Finding]:
    """The store gave the object, and its bytes are media."""
    for part in facts.parts:
        # A probe always tells the size; a table of earlier answers may have lost it.
        if (part.info is not None and part.size_bytes is not None) or not _is_probed(part, facts):
            continue
        path = part.given.path
        failure = part.failure
        if failure is None:
            what = "no answer" if part.info is None else "no size in the answer"
            message = f"there is {what} for {quoted(part.given.uri)} in this run"
            yield Finding(Reason.MEDIA_NOT_PROBED, message, path)
            continue
        if failure.kind is FailureKind.UNREADABLE and part.given.mime_type == _TEXT:
            continue  # text has no magic number
        yield Finding(reason_of(failure), failure.message, path, observed=failure.kind.value)


@rule(Need.DOUBT, Reason.MEDIA_TRUNCATED)
def check_truncation(facts: ExampleFacts) -> Iterator[Finding]:
    """The object has all the bytes that its header declares."""
    for part in facts.parts:
        if part.info is not None and part.info.truncated is not None:
            yield Finding(Reason.MEDIA_TRUNCATED, part.info.truncated, part.given.path)


@rule(Need.DOUBT, Reason.MEDIA_TAIL_CUT)
def check_tail(facts: ExampleFacts) -> Iterator[Finding]:
    """The last frame, packet or page is whole."""
    for part in facts.parts:
        if part.info is not None and part.info.tail_cut is not None:
            yield Finding(Reason.MEDIA_TAIL_CUT, part.info.tail_cut, part.given.path)


@rule(Need.MEDIA, Reason.MEDIA_KIND_MISMATCH)
def check_kind(facts: ExampleFacts) -> Iterator[Finding]:
    """A file is of the kind that its MIME type names."""
    for part in facts.parts:
        info, kind = part.info, part.given.kind
        if info is None or kind is None or kind is info.kind:
            continue
        mime_type = quoted(part.given.mime_type or "")
        yield Finding(
            Reason.MEDIA_KIND_MISMATCH,
            f"the mimeType {mime_type} says {kind.value}, the file ({info.container}) is {info.kind.value}",
            part.given.path,
            observed=info.kind.value,
            limit=kind.value,
        )


@rule(Need.MEDIA, Reason.MIME_TYPE_MISMATCH)
def check_container(facts: ExampleFacts) -> Iterator[Finding]:
    """A file of the right kind is in the container that its MIME type names."""
    for part in facts.parts:
        info, mime_type = part.info, part.given.mime_type
        if info is None or mime_type is None or info.kind is not part.given.kind:
            continue
        fitting = CONTAINERS_OF_TYPE.get(mime_type)
        if fitting and info.container in _KNOWN_CONTAINERS and info.container not in fitting:
            yield Finding(
                Reason.MIME_TYPE_MISMATCH,
                f"the mimeType is {mime_type}, the file is {info.container}",
                part.given.path,
                observed=info.container,
                limit=", ".join(sorted(fitting)),
            )


@rule(Need.SEGMENT, Reason.SEGMENT_BEYOND_END)
def check_segment_within_file(facts: ExampleFacts) -> Iterator[Finding]:
    """A segment starts before the file ends, and ends no later, a small tolerance apart."""
    for part in facts.parts:
        segment, file_ns = part.given.segment, part.file_ns
        if segment is None or file_ns is None:
            continue
        path = f"{part.given.path}.videoMetadata"
        if segment.start_ns is not None and segment.start_ns >= file_ns:
            message = f"the segment starts at {seconds(segment.start_ns)}, the video ends at {seconds(file_ns)}"
            yield Finding(Reason.SEGMENT_BEYOND_END, message, path, segment.start_ns / 1e9, file_ns / 1e9)
        elif segment.end_ns is not None and segment.end_ns - file_ns > facts.limits.segment_tolerance.value * 1e9:
            message = f"the segment ends at {seconds(segment.end_ns)}, the video at {seconds(file_ns)}"
            yield Finding(Reason.SEGMENT_BEYOND_END, message, path, segment.end_ns / 1e9, file_ns / 1e9)


@rule(Need.DOUBT, Reason.MEDIA_DURATION_UNKNOWN)
def check_duration_known(facts: ExampleFacts) -> Iterator[Finding]:
    """The length that a limit is held against is known."""
    for part in facts.parts:
        info = part.info
        if info is not None and part.kind in _TIMED and info.kind in _TIMED and part.length_ns is None:
            why = info.duration_unknown or "the file does not say how long it is"
            message = f"the length is not known, so its limit cannot be checked: {why}"
            yield Finding(Reason.MEDIA_DURATION_UNKNOWN, message, part.given.path)


def _is_probed(part: PartFacts, facts: ExampleFacts) -> bool:
    """Whether an answer may be expected: other URIs have a finding of their own."""
    return part.place is not None and (part.place is not Place.LOCAL or facts.policy.allow_local_media)
