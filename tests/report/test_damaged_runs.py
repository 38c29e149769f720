"""Runs whose files were edited, damaged or never ours: told in our words, and never a traceback."""

from __future__ import annotations

import functools
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import hostile_examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_documents import document_of
from rich.console import Console
from run_folders import write_run

from beam_tuning.errors import BeamTuningError, InputError
from beam_tuning.report.console import print_summary
from beam_tuning.report.document import Document, read_document
from beam_tuning.report.folder import Filter
from beam_tuning.report.html import render_html
from beam_tuning.report.json import encode_json
from beam_tuning.report.sarif import sarif_document
from beam_tuning.report.show import show
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.tables import verdict_table

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text())
)

#: What a value may be replaced with: another type, another size, nothing.
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**400,
    2**63,
    1e308,
    0.5,
    "",
    "\u202e\x9b31m",
    "x" * 100_000,
    [],
    {},
    [[]],
    {"a": {}},
    [None],
)


class Edit:
    """One change of one place of a JSON value."""

    def __init__(self, path: tuple[str | int, ...], change: str, value: Any = None) -> None:
        self._path, self._change, self._value = path, change, value

    def __repr__(self) -> str:
        return f"{self._change} {'.'.join(map(str, self._path))} {str(self._value)[:40]!r}"

    def __call__(self, document: Any) -> Any:
        """The document itself, changed."""
        *parents, last = self._path
        inside = functools.reduce(lambda value, key: value[key], parents, document)
        if self._change == "delete":
            del inside[last]
        elif self._change == "set":
            inside[last] = self._value
        elif isinstance(inside, dict):
            inside[f"{last}\u202e extra"] = self._value
        else:
            inside.append(self._value)
        return document


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place; of a long list the first and the last only."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from paths(inside, (*path, key))
    elif isinstance(value, list) and value:
        for index in sorted({0, len(value) - 1}):
            yield from paths(value[index], (*path, index))


@pytest.fixture(scope="module")
def whole(examples: list[JudgedExample]) -> bytes:
    """A small document with everything in it."""
    some = [*examples[:16], *[one for one in examples if one.line_id.split == "validation"][:4]]
    return encode_json(document_of([*some, *hostile_examples()[:2]]))


def decoded(encoded: bytes) -> Any:
    return msgspec.json.decode(encoded)


def everything_made_of(document: Document) -> None:
    """All that is made from a document, but for the page."""
    console = Console(file=io.StringIO(), width=60)
    print_summary(document, console)
    encode_json(sarif_document(document))
    encode_json(document)


def read_or_refused(encoded: bytes) -> Document | None:
    try:
        return read_document(encoded, "a folder")
    except InputError as error:
        check_words(error)
        return None


def check_words(error: InputError) -> None:
    assert error.where == "a folder"
    assert error.remedy
    assert len(str(error)) < 2000
    assert not set(str(error)) & set("\u202e\x9b\x1b")


def test_every_edit_is_read_or_refused(whole: bytes) -> None:
    """Every place gone, something more beside it, and values of other types in it."""
    changes: tuple[tuple[str, Any], ...] = (("delete", None), ("add", 1), ("set", None), ("set", -1), ("set", []))
    places = [path for path in paths(decoded(whole)) if "samples" not in path[:-2]]
    edits = [Edit(path, change, value) for path in places for change, value in changes]
    assert len(edits) > 1500
    read = 0
    for edit in edits:
        document = read_or_refused(msgspec.json.encode(edit(decoded(whole))))
        if document is not None:
            read += 1
            if read % 8 == 0:
                everything_made_of(document)
    assert 0 < read / len(edits) < 0.4


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_read_has_the_published_schema_and_can_be_shown(whole: bytes, data: st.DataObject) -> None:
    edited = decoded(whole)
    places = list(paths(edited))
    for _ in range(data.draw(st.integers(1, 3))):
        change = data.draw(st.sampled_from(["delete", "set", "add"]))
        edit = Edit(data.draw(st.sampled_from(places)), change, data.draw(st.sampled_from(ODD_VALUES)))
        try:
            edited = edit(edited)
        except (LookupError, TypeError):  # an earlier edit took the place away
            continue
    document = read_or_refused(json.dumps(edited).encode())
    if document is not None:
        assert SCHEMA.is_valid(edited)
        everything_made_of(document)


