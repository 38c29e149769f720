"""The fast path: typed structs for what almost every line of a tuning dataset looks like, decoded and checked at once.

A line that does not fit is not wrong: `full_parse.py` looks at it field by field and finds out what it says. A line
that fits gives the same example there, and no finding. Field names are those of protobuf's JSON mapping, which takes
each in camelCase and in snake_case (https://protobuf.dev/programming-guides/json/). A line with both does not fit.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from beam_tuning.dataset.api_schema import MODEL, USER
from beam_tuning.dataset.example import PROMPT_START_CHARS, Example, ExampleText, MediaPart, Segment
from beam_tuning.dataset.json_answers import Turn
from beam_tuning.dataset.json_text import has_every_key, is_too_deep, is_utf8
from beam_tuning.dataset.mime import kind_of
from beam_tuning.dataset.proto_json import MEDIA_RESOLUTION_VALUES, PART_MEDIA_RESOLUTION_VALUES, duration_ns
from beam_tuning.dataset.timed_texts import may_hold_times
from beam_tuning.media.info import MediaKind

_T = TypeVar("_T")


class UnusualLineError(Exception):
    """The line fits the structs, but something about it needs a closer look."""


def either(camel_case: _T | None, snake_case: _T | None) -> _T | None:
    """The value of a field by whichever of its spellings is given.

    Raises:
      UnusualLineError: both are.
    """
    if snake_case is None:
        return camel_case
    if camel_case is None:
        return snake_case
    raise UnusualLineError


class _Message(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Encoded again, a message has the fields that were given, and no others."""


class FileData(_Message):
    fileUri: str | None = None  # noqa: N815
    mimeType: str | None = None  # noqa: N815
    file_uri: str | None = None
    mime_type: str | None = None


class VideoMetadata(_Message):
    startOffset: str | None = None  # noqa: N815
    endOffset: str | None = None  # noqa: N815
    fps: float | None = None
    start_offset: str | None = None
    end_offset: str | None = None


class PartMediaResolution(_Message):
    level: str


class Part(_Message):
    text: str | None = None
    fileData: FileData | None = None  # noqa: N815
    videoMetadata: VideoMetadata | None = None  # noqa: N815
    mediaResolution: PartMediaResolution | None = None  # noqa: N815
    file_data: FileData | None = None
    video_metadata: VideoMetadata | None = None
    media_resolution: PartMediaResolution | None = None

    def is_text_alone(self) -> bool:
        """Whether nothing but a text may be given."""
        return (
            self.fileData is self.file_data is None
            and self.videoMetadata is self.video_metadata is None
            and self.mediaResolution is self.media_resolution is None
        )


class Content(_Message):
    parts: list[Part]
    role: str | None = None


class TextPart(_Message):
    text: str


class SystemInstruction(_Message):
    parts: list[TextPart]
    role: str | None = None


class GenerationConfig(_Message):
    mediaResolution: str | None = None  # noqa: N815
    media_resolution: str | None = None


class UsualLine(_Message):
    contents: list[Content]
    systemInstruction: SystemInstruction | None = None  # noqa: N815
    generationConfig: GenerationConfig | None = None  # noqa: N815
    system_instruction: SystemInstruction | None = None
    generation_config: GenerationConfig | None = None


class _LineWithMore(UsualLine, forbid_unknown_fields=False):
    """A usual line with other top-level fields, such as an `id`."""


_NO_SEGMENT = Segment()
_decode = msgspec.json.Decoder(UsualLine).decode
_decode_with_more = msgspec.json.Decoder(_LineWithMore).decode


