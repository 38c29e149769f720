"""Rules about what a media part says of itself: URI, MIME type, media resolution, segment, frame rate."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.uri import Place, fault_of
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import Case
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.wording import quoted, seconds
from beam_tuning.reasons import Finding, Reason

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


def check_uri(case: Case) -> Iterator[Finding]:
    """A gs:// object or a public http(s) address."""
    for facts in case.parts:
        if facts.place is Place.GCS or facts.place is Place.HTTP:
            continue
        uri = facts.part.uri
        path = f"{facts.part.path}.fileData.fileUri"
        limit = "gs://bucket/object or http(s)://…"
        if facts.place is None:
            yield Finding(
                Reason.FILE_URI_UNSUPPORTED, f"the URI {quoted(uri)} {fault_of(uri)}", path, quoted(uri), limit
            )
        elif not case.policy.allow_local_media:
            message = f"the URI {quoted(uri)} is a local path, which the tuning service cannot read"
            yield Finding(Reason.FILE_URI_UNSUPPORTED, message, path, quoted(uri), limit)


def check_mime_type(case: Case) -> Iterator[Finding]:
    """One of the types that the documents list."""
    for facts in case.parts:
        mime_type, kind = facts.part.mime_type, facts.part.kind
        if kind is not None and mime_type in getattr(case.limits, _KINDS[kind]).values:
            continue
        path = f"{facts.part.path}.fileData"
        if not mime_type:
            yield Finding(Reason.MIME_TYPE_MISSING, "fileData has no mimeType", path)
        elif mime_type in case.limits.uncertain_mime_types.values:
            message = f"{mime_type} is listed for inference only, or reported to fail"
            yield Finding(Reason.MIME_TYPE_UNCERTAIN, message, f"{path}.mimeType", mime_type)
        else:
            listed = _listed(mime_type, case.limits)
            hint = f"; write {listed} if the file is of that kind" if listed else ""
            message = f"{quoted(mime_type)} is not among the listed MIME types{hint}"
            yield Finding(Reason.MIME_TYPE_UNSUPPORTED, message, f"{path}.mimeType", quoted(mime_type), listed)


def _listed(mime_type: str, limits: ModelLimits) -> str | None:
    plain = mime_type.partition(";")[0].strip().lower()
    plain = _LISTED_AS.get(plain, plain)
    return plain if any(plain in getattr(limits, name).values for name in _KINDS.values()) else None


def check_part_resolution(case: Case) -> Iterator[Finding]:
    """A media resolution of a part's own: Gemini 3 and later."""
    if case.limits.part_media_resolution.value:
        return
    for facts in case.parts:
        level = facts.part.media_resolution
        if level is not None:
            yield Finding(
                Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED,
                f"the part asks for {level}, which {case.limits.name} does not know; before Gemini 3 only "
                "generationConfig.mediaResolution counts",
                f"{facts.part.path}.mediaResolution",
                observed=level,
            )


def check_offsets(case: Case) -> Iterator[Finding]:
    """A segment that starts at 0 or later and ends after it starts."""
    for facts in case.parts:
        segment = facts.part.segment
        if segment is None:
            continue
        path = f"{facts.part.path}.videoMetadata"
        start_ns, end_ns = segment.start_ns or 0, segment.end_ns
        for name, offset_ns in (("startOffset", start_ns), ("endOffset", end_ns)):
            if offset_ns is not None and offset_ns < 0:
                message = f"{name} is {seconds(offset_ns)}, before the start of the video"
                yield Finding(Reason.SEGMENT_NEGATIVE, message, f"{path}.{name}", offset_ns / 1e9, 0)
        if end_ns is not None and end_ns <= start_ns:
            message = f"the segment ends at {seconds(end_ns)}, not after its start at {seconds(start_ns)}"
            yield Finding(Reason.SEGMENT_REVERSED, message, path, end_ns / 1e9, start_ns / 1e9)


def check_fps(case: Case) -> Iterator[Finding]:
    """Above 0 and at most what the API takes; no page on tuning mentions it."""
    for facts in case.parts:
        segment = facts.part.segment
        if segment is None or segment.fps is None:
            continue
        path = f"{facts.part.path}.videoMetadata.fps"
        limit = case.limits.fps.value
        if 0 < segment.fps <= limit:
            message = f"fps is {segment.fps:g}; no page says that tuning honours it"
            yield Finding(Reason.FPS_NOT_DOCUMENTED, message, path, segment.fps)
        else:
            message = f"fps is {segment.fps:g}, not above 0 and at most {limit:g}"
            yield Finding(Reason.FPS_INVALID, message, path, segment.fps, limit)
