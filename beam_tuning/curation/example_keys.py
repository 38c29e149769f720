"""What tells whether two lines say the same: 128-bit hashes of an example's input and of its answer, in a normal form.

The input is all but the last turn of the model: system instruction, earlier turns, tools, generation config. The
normal form leaves out what says nothing: the order of keys, white space, which of its two spellings a field has, a null
field, an absent role, fields beside these that no training sees, such as an `id`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from beam_tuning.dataset import api_schema
from beam_tuning.dataset.api_schema import MODEL, USER, Message
from beam_tuning.dataset.example import Example, MediaPart
from beam_tuning.dataset.fast_path import (
    FileData,
    Part,
    UnusualLineError,
    UsualLine,
    VideoMetadata,
    decode_usual,
    either,
    media_part,
    resolution_of,
)
from beam_tuning.dataset.json_text import MAX_PARSED_LINE_BYTES, decode_object, has_every_key
from beam_tuning.dataset.parse import parse_line
from beam_tuning.dataset.proto_json import MEDIA_RESOLUTION_VALUES
from beam_tuning.reasons import Finding, Reason, Verdict, verdict_of

HASH_BYTES = 16
#: Up to here every whole number is a double, which is what JSON numbers of the API are.
_EXACT_INTEGER = 1 << 53
_encode = msgspec.json.Encoder(order="sorted").encode


class ExampleKeys(NamedTuple):
    """One example as others are compared with it.

    Attributes:
      input: hash of the input.
      answer: hash of the last turn of the model.
      media: the media parts. Those of a usual line do not say where in the example they stand.
    """

    input: bytes
    answer: bytes
    media: Sequence[MediaPart]


def keys_of(line: bytes, set_resolution: str | None = None) -> ExampleKeys | None:
    """The keys of a line; None when it holds no example that could be kept as it is written. Raises nothing.

    Args:
      line: as `parse_line` takes it.
      set_resolution: the media resolution that is written into every line, if one is: what a line had before tells
        no examples apart then.
    """
    return keys_of_decoded(decode_usual(line) if len(line) <= MAX_PARSED_LINE_BYTES else None, line, set_resolution)


def keys_of_decoded(usual: UsualLine | None, line: bytes, set_resolution: str | None) -> ExampleKeys | None:
    """`keys_of` of a line that has been decoded.

    Args:
      usual: what `decode_usual` made of the line, which is put into the normal form and is of no other use then. None
        where the line is too long to be parsed.
    """
    if usual is not None and has_every_key(usual, line):
        try:
            return _of_usual(usual, set_resolution)
        except UnusualLineError:
            pass
    parsed = parse_line(line)
    example = parsed.example
    findings = parsed.findings
    if set_resolution:
        findings = tuple(finding for finding in findings if not _is_mended(finding))
    if example is None or verdict_of(findings) is Verdict.DROPPED:
        return None
    decoded = decode_object(line)
    if isinstance(decoded, Finding):
        return None
    return _of_any(decoded, example, set_resolution)


def _is_mended(finding: Finding) -> bool:
    """An invalid media resolution of the example, other than one of a part, is replaced."""
    return finding.reason is Reason.MEDIA_RESOLUTION_INVALID and finding.path.startswith("generation")


def _keys(media: Sequence[MediaPart], before: Sequence[Any], turns: Sequence[Any], last_role: object) -> ExampleKeys:
    """Args: before: what stands before the turns, in normal form. turns: in normal form, with their roles."""
    if last_role != MODEL:
        return ExampleKeys(_hash(_encode([*before, turns])), _NO_ANSWER, media)
    return ExampleKeys(_hash(_encode([*before, turns[:-1]])), _hash(_encode(turns[-1])), media)


def _hash(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=HASH_BYTES).digest()


_NO_ANSWER = _hash(b"")


# Usual lines: the structs, put into the normal form where they are not in it, encode to it.


def _of_usual(usual: UsualLine, set_resolution: str | None) -> ExampleKeys:
    """Raises UnusualLineError when something needs a closer look, where `fast_path.example_of` does."""
    media: list[MediaPart] = []
    for content in usual.contents:
        role = content.role
        if role is None:
            role = content.role = USER
        if (role != USER and role != MODEL) or not content.parts:
            raise UnusualLineError
        for part in content.parts:
            if part.text is None or not part.is_text_alone():
                media.append(media_part(part, "", role))
                _make_normal(part)
            elif not part.text:
                raise UnusualLineError
    instruction = either(usual.systemInstruction, usual.system_instruction)
    if not usual.contents or (instruction is not None and not all(part.text for part in instruction.parts)):
        raise UnusualLineError
    if instruction is not None and not instruction.parts:
        raise UnusualLineError
    resolution = resolution_of(either(usual.generationConfig, usual.generation_config))
    resolution = set_resolution or resolution
    before = (
        None if instruction is None else instruction.parts,
        None,
        None,
        None if resolution is None else {"mediaResolution": resolution},
    )
    return _keys(media, before, usual.contents, usual.contents[-1].role)


def _make_normal(part: Part) -> None:
    file = either(part.fileData, part.file_data)
    if file is not None:
        part.fileData = FileData(either(file.fileUri, file.file_uri), either(file.mimeType, file.mime_type))
    metadata = either(part.videoMetadata, part.video_metadata)
    if metadata is not None:
        start = either(metadata.startOffset, metadata.start_offset)
        end = either(metadata.endOffset, metadata.end_offset)
        part.videoMetadata = VideoMetadata(start, end, None if metadata.fps is None else float(metadata.fps))
    part.mediaResolution = either(part.mediaResolution, part.media_resolution)
    part.file_data = part.video_metadata = part.media_resolution = None


# All other lines: plain values.


def _of_any(line: dict[str, Any], example: Example, set_resolution: str | None) -> ExampleKeys:
    fields = _named(line, api_schema.EXAMPLE)
    turns = [_content(content) for content in _list(fields.get("contents"))]
    instruction = fields.get("systemInstruction")
    system = _content(instruction).get("parts") if isinstance(instruction, dict) else _plain(instruction)
    config = fields.get("generationConfig")
    if isinstance(config, dict):
        config = _named(config, api_schema.GENERATION_CONFIG)
        level = config.pop("mediaResolution", None)
        resolution = set_resolution or _level(level)
        config = {name: _plain(value) for name, value in config.items()}
        if resolution is not None:
            config["mediaResolution"] = resolution
    elif set_resolution is not None:
        config = {"mediaResolution": set_resolution}
    before = (system, _plain(fields.get("tools")), _plain(fields.get("toolConfig")), config or None)
    last = turns[-1] if turns else None
    return _keys(example.media, before, turns, last.get("role") if isinstance(last, dict) else None)


def _level(given: Any) -> Any:
    known = type(given) in (str, int) and given in MEDIA_RESOLUTION_VALUES
    return MEDIA_RESOLUTION_VALUES[given] if known else _plain(given)


def _content(given: Any) -> Any:
    if not isinstance(given, dict):
        return _plain(given)
    fields = _named(given, api_schema.CONTENT)
    return {"role": _plain(fields.get("role", USER)), "parts": [_part(part) for part in _list(fields.get("parts"))]}


def _part(given: Any) -> Any:
    if not isinstance(given, dict):
        return _plain(given)
    return {name: _of_part(name, value) for name, value in _named(given, api_schema.PART).items()}


def _of_part(name: str, value: Any) -> Any:
    message = _MESSAGES.get(name)
    if message is None or not isinstance(value, dict):
        return _plain(value)
    return {inner: _plain(of_inner) for inner, of_inner in _named(value, message).items()}


_MESSAGES: dict[str, Message] = {
    "fileData": api_schema.FILE_DATA,
    "videoMetadata": api_schema.VIDEO_METADATA,
    "mediaResolution": api_schema.PART_MEDIA_RESOLUTION,
    "functionCall": api_schema.FUNCTION_CALL,
    "functionResponse": api_schema.FUNCTION_RESPONSE,
}


def _named(given: dict[str, Any], message: Message) -> dict[str, Any]:
    """The known fields that are not null, by their names in camelCase."""
    named: dict[str, Any] = {}
    for key, value in given.items():
        field = message.get(key)
        if field is not None and value is not None:
            named[field.name] = value
    return named


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _plain(value: Any) -> Any:
    """A value without fields of the API's own: whole numbers as doubles, which they are."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= _EXACT_INTEGER else str(value)
    return value
