"""Where values stand in JSON text, so that one of them can be changed and no other byte.

`places` gives the whole text as a tree, for edits that look around in a line. A `PlaceFinder` finds the values at a few
paths in one quick pass, for edits of every line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple, Self

import msgspec

from beam_tuning.dataset.json_text import MAX_DEPTH, STRING_OR_BRACKET

_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}
_WORD = re.compile("true|false|null")
#: One character of a JSON string as it is spelled; a pair of surrogates is one character.
_SPELLED = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)

_decode_string = json.JSONDecoder().raw_decode

#: A step of a path that leads to every item of an array.
ITEMS = None
#: The way to a value: keys of objects, and `ITEMS`.
Path = tuple[str | None, ...]

_COLON = re.compile(rb"[ \t\n\r]*+:[ \t\n\r]*+")
_NUMBER_OR_WORD = re.compile(rb'[^\s,\[\]{}"]++')
_QUOTE, _BRACE = b'"{'


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
        if depth >= MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} levels deep")
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


class Place(NamedTuple):
    """A value at a path that was asked for.

    Attributes:
      start, stop: where in the line its bytes stand, quotes and brackets included.
    """

    path: Path
    start: int
    stop: int


class PlaceFinder(NamedTuple):
    """Finds the values at some paths in one pass over a line, without decoding it. A finder is a tree of these paths.

    Attributes:
      path: from the root of the line to here.
      is_wanted: whether the value at this very path is asked for.
      steps: the finders further down: by the spelling of the next key, or `ITEMS`.
    """

    path: Path
    is_wanted: bool
    steps: dict[bytes | None, PlaceFinder]

    @classmethod
    def of(cls, *paths: Path, behind: Path = ()) -> Self:
        """The finder of these paths; each ends in a key.

        Args:
          behind: the way from the root to this finder.
        """
        further = [path for path in paths if path[: len(behind)] == behind and len(path) > len(behind)]
        steps = dict.fromkeys(path[len(behind)] for path in further)
        return cls(
            behind,
            behind in paths,
            {_spelling(step): cls.of(*paths, behind=(*behind, step)) for step in steps},
        )

    def find(self, line: bytes) -> Iterator[Place]:
        """The values in the order in which they end; of a key that stands twice, both.

        Args:
          line: JSON text. Of what is none, some values may be found or none; it raises nothing.
        """
        opened: list[tuple[PlaceFinder, int]] = []
        here: PlaceFinder | None = self  # what is wanted of the value that comes next
        is_key = False  # whether a string that comes next is a key
        tokens = STRING_OR_BRACKET.finditer(line)
        for match in tokens:
            start, stop = match.span()
            first = line[start]
            if is_key and first == _QUOTE:
                if colon := _COLON.match(line, stop):
                    container = opened[-1][0]
                    here = container.steps.get(match[0] if b"\\" not in match[0] else _plain(match[0]))
                    start = colon.end()
                    if scalar := _NUMBER_OR_WORD.match(line, start):
                        if here is not None and here.is_wanted:
                            yield Place(here.path, start, scalar.end())
                    else:
                        is_key = False
                continue
            if first in b"]}":
                if not opened:
                    return
                here, start = opened.pop()
            elif first != _QUOTE:
                if here is not None and here.steps:
                    opened.append((here, start))
                    is_key = first == _BRACE
                    here = None if is_key else here.steps.get(ITEMS)
                    continue
                stop = _end_of_container(tokens)
            if here is not None and here.is_wanted:
                yield Place(here.path, start, stop)
            if not opened:
                return
            container, start = opened[-1]
            is_key = line[start] == _BRACE
            here = None if is_key else container.steps.get(ITEMS)


def string_value(token: bytes) -> str:
    """The characters of a JSON string that is given with its quotes; none where its escapes are wrong."""
    if b"\\" not in token:
        return token[1:-1].decode("utf-8", "replace")
    try:
        text: str = json.loads(token)
    except ValueError:
        return ""
    return text


def _spelling(step: str | None) -> bytes | None:
    return None if step is None else json.dumps(step).encode()


def _plain(token: bytes) -> bytes | None:
    """A key without needless escapes."""
    return _spelling(string_value(token))


def _end_of_container(tokens: Iterator[re.Match[bytes]]) -> int:
    """Where the container ends whose bracket was the last token; its tokens are used up."""
    depth, stop = 1, 0
    for match in tokens:
        token, stop = match[0], match.end()
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if not depth:
                break
    return stop
