"""The whole job on the sample dataset: real media, planted faults, every line accounted for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


def validate(sample: Sample, output: Path, *more: str) -> int:
    return main(
        [
            "validate",
            f"--train={sample.train}",
            f"--validation={sample.validation}",
            f"--output={output}",
            f"--model={SAMPLE_MODEL}",
            "--allow_local_media",
            *more,
        ]
    )


@pytest.fixture(scope="module")
def output(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    assert validate(sample, folder) == 3
    return folder


def verdicts(output: Path) -> dict[tuple[str, str, int], tuple[str, frozenset[str]]]:
    rows = [row for path in sorted(output.glob("verdicts/*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {
        (row["split"], Path(row["file"]).name, row["line"]): (
            row["verdict"],
            frozenset(finding["code"] for finding in row["findings"]),
        )
        for row in rows
    }


def lines_of(output: Path, name: str) -> list[bytes]:
    return [line for path in sorted(output.glob(name)) for line in path.read_bytes().splitlines()]


def test_every_line_has_the_verdict_and_the_reasons_that_were_planted(sample: Sample, output: Path) -> None:
    expected = {
        (one.split, Path(one.file).name, one.line): (one.verdict, frozenset(one.codes)) for one in sample.expected
    }
    actual = verdicts(output)
    assert {key: actual.get(key) for key in expected} == expected
    assert set(actual) == set(expected)


def test_read_is_kept_plus_dropped_plus_undecided(sample: Sample, output: Path) -> None:
    report = json.loads((output / "report.json").read_bytes())
    for split, counts in report["splits"].items():
        assert counts["read"] == counts["kept"] + counts["dropped"] + counts["undecided"]
        assert counts["read"] == sum(one.split == split for one in sample.expected)
        for verdict in ("kept", "dropped", "undecided"):
            assert len(lines_of(output, f"{split}/{verdict}-*.jsonl")) == counts[verdict]


def test_the_manifest_comes_with_every_file_and_its_checksum(output: Path) -> None:
    manifest = json.loads((output / "manifest.json").read_bytes())
    present = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == present
    for file in manifest["files"]:
        assert (output / file["name"]).stat().st_size == file["size_bytes"]
