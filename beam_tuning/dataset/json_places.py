"""JSON text as a tree that knows where every value stands, so that one value can be changed and no other byte."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import msgspec

#: Arrays and objects in one another; deeper text is refused (see `json_text.MAX_DEPTH`).
_MAX_DEPTH = 100
_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile("true|false|null")
#: One character of a JSON string as it is spelled; a pair of surrogates is one character.
_SPELLED = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)

_decode_string = json.JSONDecoder().raw_decode


class NotJson(ValueError):
    """The text is no JSON, or JSON that is nested too deeply."""


class Number(NamedTuple):
    """A number as it is spelled."""

    text: str


class Node(msgspec.Struct, frozen=True):
    """A value and where it stands in the text.

    Attributes:
      start, stop: characters, the quotes and brackets included.
      value: of a string its characters, of a number a `Number`, else True, False or None; None as well for objects and
        arrays.
      members: of an object, in order, a key that stands twice included; None for any other value.
      items: of an array; None for any other value.
    """

    start: int
    stop: int
    value: str | Number | bool | None = None
    members: tuple[tuple[Node, Node], ...] | None = None
    items: tuple[Node, ...] | None = None

    def member(self, *spellings: str) -> Node | None:
        """The value of the first key of an object that has one of these spellings."""
        for key, value in self.members or ():
            if key.value in spellings:
                return value
        return None

    @property
    def text(self) -> str | None:
        """The characters of a string; None for any other value."""
        return self.value if isinstance(self.value, str) else None

    @property
    def is_null(self) -> bool:
        return self.value is None and self.members is None and self.items is None


def places(text: str) -> Node:
    """The value that the text holds, white space around it passed over.

    Raises:
      NotJson: it holds none.
    """
    try:
        node = _value(text, _skip(text, 0), 0)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error
    if _skip(text, node.stop) != len(text):
        raise NotJson(f"something follows the value at character {node.stop}")
    return node


def spelled_places(text: str, node: Node) -> list[int]:
    """For each character of a string, and for its end, where it is spelled in the text."""
    offsets = [node.start + 1 + match.start() for match in _SPELLED.finditer(text[node.start + 1 : node.stop - 1])]
    offsets.append(node.stop - 1)
    return offsets


def spelled(text: str) -> str:
    """How characters are spelled inside a JSON string, without quotes; what is not ASCII stands as it is."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def entries_of(node: Node) -> list[tuple[int, int]]:
    """Where the members of an object or the items of an array stand, for `replacing.left_out`."""
    if node.members is not None:
        return [(key.start, value.stop) for key, value in node.members]
    return [(item.start, item.stop) for item in node.items or ()]


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _value(text: str, at: int, depth: int) -> Node:
    first = text[at : at + 1]
    if first == '"':
        value, stop = _decode_string(text, at)
        return Node(at, stop, value)
    if first in ("{", "["):
        if depth >= _MAX_DEPTH:
            raise ValueError(f"more than {_MAX_DEPTH} levels deep")
        return _object(text, at, depth + 1) if first == "{" else _array(text, at, depth + 1)
    if number := _NUMBER.match(text, at):
        return Node(at, number.end(), Number(number[0]))
    if word := _WORD.match(text, at):
        return Node(at, word.end(), _WORDS[word[0]])
    raise ValueError(f"no value at character {at}")


def _object(text: str, at: int, depth: int) -> Node:
    members: list[tuple[Node, Node]] = []
    here = _skip(text, at + 1)
    if text[here : here + 1] == "}":
        return Node(at, here + 1, members=())
    while True:
        if text[here : here + 1] != '"':
            raise ValueError(f"no key at character {here}")
        key = _value(text, here, depth)
        here = _expect(text, _skip(text, key.stop), ":")
        value = _value(text, _skip(text, here), depth)
        members.append((key, value))
        here = _skip(text, value.stop)
        if text[here : here + 1] == "}":
            return Node(at, here + 1, members=tuple(members))
        here = _skip(text, _expect(text, here, ","))


def _array(text: str, at: int, depth: int) -> Node:
    items: list[Node] = []
    here = _skip(text, at + 1)
    if text[here : here + 1] == "]":
        return Node(at, here + 1, items=())
    while True:
        item = _value(text, here, depth)
        items.append(item)
        here = _skip(text, item.stop)
        if text[here : here + 1] == "]":
            return Node(at, here + 1, items=tuple(items))
        here = _skip(text, _expect(text, here, ","))


def _expect(text: str, at: int, character: str) -> int:
    if text[at : at + 1] != character:
        raise ValueError(f"no {character} at character {at}")
    return at + 1
