"""A line judged as it will be written, beside what is said of it as it was read."""

from __future__ import annotations

from tuning_lines import FOUND, LINE_ID, VIDEO_URI, Json, encoded, example, found_video, policy, text, video

from beam_tuning.dataset.api_schema import HIGH, LOW
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.judged_line import JudgedLine, judge_line
from beam_tuning.reasons import Reason, Verdict

SETS_LOW = policy(set_resolution=LOW)
LONG = {VIDEO_URI: found_video(301.0)}


def of(line: Json, media: dict[str, ProbeResult] = FOUND, rules: Policy = SETS_LOW) -> JudgedLine:
    return judge_line(rules, LINE_ID, encoded(line), media)


def test_a_line_that_has_the_wanted_media_resolution_is_judged_as_it_stands() -> None:
    for rules in (SETS_LOW, policy()):
        judged = of(example(video(), resolution=LOW), rules=rules)
        assert judged.text == encoded(example(video(), resolution=LOW))
        assert (judged.example.as_given, judged.example.mended, judged.example.added_bytes) == (None, (), 0)


def test_where_an_edit_changes_no_verdict_nothing_is_said_of_the_line_as_it_was_read() -> None:
    judged = of(example(video(), resolution=HIGH))
    assert b"MEDIA_RESOLUTION_LOW" in judged.text
    assert (judged.example.verdict, judged.example.media_resolution) == (Verdict.KEPT, HIGH)
    assert (judged.example.as_given, judged.example.mended) == (None, ())
    assert judged.example.added_bytes == len(judged.text) - len(encoded(example(video(), resolution=HIGH)))


def test_where_an_edit_mends_an_example_both_verdicts_are_said() -> None:
    judged = of(example(video(), resolution=HIGH), LONG)
    assert (judged.example.verdict, judged.example.as_given) == (Verdict.KEPT, Verdict.DROPPED)
    assert judged.example.mended == (Reason.VIDEO_TOO_LONG,)


def test_where_an_edit_mends_one_of_two_reasons_the_verdict_stays_and_the_reason_is_said() -> None:
    judged = of(example(video(), video(), resolution=HIGH) | {"id": 1}, LONG)
    assert Reason.VIDEO_TOO_LONG not in [finding.reason for finding in judged.example.findings]
    assert judged.example.mended[:1] == (Reason.VIDEO_TOO_LONG,)


def test_a_line_that_is_dropped_for_what_it_says_is_not_compared() -> None:
    assert of(example(text())).is_compared
    assert not of({"contents": []}).is_compared
    assert not of({"contents": []}, rules=policy()).is_compared
