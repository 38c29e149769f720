"""Lines of a tuning dataset and answers of a prober, for the tests of dataset and policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.parse import parse_line
from beam_tuning.limits_file import load_limits
from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    MediaKind,
    ObjectInfo,
    ProbeFailure,
    ProbeResult,
    StreamInfo,
)
from beam_tuning.policy.choices import LengthBasis, MediaResolutionChoice, ResolutionScope
from beam_tuning.policy.judge import Policy, judge, what_if_profiles
from beam_tuning.policy.limits import Limits
from beam_tuning.reasons import Reason
from beam_tuning.summary.judged_example import JudgedExample, TokenRange, WhatIf

LIMITS = load_limits()
GEMINI_2, GEMINI_3 = "gemini-2.5-flash", "gemini-3.5-flash"
VIDEO_URI = "gs://example-bucket/clip.mp4"
AUDIO_URI = "gs://example-bucket/speech.mp3"
IMAGE_URI = "gs://example-bucket/frame.png"
PDF_URI = "gs://example-bucket/paper.pdf"
LINE_ID = LineId("train", "train.jsonl", 1, 0)

Json = dict[str, Any]


def text(value: str = "What happens here?") -> Json:
    return {"text": value}


def file(uri: str = VIDEO_URI, mime_type: str | None = "video/mp4", **beside: Any) -> Json:
    """A fileData part; `beside` stands beside it, e.g. videoMetadata."""
    file_data = {"fileUri": uri, "mimeType": mime_type}
    return {"fileData": {key: value for key, value in file_data.items() if value is not None}, **beside}


def video(**beside: Any) -> Json:
    return file(VIDEO_URI, "video/mp4", **beside)


def audio(uri: str = AUDIO_URI, **beside: Any) -> Json:
    return file(uri, "audio/mp3", **beside)


def image(uri: str = IMAGE_URI, **beside: Any) -> Json:
    return file(uri, "image/png", **beside)


def document(uri: str = PDF_URI) -> Json:
    return file(uri, "application/pdf")


def clip(start: str | None = None, end: str | None = None, **more: Any) -> Json:
    """A video with a segment."""
    given = {"startOffset": start, "endOffset": end, **more}
    return video(videoMetadata={key: value for key, value in given.items() if value is not None})


def example(*user_parts: Json, answer: str = "A dog barks.", resolution: str | None = None, **top: Any) -> Json:
    """A user turn with these parts and a model turn."""
    made: Json = {
        "contents": [
            {"role": "user", "parts": list(user_parts) or [text()]},
            {"role": "model", "parts": [text(answer)]},
        ]
    }
    if resolution is not None:
        made["generationConfig"] = {"mediaResolution": resolution}
    return made | top


def encoded(line: Json | bytes) -> bytes:
    return line if isinstance(line, bytes) else json.dumps(line).encode()


def found_video(
    duration_s: float | None = 20.0,
    *,
    size_bytes: int | None = 5_000_000,
    audio_track: bool = True,
    container: str = "mp4",
    truncated: str | None = None,
    tail_cut: str | None = None,
    pictures_s: float | None = None,
    fps: float | None = None,
) -> ProbeResult:
    """A video whose sound lasts as long as the file, and whose pictures last `pictures_s`, else as long."""
    pictures_s = duration_s if pictures_s is None else pictures_s
    streams: tuple[StreamInfo, ...] = (StreamInfo(MediaKind.VIDEO, "h264", pictures_s, 640, 360, fps=fps),)
    if audio_track:
        streams += (StreamInfo(MediaKind.AUDIO, "aac", duration_s),)
    unknown = "its header does not say" if duration_s is None else None
    info = MediaInfo(container, MediaKind.VIDEO, streams, duration_s, unknown, truncated, tail_cut)
    return ProbeResult(VIDEO_URI, info, ObjectInfo(size_bytes, "1"))


def found_audio(duration_s: float | None = 60.0, *, size_bytes: int | None = 1_000_000) -> ProbeResult:
    unknown = "its header does not say" if duration_s is None else None
    stream = StreamInfo(MediaKind.AUDIO, "mp3", duration_s)
    return ProbeResult(
        AUDIO_URI, MediaInfo("mp3", MediaKind.AUDIO, (stream,), duration_s, unknown), ObjectInfo(size_bytes, "1")
    )


def found_image(
    *, size_bytes: int | None = 300_000, width_px: int | None = 800, height_px: int | None = 600
) -> ProbeResult:
    info = MediaInfo("png", MediaKind.IMAGE, width_px=width_px, height_px=height_px)
    return ProbeResult(IMAGE_URI, info, ObjectInfo(size_bytes, "1"))


def found_document(*, size_bytes: int | None = 300_000, pages: int | None = 3) -> ProbeResult:
    return ProbeResult(PDF_URI, MediaInfo("pdf", MediaKind.DOCUMENT, pages=pages), ObjectInfo(size_bytes, "1"))


def failed(kind: FailureKind, *, transient: bool = False) -> ProbeResult:
    return ProbeResult(VIDEO_URI, ProbeFailure(kind, "The store said no.", transient))


#: What probing finds at the URIs above when nothing is wrong.
FOUND = {
    VIDEO_URI: found_video(),
    AUDIO_URI: found_audio(),
    IMAGE_URI: found_image(),
    PDF_URI: found_document(),
}


_CHOICES = {"length_basis": LengthBasis, "media_resolution": MediaResolutionChoice, "resolution_scope": ResolutionScope}


def policy(model: str = GEMINI_2, **options: Any) -> Policy:
    """The policy for a model; choices by their names on the command line."""
    return Policy.of(LIMITS, model, **{name: _chosen(name, value) for name, value in options.items()})


def _chosen(name: str, value: Any) -> Any:
    return _CHOICES[name](value) if name in _CHOICES else value


def judged(
    line: Json | bytes,
    media: Mapping[str, ProbeResult] | None = None,
    rules: Policy | None = None,
) -> JudgedExample:
    """The verdict on a line; `media` replaces single answers of `FOUND`."""
    data = encoded(line)
    return judge(rules or policy(), LINE_ID, len(data), parse_line(data), {**FOUND, **(media or {})})


def what_if_of(judged: JudgedExample, limits: Limits = LIMITS, model: str = GEMINI_2) -> tuple[WhatIf, ...]:
    """What would become of the example under each profile; empty where all profiles give the same.

    Args:
      limits, model: of the policy that the example was judged by.
    """
    use = judged.frame_use
    if use is None:
        return judged.what_if
    entries = []
    for profile in what_if_profiles(limits, model):
        assert profile.frame_tokens is not None
        low, high = profile.frame_tokens
        tokens = TokenRange(use.low + use.frames * low, use.high + use.frames * high)
        entries.append(WhatIf(profile.key, judged.verdict, tokens))
    return tuple(entries)


def reasons_of(line: JudgedExample) -> list[Reason]:
    return [finding.reason for finding in line.findings]
