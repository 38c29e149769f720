"""Formats of other products and APIs: how a line in one of them is recognised, and how to write it for Gemini.

Each row of the table is one format. A format is recognised by the keys that hold the question and the answer; a
conversion reads the same keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from beam_tuning.dataset.api_schema import EXAMPLE, MODEL, USER

#: A decoded line without fields that are null, which some writers give to every line.
Line = Mapping[str, object]
#: The keys of a line that matter, by what they hold, e.g. {"question": "input", "answer": "output"}.
Keys = Mapping[str, str]

_TURNS = f'contents: [{{"role": "{USER}", "parts": [{{"text": …}}]}}, {{"role": "{MODEL}", "parts": [{{"text": …}}]}}]'
_FILE_PART = '{"fileData": {"mimeType": …, "fileUri": "gs://…"}}'
_ANSWERS = (
    *("response", "output", "answer", "completion", "target", "label", "assistant", "reply"),
    *("output_text", "outputText", "expected_output", "expectedOutput", "model_response", "ground_truth"),
)
_QUESTIONS = ("input", "question", "query", "source", "user", "text", "prompt", "instruction")
_PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_MEDIA = ("audio_filepath", "audio", "audio_path", "video", "video_path", "image", "image_path", "file_name", "path")
_TRANSCRIPTS = ("text", "transcript", "transcription", "sentence", "caption", "captions")
#: What may stand beside a text that is all there is to learn from.
_BESIDE_TEXT = frozenset({"text", "id", "meta", "metadata", "source", "title", "url", "timestamp"})
#: Lists of objects that are the turns of one example.
TURN_LISTS = frozenset({"contents", "messages", "conversations", "conversation", "turns", "history", "dialogue"})
_TURN_KEYS = frozenset({"role", "from", "speaker", "author"})
#: Roles of turns that hold no answer of the model.
_NOT_ANSWERING = frozenset({None, "", USER, "system", "function", "tool"})


class OtherFormat(NamedTuple):
    """A format that is not Gemini supervised tuning.

    Attributes:
      name: as its users call it; keys that were found are filled in.
      keys: of a line in this format: for each meaning, the spellings of the key. All must be there.
      remedy: how to convert a line, as imperative sentences; keys are filled in.
      check: what else holds of such a line.
    """

    name: str
    keys: Mapping[str, tuple[str, ...]]
    remedy: str
    check: Callable[[Line], bool] = lambda _: True

    def recognise(self, line: Line) -> Keys | None:
        """The keys of a line in this format; None for any other line."""
        found = {}
        for meaning, spellings in self.keys.items():
            key = next((key for key in spellings if key in line), None)
            if key is None:
                return None
            found[meaning] = key
        return found if self.check(line) else None


class Recognised(NamedTuple):
    """The format that a line is in, in words, and the keys that gave it away."""

    name: str
    remedy: str
    keys: Keys


def other_format_of(line: Mapping[str, object]) -> Recognised | None:
    """The other format that a decoded line is in, if any."""
    if None in line.values():
        line = {key: value for key, value in line.items() if value is not None}
    formats, any_key = _WITH_CONTENTS if "contents" in line else _WITHOUT_CONTENTS
    if not any_key.isdisjoint(line):
        for row in formats:
            keys = row.recognise(line)
            if keys is not None:
                return Recognised(_fill(row.name, keys), _fill(row.remedy, keys), keys)
    return None if "contents" in line else _wrapped_examples(line)


def lacks_answer(contents: object) -> bool:
    """Whether no turn of these contents can hold the answer of the model."""
    if not isinstance(contents, list):
        return True
    roles = [content.get("role") for content in contents if isinstance(content, dict)]
    return all(role in _NOT_ANSWERING for role in roles if role is None or isinstance(role, str))


def wrapped_list_of(line: Line) -> tuple[str, Line] | None:
    """The one list of objects that an object holds: its key and its first object; None when they are turns."""
    lists = [(key, held[0]) for key, held in line.items() if isinstance(held, list) and held]
    of_objects = [(key, first) for key, first in lists if isinstance(first, dict)]
    if len(of_objects) != 1 or not may_wrap(*of_objects[0]) or not TURN_LISTS.isdisjoint(line):
        return None
    return of_objects[0]


def may_wrap(key: str, first: Iterable[str]) -> bool:
    """Whether a list of this name, whose first object has these keys, can be a list of examples."""
    return key not in TURN_LISTS and key not in EXAMPLE and _TURN_KEYS.isdisjoint(first)


def is_example(line: Line) -> bool:
    """Whether an object is an example in this or another format."""
    return "contents" in line or other_format_of(line) is not None


def shown_key(key: str) -> str:
    """A key of the dataset's own, when it is a plain word; else what it is."""
    return key if _PLAIN_WORD.fullmatch(key) else "a list"


