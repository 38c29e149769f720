"""What an edit is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from beam_tuning.dataset.replacing import Replacement
from beam_tuning.line_edits.line import Line
from beam_tuning.reasons import Reason

_LONGEST_SHOWN = 80


class Change(NamedTuple):
    """One thing that is put right.

    Attributes:
      path: where in the example.
      before, after: for people; empty where there is nothing to show.
    """

    path: str
    before: str
    after: str
    replacements: tuple[Replacement, ...]


class Edit(NamedTuple):
    """One way to put a line right.

    Attributes:
      name: as people choose it.
      reason: that says it was done.
      mends: reasons that make it worth a try; the edit itself looks at the line alone.
      changes: what it would change; it yields nothing where the line is ambiguous.
    """

    name: str
    reason: Reason
    mends: frozenset[Reason]
    changes: Callable[[Line], Iterator[Change]]


def quoted(value: str) -> str:
    """A value as JSON, cut when it is long."""
    return json.dumps(value if len(value) <= _LONGEST_SHOWN else f"{value[: _LONGEST_SHOWN - 1]}…", ensure_ascii=False)


def shown(raw: str) -> str:
    """JSON text, cut when it is long."""
    return raw if len(raw) <= _LONGEST_SHOWN else f"{raw[: _LONGEST_SHOWN - 1]}…"
