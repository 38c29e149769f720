"""Choosing a runner, its defaults, and telling how a run goes."""

from __future__ import annotations

import io
import threading

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, SetupOptions, StandardOptions
from rich.console import Console

from beam_tuning.errors import BeamTuningError, InputError
from beam_tuning.pipelines.launch import is_in_process, launch, pipeline_options, showing_progress


@pytest.mark.parametrize(
    "arguments", [[], ["--runner=DirectRunner"], ["--runner=FnApiRunner"], ["--runner=SwitchingDirectRunner"]]
)
def test_the_direct_runner_is_the_one_in_this_process(arguments: list[str]) -> None:
    options = pipeline_options(arguments)
    assert options.view_as(StandardOptions).runner == "FnApiRunner"
    assert is_in_process(options)
    assert options.view_as(SetupOptions).save_main_session is False


def test_dataflow_gets_defaults_that_the_person_may_change() -> None:
    options = pipeline_options(["--runner=DataflowRunner"])
    assert not is_in_process(options)
    assert options.view_as(DebugOptions).number_of_worker_harness_threads == 4
    assert options.view_as(GoogleCloudOptions).labels == ["tool=beam-tuning"]
    options = pipeline_options(["--runner=DataflowRunner", "--number_of_worker_harness_threads=9", "--labels=team=x"])
    assert options.view_as(DebugOptions).number_of_worker_harness_threads == 9
    assert options.view_as(GoogleCloudOptions).labels == ["team=x", "tool=beam-tuning"]


def test_a_failure_in_a_step_is_told_in_its_own_words_without_a_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(_: object) -> None:
        raise InputError("the file is damaged", where="a.jsonl")

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([1]) | beam.Map(fail)

    ended = launch(build, pipeline_options([]), Console(file=io.StringIO()))
    assert ended.followed
    assert ended.failed is not None
    assert "the file is damaged" in ended.failed
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_job_that_cannot_be_submitted_is_told_with_a_remedy() -> None:
    options = pipeline_options(["--runner=PortableRunner", "--job_endpoint=127.0.0.1:1", "--job_server_timeout=1"])
    with pytest.raises(BeamTuningError, match="could not be submitted") as caught:
        launch(lambda pipeline: pipeline | beam.Create([1]), options, Console(file=io.StringIO()))
    assert caught.value.remedy


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    shown = io.StringIO()
    seen = threading.Event()

    def counts() -> dict[str, int]:
        seen.set()
        return {"media_probed": 1234, "received_bytes": 5 << 20, "examples_judged": 9}

    with showing_progress(counts, Console(file=shown, width=200), plain_interval_s=0.01):
        assert seen.wait(10)
    assert "1,234 media probed" in shown.getvalue()
    assert "5.0 MiB read" in shown.getvalue()
    assert "\x1b" not in shown.getvalue()


def test_a_runner_that_tells_no_counts_yet_has_not_counted_none() -> None:
    shown = io.StringIO()
    seen = threading.Event()

    def counts() -> dict[str, int]:
        seen.set()
        return {}

    with showing_progress(counts, Console(file=shown, width=200), plain_interval_s=0.01):
        assert seen.wait(10)
    assert "no counts yet" in shown.getvalue()
    assert "0 media" not in shown.getvalue()


def test_progress_that_cannot_be_read_does_not_end_the_run() -> None:
    asked = threading.Event()

    def counts() -> dict[str, int]:
        asked.set()
        raise ValueError("Can not query metrics")

    with showing_progress(counts, Console(file=io.StringIO()), plain_interval_s=0.01):
        assert asked.wait(10)


def test_a_job_server_that_dies_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Gone(Exception):
        def details(self) -> str:
            return "Socket closed"

    def fail() -> None:
        raise Gone

    class Result:
        def wait_until_finish(self) -> None:
            reader = threading.Thread(target=fail)  # as Beam's reader of messages
            reader.start()
            reader.join()
            fail()

    monkeypatch.setattr(beam.Pipeline, "run", lambda _: Result())
    ended = launch(lambda _: None, pipeline_options(["--runner=FlinkRunner"]), Console(file=io.StringIO()))
    assert ended.followed
    assert ended.failed == "the runner's job server does not answer any more: Socket closed"
    assert "Traceback" not in capsys.readouterr().err
