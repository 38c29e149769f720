"""Times on another time line: shifted, clipped, given to the piece that they fall into."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from times.times_table import DOUBTFUL, NO_TIMES, TIMES

from beam_tuning.times.forms import SECOND_NS, Clock, Count, Form, Timecode, Units
from beam_tuning.times.moving import CannotMove, Moved, Piece, moved, shifted
from beam_tuning.times.reading import Mark, TimeLine
from beam_tuning.times.recognise import read_times

LINE = TimeLine(600 * SECOND_NS, Fraction(25))
WHOLE = Piece(0, 600 * SECOND_NS, is_last=True)


def piece(start_s: float, stop_s: float, *, is_last: bool = False) -> Piece:
    return Piece(round(start_s * SECOND_NS), round(stop_s * SECOND_NS), is_last)


def move(text: str, to: Piece, *, may_leave_out: bool = True) -> Moved | CannotMove:
    return moved(text, read_times(text, LINE), to, may_leave_out=may_leave_out)


@pytest.mark.parametrize(
    ("text", "to", "expected"),
    [
        ("[00:12] a\n[01:20] b", piece(10, 60), "[00:02] a"),
        ("[00:12] a\n[01:20] b", piece(60, 600, is_last=True), "[00:20] b"),
        ("Events:\n[00:12] a\nmore of a\n[01:20] b", piece(0, 60), "Events:\n[00:12] a\nmore of a"),
        ("0:50 - 1:10: a walk", piece(0, 60), "0:50 - 1:00: a walk"),
        ("0:50 - 1:10: a walk", piece(60, 120), "0:00 - 0:10: a walk"),
        (
            "At 1:20 he falls, in the picture (at 1:25.5).",
            piece(60, 120),
            "At 0:20 he falls, in the picture (at 0:25.5).",
        ),
        ("00:01:20 --> 00:01:25", piece(60, 120), "00:00:20 --> 00:00:25"),
        ("[1m20s] he falls", piece(60, 120), "[0m20s] he falls"),
        ("At 80.5s he falls.", piece(60, 120), "At 20.5s he falls."),
        ("[00:01:00:10] cut", piece(60, 120), "[00:00:00:10] cut"),
        (
            (
                "1\n00:00:01,000 --> 00:00:02,500\na\n\n2\n00:01:03,000 --> 00:01:04,000\nb\n\n"
                "3\n00:01:09,000 --> 00:01:10,000\nc\n"
            ),
            piece(60, 120),
            "1\n00:00:03,000 --> 00:00:04,000\nb\n\n2\n00:00:09,000 --> 00:00:10,000\nc\n",
        ),
        (
            "WEBVTT\n\n00:01.000 --> 00:02.500\na\n\n01:03.000 --> 01:04.000\nb",
            piece(0, 60),
            "WEBVTT\n\n00:01.000 --> 00:02.500\na",
        ),
        ('[{"start": 12, "end": 70}, {"start": 80, "end": 90}]', piece(0, 60), '[{"start": 12, "end": 60}]'),
        ('[{"start": 12, "end": 70}, {"start": 80, "end": 90}]', piece(75, 100), '[{"start": 5, "end": 15}]'),
        ('{"events": [{"time": 12}]}', piece(60, 120), '{"events": []}'),
        ('{"0:12": "a", "1:20": "b"}', piece(60, 120), '{"0:20": "b"}'),
        ('{"timestamps": [1.5, 62, 70.5, 300]}', piece(60, 120), '{"timestamps": [2, 10.5]}'),
        ('{"start_ms": 61500, "end_ms": 64000}', piece(60, 120), '{"start_ms": 1500, "end_ms": 4000}'),
        ('{"text": "Er sagt \\u00e4h [1:20]"}', piece(60, 120), '{"text": "Er sagt \\u00e4h [0:20]"}'),
        (
            '{"text": "x [1:20]", "start": 62, "duration": 5}',
            piece(60, 120),
            '{"text": "x [0:20]", "start": 2, "duration": 5}',
        ),
        (
            '{"chapters": [{"start": 0, "end": 90, "cuts": [{"time": 20}, {"time": 70}]}]}',
            piece(60, 120),
            '{"chapters": [{"start": 0, "end": 30, "cuts": [{"time": 10}]}]}',
        ),
    ],
)
def test_the_text_of_a_piece(text: str, to: Piece, expected: str) -> None:
    made = move(text, to)
    assert isinstance(made, Moved), made
    assert made.text == expected


@pytest.mark.parametrize(
    ("text", "to", "shown"),
    [
        ("At 0:12 he waves, and at 1:20 he falls.", piece(0, 60), "1:20"),
        ("[00:12] a\n[01:20] b", piece(200, 300), "[00:12] a\n[01:20] b"),
        ("The train departs at 8:15.", piece(0, 60), "8:15"),
        ('{"start": 12, "end": 15}', piece(60, 120), '12, "end": 15'),
        ('{"start": 50, "duration": 20}', piece(0, 60), "50"),
        ('{"start": 1500}', piece(0, 60), "1500"),
    ],
)
def test_what_cannot_be_moved_says_which_text(text: str, to: Piece, shown: str) -> None:
    made = move(text, to)
    assert isinstance(made, CannotMove)
    assert made.text == shown
    assert made.why


def test_a_prompt_is_not_taken_apart() -> None:
    assert isinstance(move("[00:12] a\n[01:20] b", piece(0, 60), may_leave_out=False), CannotMove)


@pytest.mark.parametrize("text", NO_TIMES)
def test_a_text_without_times_is_untouched(text: str) -> None:
    assert move(text, piece(60, 120)) == Moved(text, (), 0)


@pytest.mark.parametrize("text", DOUBTFUL)
def test_a_doubtful_text_is_refused(text: str) -> None:
    assert isinstance(move(text, WHOLE), CannotMove)


@pytest.mark.parametrize("text", [text for text, _ in TIMES])
def test_the_whole_file_is_a_piece_that_changes_nothing(text: str) -> None:
    made = move(text, WHOLE)
    assert isinstance(made, Moved)
    assert made.text == text


FORMS: st.SearchStrategy[Form] = st.one_of(
    st.builds(Clock, st.sampled_from([2, 3]), st.integers(1, 2), st.integers(0, 9), st.sampled_from([".", ","])),
    st.builds(
        Units, st.sampled_from(["", "h", "h "]), st.sampled_from(["m", "m ", "min"]), st.just("s"), st.integers(0, 9)
    ),
    st.builds(Count, st.integers(0, 6), st.sampled_from([SECOND_NS, SECOND_NS // 1000])),
    st.sampled_from([Timecode(2, 25, 1), Timecode(2, 30000, 1001), Timecode(2, 24000, 1001), Timecode(1, 60, 1)]),
)


@given(FORMS, st.integers(0, 10**6), st.integers(-(10**13), 10**13))
def test_shift_and_shift_back_is_the_identity_in_every_form(form: Form, steps: int, by_ns: int) -> None:
    assert form.steps(form.time_ns(steps)) == steps
    there = steps + form.steps(by_ns)
    assert there + form.steps(-by_ns) == steps


TIMED = st.builds(
    lambda seconds, text: f"[{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}] {text}",
    st.integers(0, 599),
    st.text("abc xyz.,", max_size=20),
)


@given(st.lists(TIMED, min_size=1, max_size=8), st.integers(0, 10**12))
def test_a_text_shifted_and_shifted_back_is_the_same(lines: list[str], by_ns: int) -> None:
    text = "\n".join(lines)
    there = shifted(text, read_times(text, LINE), by_ns)
    assert shifted(there, read_times(there, TimeLine(10**13, Fraction(25))), -by_ns) == text


@given(st.lists(st.tuples(st.integers(0, 5990), st.integers(1, 900)), min_size=1, max_size=10), st.integers(1, 599))
def test_no_time_leaves_its_piece_and_every_event_is_in_one(events: list[tuple[int, int]], cut_s: int) -> None:
    listed = [{"start": at / 10, "end": min(at + length, 6000) / 10} for at, length in events]
    text = json.dumps(listed)
    pieces = [piece(0, cut_s), piece(cut_s, 600, is_last=True)]
    counts = []
    lengths = []
    for one in pieces:
        made = move(text, one)
        assert isinstance(made, Moved)
        found = json.loads(made.text)
        counts.append(len(found))
        length_s = (one.stop_ns - one.start_ns) / SECOND_NS
        for event in found:
            assert 0 <= event["start"] <= event["end"] <= length_s
            lengths.append(event["end"] - event["start"])
    assert sum(counts) >= len(listed)
    assert sum(lengths) == pytest.approx(sum(event["end"] - event["start"] for event in listed))


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    reading = read_times(text, LINE)
    marks = sorted(mark_places(reading.spans))
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(marks))
    move(text, piece(0, 60))


@given(st.text('0123456789:.,-–>[]() \nsmhat{}"', max_size=120))
def test_no_clock_like_text_breaks_the_reading(text: str) -> None:
    reading = read_times(text, LINE)
    for start, stop in mark_places(reading.spans):
        assert 0 <= start < stop <= len(text)
    move(text, piece(0, 60))
    move(text, WHOLE)


def mark_places(spans: tuple) -> list[tuple[int, int]]:
    marks: list[Mark] = [mark for span in spans for mark in span.marks]
    return [(mark.start, mark.stop) for mark in marks]
