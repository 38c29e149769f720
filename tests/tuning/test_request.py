"""What is shown, what is written and what google-genai sends are one request, in the service's own form."""

from __future__ import annotations

import json
import shlex
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
from fake_tuning import PROJECT, REGION, FakeTuning
from google.cloud.aiplatform_v1.types import TuningJob
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.tuning.request import ADAPTER_SIZES, JobName, TuningRequest
from beam_tuning.tuning.service import TuningService
from beam_tuning.tuning.shown import curl_lines, python_lines

_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_requests = st.builds(
    TuningRequest,
    project=st.just(PROJECT),
    region=st.just(REGION),
    model=st.sampled_from(["gemini-2.5-flash", "gemini-3.5-flash"]),
    training_uri=_text.map(lambda name: f"gs://bucket/{name}.jsonl"),
    validation_uri=st.none() | _text.map(lambda name: f"gs://bucket/{name}.jsonl"),
    display_name=st.none() | _text,
    epochs=st.none() | st.integers(1, 999),
    adapter_size=st.none() | st.sampled_from(list(ADAPTER_SIZES)),
    learning_rate_multiplier=st.none() | st.floats(0.001, 100),
    service_account=st.none() | st.just("tuner@example-project.iam.gserviceaccount.com"),
    labels=st.dictionaries(_text, _text, max_size=3),
    export_last_checkpoint_only=st.booleans(),
)
FULL = TuningRequest(
    project=PROJECT,
    region=REGION,
    model="gemini-2.5-flash",
    training_uri="gs://bucket/it's here/train.jsonl",
    validation_uri="gs://bucket/it's here/validation.jsonl",
    display_name='Crows "and" ravens é',
    epochs=3,
    adapter_size=8,
    learning_rate_multiplier=0.5,
    service_account="tuner@example-project.iam.gserviceaccount.com",
    labels={"team": "birds", "für": "x_1-2"},
    export_last_checkpoint_only=True,
)
BARE = TuningRequest(project=PROJECT, region=REGION, model="gemini-2.5-flash", training_uri="gs://bucket/train.jsonl")


@given(request=_requests)
def test_the_body_is_a_tuning_job_of_googles_own_message(request: TuningRequest) -> None:
    message = TuningJob.pb(TuningJob())
    json_format.Parse(request.encoded(), message, ignore_unknown_fields=False)
    assert message.supervised_tuning_spec.training_dataset_uri == request.training_uri
    assert dict(message.labels) == request.labels
    assert json.loads(request.encoded()) == request.body()


@pytest.mark.parametrize("request_", [FULL, BARE], ids=["full", "bare"])
def test_google_genai_sends_the_very_body_that_is_shown(tuning: FakeTuning, request_: TuningRequest) -> None:
    job = TuningService(PROJECT, REGION).create(request_)
    assert tuning.created == [request_.body()]
    assert job.state == "JOB_STATE_PENDING"
    assert job.name is not None
    assert tuning.targets == [f"POST {request_.url.removeprefix(f'https://{REGION}-aiplatform.googleapis.com')}"]


@pytest.mark.parametrize("request_", [FULL, BARE], ids=["full", "bare"])
def test_the_lines_of_python_send_it_too(
    tuning: FakeTuning, request_: TuningRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK calls its tuning experimental, once in a process
        exec(python_lines(request_), {})
    assert tuning.created == [request_.body()]
    assert "tuningJobs/42" in capsys.readouterr().out


def test_the_curl_line_sends_it_too(tuning: FakeTuning, tmp_path: Path) -> None:
    """Run by a shell, with a stand-in for gcloud, which prints a token."""
    body = tmp_path / "it's a folder" / "tuning_job.json"
    body.parent.mkdir()
    body.write_bytes(FULL.encoded())
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho a-token\n")
    (tmp_path / "gcloud").chmod(0o755)
    line = curl_lines(FULL, str(body)).replace(f"https://{REGION}-aiplatform.googleapis.com", tuning.url)
    subprocess.run(["sh", "-c", line], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True)
    assert tuning.created == [FULL.body()]
    assert tuning.tokens == ["Bearer a-token"]


def test_the_curl_line_reads_a_body_in_a_bucket_from_there() -> None:
    words = shlex.split(curl_lines(FULL, "gs://bucket/a run/tuning_job.json").replace("\\\n", " "))
    assert words[:5] == ["gcloud", "storage", "cat", "gs://bucket/a run/tuning_job.json", "|"]
    assert words[words.index("-d") + 1] == "@-"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("projects/12/locations/us-central1/tuningJobs/9", ("12", "us-central1", "9")),
        ("projects/example.com:p/locations/europe-west4/tuningJobs/a-b_1", ("example.com:p", "europe-west4", "a-b_1")),
        ("tuningJobs/9", None),
        ("projects/1/locations/us-central1/tuningJobs/9/x", None),
        ("projects/1/locations/us-central1/tuningJobs/9\n", None),
        ("projects/1/locations/evil.example/tuningJobs/9", None),
        ("", None),
    ],
)
def test_a_jobs_name_is_taken_apart(name: str, parts: Any) -> None:
    parsed = JobName.parse(name)
    assert (None if parsed is None else (parsed.project, parsed.region, parsed.id)) == parts


def test_the_console_link_is_that_of_google_genai() -> None:
    name = JobName.parse("projects/12/locations/us-central1/tuningJobs/9")
    assert name is not None
    assert name.console_link == (
        "https://console.cloud.google.com/vertex-ai/generative/language/locations/us-central1/tuning/tuningJob/9"
        "?project=12"
    )
