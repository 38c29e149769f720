"""Rules about what a media part says of itself: URI, MIME type, media resolution, segment, frame rate."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.uri import Place, fault_of
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.rules.rule import Anew, Need, rule
from beam_tuning.policy.wording import quoted, seconds
from beam_tuning.reasons import Finding, Reason

#: Where these rules stand among all (see `ruleset`).
POSITION = 20

#: MIME types that people write for listed ones (IANA names and older spellings).
_LISTED_AS = {
    "audio/aac": "audio/x-aac",
    "audio/aacp": "audio/x-aac",
    "audio/mp4a-latm": "audio/mp4",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/m4a",
    "audio/x-mp3": "audio/mp3",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/opus": "audio/ogg",
    "audio/vorbis": "audio/ogg",
    "application/ogg": "audio/ogg",
    "image/jpg": "image/jpeg",
    "video/3gp": "video/3gpp",
    "video/x-m4v": "video/mp4",
    "video/x-ms-wmv": "video/wmv",
    "video/x-msvideo": "video/avi",
}
_KINDS = {
    MediaKind.AUDIO: "audio_mime_types",
    MediaKind.VIDEO: "video_mime_types",
    MediaKind.IMAGE: "image_mime_types",
    MediaKind.DOCUMENT: "document_mime_types",
}


@rule(Need.ELSEWHERE, Reason.FILE_URI_UNSUPPORTED)
def check_uri(facts: ExampleFacts) -> Iterator[Finding]:
    """A gs:// object or a public http(s) address."""
    for part in facts.parts:
        if part.place is Place.GCS or part.place is Place.HTTP:
            continue
        uri = part.given.uri
        path = f"{part.given.path}.fileData.fileUri"
        limit = "gs://bucket/object or http(s)://…"
        if part.place is None:
            yield Finding(
                Reason.FILE_URI_UNSUPPORTED, f"the URI {quoted(uri)} {fault_of(uri)}", path, quoted(uri), limit
            )
        elif not facts.policy.allow_local_media:
            message = f"the URI {quoted(uri)} is a local path, which the tuning service cannot read"
            yield Finding(Reason.FILE_URI_UNSUPPORTED, message, path, quoted(uri), limit)


@rule(Need.MEDIA, Reason.MIME_TYPE_MISSING, Reason.MIME_TYPE_UNCERTAIN, Reason.MIME_TYPE_UNSUPPORTED)
def check_mime_type(facts: ExampleFacts) -> Iterator[Finding]:
    """One of the types that the documents list."""
    for part in facts.parts:
        mime_type, kind = part.given.mime_type, part.given.kind
        if kind is not None and mime_type in getattr(facts.limits, _KINDS[kind]).values:
            continue
        path = f"{part.given.path}.fileData"
        if not mime_type:
            yield Finding(Reason.MIME_TYPE_MISSING, "fileData has no mimeType", path)
        elif mime_type in facts.limits.uncertain_mime_types.values:
            message = f"{mime_type} is listed for inference only, or reported to fail"
            yield Finding(Reason.MIME_TYPE_UNCERTAIN, message, f"{path}.mimeType", mime_type)
        else:
            listed = listed_type(mime_type, facts.limits)
            hint = f"; write {listed} if the file is of that kind" if listed else ""
            message = f"{quoted(mime_type)} is not among the listed MIME types{hint}"
            yield Finding(Reason.MIME_TYPE_UNSUPPORTED, message, f"{path}.mimeType", quoted(mime_type), listed)


def listed_type(mime_type: str, limits: ModelLimits) -> str | None:
    """The listed MIME type that another spelling means; None when there is none."""
    plain = mime_type.partition(";")[0].strip().lower()
    plain = _LISTED_AS.get(plain, plain)
    return plain if any(plain in getattr(limits, name).values for name in _KINDS.values()) else None


@rule(Need.LEVEL, Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED, anew=Anew.BY_MODEL)
def check_part_resolution(facts: ExampleFacts) -> Iterator[Finding]:
    """A media resolution of a part's own: Gemini 3 and later."""
    if facts.limits.part_media_resolution.value:
        return
    for part in facts.parts:
        level = part.given.media_resolution
        if level is not None:
            yield Finding(
                Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED,
                f"the part asks for {level}, which {facts.limits.name} does not support; before Gemini 3 only "
                "generationConfig.mediaResolution counts",
                f"{part.given.path}.mediaResolution",
                observed=level,
            )


@rule(Need.SEGMENT, Reason.SEGMENT_NEGATIVE, Reason.SEGMENT_REVERSED)
def check_offsets(facts: ExampleFacts) -> Iterator[Finding]:
    """A segment that starts at 0 or later and ends after it starts."""
    for part in facts.parts:
        segment = part.given.segment
        if segment is None:
            continue
        path = f"{part.given.path}.videoMetadata"
        start_ns, end_ns = segment.start_ns or 0, segment.end_ns
        for name, offset_ns in (("startOffset", start_ns), ("endOffset", end_ns)):
            if offset_ns is not None and offset_ns < 0:
                message = f"{name} is {seconds(offset_ns)}, before the start of the video"
                yield Finding(Reason.SEGMENT_NEGATIVE, message, f"{path}.{name}", offset_ns / 1e9, 0)
        if end_ns is not None and end_ns <= start_ns:
            message = f"the segment ends at {seconds(end_ns)}, not after its start at {seconds(start_ns)}"
            yield Finding(Reason.SEGMENT_REVERSED, message, path, end_ns / 1e9, start_ns / 1e9)


@rule(Need.SEGMENT, Reason.FPS_INVALID, Reason.FPS_NOT_DOCUMENTED)
def check_fps(facts: ExampleFacts) -> Iterator[Finding]:
    """Above 0 and at most what the API takes; no page on tuning mentions it."""
    for part in facts.parts:
        segment = part.given.segment
        if segment is None or segment.fps is None:
            continue
        path = f"{part.given.path}.videoMetadata.fps"
        limit = facts.limits.fps.value
        if 0 < segment.fps <= limit:
            message = f"fps is {segment.fps:g}; no page says that tuning uses it"
            yield Finding(Reason.FPS_NOT_DOCUMENTED, message, path, segment.fps)
        else:
            message = f"fps is {segment.fps:g}, not above 0 and at most {limit:g}"
            yield Finding(Reason.FPS_INVALID, message, path, segment.fps, limit)
