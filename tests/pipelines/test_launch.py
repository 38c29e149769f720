"""Choosing a runner, its defaults, and telling how a run goes."""

from __future__ import annotations

import contextlib
import io
import threading
import types
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, SetupOptions, StandardOptions
from patience import PATIENCE_S
from rich.console import Console

from beam_tuning.errors import BeamTuningError, InputError
from beam_tuning.pipelines.launch import is_in_process, launch, pipeline_options, showing_progress
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS, Count, Counter, Unit

WEIGHED = Counter("apples weighed", ("weighed_",), has_rate=True)
MOVED = Counter("moved", ("moved_bytes",), Unit.BYTES)
EATEN = Counter("eaten", (), Unit.BYTES, beside=WEIGHED)


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


def shown_of(counts: dict[Counter, Count]) -> str:
    """A line of progress, without the time since the start."""
    shown = io.StringIO()
    seen = threading.Event()

    def read() -> dict[Counter, Count]:
        seen.set()
        return counts

    with showing_progress(read, Console(file=shown, width=200), plain_interval_s=0.01):
        assert seen.wait(PATIENCE_S)
    return shown.getvalue().splitlines()[0].rpartition(", ")[0]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({WEIGHED: Count(0)}, "running"),
        ({WEIGHED: Count(0, 50)}, "running"),
        ({WEIGHED: Count(50, 50, 10.0)}, "running"),
        ({WEIGHED: Count(51, 50, 10.0)}, "running"),
        ({WEIGHED: Count(1234, None, 10.0)}, "1,234 apples weighed (123/s)"),
        ({WEIGHED: Count(20, 50, 10.0)}, "20 of 50 apples weighed (2/s, 15 s left)"),
        ({WEIGHED: Count(20, 50, 0.5)}, "20 of 50 apples weighed (40/s)"),  # too early to tell
        ({WEIGHED: Count(10, 1210, 10.0)}, "10 of 1,210 apples weighed (1/s, 20 min left)"),
        ({WEIGHED: Count(10, 18010, 10.0)}, "10 of 18,010 apples weighed (1/s, 5.0 h left)"),
        ({MOVED: Count(5 << 20, None, 2.0)}, "5.0 MiB moved"),
        ({WEIGHED: Count(3, None, 1.0), MOVED: Count(3 << 19)}, "3 apples weighed (3/s), 1.5 MiB moved"),
        ({WEIGHED: Count(3, 4, 0.1), EATEN: Count(3 << 19)}, "3 of 4 apples weighed (30/s), 1.5 MiB eaten"),
        ({WEIGHED: Count(4, 4, 0.1), EATEN: Count(3 << 19)}, "running"),
        ({WEIGHED: Count(7, 7, 1.0), MOVED: Count(3 << 19)}, "1.5 MiB moved"),
    ],
)
def test_progress_names_what_the_command_counts(counts: dict[Counter, Count], words: str) -> None:
    assert shown_of(counts) == words


def test_a_runner_that_tells_no_counts_yet_has_not_counted_none() -> None:
    assert shown_of({}).startswith("running")


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    assert "\x1b" not in shown_of({WEIGHED: Count(1, 2, 3.0)})


SEEN: list[dict[Counter, Count]] = []


def weigh(number: int) -> int:
    PROGRESS.expect(WEIGHED, 3)
    PROGRESS.add(WEIGHED)
    PROGRESS.add(MOVED, number)
    SEEN.append(PROGRESS.read())
    return number


def test_any_pipeline_is_launched_with_counters_of_its_own() -> None:
    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([1, 2, 3]) | beam.Map(weigh)

    for _ in range(2):  # the second begins from 0
        SEEN.clear()
        ended = launch(build, pipeline_options([]), Console(file=io.StringIO()), (WEIGHED, MOVED))
        assert ended.followed
        assert ended.failed is None
        assert list(SEEN[-1]) == [WEIGHED, MOVED]
        assert [(count.done, count.total) for count in SEEN[-1].values()] == [(3, 3), (6, None)]
        assert not PROGRESS.is_shown


def test_what_a_remote_runner_counts_is_added_up_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[Counter, Count]] = []
    counter = types.SimpleNamespace

    def one(name: str, result: int) -> Any:
        return counter(key=counter(metric=counter(name=name)), result=result)

    class Result:
        def metrics(self) -> Any:
            found = [one("weighed_red", 2), one("weighed_green", 3), one("moved_bytes", 7), one("other", 9)]
            return counter(query=lambda wanted: {"counters": found} if NAMESPACE in wanted.namespaces else {})

        def wait_until_finish(self) -> str:
            return "DONE"

    @contextlib.contextmanager
    def reading(counts: Any, *_: Any) -> Iterator[None]:
        yield
        told.append(counts())

    monkeypatch.setattr(beam.Pipeline, "run", lambda _: Result())
    monkeypatch.setattr("beam_tuning.pipelines.launch.showing_progress", reading)
    here_only = Counter("seen here", ())
    options = pipeline_options(["--runner=FlinkRunner"])
    assert launch(lambda _: None, options, Console(file=io.StringIO()), (WEIGHED, MOVED, here_only)).followed
    assert told == [{WEIGHED: Count(5), MOVED: Count(7)}]


def test_progress_that_cannot_be_read_does_not_end_the_run() -> None:
    asked = threading.Event()

    def counts() -> dict[Counter, Count]:
        asked.set()
        raise ValueError("Can not query metrics")

    with showing_progress(counts, Console(file=io.StringIO()), plain_interval_s=0.01):
        assert asked.wait(PATIENCE_S)


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
