"""No ending is a dead end: what is printed names the next command, and that command, taken from the output, runs.

Commands are typed as a person would type them, in the folder of the dataset.
"""

from __future__ import annotations

import gzip
import json
import re
import shlex
import wave
from pathlib import Path
from typing import Any

import pytest
from fault_server import Answer, running_fault_server
from gcs_emulator import GcsEmulator
from media_making import make_media

from beam_tuning.cli import main

MODEL = "gemini-3.5-flash"
VIDEO = make_media("mp4", video="libx264", duration_s=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gcs: GcsEmulator) -> Path:
    """The folder of a dataset: two media, and a bucket."""
    gcs.put("gs://my-bucket/folder/other", b"")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    (tmp_path / "b.mp4").write_bytes(VIDEO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def line(uri: str | None = None, resolution: str | None = None) -> dict[str, Any]:
    mime_type = "audio/wav" if str(uri).endswith("wav") else "video/mp4"
    media = [{"fileData": {"fileUri": uri, "mimeType": mime_type}}] if uri else []
    example: dict[str, Any] = {
        "contents": [
            {"role": "user", "parts": [*media, {"text": "What is there?"}]},
            {"role": "model", "parts": [{"text": "Nothing."}]},
        ]
    }
    if resolution:
        example["generationConfig"] = {"mediaResolution": f"MEDIA_RESOLUTION_{resolution}"}
    return example


def dataset(folder: Path, *lines: dict[str, Any]) -> None:
    (folder / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))


