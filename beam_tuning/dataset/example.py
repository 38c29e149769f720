"""What a line of a tuning dataset says: an example, its turns and its media parts. Frozen."""

from __future__ import annotations

import msgspec

from beam_tuning.media.info import MediaKind

#: Kinds that a media resolution applies to.
VISUAL_KINDS = frozenset({MediaKind.VIDEO, MediaKind.IMAGE, MediaKind.DOCUMENT})
#: Characters of a prompt, and of an answer, that the report shows.
PROMPT_START_CHARS = 160


class LineId(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """Where an example stands.

    Attributes:
      split: `train` or `validation`.
      file: path or URI of the dataset file.
      line: 1-based, blank lines counted.
      offset_bytes: of the line's first byte in the (decompressed) file.
    """

    split: str
    file: str
    line: int
    offset_bytes: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Segment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`videoMetadata` as given: nanoseconds from the media's start; None where the field is absent or unreadable.

    Offsets may be negative, reversed or beyond the end: rules look at that. fps is the sampling rate that the model
    sees, not the media's own; it may be out of range.
    """

    start_ns: int | None = None
    end_ns: int | None = None
    fps: float | None = None


class MediaPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One `fileData` part.

    Attributes:
      path: where in the example, e.g. `contents[0].parts[1]`.
      role: of the turn it stands in.
      kind: what the MIME type declares; None when there is none or it names no media kind.
      segment: None when the part has no `videoMetadata`, an empty one, or is declared as something else than a video.
      media_resolution: the part's own level (Gemini 3 and later), e.g. `MEDIA_RESOLUTION_HIGH`.
    """

    path: str
    role: str
    uri: str
    mime_type: str | None
    kind: MediaKind | None
    segment: Segment | None = None
    media_resolution: str | None = None


class ExampleText(msgspec.Struct, frozen=True):
    """A text of an example.

    Attributes:
      path: where in the example, e.g. `contents[1].parts[0].text`.
      of_model: whether it stands in a turn of the model.
    """

    path: str
    text: str
    of_model: bool


class Example(msgspec.Struct, frozen=True):
    """One tuning example, as far as rules, tokens and the report need it.

    Attributes:
      roles: of each content in order; an absent role is `user` (the API's default), an unknown one stands as given, and
        that of a content that is no object is empty.
      media: parts with a URI, in order of appearance (a URI may stand in several).
      media_resolution: `generationConfig.mediaResolution`; None when absent, unspecified or invalid.
      text_chars: characters of all text that counts as tokens, system instruction and function calls included.
      text_bytes: the same text in UTF-8.
      output_text_chars: the part of `text_chars` in model turns.
      prompt_start: the first user text, cut at 160 characters, for the report.
      answer_start: the first text of the last model turn that has one, cut in the same way.
      function_path: where the first function call or function response stands, e.g. `contents[1].parts[0]`; None when
        there is none.
      timed_texts: all texts in order, the system instruction first, where there are media and an answer may hold a
        time of them (`dataset.timed_texts`); else empty.
    """

    roles: tuple[str, ...]
    media: tuple[MediaPart, ...]
    media_resolution: str | None
    text_chars: int
    text_bytes: int
    output_text_chars: int
    prompt_start: str
    function_path: str | None = None
    answer_start: str = ""
    timed_texts: tuple[ExampleText, ...] = ()

    @property
    def turns(self) -> int:
        """Number of contents."""
        return len(self.roles)

    @property
    def has_visual_media(self) -> bool:
        """Whether a part declares a video, an image or a document: what a media resolution applies to."""
        return any(part.kind in VISUAL_KINDS for part in self.media)
