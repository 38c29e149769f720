"""The errors that a person sees, and the exit code each ends the process with.

    BeamTuningError                 1   the run failed
    ├── UsageError                  2   wrong options or unusable input
    │   ├── OptionError             2   an option's value cannot be used
    │   ├── InputError              2   a dataset file cannot be used
    │   │   ├── FileNotJsonLines    2   it is text, but not one JSON object a line
    │   │   ├── FileTruncated       2   its compressed data end early
    │   │   ├── FileUnreadable      2   it cannot be opened or decompressed
    │   │   ├── FileExpandsTooFar   2   it holds far more than its compressed size lets expect
    │   │   └── FileChanged         2   it is another file than when the run began
    │   └── OutputError             2   the output folder cannot be used
    ├── GateClosed                  3   the run is whole, but the dataset is not ready to tune
    └── MediaError                  3   a media file cannot be read (`beam_tuning.probe`, which defines it)

Faults of one example or of one media object of a dataset are data (`beam_tuning.reasons.Finding`), never exceptions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BeamTuningError(Exception):
    """What went wrong, where, what was observed, what is allowed, and what to do about it.

    Attributes:
      what: one sentence without a full stop.
      where: an option, a path, a URI or `file:line`.
      observed: the value that was found.
      limit: the value that would have been accepted.
      remedy: what the person can do, as an imperative sentence.
    """

    exit_code = 1
    #: Beam makes another error of the first argument and the step's name, and loses the rest, unless it finds this.
    _tagged_with_step = True

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        observed: object = None,
        limit: object = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.observed = observed
        self.limit = limit
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.observed is not None:
            lines.append(f"  observed: {self.observed}")
        if self.limit is not None:
            lines.append(f"  allowed:  {self.limit}")
        if self.remedy:
            lines.append(f"  remedy:   {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Workers send errors to the launcher pickled; keyword arguments would be lost by the default.
        return _rebuild, (type(self), self.what, self.where, self.observed, self.limit, self.remedy)


def shortened(text: str) -> str:
    """At most 200 characters of a text that may have any length, for `observed`."""
    return text if len(text) <= 200 else f"{text[:200]} … ({len(text):,} characters)"


def _rebuild(
    kind: type[BeamTuningError],
    what: str,
    where: str | None,
    observed: object,
    limit: object,
    remedy: str | None,
) -> BeamTuningError:
    return kind(what, where=where, observed=observed, limit=limit, remedy=remedy)


class UsageError(BeamTuningError):
    """Wrong options or unusable input."""

    exit_code = 2


class OptionError(UsageError):
    """An option's value cannot be used."""

    @classmethod
    def of_choice(
        cls, where: str, value: str, choices: Iterable[str], what: str = "the option does not take this value"
    ) -> OptionError:
        """For a value that is none of the choices; names the nearest one."""
        known = tuple(choices)
        near = difflib.get_close_matches(value, known, n=1)
        return cls(
            what,
            where=where,
            observed=shortened(value),
            limit=", ".join(known),
            remedy=f"Did you mean {near[0]}?" if near else "Give one of these values.",
        )


class InputError(UsageError):
    """A dataset file cannot be used."""


class FileNotJsonLines(InputError):
    """A dataset file is text, but not one JSON object a line."""


class FileTruncated(InputError):
    """A dataset file's compressed data end early."""


class FileUnreadable(InputError):
    """A dataset file cannot be opened or decompressed."""


class FileExpandsTooFar(InputError):
    """A dataset file holds far more than its compressed size lets expect."""


class FileChanged(InputError):
    """A dataset file is another than when the run began."""


class OutputError(UsageError):
    """The output folder cannot be used."""


class GateClosed(BeamTuningError):
    """The run is whole, but the dataset is not ready to tune."""

    exit_code = 3
