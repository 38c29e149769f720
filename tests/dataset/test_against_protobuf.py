"""Google's own parser of protobuf's JSON mapping as a judge: what it refuses has a finding that says so.

It stands in for the service's parser, which is not public. What it refuses for an unknown field is left out: whether
the service ignores those is not documented.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from odd_lines import odd_lines, written
from tuning_lines import encoded, example, text, video

from beam_tuning.dataset.parse import parse_line
from beam_tuning.reasons import Outcome, Reason

json_format = pytest.importorskip("google.protobuf.json_format")
prediction_service = pytest.importorskip("google.cloud.aiplatform_v1.types.prediction_service")
MESSAGE = prediction_service.GenerateContentRequest.pb()


def refusal(line: bytes) -> str | None:
    """Why the parser refuses the line; None when it takes it."""
    try:
        json_format.Parse(line.removeprefix(b"\xef\xbb\xbf").decode(), MESSAGE())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        return str(error)
    return None


def rejects(line: bytes) -> bool:
    return any(finding.reason.outcome is Outcome.REJECTS_JOB for finding in parse_line(line).findings)


@settings(max_examples=200)
@given(written(odd_lines()))
def test_what_protobuf_refuses_is_found(line: bytes) -> None:
    why = refusal(line)
    # Of fields that tuning does not document, only their being there is told.
    not_looked_at = any(finding.reason is Reason.FIELD_NOT_DOCUMENTED for finding in parse_line(line).findings)
    if why is not None and "has no field named" not in why and not not_looked_at:
        assert rejects(line), why


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        (example(video()), False),
        (example(systemInstruction={"parts": [text()]}), False),
        (example(systemInstruction={"parts": [text()]}, system_instruction={"parts": []}), True),
        (example({**text(), **video()}), True),
        (example(video(videoMetadata={"startOffset": {"seconds": 5}})), True),
        (example(video(videoMetadata={"startOffset": 5})), True),
        (example(video(videoMetadata={"startOffset": "1m5s"})), True),
        (example(video(videoMetadata={"startOffset": "-5s"})), False),
        (example(video(videoMetadata={"fps": "2"})), False),
        (example(video(videoMetadata={"fps": 30})), False),
        (example(resolution="LOW"), True),
        (example(resolution="MEDIA_RESOLUTION_ULTRA_HIGH"), True),
        (example(generationConfig={"mediaResolution": 1}), False),
        (example(generationConfig={"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}), True),
        (example(video(mediaResolution="MEDIA_RESOLUTION_LOW")), True),
        (example({"text": 1}), True),
        ({"contents": [{"parts": {"text": "a"}}]}, True),
        (b'{"contents": [], "contents": []}', True),
    ],
)
def test_the_cases_that_people_meet(line: Any, refused: bool) -> None:
    assert (refusal(encoded(line)) is not None) == refused
    assert rejects(encoded(line)) == refused or line == b'{"contents": [], "contents": []}'
