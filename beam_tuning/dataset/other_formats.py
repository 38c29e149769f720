"""Telling lines of other products and APIs, each with what becomes what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_TURNS = 'contents: [{"role": "user", "parts": [{"text": …}]}, {"role": "model", "parts": [{"text": …}]}]'


class OtherFormat(NamedTuple):
    """A format that is not Gemini supervised tuning.

    Attributes:
      name: as its users call it.
      keys: top-level keys that together give it away; for each, any of the spellings between bars.
      remedy: how to convert a line, as an imperative sentence.
    """

    name: str
    keys: tuple[str, ...]
    remedy: str


#: Lines that have contents all the same.
_WITH_CONTENTS = (
    OtherFormat(
        "the preference tuning format (contents and completions)",
        ("completions",),
        "Append the preferred completion to contents as the model's turn, and leave completions out.",
    ),
    OtherFormat(
        "the reinforcement tuning format (contents and references)",
        ("references",),
        "Append the expected answer to contents as the model's turn, and leave references out.",
    ),
)
_WITHOUT_CONTENTS = (
    OtherFormat(
        "the OpenAI chat format (messages)",
        ("messages",),
        "Make each message an entry of contents with its text in parts; write the role assistant as model, and move "
        "the system message into systemInstruction.",
    ),
    OtherFormat(
        "the ShareGPT format (conversations)",
        ("conversations",),
        "Make each entry of conversations one of contents with its value in parts; write human as user, gpt as model.",
    ),
    OtherFormat(
        "the PaLM tuning format (input_text and output_text)",
        ("input_text|inputText|output_text|outputText",),
        f"Make input_text the user's turn and output_text the model's: {_TURNS}.",
    ),
    OtherFormat(
        "the prompt and completion format",
        ("prompt", "completion|response"),
        f"Make the prompt the user's turn and the completion the model's: {_TURNS}.",
    ),
    OtherFormat(
        "the Alpaca format (instruction and output)",
        ("instruction", "output"),
        f"Make instruction and input the user's turn and output the model's: {_TURNS}.",
    ),
    OtherFormat(
        "the batch prediction format (a request around the example)",
        ("request",),
        "Take the object out of request, and append the answer to contents as the model's turn.",
    ),
)


def other_format_of(line: Mapping[str, object]) -> OtherFormat | None:
    """The other format that a line's top-level keys give away, if any."""
    formats = _WITH_CONTENTS if "contents" in line else _WITHOUT_CONTENTS
    for other in formats:
        if all(any(spelling in line for spelling in key.split("|")) for key in other.keys):
            return other
    return None
