"""What is wanted of a media file, and what came of it."""

from __future__ import annotations

import enum

import msgspec

SECOND_NS = 1_000_000_000


class Kind(enum.StrEnum):
    """What is made of a file; each is tried without encoding first.

    PART: the pictures and sound between two times, within a size when one is given.
    SOUND: the same of an audio file.
    """

    PART = "part"
    SOUND = "sound"


class Wanted(msgspec.Struct, frozen=True, kw_only=True, tag="edit"):
    """A file to be made.

    Attributes:
      start_ns, stop_ns: of the source's time line; `stop_ns` None goes to its end.
      max_bytes: size that the file must not exceed; None for any.
      tolerance_ns: by how much the part may begin elsewhere, so that nothing need be encoded.
      end_tolerance_ns: by how much it may end earlier.
    """

    kind: Kind
    start_ns: int = 0
    stop_ns: int | None = None
    max_bytes: int | None = None
    tolerance_ns: int = SECOND_NS // 2
    end_tolerance_ns: int = SECOND_NS // 2


class WantedPieces(msgspec.Struct, frozen=True, tag="pieces"):
    """Where a file shall be taken apart: into as few pieces as the limits allow.

    Attributes:
      longest_ns: of a piece.
      max_bytes: of a piece that is copied; None for any.
      overlap_ns: what a piece repeats of the one before it.
    """

    longest_ns: int
    max_bytes: int | None = None
    overlap_ns: int = 0


class Made(msgspec.Struct, frozen=True, tag="made"):
    """A file that was made.

    Attributes:
      container: e.g. `mp4`, as probes name it.
      start_ns: where it begins on the source's time line: a cut without encoding begins with a keyframe.
      duration_ns: of its pictures, or of its sound where it has no pictures.
      is_encoded: whether pictures or sound were encoded anew.
      how: what was done, as words for a person, e.g. `libx264 1280x720, aac`.
    """

    container: str
    mime_type: str
    start_ns: int
    duration_ns: int
    size_bytes: int
    is_encoded: bool
    how: str


class Pieces(msgspec.Struct, frozen=True, tag="taken_apart"):
    """(start_ns, stop_ns) of each piece, in order."""

    pieces: tuple[tuple[int, int], ...]


class NotMade(msgspec.Struct, frozen=True, tag="not_made"):
    """Why there is no such file, as a sentence's end: `the file …`."""

    why: str
    is_transient: bool = False


class EditLimits(msgspec.Struct, frozen=True):
    """What a child may use.

    Attributes:
      timeout_s: wall time.
      cpu_s: processor time.
      memory_bytes: address space, the interpreter's own included.
      output_bytes: of the file that it writes.
    """

    timeout_s: float = 3600.0
    cpu_s: int = 7200
    memory_bytes: int = 4 << 30
    output_bytes: int = 8 << 30


class Task(msgspec.Struct, frozen=True):
    """What a child is told; `target` is unused where pieces are wanted."""

    source: str
    target: str
    wanted: Wanted | WantedPieces
    limits: EditLimits


Answer = Made | Pieces | NotMade
