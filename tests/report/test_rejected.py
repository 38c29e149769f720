"""Every line of `dropped-*.jsonl` can be read by common readers, whatever the line that was dropped."""

from __future__ import annotations

import json
import math
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_lines import odd_lines, written
from tuning_lines import Json, encoded, example, image, judged, text

from beam_tuning.report.rejected import rejected_line


def rejected(line: Json | bytes) -> dict[str, Any]:
    data = encoded(line)
    written = rejected_line(judged(data), data)
    assert b"\n" not in written
    assert b"\r" not in written
    document: dict[str, Any] = json.loads(written)
    assert document.keys() - {"source", "reasons"} in ({"raw"}, {"example"})
    return document


def line_with(value: bytes) -> bytes:
    return b'{"contents": [], "n": ' + value + b"}"


@pytest.mark.parametrize(
    "value",
    [
        b"0",
        b"-9223372036854775808",
        b"18446744073709551615",
        b"1.7976931348623157e308",
        b"1e-999",
        b"0." + b"3" * 5000,
        b'"' + b"7" * 5000 + b'"',
        b'"1e999"',
        b'"\\u0000"',
        b'"\xe2\x80\xa8"',
        b"[" * 98 + b"]" * 98,
    ],
    ids=lambda value: value[:20],
)
def test_json_that_common_readers_take_stands_as_it_came(value: bytes) -> None:
    line = line_with(value)
    data = rejected_line(judged(line), line)
    assert line in data
    assert "example" in rejected(line)


@pytest.mark.parametrize(
    "value",
    [
        b"7" * 5000,
        b"-" + b"7" * 4301,
        b"18446744073709551616",
        b"-9223372036854775809",
        b"1e999",
        b"-1E+999",
        b"7" * 400 + b".5",
        b"1\r",
        b"NaN",
        b"Infinity",
        b'"\\ud83d"',
        b'"\xff"',
        b"[" * 5000 + b"]" * 5000,
    ],
    ids=lambda value: value[:20],
)
def test_what_some_readers_refuse_stands_as_text(value: bytes) -> None:
    line = line_with(value)
    assert rejected(line)["raw"] == line.decode("utf-8", "backslashreplace")


def test_marks_around_a_line_are_left_out_of_its_json() -> None:
    line = b'\xef\xbb\xbf {"contents": []} \r'
    assert rejected_line(judged(line), line).endswith(b'"example":{"contents": []}}')


def test_where_a_line_stood_and_why_it_was_dropped() -> None:
    document = rejected({"contents": []})
    assert document["source"] == {"split": "train", "file": "train.jsonl", "line": 1, "offset": 0}
    assert [reason["code"] for reason in document["reasons"]] == ["CONTENTS_EMPTY"]


@pytest.mark.parametrize("level", [10**30, -(10**30), 2**63, 10**4000, 1e300])
def test_what_was_observed_can_be_read_too(level: float) -> None:
    line = json.dumps(example(image(), generationConfig={"mediaResolution": "LEVEL"})).encode()
    line = line.replace(b'"LEVEL"', repr(level).encode() if isinstance(level, float) else b"9" * len(str(level)))
    (reason,) = [one for one in rejected(line)["reasons"] if one["code"] == "MEDIA_RESOLUTION_INVALID"]
    assert reason["observed"] == (level if isinstance(level, float) else "a huge number")


_NUMBERS = (
    st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False)
    | st.sampled_from(["1e999", "7" * 4301])
)


@settings(max_examples=300)
@given(line=written(odd_lines()), number=_NUMBERS, data=st.data())
def test_readers_take_every_line(line: bytes, number: float | str, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        digits = str(number) if not isinstance(number, float) or math.isfinite(number) else "1e999"
        line = line.replace(b"{", b'{"n":' + digits.encode() + b",", 1)
    data_line = rejected_line(judged(line), line)
    document = json.loads(data_line)
    assert json.loads(json.dumps(document)) == document


def test_what_is_said_of_a_line_steers_no_terminal() -> None:
    strange = "\x9b\u202e\u2066\x7f"
    line = encoded(example(text("a"), **{strange: 1}))
    document = rejected_line(judged(line), line)
    said = document.partition(b',"example":')[0].decode()
    assert not set(strange) & set(said)
    (reason, *_) = [one for one in json.loads(document)["reasons"] if one["code"] == "FIELD_UNKNOWN"]
    assert strange in str(reason["observed"])
    raw = rejected_line(judged(b"{" + strange.encode()), b"{" + strange.encode())
    assert not set(strange) & set(raw.decode())
    assert json.loads(raw)["raw"] == "{" + strange


def test_a_database_reads_the_lines(tmp_path: Any) -> None:
    values = [b"7" * 5000, b"1e999", b"NaN", b'"\\ud83d"', b"[" * 5000, b'"\xff"', b"1\r", b"18446744073709551616"]
    lines = [line_with(value) for value in values] + [encoded(example(text("")))]
    path = tmp_path / "dropped.jsonl"
    path.write_bytes(b"".join(rejected_line(judged(line), line) + b"\n" for line in lines))
    query = f"SELECT count(*), count(raw), count(example) FROM read_json('{path}', format = 'newline_delimited')"
    assert duckdb.execute(query).fetchall() == [(len(lines), len(values), 1)]
