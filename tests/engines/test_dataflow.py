"""Everything up to Dataflow's door: translation, submission, the staged graph executed, and a template launch."""

from __future__ import annotations

import importlib.util
import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import environments
from fake_dataflow import FakeDataflow, running_fake_dataflow
from gcs_emulator import GcsEmulator
from patience import PATIENCE_S
from run_output import output_of

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

ROOT = Path(__file__).parents[2]
IMAGE = "europe-west1-docker.pkg.dev/example-project/images/beam-tuning:0.1.0"
WHOLE_BUT_NOT_READY = 3


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sample]:
    folder = tmp_path_factory.mktemp("sample")
    return folder, write_sample(folder, media_base="gs://dataset/media")


@pytest.fixture
def dataset(gcs: GcsEmulator, sample_folder: tuple[Path, Sample]) -> list[str]:
    """The sample in Cloud Storage; returns the options that name it."""
    folder, _ = sample_folder
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            gcs.put(f"gs://dataset/{path.relative_to(folder)}", path.read_bytes())
    gcs.create_bucket("scratch")
    return [
        "--train=gs://dataset/train/part-*",
        "--validation=gs://dataset/validation/part-*",
        f"--model={SAMPLE_MODEL}",
    ]


@pytest.fixture
def dataflow() -> Iterator[FakeDataflow]:
    with running_fake_dataflow() as service:
        yield service


def on_dataflow(service: FakeDataflow) -> list[str]:
    return [
        "--runner=DataflowRunner",
        "--project=example-project",
        "--region=europe-west1",
        "--job_name=check-dataset",
        "--temp_location=gs://scratch/temp",
        "--staging_location=gs://scratch/staging",
        f"--dataflow_endpoint={service.url}",
        "--no_auth",
        f"--sdk_container_image={IMAGE}",
    ]


def download(gcs: GcsEmulator, prefix: str, folder: Path) -> Path:
    for uri in gcs.list(f"{prefix}/"):
        path = folder / uri.removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gcs.get(uri))
    return folder


def staged_graph(gcs: GcsEmulator, staging: str = "gs://scratch/staging") -> beam_runner_api_pb2.Pipeline:
    (uri,) = [uri for uri in gcs.list(f"{staging}/") if uri.endswith("/pipeline.pb")]
    return beam_runner_api_pb2.Pipeline.FromString(gcs.get(uri))


def execute(graph: beam_runner_api_pb2.Pipeline) -> None:
    """Runs a graph as it was staged, with this process for its workers."""
    here = environments.EmbeddedPythonEnvironment.default().to_runner_api(None)
    for name in graph.components.environments:
        graph.components.environments[name].CopyFrom(here)
    FnApiRunner().run_via_runner_api(graph, PipelineOptions([])).wait_until_finish()


def test_dry_run_translates_the_graph_and_runs_nothing(
    dataset: list[str], dataflow: FakeDataflow, gcs: GcsEmulator
) -> None:
    gcs.requests.clear()
    code = main(["validate", *dataset, "--output=gs://scratch/out", *on_dataflow(dataflow), "--dry_run=True"])
    assert code == 0
    assert dataflow.jobs == []
    assert gcs.list("gs://scratch/out") == []
    assert gcs.list("gs://scratch/staging") == []


