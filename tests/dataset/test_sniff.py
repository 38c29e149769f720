"""A file that is no JSON Lines is told by its first bytes; one with odd lines is not mistaken for one."""

from __future__ import annotations

import gzip
import json

import pytest

from beam_tuning.dataset.sniff import SNIFF_BYTES, check_json_lines, is_gzip
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

_LIST = [{"text_input": "a", "output": "b"}] * 3000
_OTHERS = {
    "a wrapped list, pretty-printed": (json.dumps({"training_examples": _LIST[:2]}, indent=2), "training_examples"),
    "a wrapped list on one line": (json.dumps({"training_examples": _LIST[:2]}), "training_examples"),
    "a wrapped list with a newline behind it": (
        json.dumps({"training_examples": _LIST[:2]}) + "\n",
        "training_examples",
    ),
    "a wrapped list behind other values": (json.dumps({"name": "set", "n": [1], "data": _LIST[:2]}), "data"),
    "a wrapped list that is cut": (json.dumps({"name": "set", "data": _LIST}), "data"),
    "a wrapped list, pretty-printed and cut": (json.dumps({"name": "set", "data": _LIST}, indent=1), "data"),
    "a wrapped list of objects that are cut": ('{"data": [{"contents": [' + "1, " * 50_000, "data"),
    "a wrapped list of what is not known": (json.dumps({"segments": [{"start": 1}]}, indent=1), "segments"),
}

_TABLES = {
    "CSV": (b'question,answer\n"what, now?",this\n', "question, answer"),
    "CSV behind a byte order mark, with CRLF": (b"\xef\xbb\xbfid,prompt\r\n1,hi\r\n", "id, prompt"),
    "CSV with quoted names and a line break": (b'"text","label"\n"a\nb","c"\n', "text, label"),
    "CSV with semicolons": (b"frage;antwort\nwas;das\n", "frage, antwort"),
    "CSV with tabs": (b"text\tlabel\na\tb\n", "text, label"),
    "CSV in Latin-1": ("größe,name\n1,é\n".encode("latin-1"), None),
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
    "one example": b'{"contents": [{"role": "user"}]}',
    "one example with tools first": b'{"tools": [{"a": 1}], "contents": [{"role": "user"}]}',
    "one example with long tools first": b'{"tools": [{"functionDeclarations": [{"name": "' + b"x" * 70_000,
    "one chat": b'{"messages": [{"role": "user"}]}',
    "one chat of another name": b'{"turns": [{"role": "user"}]}',
    "one long chat": b'{"id": 1, "messages": [{"role": "user", "content": "' + b"x" * 70_000,
    "one long line with a list of its own": b'{"images": [{"data": "' + b"x" * 70_000,
    "one line in another format with a list of its own": b'{"images": [{"p": 1}], "prompt": "a", "completion": "b"}',
    "lines that wrap lists": b'{"data": [{"prompt": 1}]}\n{"data": [{"prompt": 1}]}\n',
    "one object with two lists": b'{"a": [{"prompt": 1}], "b": [{"prompt": 1}]}',
    "text with commas and then an example": b'foo, bar\n{"contents": [], "x": 1}\n',
    "sentences": b"Hello.\nThis is, if anything, text.\n",
    "one row": b"question,answer\n",
    "rows of different lengths": b"question,answer\na,b,c\n",
    "numbers with commas": b"1,2\n3,4\n",
    "very deep nesting": b'{"a":' * 30_000 + b'\n"x"\n',
}


@pytest.mark.parametrize(("head", "message"), _WRONG.values(), ids=_WRONG)
def test_a_file_that_is_no_json_lines_is_refused_with_a_remedy(head: bytes, message: str) -> None:
    with pytest.raises(FileNotJsonLines, match=message) as caught:
        check_json_lines(head, "data/train.json")
    assert caught.value.where == "data/train.json"
    assert caught.value.remedy


@pytest.mark.parametrize(("text", "key"), _OTHERS.values(), ids=_OTHERS)
def test_a_list_inside_one_object_is_one_error_with_the_way_out(text: str, key: str) -> None:
    with pytest.raises(FileNotJsonLines, match=rf"one object around a list \({key}\)") as caught:
        check_json_lines(text.encode()[:SNIFF_BYTES], "data/train.json")
    assert f"jq -c '.{key}[]' FILE > FILE.jsonl" in str(caught.value.remedy)


def test_a_list_under_an_odd_key_is_unpacked_all_the_same() -> None:
    with pytest.raises(FileNotJsonLines, match=r"one object around a list \(a list\)") as caught:
        check_json_lines(b"""{"it's \\u001b[31m": [{"prompt": 1}]}""", "data/train.json")
    assert "jq -c '.[] | arrays | .[]' FILE" in str(caught.value.remedy)


@pytest.mark.parametrize(("head", "columns"), _TABLES.values(), ids=_TABLES)
def test_a_table_is_said_to_be_one(head: bytes, columns: str | None) -> None:
    with pytest.raises(FileNotJsonLines, match="the file is CSV") as caught:
        check_json_lines(head, "data/train.csv")
    assert columns is None or caught.value.observed == f"columns {columns}"
    assert "contents" in str(caught.value.remedy)


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
