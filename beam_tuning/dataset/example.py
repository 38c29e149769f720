"""What a line of a tuning dataset says: an example, its turns and its media parts. Frozen."""

from __future__ import annotations

import msgspec

from beam_tuning.media.info import MediaKind


class LineId(msgspec.Struct, frozen=True, order=True):
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


class Segment(msgspec.Struct, frozen=True):
    """`videoMetadata` as given: nanoseconds from the media's start; None where the field is absent.

    fps is the sampling rate that the model sees, not the media's own.
    """

    start_ns: int | None = None
    end_ns: int | None = None
    fps: float | None = None


class MediaPart(msgspec.Struct, frozen=True):
    """One `fileData` part.

    Attributes:
      path: where in the example, e.g. `contents[0].parts[1]`.
      role: of the turn it stands in.
      kind: what the MIME type declares; None when there is none or it names no media kind.
      media_resolution: the part's own level (Gemini 3 and later), e.g. `MEDIA_RESOLUTION_HIGH`.
    """

    path: str
    role: str
    uri: str
    mime_type: str | None
    kind: MediaKind | None
    segment: Segment | None = None
    media_resolution: str | None = None


class Example(msgspec.Struct, frozen=True):
    """One tuning example, as far as rules, tokens and the report need it.

    Attributes:
      media: parts with a URI, in order of appearance (a URI may stand in several).
      media_resolution: `generationConfig.mediaResolution`; None when absent.
      text_chars: characters of all text that counts as tokens, system instruction and function calls included.
      output_text_chars: the part of `text_chars` in model turns.
      turns: number of contents.
      prompt_start: the first user text, cut at 160 characters, for the report.
    """

    media: tuple[MediaPart, ...]
    media_resolution: str | None
    text_chars: int
    output_text_chars: int
    turns: int
    prompt_start: str
