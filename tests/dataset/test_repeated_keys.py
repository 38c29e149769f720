"""Whether decoding has kept every key of a line, told from counts of quotes alone."""

from __future__ import annotations

import json

import pytest

from beam_tuning.dataset.json_text import has_every_key


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (rb'{"a": 1, "b": {"a": 2}}', True),
        (rb'{"a": "\n \\ \u00e9 \" x"}', True),
        (rb'{"a": 1, "a": 2}', False),
        (rb'{"a": {"b": "x", "b": "y"}}', False),
        # Written so, a quote inside a text proves nothing.
        (rb'{"a": "\u0022"}', False),
        (rb'{"a": "\u0022x\u0022", "b": 1, "b": 2}', False),
    ],
)
def test_keys_that_stand_twice_are_never_missed(line: bytes, expected: bool) -> None:
    assert has_every_key(json.loads(line), line) is expected
