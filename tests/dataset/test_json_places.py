"""JSON text as a tree that knows where every value stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset.json_places import (
    ITEMS,
    Node,
    NotJson,
    Number,
    Path,
    Place,
    PlaceFinder,
    entries_of,
    places,
    spelled,
    spelled_places,
)
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


@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_hundred_levels_are_read_and_one_more_is_refused(opening: str, closing: str) -> None:
    levels = 100 // (opening.count("[") + opening.count("{"))
    text = opening * levels + "1" + closing * levels
    assert json.loads(text[places(text).start : places(text).stop])
    with pytest.raises(NotJson):
        places(f"[{text}]")


@given(st.lists(st.integers(0, 99), max_size=8), st.sets(st.integers(0, 7)), st.sampled_from([", ", ",", " ,\n"]))
def test_entries_are_left_out_with_one_separator_each(numbers: list[int], gone: set[int], separator: str) -> None:
    text = f"[{separator.join(map(str, numbers))}]"
    made = replaced(text, left_out(entries_of(places(text)), gone))
    assert json.loads(made) == [number for index, number in enumerate(numbers) if index not in gone]


def test_replacements_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        replaced("abc", [Replacement(0, 2, ""), Replacement(1, 3, "")])


KEYS = st.sampled_from(["a", "b", 'é"', ""])
PATHS = st.lists(
    st.tuples(st.lists(KEYS | st.just(ITEMS), max_size=3), KEYS).map(lambda path: (*path[0], path[1])), max_size=4
)
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "a", '{"a":1', "\\"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(KEYS, values, max_size=4),
    max_leaves=16,
)


def found_in_tree(text: str, node: Node, wanted: list[Path], path: Path = ()) -> list[Place]:
    """What a finder shall find, taken from the tree of the whole text."""
    found = [
        place for key, value in node.members or () for place in found_in_tree(text, value, wanted, (*path, key.text))
    ]
    found += [place for item in node.items or () for place in found_in_tree(text, item, wanted, (*path, ITEMS))]
    if path in wanted:
        start, stop = (len(text[:at].encode()) for at in (node.start, node.stop))
        found.append(Place(path, start, stop))
    return found


@given(
    value=NESTED,
    wanted=PATHS,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    separators=st.sampled_from([(",", ":"), (" , ", " : ")]),
)
def test_a_finder_finds_what_the_tree_has_at_its_paths(
    value: Any, wanted: list[Path], ascii_only: bool, indent: int | None, separators: tuple[str, str]
) -> None:
    text = " " + json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators) + "\r"
    expected = found_in_tree(text, places(text), wanted)
    assert list(PlaceFinder.of(*wanted).find(text.encode())) == expected


def test_of_a_key_that_stands_twice_both_values_are_found_however_it_is_spelled() -> None:
    line = rb'{"a": {"b": 1, "\u0062": [2], "c": {"b": 3}}, "\u0061":{"b":"4"}}'
    found = PlaceFinder.of(("a", "b"), ("a",)).find(line)
    values = [(place.path, line[place.start : place.stop]) for place in found]
    assert values == [
        (("a", "b"), b"1"),
        (("a", "b"), b"[2]"),
        (("a",), rb'{"b": 1, "\u0062": [2], "c": {"b": 3}}'),
        (("a", "b"), b'"4"'),
        (("a",), b'{"b":"4"}'),
    ]


@given(st.text(alphabet='{}[]:,"\\ a1', max_size=30), PATHS)
def test_a_finder_passes_over_what_is_no_json(text: str, wanted: list[Path]) -> None:
    line = text.encode()
    for place in PlaceFinder.of(*wanted).find(line):
        assert 0 <= place.start <= place.stop <= len(line)
