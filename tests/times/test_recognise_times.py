"""Which texts hold times of the media, and which only look like it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from times.times_table import DOUBTED_PIECES, DOUBTFUL, NO_TIMES, TIMES

from beam_tuning.dataset.timed_texts import may_hold_times
from beam_tuning.times.forms import SECOND_NS
from beam_tuning.times.reading import Reading, TimeLine
from beam_tuning.times.recognise import read_times

LINE = TimeLine(600 * SECOND_NS, Fraction(25))


def seconds(reading: Reading) -> list[float]:
    return [mark.time_ns / SECOND_NS for span in reading.spans for mark in span.marks]


def test_the_table_has_120_texts_and_half_of_them_are_traps() -> None:
    traps = len(DOUBTFUL) + len(NO_TIMES)
    assert len(TIMES) + traps >= 120
    assert traps >= len(TIMES)


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times_are_recognised(text: str, expected: list[float]) -> None:
    reading = read_times(text, LINE)
    assert seconds(reading) == pytest.approx(expected)
    assert reading.doubts == ()


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_each_time_is_written_as_it_was_read(text: str, expected: list[float]) -> None:
    for span in read_times(text, LINE).spans:
        for mark in span.marks:
            assert mark.form.written(mark.time_ns) == text[mark.start : mark.stop]


@pytest.mark.parametrize("text", DOUBTFUL)
def test_what_is_not_certain_is_in_doubt(text: str) -> None:
    reading = read_times(text, LINE)
    assert reading.doubts
    assert reading.spans == ()


@pytest.mark.parametrize(("text", "piece"), DOUBTED_PIECES)
def test_a_doubt_says_which_piece_of_the_text(text: str, piece: str) -> None:
    assert piece in [text[doubt.start : doubt.stop] for doubt in read_times(text, LINE).doubts]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_something_else_is_no_time(text: str) -> None:
    reading = read_times(text, LINE)
    assert (reading.spans, reading.doubts) == ((), ())


@pytest.mark.parametrize("text", [text for text, _ in TIMES] + DOUBTFUL + NO_TIMES)
def test_the_quick_test_passes_every_text_with_a_certain_time(text: str) -> None:
    if has_certain_time(text):
        assert may_hold_times(text)


@given(st.text(st.sampled_from("0123456789:.,smecond -[]{}\"'\n→"), max_size=40))
def test_the_quick_test_passes_any_text_with_a_certain_time(text: str) -> None:
    if has_certain_time(text):
        assert may_hold_times(text)


def has_certain_time(text: str) -> bool:
    """Whether one would be found to lie after the end of media of no length."""
    reading = read_times(text, TimeLine(0), expects_times=True)
    return bool(reading.spans or reading.beyond)


def test_a_prompt_that_asks_for_times_settles_what_a_line_alone_leaves_open() -> None:
    text = "1:20 the light turns green"
    assert read_times(text, TimeLine()).doubts
    assert seconds(read_times(text, TimeLine(), expects_times=True)) == [80]


def test_numbers_of_an_unknown_file_have_no_unit() -> None:
    assert read_times('{"start": 12, "end": 15}', TimeLine()).doubts
    assert seconds(read_times('{"start": 12.5, "end": 15.0}', TimeLine())) == [12.5, 15]


def test_named_fields_and_no_others_hold_times() -> None:
    text = '{"shots": [{"t0": 12, "start": 1}]}'
    assert seconds(read_times(text, LINE, fields=["shots.t0"])) == [12]


def test_times_after_the_end_are_told_apart_from_other_doubts() -> None:
    reading = read_times("[00:12] in\n[11:30] out", LINE)
    assert [mark.time_ns // SECOND_NS for mark in reading.beyond] == [690]


def test_a_time_inside_a_cue_is_in_doubt() -> None:
    reading = read_times("WEBVTT\n\n00:01.000 --> 00:02.000\n<00:01.500>word", LINE)
    assert [doubt.why for doubt in reading.doubts] == ["is a time inside a cue"]
