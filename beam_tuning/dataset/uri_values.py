"""Other media URIs in a line of a dataset, with every other byte of the line left as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

#: What JSON is made of, as far as places are concerned: strings whole, brackets, and what separates.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}:,]', re.DOTALL)
_IN_ARRAY = None
_CONTENTS = ("contents", _IN_ARRAY, "parts", _IN_ARRAY)
#: Both spellings that the API takes (https://protobuf.dev/programming-guides/json/).
_PLACES = frozenset((*_CONTENTS, data, uri) for data in ("fileData", "file_data") for uri in ("fileUri", "file_uri"))
_DEPTH = 6


class Targets(Protocol):
    """What stands in place of which URI; a mapping is one."""

    def get(self, uri: str, /) -> str | None:
        """None where the URI stays."""
        ...


class _Value(NamedTuple):
    """A string where a media URI stands: its bytes with the quotes, and where they are."""

    start: int
    stop: int
    token: bytes


def replace_uris(line: bytes, targets: Targets) -> tuple[bytes, int]:
    """The line with every media URI that is one of `targets` replaced.

    Args:
      line: a JSON object as the dataset's lines are, without faults; with or without its newline.
      targets: from the URI, as it reads after JSON's escapes, to the new one.

    Returns:
      The line, and how many URIs were replaced.
    """
    pieces: list[bytes] = []
    end = 0
    for value in _uri_values(line):
        target = targets.get(_text(value.token))
        if target is not None:
            pieces += [line[end : value.start], json.dumps(target).encode()]
            end = value.stop
    pieces.append(line[end:])
    return b"".join(pieces), len(pieces) // 2


def _uri_values(line: bytes) -> Iterator[_Value]:
    """The values of `contents[].parts[].fileData.fileUri`."""
    # For every open bracket the key that is at hand in an object; None for an array.
    path: list[str | None] = []
    is_key = False
    for match in _TOKEN.finditer(line):
        token = match[0]
        if token == b"{":
            path.append("")
            is_key = True
        elif token == b"[":
            path.append(_IN_ARRAY)
            is_key = False
        elif token in b"]}":
            if path:
                path.pop()
            is_key = False
        elif token == b",":
            is_key = bool(path) and path[-1] is not None
        elif token == b":":
            is_key = False
        elif is_key:
            path[-1] = _text(token)
        elif len(path) == _DEPTH and tuple(path) in _PLACES:
            yield _Value(match.start(), match.end(), token)


def _text(token: bytes) -> str:
    """What a JSON string reads."""
    if b"\\" not in token:
        return token[1:-1].decode("utf-8", "replace")
    try:
        text: str = json.loads(token)
    except ValueError:
        return ""
    return text
