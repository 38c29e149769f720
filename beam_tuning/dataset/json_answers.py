"""Answers that should be JSON and are not: most often the last brace is missing.

A demand for JSON is looked for in three places: `generationConfig.responseMimeType`, the system instruction, and the
user's turn right before the answer. A text demands JSON when a sentence has a verb such as "return" or "answer" and
behind it JSON as what is to be given: "return strict JSON", "answer with the scores, as a JSON object", "the output
must be JSON". It does not when the sentence denies it ("do not answer in JSON"), asks for a program ("write a script
that prints JSON"), or speaks of JSON that is there already ("summarize the JSON below"). Only English is understood.

An answer is found fault with in two cases:

* it begins like JSON, with a brace, a bracket or a code fence, and no value can be read there;
* JSON was asked for and nothing else ("only JSON", "valid JSON", or by responseMimeType), and it holds no value.

All else is left alone, for it may be meant so: several values one after another, values in code fences with prose
around them, a value with prose before or behind it, and prose where the demand is not strict.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from beam_tuning.dataset.api_schema import MODEL, USER
from beam_tuning.reasons import Finding, Reason

_VERB = (
    r"\b(?:return|respond|reply|answer|response|output|provide|produce|give|generate|write|emit|format|create|print"
    r"|deliver|send|summari[sz]e|transcribe|describe|extract|report|list|classify|annotate|convert)(?:s|ing)?\s+"
)
_BRIDGE = r"[^.!?\n]*?\b(?:as|in|into|to|using|with|must be|should be|be)\s+"
_ADJECTIVES = (
    r"(?:(?:a|an|one|me|us|back|only|just|strictly|single|raw|plain|compact|minified|structured|flat|valid|strict|pure"
    r"|well-formed|parsable|parseable|only the|just the)\s+)*"
)
#: What stands before the word JSON in its sentence: "Return strict ", "Answer with the scores, as a ".
_ASKED = re.compile(
    rf"(?:{_VERB}(?:{_BRIDGE})?|\boutput\s*(?:format)?\s*:\s*){_ADJECTIVES}\Z"
    rf"|{_VERB}{_BRIDGE}(?:the\s+)?(?P<form>following|this)\s+\Z",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|never|\w+n['’]t|no|without|avoid|instead of|rather than)\b", re.IGNORECASE)
_PROGRAM = re.compile(r"\b(?:functions?|scripts?|programs?|code|class|methods?|endpoints?|query|commands?)\b", re.I)
#: What stands behind the word where JSON is there already, or something else is asked for.
_ELSE = re.compile(r"\s*(?:below|above|files?|input|given|provided|attached|parsers?)\b", re.IGNORECASE)
_FORM = re.compile(r"\s+(?:format|schema|structure|object|array|template|form)\b", re.IGNORECASE)
_STRICT = re.compile(
    r"\b(?:only|valid|strict|pure|nothing but)\s+(?:(?:a|the)\s+)?(?:\w+\s+)?JSON\b|\bJSON\s+only\b", re.IGNORECASE
)
_JSON = re.compile(r"\bJSON\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?\n]")
#: A sentence is looked at so far back, and so many mentions of JSON in a text.
_SENTENCE_CHARS, _MOST_MENTIONS = 200, 50

_FENCE = re.compile(r"```[ \t]*([A-Za-z0-9]*)[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_BRACE_OR_BRACKET = re.compile(r"[{\[]")

_UPPER_J, _LOWER_J = ord("J"), ord("j")
_check_json = msgspec.json.Decoder(msgspec.Raw).decode
_read_value = json.JSONDecoder().raw_decode


class Turn(NamedTuple):
    """One turn; `text` is None when an answer is not text alone."""

    role: str
    text: str | None

    @classmethod
    def of(cls, role: str, texts: Sequence[str], parts: int) -> Turn:
        """Of a turn that has so many parts, and of them these texts."""
        return cls(role, None if role == MODEL and len(texts) < parts else "\n".join(texts))


class _Demand(NamedTuple):
    """Whether JSON is asked for at all, and whether nothing else is."""

    any: bool
    strict: bool


def mentions_json(line: bytes) -> bool:
    """Whether a line speaks of JSON at all. Only then it is worth a look."""
    # One letter is found many times as fast as a word.
    return (line.find(_UPPER_J) >= 0 and (b"JSON" in line or b"Json" in line)) or (
        line.find(_LOWER_J) >= 0 and b"json" in line
    )


def json_findings(system: str, turns: Iterable[Turn], *, by_mime_type: bool = False) -> Iterator[Finding]:
    """ANSWER_NOT_JSON for each turn of the model that should be JSON and is not.

    Args:
      system: text of the system instruction; empty without one.
      by_mime_type: whether `responseMimeType` asks for JSON.
    """
    of_all = _demand(system)
    asked = _Demand(False, False)
    for index, turn in enumerate(turns):
        if turn.role == USER:
            asked = _demand(turn.text or "")
        elif turn.role == MODEL and turn.text and (by_mime_type or of_all.any or asked.any):
            fault = _fault_of(turn.text, strict=by_mime_type or of_all.strict or asked.strict)
            if fault:
                who = "the prompt" if asked.any else "the system instruction" if of_all.any else "responseMimeType"
                message = f"{who} asks for JSON, but the answer is not JSON: {fault}"
                yield Finding(Reason.ANSWER_NOT_JSON, message, f"contents[{index}]")


def _demand(text: str) -> _Demand:
    for mention in itertools.islice(_JSON.finditer(text), _MOST_MENTIONS):
        before = text[max(0, mention.start() - _SENTENCE_CHARS) : mention.start()]
        sentence = _SENTENCE_END.split(before)[-1]
        asked = _ASKED.search(sentence)
        if asked is None or _DENIED.search(sentence) or _PROGRAM.search(sentence):
            continue
        if _ELSE.match(text, mention.end()) or (asked["form"] and not _FORM.match(text, mention.end())):
            continue
        return _Demand(True, _STRICT.search(text) is not None)
    return _Demand(False, False)


def _fault_of(answer: str, *, strict: bool) -> str | None:
    """Why an answer is no JSON; None when it is, or may be meant otherwise."""
    text = answer.strip()
    try:
        _check_json(text)
    except msgspec.DecodeError:
        pass
    except RecursionError:
        return None
    else:
        return None
    fences = [body for language, body in _FENCE.findall(text) if _is_meant(language.lower(), body)]
    if fences:
        return next((fault for fault in map(_fault_of_value, fences) if fault), None)
    beginning = _BRACE_OR_BRACKET.search(text)
    if beginning is None:
        return "it has no object and no array" if strict else None
    return _fault_of_value(text[beginning.start() :]) if strict or beginning.start() == 0 else None


def _is_meant(language: str, body: str) -> bool:
    """Whether a code fence is meant to hold JSON."""
    return language in ("json", "jsonl") or (not language and _BRACE_OR_BRACKET.match(body.lstrip()) is not None)


def _fault_of_value(text: str) -> str | None:
    """Why no value can be read where the text begins; what stands behind the value may be prose."""
    text = text.strip()
    try:
        _read_value(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            return "it ends too early"
        return f"{error.msg[:1].lower()}{error.msg[1:].removesuffix(' at')} at character {error.pos + 1:,}"
    except (RecursionError, ValueError):
        return None  # too deep, or a number of thousands of digits
    return None
