"""Pauses between attempts."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.media.stores.retry import Backoff, parse_retry_after

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("7", 7.0), (" 120 ", 120.0), ("9" * 30, float("inf")), ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0), ("Tue Nov 14 22:13:50 2023", 30.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        (None, None), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("٣", None), ("Tue, 99 Nov 2023", None),
        ("1e3", None), ("Tue, 14 Nov 99999 22:13:50 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
@settings(max_examples=300)
def test_retry_after_of_any_text(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 10**7))
@settings(max_examples=100)
def test_both_forms_of_retry_after_agree(seconds: int) -> None:
    date = email.utils.formatdate(NOW + seconds, usegmt=True)
    assert parse_retry_after(str(seconds), NOW) == parse_retry_after(date, NOW) == seconds


@given(st.text(), st.integers(1, 50))
@settings(max_examples=100)
def test_backoff_doubles_within_bounds_and_repeats(seed: str, failed: int) -> None:
    longest = min(16.0, 0.5 * 2 ** (failed - 1))
    assert longest / 2 <= Backoff(seed).delay_s(failed) <= longest
    assert Backoff(seed).delay_s(failed) == Backoff(seed).delay_s(failed)


def test_different_objects_spread_out() -> None:
    assert len({Backoff(f"gs://bucket/{i}").delay_s(1) for i in range(100)}) > 90
