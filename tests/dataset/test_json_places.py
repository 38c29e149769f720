"""JSON text as a tree that knows where every value stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset.json_places import Node, NotJson, Number, entries_of, places, spelled, spelled_places
from beam_tuning.dataset.replacing import Replacement, left_out, replaced

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=5), values, max_size=4),
    max_leaves=12,
)


def decoded(node: Node) -> Any:
    if node.members is not None:
        return {key.value: decoded(value) for key, value in node.members}
    if node.items is not None:
        return [decoded(item) for item in node.items]
    return json.loads(node.value.text) if isinstance(node.value, Number) else node.value


@given(JSON, st.sampled_from([None, 0, 2]), st.booleans())
def test_places_hold_what_json_holds(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    node = places(f" {text}\n")
    assert decoded(node) == value
    assert json.loads(f" {text}\n"[node.start : node.stop]) == value


@given(st.text(max_size=30), st.booleans())
def test_every_character_of_a_string_is_found_in_its_spelling(text: str, ascii_only: bool) -> None:
    spelling = json.dumps(text, ensure_ascii=ascii_only)
    offsets = spelled_places(spelling, places(spelling))
    assert len(offsets) == len(text) + 1
    for index in range(len(text)):
        assert json.loads(f'"{spelling[offsets[index] : offsets[index + 1]]}"') == text[index]
    assert json.loads(f'"{spelled(text)}"') == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "{,}",
        '{"a" 1}',
        '{"a":}',
        "[1 2]",
        '"a',
        "01",
        "+1",
        "nul",
        "1 2",
        "{1: 2}",
        '"\n"',
        "NaN",
        "[" * 200,
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        places(text)


@given(st.lists(st.integers(0, 99), max_size=8), st.sets(st.integers(0, 7)), st.sampled_from([", ", ",", " ,\n"]))
def test_entries_are_left_out_with_one_separator_each(numbers: list[int], gone: set[int], separator: str) -> None:
    text = f"[{separator.join(map(str, numbers))}]"
    made = replaced(text, left_out(entries_of(places(text)), gone))
    assert json.loads(made) == [number for index, number in enumerate(numbers) if index not in gone]


def test_replacements_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        replaced("abc", [Replacement(0, 2, ""), Replacement(1, 3, "")])
