"""Field by field through a decoded line: finds everything that is wrong with it, and what it says in spite of that.

What protobuf's JSON mapping takes is taken: both spellings of a field, null for absent, numbers in quotes, enums by
number (https://protobuf.dev/programming-guides/json/).
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import msgspec

from beam_tuning.dataset import api_schema
from beam_tuning.dataset.api_schema import MODEL, USER, Message
from beam_tuning.dataset.example import PROMPT_START_CHARS, Example, ExampleText, MediaPart, Segment
from beam_tuning.dataset.json_answers import Turn, json_findings
from beam_tuning.dataset.json_text import json_type, sub_path
from beam_tuning.dataset.mime import kind_of
from beam_tuning.dataset.proto_json import MEDIA_RESOLUTION_VALUES, PART_MEDIA_RESOLUTION_VALUES, duration_ns
from beam_tuning.dataset.timed_texts import may_hold_times
from beam_tuning.media.info import MediaKind
from beam_tuning.reasons import Finding, FindingList, Reason

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_LONGEST_QUOTE = 200
_MOST_KEYS = 5
_LARGEST_INTEGER = 2**63 - 1
_SYSTEM = "system"
_PARTS, _TEXT, _FILE_URI = frozenset({"parts"}), frozenset({"text"}), frozenset({"fileUri"})


class _Node(msgspec.Struct, gc=False):
    """A value and where it stands: under a key or an index of its parent. Its path is made only when asked for."""

    value: Any
    parent: _Node | None = None
    key: str | int = ""

    @property
    def path(self) -> str:
        if self.parent is None:
            return ""
        if isinstance(self.key, int):
            return f"{self.parent.path}[{self.key}]"
        return sub_path(self.parent.path, self.key)


_Fields = dict[str, _Node]


class LineWalk:
    """Goes through one line."""

    def __init__(self, findings: FindingList, *, look_for_json: bool) -> None:
        """`look_for_json`: whether the line mentions JSON, which an answer may have to be."""
        self._findings = findings
        self._look_for_json = look_for_json
        self._texts: list[str] = []
        self._output_texts: list[str] = []
        self._media: list[MediaPart] = []
        self._prompt_start = ""
        self._answer_start = ""
        self._function_path: str | None = None
        self._turns: list[Turn] = []
        self._part_texts: list[tuple[_Node, str, str]] = []

    def example(self, line: dict[str, Any], *, tell_unknown: bool) -> Example | None:
        """The example; None when it has no turns.

        Args:
          tell_unknown: whether unknown fields at the top are found fault with. Where turns or the answer are missing,
            one of them may hold what is missing: to advise leaving it out would be wrong.
        """
        root = _Node(line)
        fields = self._fields(root, "the example", api_schema.EXAMPLE, tell_unknown=tell_unknown)
        self._system_instruction(fields.get("systemInstruction"))
        system = "\n".join(self._texts) if self._look_for_json else ""
        self._tools(fields.get("tools"))
        config = fields.get("generationConfig")
        resolution = self._generation_config(config)
        roles = self._contents(fields.get("contents"), root)
        if not roles:
            return None
        if self._look_for_json:
            for finding in json_findings(system, self._turns, by_mime_type=_asks_for_json(config)):
                self._findings.add(finding)
        text = "".join(self._texts)
        return Example(
            roles=roles,
            media=tuple(self._media),
            media_resolution=resolution,
            text_chars=len(text),
            text_bytes=len(text.encode()),
            output_text_chars=sum(map(len, self._output_texts)),
            prompt_start=self._prompt_start,
            answer_start=self._answer_start[:PROMPT_START_CHARS],
            function_path=self._function_path,
            timed_texts=self._timed_texts(),
        )

    def _timed_texts(self) -> tuple[ExampleText, ...]:
        if not self._media or not any(may_hold_times(text) for _, text, role in self._part_texts if role == MODEL):
            return ()
        return tuple(
            [ExampleText(f"{part.path}.text", text, of_model=role == MODEL) for part, text, role in self._part_texts]
        )

    # Messages. Each method takes the node of its message.

    def _contents(self, given: _Node | None, root: _Node) -> tuple[str, ...]:
        if given is None:
            self._find_missing(Reason.CONTENTS_MISSING, root, "the example has no contents", api_schema.EXAMPLE)
            return ()
        contents = self._array(given, "contents")
        if given.value == []:
            self._find(Reason.CONTENTS_EMPTY, given, "contents is an empty list")
        return tuple([self._content(content) for content in contents])

    def _content(self, given: _Node) -> str:
        if not isinstance(given.value, dict):
            self._find_wrong_type(given, "a content", "an object")
            self._turns.append(Turn("", None))
            return ""
        fields = self._fields(given, "a content", api_schema.CONTENT, needs=_PARTS)
        role = self._role(fields.get("role"))
        parts = [self._part(part, role) for part in self._parts(fields.get("parts"), given)]
        if role == MODEL:
            given_texts = (part["text"].value for part in parts if "text" in part)
            first = next((text for text in given_texts if text and isinstance(text, str)), "")
            self._answer_start = first or self._answer_start
        if self._look_for_json:
            texts = [part["text"].value for part in parts if part.keys() == _TEXT]
            self._turns.append(Turn.of(role, [text for text in texts if isinstance(text, str)], len(parts)))
        return role

    def _role(self, given: _Node | None) -> str:
        if given is None:
            return USER
        role = self._string(given, "role")
        if not role:
            return "" if role is None else USER
        if role not in (USER, MODEL):
            message = f"the role is {_quote(role)}, not {USER} or {MODEL}"
            self._find(Reason.ROLE_UNKNOWN, given, message, _cut(role), f"{USER}, {MODEL}")
        return role

    def _parts(self, given: _Node | None, content: _Node) -> list[_Node]:
        if given is None:
            self._find_missing(Reason.PARTS_MISSING, content, "the turn has no parts", api_schema.CONTENT)
            return []
        if given.value == []:
            self._find(Reason.PARTS_MISSING, given, "the list of parts is empty")
        return self._array(given, "parts")

    def _part(self, given: _Node, role: str) -> _Fields:
        fields = self._fields(given, "a part", api_schema.PART, needs=api_schema.PAYLOADS)
        text = self._payload(given, fields)
        if text:
            self._add_text(text, role)
            self._part_texts.append((given, text, role))
            if role == USER and not self._prompt_start:
                self._prompt_start = text[:PROMPT_START_CHARS]
        if (
            self._function_path is None
            and role != _SYSTEM
            and ("functionCall" in fields or "functionResponse" in fields)
        ):
            self._function_path = given.path
        self._function(fields.get("functionCall"), "functionCall", api_schema.FUNCTION_CALL, "args", role)
        self._function(
            fields.get("functionResponse"), "functionResponse", api_schema.FUNCTION_RESPONSE, "response", role
        )
        inline_data = fields.get("inlineData")
        if inline_data:
            message = "the part has its media inside the line (inlineData)"
            self._find(Reason.INLINE_DATA_UNSUPPORTED, inline_data, message)
        resolution = self._part_resolution(fields.get("mediaResolution"))
        file_data = fields.get("fileData")
        metadata = fields.get("videoMetadata")
        segment = self._video_metadata(metadata)
        kind = self._file_data(file_data, given, role, segment, resolution)
        # A file without a MIME type may be a video.
        if metadata and kind is not MediaKind.VIDEO and (kind or not file_data):
            beside = f"a file of kind {kind.value}" if kind else "no file"
            message = f"videoMetadata is set for {beside}; it is ignored"
            self._find(Reason.VIDEO_METADATA_WITHOUT_VIDEO, metadata, message)
        return fields

    def _payload(self, part: _Node, fields: _Fields) -> str | None:
        """Checks that there is one payload; returns the text."""
        payloads = [name for name in fields if name in api_schema.PAYLOADS]
        text = self._string(fields.get("text"), "text")
        if len(payloads) > 1:
            message = f"the part has {' and '.join(payloads)}; a part may have one of them"
            self._find(Reason.PART_HAS_SEVERAL_PAYLOADS, part, message, len(payloads), 1)
        elif text == "":
            self._find(Reason.PART_EMPTY, fields["text"], "the text is empty")
        elif not payloads and isinstance(part.value, dict):
            self._find_missing(Reason.PART_EMPTY, part, "the part has no content", api_schema.PART)
        return text

    def _file_data(
        self, given: _Node | None, part: _Node, role: str, segment: Segment | None, resolution: str | None
    ) -> MediaKind | None:
        if given is None:
            return None
        fields = self._fields(given, "fileData", api_schema.FILE_DATA, needs=_FILE_URI)
        mime_type = self._string(fields.get("mimeType"), "mimeType")
        kind = kind_of(mime_type)
        uri = self._string(fields.get("fileUri"), "fileUri")
        if uri and role != _SYSTEM:
            if kind is not MediaKind.VIDEO and kind is not None:
                segment = None
            self._media.append(MediaPart(part.path, role, uri, mime_type, kind, segment, resolution))
        elif isinstance(given.value, dict) and (uri == "" or "fileUri" not in fields):
            self._find_missing(Reason.FILE_URI_MISSING, given, "fileData has no fileUri", api_schema.FILE_DATA)
        return kind

    def _video_metadata(self, given: _Node | None) -> Segment | None:
        if given is None:
            return None
        fields = self._fields(given, "videoMetadata", api_schema.VIDEO_METADATA)
        start_ns = self._offset(fields.get("startOffset"), "startOffset")
        end_ns = self._offset(fields.get("endOffset"), "endOffset")
        fps = self._number(fields.get("fps"), "fps")
        return None if start_ns is end_ns is fps is None else Segment(start_ns, end_ns, fps)

    def _system_instruction(self, given: _Node | None) -> None:
        if given is None or self._is_wrong_type(given, "systemInstruction"):
            return
        fields = self._fields(given, "systemInstruction", api_schema.CONTENT, needs=_PARTS)
        self._string(fields.get("role"), "role")
        for part in self._parts(fields.get("parts"), given):
            for name, payload in self._part(part, _SYSTEM).items():
                if name in api_schema.PAYLOADS and name != "text":
                    message = f"the system instruction has {name}; only text is allowed"
                    self._find(Reason.SYSTEM_INSTRUCTION_NOT_TEXT, payload, message, name, "text")

    def _function(self, given: _Node | None, name: str, message: Message, arguments: str, role: str) -> None:
        if given is None:
            return
        fields = self._fields(given, name, message)
        self._add_text(self._string(fields.get("name"), "name") or "", role)
        body = fields.get(arguments)
        if body and not self._is_wrong_type(body, arguments):
            self._add_text(_json_text(body.value), role)

    def _tools(self, given: _Node | None) -> None:
        for tool in self._array(given, "tools"):
            if not self._is_wrong_type(tool, "a tool"):
                self._add_text(_json_text(tool.value), _SYSTEM)

    def _generation_config(self, given: _Node | None) -> str | None:
        if given is None:
            return None
        fields = self._fields(given, "generationConfig", api_schema.GENERATION_CONFIG)
        return self._level(fields.get("mediaResolution"), MEDIA_RESOLUTION_VALUES)

    def _part_resolution(self, given: _Node | None) -> str | None:
        if given is None:
            return None
        if not isinstance(given.value, dict):
            found = json_type(given.value)
            message = f'a part\'s mediaResolution is {found}, not {{"level": "MEDIA_RESOLUTION_…"}}'
            self._find(Reason.MEDIA_RESOLUTION_INVALID, given, message, _observed(given.value), "object with level")
            return None
        fields = self._fields(given, "mediaResolution", api_schema.PART_MEDIA_RESOLUTION)
        return self._level(fields.get("level"), PART_MEDIA_RESOLUTION_VALUES)

    # Values

    def _level(self, given: _Node | None, levels: dict[str | int, str | None]) -> str | None:
        if given is None:
            return None
        value = given.value
        if type(value) in (str, int) and value in levels:
            return levels[value]
        names = ", ".join(name for name in levels if isinstance(name, str))
        message = f"the media resolution is {_quote(value)}, which is none of {names}"
        self._find(Reason.MEDIA_RESOLUTION_INVALID, given, message, _observed(value), names)
        return None

    def _offset(self, given: _Node | None, name: str) -> int | None:
        if given is None:
            return None
        offset_ns = duration_ns(given.value) if isinstance(given.value, str) else None
        if offset_ns is None:
            message = f'{name} is {_quote(given.value)}, not a duration such as "12.5s"'
            limit = 'seconds with at most nine decimal places and "s"'
            self._find(Reason.SEGMENT_INVALID, given, message, _observed(given.value), limit)
        return offset_ns

    def _number(self, given: _Node | None, name: str) -> float | None:
        if given is None:
            return None
        value = given.value
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > sys.float_info.max:
            self._find_wrong_type(given, name, "a number")
            return None
        return float(value)

    def _string(self, given: _Node | None, name: str) -> str | None:
        if given is None:
            return None
        if isinstance(given.value, str):
            return given.value
        self._find_wrong_type(given, name, "a string")
        return None

    def _array(self, given: _Node | None, name: str) -> list[_Node]:
        if given is None:
            return []
        if isinstance(given.value, list):
            return [_Node(value, given, index) for index, value in enumerate(given.value)]
        self._find_wrong_type(given, name, "an array")
        return []

    def _is_wrong_type(self, given: _Node, name: str) -> bool:
        if isinstance(given.value, dict):
            return False
        self._find_wrong_type(given, name, "an object")
        return True

    def _fields(
        self,
        given: _Node,
        name: str,
        message: Message,
        *,
        needs: frozenset[str] = frozenset(),
        tell_unknown: bool = True,
    ) -> _Fields:
        """The fields that are there, by their names in camelCase; of two spellings the one in camelCase.

        Args:
          name: of the value, for people.
          needs: fields of which the message must have one. Where it has none, `_find_missing` tells its unknown fields.
          tell_unknown: whether unknown fields are found fault with.
        """
        fields: _Fields = {}
        if self._is_wrong_type(given, name):
            return fields
        unknown = []
        for key, value in given.value.items():
            field = message.get(key)
            if field is None:
                unknown.append(_Node(value, given, key))
                continue
            if value is None:
                continue
            node = _Node(value, given, key)
            if field.name in fields:
                self._find(
                    Reason.FIELD_SPELLED_TWICE, node, f"the field is there twice: as {field.name} and in snake_case"
                )
                if key != field.name:
                    continue
            elif not field.documented:
                self._find(Reason.FIELD_NOT_DOCUMENTED, node, f"no page on tuning data mentions {field.name}")
            fields[field.name] = node
        if unknown and tell_unknown and not (needs and needs.isdisjoint(fields)):
            for node in unknown:
                self._find_unknown(node, message)
        return fields

    def _add_text(self, text: str, role: str) -> None:
        self._texts.append(text)
        if role == MODEL:
            self._output_texts.append(text)

    # Findings

    def _find(
        self,
        reason: Reason,
        node: _Node,
        message: str,
        observed: str | int | float | None = None,
        limit: str | int | float | None = None,
    ) -> None:
        if self._findings.admits(reason):
            self._findings.keep(Finding(reason, message, node.path, observed, limit))

    def _find_wrong_type(self, node: _Node, name: str, expected: str) -> None:
        found = json_type(node.value)
        self._find(Reason.FIELD_WRONG_TYPE, node, f"{name} is {found}, not {expected}", found, expected)

    def _find_unknown(self, node: _Node, message: Message) -> None:
        key = str(node.key)
        near = api_schema.near_name(key, message)
        hint = f"; it is written {near}" if near else ""
        self._find(Reason.FIELD_UNKNOWN, node, f"the API has no field {_quote(key)} here{hint}", _cut(key))

    def _find_missing(self, reason: Reason, given: _Node, what: str, message: Message) -> None:
        """A message lacks what it must hold; its unknown fields may hold that under a wrong name."""
        unknown = [key for key in given.value if key not in message]
        hints = [_hint(key, message) for key in unknown[:_MOST_KEYS]]
        if len(unknown) > _MOST_KEYS:
            hints.append(f"{len(unknown) - _MOST_KEYS:,} more")
        instead = f"; it has {', '.join(hints)}" if hints else ""
        self._find(reason, given, what + instead)


def _hint(key: str, message: Message) -> str:
    near = api_schema.near_name(key, message)
    return f"{_quote(key)}, which is written {near}" if near else _quote(key)


def _asks_for_json(generation_config: _Node | None) -> bool:
    given = None if generation_config is None else generation_config.value
    if not isinstance(given, dict):
        return False
    return "application/json" in (given.get("responseMimeType"), given.get("response_mime_type"))


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _quote(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(_cut(value), ensure_ascii=False)
    if isinstance(value, int | float):
        return _json_text(value) if _is_ordinary(value) else "a huge number"
    return json_type(value)


def _observed(value: object) -> str | int | float:
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if _is_ordinary(value) else "a huge number"
    return json_type(value)


def _is_ordinary(number: float) -> bool:
    """Whether common readers take the number: 64 bits for an integer, a double else."""
    return abs(number) <= (_LARGEST_INTEGER if isinstance(number, int) else sys.float_info.max)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
