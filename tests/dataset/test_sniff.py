"""A file that is no JSON Lines is told by its first bytes; one with odd lines is not mistaken for one."""

from __future__ import annotations

import gzip

import pytest

from beam_tuning.dataset.sniff import check_json_lines, is_gzip
from beam_tuning.errors import FileNotJsonLines

_WRONG = {
    "a JSON array": (b'[\n {"contents": []},\n', "JSON array"),
    "a JSON array on one line": (b'[{"contents": []}, {"contents": []}]', "JSON array"),
    "a JSON array behind a byte order mark": (b'\xef\xbb\xbf [ {"contents": []}', "JSON array"),
    "a JSON array that has only begun": (b"  [  ", "JSON array"),
    "a pretty-printed object": (b'{\n  "contents": [\n', "pretty-printed"),
    "a pretty-printed object with CRLF": (b'{\r\n  "contents": [\r\n', "pretty-printed"),
    "an object whose list goes on": (b'{"contents": [\n"a"', "pretty-printed"),
    "an empty object over two lines": (b"{\n}\n", "pretty-printed"),
    "UTF-16": ('{"contents": []}\n'.encode("utf-16"), "UTF-16"),
    "bzip2": (b"BZh91AY&SY", "bzip2"),
    "Zstandard": (b"\x28\xb5\x2f\xfd\x04", "Zstandard"),
    "ZIP": (b"PK\x03\x04", "ZIP"),
    "Parquet": (b"PAR1", "Parquet"),
}

_RIGHT = {
    "nothing": b"",
    "blank lines": b"\n\n",
    "examples": b'{"contents": []}\n{"contents": []}\n',
    "an example behind a byte order mark": b'\xef\xbb\xbf{"contents": []}\n',
    "a first line that is broken": b'{"contents": [\n{"contents": []}\n',
    "a first line that is an array of numbers": b'[1, 2]\n{"contents": []}\n',
    "a first line that is text": b'contents\n{"contents": []}\n',
    "one long line that is cut": b'{"contents": [' + b" " * 70_000,
    "an object and a string": b'{"contents": []}\n"text"\n',
    "only an opening brace": b"{",
    "very deep nesting": b'{"a":' * 30_000 + b'\n"x"\n',
}


@pytest.mark.parametrize(("head", "message"), _WRONG.values(), ids=_WRONG)
def test_a_file_that_is_no_json_lines_is_refused_with_a_remedy(head: bytes, message: str) -> None:
    with pytest.raises(FileNotJsonLines, match=message) as caught:
        check_json_lines(head, "data/train.json")
    assert caught.value.where == "data/train.json"
    assert caught.value.remedy


@pytest.mark.parametrize("name", [name for name in _RIGHT if name != "very deep nesting"])
def test_a_file_with_odd_lines_is_left_to_the_parser(name: str) -> None:
    check_json_lines(_RIGHT[name], "data/train.jsonl")


def test_deep_nesting_raises_nothing_else() -> None:
    with pytest.raises(FileNotJsonLines):
        check_json_lines(_RIGHT["very deep nesting"], "data/train.jsonl")


def test_gzip_is_known_by_its_magic() -> None:
    assert is_gzip(gzip.compress(b""))
    assert not is_gzip(b'{"contents": []}')
    assert not is_gzip(b"\x1f")
