"""Nobody is signed in to Google Cloud: said at once in one line, and public objects are read all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam.internal.gcp import auth
from apache_beam.io.gcp import gcsio
from apache_beam.options.pipeline_options import PipelineOptions
from gcs_emulator import GcsEmulator
from patience import PATIENCE_S

from beam_tuning.cli import main
from beam_tuning.errors import InputError, UsageError
from beam_tuning.media.stores import credentials
from beam_tuning.pipelines import run
from beam_tuning.sign_in import NO_METADATA_SERVER, NOBODY_IS_SIGNED_IN, has_credentials
from beam_tuning.transforms import worker_process
from beam_tuning.transforms.anonymous import look_for_credentials_again, use_no_credentials

BUCKET = ("--train=gs://public-bucket/train-*.jsonl", "--output=gs://public-bucket/out", "--model=gemini-2.5-flash")
LOCAL = ("--train=a.jsonl", "--output=out", "--model=gemini-2.5-flash")


@pytest.fixture(autouse=True)
def beam_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what Beam has found nor what this process knows of the machine outlives the test."""
    monkeypatch.setattr(auth._Credentials, "_credentials", None)
    monkeypatch.setattr(auth._Credentials, "_credentials_init", False)
    monkeypatch.setenv(NO_METADATA_SERVER, "")
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A machine without credentials; gives what was looked for. Beam may neither look nor sleep."""
    asked: list[str] = []
    monkeypatch.setattr(credentials, "find_credentials", lambda: asked.append("us"))
    monkeypatch.setattr("google.auth.default", lambda **_: asked.append("Beam"))
    yield asked
    assert "Beam" not in asked


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def match(split: str, patterns: Any) -> None:
        raise InputError("the pattern matches no file", where=f"--{split}", remedy="Check the path.")

    monkeypatch.setattr(run, "match_inputs", match)


@pytest.mark.usefixtures("no_files")
@pytest.mark.parametrize(
    "words",
    [
        BUCKET,
        (*LOCAL, "--probe_cache=gs://public-bucket/earlier"),
        (*LOCAL, "--temp_location=gs://public-bucket/temp"),
        (*LOCAL, "--temp_location", "gs://public-bucket/temp"),
    ],
)
def test_it_is_said_in_one_line(words: tuple[str, ...], nobody: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", *words]) == 2
    told = capfd.readouterr().err.splitlines()
    assert told[0] == NOBODY_IS_SIGNED_IN
    assert told[1].startswith("beam-tuning: --train")
    assert "Traceback" not in "".join(told)
    assert nobody == ["us"]
    assert auth.get_service_credentials(PipelineOptions()) is None
    assert os.environ[NO_METADATA_SERVER] == "true"


def test_show_says_it_too(
    nobody: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object) -> None:
        raise InputError("the folder holds no report.json", where="gs://public-bucket/out", remedy="Name another.")

    monkeypatch.setattr("beam_tuning.report.show.read_document", gone)
    assert main(["show", "gs://public-bucket/out"]) == 2
    assert capfd.readouterr().err.splitlines()[0] == NOBODY_IS_SIGNED_IN
    assert nobody == ["us"]


@pytest.mark.usefixtures("no_files")
def test_who_names_no_bucket_is_told_nothing(nobody: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", *LOCAL]) == 2
    assert NOBODY_IS_SIGNED_IN not in capfd.readouterr().err
    assert nobody == []
    assert not auth._Credentials._credentials_init
    assert os.environ[NO_METADATA_SERVER] == ""


@pytest.mark.usefixtures("no_files")
def test_a_machine_with_credentials_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Such as a virtual machine of Compute Engine, whose metadata server gives some."""
    monkeypatch.setattr(credentials, "find_credentials", object)
    use_no_credentials()  # an earlier run of this process found none
    assert main(["validate", *BUCKET]) == 2
    assert NOBODY_IS_SIGNED_IN not in capfd.readouterr().err
    assert not auth._Credentials._credentials_init
    assert os.environ[NO_METADATA_SERVER] == ""


@pytest.mark.parametrize("content", [None, "", "{}", "[", '{"type": "service_account"}', "\x00"])
def test_credentials_that_cannot_be_used_are_refused(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert main(["validate", *BUCKET]) == 2
    told = capfd.readouterr().err
    assert told.startswith(f"beam-tuning: {file}: the Google Cloud credentials of this machine cannot be used\n")
    assert "gcloud auth application-default login" in told
    assert "Traceback" not in told
    assert len(told.splitlines()) == 3


def test_credentials_are_not_looked_for_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "find_credentials", lambda: pytest.fail("looked for credentials"))
    assert has_credentials(["a.jsonl", "https://example.com/gs://b", ""]) is None


def test_an_error_of_any_kind_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError

    monkeypatch.setattr(credentials, "find_credentials", fail)
    with pytest.raises(UsageError) as caught:
        has_credentials(["gs://b/o"])
    assert caught.value.observed == "KeyError"


def test_beams_client_is_anonymous_at_once() -> None:
    use_no_credentials()
    assert gcsio.create_storage_client(PipelineOptions())._credentials.token is None
    assert auth._Credentials._credentials_init
    look_for_credentials_again()
    assert not auth._Credentials._credentials_init


NO_SLEEP = """
import sys
from apache_beam.utils import retry
def sleep(self, duration_s):
    raise SystemExit("Beam sleeps")
retry.Clock.sleep = sleep
from beam_tuning.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_an_emulator_needs_no_credentials_and_nothing_is_said(gcs: GcsEmulator, tmp_path: Path) -> None:
    contents = [{"role": "user", "parts": [{"text": "?"}]}, {"role": "model", "parts": [{"text": "!"}]}]
    gcs.put("gs://bucket/a.jsonl", json.dumps({"contents": contents}).encode())
    environ = {name: value for name, value in os.environ.items() if name not in gcs.environ}
    environ |= {"STORAGE_EMULATOR_HOST": gcs.url, "CLOUDSDK_CONFIG": str(tmp_path), "GOOGLE_CLOUD_PROJECT": "p"}
    words = ["--train=gs://bucket/a.jsonl", "--output=gs://bucket/out", "--model=gemini-2.5-flash"]
    words.append("--tolerate=MODEL_PAST_RETIREMENT")  # a run is of today, and models have an end
    done = subprocess.run(
        [sys.executable, "-c", NO_SLEEP, "validate", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "signed in" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "gs://bucket/out/manifest.json" in gcs.list("gs://bucket/out/")


@pytest.mark.parametrize(("setting", "is_anonymous"), [("true", True), ("", False)])
def test_worker_processes_of_a_machine_without_credentials_ask_nobody(
    setting: str, is_anonymous: bool, nobody: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the launcher's word on it a worker leaves the question to Beam, as on a machine of Google Cloud."""
    monkeypatch.setenv(NO_METADATA_SERVER, setting)
    monkeypatch.setattr(worker_process, "find_credentials", lambda: nobody.append("us"))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    started: list[bool] = []
    monkeypatch.setattr(
        worker_process.sdk_worker_main, "main", lambda _: started.append(auth._Credentials._credentials_init)
    )
    worker_process.main(tmp_path)
    assert started == [is_anonymous]
    assert [path.name for path in tmp_path.iterdir()] == [str(os.getpid())]
