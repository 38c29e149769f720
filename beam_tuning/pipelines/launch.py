"""Running a graph on whatever runner was asked for, and telling how it goes. Knows no graph."""

from __future__ import annotations

import gc
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
    WorkerOptions,
)
from rich.console import Console

from beam_tuning.errors import BeamTuningError
from beam_tuning.pipelines.beam_workers import WorkerProcessRunner, beam_workers
from beam_tuning.stopping import Stopped, is_stopped, raise_if_stopped
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS, Count, Counter, Unit
from beam_tuning.worker_processes.pool import open_pool

#: In process. Beam's own DirectRunner tries to download Prism and behaves differently where it gets it.
IN_PROCESS = "FnApiRunner"
_SWITCHING_RUNNERS = {None, "DirectRunner", "SwitchingDirectRunner", "FnApiRunner"}

#: By Beam's names; they die when a worker process does.
_THREADS_THAT_WAIT_FOR_WORKERS = {"run_worker", "beam_control_read", "read_grpc_client_inputs"}
_LOST_WORKER = "a worker process ended in mid-run: it was killed, or the machine had no memory left for it"

_PROGRESS_TERMINAL_S = 0.25
_PROGRESS_PLAIN_S = 30.0
_POLL_REMOTE_S = 20.0


class Launch(NamedTuple):
    """How a run ended, as far as the launcher can tell.

    Attributes:
      followed: whether the launcher saw the run to its end. A template launch, a dry run and a job that was left
        running are not followed, and their reports cannot be read here.
      failed: why the run failed; None when it did not.
      stopped: what ended the following of a job that goes on elsewhere (Ctrl-C).
    """

    followed: bool
    failed: str | None = None
    stopped: Stopped | None = None


class JobOptions(PipelineOptions):
    """Beam's options; `shown` stands beside them in the runner's own view of the job."""

    def __init__(self, arguments: Sequence[str], shown: Mapping[str, str]) -> None:
        super().__init__(list(arguments))
        object.__setattr__(self, "_shown", dict(shown))  # the base class keeps other names out

    def display_data(self) -> dict[str, Any]:
        return {**super().display_data(), **self._shown}


def pipeline_options(beam_arguments: Sequence[str], shown: Mapping[str, str] = MappingProxyType({})) -> PipelineOptions:
    """Beam's options with this project's defaults where none is given."""
    options = JobOptions(beam_arguments, shown)
    standard = options.view_as(StandardOptions)
    if standard.runner in _SWITCHING_RUNNERS:
        standard.runner = IN_PROCESS
    # Modules are installed, not pickled from __main__: see docs/dataflow.md.
    options.view_as(SetupOptions).save_main_session = False
    if is_on_dataflow(options):
        _dataflow_defaults(options)
    return options


def is_in_process(options: PipelineOptions) -> bool:
    """Whether steps run in this process and its exceptions and counts reach us."""
    return bool(options.view_as(StandardOptions).runner == IN_PROCESS)


def has_worker_processes(options: PipelineOptions) -> bool:
    """Whether the in-process runner starts processes of its own on this machine."""
    return is_in_process(options) and options.view_as(DirectOptions).direct_running_mode == "multi_processing"


def is_on_dataflow(options: PipelineOptions) -> bool:
    """Whether the job is a service's, which goes on without this launcher."""
    return bool(options.view_as(StandardOptions).runner == "DataflowRunner")


def _dataflow_defaults(options: PipelineOptions) -> None:
    workers = options.view_as(WorkerOptions)
    debug = options.view_as(beam.options.pipeline_options.DebugOptions)
    cloud = options.view_as(GoogleCloudOptions)
    if debug.number_of_worker_harness_threads is None:
        # Probes have a pool of their own in each process; more harness threads would only hold more packs in memory.
        debug.number_of_worker_harness_threads = 4
    if workers.disk_size_gb is None:
        workers.disk_size_gb = 50
    labels = cloud.labels or []
    if not any(label.startswith("tool=") for label in labels):
        cloud.labels = [*labels, "tool=beam-tuning"]


