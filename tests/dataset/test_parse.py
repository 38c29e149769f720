"""Lines by table: what is taken, and every way in which a line can be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tuning_lines import (
    AUDIO_URI,
    IMAGE_URI,
    PDF_URI,
    VIDEO_URI,
    Json,
    audio,
    clip,
    encoded,
    example,
    file,
    image,
    text,
    video,
)

from beam_tuning.dataset.example import Example, MediaPart, Segment
from beam_tuning.dataset.json_text import MAX_PARSED_LINE_BYTES
from beam_tuning.dataset.parse import ParsedLine, parse_line
from beam_tuning.media.info import MediaKind
from beam_tuning.reasons import MAX_FINDINGS_PER_REASON, Reason

LOW, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"
PART = "contents[0].parts[0]"
SECOND = 1_000_000_000


def found(parsed: ParsedLine) -> list[tuple[str, str]]:
    return [(finding.reason.code, finding.path) for finding in parsed.findings]


def parsed_example(line: Json | bytes) -> Example:
    made = parse_line(encoded(line)).example
    assert made is not None
    return made


# What is taken


def test_a_usual_line() -> None:
    line = example(video(), text("Name the dog."), resolution=LOW, systemInstruction={"parts": [text("Be brief.")]})
    parsed = parse_line(encoded(line))
    assert parsed.findings == ()
    assert parsed.example == Example(
        roles=("user", "model"),
        media=(MediaPart(PART, "user", VIDEO_URI, "video/mp4", MediaKind.VIDEO),),
        media_resolution=LOW,
        text_chars=len("Be brief.Name the dog.A dog barks."),
        text_bytes=len("Be brief.Name the dog.A dog barks."),
        output_text_chars=len("A dog barks."),
        prompt_start="Name the dog.",
        answer_start="A dog barks.",
    )


def snake_case(line: Any) -> Any:
    """The same line with every key in snake_case."""
    if isinstance(line, dict):
        return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): snake_case(v) for key, v in line.items()}
    return [snake_case(item) for item in line] if isinstance(line, list) else line


@pytest.mark.parametrize(
    "line",
    [
        example(video(), resolution=LOW, systemInstruction={"parts": [text("Be brief.")]}),
        example(clip("1.5s", "20s", fps=2), text()),
        example(image(mediaResolution={"level": HIGH}), audio()),
    ],
)
def test_both_spellings_are_the_same(line: Json) -> None:
    assert parse_line(encoded(snake_case(line))) == parse_line(encoded(line))
    mixed = {**line, "contents": snake_case(line["contents"])}
    assert parse_line(encoded(mixed)) == parse_line(encoded(line))


@pytest.mark.parametrize(
    "around",
    [
        lambda line: line + b"\r",
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: b"\xef\xbb\xbf" + line + b"\r",
        lambda line: b" \t" + line + b" \t\r",
    ],
)
def test_marks_and_white_space_around_a_line(around: Any) -> None:
    line = encoded(example(video()))
    assert parse_line(around(line)) == parse_line(line)


@pytest.mark.parametrize(
    "write",
    [
        lambda line: json.dumps(line, indent=1).replace("\n", " "),
        lambda line: json.dumps(line, separators=(" , ", " :  ")),
        lambda line: json.dumps(line, separators=(",", ":"), ensure_ascii=False),
        lambda line: json.dumps(line).replace("contents", "c\\u006fntents").replace("text", "te\\u0078t"),
        lambda line: json.dumps(line, sort_keys=True),
    ],
)
def test_ways_of_writing_the_same_json(write: Any) -> None:
    line = example(video(), text('Say "hi" \\ 日本 \U0001f600\n'), resolution=HIGH)
    assert parse_line(write(line).encode()) == parse_line(encoded(line))
    assert parse_line(encoded(line)).findings == ()


def test_null_is_absent() -> None:
    line = example(video(videoMetadata=None, mediaResolution=None, text=None), systemInstruction=None, tools=None)
    line["contents"][0]["role"] = None
    line["generationConfig"] = {"mediaResolution": None}
    assert parse_line(encoded(line)) == parse_line(encoded(example(video())))


@pytest.mark.parametrize(("role", "read"), [(None, "user"), ("", "user"), ("user", "user"), ("model", "model")])
def test_roles(role: str | None, read: str) -> None:
    content = {"parts": [text()]} if role is None else {"role": role, "parts": [text()]}
    parsed = parse_line(encoded({"contents": [content]}))
    assert parsed.findings == ()
    assert parsed.example is not None
    assert (parsed.example.roles, parsed.example.turns) == ((read,), 1)


@pytest.mark.parametrize(
    ("given", "nanoseconds"),
    [
        ("0s", 0),
        ("3.5s", 3_500_000_000),
        ("00012s", 12 * SECOND),
        ("1.000000001s", SECOND + 1),
        ("-5s", -5 * SECOND),
        ("-0.5s", -SECOND // 2),
        ("315576000000s", 315_576_000_000 * SECOND),
    ],
)
def test_durations(given: str, nanoseconds: int) -> None:
    (part,) = parsed_example(example(clip(given))).media
    assert part.segment == Segment(start_ns=nanoseconds)


@pytest.mark.parametrize(
    "given",
    [
        {"seconds": 5},
        5,
        5.5,
        True,
        [],
        "5",
        "5.s",
        ".5s",
        "+5s",
        "5 s",
        "5S",
        "1m5s",
        "00:05",
        "1e3s",
        "1.0000000001s",
        "",
        "s",
        "٣s",
        "315576000001s",
        "-315576000000.1s",
        "9" * 5000 + "s",
        "5s\n",
    ],
)
def test_offsets_that_are_no_durations(given: object) -> None:
    for name in ("startOffset", "endOffset"):
        line = example(video(videoMetadata={name: given}))
        assert found(parse_line(encoded(line))) == [("SEGMENT_INVALID", f"{PART}.videoMetadata.{name}")]
        assert parsed_example(line).media[0].segment is None


@pytest.mark.parametrize(("given", "fps"), [(30, 30.0), (0.5, 0.5), ("2", 2.0), ("1e1", 10.0), (-1, -1.0), (0, 0.0)])
def test_frame_rates(given: object, fps: float) -> None:
    parsed = parse_line(encoded(example(clip(fps=given))))
    assert parsed.findings == ()
    assert parsed.example is not None
    assert parsed.example.media[0].segment == Segment(fps=fps)


@pytest.mark.parametrize("given", ["fast", "", "NaN", "1e999", 10**400, -(10**4000), True, [1], {"value": 1}], ids=repr)
def test_frame_rates_that_are_no_numbers(given: object) -> None:
    assert found(parse_line(encoded(example(clip(fps=given))))) == [("FIELD_WRONG_TYPE", f"{PART}.videoMetadata.fps")]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (LOW, LOW),
        (HIGH, HIGH),
        ("MEDIA_RESOLUTION_UNSPECIFIED", None),
        (0, None),
        (1, LOW),
        (3, HIGH),
    ],
)
def test_media_resolutions(given: object, read: str | None) -> None:
    line = example(image(mediaResolution={"level": given}), generationConfig={"mediaResolution": given})
    parsed = parse_line(encoded(line))
    assert parsed.findings == ()
    assert parsed.example is not None
    assert (parsed.example.media_resolution, parsed.example.media[0].media_resolution) == (read, read)


@pytest.mark.parametrize(
    "given",
    [
        "LOW",
        "media_resolution_low",
        "",
        "MEDIA_RESOLUTION_ULTRA_HIGH",
        4,
        -1,
        1.0,
        True,
        {"level": LOW},
        [LOW],
        10**400,
        10**4000,
    ],
)
def test_media_resolutions_that_are_none(given: object) -> None:
    line = example(image(), generationConfig={"mediaResolution": given})
    assert found(parse_line(encoded(line))) == [("MEDIA_RESOLUTION_INVALID", "generationConfig.mediaResolution")]
    assert parsed_example(line).media_resolution is None


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (HIGH, "mediaResolution"),
        (3, "mediaResolution"),
        ([], "mediaResolution"),
        ({"level": "HIGH"}, "mediaResolution.level"),
        ({"level": 5}, "mediaResolution.level"),
        ({"level": {}}, "mediaResolution.level"),
    ],
)
def test_levels_of_parts_that_are_none(given: object, path: str) -> None:
    line = example(image(mediaResolution=given))
    assert found(parse_line(encoded(line))) == [("MEDIA_RESOLUTION_INVALID", f"{PART}.{path}")]
    assert parsed_example(line).media[0].media_resolution is None


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("video/mp4", MediaKind.VIDEO),
        ("VIDEO/MP4", MediaKind.VIDEO),
        ("audio/odd", MediaKind.AUDIO),
        ("image/", MediaKind.IMAGE),
        ("application/pdf", MediaKind.DOCUMENT),
        ("Text/Plain; charset=utf-8", MediaKind.DOCUMENT),
        ("application/json", None),
        ("video", MediaKind.VIDEO),
        ("", None),
        (None, None),
    ],
)
def test_kinds(mime_type: str | None, kind: MediaKind | None) -> None:
    made = parsed_example(example(file(mime_type=mime_type)))
    assert made.media[0].kind is kind
    assert made.has_visual_media == (kind in (MediaKind.VIDEO, MediaKind.IMAGE, MediaKind.DOCUMENT))


def test_media_of_all_turns_in_order_of_appearance() -> None:
    line = {
        "contents": [
            {"role": "user", "parts": [image(), text(), audio()]},
            {"role": "model", "parts": [text()]},
            {"role": "user", "parts": [video(), image()]},
        ]
    }
    made = parsed_example(line)
    assert [(part.uri, part.path) for part in made.media] == [
        (IMAGE_URI, "contents[0].parts[0]"),
        (AUDIO_URI, "contents[0].parts[2]"),
        (VIDEO_URI, "contents[2].parts[0]"),
        (IMAGE_URI, "contents[2].parts[1]"),
    ]


@pytest.mark.parametrize(
    ("model_part", "user_part", "path"),
    [
        ({"functionCall": {"name": "f", "args": {}}}, text(), "contents[1].parts[0]"),
        ({"function_call": {"name": "f"}}, text(), "contents[1].parts[0]"),
        ({"functionCall": {}}, text(), "contents[1].parts[0]"),
        ({"functionCall": 5}, text(), "contents[1].parts[0]"),
        (text(), {"functionResponse": {"name": "f", "response": {}}}, "contents[0].parts[0]"),
        ({"functionCall": {"name": "g"}}, {"functionResponse": {"name": "f"}}, "contents[0].parts[0]"),
        ({"functionCall": None, **text()}, text(), None),
        ({"text": "functionCall"}, text(), None),
    ],
)
def test_where_the_first_function_call_stands(model_part: Json, user_part: Json, path: str | None) -> None:
    line = {"contents": [{"role": "user", "parts": [user_part]}, {"role": "model", "parts": [model_part]}]}
    parsed = parse_line(encoded(line)).example
    assert parsed is not None
    assert parsed.function_path == path


def test_a_function_call_in_the_system_instruction_is_none_of_the_turns() -> None:
    line = example(systemInstruction={"parts": [{"functionCall": {"name": "f"}}]})
    parsed = parse_line(encoded(line)).example
    assert parsed is not None
    assert parsed.function_path is None


def test_function_calling_is_text_too() -> None:
    call = {"functionCall": {"name": "look_up", "args": {"dog": "Rex", "years": [1, 2.5, None]}}}
    answer = {"functionResponse": {"name": "look_up", "response": {"found": "日"}}}
    line = {
        "tools": [{"functionDeclarations": [{"name": "look_up"}]}],
        "contents": [
            {"role": "user", "parts": [text("Who is Rex?")]},
            {"role": "model", "parts": [call]},
            {"parts": [answer]},
            {"role": "model", "parts": [text("A dog.")]},
        ],
    }
    parsed = parse_line(encoded(line))
    assert parsed.findings == ()
    assert parsed.example is not None
    assert parsed.example.roles == ("user", "model", "user", "model")
    output = "A dog." + "look_up" + '{"dog": "Rex", "years": [1, 2.5, null]}'
    other = "Who is Rex?" + '{"functionDeclarations": [{"name": "look_up"}]}' + "look_up" + '{"found": "日"}'
    assert parsed.example.output_text_chars == len(output)
    assert parsed.example.text_chars == len(output + other)
    assert parsed.example.text_bytes == len((output + other).encode())


def test_prompt_start_is_the_first_text_of_a_user() -> None:
    line = example(video(), text("x" * 200), text("later"), systemInstruction={"parts": [text("never")]})
    assert parsed_example(line).prompt_start == "x" * 160


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("user", ["a"]), ("model", ["x" * 200, "later"])], "x" * 160),
        ([("user", ["a"]), ("model", ["first"]), ("user", ["b"]), ("model", ["second", "more"])], "second"),
        ([("user", ["a"])], ""),
    ],
)
@pytest.mark.parametrize("more", [{}, {"labels": {}}, {"unknown": 1}])
def test_answer_start_is_the_first_text_of_the_last_answer(turns: Any, expected: str, more: Any) -> None:
    contents = [{"role": role, "parts": [text(one) for one in texts]} for role, texts in turns]
    assert parsed_example({"contents": contents, **more}).answer_start == expected


def test_a_last_turn_without_text_leaves_the_answer_before_it() -> None:
    call = {"functionCall": {"name": "look_up", "args": {}}}
    contents = [
        {"role": "user", "parts": [text("a")]},
        {"role": "model", "parts": [text("an answer")]},
        {"role": "user", "parts": [text("b")]},
        {"role": "model", "parts": [call, {"text": ""}, {"text": 5}]},
    ]
    assert parsed_example({"contents": contents}).answer_start == "an answer"


# What is wrong: each line with all its findings


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        (b"", [("LINE_NOT_JSON", "")]),
        (b"{", [("LINE_NOT_JSON", "")]),
        (b"{} {}", [("LINE_NOT_JSON", "")]),
        (b"{'contents': []}", [("LINE_NOT_JSON", "")]),
        (b'{"contents": [],}', [("LINE_NOT_JSON", "")]),
        (b'{"contents": NaN}', [("LINE_NOT_JSON", "")]),
        (b'{"a": 1e999, "contents": nan}', [("LINE_NOT_JSON", "")]),
        (b'{"a": 01}', [("LINE_NOT_JSON", "")]),
        (b'{"a": "\\x41"}', [("LINE_NOT_JSON", "")]),
        (b'{"a": "raw\ttab"}', [("LINE_NOT_JSON", "")]),
        (b'{"a": "\x00"}', [("LINE_NOT_JSON", "")]),
        (b'{"a": "\\ud83d"}', [("LINE_NOT_JSON", "")]),
        (b'{"\\udc00\\ud83d": 1}', [("LINE_NOT_JSON", "")]),
        (b"\x00" * 100, [("LINE_NOT_JSON", "")]),
        (b'{"a": "\xed\xa0\x80"}', [("LINE_NOT_UTF8", "")]),
        ('{"a": "ü"}'.encode("latin-1"), [("LINE_NOT_UTF8", "")]),
        ('{"contents": []}'.encode("utf-16"), [("LINE_NOT_UTF8", "")]),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", [("LINE_NOT_JSON", "")]),
        (b"null", [("LINE_NOT_OBJECT", "")]),
        (b'"contents"', [("LINE_NOT_OBJECT", "")]),
        (b"-0.5e-3", [("LINE_NOT_OBJECT", "")]),
        (b"[" * 100_000, [("LINE_NESTED_TOO_DEEP", "")]),
        (b'{"contents":' * 100_000, [("LINE_NESTED_TOO_DEEP", "")]),
        (b"{}", [("CONTENTS_MISSING", "")]),
        (b'{"contents": null}', [("CONTENTS_MISSING", "")]),
        ({"contents": {}}, [("FIELD_WRONG_TYPE", "contents")]),
        ({"contents": "text"}, [("FIELD_WRONG_TYPE", "contents")]),
        ({"contents": [None, 1, []]}, [("FIELD_WRONG_TYPE", f"contents[{i}]") for i in range(3)]),
        ({"contents": [{"role": 1, "parts": [text()]}]}, [("FIELD_WRONG_TYPE", "contents[0].role")]),
        ({"contents": [{"parts": {"text": "a"}}]}, [("FIELD_WRONG_TYPE", "contents[0].parts")]),
        ({"contents": [{"parts": []}]}, [("PARTS_MISSING", "contents[0].parts")]),
        ({"contents": [{"parts": None}]}, [("PARTS_MISSING", "contents[0]")]),
        ({"contents": [{"parts": ["a"]}]}, [("FIELD_WRONG_TYPE", PART)]),
        (example({"text": None}), [("PART_EMPTY", PART)]),
        (example({"text": ""}), [("PART_EMPTY", f"{PART}.text")]),
        (example({"videoMetadata": {}}), [
            ("PART_EMPTY", PART), ("VIDEO_METADATA_WITHOUT_VIDEO", f"{PART}.videoMetadata")
        ]),
        (example({"text": ["a"]}), [("FIELD_WRONG_TYPE", f"{PART}.text")]),
        (example({"fileData": "gs://b/o"}), [("FIELD_WRONG_TYPE", f"{PART}.fileData")]),
        (example({"fileData": {}}), [("FILE_URI_MISSING", f"{PART}.fileData")]),
        (
            example({"fileData": {"fileUri": 7, "mimeType": []}}),
            [("FIELD_WRONG_TYPE", f"{PART}.fileData.mimeType"), ("FIELD_WRONG_TYPE", f"{PART}.fileData.fileUri")],
        ),
        (
            example({"file_data": {"fileURI": "gs://b/o", "displayName": "clip"}}),
            [
                ("FIELD_NOT_DOCUMENTED", f"{PART}.file_data.displayName"),
                ("FILE_URI_MISSING", f"{PART}.file_data"),
            ],
        ),
        (
            example({"text": "a", "functionCall": {"name": "f"}, "inlineData": {}}),
            [("PART_HAS_SEVERAL_PAYLOADS", PART), ("INLINE_DATA_UNSUPPORTED", f"{PART}.inlineData")],
        ),
        (example({"functionCall": {"name": 1, "args": []}}), [
            ("FIELD_WRONG_TYPE", f"{PART}.functionCall.name"),
            ("FIELD_WRONG_TYPE", f"{PART}.functionCall.args"),
        ]),
        (example({"functionCall": {"arguments": {}}}), [("FIELD_UNKNOWN", f"{PART}.functionCall.arguments")]),
        (
            example({"thought": True, "text": "hm", "weight": 0}),
            [("FIELD_NOT_DOCUMENTED", f"{PART}.thought"), ("FIELD_UNKNOWN", f"{PART}.weight")],
        ),
        (example(video(videoMetadata=[])), [("FIELD_WRONG_TYPE", f"{PART}.videoMetadata")]),
        (example(video(videoMetadata={"start": "5s"})), [("FIELD_UNKNOWN", f"{PART}.videoMetadata.start")]),
        (example({**text(), "videoMetadata": {"fps": 1}}), [
            ("VIDEO_METADATA_WITHOUT_VIDEO", f"{PART}.videoMetadata")
        ]),
        (example(systemInstruction="Be brief."), [("FIELD_WRONG_TYPE", "systemInstruction")]),
        (example(systemInstruction={"parts": []}), [("PARTS_MISSING", "systemInstruction.parts")]),
        (example(systemInstruction={"text": "Be brief."}), [
            ("PARTS_MISSING", "systemInstruction"),
        ]),
        (example(systemInstruction={"role": 5, "parts": [{"text": ""}, {}]}), [
            ("FIELD_WRONG_TYPE", "systemInstruction.role"),
            ("PART_EMPTY", "systemInstruction.parts[0].text"),
            ("PART_EMPTY", "systemInstruction.parts[1]"),
        ]),
        (example(systemInstruction={"parts": [{"fileData": True}, {"inlineData": {}}]}), [
            ("FIELD_WRONG_TYPE", "systemInstruction.parts[0].fileData"),
            ("SYSTEM_INSTRUCTION_NOT_TEXT", "systemInstruction.parts[0].fileData"),
            ("INLINE_DATA_UNSUPPORTED", "systemInstruction.parts[1].inlineData"),
            ("SYSTEM_INSTRUCTION_NOT_TEXT", "systemInstruction.parts[1].inlineData"),
        ]),
        (example(tools={}), [("FIELD_WRONG_TYPE", "tools")]),
        (example(tools=["search"]), [("FIELD_WRONG_TYPE", "tools[0]")]),
        (example(generationConfig=[]), [("FIELD_WRONG_TYPE", "generationConfig")]),
        (example(generationConfig={"temperature": 0, "temprature": 1}), [
            ("FIELD_NOT_DOCUMENTED", "generationConfig.temperature"),
            ("FIELD_UNKNOWN", "generationConfig.temprature"),
        ]),
        (example(safetySettings=[], cached_content="x"), [
            ("FIELD_NOT_DOCUMENTED", "safetySettings"),
            ("FIELD_NOT_DOCUMENTED", "cached_content"),
        ]),
        (example(**{"a b": 1, 'q"]': 2, "": 3}), [
            ("FIELD_UNKNOWN", '["a b"]'),
            ("FIELD_UNKNOWN", '["q\\"]"]'),
            ("FIELD_UNKNOWN", '[""]'),
        ]),
        (example(system_instruction={"parts": [text("a")]}, systemInstruction={"parts": [text("b")]}), [
            ("FIELD_SPELLED_TWICE", "systemInstruction")
        ]),
        (example({"fileData": {"fileUri": VIDEO_URI, "file_uri": "gs://b/o", "mimeType": "video/mp4"}}), [
            ("FIELD_SPELLED_TWICE", f"{PART}.fileData.file_uri")
        ]),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value)[:60],
)  # fmt: skip
def test_findings(line: Json | bytes, findings: list[tuple[str, str]]) -> None:
    parsed = parse_line(encoded(line))
    assert found(parsed) == findings
    assert all(finding.message for finding in parsed.findings)


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        (b'{"contents": [], "contents": []}', [("FIELD_SPELLED_TWICE", "contents"), ("CONTENTS_EMPTY", "contents")]),
        (
            b'{"contents": [{"parts": [{"text": "a", "text" : "b"}]}]}',
            [("FIELD_SPELLED_TWICE", f"{PART}.text")],
        ),
        (
            b'{"contents": [{"parts": [{"text": "\\"text\\": \\\\", "te\\u0078t": "b"}]}]}',
            [("FIELD_SPELLED_TWICE", f"{PART}.text")],
        ),
        (
            b'{"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"a": {"b": 1, "b": 2}}}}]}]}',
            [("FIELD_SPELLED_TWICE", f"{PART}.functionCall.args.a.b")],
        ),
        (
            b'{"x": {"y": 1, "y": 2, "y": 3}, "contents": [{"role": "model", "parts": [{"text": "a"}]}]}',
            [("FIELD_SPELLED_TWICE", "x.y"), ("FIELD_UNKNOWN", "x")],
        ),
        (
            b'{"contents": [{"parts": [{"text": "a", "videoMetadata": {"fps": 1, "fps": 2}}]}]}',
            [
                ("FIELD_SPELLED_TWICE", f"{PART}.videoMetadata.fps"),
                ("VIDEO_METADATA_WITHOUT_VIDEO", f"{PART}.videoMetadata"),
            ],
        ),
    ],
)
def test_keys_given_twice(line: bytes, findings: list[tuple[str, str]]) -> None:
    assert found(parse_line(line)) == findings


def test_of_two_values_the_last_counts_and_of_two_spellings_camel_case() -> None:
    line = b'{"contents": [{"parts": [{"text": "first", "text": "last"}]}]}'
    assert parsed_example(line).prompt_start == "last"
    file_data = {"file_uri": "gs://bucket/snake", "fileUri": "gs://bucket/camel", "mimeType": "image/png"}
    assert parsed_example(example({"fileData": file_data})).media[0].uri == "gs://bucket/camel"
    both = {"file_data": {"fileUri": "gs://bucket/snake"}, "fileData": {"fileUri": "gs://bucket/camel"}}
    assert parsed_example(example(both)).media[0].uri == "gs://bucket/camel"


def test_a_line_with_faults_keeps_what_could_be_understood() -> None:
    line = example({**text("a"), **video()}, {}, image(), clip("x", "5s"), resolution="LOW")
    made = parsed_example(line)
    assert [part.uri for part in made.media] == [VIDEO_URI, IMAGE_URI, VIDEO_URI]
    assert made.media[2].segment == Segment(end_ns=5 * SECOND)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"messages": [{"role": "user", "content": "hi"}]}, ["OpenAI", "assistant as model"]),
        ({"messages": [{"role": "user", "content": "hi"}, {"role": "model", "content": "ho"}]}, ["OpenAI"]),
        ({"contents": None, "messages": []}, ["OpenAI"]),
        ({"conversations": [{"from": "human", "value": "hi"}]}, ["ShareGPT", "entry of conversations"]),
        ({"input_text": "hi", "output_text": "ho"}, ["PaLM"]),
        ({"inputText": "hi", "outputText": "ho"}, ["PaLM"]),
        ({"text_input": "hi", "output": "ho"}, ["AI Studio", "Make text_input the user's turn and output the model's"]),
        ({"textInput": "hi", "output": "ho"}, ["AI Studio", "Make textInput the user's turn"]),
        ({"prompt": "q", "chosen": "good", "rejected": "bad"}, ["preference", "chosen the model's", "rejected"]),
        ({"prompt": "hi", "completion": "ho"}, ["prompt and completion", "completion the model's"]),
        ({"prompt": "hi", "response": "ho"}, ["prompt and completion", "response the model's"]),
        ({"instruction": "hi", "input": "", "output": "ho"}, ["Alpaca"]),
        ({"input": {"image": "C:\\data\\a.jpg"}, "output": "A cat."}, ["input and output", "fileData"]),
        ({"question": "q", "answer": "a", "id": 7}, ["question and answer", "Make question the user's turn"]),
        ({"text": "A film.", "label": "good"}, ["text and label"]),
        ({"text": "A chunk of text."}, ["plain texts", "without answers"]),
        ({"text": "A chunk of text.", "id": 7, "meta": {}}, ["plain texts", "without answers"]),
        (
            {"audio_filepath": "a.wav", "duration": 1.5, "text": "hi"},
            ["media", "audio_filepath a part", "text the model"],
        ),
        ({"image": "a.png", "caption": "A cat."}, ["image and caption", "fileData"]),
        ({"image": "a.png", "question": "What?", "answer": "A cat."}, ["question and answer", "fileData"]),
        ({"request": example(), "status": ""}, ["batch prediction"]),
        ({"key": "1", "request": example()}, ["batch prediction"]),
        ({"training_examples": [{"text_input": "a", "output": "b"}]}, ["jq -c '.training_examples[]' FILE"]),
        ({"name": "set", "data": [example(), example()]}, ["inside one object (data)", "jq -c '.data[]' FILE"]),
        ({"a 'b'": [{"messages": []}]}, ["inside one object (a list)", "jq -c '.[] | arrays | .[]' FILE"]),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value)[:50],
)
def test_other_formats_are_one_finding_with_the_way_out(line: Json, named: list[str]) -> None:
    parsed = parse_line(encoded(line))
    assert found(parsed) == [("LINE_IS_OTHER_FORMAT", "")]
    (finding,) = parsed.findings
    assert all(words in finding.message for words in named)
    assert "contents" in finding.message
    assert parsed.example is None


@pytest.mark.parametrize("extra", ["completions", "references"])
def test_other_tuning_formats_have_contents_too(extra: str) -> None:
    parsed = parse_line(encoded(example(video(), **{extra: []})))
    assert found(parsed) == [("LINE_IS_OTHER_FORMAT", "")]
    assert parsed.example is not None


@pytest.mark.parametrize("answer", ["response", "output", "answer", "completion", "target", "expected_output"])
def test_an_answer_outside_of_contents_is_told_to_be_moved(answer: str) -> None:
    line = {"contents": [{"role": "user", "parts": [text("Rate this.")]}], answer: '{"overall": 0.7}'}
    parsed = parse_line(encoded(line))
    assert found(parsed) == [("LINE_IS_OTHER_FORMAT", "")]
    assert f"Move {answer} into contents as the model's turn" in parsed.findings[0].message
    assert parsed.example is not None
    assert parsed.example.roles == ("user",)


@pytest.mark.parametrize(
    "line",
    [
        {"prompt": "hi"},
        {"instruction": "hi"},
        {"response": {}},
        {"completions": []},
        {"text": "hi", "tokens": 7},
        {"chosen": "a"},
        {"segments": [{"start": 1, "text": "a"}]},
        {"turns": [{"role": "user", "text": "a"}]},
        {"a": [{"prompt": "a"}], "b": [{"prompt": "a"}]},
        {"data": []},
        {"data": ["a"]},
        {"data": [{"a": 1}], "contents": None},
    ],
)
def test_lines_of_no_known_format_say_what_stands_in_place_of_contents(line: Json) -> None:
    parsed = parse_line(encoded(line))
    assert found(parsed) == [("CONTENTS_MISSING", "")]
    assert all(json.dumps(key) in parsed.findings[0].message for key in line if key != "contents")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ({"Contents": [], "id": 7}, "CONTENTS_MISSING", '"Contents", which is written contents, "id"'),
        ({f"k{i}": i for i in range(2000)}, "CONTENTS_MISSING", '"k4", 1,995 more'),
        ({"contents": [{"role": "model", "content": "ho"}]}, "PARTS_MISSING", 'it has "content"'),
        (example({"txt": "hi"}), "PART_EMPTY", 'it has "txt"'),
        (example({"Text": "hi"}), "PART_EMPTY", '"Text", which is written text'),
        (example({"fileData": {"uri": "gs://b/o"}}), "FILE_URI_MISSING", 'it has "uri"'),
        (example({"fileData": {"fileURI": "gs://b/o"}}), "FILE_URI_MISSING", '"fileURI", which is written fileUri'),
        (example(systemInstruction={"text": "hi"}), "PARTS_MISSING", 'it has "text"'),
    ],
)
def test_what_may_hold_the_missing_is_never_told_to_be_left_out(line: Json, code: str, words: str) -> None:
    """FIELD_UNKNOWN says: leave the field out. Where something is missing, it may be just that under a wrong name."""
    parsed = parse_line(encoded(line))
    assert "FIELD_UNKNOWN" not in [code for code, _ in found(parsed)]
    (finding,) = [finding for finding in parsed.findings if finding.reason.code == code]
    assert words in finding.message


def test_unknown_fields_beside_contents_without_an_answer_are_not_told_to_be_left_out() -> None:
    user = {"role": "user", "parts": [text()]}
    assert found(parse_line(encoded({"contents": [user], "gold": "A dog."}))) == []
    model = {"role": "model", "parts": [text()]}
    line = {"contents": [user, model], "gold": "A dog."}
    assert found(parse_line(encoded(line))) == [("FIELD_UNKNOWN", "gold")]


@pytest.mark.parametrize(
    "part",
    [
        audio(audioMetadata={"startOffset": "1s", "endOffset": "9s"}),
        video(mediaProcessing="STATIC"),
        file(PDF_URI, "application/pdf", documentMetadata={"startPage": 1, "contentLayers": ["TEXT"]}),
        file("gs://b/a.csv", "text/csv", spreadsheetMetadata={"sheetIndex": 0}),
        {"text": "hi", "speechMetadata": {"speaker": "Ann"}},
        {"text": "hi", "speech_metadata": {"speaker": "Ann"}},
        {"text": "hi", "partMetadata": {}},
        {"toolCall": {}},
    ],
    ids=lambda part: list(part)[-1],
)
def test_newer_fields_are_known_but_not_said_of_tuning(part: Json) -> None:
    name = list(part)[-1]
    assert found(parse_line(encoded(example(part)))) == [("FIELD_NOT_DOCUMENTED", f"{PART}.{name}")]


def test_content_layers_of_a_video_are_known_but_not_said_of_tuning() -> None:
    line = example(clip("1s", "9s", contentLayers=["FRAMES"]))
    assert found(parse_line(encoded(line))) == [("FIELD_NOT_DOCUMENTED", f"{PART}.videoMetadata.contentLayers")]
    assert parsed_example(line).media[0].segment == Segment(SECOND, 9 * SECOND)


# Hostile lines


def test_a_line_of_50_mb_is_not_parsed() -> None:
    line = b'{"contents": "' + b"x" * 50_000_000 + b'"}'
    (finding,) = parse_line(line).findings
    assert (finding.reason, finding.observed, finding.limit) == (Reason.LINE_TOO_LONG, len(line), MAX_PARSED_LINE_BYTES)


def test_a_long_line_is_parsed() -> None:
    long = "日本 " * 1_000_000
    parsed = parse_line(json.dumps(example(text(long)), ensure_ascii=False).encode())
    assert parsed.findings == ()
    assert parsed.example is not None
    assert parsed.example.text_chars == len(long) + len("A dog barks.")


@pytest.mark.parametrize(
    "line",
    [
        b'"' * 5_000_000,
        b'"' + b'\\"' * 2_500_000,
        b'{"a":"' + b"\\" * 5_000_001 + b'"}',
        b'{"' + b"k" * 5_000_000 + b'": 1}',
        b'{"contents":[' + b'{"a":[[[]]]},' * 50_000 + b"{}]}",
        b'{"contents":' + b"9" * 5_000_000 + b"}",
        b'{"contents":1e' + b"9" * 5_000_000 + b"}",
        b"[" * 5_000_000,
        b'{"a":' * 1_000_000,
        b"\xff" * 5_000_000,
        b" " * 5_000_000,
    ],
    ids=range(11),
)
def test_hostile_lines_end_soon_in_findings(line: bytes) -> None:
    parsed = parse_line(line)
    assert parsed.findings
    assert all(len(finding.message) < 1000 and len(finding.path) < 200 for finding in parsed.findings)


def test_findings_are_bounded_and_say_how_many_more_there_were() -> None:
    line = example(*[{}] * 1000, **{f"k{i}": 1 for i in range(50)})
    parsed = parse_line(encoded(line))
    by_reason = {reason: [f for f in parsed.findings if f.reason is reason] for reason in Reason}
    empty, unknown = by_reason[Reason.PART_EMPTY], by_reason[Reason.FIELD_UNKNOWN]
    assert len(empty) == len(unknown) == MAX_FINDINGS_PER_REASON
    assert "(and 980 more like it on this line)" in empty[-1].message
    assert "(and 30 more like it on this line)" in unknown[-1].message
    assert "more like it" not in empty[-2].message


def test_huge_numbers_are_json() -> None:
    line = b'{"n": 1e999, "i": ' + b"7" * 5000 + b', "contents": [{"role": "model", "parts": [{"text": "a"}]}]}'
    assert found(parse_line(line)) == [("FIELD_UNKNOWN", "n"), ("FIELD_UNKNOWN", "i")]


def test_observed_values_are_cut() -> None:
    line = {"contents": [{"role": "r" * 10_000, "parts": [text()]}]}
    (finding,) = parse_line(encoded(line)).findings
    assert len(str(finding.observed)) == 200
    assert len(finding.message) < 300