def test_the_job_that_is_submitted(dataset: list[str], dataflow: FakeDataflow, gcs: GcsEmulator) -> None:
    main(["validate", *dataset, "--output=gs://scratch/out", *on_dataflow(dataflow)])
    (job,) = dataflow.jobs
    assert job["name"] == "check-dataset"
    assert job["type"] in ("JOB_TYPE_BATCH", 1)
    assert job["labels"]["tool"] == "beam-tuning"

    environment = job["environment"]
    assert "use_runner_v2" in environment["experiments"]
    (pool,) = environment["workerPools"]
    assert {image["containerImage"] for image in pool["sdkHarnessContainerImages"]} == {IMAGE}
    assert pool["numThreadsPerWorker"] == 4
    assert pool["diskSizeGb"] == 50
    staged = {package["name"] for package in pool.get("packages", [])}
    assert not {name for name in staged if "main_session" in name}

    options = environment["sdkPipelineOptions"]["options"]
    assert options["save_main_session"] is False
    shown = {item["key"]: item.get("value") for item in environment["sdkPipelineOptions"]["display_data"]}
    assert shown["train"] == "gs://dataset/train/part-*"
    assert shown["validation"] == "gs://dataset/validation/part-*"
    assert shown["model"] == SAMPLE_MODEL
    assert shown["output"] == "gs://scratch/out"


def test_a_person_can_choose_every_default(dataset: list[str], dataflow: FakeDataflow) -> None:
    chosen = ["--number_of_worker_harness_threads=7", "--disk_size_gb=77", "--labels=team=speech", "--labels=tool=x"]
    main(["validate", *dataset, "--output=gs://scratch/out", *on_dataflow(dataflow), *chosen])
    (job,) = dataflow.jobs
    (pool,) = job["environment"]["workerPools"]
    assert (pool["numThreadsPerWorker"], pool["diskSizeGb"]) == (7, 77)
    assert job["labels"] == {"team": "speech", "tool": "x"}