def launch(
    build: Callable[[beam.Pipeline], None],
    options: PipelineOptions,
    console: Console,
    counters: Iterable[Counter] = (),
    workers: int = 1,
) -> Launch:
    """Builds and runs a pipeline; returns when it has ended or cannot be followed.

    Args:
      counters: what is told of while it runs, in this order.
      workers: processes that do the work of a run in this process; 1 for none beside it.

    Raises:
      Stopped: a signal ended a run in this process.
      BeamTuningError: the job could not be submitted.
    """
    if has_worker_processes(options):
        with beam_workers() as runner:
            ended = _run_here(_built(build, options, runner), options, console, tuple(counters))
            if ended.failed is not None and runner.has_lost_a_worker:
                return Launch(followed=True, failed=_LOST_WORKER)
            return ended
    if is_in_process(options):
        with open_pool(workers):  # they start while the graph is built
            return _run_here(_built(build, options), options, console, tuple(counters))
    pipeline = _built(build, options)
    return _run_there(pipeline, options, console, tuple(counters))


def _built(
    build: Callable[[beam.Pipeline], None], options: PipelineOptions, runner: WorkerProcessRunner | None = None
) -> beam.Pipeline:
    pipeline = beam.Pipeline(runner, options)
    with _plain_labels():
        build(pipeline)
    return pipeline


@contextmanager
def _plain_labels() -> Iterator[None]:
    """In a notebook Beam puts the cell's number before each label, for which it wants pandas and more installed."""
    module: Any = beam.pipeline
    alter, module.alter_label_if_ipython = module.alter_label_if_ipython, lambda *_: None
    try:
        yield
    finally:
        module.alter_label_if_ipython = alter


def _run_here(
    pipeline: beam.Pipeline, options: PipelineOptions, console: Console, counters: tuple[Counter, ...]
) -> Launch:
    # In worker processes the counts are out of sight.
    PROGRESS.begin(() if has_worker_processes(options) else counters)
    try:
        with (
            _quiet_beam(),
            _quiet_threads(),
            _rare_garbage_collection(),
            showing_progress(PROGRESS.read, console),
        ):
            pipeline.run().wait_until_finish()
    except Exception as error:
        raise_if_stopped()  # a step wraps whatever is raised in it
        logging.getLogger(__name__).debug("the run failed", exc_info=True)
        return Launch(followed=True, failed=_cause(error))
    finally:
        PROGRESS.end()
    return Launch(followed=True)


def _run_there(
    pipeline: beam.Pipeline, options: PipelineOptions, console: Console, counters: tuple[Counter, ...]
) -> Launch:
    try:
        result = pipeline.run()
    except Exception as error:
        raise BeamTuningError(
            "the job could not be submitted",
            where=str(options.view_as(StandardOptions).runner),
            observed=_cause(error),
            remedy="Check project, region, temp_location and credentials; see docs/dataflow.md.",
        ) from error
    if options.view_as(TestOptions).dry_run or not getattr(result, "has_job", True):
        return Launch(followed=False)
    try:
        if job_id := getattr(result, "job_id", None):
            _tell_job(job_id() if callable(job_id) else job_id, options, console)
        with _quiet_threads(), showing_progress(lambda: _remote_counts(result, counters), console, _POLL_REMOTE_S):
            state = result.wait_until_finish()
    except KeyboardInterrupt as stopped:
        if is_on_dataflow(options):
            console.print("The job goes on without this launcher.")
        else:
            console.print("This launcher no longer follows the job; whether it goes on is up to its runner.")
        return Launch(followed=False, stopped=stopped if isinstance(stopped, Stopped) else Stopped())
    except Exception as error:  # noqa: BLE001 - a runner tells of a failed job in its own ways
        return Launch(followed=True, failed=_cause(error))
    return Launch(followed=True, failed=None if state in ("DONE", None) else f"the job ended as {state}")


def _tell_job(job_id: str, options: PipelineOptions, console: Console) -> None:
    cloud = options.view_as(GoogleCloudOptions)
    if not cloud.project:
        return
    console.print(f"Job {job_id} in {cloud.project}, {cloud.region}:")
    console.print(
        f"  https://console.cloud.google.com/dataflow/jobs/{cloud.region}/{job_id}?project={cloud.project}",
        soft_wrap=True,
    )
    console.print("Ctrl-C leaves it running. To cancel it:")
    console.print(
        f"  gcloud dataflow jobs cancel {job_id} --project={cloud.project} --region={cloud.region}", soft_wrap=True
    )


