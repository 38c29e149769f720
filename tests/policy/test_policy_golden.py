"""What people are told, word for word: findings of every case, and of datasets with faults. A change of it is a choice.

UPDATE=1 writes the goldens anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from test_every_reason import CASES
from test_readiness import LOW, readiness, summary, with_limits
from tuning_lines import judged, policy

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
    for entry in example.what_if:
        over = " ".join(reason.code for reason in entry.over)
        yield f"    {entry.profile}: {entry.verdict.value}, tokens {entry.tokens}, over {over or 'nothing'}"


def test_findings_of_every_case_and_of_its_neighbour() -> None:
    lines: list[str] = []
    for reason, case in CASES.items():
        rules = policy(**case.options)
        lines += _lines(reason.code, judged(case.line, case.media, rules))
        lines += _lines(f"{reason.code}, neighbour", judged(case.other, case.other_media, rules))
    _check("findings_golden.txt", lines)


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