def unpacking(key: str) -> str:
    """The command that writes each object of a wrapped list on a line of its own."""
    path = f".{key}[]" if _PLAIN_WORD.fullmatch(key) else ".[] | arrays | .[]"
    return f"jq -c '{path}' FILE > FILE.jsonl"


def _fill(text: str, keys: Keys) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: keys.get(match[1], match[0]), text)


def _wrapped_examples(line: Line) -> Recognised | None:
    wrapped = wrapped_list_of(line)
    if wrapped is None or not is_example(wrapped[1]):
        return None
    key = wrapped[0]
    remedy = f"Write each of them on a line of its own, its turns in contents: {unpacking(key)}"
    return Recognised(f"a list of examples, inside one object ({shown_key(key)})", remedy, {"list": key})


def _holds_no_answer(line: Line) -> bool:
    return isinstance(line["contents"], list) and lacks_answer(line["contents"])


def _is_text_alone(line: Line) -> bool:
    return line.keys() <= _BESIDE_TEXT


def _table(*rows: OtherFormat) -> tuple[tuple[OtherFormat, ...], frozenset[str]]:
    """The rows, and all keys that one of them looks for."""
    return rows, frozenset(key for row in rows for spellings in row.keys.values() for key in spellings)


_WITH_CONTENTS = _table(
    OtherFormat(
        "the preference tuning format (contents and completions)",
        {"answers": ("completions",)},
        "Append the preferred completion to contents as the model's turn, and leave completions out.",
    ),
    OtherFormat(
        "the reinforcement tuning format (contents and references)",
        {"answer": ("references",)},
        "Append the expected answer to contents as the model's turn, and leave references out.",
    ),
    OtherFormat(
        "a format with the answer outside of contents ({answer})",
        {"answer": _ANSWERS},
        f'Move {{answer}} into contents as the model\'s turn: {{"role": "{MODEL}", "parts": [{{"text": …}}]}}.',
        _holds_no_answer,
    ),
)
_WITHOUT_CONTENTS = _table(
    OtherFormat(
        "the OpenAI chat format (messages)",
        {"turns": ("messages",)},
        "Make each message an entry of contents with its text in parts; write the role assistant as model, and move "
        "the system message into systemInstruction.",
    ),
    OtherFormat(
        "the ShareGPT format ({turns})",
        {"turns": ("conversations", "conversation")},
        "Make each entry of {turns} one of contents with its value in parts; write human as user, gpt as model.",
    ),
    OtherFormat(
        "the PaLM tuning format (input_text and output_text)",
        {"question": ("input_text", "inputText", "output_text", "outputText")},
        f"Make input_text the user's turn and output_text the model's: {_TURNS}.",
    ),
    OtherFormat(
        "the AI Studio tuning format ({question} and output)",
        {"question": ("text_input", "textInput")},
        f"Make {{question}} the user's turn and output the model's: {_TURNS}.",
    ),
    OtherFormat(
        "a preference format (chosen and rejected)",
        {"answer": ("chosen",), "worse": ("rejected",)},
        f"Make the prompt the user's turn and chosen the model's: {_TURNS}. Supervised tuning has no use for rejected.",
    ),
    OtherFormat(
        "the Alpaca format (instruction and {answer})",
        {"question": ("instruction",), "answer": ("output", "response")},
        f"Make instruction and input the user's turn and {{answer}} the model's: {_TURNS}.",
    ),
    OtherFormat(
        "the batch prediction format (a request around the example)",
        {"example": ("request",)},
        "Take the object out of request, and append the answer to contents as the model's turn.",
    ),
    OtherFormat(
        "the prompt and completion format (prompt and {answer})",
        {"question": ("prompt",), "answer": _ANSWERS},
        f"Make prompt the user's turn and {{answer}} the model's: {_TURNS}.",
    ),
    OtherFormat(
        "a format of pairs ({question} and {answer})",
        {"question": _QUESTIONS, "answer": _ANSWERS},
        f"Make {{question}} the user's turn and {{answer}} the model's: {_TURNS}. Media go into a part of their own: "
        f"{_FILE_PART}.",
    ),
    OtherFormat(
        "a list of media and their texts ({media} and {answer})",
        {"media": _MEDIA, "answer": _TRANSCRIPTS},
        f"Make {{media}} a part of the user's turn, {_FILE_PART}, beside a text that says what to do, and {{answer}} "
        f"the model's: {_TURNS}.",
    ),
    OtherFormat(
        "a format of plain texts, without answers (text)",
        {"text": ("text",)},
        f"Supervised tuning learns answers: split text into the user's turn and the model's: {_TURNS}.",
        _is_text_alone,
    ),
)
