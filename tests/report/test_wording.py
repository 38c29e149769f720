"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.report import wording
from beam_tuning.report.sections.limits import LimitRow


@pytest.mark.parametrize(
    ("length_ms", "words"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (12_340, "12.3 s"),
        (59_949, "59.9 s"),
        (59_999, "1 min"),
        (60_000, "1 min"),
        (250_000, "4 min 10 s"),
        (3_600_000, "1 h"),
        (1_261_000, "21 min 1 s"),
        (3_660_000, "1 h 1 min"),
        (3_725_400, "1 h 2 min 5 s"),
        (3_600_000_000, "1,000 h"),
        (None, "unknown"),
    ],
)
def test_length(length_ms: int | None, words: str) -> None:
    assert wording.length(length_ms) == words


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (100_000_000, "100 MB"),
        (1_536_000, "1.54 MB"),
        (2 * 10**12, "2 TB"),
        (None, "unknown"),
    ],
)
def test_size(size_bytes: int | None, words: str) -> None:
    assert wording.size(size_bytes) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
        (0.059, "5.9 %"),
        (0.0999999, "9.99999 %"),
        (0.09999, "9.999 %"),
        (0.100001, "10.0001 %"),
        (0.1001, "10.01 %"),
        (0.2, "20 %"),
        (0.00001, "0.001 %"),
        (None, "none"),
    ],
)
def test_share(share: float | None, words: str) -> None:
    assert wording.share(share) == words


def test_ranges() -> None:
    assert wording.share_range(0.05, 0.05) == "5 %"
    assert wording.share_range(0.05, 0.068) == "5 to 6.8 %"
    assert wording.share_range(None, None) == "none"
    assert wording.number_range(1_200_000, 1_500_000) == "1,200,000 to 1,500,000"
    assert wording.number_range(7, 7) == "7"
    assert wording.usd_range(1, 2.5) == "$1.00 to $2.50"
    assert wording.usd_range(None, None) == "unknown"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain é 日本 😀 \u200d", "plain é 日本 😀 \u200d"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x1b[31m", "a⟨U+001B⟩[31m"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("a\u200bb\U000e0041", "a⟨U+200B⟩b⟨U+E0041⟩"),
        ("क्\u200dष \U0001f469\u200d\U0001f680", "क्\u200dष \U0001f469\u200d\U0001f680"),
        ("\u2066\u2069\u200e\u061c\u2028", "⟨U+2066⟩⟨U+2069⟩⟨U+200E⟩⟨U+061C⟩⟨U+2028⟩"),
    ],
)
def test_hidden_characters_are_spelled_out(text: str, seen: str) -> None:
    assert wording.visible(text) == seen


@settings(max_examples=200)
@given(st.text())
def test_nothing_hidden_stays(text: str) -> None:
    seen = wording.visible(text)
    assert not any(char in seen for char in "\x00\x1b\x7f\x9b\u202a\u202e\u2066\u2069\u200f\ufeff")
    assert wording.visible(seen) == seen


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"value": 1_200}, "1,200 u"),
        ({"value": True}, "yes"),
        ({"value": False}, "no"),
        ({"value": None}, "unknown"),
        ({"values": [1, 2]}, "1, 2 u"),
        ({"low": 25, "high": 32}, "25 to 32 u"),
        ({"levels": {"absent": [64, 66], "MEDIA_RESOLUTION_LOW": [1, 2]}}, "absent 64 to 66; LOW 1 to 2 u"),
    ],
)
def test_limit_values(limit: dict[str, Any], words: str) -> None:
    assert wording.limit_value(LimitRow(name="n", label="l", unit="u", source="s", **limit)) == words


def test_a_limit_in_seconds_is_a_length() -> None:
    assert wording.limit_value(LimitRow(name="n", label="l", unit="s", source="s", value=1200)) == "20 min"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.5, "0.5 s"),
        (300.032, "5 min 0.032 s"),
        (3659.976, "1 h 59.976 s"),
        (1260.0, "21 min"),
        (59.9996, "1 min"),
        (-61.5, "−1 min 1.5 s"),
    ],
)
def test_an_exact_length_keeps_what_is_a_hair_over(seconds: float, words: str) -> None:
    assert wording.exact_length(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0.5, "0.5"),
        (1, "1"),
        (50_000, "50,000"),
        (2_000_000, "2 million"),
        (10**10, "10 billion"),
        (131_072, "131,072"),
    ],
)
def test_ticks(number: float, words: str) -> None:
    assert wording.tick(number) == words


def test_values_have_their_unit() -> None:
    assert wording.value(1260.0, "s") == "21 min"
    assert wording.value(100_000_000, "bytes") == "100,000,000 bytes"
    assert wording.value("none", "s") == "none"


@pytest.mark.parametrize(
    ("value", "words"), [(1234567, "1,234,567"), (1.5, "1.5"), (1260.0, "1,260"), ("a\u202e", "a⟨U+202E⟩")]
)
def test_values(value: str | float, words: str) -> None:
    assert wording.value(value) == words
