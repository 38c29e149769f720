"""TEXT_TIME_BEYOND_END: an answer that names a time after the end of its media."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from tuning_lines import (
    AUDIO_URI,
    IMAGE_URI,
    VIDEO_URI,
    Json,
    audio,
    clip,
    document,
    example,
    failed,
    found_audio,
    found_video,
    image,
    judged,
    text,
    video,
)

from beam_tuning.media.info import FailureKind, ProbeResult
from beam_tuning.reasons import Finding, Outcome, Reason, Verdict

MINUTE = {VIDEO_URI: found_video(60.0), AUDIO_URI: found_audio(60.0)}
STAMPS = text("List what happens, with timestamps.")


def late_times(line: Json, media: Mapping[str, ProbeResult] = MINUTE) -> list[Finding]:
    result = judged(line, media)
    assert result.verdict is not Verdict.DROPPED
    return [finding for finding in result.findings if finding.reason is Reason.TEXT_TIME_BEYOND_END]


def test_the_finding_says_which_time_and_where_the_media_end() -> None:
    (finding,) = late_times(example(video(), answer="[00:10] A dog barks.\n[01:15] It sleeps.\n[01:09] It wakes."))
    assert finding.message == 'the answer names the time "01:15", but the file ends at 60 s'
    assert (finding.path, finding.observed, finding.limit) == ("contents[1].parts[0].text", 75.0, 60.0)
    assert Reason.TEXT_TIME_BEYOND_END.outcome is Outcome.ADVICE


@pytest.mark.parametrize("part", [video(), audio()])
@pytest.mark.parametrize(
    "answer",
    [
        "[00:10] A dog barks.\n[01:15] It sleeps.",
        "00:10 - 01:15: a dog barks.",
        "WEBVTT\n\n00:58.000 --> 01:03.500\nWoof.",
        "1\n00:00:58,000 --> 00:01:03,500\nWoof.",
        '[{"start": 58.5, "end": 63.5, "label": "bark"}]',
        '{"events": [{"start_time": "00:58", "end_time": "01:15"}]}',
        '```json\n[{"start_ms": 58000, "end_ms": 63000}]\n```',
        '[{"t": "x", "timestamp": "61.5s"}]',
        "A dog barks (at 1:15).",
        "The dog barks at the 1:15 mark.",
        "It barks from 0:58 to 1:15.",
        "At 70.5s the dog barks.",
        "At 70 seconds it barks.",
        "[1m15s] It barks.",
    ],
)
def test_a_time_after_the_end_is_found(part: Json, answer: str) -> None:
    assert len(late_times(example(part, STAMPS, answer=answer))) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "A dog barks.",
        "[00:10] A dog barks.\n[01:01] It sleeps.",  # within a second: clocks are rounded
        '[{"start": 58.5, "end": 61.0}]',
        "The score is 3:2, and the ratio 16:9.",
        "They meet at 10:30 a.m. and leave at 17:45.",
        "John 3:16 is read at 11:00 on Sunday.",
        "He ran it in 3:42, a record.",
        "The film lasts 95 seconds longer than the cut of 2:10:00.",
        "It was the 80s.",
        '{"year": 1999, "count": 3000, "id": 61}',
        '[{"start": 61, "end": 84, "text": "characters of the text."}]',
        "Version 2:15 of 01/02/2024 12:30:45 costs $75.",
        "Wait for 90 seconds.",
    ],
)
def test_what_is_no_time_after_the_end_is_passed_over(answer: str) -> None:
    assert late_times(example(video(), answer=answer)) == []


SURE = "[02:00] It ends."


@pytest.mark.parametrize(
    ("line", "media"),
    [
        (example(video(), audio(), answer=SURE), MINUTE),  # of which of the two?
        (example(image(), answer=SURE), MINUTE),
        (example(document(), answer=SURE), MINUTE),
        (example(answer=SURE), MINUTE),
        (example(video(), answer=SURE), {VIDEO_URI: failed(FailureKind.TIMED_OUT, transient=True)}),
        (example(video(), answer=SURE), {VIDEO_URI: found_video(None)}),
        (example(video(), text("Until [02:00], what happens?"), answer="A dog barks."), MINUTE),  # not the answer
        (example(clip("30s", "130s"), answer=SURE), {VIDEO_URI: found_video(200.0)}),
    ],
    ids=["two", "image", "document", "text", "not probed", "length unknown", "prompt", "segment on the file's times"],
)
def test_where_the_end_is_not_certain_nothing_is_said(line: Json, media: Mapping[str, ProbeResult]) -> None:
    assert late_times(line, media) == []


def test_images_beside_the_video_do_not_matter() -> None:
    assert len(late_times(example(image(), video(), image(IMAGE_URI), answer=SURE))) == 1


def test_a_segment_ends_where_it_ends_in_the_file() -> None:
    media = {VIDEO_URI: found_video(200.0)}
    (finding,) = late_times(example(clip("30s", "90s"), answer=SURE), media)
    assert finding.message == 'the answer names the time "02:00", but the segment ends at 90 s'
    (finding,) = late_times(example(clip("30s"), answer="[04:00] It ends."), media)
    assert finding.limit == 200.0


def test_every_answer_is_looked_at() -> None:
    line = example(video(), answer="[01:10] One.")
    line["contents"] += [
        {"role": "user", "parts": [text()]},
        {"role": "model", "parts": [text(), text("[03:00] Two.")]},
    ]
    assert [(finding.path, finding.observed) for finding in late_times(line)] == [
        ("contents[1].parts[0].text", 70.0),
        ("contents[3].parts[1].text", 180.0),
    ]


def test_spellings_do_not_matter() -> None:
    line = json.loads(json.dumps(example(video(), answer=SURE)).replace("fileData", "file_data"))
    line["id"] = 7  # takes the slow way
    assert len(late_times(line)) == 1
