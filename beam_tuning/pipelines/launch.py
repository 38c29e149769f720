"""Running a graph on whatever runner was asked for, and telling how it goes."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
    WorkerOptions,
)
from rich.console import Console

from beam_tuning.errors import BeamTuningError
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS

#: In process. Beam's own DirectRunner tries to download Prism and behaves differently where it gets it.
IN_PROCESS = "FnApiRunner"
_SWITCHING_RUNNERS = {None, "DirectRunner", "SwitchingDirectRunner", "FnApiRunner"}

_PROGRESS_TERMINAL_S = 0.25
_PROGRESS_PLAIN_S = 30.0
_POLL_REMOTE_S = 20.0


class Launch(NamedTuple):
    """How a run ended, as far as the launcher can tell.

    Attributes:
      followed: whether the launcher saw the run to its end. A template launch, a dry run and a job that was left
        running are not followed, and their reports cannot be read here.
      failed: why the run failed; None when it did not.
      interrupted: whether a person ended the following (Ctrl-C).
    """

    followed: bool
    failed: str | None = None
    interrupted: bool = False


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


def launch(build: Callable[[beam.Pipeline], None], options: PipelineOptions, console: Console) -> Launch:
    """Builds and runs a pipeline; returns when it has ended or cannot be followed."""
    pipeline = beam.Pipeline(options=options)
    build(pipeline)
    if is_in_process(options):
        return _run_here(pipeline, console)
    return _run_there(pipeline, options, console)


def _run_here(pipeline: beam.Pipeline, console: Console) -> Launch:
    PROGRESS.reset()
    with _quiet_beam(), _rare_garbage_collection(), showing_progress(PROGRESS.read, console):
        try:
            pipeline.run().wait_until_finish()
        except KeyboardInterrupt:
            raise
        except Exception as error:
            logging.getLogger(__name__).debug("the run failed", exc_info=True)
            return Launch(followed=True, failed=_cause(error))
    return Launch(followed=True)


def _run_there(pipeline: beam.Pipeline, options: PipelineOptions, console: Console) -> Launch:
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
        with _quiet_threads(), showing_progress(lambda: _remote_counts(result), console, _POLL_REMOTE_S):
            state = result.wait_until_finish()
    except KeyboardInterrupt:
        if is_on_dataflow(options):
            console.print("The job goes on without this launcher.")
        else:
            console.print("This launcher no longer follows the job; whether it goes on is its runner's matter.")
        return Launch(followed=False, interrupted=True)
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


def _remote_counts(result: Any) -> Mapping[str, int]:
    """What the runner tells so far; nothing where it tells no counts before a step has ended."""
    counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    if not counters:
        return {}
    total = dict.fromkeys(PROGRESS.read(), 0)
    for counter in counters:
        name = counter.key.metric.name
        if name.startswith("examples_"):
            total["examples_judged"] += counter.result
        elif name.startswith("probes_"):
            total["media_probed"] += counter.result
        elif name == "probe_received_bytes":
            total["received_bytes"] += counter.result
    return total


@contextmanager
def showing_progress(
    counts: Callable[[], Mapping[str, int]], console: Console, plain_interval_s: float = _PROGRESS_PLAIN_S
) -> Iterator[None]:
    """Shows counts while the body runs: a line that renews itself on a terminal, a line now and then elsewhere."""
    over = threading.Event()
    started = time.monotonic()

    def line() -> str:
        seen = counts()
        elapsed_s = max(time.monotonic() - started, 1e-3)
        if not seen:
            return f"running, {elapsed_s:,.0f} s; the runner tells no counts yet"
        return (
            f"{seen['media_probed']:,} media probed ({seen['media_probed'] / elapsed_s:,.0f}/s), "
            f"{seen['received_bytes'] / 2**20:,.1f} MiB read, "
            f"{seen['examples_judged']:,} examples judged, {elapsed_s:,.0f} s"
        )

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
        logger.setLevel(level)


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """When a job server is gone, Beam's reader of its messages dies beside the wait for the job, which tells of it."""

    hook = threading.excepthook

    def tell_others(dead: threading.ExceptHookArgs) -> None:
        if _grpc_details(dead.exc_value) is None:
            hook(dead)

    threading.excepthook = tell_others
    try:
        yield
    finally:
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