def test_a_job_on_the_service_gives_what_a_direct_run_gives(
    dataset: list[str],
    dataflow: FakeDataflow,
    gcs: GcsEmulator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The service runs the graph as it was staged. The gate fails the job, when every file is written."""
    assert main(["validate", *dataset, "--output=gs://scratch/direct"]) == WHOLE_BUT_NOT_READY
    summary = capsys.readouterr().out
    failures: list[str] = []

    def work(_: dict[str, Any]) -> None:
        try:
            execute(staged_graph(gcs))
        except Exception as error:
            failures.append(str(error))
            raise

    dataflow.work = work
    assert main(["validate", *dataset, "--output=gs://scratch/remote", *on_dataflow(dataflow)]) == WHOLE_BUT_NOT_READY
    (failure,) = failures
    assert "not ready to tune" in failure
    told = capsys.readouterr().out
    assert summary.replace("gs://scratch/direct", "gs://scratch/remote").split("\nNext\n")[0] in told
    assert "https://console.cloud.google.com/dataflow/jobs/europe-west1/fake-job-0?project=example-project" in told
    assert "gcloud dataflow jobs cancel fake-job-0 --project=example-project --region=europe-west1" in told

    direct = output_of(download(gcs, "gs://scratch/direct", tmp_path / "direct"))
    remote = output_of(download(gcs, "gs://scratch/remote", tmp_path / "remote"))
    assert {"manifest.json", "train.jsonl", "validation.jsonl"} <= set(remote)
    for named_after_the_folder in ("tuning_job.json", "manifest.json"):
        direct.pop(named_after_the_folder)
        remote.pop(named_after_the_folder)
    assert remote == direct


def test_a_failed_job_is_told_in_one_sentence(
    dataset: list[str], dataflow: FakeDataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise RuntimeError("no machines there now")

    dataflow.work = fail
    assert main(["validate", *dataset, "--output=gs://scratch/out", *on_dataflow(dataflow)]) == 1
    told = "".join(capsys.readouterr())
    assert "Traceback" not in told
    assert "--overwrite" in told
    assert "https://console.cloud.google.com/dataflow/jobs/europe-west1/fake-job-0" in told


def test_ctrl_c_leaves_the_job_running(dataset: list[str], dataflow: FakeDataflow) -> None:
    dataflow.is_slow = True
    launcher = subprocess.Popen(
        [
            # A shell has its background jobs ignore what Ctrl-C sends, and the tests may be one.
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "beam_tuning",
            "validate",
            *dataset,
            "--output=gs://scratch/out",
            *on_dataflow(dataflow),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert launcher.stdout is not None
    told = ""
    while "gcloud dataflow jobs cancel" not in told:
        line = launcher.stdout.readline()
        assert line, told
        told += line
    launcher.send_signal(signal.SIGINT)
    rest, _ = launcher.communicate(timeout=PATIENCE_S)
    assert launcher.returncode == 130, told + rest
    assert "goes on without this launcher" in rest
    assert "Traceback" not in rest


def test_a_service_that_cannot_be_reached_is_told_in_one_sentence(
    dataset: list[str], dataflow: FakeDataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = [one for one in on_dataflow(dataflow) if "--temp_location" not in one and "--staging" not in one]
    assert main(["validate", *dataset, "--output=gs://scratch/out", *elsewhere]) == 1
    told = "".join(capsys.readouterr())
    assert "the job could not be submitted" in told
    assert "Traceback" not in told


def test_a_template_launch_writes_a_job_and_returns(
    dataset: list[str], dataflow: FakeDataflow, gcs: GcsEmulator, tmp_path: Path
) -> None:
    """As Dataflow's launcher does it: parameters as --name=value, and the job into a file that the service takes up."""
    spec = importlib.util.spec_from_file_location("template_launch", ROOT / "templates" / "launch.py")
    assert spec is not None
    assert spec.loader is not None
    launch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launch)
    metadata = json.loads((ROOT / "templates" / "metadata" / "validate.json").read_bytes())
    parameters = {
        parameter["name"]: parameter["defaultValue"]
        for parameter in metadata["parameters"]
        if "defaultValue" in parameter
    }
    given = [one for one in on_dataflow(dataflow) if "--sdk_container_image" not in one]
    arguments = launch.arguments(
        [
            *given,
            "--template_location=gs://scratch/staging/job_object",
            *dataset,
            "--output=gs://scratch/out",
            *(f"--{name}={value}" for name, value in parameters.items()),
        ],
        {"BEAM_TUNING_IMAGE": IMAGE},
    )
    assert main(arguments) == 0
    assert dataflow.jobs == []
    job: dict[str, Any] = json.loads(gcs.get("gs://scratch/staging/job_object"))
    (pool,) = job["environment"]["workerPools"]
    assert {image["containerImage"] for image in pool["sdkHarnessContainerImages"]} == {IMAGE}
    with pytest.raises(Exception, match="not ready to tune"):
        execute(staged_graph(gcs))
    downloaded = download(gcs, "gs://scratch/out", tmp_path / "out")
    report = json.loads((downloaded / "report.json").read_bytes())
    assert report["splits"]["train"]["read"] > 100


def test_a_checkout_ships_as_a_source_package(
    dataset: list[str], dataflow: FakeDataflow, gcs: GcsEmulator, tmp_path: Path
) -> None:
    pytest.importorskip("build")
    pytest.importorskip("setuptools", minversion="77")
    checkout = tmp_path / "checkout"
    for path in [ROOT / "pyproject.toml", ROOT / "setup.py", ROOT / "LICENSE", *(ROOT / "beam_tuning").rglob("*")]:
        if path.is_file() and "__pycache__" not in path.parts:
            target = checkout / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (checkout / "README.md").write_text("# beam_tuning\n")
    beams_image = [one for one in on_dataflow(dataflow) if "--sdk_container_image" not in one]
    main(["validate", *dataset, "--output=gs://scratch/out", *beams_image, f"--setup_file={checkout / 'setup.py'}"])
    (uri,) = [uri for uri in gcs.list("gs://scratch/staging/") if uri.endswith(".tar.gz")]
    with tarfile.open(fileobj=io.BytesIO(gcs.get(uri))) as package:
        names = {name.split("/", 1)[-1] for name in package.getnames()}
    assert {"pyproject.toml", "beam_tuning/pipelines/validate.py"} <= names
