"""The normal form of examples: what says the same has the same keys, and what does not has others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_lines import Json, audio, clip, example, image, text

from beam_tuning.curation.example_keys import keys_of
from beam_tuning.dataset.api_schema import HIGH, LOW

BASE = example(clip("1s", "2s", fps=2.0), text("What?"), answer="A dog.", resolution=LOW)

_SNAKE = {
    "fileData": "file_data",
    "fileUri": "file_uri",
    "mimeType": "mime_type",
    "videoMetadata": "video_metadata",
    "startOffset": "start_offset",
    "endOffset": "end_offset",
    "mediaResolution": "media_resolution",
    "generationConfig": "generation_config",
    "systemInstruction": "system_instruction",
    "functionCall": "function_call",
    "displayName": "display_name",
}


def keys(line: Json | bytes, set_resolution: str | None = None) -> tuple[bytes, bytes]:
    found = keys_of(line if isinstance(line, bytes) else json.dumps(line).encode(), set_resolution)
    assert found is not None
    return found.input, found.answer


_PARTS = st.one_of(
    st.text(min_size=1, max_size=5).map(text),
    st.builds(clip, st.sampled_from([None, "1s", "2.5s"]), st.sampled_from([None, "9s"])),
    st.builds(lambda fps: clip("0s", fps=fps), st.sampled_from([1, 1.0, 0.5])),
    st.builds(lambda level: audio(mediaResolution={"level": level}), st.sampled_from([LOW, HIGH])),
    st.builds(lambda args: {"functionCall": {"name": "f", "args": args}}, st.sampled_from([{}, {"fileUri": None}])),
    st.just(image()),
)


@st.composite
def _examples(draw: st.DrawFn) -> Json:
    roles = ["user", "model"] * draw(st.integers(1, 3))
    roles = roles[: draw(st.integers(1, len(roles)))]
    made: Json = {
        "contents": [{"role": role, "parts": draw(st.lists(_PARTS, min_size=1, max_size=3))} for role in roles]
    }
    if draw(st.booleans()):
        made["generationConfig"] = draw(st.sampled_from([{}, {"mediaResolution": LOW}, {"temperature": 1}]))
    if draw(st.booleans()):
        made["systemInstruction"] = {"parts": [text(draw(st.text(min_size=1, max_size=3)))]}
    return made


def _said_otherwise(draw: st.DrawFn, value: Any, *, is_args: bool = False) -> Any:
    """The same value with other spellings, another order, and fields that say nothing."""
    if isinstance(value, list):
        return [_said_otherwise(draw, inner, is_args=is_args) for inner in value]
    if not isinstance(value, dict):
        return float(value) if isinstance(value, int) and not isinstance(value, bool) and draw(st.booleans()) else value
    keys = draw(st.permutations(list(value)))
    made = {}
    for key in keys:
        spelled = _SNAKE[key] if not is_args and key in _SNAKE and draw(st.booleans()) else key
        made[spelled] = _said_otherwise(draw, value[key], is_args=is_args or key == "args")
    if not is_args and draw(st.booleans()):
        made[draw(st.sampled_from(["rowId", "note"]))] = "says nothing"
    if made.get("role") == "user" and draw(st.booleans()):
        made["role"] = None
    return made


@settings(deadline=None)
@given(st.data())
def test_however_an_example_is_written_it_has_the_same_keys(data: st.DataObject) -> None:
    given = data.draw(_examples())
    otherwise = _said_otherwise(data.draw, given)
    line = json.dumps(
        otherwise, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1]))
    ).replace("\n", " \t")
    assert keys(line.encode()) == keys(given)


@settings(deadline=None)
@given(_examples(), _examples())
def test_examples_that_differ_have_other_keys(one: Json, other: Json) -> None:
    """What the API would read of them is compared: written in one way, numbers as doubles."""

    def read(line: Json) -> str:
        config = line.get("generationConfig") or None
        return json.dumps({**line, "generationConfig": config}, sort_keys=True).replace('"fps": 1}', '"fps": 1.0}')

    assert (read(one) == read(other)) == (keys(one) == keys(other))


@pytest.mark.parametrize(
    "other",
    [
        example(clip("1s", "2s", fps=2.0), text("What?"), answer="A cat.", resolution=LOW),
        example(clip("1s", "2s", fps=2.0), text("What? "), answer="A dog.", resolution=LOW),
        example(clip("1s", "3s", fps=2.0), text("What?"), answer="A dog.", resolution=LOW),
        example(clip("1s", "2s", fps=2.5), text("What?"), answer="A dog.", resolution=LOW),
        example(clip("1s", "2s", fps=2.0), text("What?"), answer="A dog.", resolution=HIGH),
        example(clip("1s", "2s", fps=2.0), text("What?"), answer="A dog."),
        example(text("What?"), clip("1s", "2s", fps=2.0), answer="A dog.", resolution=LOW),
        BASE | {"systemInstruction": {"parts": [text("Be brief.")]}},
        BASE | {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
        {**BASE, "contents": BASE["contents"][:1]},
        {**BASE, "contents": BASE["contents"] * 2},
    ],
)
def test_whatever_says_something_counts(other: Json) -> None:
    assert keys(other) != keys(BASE)


def test_input_and_answer_are_told_apart() -> None:
    other = example(clip("1s", "2s", fps=2.0), text("What?"), answer="A cat.", resolution=LOW)
    assert keys(other)[0] == keys(BASE)[0]
    assert keys(other)[1] != keys(BASE)[1]


def test_a_media_resolution_that_is_set_tells_no_examples_apart() -> None:
    lines = [example(resolution=LOW), example(resolution=HIGH), example(), example(labels={})]
    invalid = example(resolution="odd")
    assert len({keys(line, HIGH) for line in [*lines, invalid]}) == 1
    assert len({keys(line) for line in lines}) == 3
    assert keys_of(json.dumps(invalid).encode()) is None


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{}", b"[]", b"7", b"{", b"\xff", b'{"contents":null}', b'{"contents":[]}', b'{"messages":[]}'),
        json.dumps({**BASE, "system_instruction": {"parts": []}, "systemInstruction": {"parts": []}}).encode(),
        json.dumps({"contents": [{"role": "user", "parts": {"text": "Hello."}}]}).encode(),
        b"[" * 100_000,
        b'{"contents":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
)
def test_what_cannot_be_kept_as_it_is_written_has_no_keys(line: bytes) -> None:
    assert keys_of(line) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["contents", "parts", "role", "text", "fileData", "fps", "x"]), inner, max_size=3
        )
    ),
    max_leaves=9,
)


@settings(deadline=None)
@given(st.fixed_dictionaries({"contents": _JSON}, optional={"generationConfig": _JSON, "systemInstruction": _JSON}))
def test_whatever_a_line_holds_nothing_is_raised(line: Json) -> None:
    encoded = json.dumps(line).encode()
    assert keys_of(encoded) == keys_of(encoded)