def decode_usual(line: bytes) -> UsualLine | None:
    """The line, or None when it is unusual or no JSON at all."""
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def decode_with_more(line: bytes) -> UsualLine | None:
    """Like `decode_usual`, but passes over unknown fields at the top."""
    # Decoding skips unknown values without a look at their encoding and depth.
    if not (line.isascii() or is_utf8(line)) or is_too_deep(line):
        return None
    try:
        return _decode_with_more(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def example_of(usual: UsualLine, line: bytes) -> Example | None:
    """The example, or None when the line needs a closer look.

    Args:
      usual: `line` decoded by `decode_usual`.
      line: the bytes, which show whether a key was given twice.
    """
    if not has_every_key(usual, line):
        return None
    try:
        return _example(usual)
    except UnusualLineError:
        return None


def _example(usual: UsualLine) -> Example:
    """Raises UnusualLineError when something needs a closer look."""
    texts: list[str] = []
    roles: list[str] = []
    answers: list[str] = []
    media: list[MediaPart] = []
    instruction = either(usual.systemInstruction, usual.system_instruction)
    if instruction is not None:
        if not instruction.parts:
            raise UnusualLineError
        texts += [part.text for part in instruction.parts]
    output_chars = 0
    prompt_start = answer_start = ""
    answer_turn = -1
    for i, content in enumerate(usual.contents):
        role = USER if content.role is None else content.role
        if (role != USER and role != MODEL) or not content.parts:
            raise UnusualLineError
        roles.append(role)
        for j, part in enumerate(content.parts):
            text = part.text
            if text is not None and part.is_text_alone():
                texts.append(text)
                if role == MODEL:
                    answers.append(text)
                    output_chars += len(text)
                    if answer_turn != i:
                        answer_turn, answer_start = i, text
                elif not prompt_start:
                    prompt_start = text[:PROMPT_START_CHARS]
            else:
                media.append(media_part(part, f"contents[{i}].parts[{j}]", role))
    if not roles or "" in texts:
        raise UnusualLineError
    chars = more_bytes = 0
    for text in texts:
        chars += len(text)
        if not text.isascii():
            more_bytes += len(text.encode()) - len(text)
    return Example(
        roles=tuple(roles),
        media=tuple(media),
        media_resolution=resolution_of(either(usual.generationConfig, usual.generation_config)),
        text_chars=chars,
        text_bytes=chars + more_bytes,
        output_text_chars=output_chars,
        prompt_start=prompt_start,
        answer_start=answer_start[:PROMPT_START_CHARS],
        timed_texts=_all_texts(usual) if media and any(map(may_hold_times, answers)) else (),
    )


def _all_texts(usual: UsualLine) -> tuple[ExampleText, ...]:
    instruction = either(usual.systemInstruction, usual.system_instruction)
    found = [
        ExampleText(f"systemInstruction.parts[{j}].text", part.text, of_model=False)
        for j, part in enumerate(() if instruction is None else instruction.parts)
    ]
    found += [
        ExampleText(f"contents[{i}].parts[{j}].text", part.text, of_model=content.role == MODEL)
        for i, content in enumerate(usual.contents)
        for j, part in enumerate(content.parts)
        if part.text is not None
    ]
    return tuple(found)


def resolution_of(config: GenerationConfig | None) -> str | None:
    """Raises UnusualLineError when it is none."""
    given = None if config is None else either(config.mediaResolution, config.media_resolution)
    if given is None:
        return None
    if given not in MEDIA_RESOLUTION_VALUES:
        raise UnusualLineError
    return MEDIA_RESOLUTION_VALUES[given]


def media_part(part: Part, path: str, role: str) -> MediaPart:
    """A part that is not a text alone. Raises UnusualLineError when something needs a closer look."""
    file = either(part.fileData, part.file_data)
    if file is None or part.text is not None:
        raise UnusualLineError
    uri = either(file.fileUri, file.file_uri)
    if not uri:
        raise UnusualLineError
    mime_type = either(file.mimeType, file.mime_type)
    kind = kind_of(mime_type)
    level = either(part.mediaResolution, part.media_resolution)
    if level is not None and level.level not in PART_MEDIA_RESOLUTION_VALUES:
        raise UnusualLineError
    resolution = None if level is None else PART_MEDIA_RESOLUTION_VALUES[level.level]
    metadata = either(part.videoMetadata, part.video_metadata)
    if metadata is not None and kind is not MediaKind.VIDEO and kind is not None:
        raise UnusualLineError
    segment = None if metadata is None else _segment(metadata)
    return MediaPart(path, role, uri, mime_type, kind, segment, resolution)


def _segment(metadata: VideoMetadata) -> Segment | None:
    segment = Segment(
        _offset(either(metadata.startOffset, metadata.start_offset)),
        _offset(either(metadata.endOffset, metadata.end_offset)),
        metadata.fps,
    )
    return None if segment == _NO_SEGMENT else segment


def _offset(given: str | None) -> int | None:
    offset_ns = None if given is None else duration_ns(given)
    if offset_ns is None and given is not None:
        raise UnusualLineError
    return offset_ns


def texts_of(usual: UsualLine) -> tuple[str, list[Turn]]:
    """(text of the system instruction, turns) of a line that `example_of` takes."""
    instruction = either(usual.systemInstruction, usual.system_instruction)
    system = "" if instruction is None else "\n".join(part.text for part in instruction.parts)
    turns = [
        Turn.of(
            content.role or USER, [part.text for part in content.parts if part.text is not None], len(content.parts)
        )
        for content in usual.contents
    ]
    return system, turns
