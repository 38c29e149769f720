"""What became of an example that a repair took up, for its table, its counts and its samples."""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding


class MediaChange(NamedTuple):
    """A new file in place of an old one.

    Attributes:
      path: of the media part.
      kind: audio or video.
      start_ns, stop_ns: what of the old file it holds.
    """

    path: str
    kind: str
    source_uri: str
    source_mime_type: str | None
    start_ns: int
    stop_ns: int
    uri: str
    mime_type: str


class Repaired(NamedTuple):
    """What became of one example.

    Attributes:
      edits: what was changed, or tried.
      left: codes that decide against it still.
      why_not: of media edits that did not bring it back.
      times: (path, before, after) of each in its texts.
      refused: code that says the same as `why_not`.
      media: new files of an example that came back.
    """

    line_id: LineId
    came_back: bool
    edits: tuple[Finding, ...]
    left: tuple[str, ...] = ()
    why_not: str | None = None
    times: tuple[tuple[str, str, str], ...] = ()
    refused: str | None = None
    media: tuple[MediaChange, ...] = ()
