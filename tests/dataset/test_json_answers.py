"""Answers that should be JSON: what counts as a demand, and what counts as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_lines import Json, encoded, example, text, video

from beam_tuning.dataset.json_answers import Turn, json_findings, mentions_json
from beam_tuning.dataset.parse import parse_line
from beam_tuning.reasons import MAX_FINDINGS_PER_REASON, Outcome, Reason

CUT = '{"goals": {"total": 3}'

STRICT = [
    "Count the goals. Return strict JSON with totals.",
    "Return your answer as a valid JSON array of strings.",
    "Return ONLY the JSON.",
    "Transcribe. Return JSON only.",
    "Your answer must be valid JSON.",
]
DEMANDS = [
    *STRICT,
    "Respond in JSON.",
    "respond in json",
    "Answer only with a JSON object.",
    "Output: JSON",
    "Output format: JSON",
    "Convert the table to JSON.",
    "Respond with the following JSON structure: {..}",
    "Name persons, places and dates, and return them in JSON format with the keys a and b",
    "Give me JSON",
    "Please provide the output in json",
    "The output should be a JSON object with the key total.",
    "Do not guess. Answer as JSON.",
    "What follows is a JSON file. Summarize it in JSON.",
]
NO_DEMANDS = [
    "Describe the clip.",
    "Summarize the JSON below.",
    "Return the value of x from the JSON.",
    "Do not return JSON.",
    "Describe the video. Don't answer in JSON.",
    "Describe the video. Don’t answer in JSON.",
    "Answer in plain text, not in JSON",
    "Answer in YAML rather than in JSON",
    "Answer the question about data in JSON below",
    "Answer with this JSON file",
    "What does this JSON output mean?",
    "You are given a JSON. Answer in plain text.",
    "Convert this JSON to a Python dict",
    "Write a poem about JSON.",
    "Explain how to write JSON parsers",
    "Write a JSON parser in Python.",
    "Generate a function that returns JSON",
    "Write a script in Python to convert XML to JSON",
    "List the fields in the JSON file",
    "JSONPath? Return jsonl. Respond in JSON5.",
]
BROKEN = {
    CUT: "ends too early",
    "[1, 2": "ends too early",
    '{"a": 1,}': "at character 9",
    "{'a': 1}": "at character 2",
    '{"a": "x\ny"}': "invalid control character at character 9",
    f"```json\n{CUT}\n```": "ends too early",
    f"```\n{CUT}\n```": "ends too early",
    f"Here it is:\n```JSON\n{CUT}\n```\nDone.": "ends too early",
    f"```json\n{CUT}": "ends too early",
    '```json\n{"a": 1}\n```\n```json\n{"a":\n```': "ends too early",
}
SOUND = [
    '{"goals": {"total": 3}}',
    "[]",
    " [1,\n2] ",
    '"text"',
    "7",
    '{"a": 1}\n{"b": 2}',
    '{"a": 1} {"b": 2}',
    '```json\n{"a": 1}\n```',
    '```\n{"a": 1}\n```',
    '```json\n{"a": 1}\n{"b": 2}\n```',
    'Here it is:\n```json\n{"a": 1}\n```\nDone.',
    'Here it is: {"a": 1}. Done.',
    '{"a": 1}\nThat is all.',
    '{"a": NaN}',
    "[" * 5000,
    "7" * 6000,
    '{"a": "\\ud83d"}',
]
#: What is none, and is found fault with only where nothing but JSON was asked for.
PROSE = ["I cannot tell.", "```python\nprint(1)\n```", "yes", 'total: 3, "goals"', f"Result: {CUT}"]


def findings(line: Json | bytes) -> list[str]:
    found = [finding for finding in parse_line(encoded(line)).findings if finding.reason is Reason.ANSWER_NOT_JSON]
    return [f"{finding.path}: {finding.message}" for finding in found]


def slowly(line: Json) -> Json:
    """The same example, but not for the fast path."""
    return {**line, "labels": {}}


@pytest.mark.parametrize("prompt", DEMANDS)
def test_a_demand_in_the_prompt(prompt: str) -> None:
    line = example(video(), text(prompt), answer=CUT)
    (message,) = findings(line)
    assert message == "contents[1]: the prompt asks for JSON, but the answer is not JSON: it ends too early"
    assert findings(slowly(line)) == [message]


@pytest.mark.parametrize("prompt", NO_DEMANDS)
def test_no_demand_in_the_prompt(prompt: str) -> None:
    line = example(video(), text(prompt), answer=CUT)
    assert findings(line) == findings(slowly(line)) == []


@pytest.mark.parametrize("prompt", DEMANDS)
def test_a_demand_in_the_system_instruction(prompt: str) -> None:
    line = example(text("Go."), answer=CUT, systemInstruction={"parts": [text("Be brief."), text(prompt)]})
    (message,) = findings(line)
    assert message.startswith("contents[1]: the system instruction asks for JSON")
    assert findings(slowly(line)) == [message]


@pytest.mark.parametrize(
    "config", [{"responseMimeType": "application/json"}, {"response_mime_type": "application/json"}]
)
def test_a_demand_by_mime_type(config: Json) -> None:
    line = example(text("Go."), answer="I cannot tell.", generationConfig=config)
    (message,) = findings(line)
    assert (
        message
        == "contents[1]: responseMimeType asks for JSON, but the answer is not JSON: it has no object and no array"
    )
    assert (
        findings(example(text("Go."), answer="I cannot tell.", generationConfig={"responseMimeType": "text/json"}))
        == []
    )


@pytest.mark.parametrize(("answer", "fault"), BROKEN.items())
def test_answers_that_begin_like_json_and_are_none(answer: str, fault: str) -> None:
    (message,) = findings(example(text("Respond in JSON."), answer=answer))
    assert message.startswith("contents[1]: the prompt asks for JSON, but the answer is not JSON: ")
    assert fault in message
    assert findings(example(text("Go."), answer=answer)) == []


@pytest.mark.parametrize("answer", SOUND)
@pytest.mark.parametrize("prompt", ["Respond in JSON.", STRICT[0]])
def test_answers_that_are_json(prompt: str, answer: str) -> None:
    line = json.dumps(example(text(prompt), answer=answer)).replace("\\\\ud83d", "ud83d").encode()
    assert findings(line) == []


@pytest.mark.parametrize("answer", PROSE)
def test_prose_is_found_fault_with_only_where_nothing_but_json_was_asked_for(answer: str) -> None:
    assert findings(example(text("Respond in JSON."), answer=answer)) == []
    for prompt in STRICT:
        assert len(findings(example(text(prompt), answer=answer))) == 1


def test_each_answer_is_held_against_the_turn_before_it() -> None:
    def turn(role: str, words: str) -> Json:
        return {"role": role, "parts": [text(words)]}

    line = {
        "contents": [
            *(turn("user", "Respond in JSON."), turn("model", CUT)),
            *(turn("user", "And now in words."), turn("model", "[so to speak")),
            *(turn("user", "Again as JSON: respond in JSON."), turn("model", "{}"), turn("model", CUT)),
        ]
    }
    assert [message.split(":")[0] for message in findings(line)] == ["contents[1]", "contents[6]"]


@pytest.mark.parametrize(
    "parts",
    [
        [{"functionCall": {"name": "f"}}],
        [text(CUT), {"functionCall": {"name": "f"}}],
        [text(CUT), video()],
        [{"text": CUT, "thought": True}],
        [{"text": 7}],
        [],
    ],
    ids=str,
)
def test_answers_that_are_not_text_alone_are_left_alone(parts: list[Json]) -> None:
    line = example(text("Respond in JSON."))
    line["contents"][1]["parts"] = parts
    assert findings(line) == []


def test_a_content_that_is_none_does_not_shift_the_others() -> None:
    line = example(text("Respond in JSON."), answer=CUT)
    line["contents"].insert(0, 7)
    assert [message.split(":")[0] for message in findings(line)] == ["contents[2]"]


def test_an_answer_in_several_parts_is_one() -> None:
    line = example(text("Respond in JSON."))
    line["contents"][1]["parts"] = [text('{"a":'), text("1}")]
    assert findings(line) == findings(slowly(line)) == []


def test_it_is_advice_and_bounded() -> None:
    assert Reason.ANSWER_NOT_JSON.outcome is Outcome.ADVICE
    turns = [{"role": "user", "parts": [text("Respond in JSON.")]}, {"role": "model", "parts": [text(CUT)]}]
    messages = findings({"contents": turns * 100})
    assert len(messages) == MAX_FINDINGS_PER_REASON
    assert "(and 80 more like it on this line)" in messages[-1]


def test_a_long_text_with_many_mentions_costs_no_more_than_some_of_them() -> None:
    line = example(text("json " * 500_000 + "Respond in JSON."), answer=CUT)
    assert findings(line) == []


@given(st.text(alphabet="JSONjson x", max_size=30))
def test_a_line_that_mentions_json_is_looked_at(words: str) -> None:
    line = words.encode()
    assert mentions_json(line) == any(word in line for word in (b"json", b"JSON", b"Json"))


@pytest.mark.parametrize("role", ["function", "tool", "system", "MODEL", ""])
def test_only_turns_of_the_model_are_answers(role: str) -> None:
    asked = Turn("user", "Answer as JSON.")
    assert [finding.path for finding in json_findings("", [asked, Turn("model", CUT)])] == ["contents[1]"]
    assert list(json_findings("", [asked, Turn(role, CUT)])) == []
