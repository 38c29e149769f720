"""Merging the summaries of parts into one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

import apache_beam as beam


class Mergeable(Protocol):
    """A commutative monoid that travels as bytes."""

    @classmethod
    def empty(cls) -> Self: ...

    def merge(self, other: Self) -> object: ...

    def to_bytes(self) -> bytes: ...

    @classmethod
    def from_bytes(cls, data: bytes) -> Self: ...


@dataclass
class SummaryCombineFn(beam.CombineFn):
    """Encoded summaries -> one encoded summary; of nothing it is the encoded empty summary.

    Accumulators are summaries; they travel as bytes because `to_bytes` is smaller than their pickle.
    """

    summary: type[Mergeable]

    def create_accumulator(self) -> bytes:
        return self.summary.empty().to_bytes()

    def add_input(self, accumulator: bytes, element: bytes) -> bytes:
        return self.merge_accumulators((accumulator, element))

    def add_inputs(self, accumulator: bytes, elements: Iterable[bytes]) -> bytes:
        return self.merge_accumulators((accumulator, *elements))

    def merge_accumulators(self, accumulators: Iterable[bytes]) -> bytes:
        merged = self.summary.empty()
        for accumulator in accumulators:
            merged.merge(self.summary.from_bytes(accumulator))
        return merged.to_bytes()

    def extract_output(self, accumulator: bytes) -> bytes:
        return accumulator
