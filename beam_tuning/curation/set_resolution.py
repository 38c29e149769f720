"""One media resolution written into a line, with every other byte of the line left as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

#: What JSON is made of, as far as places are concerned: strings whole, brackets, and what separates.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}:,]', re.DOTALL)
#: Both spellings that the API takes (https://protobuf.dev/programming-guides/json/): of the object, and of its field.
_FIELD_OF = {"generationConfig": "mediaResolution", "generation_config": "media_resolution"}
_FIELDS = frozenset(_FIELD_OF.values())
_NULL = b"null"


class _Value(NamedTuple):
    """A value of an object: its key, and where it stands, the white space around it included."""

    key: str
    start: int
    stop: int


def with_media_resolution(line: bytes, value: str) -> bytes | None:
    """The line with `generationConfig.mediaResolution` inserted or replaced.

    Args:
      line: a JSON object that holds something, as the dataset's lines do; in any spelling, with or without a byte order
        mark.
      value: e.g. `MEDIA_RESOLUTION_LOW`.

    Returns:
      The very line where it has the value already. None where there is no one place for it: the field stands there
      twice, or what should hold it is no object. Such a line is faulty as it is.
    """
    if b"eneration" not in line and b"\\u" not in line:  # a key may be written with escapes
        return _with_config(line, value)
    found = [one for one in _values(line, line.find(b"{")) if one.key in _FIELD_OF]
    if not found:
        return _with_config(line, value)
    if len(found) > 1:
        return None
    config = _stripped(line, found[0])
    text, new = line[config.start : config.stop], json.dumps(value).encode()
    name = json.dumps(_FIELD_OF[config.key]).encode()
    if text == _NULL:
        return _spliced(line, config, b"{" + name + b":" + new + b"}")
    if not text.startswith(b"{"):
        return None
    fields = list(_values(line, config.start))
    given = [one for one in fields if one.key in _FIELDS]
    if len(given) > 1:
        return None
    if given:
        place = _stripped(line, given[0])
        return line if line[place.start : place.stop] == new else _spliced(line, place, new)
    behind = _Value("", config.start + 1, config.start + 1)
    return _spliced(line, behind, name + b":" + new + (b"," if fields else b""))


def _with_config(line: bytes, value: str) -> bytes:
    end = line.rindex(b"}")
    return line[:end] + b',"generationConfig":{"mediaResolution":' + json.dumps(value).encode() + b"}" + line[end:]


def _spliced(line: bytes, place: _Value, new: bytes) -> bytes:
    return line[: place.start] + new + line[place.stop :]


def _stripped(line: bytes, place: _Value) -> _Value:
    """The place without the white space around the value."""
    text = line[place.start : place.stop]
    start = place.start + len(text) - len(text.lstrip())
    return _Value(place.key, start, start + len(text.strip()))


def _values(line: bytes, start: int) -> Iterator[_Value]:
    """The values of the object that begins at `start`, in order; what they hold is passed over."""
    depth = 0
    key, value_start = "", -1
    for match in _TOKEN.finditer(line, start):
        token = match[0]
        if token in b"{[":
            depth += 1
        elif depth == 1 and token in b",}":
            if value_start >= 0:
                yield _Value(key, value_start, match.start())
            value_start = -1
            if token == b"}":
                return
        elif token in b"}]":
            depth -= 1
        elif depth == 1 and value_start < 0:
            if token == b":":
                value_start = match.end()
            elif token.startswith(b'"'):
                key = _text(token)


def _text(token: bytes) -> str:
    """What a JSON string reads."""
    if b"\\" not in token:
        return token[1:-1].decode("utf-8", "replace")
    try:
        text: str = json.loads(token)
    except ValueError:
        return ""
    return text
