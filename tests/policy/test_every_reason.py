"""For each reason a case that has it and a neighbour that has not: what just obeys the rule, or breaks another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from tuning_lines import (
    AUDIO_URI,
    GEMINI_3,
    IMAGE_URI,
    PDF_URI,
    VIDEO_URI,
    Json,
    audio,
    clip,
    document,
    example,
    failed,
    file,
    found_audio,
    found_document,
    found_image,
    found_video,
    image,
    judged,
    policy,
    reasons_of,
    text,
    video,
)

from beam_tuning.media.info import FailureKind, ProbeResult
from beam_tuning.reasons import Outcome, Reason, Scope, Verdict


class Case(NamedTuple):
    """A line with a reason, and one without it.

    Attributes:
      path: of the finding.
      media, other_media: what probing found, where it is not the usual.
      options: of the policy, for both.
    """

    line: Json | bytes
    other: Json | bytes
    path: str = ""
    media: Mapping[str, ProbeResult] = {}
    other_media: Mapping[str, ProbeResult] = {}
    options: Mapping[str, Any] = {}


PART = "contents[0].parts[0]"
URI = f"{PART}.fileData.fileUri"
SEGMENT = f"{PART}.videoMetadata"
HTTPS = "https://media.example.com/clip.mp4"
LOW, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"


def turns(*roles: str | None) -> Json:
    contents = [{"role": role, "parts": [text()]} if role is not None else {"parts": [text()]} for role in roles]
    return {"contents": contents}


def turns_with(**model_part: Any) -> Json:
    """A user turn, and a model turn with this part."""
    return {"contents": [{"role": "user", "parts": [text()]}, {"role": "model", "parts": [model_part]}]}


def failing(kind: FailureKind) -> Case:
    return Case(example(video()), example(video()), PART, {VIDEO_URI: failed(kind)})


CASES: dict[Reason, Case] = {
    Reason.LINE_NOT_UTF8: Case(b'{"contents": "\xff"}', b'{"contents": "\xc3\xbf"}'),
    Reason.LINE_TOO_LONG: Case(b" " * 10_000_001, b" " * 10_000_000),
    Reason.LINE_NOT_JSON: Case(b'{"contents": [}', b'{"contents": []}'),
    Reason.LINE_NESTED_TOO_DEEP: Case(
        b'{"contents":' + b"[" * 100 + b"]" * 100 + b"}", b'{"contents":' + b"[" * 99 + b"]" * 99 + b"}"
    ),
    Reason.LINE_NOT_OBJECT: Case(b'["contents"]', b'{"contents": []}'),
    Reason.LINE_IS_OTHER_FORMAT: Case({"messages": []}, example(messages=[])),
    Reason.CONTENTS_MISSING: Case({"systemInstruction": {"parts": [text()]}}, {"contents": []}),
    Reason.CONTENTS_EMPTY: Case({"contents": []}, example(), "contents"),
    Reason.PARTS_MISSING: Case(
        {"contents": [{"role": "user"}, {"role": "model", "parts": [text()]}]}, example(), "contents[0]"
    ),
    Reason.PART_EMPTY: Case(example({}), example(text(" ")), PART),
    Reason.PART_HAS_SEVERAL_PAYLOADS: Case(example({**text(), **video()}), example(text(), video()), PART),
    Reason.FIELD_WRONG_TYPE: Case(example({"text": 1}), example({"text": "1"}), f"{PART}.text"),
    Reason.FIELD_SPELLED_TWICE: Case(
        b'{"contents": [], "contents": []}', example(text('{"text": "a", "text": "b\\\\"}')), "contents"
    ),
    Reason.FIELD_UNKNOWN: Case(example(weight=1), example(labels={}), "weight"),
    Reason.FIELD_NOT_DOCUMENTED: Case(example(labels={}), example(weight=1), "labels"),
    Reason.ROLE_UNKNOWN: Case(turns("assistant", "model"), turns("", "model"), "contents[0].role"),
    Reason.ROLES_NOT_ALTERNATING: Case(
        turns("user", "user", "model"), turns("user", "model", "user", "model"), "contents[1]"
    ),
    Reason.FIRST_TURN_NOT_USER: Case(turns("model", "user", "model"), turns(None, "model"), "contents[0]"),
    Reason.LAST_TURN_NOT_MODEL: Case(turns("user", "model", "user"), turns("user", "model"), "contents[2]"),
    Reason.ANSWER_NOT_JSON: Case(
        example(text("Return strict JSON."), answer='{"goals": {"total": 3}'),
        example(text("Return strict JSON."), answer='{"goals": {"total": 3}}'),
        "contents[1]",
    ),
    Reason.SYSTEM_INSTRUCTION_NOT_TEXT: Case(
        example(systemInstruction={"parts": [text(), video()]}),
        example(systemInstruction={"role": "system", "parts": [text(), text()]}),
        "systemInstruction.parts[1].fileData",
    ),
    Reason.MODEL_TURN_HAS_MEDIA: Case(
        {"contents": [{"role": "user", "parts": [text()]}, {"role": "model", "parts": [text(), image()]}]},
        example(image()),
        "contents[1].parts[1]",
    ),
    Reason.FILE_URI_MISSING: Case(example(file("")), example(file("clip.mp4")), f"{PART}.fileData"),
    Reason.FILE_URI_UNSUPPORTED: Case(example(file("s3://bucket/clip.mp4")), example(file(HTTPS)), URI),
    Reason.MIME_TYPE_MISSING: Case(
        example(file(mime_type=None)), example(file(mime_type="video/x-odd")), f"{PART}.fileData"
    ),
    Reason.MIME_TYPE_UNSUPPORTED: Case(
        example(file(mime_type="video/x-matroska")), example(file(mime_type="video/webm")), f"{PART}.fileData.mimeType"
    ),
    Reason.MIME_TYPE_UNCERTAIN: Case(
        example(file(mime_type="video/mov")), example(file(mime_type="video/quicktime")), f"{PART}.fileData.mimeType"
    ),
    Reason.INLINE_DATA_UNSUPPORTED: Case(
        example({"inlineData": {"mimeType": "image/png", "data": "aGk="}}), example(image()), f"{PART}.inlineData"
    ),
    Reason.VIDEO_METADATA_WITHOUT_VIDEO: Case(
        example(audio(videoMetadata={"startOffset": "1s"})), example(clip("1s")), SEGMENT
    ),
    Reason.SEGMENT_INVALID: Case(example(clip("00:05")), example(clip("5s")), f"{SEGMENT}.startOffset"),
    Reason.SEGMENT_NEGATIVE: Case(
        example(clip("-0.000000001s")), example(clip("0.000000001s")), f"{SEGMENT}.startOffset"
    ),
    Reason.SEGMENT_REVERSED: Case(example(clip("5s", "5s")), example(clip("5s", "5.000000001s")), SEGMENT),
    Reason.TEXT_TIME_BEYOND_END: Case(
        example(video(), answer="[00:22] A dog barks."),
        example(video(), answer="[00:21] A dog barks."),
        "contents[1].parts[0].text",
    ),
    Reason.SEGMENT_BEYOND_END: Case(example(clip("1s", "21.000000001s")), example(clip("1s", "21s")), SEGMENT),
    Reason.FPS_INVALID: Case(example(clip(fps=24.001)), example(clip(fps=24)), f"{SEGMENT}.fps"),
    Reason.FPS_NOT_DOCUMENTED: Case(example(clip(fps=0.5)), example(clip(fps=0)), f"{SEGMENT}.fps"),
    Reason.MEDIA_RESOLUTION_INVALID: Case(
        example(resolution="LOW"), example(resolution=LOW), "generationConfig.mediaResolution"
    ),
    Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED: Case(
        example(video(mediaResolution={"level": LOW})),
        example(video(mediaResolution={"level": "MEDIA_RESOLUTION_UNSPECIFIED"})),
        f"{PART}.mediaResolution",
    ),
    Reason.MEDIA_RESOLUTION_INCONSISTENT: Case(
        example(video(), resolution=HIGH), example(video(), resolution=LOW), options={"media_resolution": LOW}
    ),
    Reason.PART_UNCERTAIN_FOR_MODEL: Case(
        turns_with(functionCall={"name": "f"}), turns_with(text="functionCall"), "contents[1].parts[0]"
    ),
    Reason.MEDIA_NOT_FOUND: failing(FailureKind.NOT_FOUND),
    Reason.MEDIA_FORBIDDEN: failing(FailureKind.FORBIDDEN),
    Reason.MEDIA_ADDRESS_BLOCKED: failing(FailureKind.ADDRESS_BLOCKED),
    Reason.MEDIA_EMPTY: failing(FailureKind.EMPTY),
    Reason.MEDIA_TRUNCATED: Case(
        example(video()), example(video()), PART, {VIDEO_URI: found_video(truncated="9 of 10 bytes are there")}
    ),
    Reason.MEDIA_TAIL_CUT: Case(
        example(video()), example(video()), PART, {VIDEO_URI: found_video(tail_cut="the last packet lacks 9 bytes")}
    ),
    Reason.MEDIA_UNREADABLE: failing(FailureKind.UNREADABLE),
    Reason.MEDIA_KIND_MISMATCH: Case(example(video()), example(video()), PART, {VIDEO_URI: found_audio()}),
    Reason.MIME_TYPE_MISMATCH: Case(
        example(video()), example(video()), PART, {VIDEO_URI: found_video(container="webm")}
    ),
    Reason.MEDIA_DURATION_UNKNOWN: Case(
        example(clip("5s")),
        example(clip("5s", "9s")),
        PART,
        {VIDEO_URI: found_video(None)},
        {VIDEO_URI: found_video(None)},
    ),
    Reason.MEDIA_TIMED_OUT: failing(FailureKind.TIMED_OUT),
    Reason.MEDIA_SERVER_ERROR: failing(FailureKind.SERVER_ERROR),
    Reason.MEDIA_CHANGED: failing(FailureKind.CHANGED),
    Reason.MEDIA_WORK_CAP: failing(FailureKind.WORK_CAP),
    Reason.MEDIA_CRASHED: failing(FailureKind.CRASHED),
    Reason.MEDIA_NOT_PROBED: Case(
        example(file("gs://example-bucket/other.mp4")), example(file("s3://bucket/clip.mp4")), PART
    ),
    Reason.AUDIO_TOO_MANY: Case(example(audio(), audio()), example(audio()), "contents[0].parts[1]"),
    Reason.AUDIO_TOO_LARGE: Case(
        example(audio()),
        example(audio()),
        PART,
        {AUDIO_URI: found_audio(size_bytes=100_000_001)},
        {AUDIO_URI: found_audio(size_bytes=100_000_000)},
    ),
    Reason.AUDIO_TOO_LONG: Case(
        example(audio()), example(audio()), PART, {AUDIO_URI: found_audio(3600.001)}, {AUDIO_URI: found_audio(3600.0)}
    ),
    Reason.VIDEO_TOO_MANY: Case(example(video(), video()), example(video()), "contents[0].parts[1]"),
    Reason.VIDEO_TOO_LARGE: Case(
        example(video()),
        example(video()),
        PART,
        {VIDEO_URI: found_video(size_bytes=100_000_001)},
        {VIDEO_URI: found_video(size_bytes=100_000_000)},
    ),
    Reason.VIDEO_TOO_LONG: Case(
        example(video()), example(video()), PART, {VIDEO_URI: found_video(300.1)}, {VIDEO_URI: found_video(300.01)}
    ),
    Reason.VIDEO_LENGTH_AT_LIMIT: Case(
        example(video()), example(video()), PART, {VIDEO_URI: found_video(300.001)}, {VIDEO_URI: found_video(300.0)}
    ),
    Reason.IMAGE_TOO_MANY: Case(example(*[image()] * 31), example(*[image()] * 30), "contents[0].parts[30]"),
    Reason.IMAGE_TOO_LARGE: Case(
        example(image()),
        example(image()),
        PART,
        {IMAGE_URI: found_image(size_bytes=20_000_001)},
        {IMAGE_URI: found_image(size_bytes=20_000_000)},
    ),
    Reason.DOCUMENT_TOO_MANY: Case(example(*[document()] * 5), example(*[document()] * 4), "contents[0].parts[4]"),
    Reason.DOCUMENT_TOO_LARGE: Case(
        example(document()),
        example(document()),
        PART,
        {PDF_URI: found_document(size_bytes=20_000_001)},
        {PDF_URI: found_document(size_bytes=20_000_000)},
    ),
    Reason.DOCUMENT_TOO_MANY_PAGES: Case(
        example(document(), document("gs://example-bucket/other.pdf")),
        example(document(), document("gs://example-bucket/other.pdf")),
        "contents[0].parts[1]",
        {PDF_URI: found_document(pages=150), "gs://example-bucket/other.pdf": found_document(pages=151)},
        {PDF_URI: found_document(pages=150), "gs://example-bucket/other.pdf": found_document(pages=150)},
    ),
    Reason.DOCUMENT_PAGES_UNKNOWN: Case(
        example(document()), example(document()), PART, {PDF_URI: found_document(pages=None)}
    ),
    Reason.HTTP_MEDIA_TOO_LARGE: Case(
        example(file(HTTPS)),
        example(file(HTTPS)),
        PART,
        {HTTPS: found_video(size_bytes=15_000_001)},
        {HTTPS: found_video(size_bytes=15_000_000)},
    ),
    Reason.MEDIA_KINDS_MIXED: Case(example(audio(), video()), example(image(), video())),
    # 131,072 tokens at 6 and at 3 bytes a token.
    Reason.EXAMPLE_TOO_MANY_TOKENS: Case(example(text("x" * 786_440)), example(text("x" * 700_000))),
    Reason.EXAMPLE_TOKENS_UNCERTAIN: Case(example(text("x" * 393_300)), example(text("x" * 393_000))),
}


def test_every_reason_of_an_example_has_a_case() -> None:
    of_examples = {reason for reason in Reason if reason.scope in (Scope.LINE, Scope.PART, Scope.MEDIA)}
    assert set(CASES) == of_examples


@pytest.mark.parametrize("reason", CASES, ids=lambda reason: reason.code)
def test_reason(reason: Reason) -> None:
    case = CASES[reason]
    result = judged(case.line, case.media, policy(**case.options))
    findings = [finding for finding in result.findings if finding.reason is reason]
    assert findings, reasons_of(result)
    assert findings[0].path == case.path
    assert findings[0].message
    expected = {Outcome.ADVICE: Verdict.KEPT, Outcome.UNDECIDED: Verdict.UNDECIDED}
    if {other.reason for other in result.findings} == {reason}:
        assert result.verdict is expected.get(reason.outcome, Verdict.DROPPED)
    else:
        assert reason.outcome is Outcome.ADVICE or result.verdict is not Verdict.KEPT


@pytest.mark.parametrize("reason", CASES, ids=lambda reason: reason.code)
def test_neighbour_has_not_the_reason(reason: Reason) -> None:
    case = CASES[reason]
    assert reason not in reasons_of(judged(case.other, case.other_media, policy(**case.options)))


def test_part_levels_are_for_gemini_3() -> None:
    line = example(video(mediaResolution={"level": LOW}))
    assert reasons_of(judged(line, rules=policy(GEMINI_3))) == []
