"""A text for a piece of the media: its times on the piece's time line, what lies outside of the piece left out."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from beam_tuning.dataset.replacing import Replacement, left_out, replaced
from beam_tuning.times.reading import Mark, Reading, Span, Unit


class Piece(NamedTuple):
    """A part of a file's time line.

    Attributes:
      start_ns, stop_ns: on the file's time line; `stop_ns` itself lies outside.
      is_last: whether the file ends with the piece, so that its end lies inside.
    """

    start_ns: int
    stop_ns: int
    is_last: bool = False

    def holds(self, span: Span) -> bool:
        """Whether a moment lies in the piece, or an interval overlaps it."""
        start_ns, end_ns = span.first.time_ns, span.end_ns
        if start_ns == end_ns:
            return self.start_ns <= start_ns < self.stop_ns or (self.is_last and start_ns >= self.stop_ns)
        return start_ns < self.stop_ns and end_ns > self.start_ns


class Change(NamedTuple):
    """One time as it was and as it is written now."""

    before: str
    after: str


class Moved(NamedTuple):
    """The text of a piece.

    Attributes:
      changes: every time of the new text, in order.
      left_out: units of the text that lie outside of the piece.
      replacements: what makes the new text of the old one.
    """

    text: str
    changes: tuple[Change, ...]
    left_out: int
    replacements: tuple[Replacement, ...] = ()


class CannotMove(NamedTuple):
    """Why there is no such text: a sentence's end that begins with `text`.

    Attributes:
      is_empty: whether all times of the text are certain, and none lies in the piece.
    """

    text: str
    why: str
    is_empty: bool = False


def moved(text: str, reading: Reading, piece: Piece, *, may_leave_out: bool = True) -> Moved | CannotMove:
    """The text for a piece.

    Args:
      reading: what `read_times` gave for this text.
      may_leave_out: whether events outside of the piece may be left out; else they are refused.
    """
    if reading.doubts:
        doubt = reading.doubts[0]
        return CannotMove(text[doubt.start : doubt.stop], doubt.why)
    if not reading.spans:
        return Moved(text, (), 0)
    gone = _outside(reading, piece)
    replacements: list[Replacement] = []
    changes: list[Change] = []
    for span in reading.spans:
        if any(unit.start <= span.first.start < unit.stop for unit in gone):
            continue
        shown = text[span.first.start : span.marks[-1].stop] if span.first.start < span.marks[-1].stop else ""
        if not piece.holds(span):
            return CannotMove(shown, "lies outside of the piece, in a text that cannot be taken apart")
        if span.length_ns is not None and not _holds_whole(piece, span):
            return CannotMove(shown, "goes on beyond the piece, and is given by its length")
        for mark in span.marks:
            written = _written(mark, piece)
            replacements.append(Replacement(mark.start, mark.stop, written))
            changes.append(Change(text[mark.start : mark.stop], written))
    if gone and not may_leave_out:
        return CannotMove(text[gone[0].start : gone[0].stop], "lies outside of the piece")
    if not changes and not reading.is_json:
        return CannotMove(text, "has no time in the piece", is_empty=True)
    if gone:
        replacements = [*replacements, *_leaving_out(reading, gone)]
        replacements += _numbers(text, reading, gone)
        replacements = _without_inner(replacements)
    return Moved(replaced(text, replacements), tuple(changes), len(gone), tuple(replacements))


def shifted(text: str, reading: Reading, by_ns: int) -> str:
    """The text with all certain times moved by so much, each to the nearest that its form can tell, none before 0."""
    return replaced(
        text,
        (
            Replacement(mark.start, mark.stop, mark.form.written(max(0, _shift(mark, by_ns))))
            for span in reading.spans
            for mark in span.marks
        ),
    )


def _shift(mark: Mark, by_ns: int) -> int:
    """By whole units, so that a shift back undoes a shift."""
    return mark.form.time_ns(mark.form.steps(mark.time_ns) + mark.form.steps(by_ns))


def _written(mark: Mark, piece: Piece) -> str:
    clipped_ns = min(max(mark.time_ns, piece.start_ns), piece.stop_ns)
    steps = max(0, mark.form.steps(clipped_ns - piece.start_ns))
    # The last unit that ends with the piece or before.
    last = int((piece.stop_ns - piece.start_ns) // mark.form.unit_ns)
    return mark.form.written(mark.form.time_ns(min(steps, last)))


def _holds_whole(piece: Piece, span: Span) -> bool:
    return piece.start_ns <= span.first.time_ns and (piece.is_last or span.end_ns <= piece.stop_ns)


def _outside(reading: Reading, piece: Piece) -> list[Unit]:
    """Units all of whose own times lie outside of the piece; own are those that stand in no smaller unit."""
    own: defaultdict[Unit, list[Span]] = defaultdict(list)
    units = [unit for units in reading.lists for unit in units]
    for span in reading.spans:
        holding = [unit for unit in units if unit.start <= span.first.start and span.marks[-1].stop <= unit.stop]
        if holding:
            own[min(holding, key=lambda unit: unit.stop - unit.start)].append(span)
    return sorted(unit for unit, spans in own.items() if not any(map(piece.holds, spans)))


def _leaving_out(reading: Reading, gone: list[Unit]) -> list[Replacement]:
    wanted = set(gone)
    made: list[Replacement] = []
    for units in reading.lists:
        indices = {index for index, unit in enumerate(units) if unit in wanted}
        if indices:
            made += left_out([(unit.start, unit.stop) for unit in units], indices)
    return made


def _numbers(text: str, reading: Reading, gone: list[Unit]) -> list[Replacement]:
    """New numbers for the cues that are left, where they were counted from 1."""
    made: list[Replacement] = []
    for units in reading.lists:
        numbers = [unit.number for unit in units if unit.number is not None]
        if not numbers or [text[start:stop] for start, stop in numbers] != [str(n + 1) for n in range(len(numbers))]:
            continue
        left = [unit.number for unit in units if unit not in gone and unit.number is not None]
        made += [Replacement(start, stop, str(count)) for count, (start, stop) in enumerate(left, 1)]
    return made


def _without_inner(replacements: list[Replacement]) -> list[Replacement]:
    """Without those that stand inside of what is left out as a whole."""
    kept: list[Replacement] = []
    for one in sorted(replacements, key=lambda one: (one.start, -one.stop)):
        if kept and one.stop <= kept[-1].stop:
            continue
        kept.append(one)
    return kept
