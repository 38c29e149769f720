"""Changing some characters of a text and no other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple


class Replacement(NamedTuple):
    """Other characters in place of text[start:stop]."""

    start: int
    stop: int
    text: str


def replaced(text: str, replacements: Iterable[Replacement]) -> str:
    """The text with all of these carried out.

    Raises:
      ValueError: two of them overlap.
    """
    pieces, end = [], 0
    for one in sorted(replacements):
        if one.start < end:
            raise ValueError(f"replacements overlap at character {one.start}")
        pieces += [text[end : one.start], one.text]
        end = one.stop
    pieces.append(text[end:])
    return "".join(pieces)


def left_out(entries: Sequence[tuple[int, int]], gone: Collection[int]) -> Iterator[Replacement]:
    """What leaves entries of a list out, each with one separator.

    Args:
      entries: (start, stop) of each, in order; what stands between two is their separator.
      gone: their indices.
    """
    index = 0
    while index < len(entries):
        if index not in gone:
            index += 1
            continue
        after = index
        while after < len(entries) and after in gone:
            after += 1
        if after < len(entries):
            yield Replacement(entries[index][0], entries[after][0], "")
        else:
            yield Replacement(entries[index - 1][1] if index else entries[0][0], entries[-1][1], "")
        index = after
