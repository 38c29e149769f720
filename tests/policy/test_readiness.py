"""Readiness: two answers, intervals, limits on whole files, and the gate."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_examples import known

from beam_tuning.dataset.example import LineId, MediaPart
from beam_tuning.limits_file import load_limits
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.choices import USUAL_SCOPE, ResolutionScope
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.readiness import FailOn, Readiness, State, file_fault
from beam_tuning.policy.readiness import readiness as readiness_of
from beam_tuning.reasons import Finding, Reason, Verdict, verdict_of
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.summary import Summary

MODEL = load_limits().model("gemini-3.5-flash")
#: Before every model's retirement date.
DAY = datetime.date(2026, 9, 1)
LOW, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"
PART = MediaPart("contents[0].parts[0]", "user", "gs://example-bucket/a.mp4", "video/mp4", MediaKind.VIDEO)


def summary(**splits: dict[str, int]) -> Summary:
    """E.g. `summary(train={"kept": 9, "VIDEO_TOO_LONG": 1})`: so many examples with that reason, or with none.

    A media resolution's name gives kept examples that set it, `video` gives kept ones with a video that set none.
    """
    whole = Summary.empty()
    for split, groups in splits.items():
        whole.add_blank_lines(split, 0)
        number = 0
        for name, count in groups.items():
            findings = () if name in ("kept", "video", LOW, HIGH) else (Finding(Reason[name], ""),)
            resolution = name if name in (LOW, HIGH) else None
            media = (known(PART),) if name == "video" else ()
            for _ in range(count):
                number += 1
                place = LineId(split, f"{split}.jsonl", number, number)
                whole.add(JudgedExample(place, 99, verdict_of(findings), findings, media, resolution, text_chars=5))
    return whole


def readiness(whole: Summary, model: ModelLimits = MODEL, **given: Any) -> Readiness:
    return readiness_of(whole, model, **{"day": DAY, "resolution_scope": USUAL_SCOPE, **given})


def with_limits(**numbers: int) -> ModelLimits:
    """The model with other numbers."""
    entries = {name: msgspec.structs.replace(getattr(MODEL, name), value=value) for name, value in numbers.items()}
    return msgspec.structs.replace(MODEL, **entries)


def codes(findings: tuple[object, ...]) -> list[str]:
    return [finding.reason.code for finding in findings]  # type: ignore[attr-defined]


def test_a_clean_dataset_is_ready_both_ways() -> None:
    answer = readiness(summary(train={"kept": 100}, validation={"kept": 10}))
    assert (answer.as_given.state, answer.cleaned.state) == (State.READY, State.READY)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kept", "dropped", "undecided", "state"),
    [
        (100, 0, 0, State.READY),
        (91, 9, 0, State.READY),
        (90, 10, 0, State.UNCERTAIN),  # exactly the limit: "more than 10 %" and "10 % or more" are both published
        (89, 11, 0, State.NOT_READY),
        (91, 0, 9, State.READY),
        (90, 0, 10, State.UNCERTAIN),
        (50, 5, 45, State.UNCERTAIN),
        (50, 10, 40, State.UNCERTAIN),
        (49, 11, 40, State.NOT_READY),
        (0, 0, 100, State.UNCERTAIN),
        (0, 1, 0, State.NOT_READY),
        (900_001, 99_999, 0, State.READY),  # 9.9999 %: nothing is rounded
        (899_999, 100_001, 0, State.NOT_READY),
    ],
)
def test_drop_share_is_an_interval_against_ten_percent(kept: int, dropped: int, undecided: int, state: State) -> None:
    whole = summary(train={"kept": 1})
    for verdict, count in (("kept", kept), ("dropped", dropped), ("undecided", undecided)):
        whole.splits["train"].by_verdict[verdict].examples = count
    share = readiness(whole).drop_shares["train"]
    assert share.state is state
    assert (share.low, share.high) == (dropped / share.read, (dropped + undecided) / share.read)


@settings(max_examples=60)
@given(st.integers(0, 300), st.integers(0, 60), st.integers(0, 60))
def test_undecided_examples_never_make_the_answer_better(kept: int, dropped: int, undecided: int) -> None:
    order = [State.READY, State.UNCERTAIN, State.NOT_READY]

    def state(decided_as: str) -> int:
        counts = {"kept": kept, "dropped": dropped, "undecided": 0}
        counts[decided_as] += undecided
        whole = summary(train={"kept": 0})
        for verdict, count in counts.items():
            whole.splits["train"].by_verdict[verdict].examples = count
        share = readiness(whole).drop_shares["train"].state
        return -1 if share is None else order.index(share)

    assert state("kept") <= state("undecided") <= state("dropped")


def test_nothing_over_nothing_is_no_share_and_an_empty_dataset() -> None:
    answer = readiness(Summary.empty())
    share = answer.drop_shares["train"]
    assert (share.read, share.low, share.high, share.state) == (0, None, None, None)
    assert codes(answer.as_given.findings) == codes(answer.cleaned.findings) == ["DATASET_EMPTY"]
    assert answer.gate(FailOn.CLEANED).exit_code == 3


def test_a_named_but_empty_validation_split_is_an_empty_dataset() -> None:
    answer = readiness(summary(train={"kept": 5}), splits=("train", "validation"))
    assert [finding.split for finding in answer.as_given.findings] == ["validation"]


def test_a_split_that_was_never_named_is_not_missed() -> None:
    assert list(readiness(summary(train={"kept": 5})).drop_shares) == ["train"]


def test_one_line_that_refuses_the_job_makes_it_not_ready_as_given_but_cleaned_is() -> None:
    answer = readiness(summary(train={"kept": 999, "LINE_NOT_JSON": 1}))
    assert codes(answer.as_given.findings) == ["LINE_NOT_JSON"]
    assert (answer.as_given.state, answer.cleaned.state) == (State.NOT_READY, State.READY)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [3, 0, 0]


def test_few_dropped_examples_leave_the_dataset_ready() -> None:
    answer = readiness(summary(train={"kept": 95, "VIDEO_TOO_LONG": 5}))
    assert (answer.as_given.state, answer.cleaned.state) == (State.READY, State.READY)


def test_all_examples_dropped_leaves_nothing_to_tune_with() -> None:
    answer = readiness(summary(train={"VIDEO_TOO_LONG": 5}))
    assert codes(answer.cleaned.findings) == ["DATASET_EMPTY"]
    assert answer.cleaned.state is State.NOT_READY


def test_an_outage_makes_the_cleaned_dataset_uncertain() -> None:
    answer = readiness(summary(train={"kept": 60, "MEDIA_TIMED_OUT": 40}))
    assert codes(answer.as_given.findings) == ["DROP_SHARE_TOO_HIGH"]
    assert codes(answer.cleaned.findings) == ["MEDIA_TIMED_OUT"]
    assert (answer.as_given.state, answer.cleaned.state) == (State.UNCERTAIN, State.UNCERTAIN)
    assert answer.gate(FailOn.CLEANED).exit_code == 3


def test_everything_undecided_is_uncertain_not_empty_for_certain() -> None:
    answer = readiness(summary(train={"MEDIA_TIMED_OUT": 40}))
    assert answer.cleaned.state is State.UNCERTAIN


def test_few_undecided_examples_do_not_matter() -> None:
    assert readiness(summary(train={"kept": 99, "MEDIA_TIMED_OUT": 1})).cleaned.state is State.READY


@pytest.mark.parametrize(
    ("train", "validation", "state"),
    [
        ({LOW: 5}, {LOW: 5}, State.READY),
        ({"kept": 5}, {"kept": 5}, State.READY),
        ({LOW: 5}, {HIGH: 5}, State.NOT_READY),
        ({LOW: 5, HIGH: 1}, {LOW: 5}, State.NOT_READY),
        ({LOW: 5}, {"kept": 5}, State.UNCERTAIN),  # the page says all lines, be there pictures or not
        ({LOW: 5}, {"video": 5}, State.UNCERTAIN),  # one value and a lack: mixing by the letter
        ({"video": 5}, {"video": 5}, State.READY),
        ({LOW: 5, "video": 1, HIGH: 1}, {"video": 5}, State.NOT_READY),
    ],
)
def test_media_resolution_is_compared_over_both_splits(
    train: dict[str, int], validation: dict[str, int], state: State
) -> None:
    answer = readiness(summary(train=train, validation=validation), resolution_scope=ResolutionScope.ALL)
    assert answer.as_given.state is state
    assert answer.cleaned.state is state
    assert set(codes(answer.as_given.findings)) <= {"MEDIA_RESOLUTION_MIXED"}


def test_only_examples_with_pictures_are_asked_for_one_resolution_unless_told_otherwise() -> None:
    whole = summary(train={"video": 5, LOW: 5, HIGH: 5})
    assert readiness(whole).as_given.state is State.READY
    (finding,) = readiness(whole, resolution_scope=ResolutionScope.ALL).as_given.findings
    assert finding.message.startswith(
        "The lines ask for different media resolutions (HIGH on 5, LOW on 5, none on 5); one value"
    )


def test_lines_with_pictures_are_named_as_such() -> None:
    whole = summary(train={"video": 5})
    place = LineId("train", "train.jsonl", 999, 999)
    whole.add(JudgedExample(place, 99, verdict_of(()), (), (known(PART),), LOW, text_chars=5))
    (finding,) = readiness(whole).as_given.findings
    assert finding.message.startswith("Some lines with visual media ask for a media resolution and some do not")
    assert "none on 5, LOW on 1" in finding.message
    assert not finding.certain


def test_dropping_the_rarer_resolution_makes_the_cleaned_dataset_ready() -> None:
    whole = summary(train={LOW: 50})
    place = LineId("train", "train.jsonl", 999, 999)
    finding = Finding(Reason.MEDIA_RESOLUTION_INCONSISTENT, "")
    whole.add(JudgedExample(place, 99, verdict_of([finding]), (finding,), (), HIGH, text_chars=5))
    answer = readiness(whole, resolution_scope=ResolutionScope.ALL)
    assert codes(answer.as_given.findings) == ["MEDIA_RESOLUTION_MIXED"]
    assert answer.cleaned.state is State.READY


def test_hostile_resolution_values_stay_bounded() -> None:
    whole = Summary.empty()
    for number in range(500):
        place = LineId("train", "train.jsonl", number + 1, number)
        whole.add(JudgedExample(place, 9, verdict_of(()), (), (), f"<script>{number}" * 50, text_chars=5))
    (finding,) = readiness(whole, resolution_scope=ResolutionScope.ALL).as_given.findings
    assert finding.certain
    assert len(finding.message) < 2000


@pytest.mark.parametrize(
    ("numbers", "split", "code"),
    [
        ({"training_file_bytes": 199}, "train", "TRAINING_FILE_TOO_LARGE"),  # 2 lines, 99 bytes and newline
        ({"text_examples": 1}, "train", "TRAINING_TOO_MANY_EXAMPLES"),
        ({"validation_examples": 3}, "validation", "VALIDATION_TOO_MANY_EXAMPLES"),
        ({"validation_percent_from": 2}, "validation", "VALIDATION_TOO_MANY_EXAMPLES"),
    ],
)
def test_limits_on_whole_files(numbers: dict[str, int], split: str, code: str) -> None:
    answer = readiness(summary(train={"kept": 2}, validation={"kept": 4}), with_limits(**numbers))
    for findings in (answer.as_given.findings, answer.cleaned.findings):
        assert [(finding.reason.code, finding.split, finding.certain) for finding in findings] == [(code, split, True)]


@pytest.mark.parametrize(
    "numbers",
    [
        {"training_file_bytes": 200},
        {"text_examples": 2},
        {"multimodal_examples": 0},  # no example has media
        {"validation_examples": 4},
        {"validation_percent_from": 4},
    ],
)
def test_just_at_a_limit_is_allowed(numbers: dict[str, int]) -> None:
    whole = summary(train={"kept": 2}, validation={"kept": 4})
    assert readiness(whole, with_limits(**numbers)).as_given.state is State.READY


def test_one_example_with_media_makes_a_dataset_multimodal() -> None:
    whole = summary(train={"kept": 2})
    whole.add(JudgedExample(LineId("train", "a", 9, 9), 9, verdict_of(()), (), (known(PART),), None, text_chars=5))
    answer = readiness(whole, with_limits(multimodal_examples=2))
    assert codes(answer.as_given.findings) == ["TRAINING_TOO_MANY_EXAMPLES"]


def test_what_was_dropped_does_not_count_against_the_cleaned_file() -> None:
    whole = summary(train={"kept": 20, "VIDEO_TOO_LONG": 1})
    answer = readiness(whole, with_limits(text_examples=20))
    assert codes(answer.as_given.findings) == ["TRAINING_TOO_MANY_EXAMPLES"]
    assert answer.cleaned.state is State.READY


@pytest.mark.parametrize(
    ("reason", "as_given"),
    [
        (Reason.INPUT_FILE_NOT_JSON_LINES, State.NOT_READY),
        (Reason.INPUT_FILE_TRUNCATED, State.UNCERTAIN),
        (Reason.INPUT_FILE_UNREADABLE, State.UNCERTAIN),
    ],
)
def test_a_file_that_was_not_read_whole_closes_the_gate(reason: Reason, as_given: State) -> None:
    fault = file_fault(reason, "train", "train-00001.jsonl.gz ends too early.")
    answer = readiness(summary(train={"kept": 20}), file_faults=[fault])
    assert (answer.as_given.state, answer.cleaned.state) == (as_given, State.UNCERTAIN)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [2, 2, 2]


# The model


def of_day(model: str, day: str, **given: Any) -> Readiness:
    whole = summary(train={"kept": 200})
    return readiness(whole, load_limits().model(model), day=datetime.date.fromisoformat(day), **given)


@pytest.mark.parametrize(
    ("model", "day", "code", "state"),
    [
        ("gemini-2.5-flash", "2026-10-19", None, State.READY),
        ("gemini-2.5-flash", "2026-10-20", "MODEL_PAST_RETIREMENT", State.UNCERTAIN),
        ("gemini-2.5-pro", "2030-01-01", "MODEL_PAST_RETIREMENT", State.UNCERTAIN),
        ("gemini-2.0-flash", "2026-05-31", None, State.READY),
        ("gemini-2.0-flash", "2026-06-01", "MODEL_PAST_RETIREMENT", State.UNCERTAIN),
        ("gemini-2.0-flash-lite", "2026-07-28", "MODEL_PAST_RETIREMENT", State.UNCERTAIN),
        ("gemini-2.0-flash-lite", "2026-07-29", "MODEL_REMOVED", State.NOT_READY),
        ("gemini-3.5-flash", "2026-11-26", None, State.READY),
        ("gemini-3.5-flash", "2027-05-19", "MODEL_PAST_RETIREMENT", State.UNCERTAIN),
    ],
)
def test_a_model_that_is_gone_is_told_by_the_day_of_the_run(
    model: str, day: str, code: str | None, state: State
) -> None:
    answer = of_day(model, day)
    for one in (answer.as_given, answer.cleaned):
        assert codes(one.findings) == ([] if code is None else [code])
        assert one.state is state
    assert answer.gate(FailOn.CLEANED).exit_code == (0 if code is None else 3)


def test_the_model_to_take_instead_is_named() -> None:
    (removed,) = of_day("gemini-2.0-flash", "2026-11-26").cleaned.findings
    assert removed.message == (
        "gemini-2.0-flash was removed from tuning on 2026-07-29. Use gemini-3.1-flash-lite instead."
    )
    (past,) = of_day("gemini-2.5-pro", "2026-11-26").cleaned.findings
    assert "2026-10-20" in past.message
    assert "may be extended" in past.message
    assert past.message.endswith("Use gemini-3.5-flash instead.")
    assert (past.observed, past.limit) == ("2026-11-26", "2026-10-20")


@pytest.mark.parametrize("name", load_limits().models)
def test_models_to_take_instead_are_there_longer(name: str) -> None:
    limits = load_limits()
    model = limits.model(name)
    if model.instead:
        other = limits.model(model.instead)
        assert other.removal.value is None
        assert model.retirement.value is not None
        assert other.retirement.value is not None
        assert other.retirement.value > model.retirement.value


def test_whoever_knows_that_a_model_still_tunes_can_say_so() -> None:
    answer = of_day("gemini-2.5-flash", "2026-11-26", tolerated={Reason.MODEL_PAST_RETIREMENT})
    for one in (answer.as_given, answer.cleaned):
        assert (codes(one.findings), codes(one.advice), one.state) == ([], ["MODEL_PAST_RETIREMENT"], State.READY)
    assert answer.gate(FailOn.AS_GIVEN).exit_code == 0


def test_a_removed_model_is_not_tolerated() -> None:
    answer = of_day("gemini-2.0-flash", "2026-11-26", tolerated={one for one in Reason if one.tolerable})
    assert answer.cleaned.state is State.NOT_READY


# Parts that the model may not tune


def test_one_part_that_the_model_may_not_tune_makes_the_dataset_uncertain() -> None:
    answer = readiness(summary(train={"kept": 999, "PART_UNCERTAIN_FOR_MODEL": 1}))
    (finding,) = answer.as_given.findings
    assert (finding.reason, finding.certain, finding.observed) == (Reason.PART_UNCERTAIN_FOR_MODEL, False, 1)
    assert (
        finding.message == "1 train line has this fault; one such line may make the service reject the whole dataset."
    )
    assert (answer.as_given.state, answer.cleaned.state) == (State.UNCERTAIN, State.READY)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [3, 0, 0]


def test_a_dataset_of_such_parts_is_uncertain_both_ways() -> None:
    answer = readiness(summary(train={"PART_UNCERTAIN_FOR_MODEL": 200}))
    assert (answer.as_given.state, answer.cleaned.state) == (State.UNCERTAIN, State.UNCERTAIN)


def test_tolerated_parts_close_no_gate() -> None:
    whole = summary(train={"kept": 200})
    place = LineId("train", "train.jsonl", 999, 999)
    whole.add(JudgedExample(place, 99, Verdict.KEPT, (Finding(Reason.PART_UNCERTAIN_FOR_MODEL, ""),), text_chars=5))
    answer = readiness(whole, tolerated={Reason.PART_UNCERTAIN_FOR_MODEL})
    assert codes(answer.as_given.advice) == ["PART_UNCERTAIN_FOR_MODEL"]
    assert (answer.as_given.state, answer.cleaned.state) == (State.READY, State.READY)


def test_a_tolerated_reason_leaves_nothing_out() -> None:
    """Of undecided examples the reasons are told that made them so."""
    whole = summary(train={"kept": 60, "MEDIA_TIMED_OUT": 40})
    place = LineId("train", "train.jsonl", 999, 999)
    whole.add(JudgedExample(place, 99, Verdict.KEPT, (Finding(Reason.MEDIA_DURATION_UNKNOWN, ""),), text_chars=5))
    answer = readiness(whole, tolerated={Reason.MEDIA_DURATION_UNKNOWN})
    assert codes(answer.cleaned.findings) == ["MEDIA_TIMED_OUT"]
    assert "MEDIA_DURATION_UNKNOWN" not in codes(answer.cleaned.advice)


# Local media


def local_summary(verdict: Verdict, count: int = 1) -> Summary:
    whole = summary(train={"kept": 200})
    part = msgspec.structs.replace(PART, uri="/data/clip.mp4")
    for number in range(1, count + 1):
        place = LineId("train", "train.jsonl", 1000 + number, number)
        whole.add(JudgedExample(place, 99, verdict, (), (known(part),), None, text_chars=5))
    return whole


@pytest.mark.parametrize(
    ("verdict", "as_given", "cleaned"),
    [
        (Verdict.KEPT, ["MEDIA_IS_LOCAL"], ["MEDIA_IS_LOCAL"]),
        (Verdict.UNDECIDED, ["MEDIA_IS_LOCAL"], []),
        (Verdict.DROPPED, [], []),  # the drop share tells
    ],
)
def test_examples_that_name_local_files_are_perhaps_not_ready(
    verdict: Verdict, as_given: list[str], cleaned: list[str]
) -> None:
    answer = readiness(local_summary(verdict), local_media=1, tolerated={one for one in Reason if one.tolerable})
    assert (codes(answer.as_given.findings), codes(answer.cleaned.findings)) == (as_given, cleaned)
    for one in (answer.as_given, answer.cleaned):
        assert one.state is (State.UNCERTAIN if one.findings else State.READY)


def test_how_many_media_must_be_uploaded_is_said() -> None:
    one = readiness(local_summary(Verdict.KEPT), local_media=1)
    assert one.as_given.findings[0].message == (
        "1 example refers to files on this machine, which the tuning service cannot read. The dataset has 1 such file "
        "to upload."
    )
    many = readiness(local_summary(Verdict.KEPT, 1200), local_media=1100)
    assert many.cleaned.findings[0].message.startswith("1,200 kept examples refer to files on this machine")
    assert "1,100 such files" in many.cleaned.findings[0].message
    assert many.gate(FailOn.CLEANED).exit_code == 3


# Advice


@pytest.mark.parametrize(
    ("train", "as_given", "cleaned"),
    [
        ({"kept": 100}, [], []),
        ({"kept": 99}, ["TRAINING_FEW_EXAMPLES"], ["TRAINING_FEW_EXAMPLES"]),
        ({"kept": 99, "VIDEO_TOO_LONG": 1}, [], ["TRAINING_FEW_EXAMPLES"]),
        ({"VIDEO_TOO_LONG": 1}, ["TRAINING_FEW_EXAMPLES"], []),
        ({}, [], []),  # DATASET_EMPTY says more
    ],
)
def test_few_training_examples_are_worth_a_word(train: dict[str, int], as_given: list[str], cleaned: list[str]) -> None:
    answer = readiness(summary(train=train, validation={"kept": 1}))
    assert (codes(answer.as_given.advice), codes(answer.cleaned.advice)) == (as_given, cleaned)
    assert "TRAINING_FEW_EXAMPLES" not in codes(answer.as_given.findings)


def test_advice_opens_and_closes_nothing() -> None:
    answer = readiness(summary(train={"kept": 1}))
    (advice,) = answer.as_given.advice
    assert advice.message == "There is 1 training example; the documents recommend to start with 100."
    assert (advice.split, advice.observed, advice.limit) == ("train", 1, 100)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [0, 0, 0]
    assert answer.as_given.state is State.READY


def test_the_gate_says_why() -> None:
    answer = readiness(summary(train={"kept": 9, "LINE_NOT_JSON": 1}))
    assert answer.gate(FailOn.AS_GIVEN).why == "As given, the dataset is not ready to tune."
    assert answer.gate(FailOn.CLEANED).why == "Cleaned, the dataset is ready to tune."
    assert answer.gate(FailOn.NEVER).why == "The gate is turned off."
