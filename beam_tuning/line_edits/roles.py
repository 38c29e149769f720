"""Roles: `assistant` becomes `model`, and a system turn becomes the system instruction."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.api_schema import MODEL, USER
from beam_tuning.dataset.json_places import Node, entries_of
from beam_tuning.dataset.replacing import Replacement, left_out
from beam_tuning.line_edits.edit import Change, quoted
from beam_tuning.line_edits.line import SYSTEM_INSTRUCTION, Line, parts_of

#: Names that other products give the two roles, in lower case.
ROLE_OF = {
    **dict.fromkeys(("assistant", "model", "gpt", "bot", "chatbot", "ai", "chatgpt", "gemini"), MODEL),
    **dict.fromkeys(("user", "human"), USER),
}
SYSTEM_ROLES = frozenset(("system", "developer"))


def name_roles(line: Line) -> Iterator[Change]:
    """Other names of the roles `user` and `model`."""
    for path, content in line.contents():
        role = content.member("role")
        if role is None or role.text is None:
            continue
        wanted = ROLE_OF.get(role.text.strip().lower())
        if wanted is not None and wanted != role.text:
            yield Change(
                f"{path}.role", quoted(role.text), quoted(wanted), (Replacement(role.start, role.stop, quoted(wanted)),)
            )


def lift_system_turn(line: Line) -> Iterator[Change]:
    """A first turn of the system becomes `systemInstruction`: one of text alone, and where none stands there yet."""
    turns = list(line.contents())
    of_system = [turn for turn in turns if _role(turn.node) in SYSTEM_ROLES]
    contents = line.root.member("contents")
    if len(of_system) != 1 or of_system != turns[:1] or contents is None:
        return
    given = line.root.member(*SYSTEM_INSTRUCTION)
    parts = turns[0].node.member("parts")
    if (
        given is not None
        or parts is None
        or {str(key.value) for key, _ in turns[0].node.members or ()} != {"role", "parts"}
    ):
        return
    texts = [part.node for part in parts_of(turns[0])]
    if not texts or any(part.member("text") is None or len(part.members or ()) != 1 for part in texts):
        return
    key = next(key for key, value in line.root.members or () if value is contents)
    instruction = f'"systemInstruction": {{"parts": {line.raw(parts)}}}, '
    removal = tuple(left_out(entries_of(contents), {0}))
    yield Change(
        "contents[0]", "a system turn", "systemInstruction", (Replacement(key.start, key.start, instruction), *removal)
    )


def _role(content: Node) -> str:
    role = content.member("role")
    return "" if role is None or role.text is None else role.text.strip().lower()
