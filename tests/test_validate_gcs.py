"""The whole job on Cloud Storage: the code of production reads, probes and writes gs:// against an emulator."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from gcs_emulator import GcsEmulator

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

OUTPUT = "gs://sample-bucket/runs/checked"


@pytest.fixture
def sample(gcs: GcsEmulator, tmp_path: Path) -> Sample:
    """The sample dataset in the emulator, media included."""
    written = write_sample(tmp_path / "sample", media_base="gs://sample-bucket/media")
    for path in sorted((tmp_path / "sample").rglob("*")):
        if path.is_file():
            gcs.put(f"gs://sample-bucket/{path.relative_to(tmp_path / 'sample')}", path.read_bytes())
    return written


def validate(*more: str) -> int:
    splits = ("--train=gs://sample-bucket/train/part-*", "--validation=gs://sample-bucket/validation/part-*")
    return main(["validate", *splits, f"--output={OUTPUT}", f"--model={SAMPLE_MODEL}", *more])


def test_a_dataset_in_a_bucket_is_judged_and_written_there(
    gcs: GcsEmulator, sample: Sample, capfd: pytest.CaptureFixture[str]
) -> None:
    gcs.requests.clear()
    assert validate() == 3
    written = gcs.list(f"{OUTPUT}/")
    actual = {}
    for uri in written:
        if "/verdicts/" in uri:
            for row in pq.read_table(io.BytesIO(gcs.get(uri))).to_pylist():
                codes = {finding["code"] for finding in row["findings"]}
                actual[row["split"], row["file"].rsplit("/", 1)[1], row["line"]] = (row["verdict"], codes)
    expected = {(one.split, one.file, one.line): (one.verdict.value, set(one.codes)) for one in sample.expected}
    # Media of both splits with other URIs and the same bytes: a bucket's checksums tell of them, local paths do not.
    leaked = {place for place, (_, codes) in actual.items() if "MEDIA_IN_BOTH_SPLITS" in codes}
    planted = {place for place, (_, codes) in expected.items() if "MEDIA_IN_BOTH_SPLITS" in codes}
    assert leaked > planted
    for place in leaked - planted:
        actual[place][1].remove("MEDIA_IN_BOTH_SPLITS")
    assert actual == expected

    manifest = json.loads(gcs.get(f"{OUTPUT}/manifest.json"))
    assert {f"{OUTPUT}/{file['name']}" for file in manifest["files"]} | {f"{OUTPUT}/manifest.json"} == set(written)
    kept = b"".join(gcs.get(uri) for uri in written if "/train/kept-" in uri)
    assert gcs.get(f"{OUTPUT}/train.jsonl") == kept
    job = json.loads(gcs.get(f"{OUTPUT}/tuning_job.json"))
    assert job["supervisedTuningSpec"]["trainingDatasetUri"] == f"{OUTPUT}/train.jsonl"

    media = [uri for uri in written if "/media/" in uri]
    rows = [row for uri in media for row in pq.read_table(io.BytesIO(gcs.get(uri))).to_pylist()]
    assert all(row["generation"] for row in rows if row["size_bytes"])
    probes = [request for request in gcs.requests if "/download/" in request and "media%2F" in request]
    assert len(probes) == sum(row["requests"] for row in rows if row["uri"].startswith("gs://sample-bucket/media/"))
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_second_run_needs_overwrite_and_asks_for_metadata_only(gcs: GcsEmulator, sample: Sample) -> None:
    assert validate() == 3
    assert validate() == 2
    for uri in gcs.list(f"{OUTPUT}/media/"):
        gcs.put(uri.replace(OUTPUT, "gs://sample-bucket/runs/earlier"), gcs.get(uri))
    gcs.requests.clear()
    assert validate("--overwrite", "--probe_cache=gs://sample-bucket/runs/earlier") == 3
    probing = json.loads(gcs.get(f"{OUTPUT}/report.json"))["run"]["probing"]
    assert probing["cached"] > 10
    assert probing["received_bytes"] < 10_000


def test_show_reads_a_run_in_a_bucket(gcs: GcsEmulator, sample: Sample, capfd: pytest.CaptureFixture[str]) -> None:
    assert validate() == 3
    capfd.readouterr()
    assert main(["show", OUTPUT, "--code=VIDEO_TOO_LONG"]) == 3
    assert "gs://sample-bucket/train/part-" in capfd.readouterr().out


def test_a_bucket_that_is_not_there_is_an_error_with_a_remedy(
    gcs: GcsEmulator, capfd: pytest.CaptureFixture[str]
) -> None:
    gcs.create_bucket("sample-bucket")
    assert validate() == 2
    captured = capfd.readouterr()
    assert "matches no file" in captured.err
    assert "Traceback" not in captured.err
