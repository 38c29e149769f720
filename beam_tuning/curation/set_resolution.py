"""Writing one media resolution into a line: `generationConfig.mediaResolution`, and no other byte.

The line is not encoded again: what stands there is found by its place in the text and replaced, or put in where it
lacks. White space, the order of keys, numbers and spellings of everything else stay as they came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
_COLON = re.compile(rb"\s*:\s*")
_NUMBER_OR_WORD = re.compile(rb'[^\s,\[\]{}"]+')
_NULL = b"null"
#: Both spellings that the API takes (https://protobuf.dev/programming-guides/json/): of the object, and of its field.
_CONFIG = {"generationConfig": b"mediaResolution", "generation_config": b"media_resolution"}
_RESOLUTION = frozenset(("mediaResolution", "media_resolution"))


class _Member(NamedTuple):
    """A key of an object, and where in the text its value begins and ends."""

    key: str
    start: int
    end: int


def with_media_resolution(line: bytes, value: str) -> bytes:
    """The line with this media resolution, whether it had another one, none, or what is none.

    Args:
      line: the JSON text of an example, as `parse_line` takes it. Of a field that is given twice, each is set.
      value: e.g. `MEDIA_RESOLUTION_LOW`.

    Returns:
      The line as it is where `generationConfig` is neither an object nor null: such an example is dropped anyway.
    """
    text = b'"' + value.encode() + b'"'
    may_have_config = b"eneration" in line or b"\\u" in line  # a key may be written with escapes
    members = _members(line, line.find(b"{")) if may_have_config else ()
    configs = [member for member in members if member.key in _CONFIG]
    given = [member for member in configs if line[member.start : member.end] != _NULL]
    for config in reversed(given):
        if line.startswith(b"{", config.start):
            line = _set_in_config(line, config, text)
    if given:
        return line
    if configs:  # null says the same as a lack
        config = configs[0]
        return line[: config.start] + b'{"' + _CONFIG[config.key] + b'":' + text + b"}" + line[config.end :]
    end = line.rindex(b"}")
    return line[:end] + b',"generationConfig":{"mediaResolution":' + text + b"}" + line[end:]


def _set_in_config(line: bytes, config: _Member, text: bytes) -> bytes:
    levels = [member for member in _members(line, config.start) if member.key in _RESOLUTION]
    given = [member for member in levels if line[member.start : member.end] != _NULL]
    for level in reversed(given or levels[:1]):
        line = line[: level.start] + text + line[level.end :]
    if levels:
        return line
    inside = config.start + 1
    is_empty = not line[inside : config.end - 1].strip()
    comma = b"" if is_empty else b","
    return line[:inside] + b'"' + _CONFIG[config.key] + b'":' + text + comma + line[inside:]


def _members(line: bytes, start: int) -> Iterator[_Member]:
    """The members of the object that begins at `start`, in order, a key that is given twice both times."""
    depth = 0
    key: str | None = None
    value_start = 0
    for match in _STRING_OR_BRACKET.finditer(line, start):
        first = line[match.start()]
        if first == 0x22:  # a quote
            if depth != 1:
                continue
            if key is not None:
                yield _Member(key, value_start, match.end())
                key = None
            elif colon := _COLON.match(line, match.end()):
                key, value_start = str(json.loads(match[0])), colon.end()
                if scalar := _NUMBER_OR_WORD.match(line, value_start):
                    yield _Member(key, value_start, scalar.end())
                    key = None
        elif first in b"[{":
            depth += 1
        else:
            depth -= 1
            if depth == 1 and key is not None:
                yield _Member(key, value_start, match.end())
                key = None
            if not depth:
                return
