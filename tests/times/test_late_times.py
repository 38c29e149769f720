"""The quick way to a late time finds what reading the whole text finds, and takes no time with hostile texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from times.times_table import DOUBTFUL, NO_TIMES, TIMES

from beam_tuning.times import cues
from beam_tuning.times.forms import SECOND_NS
from beam_tuning.times.late import MAX_CHARS, late_time
from beam_tuning.times.reading import TimeLine
from beam_tuning.times.recognise import read_times

ENDS_S = (0, 5, 11, 60, 100)
TEXTS = [text for text, _ in TIMES] + DOUBTFUL + NO_TIMES
PIECES = st.sampled_from(
    [
        "[1:15] ",
        "0:12 - 0:15: ",
        "at 1m20s ",
        "12.5s",
        "1h2m3s ",
        "from 5 seconds to 90 seconds",
        "\n",
        "a man ",
        "3:2 ",
        "- ",
    ]
)


def whole(text: str, end_s: float, *, expects_times: bool) -> bool:
    return bool(read_times(text, TimeLine(round(end_s * SECOND_NS)), expects_times=expects_times).beyond)


@pytest.mark.parametrize("expects_times", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_on_a_short_text_both_ways_agree(text: str, expects_times: bool) -> None:
    for end_s in ENDS_S:
        late = late_time(text, end_s * SECOND_NS, expects_times=expects_times)
        assert (late is not None) == whole(text, end_s, expects_times=expects_times)


@given(st.lists(PIECES, max_size=12).map("".join), st.floats(0, 120), st.booleans())
def test_on_any_short_text_both_ways_agree(text: str, end_s: float, expects_times: bool) -> None:
    late = late_time(text, round(end_s * SECOND_NS), expects_times=expects_times)
    assert (late is not None) == whole(text, end_s, expects_times=expects_times)


def test_far_into_a_long_text_a_late_time_is_found_and_told_as_it_stands() -> None:
    text = "".join(f"[00:{number % 60:02d}] A dog barks.\n" for number in range(500)) + "[02:00.5] It ends."
    assert late_time(text, 60 * SECOND_NS) == ("02:00.5", 120_500_000_000)


def test_where_the_text_is_cut_no_line_begins() -> None:
    """Else the time there would be taken for one of the media, and so would the one that follows."""
    for letters in range(360, 400):
        text = "word " * 50 + "2:30 came again " + "a" * letters + " from 5:00 to 6:00 they sat"
        assert late_time(text, 200 * SECOND_NS) is None
    assert late_time("2:30 came again\nfrom 5:00 to 6:00 they sat", 200 * SECOND_NS) is not None


def test_a_very_long_answer_is_left_alone() -> None:
    assert late_time("[02:00] x\n" * (MAX_CHARS // 10 + 1), SECOND_NS) is None


def test_cues_without_blank_lines_are_each_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0

    class Counting:
        @staticmethod
        def search(text: str, start: int, stop: int) -> None:
            nonlocal looked_at
            looked_at += stop - start

    monkeypatch.setattr(cues, "_INNER", Counting)
    text = "00:01.000 --> 00:02.000\n" * 4_000
    assert len(read_times(text, TimeLine()).spans) == 4_000
    assert looked_at <= len(text)