class Shell:
    """Types command lines and keeps what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.printed = ""

    def types(self, command: str) -> int:
        words = shlex.split(command)
        assert words[0] == "beam-tuning"
        code = main(words[1:])
        captured = self._capsys.readouterr()
        self.printed = captured.out + captured.err
        assert "Traceback" not in self.printed
        return code

    def next(self, start: str, **places: str) -> str:
        """The command of the block "Next" that begins so; `places` are what a person writes for a word in capitals."""
        block = self.printed.rpartition("\nNext\n")[2]
        commands = [one.strip() for one in re.findall(r"^    (\S.*)$", block, re.MULTILINE)]
        found = [one for one in commands if one.startswith(start)]
        assert found, self.printed
        command = found[0]
        for word, value in places.items():
            command = command.replace(word, value)
        return command


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


VALIDATE = f"beam-tuning validate --train train.jsonl --output out --model {MODEL}"


def test_local_media_that_may_not_be_read(here: Path, shell: Shell) -> None:
    dataset(here, line(f"{here}/a.wav"), line())
    assert shell.types(VALIDATE) == 3
    assert shell.types(shell.next("beam-tuning validate")) == 3
    assert "perhaps not ready" in shell.printed
    assert shell.types(shell.next("beam-tuning upload", BUCKET="my-bucket", FOLDER="folder")) == 0
    assert shell.types(f"{shell.next('beam-tuning tune')} --project my-project") == 0


def test_local_media_to_a_job_by_what_is_printed_alone(here: Path, shell: Shell) -> None:
    dataset(here, line("a.wav"), line())
    assert shell.types(f"{VALIDATE} --allow_local_media") == 3
    assert shell.types(shell.next("beam-tuning upload", BUCKET="my-bucket", FOLDER="folder")) == 0
    assert shell.types(shell.next("beam-tuning tune")) == 0
    submit = shell.next("beam-tuning tune", PROJECT="my-project")
    assert submit.endswith("--submit --project my-project") or "--submit" in submit
    assert "--upload gs://my-bucket/folder" in submit


def test_mixed_media_resolutions(here: Path, shell: Shell, gcs: GcsEmulator) -> None:
    gcs.put("gs://my-bucket/b.mp4", VIDEO)
    dataset(here, *(line("gs://my-bucket/b.mp4", level) for level in ["LOW"] * 12 + ["HIGH"]), line())
    assert shell.types(VALIDATE) == 3
    assert shell.types(shell.next("beam-tuning validate")) in (0, 3)
    assert "Cleaned   ready" in shell.printed
    assert shell.types(shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")) == 0


def test_a_run_that_is_not_ready_is_told_by_tune_too(here: Path, shell: Shell, gcs: GcsEmulator) -> None:
    gcs.put("gs://my-bucket/b.mp4", VIDEO)
    dataset(here, *(line("gs://my-bucket/b.mp4", level) for level in ("LOW", "LOW", "HIGH")))
    shell.types(VALIDATE)
    assert shell.types("beam-tuning tune out") == 3
    assert shell.types(shell.next("beam-tuning validate")) in (0, 3)
    assert "Cleaned   ready" in shell.printed


def test_tuning_files_that_lie_on_this_machine(here: Path, shell: Shell) -> None:
    dataset(here, line())
    assert shell.types(VALIDATE) == 0
    assert shell.types("beam-tuning tune out --project my-project --epochs 2") == 3
    command = shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")
    assert "--epochs 2" in command
    assert shell.types(command) == 0


def test_a_model_past_its_retirement_date(here: Path, shell: Shell) -> None:
    dataset(here, line())
    (here / "own.toml").write_text(
        f'[models."{MODEL}".retirement]\nvalue = 2026-01-01\nsource = "https://e.example"\nread = 2026-01-01\n'
    )
    assert shell.types(f"{VALIDATE} --limits own.toml") == 3
    assert shell.types("beam-tuning tune out") == 3
    assert shell.types(shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")) == 0


def test_media_on_a_private_address(here: Path, shell: Shell) -> None:
    with running_fault_server() as server:
        server.script("/a.wav", Answer((here / "a.wav").read_bytes()))
        dataset(here, line(f"{server.url}/a.wav"), line())
        assert shell.types(VALIDATE) == 3
        assert shell.types(shell.next("beam-tuning validate")) == 0
        assert shell.types(f"beam-tuning probe {server.url}/a.wav a.wav") == 3
        command = shell.next("beam-tuning probe")
        assert "a.wav a.wav" not in command
        assert shell.types(command) == 0


def test_a_busy_store(here: Path, shell: Shell) -> None:
    with running_fault_server() as server:
        server.script("/a.wav", *[Answer(status=503)] * 8, Answer((here / "a.wav").read_bytes()))
        assert shell.types(f"beam-tuning probe --allow_private_addresses {server.url}/a.wav") in (0, 3)
        for _ in range(8):
            if "Next" not in shell.printed:
                break
            shell.types(shell.next("beam-tuning probe"))
        assert ", wav, " in shell.printed


def test_media_that_changed_since(here: Path, shell: Shell, gcs: GcsEmulator) -> None:
    sound = (here / "a.wav").read_bytes()
    gcs.put("gs://my-bucket/a.wav", sound)
    dataset(here, line("gs://my-bucket/a.wav"), line())
    assert shell.types(VALIDATE) == 0
    gcs.put("gs://my-bucket/a.wav", sound)
    assert shell.types("beam-tuning verify out") == 3
    assert shell.types(shell.next("beam-tuning validate")) == 0
    assert shell.types("beam-tuning verify out-again") == 0


def test_media_that_will_be_copied(here: Path, shell: Shell) -> None:
    dataset(here, line(f"{here}/a.wav"), line())
    assert shell.types(f"{VALIDATE} --allow_local_media --rewrite_uri {here}/=gs://my-bucket/media/") == 0
    assert shell.next("gcloud storage rsync").endswith(f" {here}/ gs://my-bucket/media/")
    assert shell.types(shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")) == 0


def test_examples_that_were_dropped(here: Path, shell: Shell) -> None:
    dataset(here, line(), {"contents": []})
    assert shell.types(VALIDATE) == 3
    assert shell.types(shell.next("beam-tuning show")) == 3
    assert "train.jsonl:2" in shell.printed


def test_a_pattern_that_the_shell_expanded(here: Path, shell: Shell) -> None:
    dataset(here, line())
    for name in ("train-10.jsonl", "train-11.jsonl.gz"):
        content = (here / "train.jsonl").read_bytes()
        (here / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    files = "train-10.jsonl train-11.jsonl.gz train.jsonl"
    command = VALIDATE.replace("train.jsonl", files)
    assert shell.types(command) == 2
    quoted = re.search(r"does not expand it: (--train .*)", shell.printed)
    assert quoted is not None
    assert shell.types(command.replace(f"--train {files}", quoted[1])) == 0
    assert len(json.loads((here / "out/report.json").read_bytes())["inputs"]) == 3


def test_a_folder_that_holds_a_run(here: Path, shell: Shell) -> None:
    dataset(here, line())
    assert shell.types(VALIDATE) == 0
    assert shell.types(VALIDATE) == 2
    option = re.search(r"remedy: .*(--[a-z]+)", shell.printed)
    assert option is not None
    assert shell.types(f"{VALIDATE} {option[1]}") == 0


@pytest.mark.parametrize(
    ("command", "right"),
    [
        (VALIDATE.replace("--train", "--trian"), "--train"),
        (VALIDATE.replace(MODEL, "gemini-3.5-flahs"), MODEL),
        (f"{VALIDATE} --media_resolution LOWW", None),
        (f"{VALIDATE} --tolerate VIDEO_LENGTH_AT_LIMITS", "VIDEO_LENGTH_AT_LIMIT"),
    ],
)
def test_a_typing_error(command: str, right: str | None, here: Path, shell: Shell) -> None:
    dataset(here, line())
    assert shell.types(command) == 2
    near = re.search(r"Did you mean (\S+?)(?: or \S+)?[?]", shell.printed)
    if right is None:
        assert near is not None or "MEDIA_RESOLUTION_LOW" in shell.printed
        return
    assert near is not None, shell.printed
    assert near[1] == right


def test_a_model_that_is_not_known_yet(here: Path, shell: Shell) -> None:
    dataset(here, line())
    assert shell.types(VALIDATE.replace(MODEL, "gemini-9-flash")) == 2
    table = re.search(r'(\[models\."NAME"\]) with (generation = "[^"]+")', shell.printed)
    assert table is not None
    (here / "own.toml").write_text(f"{table[1].replace('NAME', 'gemini-9-flash')}\n{table[2]}\n")
    assert shell.types(f"{VALIDATE.replace(MODEL, 'gemini-9-flash')} --limits own.toml") in (0, 3)
    assert "gemini-9-flash" in shell.printed


def test_from_a_plan_to_a_repaired_set_that_is_evened_out(here: Path, shell: Shell, gcs: GcsEmulator) -> None:
    gcs.put("gs://my-bucket/b.mp4", VIDEO)
    lines = [line("gs://my-bucket/b.mp4", level) for level in ["LOW"] * 12 + ["HIGH"]]
    lines[0]["contents"][0]["role"] = "human"
    dataset(here, *lines, line())
    assert shell.types(VALIDATE) == 3
    assert shell.types(shell.next("beam-tuning repair")) == 0
    assert shell.types(shell.next("beam-tuning repair")) == 3
    assert shell.types(shell.next("beam-tuning validate")) == 0
    report = json.loads((here / "out-repaired-low/report.json").read_bytes())
    assert report["splits"]["train"]["kept"] == len(lines) + 1


def test_a_plan_with_new_media(here: Path, shell: Shell, gcs: GcsEmulator) -> None:
    """Both ways on: with a folder for new media, and without."""
    gcs.put("gs://my-bucket/a.wav", (here / "a.wav").read_bytes())
    (here / "own.toml").write_text("[defaults.audio_bytes]\nvalue = 12_000\n")
    dataset(here, line("gs://my-bucket/a.wav"), line())
    shell.types(f"{VALIDATE} --limits own.toml")
    assert shell.types("beam-tuning repair out --output new --plan") == 0
    assert shell.printed.rstrip().endswith("beam-tuning repair out --output new")
    command = shell.next("beam-tuning repair out --output new --media_output", BUCKET="my-bucket", FOLDER="new-media")
    assert shell.types(command) == 0
    assert "Cleaned   ready" in shell.printed


def test_a_plan_that_brings_nothing_back(here: Path, shell: Shell) -> None:
    dataset(here, line(), {"contents": []})
    shell.types(VALIDATE)
    assert shell.types("beam-tuning repair out --output new --plan") == 0
    assert shell.types(shell.next("beam-tuning show")) == 3
    assert "train.jsonl:2" in shell.printed


@pytest.mark.parametrize("option", ["--max_examples 1", "--validation_split 0.5"])
def test_a_run_that_cannot_be_repaired_is_not_sent_there(option: str, here: Path, shell: Shell) -> None:
    wrong = line()
    wrong["contents"][0]["role"] = "human"
    dataset(here, *[line()] * 4, wrong)
    shell.types(f"{VALIDATE} {option}")
    assert "beam-tuning repair out" not in shell.printed


def test_media_that_are_as_they_were(here: Path, shell: Shell) -> None:
    dataset(here, line())
    shell.types(VALIDATE)
    assert shell.types("beam-tuning verify out") == 0
    assert shell.types(shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")) == 0


def test_media_that_are_as_they_were_uploaded(here: Path, shell: Shell) -> None:
    dataset(here, line("a.wav"), line())
    shell.types(f"{VALIDATE} --allow_local_media")
    shell.types(shell.next("beam-tuning upload", BUCKET="my-bucket", FOLDER="folder"))
    assert shell.types("beam-tuning verify out") == 0
    assert shell.types(shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")) == 0


ENDPOINT = "projects/1/locations/us-central1/endpoints/2"


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"state": "JOB_STATE_RUNNING"}, 3, "beam-tuning reconcile out --job job.json"),
        ({"tuningDataStats": {}}, 3, "beam-tuning reconcile out --job job.json"),
        ({"state": "JOB_STATE_FAILED"}, 3, "beam-tuning verify out"),
        ({"baseModel": "gemini-2.5-flash"}, 3, "beam-tuning validate"),
        ({"stats": {"tuningDatasetExampleCount": 9}}, 3, "beam-tuning show out"),
        ({"stats": {"totalBillableTokenCount": 10**9}}, 3, f"beam-tuning limits --model {MODEL}"),
        ({"stats": {"totalTruncatedExampleCount": 1}}, 3, "beam-tuning verify out"),
        ({"tunedModel": {"endpoint": ENDPOINT}}, 0, "curl "),
    ],
)
def test_after_a_job(fields: dict[str, Any], code: int, words: str, here: Path, shell: Shell, gcs: GcsEmulator) -> None:
    dataset(here, line(), line())
    assert shell.types(VALIDATE) == 0
    assert shell.types(shell.next("beam-tuning tune", BUCKET="my-bucket", FOLDER="folder")) == 0
    tokens = json.loads((here / "out/report.json").read_bytes())["tokens"]["splits"]["train"]
    stats = {
        "tuningDatasetExampleCount": 2,
        "totalTruncatedExampleCount": 0,
        "totalBillableTokenCount": tokens["low"],
        **fields.pop("stats", {}),
    }
    job = {
        "name": "projects/1/locations/us-central1/tuningJobs/3",
        "state": "JOB_STATE_SUCCEEDED",
        "createTime": "2999-01-01T00:00:00Z",
        "baseModel": MODEL,
        "supervisedTuningSpec": {"trainingDatasetUri": "gs://my-bucket/folder/train.jsonl"},
        "tuningDataStats": {"supervisedTuningDataStats": stats},
        **fields,
    }
    (here / "job.json").write_text(json.dumps(job))
    assert shell.types("beam-tuning reconcile out --job job.json") == code
    command = shell.next(words)
    if words == "curl ":
        assert shlex.split(command)[-1].endswith(f"/v1/{ENDPOINT}:generateContent")
    else:
        assert shell.types(command) in (0, 3)


def test_an_answer_that_points_past_the_end_is_told_and_kept(here: Path, shell: Shell) -> None:
    right, late = line("a.wav"), line("a.wav")
    right["contents"][1]["parts"][0]["text"] = "[00:00] A hum begins.\n[00:01] It ends."
    late["contents"][1]["parts"][0]["text"] = "[00:00] A hum begins.\n[00:09] It ends."
    dataset(here, right, late)
    shell.types(f"{VALIDATE} --allow_local_media")
    shell.types("beam-tuning show out --code TEXT_TIME_BEYOND_END")
    assert 'the answer names the time "00:09", but the file ends at 1 s' in " ".join(shell.printed.split())
    assert "train.jsonl:2" in shell.printed
    assert "train.jsonl:1 " not in shell.printed
    assert (here / "out" / "train.jsonl").read_bytes().count(b"\n") == 2
