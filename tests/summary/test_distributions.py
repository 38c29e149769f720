"""Distributions: exact numbers, bins that tile, merges that do not depend on order; counts that stay bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.summary.distributions import (
    LARGEST,
    MOST_NAMES,
    BoundedCounts,
    Distribution,
    bin_of,
    bin_start,
    encodable,
)

VALUES = st.integers(0, 2**70) | st.integers(0, 2000) | st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, LARGEST])


def distribution(values: list[int]) -> Distribution:
    made = Distribution()
    made.add_all(values)
    return made


@settings(max_examples=200)
@given(st.integers(0, LARGEST))
def test_every_value_lies_in_its_bin_and_bins_are_narrow(value: int) -> None:
    index = bin_of(value)
    start, stop = bin_start(index), bin_start(index + 1)
    assert start <= value < stop
    assert stop - start <= max(1, start // 8)


def test_bins_tile_without_gap() -> None:
    assert [bin_of(bin_start(index)) for index in range(400)] == list(range(400))


@settings(max_examples=100)
@given(st.lists(VALUES, max_size=80))
def test_many_at_once_is_the_same_as_one_by_one(values: list[int]) -> None:
    singly = Distribution()
    for value in values:
        singly.add(value)
    at_once = distribution(values)
    singly.sort()
    at_once.sort()
    assert singly == at_once


@settings(max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=120), st.randoms(use_true_random=False), st.integers(1, 5))
def test_merge_is_associative_and_commutative(values: list[int], rng: random.Random, groups: int) -> None:
    parts: list[list[int]] = [[] for _ in range(groups)]
    for value in values:
        rng.choice(parts).append(value)
    rng.shuffle(parts)
    merged = Distribution()
    for part in parts:
        merged.merge(distribution(part))
    whole = distribution(values)
    merged.sort()
    whole.sort()
    assert merged == whole
    capped = [min(value, LARGEST) for value in values]
    assert (whole.count, whole.smallest, whole.largest) == (len(values), min(capped), max(capped))
    assert whole.total == min(sum(capped), LARGEST)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_lies_in_the_bin_of_the_exact_one(values: list[int], share: float) -> None:
    exact = next(value for rank, value in enumerate(sorted(values), 1) if rank >= share * len(values))
    found = distribution(values).quantile(share)
    assert found is not None
    assert bin_of(found) == bin_of(exact)
    assert min(values) <= found <= max(values)


def test_a_quantile_is_the_middle_of_its_bin_within_what_was_counted() -> None:
    assert (bin_start(bin_of(1000)), bin_start(bin_of(1000) + 1)) == (960, 1024)
    assert distribution([0, 1000, 5000]).quantile(0.5) == 991
    assert distribution([1000, 1010, 5000]).quantile(0.5) == 1000
    assert distribution([0, 970, 970]).quantile(0.5) == 970


def test_the_largest_value_is_that_of_a_signed_integer_of_64_bits() -> None:
    largest = distribution([9_223_372_036_854_775_807, 9_223_372_036_854_775_808])
    assert (largest.smallest, largest.largest) == (2**63 - 1, 2**63 - 1)
    assert largest.total == 2**63 - 1


def test_an_empty_distribution_has_no_smallest_and_no_quantile() -> None:
    empty = Distribution()
    assert (empty.count, empty.total, empty.smallest, empty.largest, empty.quantile(0.5)) == (0, 0, None, None, None)
    full = distribution([5])
    full.merge(empty)
    assert full == distribution([5])


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_bounded_counts_merge_exactly_in_any_order(rng: random.Random, groups: int) -> None:
    names = [f"name-{number}" for number in range(3 * MOST_NAMES) for _ in range(1 + number % 3)]
    whole = BoundedCounts()
    whole.add_all(names)
    parts = [BoundedCounts() for _ in range(groups)]
    for name in rng.sample(names, len(names)):
        rng.choice(parts).add(name)
    merged = BoundedCounts()
    for part in rng.sample(parts, len(parts)):
        merged.merge(part)
    merged.sort()
    whole.sort()
    assert merged == whole
    assert len(whole.counts) == MOST_NAMES
    assert all(count == 1 + int(name.removeprefix("name-")) % 3 for name, count in whole.counts.items())
    assert whole.total == len(names) == whole.others + sum(whole.counts.values())


def test_names_are_cut_and_encodable() -> None:
    counts = BoundedCounts()
    counts.add("x" * 10_000)
    counts.add("\udcff")
    assert all(len(name) <= 80 and name.encode() for name in counts.counts)


@pytest.mark.parametrize(("text", "expected"), [("é😀", "é😀"), ("a\udcffb", "a\\udcffb"), ("", "")])
def test_encodable(text: str, expected: str) -> None:
    assert encodable(text) == expected


def test_most_common_breaks_ties_by_name() -> None:
    counts = BoundedCounts()
    counts.add_all(["b", "a", "c", "c"])
    assert counts.most_common() == [("c", 2), ("a", 1), ("b", 1)]
