"""The fast path: typed structs for what almost every line of a tuning dataset looks like, decoded and checked at once.

A line that does not fit is not wrong: `full_parse.py` looks at it field by field and finds out what it says. A line
that fits gives the same example there, and no finding. Field names are those of protobuf's JSON mapping, which takes
each in camelCase and in snake_case (https://protobuf.dev/programming-guides/json/); where both are given, camelCase
counts.
"""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.example import PROMPT_START_CHARS, Example, MediaPart, Segment
from beam_tuning.dataset.json_text import has_quotes, is_too_deep, is_utf8
from beam_tuning.dataset.mime import kind_of
from beam_tuning.dataset.proto_json import MEDIA_RESOLUTIONS, PART_MEDIA_RESOLUTIONS, duration_ns
from beam_tuning.media.info import MediaKind


class FileData(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    fileUri: str | None = None  # noqa: N815
    mimeType: str | None = None  # noqa: N815
    file_uri: str | None = None
    mime_type: str | None = None

    def uri(self) -> str | None:
        return self.file_uri if self.fileUri is None else self.fileUri

    def declared_type(self) -> str | None:
        return self.mime_type if self.mimeType is None else self.mimeType


class VideoMetadata(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    startOffset: str | None = None  # noqa: N815
    endOffset: str | None = None  # noqa: N815
    fps: float | None = None
    start_offset: str | None = None
    end_offset: str | None = None


class PartMediaResolution(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    level: str


class Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    text: str | None = None
    fileData: FileData | None = None  # noqa: N815
    videoMetadata: VideoMetadata | None = None  # noqa: N815
    mediaResolution: PartMediaResolution | None = None  # noqa: N815
    file_data: FileData | None = None
    video_metadata: VideoMetadata | None = None
    media_resolution: PartMediaResolution | None = None

    def is_described(self) -> bool:
        """Whether something stands beside the payload."""
        return not (
            self.videoMetadata is None
            and self.mediaResolution is None
            and self.video_metadata is None
            and self.media_resolution is None
        )


class Content(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    parts: list[Part]
    role: str | None = None


class TextPart(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    text: str


class SystemInstruction(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    parts: list[TextPart]
    role: str | None = None


class GenerationConfig(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    mediaResolution: str | None = None  # noqa: N815
    media_resolution: str | None = None

    def resolution(self) -> str | None:
        return self.media_resolution if self.mediaResolution is None else self.mediaResolution


class UsualLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    contents: list[Content]
    systemInstruction: SystemInstruction | None = None  # noqa: N815
    generationConfig: GenerationConfig | None = None  # noqa: N815
    system_instruction: SystemInstruction | None = None
    generation_config: GenerationConfig | None = None

    def config(self) -> GenerationConfig | None:
        return self.generation_config if self.generationConfig is None else self.generationConfig


class _LineWithMore(UsualLine, forbid_unknown_fields=False, gc=False):
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


class _UnusualError(Exception):
    """The line fits the structs, but something about it needs a closer look."""


def example_of(usual: UsualLine, line: bytes) -> Example | None:
    """The example, or None when the line needs a closer look.

    Args:
      usual: `line` decoded.
      line: the bytes; a field that is given twice shows by its quotes.
    """
    try:
        example, quotes = _build(usual)
    except _UnusualError:
        return None
    return example if has_quotes(line, quotes) else None


def _build(usual: UsualLine) -> tuple[Example, int]:
    """The example, and how many quotes its line has outside of texts when no field is given twice.

    Raises:
      _UnusualError: something needs a closer look.
    """
    resolution, quotes = _resolution(usual.config())
    instruction = usual.system_instruction if usual.systemInstruction is None else usual.systemInstruction
    texts: list[str] = []
    if instruction is not None:
        if not instruction.parts:
            raise _UnusualError
        texts += [part.text for part in instruction.parts]
        quotes += 4 + 4 * len(instruction.parts) + (0 if instruction.role is None else 4)
    roles: list[str] = []
    media: list[MediaPart] = []
    output_texts: list[str] = []
    prompt_start = ""
    quotes += 2
    for i, content in enumerate(usual.contents):
        role = content.role
        if role is None:
            role = "user"
            quotes += 2
        elif role == "user" or role == "model":
            quotes += 6
        else:
            raise _UnusualError
        roles.append(role)
        if not content.parts:
            raise _UnusualError
        for j, part in enumerate(content.parts):
            text = part.text
            file = part.file_data if part.fileData is None else part.fileData
            if file is not None:
                if text is not None:
                    raise _UnusualError
                media_part, part_quotes = _media_part(part, file, f"contents[{i}].parts[{j}]", role)
                media.append(media_part)
                quotes += part_quotes
                continue
            if not text or part.is_described():
                raise _UnusualError
            quotes += 4
            texts.append(text)
            if role == "model":
                output_texts.append(text)
            elif not prompt_start:
                prompt_start = text[:PROMPT_START_CHARS]
    if not roles or "" in texts:
        raise _UnusualError
    all_text = "".join(texts)
    example = Example(
        roles=tuple(roles),
        media=tuple(media),
        media_resolution=resolution,
        text_chars=len(all_text),
        text_bytes=len(all_text) if all_text.isascii() else len(all_text.encode()),
        output_text_chars=sum(map(len, output_texts)),
        prompt_start=prompt_start,
    )
    return example, quotes


def _resolution(config: GenerationConfig | None) -> tuple[str | None, int]:
    if config is None:
        return None, 0
    given = config.resolution()
    if given is None:
        return None, 2
    if given not in MEDIA_RESOLUTIONS:
        raise _UnusualError
    return MEDIA_RESOLUTIONS[given], 6


def _media_part(part: Part, file: FileData, path: str, role: str) -> tuple[MediaPart, int]:
    uri = file.uri()
    if not uri:
        raise _UnusualError
    mime_type = file.declared_type()
    kind = kind_of(mime_type)
    quotes = 6 if mime_type is None else 10
    if not part.is_described():
        return MediaPart(path, role, uri, mime_type, kind), quotes
    level = part.media_resolution if part.mediaResolution is None else part.mediaResolution
    resolution = None
    if level is not None:
        if level.level not in PART_MEDIA_RESOLUTIONS:
            raise _UnusualError
        resolution = PART_MEDIA_RESOLUTIONS[level.level]
        quotes += 6
    metadata = part.video_metadata if part.videoMetadata is None else part.videoMetadata
    segment = None
    if metadata is not None:
        if kind is not MediaKind.VIDEO and kind is not None:
            raise _UnusualError
        segment, segment_quotes = _segment(metadata)
        quotes += segment_quotes
    return MediaPart(path, role, uri, mime_type, kind, segment, resolution), quotes


def _segment(metadata: VideoMetadata) -> tuple[Segment | None, int]:
    quotes = 2
    offsets: list[int | None] = []
    for camel, snake in (
        (metadata.startOffset, metadata.start_offset),
        (metadata.endOffset, metadata.end_offset),
    ):
        given = snake if camel is None else camel
        if given is None:
            offsets.append(None)
            continue
        offset_ns = duration_ns(given)
        if offset_ns is None:
            raise _UnusualError
        offsets.append(offset_ns)
        quotes += 4
    if metadata.fps is not None:
        quotes += 2
    segment = Segment(offsets[0], offsets[1], metadata.fps)
    return (None if segment == _NO_SEGMENT else segment), quotes
