"""Examples of other products and APIs become `contents`. Texts keep their spelling, byte for byte.

A conversion knows what every key of the line means, or refuses the line: what is left out silently would be lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import NamedTuple

from beam_tuning.dataset.api_schema import EXAMPLE, MODEL, USER
from beam_tuning.dataset.json_places import Node
from beam_tuning.dataset.json_text import decode_object
from beam_tuning.dataset.other_formats import lacks_answer, other_format_of
from beam_tuning.dataset.replacing import Replacement
from beam_tuning.line_edits.edit import Change
from beam_tuning.line_edits.line import SYSTEM_INSTRUCTION, Line
from beam_tuning.line_edits.roles import ROLE_OF, SYSTEM_ROLES
from beam_tuning.reasons import Finding

#: What says nothing to a model: where an example comes from.
_IGNORED = frozenset(
    (
        "id",
        "idx",
        "index",
        "uid",
        "uuid",
        "source",
        "dataset",
        "meta",
        "metadata",
        "split",
        "url",
        "license",
        "created_at",
    )
)
_MESSAGE_KEYS = frozenset(("role", "from", "speaker", "author", "content", "value", "text", "weight", "name"))
_TEXT_TYPES = frozenset(("text", "input_text", "output_text"))


class _Turn(NamedTuple):
    """A role and the JSON text of the parts."""

    role: str
    parts: str


class _Refused(Exception):
    """The line does not say for certain what becomes what."""


def convert(line: Line) -> Iterator[Change]:
    """The line as one with `contents`."""
    decoded = decode_object(line.text.encode())
    if isinstance(decoded, Finding):
        return
    recognised = other_format_of(decoded)
    if recognised is None:
        return
    try:
        after = _converted(line, dict(recognised.keys))
    except _Refused:
        return
    if after is not None:
        root = line.root
        yield Change("", recognised.name, "contents", (Replacement(root.start, root.stop, after),))


def _converted(line: Line, keys: dict[str, str]) -> str | None:
    """Tells formats by what their row of `dataset.other_formats` found."""
    if "contents" in {key.value for key, _ in line.root.members or ()}:
        return _with_answer(line, keys)
    shape = frozenset(keys)
    convert = _BY_MEANINGS.get(shape)
    return None if convert is None else convert(line, keys)


def _conversation(line: Line, keys: dict[str, str]) -> str:
    """messages, conversations: a list of turns with a role and a text."""
    held = _field(line, keys["turns"])
    turns = [_message(line, node) for node in held.items or ()]
    system = [turn for turn in turns if turn.role in SYSTEM_ROLES]
    if system and (len(system) > 1 or turns[0] is not system[0]):
        raise _Refused
    beside = _field_or_none(line, "system", "system_prompt")
    if beside is not None:
        if system or beside.text is None:
            raise _Refused
        system = [_Turn("system", f"[{_part(line, beside)}]")]
        others = turns
    else:
        others = turns[len(system) :]
    return _example(line, others, system[0].parts if system else None, {keys["turns"], "system", "system_prompt"})


def _pair(line: Line, keys: dict[str, str]) -> str:
    """One question and one answer."""
    question = keys.get("question")
    answer = keys.get("answer")
    if question in ("input_text", "inputText", "output_text", "outputText"):
        question = "input_text" if _field_or_none(line, "input_text") else "inputText"
        answer = "output_text" if _field_or_none(line, "output_text") else "outputText"
    elif question in ("text_input", "textInput"):
        answer = "output"
    elif answer == "chosen":
        question = "prompt"
    if question is None or answer is None:
        raise _Refused
    asked, answered = _text(line, question), _text(line, answer)
    used = {question, answer, "system", "system_prompt", "rejected"}
    spelled = line.raw(asked)
    more = _field_or_none(line, "input")
    if question == "instruction" and more is not None and answer != "input":
        if more.text is None:
            raise _Refused
        used.add("input")
        if more.text:
            spelled = f"{spelled[:-1]}\\n\\n{line.raw(more)[1:]}"
    system = _field_or_none(line, "system", "system_prompt")
    if system is not None and system.text is None:
        raise _Refused
    if not asked.text or not answered.text:
        raise _Refused
    turns = [_Turn(USER, f'[{{"text": {spelled}}}]'), _Turn(MODEL, f"[{_part(line, answered)}]")]
    instruction = f"[{_part(line, system)}]" if system is not None and system.text else None
    return _example(line, turns, instruction, used)


def _request(line: Line, keys: dict[str, str]) -> str:
    """An example inside of a request for batch prediction."""
    request = _field(line, keys["example"])
    contents = request.member("contents")
    beside = {str(key.value) for key, _ in line.root.members or ()} - {keys["example"]} - _IGNORED
    if contents is None or beside or lacks_answer(json.loads(line.raw(contents))):
        raise _Refused
    return line.raw(request)


def _with_answer(line: Line, keys: dict[str, str]) -> str | None:
    """Contents without an answer, which stands beside them."""
    contents = line.root.member("contents")
    answer = keys.get("answer")
    if answer is None or contents is None or not contents.items or answer == "references":
        raise _Refused
    answered = _text(line, answer)
    last = contents.items[-1].member("role")
    if not answered.text or (last is not None and last.text not in (USER, "")):
        raise _Refused
    kept = []
    for key, value in line.root.members or ():
        if value is contents:
            turn = f'{{"role": "{MODEL}", "parts": [{_part(line, answered)}]}}'
            kept.append(f'"contents": {line.raw(contents)[:-1].rstrip()}, {turn}]')
        elif str(key.value) in EXAMPLE:
            kept.append(f"{line.raw(key)}: {line.raw(value)}")
        elif str(key.value) != answer and str(key.value) not in _IGNORED:
            raise _Refused
    return f"{{{', '.join(kept)}}}"


def _message(line: Line, node: Node) -> _Turn:
    names = {str(key.value) for key, value in node.members or () if not value.is_null}
    role = node.member("role", "from", "speaker", "author")
    content = node.member("content", "value", "text")
    if node.members is None or names - _MESSAGE_KEYS or role is None or role.text is None or content is None:
        raise _Refused
    name = role.text.strip().lower()
    if name not in SYSTEM_ROLES:
        name = ROLE_OF.get(name, "")
    if not name or len([key for key in names if key in ("content", "value", "text")]) != 1:
        raise _Refused
    if content.text:
        return _Turn(name, f"[{_part(line, content)}]")
    parts = [_message_part(line, part) for part in content.items or ()]
    if not parts:
        raise _Refused
    return _Turn(name, f"[{', '.join(parts)}]")


def _message_part(line: Line, node: Node) -> str:
    kind, text = node.member("type"), node.member("text")
    if kind is None or kind.text not in _TEXT_TYPES or text is None or not text.text or len(node.members or ()) != 2:
        raise _Refused
    return _part(line, text)


def _example(line: Line, turns: list[_Turn], instruction: str | None, used: set[str]) -> str:
    roles = [turn.role for turn in turns]
    if len(roles) < 2 or len(roles) % 2 or roles != [USER, MODEL] * (len(roles) // 2):
        raise _Refused
    kept = []
    for key, value in line.root.members or ():
        name = str(key.value)
        if name in EXAMPLE:
            if instruction is not None and name in SYSTEM_INSTRUCTION:
                raise _Refused
            kept.append(f"{line.raw(key)}: {line.raw(value)}")
        elif name not in used and name not in _IGNORED and not value.is_null:
            raise _Refused
    if instruction is not None:
        kept.append(f'"systemInstruction": {{"parts": {instruction}}}')
    listed = ", ".join(f'{{"role": "{turn.role}", "parts": {turn.parts}}}' for turn in turns)
    kept.append(f'"contents": [{listed}]')
    return f"{{{', '.join(kept)}}}"


def _part(line: Line, text: Node) -> str:
    return f'{{"text": {line.raw(text)}}}'


def _field(line: Line, name: str) -> Node:
    node = line.root.member(name)
    if node is None:
        raise _Refused
    return node


def _field_or_none(line: Line, *names: str) -> Node | None:
    node = line.root.member(*names)
    return None if node is None or node.is_null else node


def _text(line: Line, name: str) -> Node:
    node = _field(line, name)
    if node.text is None:
        raise _Refused
    return node


#: By the meanings of the keys that gave a format away. A list of media has no prompt, plain texts no answer, and a list
#: of examples would become several: they are left to the person.
_BY_MEANINGS: MappingProxyType[frozenset[str], Callable[[Line, dict[str, str]], str]] = MappingProxyType(
    {
        frozenset(("turns",)): _conversation,
        frozenset(("question",)): _pair,
        frozenset(("question", "answer")): _pair,
        frozenset(("answer", "worse")): _pair,
        frozenset(("example",)): _request,
    }
)
