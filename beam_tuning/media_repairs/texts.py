"""The texts of an example for a piece of its media: every time moved to the piece's own time line."""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import NamedTuple

from beam_tuning.dataset.json_places import Node, spelled, spelled_places
from beam_tuning.dataset.replacing import Replacement
from beam_tuning.line_edits.line import SYSTEM_INSTRUCTION, Placed, parts_of
from beam_tuning.times.moving import CannotMove, Moved, Piece, moved
from beam_tuning.times.reading import Reading, TimeLine
from beam_tuning.times.recognise import MAX_CHARS, read_times
from beam_tuning.times.signs import asks_for_times

_LONGEST_SHOWN = 120


class TimesMode(enum.StrEnum):
    """strict: a time that is not certain leaves the example as it was. none: texts hold no times."""

    STRICT = "strict"
    NONE = "none"


class Text(NamedTuple):
    """A text of the example.

    Attributes:
      of_model: whether it is the model's.
    """

    path: str
    node: Node
    value: str
    of_model: bool


class TimeChange(NamedTuple):
    """One time before and after."""

    path: str
    before: str
    after: str


class TextsOfPiece(NamedTuple):
    """What changes in the line's texts."""

    replacements: tuple[Replacement, ...]
    changes: tuple[TimeChange, ...]


class Refused(NamedTuple):
    """Why the example stays as it was.

    Attributes:
      text: the text in question, cut where it is long.
      why: the end of a sentence that begins with it.
      is_empty: whether the piece simply holds nothing that the answer speaks of.
    """

    path: str
    text: str
    why: str
    is_empty: bool = False


def texts_of(root: Node) -> list[Text]:
    """All texts of an example, the system instruction first."""
    found: list[Text] = []
    system = root.member(*SYSTEM_INSTRUCTION)
    turns = [] if system is None else [Placed("systemInstruction", system)]
    contents = root.member("contents")
    for index, node in enumerate(() if contents is None else contents.items or ()):
        turns.append(Placed(f"contents[{index}]", node))
    for turn in turns:
        role = turn.node.member("role")
        of_model = role is not None and role.text == "model"
        for path, part in parts_of(turn):
            text = part.member("text")
            if text is not None and text.text is not None:
                found.append(Text(f"{path}.text", text, text.text, of_model))
    return found


class ExampleTexts:
    """The texts of an example, read once, for any number of pieces.

    Args:
      line: the line's text, to which nodes belong.
      segment: of the media part, on the file's time line; None without one.
    """

    def __init__(
        self,
        line: str,
        texts: list[Text],
        time_line: TimeLine,
        *,
        fields: Collection[str] = (),
        segment: tuple[int, int] | None = None,
    ) -> None:
        self._line = line
        expects = any(asks_for_times(text.value) for text in texts if not text.of_model)
        self._read: list[tuple[Text, Reading]] = [
            (text, read_times(text.value, time_line, fields=fields, expects_times=expects))
            for text in texts
            if len(text.value) <= MAX_CHARS
        ]
        self._too_long = next((text for text in texts if len(text.value) > MAX_CHARS), None)
        self._origin_ns = 0
        self._fault = self._find_fault(segment)

    @property
    def fault(self) -> Refused | None:
        """What stands against any piece, whichever it is; None when nothing does."""
        return self._fault

    def answers_without_times(self) -> Text | None:
        """An answer of the model that holds no time: it speaks of the whole file."""
        return next((text for text, reading in self._read if text.of_model and not reading.spans), None)

    def for_piece(self, piece: Piece) -> TextsOfPiece | Refused:
        """The texts for a piece of the file."""
        if self._fault is not None:
            return self._fault
        own = Piece(piece.start_ns - self._origin_ns, piece.stop_ns - self._origin_ns, piece.is_last)
        replacements: list[Replacement] = []
        changes: list[TimeChange] = []
        for text, reading in self._read:
            made = moved(text.value, reading, own, may_leave_out=text.of_model)
            if isinstance(made, CannotMove):
                return Refused(text.path, _cut(made.text), made.why, made.is_empty and text.of_model)
            replacements += self._in_line(text, made)
            changes += [TimeChange(text.path, change.before, change.after) for change in made.changes]
        return TextsOfPiece(tuple(replacements), tuple(changes))

    def _in_line(self, text: Text, made: Moved) -> list[Replacement]:
        if not made.replacements:
            return []
        where = spelled_places(self._line, text.node)
        return [
            Replacement(where[one.start], where[one.stop], spelled(one.text))
            for one in made.replacements
            if text.value[one.start : one.stop] != one.text
        ]

    def _find_fault(self, segment: tuple[int, int] | None) -> Refused | None:
        """What stands against any piece; also finds from where times count where the example has a segment."""
        if self._too_long is not None:
            return Refused(self._too_long.path, _cut(self._too_long.value), "is too long to look for times")
        for text, reading in self._read:
            if reading.doubts:
                doubt = reading.doubts[0]
                return Refused(text.path, _cut(text.value[doubt.start : doubt.stop]), doubt.why)
        spans = [(text, span) for text, reading in self._read for span in reading.spans]
        if segment is None or segment[0] == 0 or not spans:
            return None
        start_ns, stop_ns = segment
        of_file = all(start_ns <= span.first.time_ns and span.end_ns <= stop_ns for _, span in spans)
        of_segment = all(span.end_ns <= stop_ns - start_ns for _, span in spans)
        if of_file == of_segment:
            text, span = spans[0]
            why = (
                "may count from the start of the file or of the segment"
                if of_file
                else "counts neither from the start of the file nor from that of the segment"
            )
            return Refused(text.path, _cut(text.value[span.first.start : span.marks[-1].stop]), why)
        self._origin_ns = start_ns if of_segment else 0
        return None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
