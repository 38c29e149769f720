"""docs/tables.md says every column as it is, and its DuckDB queries run on real tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from judged_examples import Generator

from beam_tuning.media import media_table
from beam_tuning.reasons import Finding, Reason
from beam_tuning.repair_plan.plan import PLAN_SCHEMA
from beam_tuning.summary.repairs_table import REPAIRS_SCHEMA
from beam_tuning.summary.tables import VERDICT_SCHEMA, verdict_table

DOCUMENT = Path(__file__).parents[2] / "docs/tables.md"
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def type_name(kind: pa.DataType) -> str:
    if not pa.types.is_list(kind):
        return str(kind)
    return "list of struct" if pa.types.is_struct(kind.value_type) else f"list of {kind.value_type}"


def rows(fields: Iterator[pa.Field] | pa.Schema | pa.StructType, prefix: str = "") -> Iterator[str]:
    for field in fields:
        about = field.metadata[b"description"].decode()
        yield f"| `{prefix}{field.name}` | {type_name(field.type)} | {about} |"
        if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
            yield from rows(field.type.value_type, f"{field.name}[].")


def columns(schema: pa.Schema) -> str:
    return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *rows(schema)])


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("verdicts", VERDICT_SCHEMA),
        ("media", media_table.SCHEMA),
        ("repairs", REPAIRS_SCHEMA),
        ("plan", PLAN_SCHEMA),
    ],
)
def test_the_columns_are_documented(name: str, schema: pa.Schema) -> None:
    """To renew a part of the document, put what `columns` returns between its marks."""
    (part,) = re.findall(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", DOCUMENT.read_text(), re.DOTALL)
    assert part == columns(schema)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    examples = [*Generator(seed=3).examples(900), *Generator(seed=3).examples(60, split="validation")]
    twice = Finding(Reason.EXAMPLE_DUPLICATE, "the same example stands in a.jsonl:1", observed="a.jsonl:1")
    examples[0] = msgspec.structs.replace(examples[0], findings=(*examples[0].findings, twice))
    results = [part.result for one in examples for part in one.media]
    probes = {probe.uri: probe for probe in results if probe is not None}
    for name, table in (("verdicts", verdict_table(examples)), ("media", media_table.to_table(probes.values()))):
        (folder / name).mkdir()
        pq.write_table(table, folder / name / "part-00000-of-00001.parquet")
    return folder


@pytest.mark.parametrize("number", range(8))
def test_the_queries_run_and_find_something(run: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    assert len(QUERIES) == 8
    monkeypatch.chdir(run)
    assert duckdb.sql(QUERIES[number]).fetchall()


def test_every_duckdb_query_has_one_for_bigquery() -> None:
    assert DOCUMENT.read_text().count("```googlesql\n") == len(QUERIES)
