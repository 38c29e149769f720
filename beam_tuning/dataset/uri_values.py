"""Other media URIs in a line of a dataset, with every other byte of the line left as it stands."""

from __future__ import annotations

import json
from typing import Protocol

from beam_tuning.dataset.api_schema import spellings
from beam_tuning.dataset.json_places import ITEMS, PlaceFinder, string_value

_URIS = PlaceFinder.of(
    *(
        ("contents", ITEMS, "parts", ITEMS, file_data, file_uri)
        for file_data in spellings("fileData")
        for file_uri in spellings("fileUri")
    )
)


class Targets(Protocol):
    """What stands in place of which URI; a mapping is one."""

    def get(self, uri: str, /) -> str | None:
        """None where the URI stays."""
        ...


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
    for place in _URIS.find(line):
        token = line[place.start : place.stop]
        target = targets.get(string_value(token)) if token.startswith(b'"') else None
        if target is not None:
            pieces += [line[end : place.start], json.dumps(target).encode()]
            end = place.stop
    pieces.append(line[end:])
    return b"".join(pieces), len(pieces) // 2
