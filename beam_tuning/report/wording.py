"""Numbers and states as people read them, for the page and the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import UNSET

from beam_tuning.policy.readiness import percent

if TYPE_CHECKING:
    from beam_tuning.report.sections.limits import LimitRow

STATES = {"ready": "ready", "not-ready": "not ready", "uncertain": "perhaps not ready"}

_LONGEST_EXCERPT = 300
_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
#: Without a width or a look of their own, they hide words or make one text look like another. The joiners U+200C and
#: U+200D are not among them: words of some scripts, and emoji, need them.
_HIDDEN = "\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_INVISIBLE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_BIDI_CONTROLS}{_HIDDEN}]")


def count(number: int | None) -> str:
    """E.g. `12,345`."""
    return "unknown" if number is None else f"{number:,}"


def tick(number: int | float) -> str:
    """A round number on an axis: `50,000`, `2 million`, `10 billion`."""
    for factor, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= factor:
            return f"{number / factor:.4g} {word}"
    return f"{number:,.4g}" if isinstance(number, float) and number < 1000 else f"{number:,.0f}"


def size(size_bytes: int | None) -> str:
    """Decimal units, as the service's limits are read: `1.5 MB` is 1,500,000 bytes."""
    if size_bytes is None:
        return "unknown"
    value = float(size_bytes)
    for unit in _BYTE_UNITS[:-1]:
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.3g} {_BYTE_UNITS[-1]}"


def length(length_ms: int | None) -> str:
    """E.g. `850 ms`, `12.3 s`, `21 min 1 s`, `1 h 2 min 5 s`."""
    if length_ms is None:
        return "unknown"
    if length_ms < 1000:
        return f"{length_ms} ms"
    if length_ms < 59_950:
        return f"{length_ms / 1000:.3g} s"
    return _clock(round(length_ms / 1000))


def exact_length(seconds: int | float) -> str:
    """The same to the millisecond, so that what is a hair over a limit does not read as if it were not."""
    whole, ms = divmod(round(abs(seconds) * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    fraction = f".{ms:03d}".rstrip("0").rstrip(".")
    parts = [_clock(60 * minutes)] if minutes else []
    if rest or fraction or not parts:
        parts.append(f"{rest}{fraction} s")
    return ("\N{MINUS SIGN}" if seconds < 0 else "") + " ".join(parts)


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    named = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number:,} {unit}" for number, unit in named if number) or "0 s"


def share(value: float | None) -> str:
    """E.g. `5.9 %`."""
    return "none" if value is None else percent(value)


def share_range(low: float | None, high: float | None) -> str:
    """E.g. `5.9 %` or `5.9 to 6.8 %`."""
    if low is None or low == high:
        return share(low)
    return f"{share(low).removesuffix(' %')} to {share(high)}"


def number_range(low: int, high: int) -> str:
    """E.g. `47,632 to 52,300`, `0`."""
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def usd_range(low: float | None, high: float | None) -> str:
    """E.g. `$12.30 to $14.00`, `unknown`."""
    if low is None or high is None:
        return "unknown"
    return f"${low:,.2f}" if low == high else f"${low:,.2f} to ${high:,.2f}"


def value_in(unit: str, value: int | float | None) -> str:
    """A value of a distribution in words."""
    if value is None:
        return "none"
    if unit == "ms":
        return length(round(value))
    if unit == "bytes":
        return size(round(value))
    return f"{value:,} {unit}"


def value(observed: str | int | float, unit: str = "") -> str:
    """A value that was observed or is allowed: a number in its unit, a text as it is.

    Args:
      unit: `s`, `bytes`, another unit, or none.
    """
    if isinstance(observed, str):
        return visible(observed)
    if unit == "s":
        return exact_length(observed)
    number = f"{observed:,}".removesuffix(".0")
    return f"{number} {unit}" if unit else number


def limit_value(limit: LimitRow) -> str:
    """What a limit of the document allows, with its unit: a number, a range, a range for each level, or a list."""
    if limit.levels is not UNSET:
        levels = "; ".join(f"{_level(name)} {low:,} to {high:,}" for name, (low, high) in limit.levels.items())
        return f"{levels} {limit.unit}".rstrip()
    if limit.low is not UNSET:
        return f"{limit.low:,} to {limit.high:,} {limit.unit}".rstrip()
    if limit.values is not UNSET:
        return f"{', '.join(str(one) for one in limit.values)} {limit.unit}".rstrip()
    if isinstance(limit.value, bool):
        return "yes" if limit.value else "no"
    if isinstance(limit.value, str):
        return limit.value
    return "unknown" if limit.value is UNSET or limit.value is None else value(limit.value, limit.unit)


def _level(name: str) -> str:
    return name.removeprefix("MEDIA_RESOLUTION_")


def visible(text: str) -> str:
    """The text with control and direction-changing characters spelled out, so that it cannot look like another."""
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def excerpt(value: object) -> str:
    """The start of what somebody else wrote, on one line, for the words of an error."""
    seen = visible(" ".join(str(value).split()))
    return seen if len(seen) <= _LONGEST_EXCERPT else seen[: _LONGEST_EXCERPT - 1] + "…"


def escaped(encoded: str) -> str:
    """JSON text in which those characters stand as `\\uXXXX`: the same value, and nothing that steers a terminal."""
    return _INVISIBLE.sub(_json_escape, encoded)


def _json_escape(match: re.Match[str]) -> str:
    utf_16 = match[0].encode("utf-16-be")
    return "".join(f"\\u{utf_16[at : at + 2].hex()}" for at in range(0, len(utf_16), 2))
