"""What holds of every line, however odd."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import example as also
from hypothesis import strategies as st
from odd_lines import good_lines, odd_lines, usual_lines, written
from tuning_lines import clip, encoded, example, image, text, video

from beam_tuning.dataset import fast_path
from beam_tuning.dataset.fast_path import decode_usual, example_of
from beam_tuning.dataset.full_parse import LineWalk
from beam_tuning.dataset.json_text import decode_object
from beam_tuning.dataset.parse import ParsedLine, parse_line
from beam_tuning.dataset.scan import LineScan, scan_line
from beam_tuning.dataset.uri import place_of
from beam_tuning.reasons import MAX_FINDINGS_PER_REASON, FindingList, Outcome, Reason

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


@settings(max_examples=250)
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


@settings(max_examples=250)
@given(ANY_LINE)
def test_a_line_without_an_example_has_a_finding_that_drops_it(line: bytes) -> None:
    parsed = parse_line(line)
    if parsed.example is None:
        assert any(finding.reason.outcome is not Outcome.ADVICE for finding in parsed.findings)
    else:
        assert parsed.example.turns == len(parsed.example.roles) > 0
        assert 0 <= parsed.example.output_text_chars <= parsed.example.text_chars <= parsed.example.text_bytes


def walked(line: bytes) -> ParsedLine:
    """What the full parse alone makes of a line that is JSON, its keys given once."""
    decoded = decode_object(line)
    assert isinstance(decoded, dict)
    findings = FindingList()
    example = LineWalk(findings, look_for_json=True).example(decoded, tell_unknown=True)
    return ParsedLine(example, findings.as_tuple())


@settings(max_examples=400)
@given(st.one_of(usual_lines(), written(good_lines()), written(odd_lines())))
def test_the_fast_path_gives_the_same_as_the_full_parse(line: bytes) -> None:
    usual = decode_usual(line)
    fast = usual and example_of(usual, line)
    assume(fast)
    assert parse_line(line) == ParsedLine(fast)
    assert walked(line) == ParsedLine(fast)


@settings(max_examples=400)
@given(usual_lines())
def test_usual_lines_take_the_fast_path(line: bytes) -> None:
    """A fall to the full parse would cost time alone, and nobody would see it."""
    usual = decode_usual(line)
    assert usual is not None
    assert example_of(usual, line) is not None


FAST = [
    example(),
    example(video(), text('Say "hi" \\ \n\u2028 日本 😀'), resolution="MEDIA_RESOLUTION_LOW"),
    example(clip("1.5s", "20s", fps=2), text(), answer="a" * 100_000),
    example(clip(fps=0.5)),
    example(image(mediaResolution={"level": "MEDIA_RESOLUTION_HIGH"}), image()),
    example(systemInstruction={"role": "system", "parts": [text(), text('"')]}),
    example(generation_config={"media_resolution": "MEDIA_RESOLUTION_UNSPECIFIED"}),
    example({"file_data": {"file_uri": "gs://b/o", "mime_type": "video/mp4"}, "video_metadata": {"end_offset": "5s"}}),
    {"contents": [{"parts": [text()]}, {"role": "model", "parts": [text("{}")]}]},
]
SLOW = [
    example(video(id=None)),
    example(clip("x")),
    example(text("")),
    example(systemInstruction={"parts": []}),
    example(systemInstruction={"parts": [text("")]}),
    example({"fileData": {"fileUri": "a", "file_uri": "b"}}),
    example({"fileData": {"fileUri": "a"}, "file_data": {"fileUri": "a"}}),
    example(generationConfig={}, generation_config={}),
    example(systemInstruction={"parts": [text()]}, system_instruction={"parts": [text()]}),
    example(resolution="LOW"),
    example(video(mediaResolution={"level": "LOW"})),
    example({"text": "a", "fileData": {"fileUri": "a"}}),
    example({"text": "a", "videoMetadata": {}}),
    example({}),
    {"contents": []},
    {"contents": [{"role": "assistant", "parts": [text()]}]},
    {"contents": [{"parts": []}]},
    b'{"contents":[{"parts":[{"text":"a","text":"b"}]}]}',
    b'{"contents":[{"parts":[{"text":"a\\u0022\\u0022","text":"\\u0022"}]}]}',
    b'{"contents":[{"parts":[{"text":"a","text":"\\u0022\\u0022\\u0022\\u0022"}]}]}',
    b'{"contents":[{"parts":[]}],"contents":[{"parts":[{"text":"a"}]}]}',
]


@pytest.mark.parametrize("line", FAST, ids=str)
def test_what_takes_the_fast_path(line: Any) -> None:
    data = encoded(line)
    usual = decode_usual(data)
    assert usual is not None
    assert example_of(usual, data) == walked(data).example


@pytest.mark.parametrize("line", SLOW, ids=str)
def test_what_needs_a_closer_look(line: Any) -> None:
    data = encoded(line)
    usual = decode_usual(data)
    assert usual is None or example_of(usual, data) is None


def test_encoded_again_a_decoded_line_has_the_fields_that_were_given() -> None:
    """What finding keys that are given twice rests on."""
    structs = [kind for kind in vars(fast_path).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    own = [kind for kind in structs if kind.__module__ == fast_path.__name__]
    assert len(own) > 8
    assert all(kind.__struct_config__.omit_defaults and not kind.__struct_config__.gc for kind in own)


@settings(max_examples=250)
@given(written(odd_lines()))
def test_a_line_that_is_no_json_has_one_finding(line: bytes) -> None:
    not_json = {Reason.LINE_NOT_JSON, Reason.LINE_NOT_UTF8}
    findings = parse_line(line).findings
    if not_json & {finding.reason for finding in findings}:
        assert len(findings) == 1
    else:
        json.loads(line.removeprefix(b"\xef\xbb\xbf"))


@settings(max_examples=250)
@given(written(odd_lines(), damaged=False))
def test_paths_lead_to_what_is_wrong(line: bytes) -> None:
    findings = parse_line(line).findings
    assume(findings)
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


@settings(max_examples=200)
@given(ANY_LINE)
def test_parsing_is_deterministic_and_bounded(line: bytes) -> None:
    first, second = parse_line(line), parse_line(bytes(bytearray(line)))
    assert first == second
    counts = [sum(finding.reason is reason for finding in first.findings) for reason in Reason]
    assert max(counts) <= MAX_FINDINGS_PER_REASON


@settings(max_examples=200)
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
