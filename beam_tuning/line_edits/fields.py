"""Parts without payload and fields that the API does not know: left out."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset import api_schema
from beam_tuning.dataset.api_schema import Message, near_name
from beam_tuning.dataset.json_places import Node, entries_of
from beam_tuning.dataset.json_text import sub_path
from beam_tuning.dataset.replacing import Replacement, left_out
from beam_tuning.line_edits.edit import Change, quoted, shown
from beam_tuning.line_edits.line import GENERATION_CONFIG, SYSTEM_INSTRUCTION, Line, Placed, parts_of

#: Messages inside of a part, by the field's name in camelCase.
_OF_PART = {
    "fileData": api_schema.FILE_DATA,
    "videoMetadata": api_schema.VIDEO_METADATA,
    "mediaResolution": api_schema.PART_MEDIA_RESOLUTION,
    "functionCall": api_schema.FUNCTION_CALL,
    "functionResponse": api_schema.FUNCTION_RESPONSE,
}


def leave_out_empty_parts(line: Line) -> Iterator[Change]:
    """Parts that hold nothing or an empty text, where the turn has another part."""
    for path, content in _contents(line):
        parts = content.member("parts")
        items = () if parts is None else parts.items or ()
        empty = {index for index, part in enumerate(items) if _is_empty(part)}
        if parts is None or not empty or len(empty) == len(items):
            continue
        # Runs of neighbours go as one.
        for index, change in enumerate(left_out(entries_of(parts), empty)):
            yield Change(
                f"{path}.parts",
                shown(line.text[change.start : change.stop].strip(", ")) if not index else "",
                "",
                (change,),
            )


def leave_out_unknown_fields(line: Line) -> Iterator[Change]:
    """Fields that the API does not know; one that is only spelled wrongly gets its name."""
    for path, node, message in _messages(line):
        members = node.members or ()
        present = {field.name for key, _ in members if (field := message.get(str(key.value))) is not None}
        gone: set[int] = set()
        for index, (key, _) in enumerate(members):
            name = str(key.value)
            if name in message:
                continue
            near = near_name(name, message)
            if near is not None and near not in present:
                present.add(near)
                change = Replacement(key.start, key.stop, quoted(near))
                yield Change(sub_path(path, name), quoted(name), quoted(near), (change,))
            elif near is None:
                gone.add(index)
        removals = list(left_out(entries_of(node), gone))
        for index in sorted(gone):
            key, value = members[index]
            # A run of neighbours is one removal; its first field carries it.
            own = [one for one in removals if one.start <= key.start < one.stop or one.start <= value.stop <= one.stop]
            removals = [one for one in removals if one not in own]
            yield Change(sub_path(path, str(key.value)), shown(line.text[key.start : value.stop]), "", tuple(own))


def _contents(line: Line) -> Iterator[Placed]:
    system = line.root.member(*SYSTEM_INSTRUCTION)
    if system is not None:
        yield Placed("systemInstruction", system)
    yield from line.contents()


def _messages(line: Line) -> Iterator[tuple[str, Node, Message]]:
    """Objects in which every field is known, with what is known of them."""
    yield "", line.root, api_schema.EXAMPLE
    config = line.root.member(*GENERATION_CONFIG)
    if config is not None:
        yield "generationConfig", config, api_schema.GENERATION_CONFIG
    for content in _contents(line):
        yield content.path, content.node, api_schema.CONTENT
        for path, part in parts_of(content):
            yield path, part, api_schema.PART
            for key, value in part.members or ():
                field = api_schema.PART.get(str(key.value))
                if field is not None and field.name in _OF_PART and value.members is not None:
                    yield f"{path}.{field.name}", value, _OF_PART[field.name]


def _is_empty(part: Node) -> bool:
    if part.members is None:
        return part.is_null
    return all(value.is_null or (key.value == "text" and value.text == "") for key, value in part.members)
