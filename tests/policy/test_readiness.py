"""Readiness: two answers, intervals, limits on whole files, and the gate."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.dataset.example import LineId, MediaPart
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.readiness import DatasetLimits, FailOn, State, file_fault, readiness
from beam_tuning.reasons import Finding, Reason, verdict_of
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.summary import Summary

LIMITS = DatasetLimits()
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
            media = ((PART, None),) if name == "video" else ()
            for _ in range(count):
                number += 1
                place = LineId(split, f"{split}.jsonl", number, number)
                whole.add(JudgedExample(place, 99, verdict_of(findings), findings, media, resolution, text_chars=5))
    return whole


def codes(findings: tuple[object, ...]) -> list[str]:
    return [finding.reason.code for finding in findings]  # type: ignore[attr-defined]


def test_a_clean_dataset_is_ready_both_ways() -> None:
    answer = readiness(summary(train={"kept": 100}, validation={"kept": 10}), LIMITS)
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
    share = readiness(whole, LIMITS).drop_shares["train"]
    assert share.state is state
    assert (share.low, share.high) == (dropped / share.read, (dropped + undecided) / share.read)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 300), st.integers(0, 60), st.integers(0, 60))
def test_undecided_examples_never_make_the_answer_better(kept: int, dropped: int, undecided: int) -> None:
    order = [State.READY, State.UNCERTAIN, State.NOT_READY]

    def state(decided_as: str) -> int:
        counts = {"kept": kept, "dropped": dropped, "undecided": 0}
        counts[decided_as] += undecided
        whole = summary(train={"kept": 0})
        for verdict, count in counts.items():
            whole.splits["train"].by_verdict[verdict].examples = count
        share = readiness(whole, LIMITS).drop_shares["train"].state
        return -1 if share is None else order.index(share)

    assert state("kept") <= state("undecided") <= state("dropped")


def test_nothing_over_nothing_is_no_share_and_an_empty_dataset() -> None:
    answer = readiness(Summary.empty(), LIMITS)
    share = answer.drop_shares["train"]
    assert (share.read, share.low, share.high, share.state) == (0, None, None, None)
    assert codes(answer.as_given.findings) == codes(answer.cleaned.findings) == ["DATASET_EMPTY"]
    assert answer.gate(FailOn.CLEANED).exit_code == 3


def test_a_named_but_empty_validation_split_is_an_empty_dataset() -> None:
    answer = readiness(summary(train={"kept": 5}), LIMITS, splits=("train", "validation"))
    assert [finding.split for finding in answer.as_given.findings] == ["validation"]


def test_a_split_that_was_never_named_is_not_missed() -> None:
    assert list(readiness(summary(train={"kept": 5}), LIMITS).drop_shares) == ["train"]


def test_one_line_that_refuses_the_job_makes_it_not_ready_as_given_but_cleaned_is() -> None:
    answer = readiness(summary(train={"kept": 999, "LINE_NOT_JSON": 1}), LIMITS)
    assert codes(answer.as_given.findings) == ["LINE_NOT_JSON"]
    assert (answer.as_given.state, answer.cleaned.state) == (State.NOT_READY, State.READY)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [3, 0, 0]


def test_few_dropped_examples_leave_the_dataset_ready() -> None:
    answer = readiness(summary(train={"kept": 95, "VIDEO_TOO_LONG": 5}), LIMITS)
    assert (answer.as_given.state, answer.cleaned.state) == (State.READY, State.READY)


def test_all_examples_dropped_leaves_nothing_to_tune_with() -> None:
    answer = readiness(summary(train={"VIDEO_TOO_LONG": 5}), LIMITS)
    assert codes(answer.cleaned.findings) == ["DATASET_EMPTY"]
    assert answer.cleaned.state is State.NOT_READY


def test_an_outage_makes_the_cleaned_dataset_uncertain() -> None:
    answer = readiness(summary(train={"kept": 60, "MEDIA_TIMED_OUT": 40}), LIMITS)
    assert codes(answer.as_given.findings) == ["DROP_SHARE_TOO_HIGH"]
    assert codes(answer.cleaned.findings) == ["MEDIA_TIMED_OUT"]
    assert (answer.as_given.state, answer.cleaned.state) == (State.UNCERTAIN, State.UNCERTAIN)
    assert answer.gate(FailOn.CLEANED).exit_code == 3


def test_everything_undecided_is_uncertain_not_empty_for_certain() -> None:
    answer = readiness(summary(train={"MEDIA_TIMED_OUT": 40}), LIMITS)
    assert answer.cleaned.state is State.UNCERTAIN


def test_few_undecided_examples_do_not_matter() -> None:
    assert readiness(summary(train={"kept": 99, "MEDIA_TIMED_OUT": 1}), LIMITS).cleaned.state is State.READY


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
    answer = readiness(summary(train=train, validation=validation), LIMITS)
    assert answer.as_given.state is state
    assert answer.cleaned.state is state
    assert set(codes(answer.as_given.findings)) <= {"MEDIA_RESOLUTION_MIXED"}


def test_only_examples_with_pictures_may_be_asked_for_one_resolution() -> None:
    whole = summary(train={"video": 5, LOW: 5, HIGH: 5})
    assert readiness(whole, LIMITS).as_given.state is State.NOT_READY
    assert readiness(whole, LIMITS, resolution_scope="visual").as_given.state is State.READY


def test_dropping_the_rarer_resolution_makes_the_cleaned_dataset_ready() -> None:
    whole = summary(train={LOW: 50})
    place = LineId("train", "train.jsonl", 999, 999)
    finding = Finding(Reason.MEDIA_RESOLUTION_INCONSISTENT, "")
    whole.add(JudgedExample(place, 99, verdict_of([finding]), (finding,), (), HIGH, text_chars=5))
    answer = readiness(whole, LIMITS)
    assert codes(answer.as_given.findings) == ["MEDIA_RESOLUTION_MIXED"]
    assert answer.cleaned.state is State.READY


def test_hostile_resolution_values_stay_bounded() -> None:
    whole = Summary.empty()
    for number in range(500):
        place = LineId("train", "train.jsonl", number + 1, number)
        whole.add(JudgedExample(place, 9, verdict_of(()), (), (), f"<script>{number}" * 50, text_chars=5))
    (finding,) = readiness(whole, LIMITS).as_given.findings
    assert finding.certain
    assert len(finding.message) < 2000


@pytest.mark.parametrize(
    ("limits", "split", "code"),
    [
        (DatasetLimits(training_file_bytes=199), "train", "TRAINING_FILE_TOO_LARGE"),  # 2 lines, 99 bytes and newline
        (DatasetLimits(text_examples=1), "train", "TRAINING_TOO_MANY_EXAMPLES"),
        (DatasetLimits(validation_examples=3), "validation", "VALIDATION_TOO_MANY_EXAMPLES"),
        (DatasetLimits(validation_percent_from=2), "validation", "VALIDATION_TOO_MANY_EXAMPLES"),
    ],
)
def test_limits_on_whole_files(limits: DatasetLimits, split: str, code: str) -> None:
    answer = readiness(summary(train={"kept": 2}, validation={"kept": 4}), limits)
    for findings in (answer.as_given.findings, answer.cleaned.findings):
        assert [(finding.reason.code, finding.split, finding.certain) for finding in findings] == [(code, split, True)]


@pytest.mark.parametrize(
    "limits",
    [
        DatasetLimits(training_file_bytes=200),
        DatasetLimits(text_examples=2),
        DatasetLimits(multimodal_examples=0),  # no example has media
        DatasetLimits(validation_examples=4),
        DatasetLimits(validation_percent_from=4),
    ],
)
def test_just_at_a_limit_is_allowed(limits: DatasetLimits) -> None:
    assert readiness(summary(train={"kept": 2}, validation={"kept": 4}), limits).as_given.state is State.READY


def test_one_example_with_media_makes_a_dataset_multimodal() -> None:
    whole = summary(train={"kept": 2})
    whole.add(JudgedExample(LineId("train", "a", 9, 9), 9, verdict_of(()), (), ((PART, None),), None, text_chars=5))
    answer = readiness(whole, DatasetLimits(multimodal_examples=2))
    assert codes(answer.as_given.findings) == ["TRAINING_TOO_MANY_EXAMPLES"]


def test_what_was_dropped_does_not_count_against_the_cleaned_file() -> None:
    whole = summary(train={"kept": 20, "VIDEO_TOO_LONG": 1})
    answer = readiness(whole, DatasetLimits(text_examples=20))
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
    answer = readiness(summary(train={"kept": 20}), LIMITS, file_faults=[fault])
    assert (answer.as_given.state, answer.cleaned.state) == (as_given, State.UNCERTAIN)
    assert [answer.gate(fail_on).exit_code for fail_on in FailOn] == [2, 2, 2]


def test_the_gate_says_why() -> None:
    answer = readiness(summary(train={"kept": 9, "LINE_NOT_JSON": 1}), LIMITS)
    assert answer.gate(FailOn.AS_GIVEN).why == "As given, the dataset is not ready to tune."
    assert answer.gate(FailOn.CLEANED).why == "Cleaned, the dataset is ready to tune."
    assert answer.gate(FailOn.NEVER).why == "The gate is turned off."
