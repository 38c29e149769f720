"""`beam-tuning repair` with media: over-long, over-large, foreign and segmented files come back with true times."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from gcs_emulator import GcsEmulator
from numbered_media import numbered_media, seen

from beam_tuning.cli import main

MODEL = "gemini-3.5-flash"
#: So small that small files are over them.
LIMITS = """
[defaults.video_length_absent]
value = 6
[defaults.video_bytes]
value = 150000
[defaults.audio_bytes]
value = 100000
"""
FEW = ["--price_per_million_tokens=1", "--fail_on=never"]


def large_video(duration_s: float = 4) -> bytes:
    """Numbered pictures at a bit rate far above what they need."""
    options = {"b": "900k", "maxrate": "900k", "bufsize": "300k", "x264-params": "nal-hrd=cbr"}
    return numbered_media(duration_s=duration_s, video_options=options)


def media() -> dict[str, bytes]:
    """Name -> content."""
    return {
        "short.mp4": numbered_media(duration_s=2),
        "long.mp4": numbered_media(duration_s=12),
        "large.mp4": large_video(),
        "foreign.mkv": numbered_media("matroska", duration_s=2),
        "large.wav": numbered_media("wav", video=None, audio="pcm_s16le", duration_s=4),
        "cut-short.mp4": large_video()[:-5000],
    }


def part(uri: str, mime_type: str = "video/mp4", **metadata: str) -> dict[str, Any]:
    made: dict[str, Any] = {"fileData": {"mimeType": mime_type, "fileUri": uri}}
    return made | ({"videoMetadata": metadata} if metadata else {})


def example(answer: str, *parts: dict[str, Any]) -> dict[str, Any]:
    question = {"role": "user", "parts": [*parts, {"text": "What happens?"}]}
    return {"contents": [question, {"role": "model", "parts": [{"text": answer}]}]}


def dataset(base: str) -> list[dict[str, Any]]:
    return [
        example("Nothing.", part(f"{base}/short.mp4")),
        example("[00:01] one\n[00:07] seven\n[00:11] eleven", part(f"{base}/long.mp4")),
        example("At 0:02 it flashes.", part(f"{base}/large.mp4")),
        example('{"start": 0.5, "end": 1.5}', part(f"{base}/foreign.mkv", "video/x-matroska")),
        example("[00:03] three", part(f"{base}/large.mp4", startOffset="2s", endOffset="4s")),
        example("A click.", part(f"{base}/large.wav", "audio/wav")),
        example("The clock shows 8:15.", part(f"{base}/long.mp4")),
        example("Nothing.", part(f"{base}/cut-short.mp4")),
        example("Nothing again.", part(f"{base}/short.mp4", "video/x-m4v")),
    ]


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(f"{table}/*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media-repair")
    for name, content in media().items():
        (folder / name).write_bytes(content)
    lines = "".join(json.dumps(line) + "\n" for line in dataset(str(folder)))
    (folder / "train-data.jsonl").write_text(lines)
    (folder / "limits.toml").write_text(LIMITS)
    given = [f"--train={folder}/train-data.jsonl", f"--output={folder}/run", f"--model={MODEL}", "--allow_local_media"]
    assert main(["validate", *given, f"--limits={folder}/limits.toml", *FEW]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def repaired(checked: Path) -> Path:
    output = checked.parent / "repaired"
    assert main(["repair", str(checked), f"--output={output}", f"--media_output={checked.parent}/made"]) == 0
    return output


def kept_lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def answer_of(line: dict[str, Any]) -> str:
    return str(line["contents"][1]["parts"][0]["text"])


def file_of(line: dict[str, Any]) -> str:
    return str(line["contents"][0]["parts"][0]["fileData"]["fileUri"])


def test_the_dataset_has_what_is_to_be_mended(checked: Path) -> None:
    assert [row["verdict"] for row in rows_of(checked, "verdicts")] == ["kept", *["dropped"] * 8]


def test_every_planted_example_comes_back_in_its_place_with_true_times(repaired: Path) -> None:
    rows = rows_of(repaired, "verdicts")
    codes = [{finding["code"] for finding in row["findings"] if finding["code"].startswith("REPAIR")} for row in rows]
    kept = [row["verdict"] == "kept" for row in rows]
    pieces = sum("REPAIR_CHUNK" in found for found in codes)
    assert pieces == 3
    assert codes == [
        set(),
        *[{"REPAIR_CHUNK"}] * pieces,
        {"REPAIR_DOWNSCALE"},
        {"REPAIR_REMUX"},
        {"REPAIR_CUT"},
        {"REPAIR_AUDIO"},
        {"REPAIR_TIMES_AMBIGUOUS"},
        set(),
        {"REPAIR_MIME_TYPE_SPELLING"},
    ]
    assert kept == [True] * (pieces + 5) + [False, False, True]
    assert [answer_of(line) for line in kept_lines(repaired)][pieces + 1 :] == [
        "At 0:02 it flashes.",
        '{"start": 0.5, "end": 1.5}',
        "[00:01] three",
        "A click.",
        "Nothing again.",
    ]


def test_pieces_add_up_and_hold_what_their_answers_say(repaired: Path, checked: Path) -> None:
    pieces = [line for line in kept_lines(repaired) if "seven" in answer_of(line) or "one" in answer_of(line)]
    pieces += [line for line in kept_lines(repaired) if "eleven" in answer_of(line)]
    assert len(pieces) == 3
    for line, picture in zip(pieces, (25, 175, 275), strict=True):
        at_s = int(answer_of(line)[4:6])
        shown = [number for time_s, number in seen(file_of(line)).frames if abs(time_s - at_s) < 0.5]
        assert picture in shown


def test_new_files_are_within_the_limits_and_probed(repaired: Path, checked: Path) -> None:
    made = {path.name for path in (checked.parent / "made").iterdir() if path.suffix != ".json"}
    named = {Path(file_of(line)).name for line in kept_lines(repaired)}
    assert len(made & named) >= 6
    rows = {row["uri"]: row for row in rows_of(repaired, "media")}
    for line in kept_lines(repaired):
        row = rows[file_of(line)]
        assert row["outcome"] == "media"
        assert row["size_bytes"] <= 150_000
        assert row["duration_s"] <= 6.05


def test_the_table_of_repairs_says_what_was_done(repaired: Path) -> None:
    rows = rows_of(repaired, "repairs")
    moved = [time for row in rows for time in row["times"]]
    assert {"path": "contents[1].parts[0].text", "before": "00:03", "after": "00:01"} in moved
    lost = [row for row in rows if not row["came_back"]]
    assert len(lost) == 2
    assert any("8:15" in str(row) for row in lost)


def test_the_report_says_what_was_repaired_and_adds_up(repaired: Path) -> None:
    report = json.loads((repaired / "report.json").read_bytes())
    split = report["repairs"]["splits"]["train"]
    assert split == {"kept_before": 1, "came_back": 6, "became": 8, "stayed": 2}
    assert report["splits"]["train"]["read"] == 1 + 8 + 2
    assert {row["code"]: row["examples"] for row in report["repairs"]["edits"]} == {
        "REPAIR_CHUNK": 3,
        "REPAIR_AUDIO": 1,
        "REPAIR_CUT": 1,
        "REPAIR_DOWNSCALE": 1,
        "REPAIR_MIME_TYPE_SPELLING": 1,
        "REPAIR_REMUX": 1,
    }
    left = {row["code"]: row["examples"] for row in report["repairs"]["left"]}
    assert left["REPAIR_TIMES_AMBIGUOUS"] == 1
    (cut,) = (row["samples"][0] for row in report["repairs"]["edits"] if row["code"] == "REPAIR_CUT")
    assert cut["times"] == [{"before": "00:03", "after": "00:01"}]
    assert cut["media_before"]["start_ns"] == 2_000_000_000
    assert Path(cut["media_after"]["uri"]).exists()
    page = (repaired / "report.html").read_text()
    assert page.count("<video") >= 2 * 6


def test_the_repaired_run_validates_as_it_says(repaired: Path, checked: Path) -> None:
    again = checked.parent / "again"
    given = [f"--train={repaired}/train.jsonl", f"--output={again}", f"--model={MODEL}", "--allow_local_media"]
    assert main(["validate", *given, f"--limits={checked.parent}/limits.toml", *FEW]) == 0
    assert {row["verdict"] for row in rows_of(again, "verdicts")} == {"kept"}
    assert (again / "train.jsonl").read_bytes() == (repaired / "train.jsonl").read_bytes()


def test_a_second_repair_gives_the_same_lines_and_makes_nothing(repaired: Path, checked: Path) -> None:
    folder = checked.parent / "made"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    output = checked.parent / "repaired-again"
    assert main(["repair", str(checked), f"--output={output}", f"--media_output={folder}"]) == 0
    assert (output / "train.jsonl").read_bytes() == (repaired / "train.jsonl").read_bytes()
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    shutil.rmtree(output)


def test_killed_half_way_and_run_again_it_gives_the_same(repaired: Path, checked: Path) -> None:
    folder, output = checked.parent / "made-twice", checked.parent / "killed"
    words = ["repair", str(checked), f"--output={output}", f"--media_output={folder}"]
    with subprocess.Popen(
        [sys.executable, "-m", "beam_tuning", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while process.poll() is None and not list(folder.glob("*.json")):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert not (output / "manifest.json").exists()
    assert main([*words, "--overwrite"]) == 0
    undisturbed = checked.parent / "made"
    assert sorted(files_of(folder)) == sorted(files_of(undisturbed))
    assert files_of(folder) == files_of(undisturbed)
    lines = (output / "train.jsonl").read_bytes().replace(b"/made-twice/", b"/made/")
    assert lines == (repaired / "train.jsonl").read_bytes()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_without_a_folder_for_media_the_plan_is_told_and_lines_are_repaired(
    checked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = checked.parent / "lines-only"
    assert main(["repair", str(checked), f"--output={output}"]) == 0
    said = capsys.readouterr().out
    for words in ("chunk", "downscale", "Processor time", "New media are made only with --media_output"):
        assert words in said
    planned = {row["line"]: row for row in pq.read_table(output / "plan.parquet").to_pylist()}
    assert len(planned) == 8
    assert planned[2]["cpu_s_low"] > 0
    assert [row["verdict"] for row in rows_of(output, "verdicts")].count("kept") == 2
    shutil.rmtree(output)


def test_a_repair_of_lines_alone_tells_no_plan(checked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = checked.parent / "lines-asked-for"
    assert main(["repair", str(checked), f"--output={output}", "--repair=mime_type_spelling"]) == 0
    assert "media files are fetched" not in capsys.readouterr().out
    assert not (output / "plan.parquet").exists()
    shutil.rmtree(output)


def test_media_are_not_made_where_sources_lie(checked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = checked.parent / "refused"
    assert main(["repair", str(checked), f"--output={output}", f"--media_output={checked.parent}"]) == 2
    assert "--media_output" in capsys.readouterr().err
    assert not output.exists()


def test_on_cloud_storage_the_same_examples_come_back(gcs: GcsEmulator, repaired: Path, tmp_path: Path) -> None:
    for name, content in media().items():
        gcs.put(f"gs://media/{name}", content)
    lines = "".join(json.dumps(line) + "\n" for line in dataset("gs://media"))
    gcs.put("gs://data/train.jsonl", lines.encode())
    for bucket in ("out", "made"):
        gcs.create_bucket(bucket)
    (tmp_path / "limits.toml").write_text(LIMITS)
    given = ["--train=gs://data/train.jsonl", "--output=gs://out/run", f"--model={MODEL}", *FEW]
    assert main(["validate", *given, f"--limits={tmp_path}/limits.toml"]) == 0
    assert main(["repair", "gs://out/run", "--output=gs://out/new", "--media_output=gs://made/here"]) == 0
    kept = [json.loads(line) for line in gcs.get("gs://out/new/train.jsonl").splitlines()]
    assert [answer_of(line) for line in kept] == [answer_of(line) for line in kept_lines(repaired)]
    new = {file_of(line) for line in kept if file_of(line).startswith("gs://made/here/")}
    assert len(new) == 7
    assert new <= set(gcs.list("gs://made/here"))
    here = {file_of(line): (Path(file_of(line)).read_bytes()) for line in kept_lines(repaired)}
    assert {gcs.get(uri) for uri in new} <= set(here.values())
