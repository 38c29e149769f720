"""`beam-tuning tune`: nothing is sent without --submit, nothing created twice by mistake, nothing unready goes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_tuning import JOB, PROJECT, REGION, FakeTuning
from finished_runs import make_run
from gcs_emulator import GcsEmulator
from patience import PATIENCE_S
from tuning_lines import VIDEO_URI, audio, example, file, found_audio, found_video, text, video

from beam_tuning.cli import main
from beam_tuning.finished_run.opening import open_finished
from beam_tuning.media.info import FailureKind, ProbeFailure, ProbeResult
from beam_tuning.media.stores.local import _tag
from beam_tuning.run_folder.claim import claim_folder
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.tuning import watch as watch_module
from beam_tuning.tuning.job import TuningJob

FOUND = {VIDEO_URI: found_video(), "gs://example-bucket/speech.mp3": found_audio()}
FOLDER = "gs://bucket/runs/checked"
ARGUMENTS = (f"--project={PROJECT}", f"--region={REGION}")


def make(folder: str, *, validation: bool = True, **more: Any) -> dict[str, Any]:
    files: dict[str, dict[str, list[Any]]] = {
        "train": {
            "/d/0.jsonl": [example(video(), text(f"clip {n}")) for n in range(3)],
            "/d/1.jsonl": [example(audio())],
        }
    }
    if validation:
        files["validation"] = {"/d/v.jsonl": [example(text("validation"))]}
    return make_run(folder, files, FOUND, **more)


@pytest.fixture
def run(gcs: GcsEmulator) -> str:
    """A ready run in a bucket."""
    gcs.create_bucket("bucket")
    make(FOLDER, model="gemini-2.5-flash")
    return FOLDER


def read(folder: str, name: str) -> bytes:
    with open_folder(folder).open(name) as stream:
        return stream.read()


def submitted(folder: str) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads(read(folder, "submitted.json"))["jobs"]
    return jobs


def test_nothing_leaves_the_machine_without_submit(
    run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--epochs=3", "--adapter_size=4", "--labels=team=birds,x=1", "--learning_rate_multiplier=0.5"]
    assert main(["tune", run, *ARGUMENTS, *argv, "--display_name=Crows"]) == 0
    assert tuning.targets == []
    body = json.loads(read(run, "tuning_job.json"))
    assert body == {
        "baseModel": "gemini-2.5-flash",
        "supervisedTuningSpec": {
            "trainingDatasetUri": f"{FOLDER}/train.jsonl",
            "validationDatasetUri": f"{FOLDER}/validation.jsonl",
            "hyperParameters": {"epochCount": 3, "learningRateMultiplier": 0.5, "adapterSize": "ADAPTER_SIZE_FOUR"},
        },
        "tunedModelDisplayName": "Crows",
        "labels": {"team": "birds", "x": "1"},
    }
    printed = capsys.readouterr().out
    assert f"POST https://{REGION}-aiplatform.googleapis.com/v1/projects/{PROJECT}" in printed
    assert "gcloud storage cat" in printed
    assert "client.tunings.tune(" in printed
    assert "$" in printed
    with pytest.raises(FileNotFoundError):
        read(run, "submitted.json")


def test_the_manifest_stays_true(run: str, tuning: FakeTuning) -> None:
    assert main(["tune", run, *ARGUMENTS]) == 0
    finished = open_finished(run)
    for entry in finished.manifest.files:
        finished.folder.read_written(finished.manifest, entry.name)
    claim_folder(open_folder(run), ["train.jsonl"], overwrite=True, is_launchers=True)
    assert open_folder(run).entry("tuning_job.json") is None


def test_the_document_for_programs(run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]) -> None:
    report = make(FOLDER, model="gemini-2.5-flash")
    assert main(["tune", run, *ARGUMENTS, "--epochs=4", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert all(check["holds"] for check in document["checks"])
    assert [one["uri"] for one in document["files"]] == [f"{FOLDER}/train.jsonl", f"{FOLDER}/validation.jsonl"]
    assert all(one["generation"] for one in document["files"])
    assert document["request"] == json.loads(read(run, "tuning_job.json"))
    tokens = report["tokens"]["tokens"]
    assert document["cost"]["usd_low"] == round(tokens["low"] * 4 * 5.0 / 1e6, 2)
    assert document["cost"]["usd_high"] == round(tokens["high"] * 4 * 5.0 / 1e6, 2)


def test_epochs_that_the_service_chooses_are_not_made_up(
    run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", run]) == 0
    body = json.loads(read(run, "tuning_job.json"))
    assert "hyperParameters" not in body["supervisedTuningSpec"]
    assert body["tunedModelDisplayName"] == "checked"
    assert "The service chooses the number of epochs" in capsys.readouterr().out


# Creating


def test_submit_creates_one_job_and_says_how_to_go_on(
    run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 0
    assert tuning.created == [json.loads(read(run, "tuning_job.json"))]
    captured = capsys.readouterr()
    assert JOB in captured.out
    assert "https://console.cloud.google.com/" in captured.out
    assert f"beam-tuning reconcile {FOLDER} --job {JOB}" in captured.out
    (job,) = submitted(run)
    assert (job["name"], job["project"], job["region"]) == (JOB, PROJECT, REGION)
    manifest = {one["name"]: one for one in json.loads(read(run, "manifest.json"))["files"]}
    assert job["files"][0]["crc32c"] == manifest["train.jsonl"]["crc32c"]
    assert job["files"][0]["generation"] == manifest["train.jsonl"]["generation"]
    # A token was sent, and stands nowhere.
    assert tuning.tokens == ["Bearer emulator-token"]
    assert "emulator-token" not in captured.out + captured.err + read(run, "submitted.json").decode()


def test_a_second_submit_names_the_first_job_and_wants_a_word(
    run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 0
    capsys.readouterr()
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 2
    told = capsys.readouterr().err
    assert JOB in told
    assert "--again" in told
    assert len(tuning.created) == 1
    assert main(["tune", run, *ARGUMENTS, "--submit", "--again"]) == 0
    assert len(tuning.created) == len(submitted(run)) == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "training_dataset_uri should be a GCS object of type JSONL."),
        (403, "roles/aiplatform.user"),
        (404, "--region"),
        (429, "quota"),
    ],
)
def test_a_refusal_leaves_no_trace_and_is_told_in_the_services_words(
    run: str, tuning: FakeTuning, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tuning.refusal = (status, "training_dataset_uri should be a GCS object of type JSONL.")
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 1
    told = capsys.readouterr().err
    assert "should be a GCS object" in told
    assert words in told
    assert "Traceback" not in told
    tuning.refusal = None
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 0
    assert [job["name"] for job in submitted(run)] == [JOB]


@pytest.mark.parametrize("how", ["fails", "closes"])
def test_where_no_answer_comes_nobody_creates_a_second_job_unasked(
    run: str, tuning: FakeTuning, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tuning.closes_early = how == "closes"
    tuning.refusal = (503, "The service is currently unavailable.") if how == "fails" else None
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 1
    assert len(tuning.targets) == 1  # sent once: a second request might be a second job
    assert [job["name"] for job in submitted(run)] == [None]
    tuning.closes_early, tuning.refusal = False, None
    capsys.readouterr()
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 2
    told = capsys.readouterr().err
    assert "no answer came" in told
    assert "--again" in told
    assert main(["tune", run, *ARGUMENTS, "--submit", "--again"]) == 0
    assert [job["name"] for job in submitted(run)] == [None, JOB]


def test_an_interrupted_submit_is_written_down(run: str, tuning: FakeTuning, monkeypatch: pytest.MonkeyPatch) -> None:
    from beam_tuning.stopping import Stopped
    from beam_tuning.tuning.service import TuningService

    def stop(*_: object) -> TuningJob:
        raise Stopped

    monkeypatch.setattr(TuningService, "create", stop)
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 130
    assert [job["name"] for job in submitted(run)] == [None]


def test_a_job_needs_a_project(
    run: str, tuning: FakeTuning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    assert main(["tune", run]) == 0
    assert "YOUR-PROJECT" in capsys.readouterr().out
    assert main(["tune", run, "--submit"]) == 2
    assert "--project" in capsys.readouterr().err


def test_nobody_is_signed_in(
    tmp_path: Path,
    gcs: GcsEmulator,
    tuning: FakeTuning,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The run lies in a bucket of the emulator, which asks nobody; the service does."""
    gcs.create_bucket("bucket")
    make(FOLDER)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["tune", FOLDER, *ARGUMENTS, "--submit"]) == 2
    told = capsys.readouterr().err
    assert "gcloud auth application-default login" in told
    assert "Traceback" not in told
    with pytest.raises(FileNotFoundError):
        read(FOLDER, "submitted.json")


