"""What people are told, word for word: findings of every case, and of datasets with faults. A change of it is a choice.

UPDATE=1 writes the goldens anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest
from test_every_reason import CASES
from test_readiness import LOW, readiness, summary, with_limits
from tuning_lines import (
    AUDIO_URI,
    FOUND,
    GEMINI_3,
    PDF_URI,
    VIDEO_URI,
    Json,
    audio,
    clip,
    document,
    example,
    found_audio,
    found_document,
    found_video,
    image,
    judged,
    policy,
    text,
    video,
    what_if_of,
)

from beam_tuning.media.info import ProbeResult
from beam_tuning.summary.judged_example import JudgedExample

HERE = Path(__file__).parent
TOO_LONG_TO_SHOW = 200


def _check(name: str, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    golden = HERE / name
    if os.environ.get("UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text()


def _lines(title: str, example: JudgedExample) -> Iterable[str]:
    yield f"{title}: {example.verdict.value}, tokens {example.tokens}"
    for finding in example.findings:
        message = finding.message if len(finding.message) <= TOO_LONG_TO_SHOW else finding.message[:TOO_LONG_TO_SHOW]
        yield f"  {finding.reason.code} at {finding.path!r}: {message} [{finding.observed!r}; {finding.limit!r}]"
    for entry in what_if_of(example):
        over = " ".join(reason.code for reason in entry.over)
        yield f"    {entry.profile}: {entry.verdict.value}, tokens {entry.tokens}, over {over or 'nothing'}"


def test_findings_of_every_case_and_of_its_neighbour() -> None:
    lines: list[str] = []
    for reason, case in CASES.items():
        rules = policy(**case.options)
        lines += _lines(reason.code, judged(case.line, case.media, rules))
        lines += _lines(f"{reason.code}, neighbour", judged(case.other, case.other_media, rules))
    _check("findings_golden.txt", lines)


class More(NamedTuple):
    line: Json
    media: Mapping[str, ProbeResult] = MappingProxyType({})
    options: Mapping[str, Any] = MappingProxyType({})
    chosen_resolution: str | None = None


LEVEL_LOW, LEVEL_HIGH = ({"level": f"MEDIA_RESOLUTION_{level}"} for level in ("LOW", "HIGH"))
MORE_CASES = {
    "a segment that begins where the video ends": More(example(clip("20s"))),
    "a segment behind the end": More(example(clip("25.5s", "30s"))),
    "a segment that ends within the tolerance": More(example(clip("1s", "20.9s"))),
    "the longest segment": More(example(clip("10s", "310s")), {VIDEO_URI: found_video(400.0)}),
    "a segment of a video of unknown length": More(example(clip("10s", "20s")), {VIDEO_URI: found_video(None)}),
    "an open segment of a video of unknown length": More(example(clip("10s")), {VIDEO_URI: found_video(None)}),
    "a segment, held against the whole file": More(
        example(clip("0s", "10s")), {VIDEO_URI: found_video(301.0)}, {"length_basis": "file"}
    ),
    "a low part of a high example": More(
        example(video(mediaResolution=LEVEL_LOW), resolution="MEDIA_RESOLUTION_HIGH"),
        {VIDEO_URI: found_video(301.0)},
        {"model": GEMINI_3},
    ),
    "a high part of a low example, at its limit": More(
        example(video(mediaResolution=LEVEL_HIGH), resolution="MEDIA_RESOLUTION_LOW"),
        {VIDEO_URI: found_video(300.0)},
        {"model": GEMINI_3},
    ),
    "a high part of a low example, over its limit": More(
        example(video(mediaResolution=LEVEL_HIGH), resolution="MEDIA_RESOLUTION_LOW"),
        {VIDEO_URI: found_video(300.0000005)},
        {"model": GEMINI_3},
    ),
    "two videos, the first the longer one": More(
        example(clip("0s", "19s"), clip("0s", "3s")), {VIDEO_URI: found_video(20.0)}
    ),
    "two videos, the second one too long": More(
        example(clip("0s", "3s"), clip("0s", "301s")), {VIDEO_URI: found_video(400.0)}
    ),
    "sound that goes on": More(example(video()), {VIDEO_URI: found_video(300.5, pictures_s=299.9)}),
    "no sound": More(example(video()), {VIDEO_URI: found_video(30.5, audio_track=False)}),
    "few frames a second": More(example(clip(fps=0.2)), {VIDEO_URI: found_video(300.0, fps=25.0)}),
    "many frames a second": More(example(clip(fps=5)), {VIDEO_URI: found_video(300.0)}),
    "the longest audio": More(example(audio()), {AUDIO_URI: found_audio(30_600.0)}),
    "a nanosecond more": More(example(audio()), {AUDIO_URI: found_audio(30_600.000001)}),
    "pages": More(example(document(), image(), text("t" * 999)), {PDF_URI: found_document(pages=7)}),
    "the largest sizes and one byte": More(
        example(video(), audio()),
        {
            VIDEO_URI: found_video(size_bytes=5 * 10**9),
            AUDIO_URI: found_audio(size_bytes=5 * 10**9 + 1),
        },
    ),
    "other turns": More(
        {
            "contents": [
                {"role": "model", "parts": [text(), video()]},
                {"role": "user", "parts": [audio()]},
                {"role": "user", "parts": [text()]},
            ]
        }
    ),
    "not the most common media resolution": More(
        example(video(), resolution="MEDIA_RESOLUTION_HIGH"),
        options={"media_resolution": "majority"},
        chosen_resolution="MEDIA_RESOLUTION_LOW",
    ),
    "not the media resolution of all": More(
        example(video()), options={"media_resolution": "MEDIA_RESOLUTION_LOW", "resolution_scope": "all"}
    ),
    "text, where all lines agree": More(
        example(), options={"media_resolution": "MEDIA_RESOLUTION_LOW", "resolution_scope": "all"}
    ),
    "text, where visual lines agree": More(
        example(), options={"media_resolution": "MEDIA_RESOLUTION_LOW", "resolution_scope": "visual"}
    ),
}


def test_findings_near_the_limits_and_of_odd_examples() -> None:
    lines: list[str] = []
    for title, case in MORE_CASES.items():
        rules = msgspec.structs.replace(policy(**case.options), chosen_resolution=case.chosen_resolution)
        lines += _lines(title, judged(case.line, {**FOUND, **case.media}, rules))
    _check("more_findings_golden.txt", lines)


DATASETS = {
    "one training example": {"train": {"kept": 1}},
    "a few training examples": {"train": {"kept": 7}},
    "just enough training examples": {"train": {"kept": 100}},
    "one line refuses the job": {"train": {"kept": 200, "LINE_NOT_JSON": 1}},
    "lines refuse the job, the more frequent first": {
        "train": {"kept": 200, "LINE_NOT_JSON": 2, "LINE_NOT_OBJECT": 3, "CONTENTS_EMPTY": 3},
        "validation": {"kept": 200, "LINE_NOT_JSON": 1},
    },
    "nine percent undecided": {"train": {"kept": 91, "MEDIA_TIMED_OUT": 9}},
    "ten percent undecided": {"train": {"kept": 180, "MEDIA_TIMED_OUT": 15, "MEDIA_SERVER_ERROR": 5}},
    "most undecided": {"train": {"kept": 10, "MEDIA_TIMED_OUT": 190}},
    "dropped and undecided": {"train": {"kept": 182, "VIDEO_TOO_LONG": 10, "MEDIA_TIMED_OUT": 18}},
    "nine percent dropped": {"train": {"kept": 182, "VIDEO_TOO_LONG": 18}},
    "ten percent dropped": {"train": {"kept": 180, "VIDEO_TOO_LONG": 20}},
    "eleven percent dropped": {"train": {"kept": 178, "VIDEO_TOO_LONG": 22}},
    "none kept": {"train": {"VIDEO_TOO_LONG": 3}, "validation": {"MEDIA_TIMED_OUT": 3}},
    "mixed media resolutions": {"train": {LOW: 150, "MEDIA_RESOLUTION_HIGH": 20, "video": 3}},
    "one video without media resolution": {"train": {LOW: 150, "video": 1}},
}


def test_what_is_said_of_datasets() -> None:
    lines: list[str] = []
    for title, splits in DATASETS.items():
        answer = readiness(summary(**splits))
        for name, one in (("as given", answer.as_given), ("cleaned", answer.cleaned)):
            lines.append(f"{title}, {name}: {one.state.value}")
            lines += [
                f"  {finding.reason.code} of {finding.split}, {'certain' if finding.certain else 'uncertain'}: "
                f"{finding.message} [{finding.observed!r}; {finding.limit!r}]"
                for finding in (*one.findings, *one.advice)
            ]
    _check("readiness_golden.txt", lines)


@pytest.mark.parametrize("examples", [1, 2, 3])
def test_numbers_agree_with_their_nouns(examples: int) -> None:
    answer = readiness(summary(train={"kept": examples}), with_limits(few_examples=4))
    [advice] = answer.as_given.advice
    verb, noun = ("is", "example") if examples == 1 else ("are", "examples")
    assert advice.message.startswith(f"There {verb} {examples} training {noun}; ")
