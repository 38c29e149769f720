"""The whole job on the sample dataset: real media, planted faults, every line accounted for."""

from __future__ import annotations

import gzip
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from run_output import output_of

from beam_tuning.cli import main
from beam_tuning.media.media_table import from_table, is_reusable
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

VERDICTS = ("kept", "dropped", "undecided")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


def validate(sample: Sample, output: Path, *more: str) -> int:
    splits = (f"--train={sample.train}", f"--validation={sample.validation}")
    return main(["validate", *splits, f"--output={output}", f"--model={SAMPLE_MODEL}", "--allow_local_media", *more])


@pytest.fixture(scope="module")
def output(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    assert validate(sample, folder, "--sarif") == 3
    return folder


def report_of(output: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((output / "report.json").read_bytes())
    return document


def rows_of(output: Path, table: str) -> list[dict[str, Any]]:
    return [row for path in sorted(output.glob(f"{table}/*.parquet")) for row in pq.read_table(path).to_pylist()]


def verdicts(output: Path) -> dict[tuple[str, str, int], tuple[str, frozenset[str]]]:
    return {
        (row["split"], Path(row["file"]).name, row["line"]): (
            row["verdict"],
            frozenset(finding["code"] for finding in row["findings"]),
        )
        for row in rows_of(output, "verdicts")
    }


def lines_of(output: Path, name: str) -> list[bytes]:
    return [line for path in sorted(output.glob(name)) for line in path.read_bytes().split(b"\n")[:-1]]


def input_lines(sample: Sample, split: str) -> dict[tuple[str, int], bytes]:
    """The dataset's lines by file name and number, blank ones included."""
    lines = {}
    for path in sorted(Path(sample.train if split == "train" else sample.validation).parent.glob("part-*")):
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        lines.update({(path.name, number): line for number, line in enumerate(data.split(b"\n"), 1)})
    return lines


def test_every_line_has_the_verdict_and_the_reasons_that_were_planted(sample: Sample, output: Path) -> None:
    expected = {
        (one.split, Path(one.file).name, one.line): (one.verdict, frozenset(one.codes)) for one in sample.expected
    }
    actual = verdicts(output)
    assert {key: actual.get(key) for key in expected} == expected
    assert set(actual) == set(expected)


def test_read_is_kept_plus_dropped_plus_undecided(sample: Sample, output: Path) -> None:
    for split, counts in report_of(output)["splits"].items():
        assert counts["read"] == counts["kept"] + counts["dropped"] + counts["undecided"]
        assert counts["read"] == sum(one.split == split for one in sample.expected)
        for verdict in VERDICTS:
            assert len(lines_of(output, f"{split}/{verdict}-*.jsonl")) == counts[verdict]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_kept_lines_stand_byte_for_byte_as_they_came_in_the_order_of_the_input(
    sample: Sample, output: Path, split: str
) -> None:
    kept = [key[1:] for key, (verdict, _) in sorted(verdicts(output).items()) if key[0] == split and verdict == "kept"]
    lines = input_lines(sample, split)
    expected = [lines[key].removeprefix(b"\xef\xbb\xbf") for key in kept]
    assert lines_of(output, f"{split}/kept-*.jsonl") == expected
    assert (output / f"{split}.jsonl").read_bytes() == b"".join(line + b"\n" for line in expected)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_dropped_lines_stand_with_their_place_and_every_reason(sample: Sample, output: Path, split: str) -> None:
    lines = input_lines(sample, split)
    found = verdicts(output)
    for line in lines_of(output, f"{split}/dropped-*.jsonl"):
        rejected = json.loads(line)
        source = rejected["source"]
        key = (Path(source["file"]).name, source["line"])
        assert (source["split"], frozenset(reason["code"] for reason in rejected["reasons"])) == (
            split,
            found[split, *key][1],
        )
        for reason in rejected["reasons"]:
            assert set(reason) == {"code", "message", "path", "observed", "limit"}
            assert reason["message"]
        original = lines[key].removeprefix(b"\xef\xbb\xbf").strip()
        if "raw" in rejected:
            assert rejected["raw"] == lines[key].decode("utf-8", "backslashreplace")
        else:
            assert original in line


def test_every_distinct_object_is_probed_once_and_has_one_row(output: Path) -> None:
    rows = rows_of(output, "media")
    uris = [row["uri"] for row in rows]
    assert uris == sorted(set(uris))
    named = {part["uri"] for row in rows_of(output, "verdicts") for part in row["media"] if part["probe"] is not None}
    assert named == set(uris)
    assert report_of(output)["run"]["probing"]["fresh"] == len(uris)


def test_the_manifest_names_every_file_with_size_and_lines(output: Path) -> None:
    manifest = json.loads((output / "manifest.json").read_bytes())
    present = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == present
    for file in manifest["files"]:
        content = (output / file["name"]).read_bytes()
        assert len(content) == file["size_bytes"]
        assert file["lines"] == (content.count(b"\n") if file["name"].endswith(".jsonl") else None)


def test_two_runs_write_the_same_but_for_times(sample: Sample, output: Path, tmp_path: Path) -> None:
    assert validate(sample, tmp_path / "again", "--sarif") == 3
    assert output_of(tmp_path / "again") == output_of(output)


def test_overwrite_leaves_no_stale_file(sample: Sample, output: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(output, folder)
    assert (folder / "report.sarif").exists()
    assert validate(sample, folder) == 2
    assert validate(sample, folder, "--overwrite") == 3
    assert not (folder / "report.sarif").exists()


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_dataset_folder_as_output_loses_nothing(
    sample: Sample, tmp_path: Path, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "dataset"
    for name in ("media/clip.wav", "train/labels.csv"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("mine")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert validate(sample, folder, *more) == 2
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    told = capsys.readouterr().err
    assert "labels.csv" in told
    assert "earlier run" not in told
    assert "--overwrite" not in told


@pytest.mark.parametrize(
    "name", ["out[1]", "a b", "star*", "what?", "{x}", "100%", "one,two", "line\nbreak", "\N{ROCKET}", "é"]
)
def test_no_character_of_a_folders_name_is_a_wildcard(output: Path, tmp_path: Path, name: str) -> None:
    turns = [{"role": role, "parts": [{"text": "Hello."}]} for role in ("user", "model")]
    (tmp_path / "one.jsonl").write_text(json.dumps({"contents": turns}) + "\n")
    folder, neighbours = tmp_path / name, [tmp_path / "out1", tmp_path / "starry", tmp_path / "whats"]
    for neighbour in neighbours:
        shutil.copytree(output, neighbour)
    cache = tmp_path / f"cache of {name}"
    shutil.copytree(output, cache)
    options = [f"--train={tmp_path}/one.jsonl", f"--output={folder}", f"--model={SAMPLE_MODEL}", "--fail_on=never"]
    assert main(["validate", *options]) == 0
    assert main(["validate", *options, "--overwrite", f"--probe_cache={cache}"]) == 0
    assert main(["show", str(folder), "--against", str(cache)]) == 0
    assert [output_of(neighbour) for neighbour in neighbours] == [output_of(output)] * 3


@pytest.mark.parametrize(
    "output",
    [
        "",
        " ",
        "file:///out",
        "http://host/out",
        "hdfs://host/out",
        "s3://bucket/out",
        "gs://",
        "gs://B/x",
        "a\0b",
        "\ud800",
    ],
)
def test_an_output_that_no_run_can_have_is_refused(
    sample: Sample, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = (f"--train={sample.train}", f"--model={SAMPLE_MODEL}", "--allow_local_media")
    assert main(["validate", *splits, f"--output={output}"]) == 2
    told = capsys.readouterr().err
    assert "--output" in told
    assert "remedy" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("cache", ["file:///cache", "http://host/cache", "hdfs://host/cache", "a\0b", "\ud800"])
def test_a_probe_cache_that_no_run_can_have_is_refused(
    sample: Sample, tmp_path: Path, cache: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(sample, tmp_path / "out", f"--probe_cache={cache}") == 2
    told = capsys.readouterr().err
    assert "--probe_cache" in told
    assert "remedy" in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_of_two_runs_at_once_into_one_folder_one_is_refused(sample: Sample, output: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(lambda _: validate(sample, folder), range(2)))
    assert codes == [2, 3]
    expected = output_of(output)
    del expected["report.sarif"]
    assert output_of(folder).keys() == expected.keys()
    assert output_of(folder)["train.jsonl"] == expected["train.jsonl"]


def test_a_run_that_is_not_whole_is_not_shown(output: Path, tmp_path: Path) -> None:
    """As after a kill in the middle of --overwrite, which deletes the manifest first."""
    folder = tmp_path / "out"
    shutil.copytree(output, folder)
    (folder / "manifest.json").unlink()
    assert main(["show", str(folder)]) == 2


def test_a_corrupt_or_foreign_probe_cache_is_told_before_the_run(
    sample: Sample, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(output, cache)
    table = next((cache / "media").iterdir())
    for content in (b"no parquet", table.read_bytes()[:-100], next((cache / "verdicts").iterdir()).read_bytes()):
        table.write_bytes(content)
        assert validate(sample, tmp_path / "out", f"--probe_cache={cache}") == 2
        assert table.name in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_an_earlier_runs_answers_save_the_probes(sample: Sample, output: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cached"
    assert validate(sample, folder, f"--probe_cache={output}", "--trust_cache") == 3
    assert verdicts(folder) == verdicts(output)
    probing = report_of(folder)["run"]["probing"]
    earlier = [result for path in output.glob("media/*.parquet") for result in from_table(pq.read_table(path))]
    reusable = sum(map(is_reusable, earlier))
    assert probing["cached"] == reusable > 10
    assert probing["fresh"] == len(earlier) - reusable


def test_the_gate_can_be_turned_off(sample: Sample, tmp_path: Path) -> None:
    assert validate(sample, tmp_path / "out", "--fail_on=never") == 0


def test_the_majority_of_media_resolutions_decides(sample: Sample, output: Path, tmp_path: Path) -> None:
    assert validate(sample, tmp_path / "out", "--media_resolution=majority") == 3
    report = report_of(tmp_path / "out")
    assert report["media_resolutions"]["agree"]["kept"]
    values = {row["value"] for row in report["media_resolutions"]["kept"]}
    assert values == {"MEDIA_RESOLUTION_LOW"}
    before, after = verdicts(output), verdicts(tmp_path / "out")
    changed = {key for key in before if before[key] != after[key]}
    assert changed
    assert all("MEDIA_RESOLUTION_INCONSISTENT" in after[key][1] for key in changed)


def test_a_summary_is_printed_for_people(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validate(sample, tmp_path / "out")
    printed = capsys.readouterr().out
    for words in ("As given", "not ready", "train", "validation", "report.html", "Exit 3", "VIDEO_TOO_LONG"):
        assert words in printed
    assert "Traceback" not in printed
