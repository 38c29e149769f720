"""What holds of every line, however odd."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import example as also
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_lines import good_lines, odd_lines, written

from beam_tuning.dataset.fast_path import decode_usual, example_of
from beam_tuning.dataset.parse import ParsedLine, parse_line
from beam_tuning.dataset.scan import LineScan, scan_line
from beam_tuning.dataset.uri import place_of
from beam_tuning.reasons import MAX_FINDINGS_PER_REASON, Outcome, Reason

LINES = written(odd_lines())
BYTES = st.binary(max_size=200) | st.text(max_size=200).map(str.encode)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
).map(lambda value: json.dumps(value).encode())
ANY_LINE = LINES | BYTES | JSON
_STEP = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]|[^.\[]+')


def expected_scan(parsed: ParsedLine) -> LineScan:
    made = parsed.example
    if made is None:
        return LineScan((), None, False)
    uris = dict.fromkeys(part.uri for part in made.media if place_of(part.uri) is not None)
    return LineScan(tuple(uris), made.media_resolution, made.has_visual_media)


@settings(deadline=None, max_examples=250)
@given(ANY_LINE)
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a"}}]}],"x":"\xff"}')
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a"}}]}],"x":' + b"[" * 150 + b"]" * 150 + b"}")
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a"}}]}],"x":1e999}')
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a"}}]}],"x":' + b"7" * 5000 + b"}")
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a"}}]}],"contents":[{"parts":[]}]}')
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a","fileUri":"b"},"file_data":{"fileUri":"c"}}]}],"x":1}')
@also(b'{"contents":[{"parts":[{"fileData":{"fileUri":"a"}}]}],"messages":[]}')
def test_the_scan_finds_what_the_parser_finds(line: bytes) -> None:
    parsed = parse_line(line)
    scan = scan_line(line)
    if parsed.example is None:
        assert scan.uris == ()
        assert not scan.has_visual_media
        assert not scan.is_example
    else:
        assert scan == expected_scan(parsed)


@settings(deadline=None, max_examples=250)
@given(ANY_LINE)
def test_a_line_without_an_example_has_a_finding_that_drops_it(line: bytes) -> None:
    parsed = parse_line(line)
    if parsed.example is None:
        assert any(finding.reason.outcome is not Outcome.ADVICE for finding in parsed.findings)
    else:
        assert parsed.example.turns == len(parsed.example.roles) > 0
        assert 0 <= parsed.example.output_text_chars <= parsed.example.text_chars <= parsed.example.text_bytes


@settings(deadline=None, max_examples=250)
@given(written(good_lines() | odd_lines()))
def test_the_short_way_gives_the_same_as_the_long_one(line: bytes) -> None:
    """The walk gives the same when the line has one more, unknown field, which keeps it off the short way."""
    usual = decode_usual(line)
    short = usual and example_of(usual, line)
    if not short:
        return
    assert parse_line(line) == ParsedLine(short)
    at = line.index(b"{") + 1
    walked = parse_line(line[:at] + b'"unknown":0,' + line[at:])
    assert walked.example == short
    assert [finding.reason for finding in walked.findings] == [Reason.FIELD_UNKNOWN]


@settings(deadline=None, max_examples=250)
@given(written(odd_lines()))
def test_paths_lead_to_what_is_wrong(line: bytes) -> None:
    findings = parse_line(line).findings
    if any(finding.reason in (Reason.LINE_NOT_JSON, Reason.LINE_NOT_UTF8) for finding in findings):
        assert len(findings) == 1
        return
    value = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    for finding in findings:
        at_path = resolve(value, finding.path)
        if finding.reason is Reason.FIELD_WRONG_TYPE:
            names = {str: "a string", list: "an array", dict: "an object", bool: "a boolean", type(None): "null"}
            assert finding.observed == names.get(type(at_path), "a number")


def resolve(value: Any, path: str) -> Any:
    """The value at a path; raises when it leads nowhere."""
    steps = _STEP.findall(path)
    assert "".join(steps).replace(".", "") == path.replace(".", "")
    for step in steps:
        if step.startswith('["'):
            value = value[json.loads(step[1:-1])]
        elif step.startswith("["):
            value = value[int(step[1:-1])]
        else:
            value = value[step]
    return value


@settings(deadline=None, max_examples=200)
@given(ANY_LINE)
def test_parsing_is_deterministic_and_bounded(line: bytes) -> None:
    first, second = parse_line(line), parse_line(bytes(bytearray(line)))
    assert first == second
    counts = [sum(finding.reason is reason for finding in first.findings) for reason in Reason]
    assert max(counts) <= MAX_FINDINGS_PER_REASON


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(list('{}[]",:\\u d8001text')), max_size=60).map("".join))
def test_json_like_noise(text: str) -> None:
    line = b'{"contents":[{"parts":[{"text":"' + text.encode() + b'"}]}]}'
    parsed = parse_line(line)
    try:
        json.loads(line)
        is_json = not re.search(r"\\u[dD][89a-fA-F]", text)
    except ValueError:
        is_json = False
    if not is_json and not re.search(r"\\u[dD]", text):
        assert parsed.findings[0].reason is Reason.LINE_NOT_JSON
    elif is_json:
        assert all(finding.reason is not Reason.LINE_NOT_JSON for finding in parsed.findings)
