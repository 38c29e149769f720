"""What a repair did, counted: in any order and grouping the same, with samples of a bounded number."""

from __future__ import annotations

import random

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.repair_counts import SAMPLES_PER_EDIT, RepairCounts
from beam_tuning.summary.repaired import MediaChange, Repaired
from beam_tuning.summary.summary import Summary

CUT = Finding(Reason.REPAIR_CUT, "the file is another", "contents[0].parts[0]", "gs://b/long.mp4", "gs://b/new.mp4")
ROLE = Finding(Reason.REPAIR_ROLE, "a role", "contents[1].role", "assistant", "model")


def line(number: int) -> LineId:
    return LineId("train", "train.jsonl", number, number * 100)


def back(number: int, *edits: Finding) -> Repaired:
    change = MediaChange(CUT.path, "video", "gs://b/long.mp4", "video/mp4", 5, 9, "gs://b/new.mp4", "video/mp4")
    return Repaired(line(number), True, edits, times=(("contents[1]", "0:05", "0:00"),) * 9, media=(change,))


def lost(number: int) -> Repaired:
    return Repaired(line(number), False, (), ("VIDEO_TOO_LONG", "TURN_EMPTY"))


def counted(numbers: list[int]) -> Summary:
    """Of four examples one was kept, one came back by one edit, one as two pieces by two, and one stays lost."""
    counts = RepairCounts()
    for number in numbers:
        if number % 4 == 0:
            counts.add_kept()
        elif number % 4 == 1:
            counts.add_back([back(number, ROLE)])
        elif number % 4 == 2:
            counts.add_back([back(number, ROLE, CUT), back(number, CUT, CUT)])
        else:
            counts.add_lost(lost(number))
    summary = Summary.empty()
    summary.add_repairs("train", counts)
    return summary


def test_every_example_is_counted_once_and_the_sum_is_what_is_read() -> None:
    counts = counted(list(range(40))).splits["train"].repairs
    assert counts is not None
    assert (counts.kept_before, counts.came_back, counts.became, counts.stayed) == (10, 20, 30, 10)
    assert {code: one.examples for code, one in counts.edits.items()} == {"REPAIR_ROLE": 20, "REPAIR_CUT": 20}
    assert counts.left == {"VIDEO_TOO_LONG": 10, "TURN_EMPTY": 10}


def test_what_was_refused_is_the_reason_that_is_told() -> None:
    counts = RepairCounts()
    counts.add_lost(lost(1)._replace(refused="REPAIR_TIMES_AMBIGUOUS"))
    assert counts.left == {"REPAIR_TIMES_AMBIGUOUS": 1}


def test_order_and_grouping_change_nothing() -> None:
    numbers = list(range(60))
    whole = counted(numbers).to_bytes()
    shuffled = random.Random(3).sample(numbers, len(numbers))
    parts = [counted(shuffled[start : start + 7]) for start in range(0, len(shuffled), 7)]
    merged = Summary.empty()
    for part in parts:
        merged.merge(Summary.from_bytes(part.to_bytes()))
    assert merged.to_bytes() == whole
    assert Summary.empty().merge(merged).to_bytes() == whole


def test_samples_are_few_and_say_what_was_before_and_after() -> None:
    counts = counted(list(range(200))).splits["train"].repairs
    assert counts is not None
    assert all(len(one.samples) == SAMPLES_PER_EDIT for one in counts.edits.values())
    sample = counts.edits["REPAIR_CUT"].samples[0]
    assert (sample.before, sample.after) == ("gs://b/long.mp4", "gs://b/new.mp4")
    assert sample.media_before is not None
    assert (sample.media_before.uri, sample.media_before.start_ns, sample.media_before.end_ns) == (
        "gs://b/long.mp4",
        5,
        9,
    )
    assert sample.media_after is not None
    assert (sample.media_after.uri, sample.media_after.start_ns) == ("gs://b/new.mp4", None)
    assert len(sample.times) < 9
    assert counts.edits["REPAIR_ROLE"].samples[0].media_after is None


def test_a_run_that_is_no_repair_has_none() -> None:
    summary = Summary.empty()
    summary.add_blank_lines("train", 0)
    assert Summary.from_bytes(summary.to_bytes()).splits["train"].repairs is None