@pytest.mark.parametrize("content", [b"{", b'{"version": 7}', b'{"version": 1, "jobs": [{"name": 3}]}'])
def test_a_damaged_list_of_jobs_stops_a_submit(
    run: str, gcs: GcsEmulator, tuning: FakeTuning, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.put(f"{FOLDER}/submitted.json", content)
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 2
    assert "submitted.json" in capsys.readouterr().err
    assert tuning.created == []


# Following


def states(*names: str, **last: Any) -> list[dict[str, Any]]:
    times = {"createTime": "2026-11-26T08:00:00Z"}
    found = [{"state": f"JOB_STATE_{name}", **times} for name in names]
    found[-1] |= last
    return found


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module.watch, "__defaults__", (lambda _: None,))


@pytest.mark.usefixtures("no_pauses")
def test_wait_follows_to_the_end(run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = f"projects/123/locations/{REGION}/endpoints/7"
    tuning.states = states(
        "QUEUED", "RUNNING", "RUNNING", "SUCCEEDED", endTime="2026-11-26T09:30:05Z", tunedModel={"endpoint": endpoint}
    )
    assert main(["tune", run, *ARGUMENTS, "--submit", "--wait"]) == 0
    printed = capsys.readouterr().out
    assert [printed.count(word) for word in ("queued", "running", "1 h 30 min")] == [1, 1, 1]
    assert endpoint in printed
    assert f"reconcile {FOLDER} --job {JOB}" in printed


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "EXPIRED"])
def test_a_job_that_does_not_succeed_is_exit_code_3(
    run: str, tuning: FakeTuning, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tuning.states = states(
        "RUNNING", state, error={"code": 3, "message": "More than 10% of the dataset was dropped.\x1b"}
    )
    assert main(["tune", run, *ARGUMENTS, "--submit", "--wait", "--json"]) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["job"]["state"] == f"JOB_STATE_{state}"
    assert "More than 10% of the dataset was dropped." in captured.err
    assert "\x1b" not in captured.err


@pytest.mark.usefixtures("no_pauses", "tuning")
def test_the_document_stands_alone_where_ipython_is_loaded(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """google-genai shows a button there, on standard output."""
    pytest.importorskip("IPython")
    assert main(["tune", run, *ARGUMENTS, "--submit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["job"]["name"] == JOB


@pytest.mark.usefixtures("no_pauses")
def test_wait_alone_follows_the_runs_last_job(run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", run, "--wait"]) == 2
    assert "--submit" in capsys.readouterr().err
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 0
    tuning.states = states("SUCCEEDED")
    assert main(["tune", run, "--wait"]) == 0
    assert len(tuning.created) == 1


@pytest.mark.usefixtures("no_pauses")
def test_a_service_that_is_silent_for_a_while_is_asked_again(
    run: str, tuning: FakeTuning, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from beam_tuning.tuning.service import ServiceSilent, TuningService

    answers: list[Any] = [ServiceSilent("the tuning service failed")] * 3 + [TuningJob(state="JOB_STATE_SUCCEEDED")]

    def get(*_: object) -> TuningJob:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 0
    monkeypatch.setattr(TuningService, "get", get)
    assert main(["tune", run, "--wait"]) == 0
    assert capsys.readouterr().out.count("asked again") == 3
    answers[:] = [ServiceSilent("the tuning service failed")] * 20
    assert main(["tune", run, "--wait"]) == 1


@pytest.mark.usefixtures("no_pauses")
def test_a_job_that_may_not_be_seen_is_told(run: str, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 0
    tuning.refusal = (403, "Permission denied.")
    assert main(["tune", run, "--wait"]) == 1
    assert "Permission denied." in capsys.readouterr().err


def test_ctrl_c_leaves_the_job_running(run: str, tuning: FakeTuning, gcs: GcsEmulator) -> None:
    tuning.states = states("RUNNING")
    process = subprocess.Popen(
        [
            *("env", "--default-signal=INT"),  # a shell has its background jobs ignore what Ctrl-C sends
            *(sys.executable, "-m", "beam_tuning", "tune", run, *ARGUMENTS, "--submit", "--wait"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert tuning.looked.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert f"beam-tuning tune {run} --wait" in err
    assert "Traceback" not in out + err
    assert not [target for target in tuning.targets if "cancel" in target]
    assert [job["name"] for job in submitted(run)] == [JOB]


# What must hold


@pytest.mark.parametrize(
    ("argv", "option", "words"),
    [
        ("--adapter_size=3", "--adapter_size", "1, 2, 4, 8, 16"),
        ("--adapter_size=64", "--adapter_size", "1 to 32"),
        ("--epochs=0", "--epochs", "1 to 999"),
        ("--epochs=two", "--epochs", "whole number"),
        ("--learning_rate_multiplier=0", "--learning_rate_multiplier", "above 0"),
        ("--learning_rate_multiplier=nan", "--learning_rate_multiplier", "above 0"),
        ("--region=global", "--region", "not global"),
        ("--region=Europe", "--region", "us-central1"),
        ("--region=evil.example/x", "--region", "us-central1"),
        ("--project=Not A Project", "--project", "project id"),
        ("--project=$(rm -rf /)", "--project", "project id"),
        ("--display_name=" + "x" * 129, "--display_name", "128"),
        ("--labels=Team=x", "--labels", "small letters"),
        ("--labels=team", "--labels", "KEY=VALUE"),
        ("--labels=a=1,a=2", "--labels", "once"),
        ("--labels=a=" + "x" * 65, "--labels", "64"),
        ("--service_account=someone@example.com", "--service_account", "iam.gserviceaccount.com"),
        ("--upload=/tmp/folder", "--upload", "Cloud Storage only"),
    ],
)
def test_an_option_that_does_not_fit_is_told_before_anything_happens(
    run: str, tuning: FakeTuning, argv: str, option: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(run, "tuning_job.json")
    assert main(["tune", run, argv, "--submit"]) == 2
    told = capsys.readouterr().err
    assert option in told
    assert words in told
    assert read(run, "tuning_job.json") == before
    assert tuning.targets == []


@pytest.mark.parametrize(
    ("model", "argv", "exit_code"),
    [
        ("gemini-2.5-pro", "--adapter_size=16", 2),
        ("gemini-2.5-pro", "--adapter_size=8", 0),
        ("gemini-3.5-flash", "--region=asia-east1", 2),
        ("gemini-3.5-flash", "--region=europe-west4", 0),
        ("gemini-2.5-flash", "--region=asia-east1", 0),
    ],
)
def test_limits_are_those_of_the_runs_model(
    gcs: GcsEmulator, tuning: FakeTuning, model: str, argv: str, exit_code: int
) -> None:
    gcs.create_bucket("bucket")
    make(FOLDER, model=model)
    assert main(["tune", FOLDER, argv]) == exit_code


def test_a_run_on_this_machine_is_copied_where_that_is_asked_for(
    tmp_path: Path, gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.create_bucket("bucket")
    folder = str(tmp_path / "checked")
    make(folder)
    assert main(["tune", folder]) == 3
    assert "--upload" in capsys.readouterr().out
    assert main(["tune", folder, "--upload=gs://bucket/sent", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["request"]["supervisedTuningSpec"]["trainingDatasetUri"] == "gs://bucket/sent/train.jsonl"
    assert gcs.get("gs://bucket/sent/train.jsonl") == (tmp_path / "checked/train.jsonl").read_bytes()
    assert gcs.get("gs://bucket/sent/validation.jsonl") == (tmp_path / "checked/validation.jsonl").read_bytes()
    gcs.requests.clear()
    assert main(["tune", folder, "--upload=gs://bucket/sent"]) == 0
    assert not [request for request in gcs.requests if request.startswith("POST")]
    # What lies there from another run is replaced.
    gcs.put("gs://bucket/sent/train.jsonl", b"of another run\n")
    assert main(["tune", folder, "--upload=gs://bucket/sent"]) == 0
    assert gcs.get("gs://bucket/sent/train.jsonl") == (tmp_path / "checked/train.jsonl").read_bytes()


def test_local_media_must_be_uploaded_first(
    tmp_path: Path, gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.create_bucket("bucket")
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(b"x" * 100)
    judged = found_audio().object
    assert judged is not None
    info = msgspec.structs.replace(judged, size_bytes=100, generation=None, etag=_tag(clip.stat()))
    media = {str(clip): ProbeResult(str(clip), found_audio().media, info)}
    folder = str(tmp_path / "checked")
    make_run(folder, {"train": {"/d/0.jsonl": [example(file(str(clip), "audio/mp3"))]}}, media)
    assert main(["tune", folder, "--upload=gs://bucket/sent", "--submit"]) == 3
    printed = capsys.readouterr().out
    assert f"beam-tuning upload {folder} --to gs://" in printed
    assert tuning.targets == gcs.list("gs://bucket/") == []
    assert main(["upload", folder, "--to=gs://bucket/media"]) == 0
    assert main(["tune", folder, "--upload=gs://bucket/sent", "--submit", f"--project={PROJECT}"]) == 0
    assert b"gs://bucket/media/" in gcs.get("gs://bucket/sent/train.jsonl")
    # An upload that was cut after the tuning files: the manifest tells of other ones.
    document = json.loads(read(folder, "upload.json"))
    document["files"][0]["crc32c"] = "AAAAAA=="
    (tmp_path / "checked/upload.json").write_text(json.dumps(document))
    assert main(["tune", folder, "--upload=gs://bucket/sent"]) == 3
    assert "was cut" in capsys.readouterr().out


def test_an_unready_run_is_not_sent(gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]) -> None:
    gcs.create_bucket("bucket")
    lines = [example(video(), resolution="MEDIA_RESOLUTION_LOW"), example(video(), resolution="MEDIA_RESOLUTION_HIGH")]
    make_run(FOLDER, {"train": {"/d/0.jsonl": lines}}, FOUND)
    before = read(FOLDER, "tuning_job.json")
    assert main(["tune", FOLDER, "--submit", f"--project={PROJECT}"]) == 3
    assert "not ready" in capsys.readouterr().out
    assert main(["tune", FOLDER, "--accept_uncertain"]) == 3
    assert tuning.targets == []
    assert read(FOLDER, "tuning_job.json") == before


def test_a_perhaps_unready_run_takes_a_word(
    gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.create_bucket("bucket")
    broken = ProbeResult(VIDEO_URI, ProbeFailure(FailureKind.SERVER_ERROR, "The store failed.", transient=True))
    lines = [example(video()), *(example(text(str(n))) for n in range(3))]
    make_run(FOLDER, {"train": {"/d/0.jsonl": lines}}, {VIDEO_URI: broken})
    assert main(["tune", FOLDER]) == 3
    assert "--accept_uncertain" in capsys.readouterr().out
    assert main(["tune", FOLDER, "--accept_uncertain"]) == 0


def test_a_run_of_which_nothing_is_kept_is_not_sent(
    gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.create_bucket("bucket")
    make_run(FOLDER, {"train": {"/d/0.jsonl": [b"no JSON"]}})
    assert main(["tune", FOLDER, "--submit", f"--project={PROJECT}"]) == 3
    assert "No training example was kept" in capsys.readouterr().out


def other_content(gcs: GcsEmulator) -> None:
    gcs.put(f"{FOLDER}/train.jsonl", b"{}\n")


def other_generation(gcs: GcsEmulator) -> None:
    gcs.put(f"{FOLDER}/train.jsonl", gcs.get(f"{FOLDER}/train.jsonl"))


def gone(gcs: GcsEmulator) -> None:
    gcs.delete(f"{FOLDER}/train.jsonl")


def tampered_report(gcs: GcsEmulator) -> None:
    report = gcs.get(f"{FOLDER}/report.json")
    gcs.put(f"{FOLDER}/report.json", report.replace(b'"state": "not-ready"', b'"state": "ready"') + b" ")


def no_manifest(gcs: GcsEmulator) -> None:
    gcs.delete(f"{FOLDER}/manifest.json")


def later_version(gcs: GcsEmulator) -> None:
    manifest = json.loads(gcs.get(f"{FOLDER}/manifest.json"))
    gcs.put(f"{FOLDER}/manifest.json", json.dumps({**manifest, "version": 99}).encode())


def forged_report(gcs: GcsEmulator) -> None:
    """A report of another form, with a manifest that says so."""
    import base64

    import google_crc32c

    report = json.dumps({"schema_version": 1, "model": 7}).encode()
    manifest = json.loads(gcs.get(f"{FOLDER}/manifest.json"))
    for one in manifest["files"]:
        if one["name"] == "report.json":
            one["size_bytes"] = len(report)
            one["crc32c"] = base64.b64encode(google_crc32c.Checksum(report).digest()).decode()
    gcs.put(f"{FOLDER}/report.json", report)
    gcs.put(f"{FOLDER}/manifest.json", json.dumps(manifest).encode())


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (other_content, "not as it was written"),
        (other_generation, "generation"),
        (gone, "no such file"),
        (tampered_report, "changed since"),
        (forged_report, "report.json"),
        (no_manifest, "no whole run"),
        (later_version, "later version"),
    ],
)
def test_a_run_that_is_not_as_it_was_written_is_refused(
    run: str, gcs: GcsEmulator, tuning: FakeTuning, harm: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(gcs)
    assert main(["tune", run, *ARGUMENTS, "--submit"]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "remedy" in told
    assert "Traceback" not in told
    assert tuning.targets == []


# Access


def policy(*bindings: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "storage#policy", "version": 3, "bindings": list(bindings)}


AGENT = "serviceAccount:service-987654@gcp-sa-vertex-tune.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((200, policy({"role": "roles/storage.objectViewer", "members": [AGENT]})), "granted"),
        ((200, policy({"role": "roles/storage.objectViewer", "members": ["allUsers"]})), "granted"),
        ((200, policy({"role": "roles/storage.objectCreator", "members": [AGENT]})), "not-granted"),
        ((200, policy({"role": "roles/storage.objectViewer", "members": [AGENT + ".evil"]})), "not-granted"),
        ((200, policy()), "not-granted"),
        (
            (200, policy({"role": "roles/storage.objectViewer", "members": [AGENT], "condition": {"title": "x"}})),
            "unknown",
        ),
        ((200, policy({"role": "roles/storage.objectViewer", "members": ["group:all@example.com"]})), "unknown"),
        ((200, policy({"role": "projects/p/roles/mine", "members": [AGENT]})), "unknown"),
        ((403, {"error": {"code": 403, "message": "no"}}), "unknown"),
    ],
)
def test_check_access_says_whether_the_agent_may_read_each_bucket(
    run: str,
    gcs: GcsEmulator,
    tuning: FakeTuning,
    answer: tuple[int, Any],
    state: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    email = "service-987654@gs-project-accounts.iam.gserviceaccount.com"
    gcs.answer(f"/projects/{PROJECT}/serviceAccount", 200, {"email_address": email})
    gcs.answer("/b/example-bucket/iam", *answer)
    gcs.answer("/b/example-bucket", 200, {"name": "example-bucket", "projectNumber": "1"})
    gcs.answer("/b/bucket", 200, {"name": "bucket", "projectNumber": "987654"})
    assert main(["tune", run, *ARGUMENTS, "--check_access", "--json"]) == 0
    captured = capsys.readouterr()
    access = {one["bucket"]: one for one in json.loads(captured.out)["access"]}
    assert access["example-bucket"]["state"] == state
    assert access["bucket"]["state"] == "own-project"
    grant = access["example-bucket"]["grant"]
    line = (
        "gcloud storage buckets add-iam-policy-binding gs://example-bucket --member="
        f"{AGENT} --role=roles/storage.objectViewer"
    )
    assert grant == ("" if state == "granted" else line)
    assert (line in captured.err) is (state != "granted")


def test_without_permission_to_look_the_line_alone_is_given(
    run: str, gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (f"/projects/{PROJECT}/serviceAccount", "/b/example-bucket/iam", "/b/example-bucket", "/b/bucket"):
        gcs.answer(path, 403, {"error": {"code": 403, "message": "You may not look."}})
    assert main(["tune", run, *ARGUMENTS, "--check_access"]) == 0
    printed = capsys.readouterr().out
    assert "You may not look." in printed
    assert (
        "gcloud storage buckets add-iam-policy-binding gs://example-bucket "
        f"--member=\"serviceAccount:service-$(gcloud projects describe {PROJECT} --format='value(projectNumber)')"
        '@gcp-sa-vertex-tune.iam.gserviceaccount.com" --role=roles/storage.objectViewer'
    ) in printed


def test_an_account_of_ones_own_is_looked_for(
    run: str, gcs: GcsEmulator, tuning: FakeTuning, capsys: pytest.CaptureFixture[str]
) -> None:
    account = f"tuner@{PROJECT}.iam.gserviceaccount.com"
    viewer = {"role": "roles/storage.objectViewer", "members": [f"serviceAccount:{account}"]}
    gcs.answer("/b/example-bucket/iam", 200, policy(viewer))
    gcs.answer("/b/bucket/iam", 200, policy())
    argv = ["--check_access", "--json", f"--service_account={account}"]
    assert main(["tune", run, *ARGUMENTS, *argv]) == 0
    access = {one["bucket"]: one["state"] for one in json.loads(capsys.readouterr().out)["access"]}
    assert access == {"example-bucket": "granted", "bucket": "not-granted"}


@pytest.mark.parametrize("command", ["tune", "verify", "reconcile", "upload"])
def test_it_starts_without_beam(command: str) -> None:
    more = ["--to=gs://b/f"] if command == "upload" else []
    code = (
        "import sys; from beam_tuning.cli import main\n"
        f"assert main([{command!r}, '/nowhere/run', *{more!r}]) == 2\n"
        "assert not {'apache_beam', 'google.genai'} & set(sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environ)
