"""How a time is written, so that another time can be written in the same way.

A form has a unit, the smallest step that it can tell. Times that are read are whole multiples of it.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000


class Form(msgspec.Struct, frozen=True):
    """A way of writing times."""

    @property
    def unit_ns(self) -> Fraction:
        """Nanoseconds of the smallest step."""
        raise NotImplementedError

    def written(self, time_ns: int) -> str:
        """The nearest time that the form can tell."""
        raise NotImplementedError

    def steps(self, time_ns: int | Fraction) -> int:
        """The nearest number of units, halves away from zero: so the steps of -t are those of t, negative."""
        exact = Fraction(time_ns) / self.unit_ns
        whole = int(abs(exact) + Fraction(1, 2))
        return whole if exact >= 0 else -whole

    def time_ns(self, steps: int) -> int:
        """The time of so many units."""
        return round(steps * self.unit_ns)


class Clock(Form, frozen=True):
    """`M:SS` or `H:MM:SS`, with or without a fraction.

    Attributes:
      parts: 2 or 3.
      width: digits of the first part, at least.
      decimals: digits of the fraction; 0 without one.
      mark: between seconds and fraction.
    """

    parts: int
    width: int
    decimals: int = 0
    mark: str = "."

    @property
    def unit_ns(self) -> Fraction:
        return Fraction(SECOND_NS, 10**self.decimals)

    def written(self, time_ns: int) -> str:
        seconds, fraction = divmod(self.steps(time_ns), 10**self.decimals)
        minutes, seconds = divmod(seconds, 60)
        if self.parts == 3:
            hours, minutes = divmod(minutes, 60)
            text = f"{hours:0{self.width}d}:{minutes:02d}:{seconds:02d}"
        else:
            text = f"{minutes:0{self.width}d}:{seconds:02d}"
        return f"{text}{self.mark}{fraction:0{self.decimals}d}" if self.decimals else text


class Timecode(Form, frozen=True):
    """`HH:MM:SS:FF`, frames counted without gaps.

    Attributes:
      width: digits of the hours, at least.
      frames, seconds: the frame rate as a fraction, e.g. 30000 frames in 1001 seconds.
    """

    width: int
    frames: int
    seconds: int

    @property
    def unit_ns(self) -> Fraction:
        return Fraction(self.seconds * SECOND_NS, self.frames)

    @property
    def frames_a_second(self) -> int:
        """Frames that are counted as a second, e.g. 30 for 29.97."""
        return -(-self.frames // self.seconds)

    def written(self, time_ns: int) -> str:
        seconds, frame = divmod(self.steps(time_ns), self.frames_a_second)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:0{self.width}d}:{minutes:02d}:{seconds:02d}:{frame:02d}"


class Units(Form, frozen=True):
    """`1m20s`, `1h2m3.5s`, `12.5s`: numbers with units.

    Attributes:
      hours, minutes, seconds: how each unit is written, e.g. `m ` or `min`; empty where it does not stand there.
      decimals: digits of the fraction of the seconds.
      width: digits of the seconds behind minutes, at least.
    """

    hours: str
    minutes: str
    seconds: str
    decimals: int = 0
    width: int = 1

    @property
    def unit_ns(self) -> Fraction:
        return Fraction(SECOND_NS, 10**self.decimals)

    def written(self, time_ns: int) -> str:
        seconds, fraction = divmod(self.steps(time_ns), 10**self.decimals)
        text = ""
        if self.hours:
            hours, seconds = divmod(seconds, 3600)
            text += f"{hours}{self.hours}"
        if self.minutes:
            minutes, seconds = divmod(seconds, 60)
            text += f"{minutes}{self.minutes}"
        text += f"{seconds:0{self.width if self.minutes or self.hours else 1}d}"
        return f"{text}.{fraction:0{self.decimals}d}{self.seconds}" if self.decimals else f"{text}{self.seconds}"


class Count(Form, frozen=True):
    """A plain number of seconds or milliseconds.

    Attributes:
      decimals: digits of the fraction.
      of_ns: nanoseconds that 1 stands for.
    """

    decimals: int = 0
    of_ns: int = SECOND_NS

    @property
    def unit_ns(self) -> Fraction:
        return Fraction(self.of_ns, 10**self.decimals)

    def written(self, time_ns: int) -> str:
        whole, fraction = divmod(self.steps(time_ns), 10**self.decimals)
        return f"{whole}.{fraction:0{self.decimals}d}" if self.decimals else str(whole)
