"""Runs whose answer rests on the dataset as a whole: its model, where its media lie, what the model may not tune."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import pytest

from beam_tuning.cli import main

ANY_DAY = "--tolerate=MODEL_PAST_RETIREMENT"


def example(*parts: dict[str, Any], answer: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "contents": [
            {"role": "user", "parts": [*parts, {"text": "What is said?"}]},
            {"role": "model", "parts": [answer or {"text": "Nothing."}]},
        ]
    }


def run(folder: Path, lines: list[dict[str, Any]], *more: str, model: str = "gemini-2.5-flash") -> tuple[int, Any]:
    """The exit code and the report."""
    train, output = folder / "train.jsonl", folder / "out"
    train.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code = main(["validate", f"--train={train}", f"--output={output}", f"--model={model}", *more])
    return code, json.loads((output / "report.json").read_bytes())


def found(report: Any, answer: str) -> list[tuple[str, bool]]:
    return [(finding["code"], finding["certain"]) for finding in report["readiness"][answer]["findings"]]


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return path


def test_a_dataset_of_local_media_is_perhaps_not_ready(tmp_path: Path, silence: Path) -> None:
    part = {"fileData": {"mimeType": "audio/wav", "fileUri": str(silence)}}
    lines = [example(part), example(part), example()]
    code, report = run(tmp_path, lines, "--allow_local_media", ANY_DAY)
    assert code == 3
    assert report["splits"]["train"]["kept"] == 3
    for answer in ("as_given", "cleaned"):
        assert found(report, answer) == [("MEDIA_IS_LOCAL", False)]
        assert report["readiness"][answer]["state"] == "uncertain"
    message = report["readiness"]["cleaned"]["findings"][0]["message"]
    assert message.startswith("2 kept examples refer to files on this machine")
    assert "1 such file to upload" in message
    assert (tmp_path / "out" / "train.jsonl").exists()


def test_function_calls_are_perhaps_not_ready_for_a_model_that_may_refuse_them(tmp_path: Path) -> None:
    call = {"functionCall": {"name": "look_up", "args": {}}}
    lines = [example(answer=call), *[example()] * 19]
    code, report = run(tmp_path, lines, ANY_DAY)
    assert code == 3
    assert found(report, "as_given") == [("PART_UNCERTAIN_FOR_MODEL", False)]
    assert found(report, "cleaned") == []
    assert report["splits"]["train"]["undecided"] == 1


def test_whoever_takes_the_risk_keeps_them(tmp_path: Path) -> None:
    call = {"functionCall": {"name": "look_up", "args": {}}}
    code, report = run(tmp_path, [example(answer=call)], f"{ANY_DAY},PART_UNCERTAIN_FOR_MODEL")
    assert (code, report["splits"]["train"]["kept"]) == (0, 1)
    advice = [one["code"] for one in report["readiness"]["as_given"]["advice"]]
    assert "PART_UNCERTAIN_FOR_MODEL" in advice


@pytest.mark.parametrize("model", ["gemini-2.0-flash", "publishers/google/models/gemini-2.0-flash-001"])
def test_a_removed_model_is_not_ready(tmp_path: Path, model: str) -> None:
    code, report = run(tmp_path, [example()], ANY_DAY, model=model)
    assert code == 3
    assert report["model"] == "gemini-2.0-flash"
    assert found(report, "as_given") == found(report, "cleaned") == [("MODEL_REMOVED", True)]
    assert {row["model"] for row in report["what_if"]} > {"gemini-2.0-flash", "gemini-3.5-flash"}


def test_a_model_past_its_date_is_perhaps_not_ready(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('[models."gemini-3.5-flash".retirement]\nvalue = 2020-01-01\n')
    code, report = run(tmp_path, [example()], f"--limits={limits}", model="gemini-3.5-flash")
    assert code == 3
    assert found(report, "as_given") == found(report, "cleaned") == [("MODEL_PAST_RETIREMENT", False)]


def test_a_limits_file_adds_the_model_to_tune(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('[models."gemini-3.9-flash"]\ngeneration = "gemini-3"\n')
    code, report = run(tmp_path, [example()], f"--limits={limits}", model="models/gemini-3.9-flash")
    assert (code, report["model"]) == (0, "gemini-3.9-flash")
    job = json.loads((tmp_path / "out" / "tuning_job.json").read_bytes())
    assert job["baseModel"] == "gemini-3.9-flash"
    assert any(row["model"] == "gemini-3.9-flash" for row in report["what_if"])


def test_text_lines_beside_videos_need_no_media_resolution(tmp_path: Path) -> None:
    low = {"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}}
    video = {"fileData": {"mimeType": "video/mp4", "fileUri": "s3://elsewhere/clip.mp4"}}
    lines = [{**example(video), **low}, *[example()] * 19]
    _, report = run(tmp_path, lines, ANY_DAY)
    assert found(report, "as_given") == []
    _, literal = run(tmp_path, lines, ANY_DAY, "--resolution_scope=all", "--overwrite")
    assert found(literal, "as_given") == [("MEDIA_RESOLUTION_MIXED", False)]


@pytest.mark.parametrize("path", ["a\0b", "a\ud800", "{folder}"])
def test_a_limits_file_that_cannot_be_read_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text(json.dumps(example()))
    arguments = [f"--train={train}", f"--output={tmp_path}/out", "--model=gemini-3.5-flash"]
    assert main(["validate", *arguments, f"--limits={path.format(folder=tmp_path)}"]) == 2
    assert main(["limits", f"--limits={path.format(folder=tmp_path)}"]) == 2
    printed = capfd.readouterr().err
    assert "Traceback" not in printed
    assert printed.count("--limits: " if path != "{folder}" else "value = 900") == 2
