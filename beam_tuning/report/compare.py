"""What changed between two runs: counts by split and by reason, and the examples whose verdict changed, with why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beam_tuning.policy.readiness import State
from beam_tuning.reasons import Outcome
from beam_tuning.report.command_lines import OptionValue
from beam_tuning.report.document import Document
from beam_tuning.report.folder import read_document, read_verdicts
from beam_tuning.run_folder.reader import RunFolder

_PLACE = ["split", "file", "line"]
_CODES = ("findings.list.element.code", "findings.list.element.outcome")
#: Options that say where and how a run works, not what it decides.
_NOT_COMPARED = frozenset({"output", "overwrite", "probe_cache", "trust_cache", "probe_threads", "sarif"})


class Change(NamedTuple):
    """A count in the old and in the new run."""

    name: str
    old: int
    new: int


class ChangedExample(NamedTuple):
    """An example with another verdict than before.

    Attributes:
      file, line: in the new run.
      before: its file and line in the old run.
      gone, come: codes of reasons that it no longer has, and that it had not; advice is left out.
    """

    split: str
    file: str
    line: int
    before: tuple[str, int]
    old: str
    new: str
    gone: tuple[str, ...]
    come: tuple[str, ...]


class Comparison(NamedTuple):
    """Old run against new run.

    Attributes:
      models: of the old and the new run.
      options: those that decide something and changed, with their old and new values.
      states: each answer's name with its old and new state.
      counts: examples read, kept, dropped, undecided and sampled out by split, named e.g. `train kept`.
      reasons: examples by reason code; only those that changed, the largest change first.
      verdicts: examples by (old verdict, new verdict), of examples that are in both runs and changed.
      gone, come: for each of those, examples by the reason that they no longer have, and that they had not.
      only_old, only_new: examples that are in one run only.
      moved: examples whose line is the same and stands in another file or at another number.
      rewritten: examples whose line changed where it stands.
      other_split: examples that are in another split than before, where one of the runs has made a validation set.
      by_content: whether both runs have hashes of their lines; else examples are matched by place alone.
      examples: those with another verdict, by split, file and line, at most `MOST_EXAMPLES`.
    """

    models: tuple[str, str]
    options: tuple[tuple[str, OptionValue, OptionValue], ...]
    states: tuple[tuple[str, State, State], ...]
    counts: tuple[Change, ...]
    reasons: tuple[Change, ...]
    verdicts: Mapping[tuple[str, str], int]
    gone: Mapping[tuple[str, str], Mapping[str, int]]
    come: Mapping[tuple[str, str], Mapping[str, int]]
    only_old: int
    only_new: int
    moved: int
    rewritten: int
    other_split: int
    by_content: bool
    examples: tuple[ChangedExample, ...]

    def as_document(self) -> dict[str, Any]:
        """For programs: mappings, lists and plain values."""
        return {
            **self._asdict(),
            "models": dict(zip(("old", "new"), self.models, strict=True)),
            "states": [{"name": name, "old": old, "new": new} for name, old, new in self.states],
            "counts": [one._asdict() for one in self.counts],
            "reasons": [one._asdict() for one in self.reasons],
            "verdicts": [{"old": old, "new": new, "examples": n} for (old, new), n in self.verdicts.items()],
            "examples": [one._asdict() for one in self.examples],
        }


MOST_EXAMPLES = 100


def compare(new: RunFolder, old: RunFolder) -> Comparison:
    """An example is the same one in both runs if split and line are the same, byte for byte, wherever it stands; of the
    others, if split, file and line number are the same; where one of the runs has made a validation set out of the
    training set, of those left, if the line is the same.

    Of equal lines the first in one run, by file and line, is matched with the first in the other, and so on.

    Raises:
      InputError: one of the folders holds no whole run.
    """
    new_document, old_document = read_document(new), read_document(old)
    columns = (*_PLACE, "verdict", *_CODES)
    before, after = (read_verdicts(folder, columns, ("line_hash",)) for folder in (old, new))
    by_content = all("line_hash" in table.column_names for table in (before, after))
    is_split = any(
        document.selection and document.selection.validation_split for document in (old_document, new_document)
    )
    pairs, rewritten = _matched(before, after, by_content=by_content, across_splits=is_split)
    # Of each pair the rows side by side.
    was, now = before.take(pairs["old_row"]), after.take(pairs["new_row"])
    differs = pc.not_equal(was["verdict"], now["verdict"])
    moved = pc.or_(pc.not_equal(was["file"], now["file"]), pc.not_equal(was["line"], now["line"]))
    was_changed, now_changed = was.filter(differs), now.filter(differs)
    verdicts = pa.table({"old": was_changed["verdict"], "new": now_changed["verdict"]})
    gone, come = _codes_lost(was_changed, now_changed), _codes_lost(now_changed, was_changed)
    return Comparison(
        models=(old_document.model, new_document.model),
        options=_options(old_document, new_document),
        states=(
            ("as_given", old_document.readiness.as_given.state, new_document.readiness.as_given.state),
            ("cleaned", old_document.readiness.cleaned.state, new_document.readiness.cleaned.state),
        ),
        counts=_changes(_counts(old_document), _counts(new_document)),
        reasons=_largest_first(_changes(_reasons(old_document), _reasons(new_document))),
        verdicts={(row["old"], row["new"]): row["count_all"] for row in _counted(verdicts, ["old", "new"])},
        gone=_by_change(gone, verdicts),
        come=_by_change(come, verdicts),
        only_old=before.num_rows - pairs.num_rows,
        only_new=after.num_rows - pairs.num_rows,
        moved=_trues(moved),
        rewritten=rewritten,
        other_split=_trues(pc.not_equal(was["split"], now["split"])),
        by_content=by_content,
        examples=_examples(was_changed, now_changed, gone, come),
    )


def _matched(before: pa.Table, after: pa.Table, *, by_content: bool, across_splits: bool) -> tuple[pa.Table, int]:
    """(`old_row` and `new_row` of each example in both runs, how many of them were rewritten where they stand)."""
    old, new = (
        table.select([*_PLACE, *(["line_hash"] if by_content else [])]).append_column(name, _rows(table))
        for table, name in ((before, "old_row"), (after, "new_row"))
    )
    rows = ["old_row", "new_row"]
    if not by_content:
        return old.join(new, keys=_PLACE, join_type="inner").select(rows), 0
    same = _of_equal_lines(old, new, ["split", "line_hash"])
    old, new = _without(old, same), _without(new, same)
    left, right = (table.drop_columns(["line_hash"]) for table in (old, new))
    rewritten = left.join(right, keys=_PLACE, join_type="inner").select(rows)
    found = [same, rewritten]
    if across_splits:
        found.append(_of_equal_lines(_without(old, rewritten), _without(new, rewritten), ["line_hash"]))
    return pa.concat_tables(found), rewritten.num_rows


def _of_equal_lines(old: pa.Table, new: pa.Table, key: list[str]) -> pa.Table:
    """`old_row` and `new_row` of examples with an equal key, the first with the first, and so on."""
    left, right = _numbered(old, key), _numbered(new, key)
    return left.join(right, keys=[*key, "nth"], join_type="inner").select(["old_row", "new_row"])


def _numbered(table: pa.Table, key: list[str]) -> pa.Table:
    """Rows with an equal key numbered from 0, by file and line; the key, the row and the number."""
    ordered = table.sort_by([(name, "ascending") for name in (*key, "file", "line")])
    rows = np.arange(ordered.num_rows)
    starts = np.ones(ordered.num_rows, bool)
    for name in key if ordered.num_rows else ():
        column = ordered[name].combine_chunks()
        differs = pc.not_equal(column[1:], column[:-1]).fill_null(True).to_numpy(zero_copy_only=False)
        starts[1:] = differs if name == key[0] else starts[1:] | differs
    nth = rows - np.maximum.accumulate(np.where(starts, rows, 0)) if ordered.num_rows else rows
    beside = [name for name in _PLACE if name not in key]
    return ordered.drop_columns(beside).append_column("nth", pa.array(nth, pa.int64()))


def _without(table: pa.Table, pairs: pa.Table) -> pa.Table:
    """The rows that are in none of the pairs."""
    name = table.column_names[-1]
    return table.filter(pc.invert(pc.is_in(table[name], pairs[name].combine_chunks())))


def _codes_lost(of: pa.Table, to: pa.Table) -> pa.Table:
    """(`row`, `code`) of the reasons, but for advice, that an example has in the one table and not in the other."""
    return _codes(of).join(_codes(to), keys=["row", "code"], join_type="left anti")


def _codes(table: pa.Table) -> pa.Table:
    findings = table["findings"].combine_chunks()
    inside = pc.list_flatten(findings)
    codes = pa.table({"row": pc.list_parent_indices(findings), "code": pc.struct_field(inside, "code")})
    weighty = pc.not_equal(pc.struct_field(inside, "outcome"), Outcome.ADVICE.value)
    return codes.filter(weighty).group_by(["row", "code"]).aggregate([])


def _by_change(codes: pa.Table, verdicts: pa.Table) -> dict[tuple[str, str], dict[str, int]]:
    """Examples by (old verdict, new verdict), then by code, the most frequent first."""
    of_rows = verdicts.take(codes["row"]).append_column("code", codes["code"])
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in sorted(_counted(of_rows, ["old", "new", "code"]), key=lambda row: (-row["count_all"], row["code"])):
        found.setdefault((row["old"], row["new"]), {})[row["code"]] = row["count_all"]
    return found


def _examples(was: pa.Table, now: pa.Table, gone: pa.Table, come: pa.Table) -> tuple[ChangedExample, ...]:
    places = now.select(_PLACE).append_column("row", _rows(now))
    first = places.sort_by([(name, "ascending") for name in _PLACE]).slice(0, MOST_EXAMPLES)["row"]
    lost, found = (_codes_of(codes, first) for codes in (gone, come))
    columns = [*_PLACE, "verdict"]
    olds, news = (table.select(columns).take(first).to_pylist() for table in (was, now))
    return tuple(
        ChangedExample(
            split=new["split"],
            file=new["file"],
            line=new["line"],
            before=(old["file"], old["line"]),
            old=old["verdict"],
            new=new["verdict"],
            gone=lost.get(row, ()),
            come=found.get(row, ()),
        )
        for row, old, new in zip(first.to_pylist(), olds, news, strict=True)
    )


def _codes_of(codes: pa.Table, rows: pa.ChunkedArray) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    wanted = codes.filter(pc.is_in(codes["row"], rows.combine_chunks()))
    for row in wanted.sort_by([("row", "ascending"), ("code", "ascending")]).to_pylist():
        found[row["row"]] = (*found.get(row["row"], ()), row["code"])
    return found


def _rows(table: pa.Table) -> pa.Array:
    return pa.array(np.arange(table.num_rows), pa.int64())


def _counted(table: pa.Table, by: list[str]) -> list[dict[str, Any]]:
    counted = table.group_by(by).aggregate([([], "count_all")])
    return list(counted.sort_by([(name, "ascending") for name in by]).to_pylist())


def _trues(values: pa.ChunkedArray) -> int:
    return int(pc.sum(values).as_py() or 0)


def _options(old: Document, new: Document) -> tuple[tuple[str, OptionValue, OptionValue], ...]:
    names = [name for name in dict.fromkeys((*old.options, *new.options)) if name not in _NOT_COMPARED | {"model"}]
    pairs = ((name, old.options.get(name), new.options.get(name)) for name in names)
    return tuple((name, before, after) for name, before, after in pairs if before != after)


def _counts(document: Document) -> dict[str, int]:
    return {
        f"{name} {field}": getattr(split, field)
        for name, split in document.splits.items()
        for field in ("read", "kept", "dropped", "undecided", "sampled_out")
        if field != "sampled_out" or split.sampled_out
    }


def _reasons(document: Document) -> dict[str, int]:
    return {row.code: row.examples for row in document.reasons}


def _changes(old: Mapping[str, int], new: Mapping[str, int]) -> tuple[Change, ...]:
    return tuple(Change(name, old.get(name, 0), new.get(name, 0)) for name in dict.fromkeys((*old, *new)))


def _largest_first(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    changed = [change for change in changes if change.old != change.new]
    return tuple(sorted(changed, key=lambda change: (-abs(change.new - change.old), change.name)))
