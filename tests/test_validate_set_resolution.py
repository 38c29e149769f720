"""`validate --set_media_resolution`: one media resolution on every kept line, the rest of it byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

CONTENTS = (
    '"contents": [{"role": "user", "parts": [{"text": "What is said?"}]}, {"role":"model","parts":[{"text":"No."}]}]'
)
LOW = '"MEDIA_RESOLUTION_LOW"'


def run(folder: Path, lines: list[str], *more: str) -> tuple[int, Any]:
    train, output = folder / "train.jsonl", folder / "out"
    train.write_text("".join(line + "\n" for line in lines))
    words = ["validate", f"--train={train}", f"--output={output}", "--model=gemini-2.5-flash"]
    code = main([*words, "--tolerate=MODEL_PAST_RETIREMENT", *more])
    return code, json.loads((output / "report.json").read_bytes())


def codes(report: Any, answer: str) -> list[str]:
    return [finding["code"] for finding in report["readiness"][answer]["findings"]]


def test_every_kept_line_has_the_value_and_the_rest_of_it_byte_for_byte(tmp_path: Path) -> None:
    lines = [
        f"{{{CONTENTS} }}",
        f'{{"generation_config":{{"mediaResolution":"MEDIA_RESOLUTION_HIGH"}},  {CONTENTS}}}',
        f'{{"generationConfig":{{"mediaResolution":"odd"}},{CONTENTS}}}',
        f'{{"generationConfig":{{"mediaResolution":{LOW}}},{CONTENTS}}}',
        f'{{"generationConfig":5,{CONTENTS}}}',
        "no JSON",
    ]
    _, report = run(tmp_path, lines, "--set_media_resolution=low", "--resolution_scope=all")
    assert (tmp_path / "out" / "train.jsonl").read_text().splitlines() == [
        f'{{{CONTENTS} ,"generationConfig":{{"mediaResolution":{LOW}}}}}',
        f'{{"generation_config":{{"mediaResolution":{LOW}}},  {CONTENTS}}}',
        f'{{"generationConfig":{{"mediaResolution":{LOW}}},{CONTENTS}}}',
        lines[3],
    ]
    assert (report["splits"]["train"]["kept"], report["splits"]["train"]["dropped"]) == (4, 2)
    kept_bytes = (tmp_path / "out" / "train.jsonl").stat().st_size
    assert report["splits"]["train"]["kept_size_bytes"] == kept_bytes
    # The third line, mended here, would be dropped as it came.
    assert report["splits"]["train"]["drop_share"]["low"] == 0.5
    assert "MEDIA_RESOLUTION_MIXED" in codes(report, "as_given")
    assert "MEDIA_RESOLUTION_INVALID" in codes(report, "as_given")
    assert codes(report, "cleaned") == []
    assert report["media_resolutions"]["set_to"] == "MEDIA_RESOLUTION_LOW"
    assert report["media_resolutions"]["kept"] == [
        {"value": "MEDIA_RESOLUTION_LOW", "examples": 4, "splits": {"train": 4}}
    ]
    table = pq.read_table(tmp_path / "out" / "verdicts")
    assert table["media_resolution"].to_pylist()[:4] == [None, "MEDIA_RESOLUTION_HIGH", None, "MEDIA_RESOLUTION_LOW"]
    assert table["size_bytes"].to_pylist() == [len(line) for line in lines]


def test_nothing_is_as_it_was_for_a_line_that_is_not_kept(tmp_path: Path) -> None:
    line = f"{{{CONTENTS.replace('model', 'user')}}}"
    run(tmp_path, [line, f"{{{CONTENTS}}}"], "--set_media_resolution=LOW")
    (shard,) = (tmp_path / "out" / "train").glob("dropped-*")
    assert json.loads(shard.read_text())["example"] == json.loads(line)


@pytest.mark.parametrize("choice", ["majority", "low"])
def test_setting_a_value_and_dropping_for_one_are_not_asked_for_at_once(
    tmp_path: Path, choice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text(f"{{{CONTENTS}}}\n")
    words = ["validate", f"--train={train}", f"--output={tmp_path / 'out'}", "--model=gemini-2.5-flash"]
    assert main([*words, "--set_media_resolution=LOW", f"--media_resolution={choice}"]) == 2
    assert "--set_media_resolution" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


def test_lengths_are_judged_under_the_value(sample: Sample, tmp_path: Path) -> None:
    kept = {}
    for level in ("LOW", "HIGH"):
        output = tmp_path / level
        splits = (f"--train={sample.train}", f"--validation={sample.validation}")
        words = ["validate", *splits, f"--output={output}", f"--model={SAMPLE_MODEL}", "--allow_local_media"]
        main([*words, f"--set_media_resolution={level}"])
        report = json.loads((output / "report.json").read_bytes())
        plan = {row["media_resolution"]: row for row in report["resolution_plan"]}
        kept[level] = sum(split["kept"] for split in report["splits"].values())
        assert kept[level] == plan[f"MEDIA_RESOLUTION_{level}"]["kept"]
        assert "MEDIA_RESOLUTION_MIXED" not in codes(report, "cleaned")
        text = (output / "report.html").read_text()
        assert "was written into every kept example" in text
    assert kept["LOW"] > kept["HIGH"]
