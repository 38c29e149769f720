"""`repair` on engines whose workers are processes: lines and new media as in process, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from media_making import make_media
from patience import PATIENCE_S

from beam_tuning.cli import main

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

HARNESS = Path(__file__).parent / "sdk_harness.py"


def arguments_of(name: str, folder: Path) -> list[str]:
    if name == "processes":
        return ["--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    prism = os.environ.get("BEAM_TUNING_PRISM") or pytest.skip("there is no Prism (scripts/test-engines builds it)")
    harness = folder / "sdk-harness"
    harness.write_text(f'#!/bin/sh\nexec {sys.executable} {HARNESS} "$@"\n')
    harness.chmod(0o755)
    environment = json.dumps({"command": str(harness)})
    return [
        "--runner=PrismRunner",
        f"--prism_location={prism}",
        "--environment_type=PROCESS",
        f"--environment_config={environment}",
    ]


def example(path: Path, mime_type: str, role: str, answer: str) -> str:
    file = {"fileData": {"fileUri": str(path), "mimeType": mime_type}}
    turns = [{"role": "user", "parts": [file, {"text": "When?"}]}, {"role": role, "parts": [{"text": answer}]}]
    return json.dumps({"contents": turns})


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "media").mkdir()
    for name in ("fine.mp4", "other.mkv"):
        (folder / "media" / name).write_bytes(
            make_media(name.rpartition(".")[2].replace("mkv", "matroska"), video="libx264", audio="aac")
        )
    lines = [
        example(folder / "media" / "fine.mp4", "video/mp4", "model", "[00:01] a"),
        example(folder / "media" / "fine.mp4", "video/mp4", "assistant", "[00:01] a"),
        example(folder / "media" / "other.mkv", "video/x-matroska", "model", "[00:01] a"),
    ]
    (folder / "train.jsonl").write_text("\n".join(lines))
    given = [f"--train={folder / 'train.jsonl'}", f"--output={folder / 'checked'}", "--model=gemini-3.5-flash"]
    assert main(["validate", *given, "--allow_local_media"]) == 3
    return folder / "checked"


def repair(checked: Path, output: Path, media: Path, *more: str) -> None:
    given = [f"--output={output}", f"--media_output={media}", "--allow_local_media", *more]
    command = [sys.executable, "-m", "beam_tuning", "repair", str(checked), *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode in (0, 3), done.stderr


@pytest.mark.parametrize("name", ["processes", "prism"])
def test_lines_and_media_come_out_as_in_process(checked: Path, tmp_path: Path, name: str) -> None:
    arguments = arguments_of(name, tmp_path)
    media = tmp_path / "new-media"
    repair(checked, tmp_path / "here", media)
    made = {path.name: path.read_bytes() for path in media.iterdir()}
    for path in media.iterdir():
        path.unlink()
    repair(checked, tmp_path / "there", media, *arguments)
    assert len((tmp_path / "there" / "train.jsonl").read_bytes().splitlines()) == 3
    assert (tmp_path / "there" / "train.jsonl").read_bytes() == (tmp_path / "here" / "train.jsonl").read_bytes()
    assert {path.name: path.read_bytes() for path in media.iterdir()} == made
    assert made
    here, there = (json.loads((tmp_path / name / "report.json").read_bytes())["repairs"] for name in ("here", "there"))
    assert there == here
    assert here["splits"]["train"] == {"kept_before": 1, "came_back": 2, "became": 2, "stayed": 0}