def _remote_counts(result: Any, counters: Iterable[Counter]) -> Mapping[Counter, Count]:
    """What the runner tells so far; nothing where it tells no counts before a step has ended."""
    metrics = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    if not metrics:
        return {}
    return {
        counter: Count(sum(one.result for one in metrics if one.key.metric.name.startswith(counter.metrics)))
        for counter in counters
        if counter.metrics
    }


@contextmanager
def showing_progress(
    counts: Callable[[], Mapping[Counter, Count]], console: Console, plain_interval_s: float = _PROGRESS_PLAIN_S
) -> Iterator[None]:
    """Shows counts while the body runs: a line that renews itself on a terminal, a line now and then elsewhere."""
    over = threading.Event()
    started = time.monotonic()

    def line() -> str:
        return _progress_line(counts(), max(time.monotonic() - started, 1e-3))

    def on_terminal() -> None:
        with console.status("Reading the dataset") as status:
            while not over.wait(_PROGRESS_TERMINAL_S):
                status.update(line())

    def plainly() -> None:
        while not over.wait(plain_interval_s):
            try:
                console.print(line(), highlight=False)
            except Exception:
                logging.getLogger(__name__).debug("no progress to show", exc_info=True)

    thread = threading.Thread(target=on_terminal if console.is_terminal else plainly, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _progress_line(seen: Mapping[Counter, Count], elapsed_s: float) -> str:
    """What is in motion, e.g. `1,200 of 5,000 media probed (40/s, 95 s left), 80.0 MiB read, 30 s`."""
    if not seen:
        return f"running, {elapsed_s:,.0f} s; the runner reports no counts yet"
    words = [
        _counted(counter, count, elapsed_s)
        for counter, count in seen.items()
        if count.is_in_motion and (counter.beside is None or seen[counter.beside].is_in_motion)
    ]
    return ", ".join([*(words or ["running"]), f"{elapsed_s:,.0f} s"])


def _counted(counter: Counter, count: Count, elapsed_s: float) -> str:
    if counter.unit is Unit.BYTES:
        return f"{count.done / 2**20:,.1f} MiB {counter.words}"
    words = f"{count.done:,} {counter.words}"
    if count.total is not None:
        words = f"{count.done:,} of {count.total:,} {counter.words}"
    notes = []
    if counter.has_rate and count.done:
        notes.append(f"{count.done / (count.elapsed_s or elapsed_s):,.0f}/s")
    if count.left_s:
        notes.append(f"{_duration(count.left_s)} left")
    return f"{words} ({', '.join(notes)})" if notes else words


def _duration(duration_s: float) -> str:
    if duration_s < 100:
        return f"{math.ceil(duration_s)} s"
    return f"{duration_s / 60:,.0f} min" if duration_s < 100 * 60 else f"{duration_s / 3600:,.1f} h"


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """The runner holds a whole stage's data, and walking through it again and again took an eighth of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def _quiet_beam() -> Iterator[None]:
    """Beam logs tracebacks of errors that we tell in one sentence."""
    logger = logging.getLogger("apache_beam")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        if not is_stopped():  # then threads of Beam log errors until the very end
            logger.setLevel(level)


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """Suppresses tracebacks of Beam's threads that end because a job server or a worker process has gone.

    Beam talks to these processes in threads. When one of them goes, its thread raises an error, and so does the main
    thread, which waits for the job. The error of the main thread is told; that of the other thread says nothing more.
    """
    hook = threading.excepthook

    def tell_others(dead: threading.ExceptHookArgs) -> None:
        is_a_wait = dead.thread is not None and dead.thread.name in _THREADS_THAT_WAIT_FOR_WORKERS
        if not is_a_wait and _grpc_details(dead.exc_value) is None and not is_stopped():
            hook(dead)

    threading.excepthook = tell_others
    try:
        yield
    finally:
        if not is_stopped():  # when a signal ends the process, threads die until its very end
            threading.excepthook = hook


def _cause(error: BaseException) -> str:
    """The innermost error's own words: Beam wraps them in the names of the steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    if (details := _grpc_details(error)) is not None:
        return f"the runner's job server does not answer any more: {details}"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0] if len(text) > 500 else text


def _grpc_details(error: object) -> str | None:
    """What gRPC's errors have in place of a text for people; None of other errors."""
    details = getattr(error, "details", None)
    return str(details()) if callable(details) else None
