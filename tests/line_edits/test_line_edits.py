# ruff: noqa: E501
"""Lines put right: what changes, what does not, and what is refused as ambiguous. Everything through the same judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_lines import GEMINI_3, LIMITS, LINE_ID

from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.parse import parse_line
from beam_tuning.line_edits.edits import EDITS, NAMES, Edited, edited
from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult, StreamInfo
from beam_tuning.policy.judge import Policy, judge
from beam_tuning.reasons import Verdict
from beam_tuning.summary.judged_example import JudgedExample

POLICY = Policy.of(LIMITS, GEMINI_3)


def _media(container: str, *kinds: MediaKind, duration_s: float = 60.0) -> MediaInfo:
    streams = tuple(StreamInfo(kind, duration_s=duration_s) for kind in kinds)
    kind = MediaKind.VIDEO if MediaKind.VIDEO in kinds else MediaKind.AUDIO
    return MediaInfo(container, kind, streams, duration_s)


FILES = {
    "gs://bucket/v.mp4": _media("mp4", MediaKind.VIDEO, MediaKind.AUDIO, duration_s=60.5),
    "gs://bucket/v.mov": _media("mov", MediaKind.VIDEO),
    "gs://bucket/v.mkv": _media("matroska", MediaKind.VIDEO),
    "gs://bucket/v.webm": _media("webm", MediaKind.VIDEO),
    "gs://bucket/a.wav": _media("wav", MediaKind.AUDIO),
    "gs://bucket/a.mp3": _media("mp3", MediaKind.AUDIO),
    "gs://bucket/a.ogg": _media("ogg", MediaKind.AUDIO),
    "gs://bucket/a.mp4": _media("mp4", MediaKind.AUDIO),
    "gs://bucket/p.png": MediaInfo("png", MediaKind.IMAGE, width_px=64, height_px=64),
}
MEDIA = {uri: ProbeResult(uri, info, ObjectInfo(size_bytes=1_000_000, generation="1")) for uri, info in FILES.items()}


def judged(line: bytes, media: Mapping[str, ProbeResult] = MEDIA) -> JudgedExample:
    return judge(POLICY, LINE_ID, len(line), parse_line(line), media)


def mend(line: str | bytes, names: tuple[str, ...] = NAMES) -> Edited:
    data = line.encode() if isinstance(line, str) else line
    return edited(data, judged(data), judged, POLICY.limits, names)


def line_of(part: str, *, answer: str = "A dog barks.", top: str = "") -> str:
    """Spaced unlike any encoder does, so that a byte that changes is seen."""
    return (
        f'{{ "contents" : [ {{"role":"user","parts":[ {part} , {{"text": "Was? \\u00e4 ä"}} ]}},'
        f'  {{"role":"model","parts":[{{"text":"{answer}"}}]}} ]{top} }}'
    )


def file(uri: str, mime_type: str, beside: str = "") -> str:
    return f'{{"fileData": {{"fileUri": "{uri}", "mimeType": {mime_type}}}{beside}}}'


def segment(fields: str, uri: str = "gs://bucket/v.mp4") -> str:
    return file(uri, '"video/mp4"', f', "videoMetadata": {{{fields}}}')


#: (line, what of it is replaced, by what, code)
MENDED = [
    (line_of(file("gs://bucket/a.wav", '"audio/x-wav"')), '"audio/x-wav"', '"audio/wav"', "MIME_TYPE_SPELLING"),
    (line_of(file("gs://bucket/a.wav", '"Audio/WAV; rate=8000"')), '"Audio/WAV; rate=8000"', '"audio/wav"', "MIME_TYPE_SPELLING"),
    (line_of(file("gs://bucket/v.mov", '"video/mov"')), '"video/mov"', '"video/quicktime"', "MIME_TYPE_SPELLING"),
    (line_of(file("gs://bucket/a.mp3", '"audio/x-mp3"')), '"audio/x-mp3"', '"audio/mp3"', "MIME_TYPE_SPELLING"),
    (line_of(file("gs://bucket/p.png", '"IMAGE/PNG"')), '"IMAGE/PNG"', '"image/png"', "MIME_TYPE_SPELLING"),
    (line_of(file("gs://bucket/v.mp4", '"video/mov"')), '"video/mov"', '"video/mp4"', "MIME_TYPE"),
    (line_of(file("gs://bucket/v.webm", '"video/x-matroska"')), '"video/x-matroska"', '"video/webm"', "MIME_TYPE"),
    (line_of(file("gs://bucket/a.ogg", '"audio/x-wav"')), '"audio/x-wav"', '"audio/ogg"', "MIME_TYPE"),
    (line_of(file("gs://bucket/a.mp4", '"audio/x-caf"')), '"audio/x-caf"', '"audio/mp4"', "MIME_TYPE"),
    (line_of(file("gs://bucket/v.mp4", "null")), "null", '"video/mp4"', "MIME_TYPE"),
    (line_of(file("gs://bucket/v.mp4", '""')), '"mimeType": ""', '"mimeType": "video/mp4"', "MIME_TYPE"),
    (line_of('{"fileData": {"fileUri": "gs://bucket/v.mp4"}}'), '{"fileUri"', '{"mimeType": "video/mp4", "fileUri"', "MIME_TYPE"),
    (line_of('{"file_data":{"file_uri":"gs://bucket/v.mp4"}}'), '{"file_uri"', '{"mime_type": "video/mp4", "file_uri"', "MIME_TYPE"),
    (line_of(segment('"startOffset": 5')), '"startOffset": 5', '"startOffset": "5s"', "OFFSET"),
    (line_of(segment('"startOffset": 5.25')), "5.25", '"5.25s"', "OFFSET"),
    (line_of(segment('"end_offset":"5"')), '"end_offset":"5"', '"end_offset":"5s"', "OFFSET"),
    (line_of(segment('"endOffset": "0m5s"')), '"0m5s"', '"5s"', "OFFSET"),
    (line_of(segment('"endOffset": "00:05"')), '"00:05"', '"5s"', "OFFSET"),
    (line_of(segment('"endOffset": "0:00:05.5"')), '"0:00:05.5"', '"5.5s"', "OFFSET"),
    (line_of(segment('"endOffset": "5 s"')), '"5 s"', '"5s"', "OFFSET"),
    (line_of(segment('"endOffset": "5 seconds"')), '"5 seconds"', '"5s"', "OFFSET"),
    (line_of(segment('"endOffset": {"seconds": 5}')), '{"seconds": 5}', '"5s"', "OFFSET"),
    (line_of(segment('"endOffset": {"seconds":"5","nanos":500000000}')), '{"seconds":"5","nanos":500000000}', '"5.5s"', "OFFSET"),
    (line_of(segment('"startOffset": "1s", "endOffset": "70s"')), '"70s"', '"60.5s"', "END_OFFSET"),
    (line_of(segment('"endOffset": "3600s"')), '"3600s"', '"60.5s"', "END_OFFSET"),
    (line_of(file("gs://bucket/v.mp4", '"video/mp4"'), top=', "generationConfig": {"mediaResolution": "LOW"}'), '"LOW"', '"MEDIA_RESOLUTION_LOW"', "MEDIA_RESOLUTION"),
    (line_of(file("gs://bucket/v.mp4", '"video/mp4"'), top=', "generation_config": {"media_resolution": "media-resolution-medium"}'), '"media-resolution-medium"', '"MEDIA_RESOLUTION_MEDIUM"', "MEDIA_RESOLUTION"),
    (line_of(file("gs://bucket/v.mp4", '"video/mp4"', ', "mediaResolution": "low"')), '"low"', '{"level": "MEDIA_RESOLUTION_LOW"}', "MEDIA_RESOLUTION"),
    (line_of(file("gs://bucket/v.mp4", '"video/mp4"', ', "mediaResolution": {"level": "ULTRA_HIGH"}')), '"ULTRA_HIGH"', '"MEDIA_RESOLUTION_ULTRA_HIGH"', "MEDIA_RESOLUTION"),
    (line_of('{"text": ""}'), '{"text": ""} , ', "", "EMPTY_PART"),
    (line_of("{}"), "{} , ", "", "EMPTY_PART"),
    (line_of('{"text": null}'), '{"text": null} , ', "", "EMPTY_PART"),
    (line_of('{"text": "a"}').replace('"model"', '"assistant"'), '"assistant"', '"model"', "ROLE"),
    (line_of('{"text": "a"}').replace('"model"', '"MODEL"'), '"MODEL"', '"model"', "ROLE"),
    (line_of('{"text": "a"}').replace('"user"', '"human"'), '"human"', '"user"', "ROLE"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "before", "after", "code"), MENDED, ids=[f"{row[1]}->{row[2]}" for row in MENDED])
def test_one_thing_is_put_right_and_no_other_byte_changes(line: str, before: str, after: str, code: str) -> None:
    assert judged(line.encode()).verdict is not Verdict.KEPT or "video/mov" in before
    made = mend(line)
    assert line.count(before) == 1
    assert made.line.decode() == line.replace(before, after)
    assert made.is_kept, made.judged.findings
    assert [one.edit.reason.code for one in made.done] == [f"REPAIR_{code}"]


#: What says several things, or nothing that is certain.
REFUSED = [
    line_of(file("gs://bucket/a.mp3", '"video/mp4"')),  # another kind
    line_of(file("gs://bucket/v.mkv", '"video/x-matroska"')),  # a container that is not accepted
    line_of(file("gs://bucket/v.mp4", '"application/octet-stream"')),
    line_of(file("gs://bucket/v.mp4", "5")),
    line_of(file("gs://bucket/gone.wav", "null")),
    line_of(segment('"startOffset": -5')),
    line_of(segment('"startOffset": true')),
    line_of(segment('"startOffset": 5000')),  # milliseconds?
    line_of(segment('"startOffset": "1:30"')),  # longer than the file: hours and minutes?
    line_of(segment('"startOffset": "soon"')),
    line_of(segment('"startOffset": "5-9"')),
    line_of(segment('"startOffset": "0:05 - 0:09"')),
    line_of(segment('"startOffset": {"seconds": 5, "minutes": 1}')),
    line_of(segment('"startOffset": {}')),
    line_of(segment('"startOffset": [5]')),
    line_of(segment('"startOffset": 1e999')),
    line_of(segment('"startOffset": "65s", "endOffset": "70s"')),
    line_of(file("gs://bucket/v.mp4", '"video/mp4"'), top=', "generationConfig": {"mediaResolution": "MID"}'),
    line_of(file("gs://bucket/v.mp4", '"video/mp4"'), top=', "generationConfig": {"mediaResolution": "ULTRA_HIGH"}'),
    line_of('{"text": "a"}').replace('"model"', '"tool"'),
    line_of('{"text": "a"}').replace('"model"', '"assistant","role":"user"'),  # says two things
    '{"contents": [{"role": "user", "parts": [{}]}, {"role": "model", "parts": [{"text": "a"}]}]}',
    '{"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "system", "parts": [{"text": "s"}]}, {"role": "model", "parts": [{"text": "a"}]}]}',
    '{"systemInstruction": {"parts": [{"text": "t"}]}, "contents": [{"role": "system", "parts": [{"text": "s"}]}, {"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]}',
    '{"contents": [{"role": "system", "parts": [{"fileData": {"fileUri": "gs://bucket/p.png", "mimeType": "image/png"}}]}, {"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]}',
    '{"messages": [{"role": "user", "content": "q"}]}',
    '{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "q"}]}',
    '{"messages": [{"role": "user", "content": "q"}, {"role": "tool", "content": "t"}]}',
    '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null, "tool_calls": []}]}',
    '{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}, {"role": "assistant", "content": "a"}]}',
    '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "tools": 5, "extra": 1}',
    '{"messages": "q"}',
    '{"prompt": "q", "completion": ""}',
    '{"prompt": {"a": 1}, "completion": "a"}',
    '{"prompt": "q", "chosen": ["a"], "rejected": ["b"]}',
    '{"chosen": "a", "rejected": "b"}',
    '{"question": "q", "answer": "a", "context": "c"}',
    '{"instruction": "i", "input": {"x": 1}, "output": "a"}',
    '{"text": "plain"}',
    '{"audio": "gs://bucket/a.wav", "text": "hello"}',
    '{"examples": [{"prompt": "q", "completion": "a"}]}',
    '{"request": {"contents": [{"role": "user", "parts": [{"text": "q"}]}]}}',
    '{"contents": [{"role": "user", "parts": [{"text": "q"}]}], "completions": [{"score": 1}]}',
    '{"contents": [{"role": "user", "parts": [{"text": "q"}]}], "references": {"a": 1}}',
    "[]",
    "",
    '{"contents": ',
]  # fmt: skip


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_ambiguous_does_not_come_back(line: str) -> None:
    assert not mend(line).is_kept


def turns(*texts: str, system: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {} if system is None else {"systemInstruction": {"parts": [{"text": system}]}}
    roles = ["user", "model"] * len(texts)
    made["contents"] = [{"role": role, "parts": [{"text": text}]} for role, text in zip(roles, texts, strict=False)]
    return made


#: (line in another format, the example that it is)
CONVERTED = [
    ('{"messages": [{"role": "user", "content": "q \\u00e4"}, {"role": "assistant", "content": "a"}]}', turns("q ä", "a")),
    ('{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}', turns("q", "a", system="s")),
    ('{"id": 5, "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "b", "weight": 1}]}', turns("q", "a", "r", "b")),
    ('{"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]}', turns("q", "a")),
    ('{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}', turns("q", "a")),
    ('{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}', turns("q", "a", system="s")),
    ('{"system": "s", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}', turns("q", "a", system="s")),
    ('{"input_text": "q", "output_text": "a"}', turns("q", "a")),
    ('{"text_input": "q", "output": "a"}', turns("q", "a")),
    ('{"prompt": "q", "chosen": "a", "rejected": "b"}', turns("q", "a")),
    ('{"instruction": "i", "input": "x", "output": "a"}', turns("i\n\nx", "a")),
    ('{"instruction": "i", "input": "", "output": "a"}', turns("i", "a")),
    ('{"instruction": "i", "output": "a", "system": "s"}', turns("i", "a", system="s")),
    ('{"prompt": "q", "completion": "a"}', turns("q", "a")),
    ('{"question": "q", "answer": "a", "id": "7"}', turns("q", "a")),
    ('{"request": {"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]}}', turns("q", "a")),
    ('{"contents": [{"role": "user", "parts": [{"text": "q"}]}], "answer": "a"}', turns("q", "a")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), CONVERTED)
def test_other_formats_become_contents(line: str, expected: dict[str, Any]) -> None:
    made = mend(line)
    assert json.loads(made.line) == expected
    assert made.is_kept, made.judged.findings
    assert {one.edit.name for one in made.done} == {"other_format"}


def test_texts_keep_their_spelling_through_a_conversion() -> None:
    assert b'"q \\u00e4 \\/"' in mend('{"prompt": "q \\u00e4 \\/", "completion": "a"}').line


def test_a_system_turn_becomes_the_system_instruction() -> None:
    line = (
        '{"contents": [{"role": "system", "parts": [ {"text": "s \\u00e4"} ]}, {"role": "user", "parts": [{"text": "q"}]},'
        ' {"role": "assistant", "parts": [{"text": "a"}]}]}'
    )
    made = mend(line)
    assert made.line.decode() == (
        '{"systemInstruction": {"parts": [ {"text": "s \\u00e4"} ]}, "contents": [{"role": "user", "parts": '
        '[{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]}'
    )
    assert made.is_kept
    assert [one.edit.name for one in made.done] == ["system_turn", "role"]


def test_unknown_fields_are_renamed_or_left_out() -> None:
    line = (
        '{"note": 1, "contents": [{"role": "human", "parts": [{"text": "q", "x": 1, "y": [2]}]}, {"role": "model", '
        '"parts": [{"text": "a"}], "z": {}}], "generationconfig": {"temperature": 1, "w": 2}, "tail": null}'
    )
    made = mend(line)
    assert json.loads(made.line) == {
        "contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}],
        "generationConfig": {"temperature": 1, "w": 2},
    }
    assert made.is_kept


def test_only_chosen_edits_are_made() -> None:
    line = line_of(segment('"startOffset": 5')).replace('"model"', '"assistant"')
    assert [one.edit.name for one in mend(line, ("role",)).done] == ["role"]
    assert [one.edit.name for one in mend(line, ()).done] == []
    assert {one.edit.name for one in mend(line).done} == {"role", "offset"}


def test_several_things_are_put_right_in_one_line() -> None:
    made = mend(line_of(segment('"startOffset": 1, "endOffset": "99"')).replace('"model"', '"assistant"'))
    assert not made.is_kept  # 99 s is past the end: it may count something else
    made = mend(line_of(segment('"startOffset": 1, "endOffset": "99s"')).replace('"model"', '"assistant"'))
    assert made.is_kept
    assert [one.edit.name for one in made.done] == ["role", "offset", "end_offset"]


def test_a_byte_order_mark_and_a_carriage_return_are_no_obstacle() -> None:
    line = b"\xef\xbb\xbf" + line_of('{"text": "a"}').replace('"model"', '"assistant"').encode() + b"\r"
    made = mend(line)
    assert made.is_kept
    assert made.line == without_byte_order_mark(line).replace(b"assistant", b"model")


def test_each_edit_has_a_code_of_its_own() -> None:
    assert len({edit.reason for edit in EDITS}) == len(EDITS) == len(set(NAMES))
    assert all(edit.reason.code.startswith("REPAIR_") for edit in EDITS)


def test_what_was_done_is_told_in_words() -> None:
    finding = mend(line_of(file("gs://bucket/a.wav", '"audio/x-wav"'))).done[0].finding()
    assert finding.message == '"audio/x-wav" became "audio/wav"'
    assert finding.path == "contents[0].parts[0].fileData.mimeType"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | st.floats(allow_nan=False) | st.sampled_from(
        ["", "a", "LOW", "5", "0:05", "assistant", "system", "gs://bucket/v.mp4", "audio/x-wav", "video/mov", "MEDIA_RESOLUTION_LOW"]
    ),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["contents", "parts", "role", "text", "fileData", "fileUri", "mimeType", "videoMetadata", "startOffset", "endOffset",
             "mediaResolution", "generationConfig", "level", "messages", "content", "prompt", "completion", "system", "seconds",
             "instruction", "output", "request", "conversations", "from", "value", "x", "fileuri", "systemInstruction"]
        ),
        values, max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@given(VALUES)
def test_no_line_breaks_an_edit_and_what_was_kept_stays(value: Any) -> None:
    line = json.dumps(value).encode()
    made = mend(line)
    if judged(line).verdict is Verdict.KEPT:
        assert made.is_kept
    if made.done:
        json.loads(made.line)
    again = mend(made.line)
    assert again.line == made.line or again.done
