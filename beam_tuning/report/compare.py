"""What changed between two runs: counts by split and by reason, and the examples whose verdict changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.report.document import Document
from beam_tuning.report.folder import RunFolder, read_document, read_verdicts

_KEY = ["split", "file", "line"]


class Change(NamedTuple):
    """A count in the old and in the new run."""

    name: str
    old: int
    new: int


class ChangedExample(NamedTuple):
    """An example with another verdict than before."""

    split: str
    file: str
    line: int
    old: str
    new: str


class Comparison(NamedTuple):
    """Old run against new run.

    Attributes:
      models: of the old and the new run.
      states: each answer's name with its old and new state.
      counts: examples read, kept, dropped and undecided by split, named e.g. `train kept`.
      reasons: examples by reason code; only those that changed, the largest change first.
      verdicts: examples by (old verdict, new verdict), of examples that are in both runs and changed.
      only_old, only_new: examples that are in one run only.
      examples: those with another verdict, by split, file and line, at most `MOST_EXAMPLES`.
    """

    models: tuple[str, str]
    states: tuple[tuple[str, str, str], ...]
    counts: tuple[Change, ...]
    reasons: tuple[Change, ...]
    verdicts: Mapping[tuple[str, str], int]
    only_old: int
    only_new: int
    examples: tuple[ChangedExample, ...]


MOST_EXAMPLES = 100


def compare(new: RunFolder, old: RunFolder) -> Comparison:
    """An example is the same one in both runs if split, file and line are the same.

    Raises:
      InputError: one of the folders holds no whole run.
    """
    new_document, old_document = read_document(new), read_document(old)
    both = _joined(read_verdicts(old, [*_KEY, "verdict"]), read_verdicts(new, [*_KEY, "verdict"]))
    is_old, is_new = pc.is_valid(both["old"]), pc.is_valid(both["new"])
    changed = both.filter(pc.and_(pc.and_(is_old, is_new), pc.not_equal(both["old"], both["new"])))
    counted = changed.group_by(["old", "new"]).aggregate([([], "count_all")]).to_pylist()
    first = changed.sort_by([(name, "ascending") for name in _KEY]).slice(0, MOST_EXAMPLES)
    return Comparison(
        models=(old_document.model, new_document.model),
        states=(
            ("as_given", old_document.readiness.as_given.state, new_document.readiness.as_given.state),
            ("cleaned", old_document.readiness.cleaned.state, new_document.readiness.cleaned.state),
        ),
        counts=_changes(_counts(old_document), _counts(new_document)),
        reasons=_largest_first(_changes(_reasons(old_document), _reasons(new_document))),
        verdicts={(row["old"], row["new"]): row["count_all"] for row in sorted(counted, key=lambda row: row["old"])},
        only_old=pc.sum(pc.invert(is_new)).as_py() or 0,
        only_new=pc.sum(pc.invert(is_old)).as_py() or 0,
        examples=tuple(ChangedExample(**row) for row in first.select([*_KEY, "old", "new"]).to_pylist()),
    )


def _joined(old: pa.Table, new: pa.Table) -> pa.Table:
    return old.rename_columns([*_KEY, "old"]).join(
        new.rename_columns([*_KEY, "new"]), keys=_KEY, join_type="full outer"
    )


def _counts(document: Document) -> dict[str, int]:
    return {
        f"{name} {field}": getattr(split, field)
        for name, split in document.splits.items()
        for field in ("read", "kept", "dropped", "undecided")
    }


def _reasons(document: Document) -> dict[str, int]:
    return {row.code: row.examples for row in document.reasons}


def _changes(old: Mapping[str, int], new: Mapping[str, int]) -> tuple[Change, ...]:
    return tuple(Change(name, old.get(name, 0), new.get(name, 0)) for name in dict.fromkeys((*old, *new)))


def _largest_first(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    changed = [change for change in changes if change.old != change.new]
    return tuple(sorted(changed, key=lambda change: (-abs(change.new - change.old), change.name)))