SECTIONS = ("distributions", "splits", "what_if", "media", "run", "tokens", "limits", "resolution_plan", "readiness")


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_read_can_be_drawn(whole: bytes, section: str) -> None:
    """The page costs a second, so a few edits of each section are drawn."""
    rng = random.Random(section)
    places = [path for path in paths(decoded(whole)) if path[0] == section and len(path) > 1]
    values: tuple[object, ...] = (0, 2**63 - 1, 1e308, None, "", "\u202e", [], {})
    edits = [Edit(path, "set", value) for path in places for value in values]
    found = (read_or_refused(json.dumps(edit(decoded(whole))).encode()) for edit in rng.sample(edits, len(edits)))
    readable = [document for document, _ in zip((one for one in found if one is not None), range(2), strict=False)]
    assert readable
    for document in readable:
        page = render_html(document)
        assert page.startswith("<!doctype html>")
        assert "\u202e" not in page


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"null",
        b"\xff\xfe",
        b'{"schema_version": 1',
        b"[" * 200_000,
        b'{"schema_version": 1, "options": ' + b'{"a":' * 100_000,
        b'{"schema_version": ' + b"9" * 10_000 + b"}",
        b'{"schema_version": {"a": [1, 2, 3]}}',
        b'{"schema_version": "\xe2\x80\xae"}',
        b'{"schema_version": 1, "model": "\\ud800"}',
    ],
    ids=lambda encoded: encoded[:24].decode("latin-1"),
)
def test_what_is_no_document_is_refused(encoded: bytes) -> None:
    assert read_or_refused(encoded) is None


def test_a_refusal_names_the_place(whole: bytes) -> None:
    edited = Edit(("splits", "train", "kept"), "set", "many")(decoded(whole))
    with pytest.raises(InputError, match="does not have the form") as error:
        read_document(json.dumps(edited).encode(), "gs://example-bucket/checked")
    assert "kept" in str(error.value)
    assert "gs://example-bucket/checked" in str(error.value)


def shown(folder: RunFolder, **how: Any) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(folder, console, **how)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def cut_in_the_middle(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + whole[-200:])


def pages_overwritten(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[4:2000] = b"\xff" * 1996
    path.write_bytes(whole)


def another_table(path: Path) -> None:
    pq.write_table(pa.table({"user_id": [1, 2, 3]}), path)


def a_column_of_another_type(path: Path) -> None:
    table = pq.read_table(path)
    at = table.column_names.index("line")
    pq.write_table(table.set_column(at, "line", table["line"].cast(pa.string())), path)


def the_same_column_twice(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.append_column("file", table["file"]), path)


def without_findings(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["findings", "line"]), path)


DAMAGES: tuple[Callable[[Path], Any], ...] = (
    truncated,
    cut_in_the_middle,
    pages_overwritten,
    another_table,
    a_column_of_another_type,
    the_same_column_twice,
    without_findings,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_text("split,file,line\ntrain,a.jsonl,1\n"),
    lambda path: (path.unlink(), path.mkdir()),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_verdict_table_is_told(
    tmp_path: Path, examples: list[JudgedExample], damage: Callable[[Path], Any]
) -> None:
    good = write_run(tmp_path / "good", examples[:80])
    bad = write_run(tmp_path / "bad", examples[:80], shards=2)
    name = "train-00001-of-00002.parquet"
    damage(tmp_path / "bad/verdicts" / name)
    for how in ({"wanted": Filter(split="train")}, {"against": good}):
        with pytest.raises(InputError) as error:
            shown(bad, **how)
        assert name in str(error.value)
        assert error.value.remedy
    with pytest.raises(InputError):
        shown(good, against=bad)


def test_a_table_of_a_later_version_with_more_columns_is_read(tmp_path: Path, examples: list[JudgedExample]) -> None:
    folder = write_run(tmp_path / "run", examples[:20], shards=1)
    path = tmp_path / "run/verdicts/train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("later", pa.array(range(len(table)))), path)
    assert "20 examples" in shown(folder, wanted=Filter(split="train"))


def test_a_run_without_verdict_files_is_told(tmp_path: Path, examples: list[JudgedExample]) -> None:
    folder = write_run(tmp_path / "run", examples[:20])
    for path in (tmp_path / "run/verdicts").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="verdict table cannot be read"):
        shown(folder, wanted=Filter(split="train"))


def test_bytes_that_were_changed_anywhere_are_read_or_told(tmp_path: Path, examples: list[JudgedExample]) -> None:
    path = tmp_path / "verdicts.parquet"
    pq.write_table(verdict_table(examples[:40]), path)
    table = path.read_bytes()
    rng = random.Random(2)
    folder = write_run(tmp_path / "run", examples[:40], shards=1)
    target = tmp_path / "run/verdicts/train-00000-of-00001.parquet"
    told = 0
    for _ in range(60):
        changed = bytearray(table)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        target.write_bytes(changed)
        try:
            shown(folder, wanted=Filter(split="train"))
        except BeamTuningError:
            told += 1
    assert told > 5
