"""What was recognised in a text."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import msgspec

from beam_tuning.times.forms import Form


class TimeLine(msgspec.Struct, frozen=True):
    """The media that the times of a text speak of, as far as they are known.

    Attributes:
      duration_ns: of the file; None when it is not known.
      frame_rate: frames a second.
    """

    duration_ns: int | None = None
    frame_rate: Fraction | None = None


class Mark(msgspec.Struct, frozen=True):
    """One time: text[start:stop] reads so many nanoseconds."""

    start: int
    stop: int
    time_ns: int
    form: Form


class Span(msgspec.Struct, frozen=True):
    """A moment, or an interval.

    Attributes:
      first: the moment, or where the interval begins.
      last: where it ends; None for a moment.
      length_ns: of an interval that is given by its length, which is left as it stands.
    """

    first: Mark
    last: Mark | None = None
    length_ns: int | None = None

    @property
    def marks(self) -> tuple[Mark, ...]:
        return (self.first,) if self.last is None else (self.first, self.last)

    @property
    def end_ns(self) -> int:
        """Where it ends; of a moment the moment."""
        if self.last is not None:
            return self.last.time_ns
        return self.first.time_ns + (self.length_ns or 0)


class Doubt(msgspec.Struct, frozen=True):
    """Something that may be a time of the media, and may not.

    Attributes:
      why: the end of a sentence that begins with the text.
    """

    start: int
    stop: int
    why: str


class Unit(NamedTuple):
    """A piece of the text that can be left out when its times are: lines, a cue, an entry of a JSON list.

    Attributes:
      start, stop: without what separates it from the next.
      number: where the number of a cue stands.
    """

    start: int
    stop: int
    number: tuple[int, int] | None = None


class Reading(msgspec.Struct, frozen=True):
    """All that was recognised.

    Attributes:
      spans: times that are certain, in the order of the text.
      doubts: what is not.
      lists: units that follow one another, with nothing but separators between them; a unit may hold other lists.
      beyond: certain times that lie after the end of the media; they are among the doubts as well.
      is_json: whether the text is JSON: a list without entries is an answer too.
    """

    spans: tuple[Span, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    lists: tuple[tuple[Unit, ...], ...] = ()
    beyond: tuple[Mark, ...] = ()
    is_json: bool = False
