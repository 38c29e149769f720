"""Tokens of the examples of a job: what the run estimated, in the form in which the service tells them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_QUANTILES = (0.05, 0.5, 0.95)


class Distribution(msgspec.Struct, frozen=True):
    """Numbers of tokens an example; None without examples."""

    sum: int | None = None
    min: float | None = None
    p5: float | None = None
    median: float | None = None
    mean: float | None = None
    p95: float | None = None
    max: float | None = None


class TokenEstimate(msgspec.Struct, frozen=True):
    """Both ends of the run's estimates.

    Attributes:
      unknown_examples: without an estimate, which are in no number.
    """

    low: Distribution
    high: Distribution
    unknown_examples: int


class Foretold(msgspec.Struct, frozen=True):
    """The range in which the service's billed tokens should lie; `high` is None where some estimates are unknown."""

    low: int
    high: int | None


class TokenColumns:
    """The estimates of all examples of a job."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        """Args:
        tables: with the columns tokens_low and tokens_high.
        """
        given = list(tables)
        columns = {
            name: pa.chunked_array([chunk for table in given for chunk in table[name].chunks], pa.int64())
            for name in ("tokens_low", "tokens_high")
        }
        known = pc.and_(pc.is_valid(columns["tokens_low"]), pc.is_valid(columns["tokens_high"]))
        self._low = columns["tokens_low"].filter(known)
        self._high = columns["tokens_high"].filter(known)
        self._unknown = len(columns["tokens_low"]) - len(self._low)

    def estimate(self) -> TokenEstimate:
        """For the document."""
        return TokenEstimate(_distribution(self._low), _distribution(self._high), self._unknown)

    def foretold(self, dropped: int) -> Foretold:
        """The sums, where so many examples were dropped and it is not known which: dropped ones are not billed."""
        low = int(pc.sum(self._low).as_py() or 0)
        if dropped and len(self._low):
            largest = pc.array_sort_indices(self._low, order="descending").slice(0, dropped)
            low -= int(pc.sum(self._low.take(largest)).as_py() or 0)
        high = None if self._unknown else int(pc.sum(self._high).as_py() or 0)
        return Foretold(low, high)


def _distribution(values: pa.ChunkedArray) -> Distribution:
    if not len(values):
        return Distribution()
    p5, median, p95 = pc.quantile(values, q=list(_QUANTILES), interpolation="nearest").to_pylist()
    ends = pc.min_max(values).as_py()
    return Distribution(
        pc.sum(values).as_py(), ends["min"], p5, median, round(pc.mean(values).as_py(), 3), p95, ends["max"]
    )
