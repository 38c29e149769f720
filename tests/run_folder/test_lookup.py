"""Line N of train.jsonl leads back to the file, line and offset that it came from, without a line being read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from finished_runs import make_run
from gcs_emulator import GcsEmulator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuning_lines import encoded, example, text

from beam_tuning.cli import main
from beam_tuning.errors import InputError
from beam_tuning.run_folder.lookup import LineSource, TuningLines, check_whole
from beam_tuning.run_folder.manifest import Manifest
from beam_tuning.run_folder.reader import RunFolder

#: Lines that are kept, dropped and passed over.
_LINES = st.lists(
    st.one_of(
        st.integers(0, 10**6).map(lambda number: encoded(example(text(f"Question {number}")))),
        st.sampled_from([b"", b"  ", b"\r", b"no JSON", b'{"contents": []}']),
    ),
    max_size=12,
)


def lines_of(folder: str, split: str = "train") -> TuningLines:
    reader = RunFolder(folder)
    manifest = reader.manifest()
    assert manifest is not None
    return check_whole(reader, manifest, split)


def check_against_dataset(folder: str, dataset: dict[str, bytes], split: str = "train") -> None:
    """Every line of the tuning file stands where the lookup says."""
    with RunFolder(folder).open(f"{split}.jsonl") as stream:
        whole = stream.read().split(b"\n")[:-1]
    lines = lines_of(folder, split)
    assert lines.total == len(whole)
    sources = lines.sources(range(-1, lines.total + 3))
    assert sorted(sources) == list(range(1, lines.total + 1))
    for number, source in sources.items():
        data = dataset[source.file]
        kept = whole[number - 1]
        assert source.split == split
        assert data.split(b"\n")[source.line - 1] == kept
        assert data[source.offset_bytes : source.offset_bytes + len(kept)] == kept


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(_LINES, min_size=1, max_size=5))
def test_every_line_is_found_whatever_is_dropped_or_blank(
    files: list[list[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    by_path = {f"/data/part-{number}.jsonl": lines for number, lines in enumerate(files)}
    if not any(b"contents" in line and b"Question" in line for lines in files for line in lines):
        by_path["/data/part-9.jsonl"] = [encoded(example())]
    folder = str(tmp_path_factory.mktemp("run"))
    make_run(folder, {"train": by_path})
    check_against_dataset(folder, {path: b"\n".join(lines) for path, lines in by_path.items()})


@pytest.mark.parametrize("where", ["local", "gs"])
def test_a_real_run(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Several files, plain and gzip, byte order marks, blank lines, CRLF, files of which nothing is kept."""
    files = {
        "part-0.jsonl": b"\xef\xbb\xbf" + b"\r\n\r\n".join(encoded(example(text(f"a{n}"))) for n in range(5)),
        "part-1.jsonl": b"no JSON\n{}\n",
        "part-2.jsonl.gz": b"\n\n".join(encoded(example(text(f"b{n}"))) for n in range(7)) + b"\n[]\n",
        "part-3.jsonl": encoded(example(text("last"))),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    output = str(tmp_path / "out")
    if where == "gs":
        gcs: GcsEmulator = request.getfixturevalue("gcs")
        gcs.create_bucket("bucket")
        output = "gs://bucket/runs/1"
    argv = [f"--train={tmp_path}/part-*", f"--output={output}", "--model=gemini-2.5-flash", "--fail_on=never"]
    assert main(["validate", *argv]) == 0
    dataset = {str(tmp_path / name): data for name, data in files.items()}
    lines = lines_of(output)
    assert lines.total == 13
    sources = lines.sources([1, 6, 13])
    assert sources[6] == LineSource("train", str(tmp_path / "part-2.jsonl.gz"), 1, 0)
    assert sources[13].line == 1
    # The mark stands before the first line of the file, and is no part of the kept one.
    dataset[str(tmp_path / "part-0.jsonl")] = files["part-0.jsonl"]
    whole = RunFolder(output).read("train.jsonl").split(b"\n")[:-1]
    for number, source in lines.sources(range(1, 14)).items():
        in_file = dataset[source.file].split(b"\n")[source.line - 1]
        assert in_file.removeprefix(b"\xef\xbb\xbf") == whole[number - 1]
        assert dataset[source.file][source.offset_bytes :].startswith(in_file)


def test_the_validation_set_has_numbers_of_its_own(tmp_path: Path) -> None:
    train = {"/data/t.jsonl": [example(text(f"t{n}")) for n in range(3)]}
    validation = {"/data/v.jsonl": [example(text(f"v{n}")) for n in range(2)]}
    make_run(str(tmp_path), {"train": train, "validation": validation})
    assert lines_of(str(tmp_path), "validation").sources([1, 2, 3]) == {
        1: LineSource("validation", "/data/v.jsonl", 1, 0),
        2: LineSource("validation", "/data/v.jsonl", 2, len(encoded(example(text("v0")))) + 1),
    }


def changed_manifest(folder: Path, change: dict[str, Any]) -> None:
    document = json.loads((folder / "manifest.json").read_bytes())
    for file in document["files"]:
        file.update(change.get(file["name"], {}))
    (folder / "manifest.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train/kept-00000-of-00001.jsonl": {"lines": 2}, "train.jsonl": {"lines": 2}}, "does not fit manifest"),
        ({"train/kept-00000-of-00001.jsonl": {"lines": 4}}, "not as many lines"),
        ({"train/kept-00000-of-00001.jsonl": {"lines": None}}, "how many lines"),
        ({"train/kept-00000-of-00001.jsonl": {"lines": -3}}, "how many lines"),
        ({"verdicts/train-00000-of-00001.parquet": {"crc32c": "AAAAAA=="}}, "changed since"),
    ],
)
def test_a_manifest_that_does_not_fit_is_told(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    make_run(str(tmp_path), {"train": {"/data/t.jsonl": [example(text(f"t{n}")) for n in range(3)]}})
    changed_manifest(tmp_path, change)
    with pytest.raises(InputError, match=words):
        lines_of(str(tmp_path)).sources([1])


def test_a_table_of_another_run_is_told(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(str(tmp_path / name), {"train": {"/data/t.jsonl": [example(text(name))]}})
    table = "verdicts/train-00000-of-00001.parquet"
    (tmp_path / "one" / table).write_bytes((tmp_path / "two" / table).read_bytes())
    with pytest.raises(InputError, match="changed since"):
        lines_of(str(tmp_path / "one")).sources([1])


def test_a_split_that_was_not_read_has_no_lines(tmp_path: Path) -> None:
    make_run(str(tmp_path), {"train": {"/data/t.jsonl": [example()]}})
    reader = RunFolder(str(tmp_path))
    manifest = reader.manifest()
    assert isinstance(manifest, Manifest)
    assert TuningLines(reader, manifest, "validation").sources([1]) == {}
