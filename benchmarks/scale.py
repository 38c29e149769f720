"""Seconds, CPU and memory of `validate` by number of examples, beside what a plain loop costs. See docs/performance.md.

    python benchmarks/scale.py                       10k, 100k and 1M lines
    python benchmarks/scale.py --lines 10000         other sizes
    python benchmarks/scale.py --repeat 3            medians of three interleaved runs
    python benchmarks/scale.py --options --max_examples=50000
                                                     the job with these options beside the one without
    python benchmarks/scale.py --two_splits --options --skip_comparison
                                                     what finding duplicates and leaks adds: the job beside one without
    python benchmarks/scale.py --engine flink --lines 1000000 10000000
                                                     the job alone, on an engine, with the memory of each process

Every size has 0.3 distinct media for each line. With `--two_splits` a tenth of them is validation; some lines are text
alone or stand there twice, and some of validation's lines share their question with training, some of its videos their
bytes. Probes are answered from a local index (`--probe_cache`,
`--trust_cache`), so that what is measured is the job and not a network. Side by side, in one run, each in a process
of its own:

* json, msgspec: one loop that reads, decodes, touches and writes each line, nothing else, with the standard library's
  decoder, which most people use, and with the fastest one;
* rules: one loop that reads, parses, judges and counts each line and writes the kept ones: the job without Beam;
* job: `beam-tuning validate`, in process.

Flink has two worker processes, Prism one (it starts one for each environment of a graph). FLINK_JOB_SERVER_JAR and
PRISM say where the engines are; `scripts/test-engines` gets them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow.parquet as pq

from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult, StreamInfo
from beam_tuning.media.media_table import to_table

MODEL = "gemini-2.5-flash"
WORDS = (
    *("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"),
    *("india", "juliett", "kilo", "lima", "mike", "november", "Ελληνικά", "日本語"),
)
SHARDS = 16


HARNESS = Path(__file__).parents[1] / "tests" / "engines" / "sdk_harness.py"
FLINK_CONFIGURATION = HARNESS.parent / "flink"
#: A Flink that is short of heap loses streams and waits for them for ever: better that it ends.
FLINK_JAVA_OPTIONS = "-Xmx5g -XX:+ExitOnOutOfMemoryError"


class Cost(NamedTuple):
    """What one side took; memory is the sum over its processes, and the largest of each kind."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    peak_mib_of: Mapping[str, float]


def write_dataset(folder: Path, lines: int, *, two_splits: bool = False) -> None:
    """Deterministic lines of about 700 bytes; one in twenty names a video that is too long."""
    (folder / "media").mkdir(parents=True)
    distinct = max(1, lines * 3 // 10)
    of_validation = distinct // 10 if two_splits else 0
    write_media_table(folder, distinct, distinct - of_validation)
    chance = random.Random(7)
    asked: list[Question] = []
    for split, share, numbers in (
        ("train", lines - lines // 10 if two_splits else lines, range(distinct - of_validation)),
        ("validation", lines // 10 if two_splits else 0, range(distinct - of_validation, distinct)),
    ):
        for shard in range(SHARDS if share else 0):
            with open(folder / f"{split}-{shard:05d}.jsonl", "w", encoding="utf-8") as out:
                for _ in range(shard * share // SHARDS, (shard + 1) * share // SHARDS):
                    question = Question(uri(chance.choice(numbers)), words(chance))
                    if not two_splits:
                        out.write(line(question, words(chance)))
                        continue
                    if chance.random() < TEXT_ALONE:
                        question = question._replace(uri=None)
                    if split == "train" and chance.random() < REMEMBERED:
                        asked.append(question)
                    if split == "validation" and chance.random() < SHARED:
                        question = chance.choice(asked)
                    out.write(line(question, words(chance)) * (2 if chance.random() < REPEATED else 1))


class Question(NamedTuple):
    """The input of an example; `uri` is None where it is text alone."""

    uri: str | None
    text: str


#: With two splits, the share of lines that is text alone, and that stands there twice; of validation's lines that share
#: their question with training; and of training's questions that may be shared.
TEXT_ALONE, REPEATED, SHARED, REMEMBERED = 0.05, 0.01, 0.1, 0.01


def write_media_table(folder: Path, distinct: int, of_training: int) -> None:
    """Probe results of all videos; of a validation set one in fifty has the bytes of a training video."""
    results = []
    for number in range(distinct):
        bytes_of = number - of_training if number >= of_training and number % 50 == 0 else number
        stream = StreamInfo(MediaKind.VIDEO, "h264", width_px=1280, height_px=720, fps=25.0)
        length_s = 400.0 if number % 20 == 0 else 10.0 + number % 200
        about = ObjectInfo(
            size_bytes=1_000_000 + bytes_of,
            generation=str(1_700_000_000_000_000 + number),
            crc32c=f"{bytes_of:06d}==" if of_training < distinct else None,
        )
        results.append(ProbeResult(uri(number), MediaInfo("mp4", MediaKind.VIDEO, (stream,), length_s), about))
    table = folder / "media" / "media-00000-of-00001.parquet"
    pq.write_table(to_table(results), table, row_group_size=100_000)


def line(question: Question, answer: str) -> str:
    parts: list[dict[str, Any]] = [{"text": question.text}]
    if question.uri is not None:
        parts.insert(0, {"fileData": {"mimeType": "video/mp4", "fileUri": question.uri}})
    example = {
        "contents": [{"role": "user", "parts": parts}, {"role": "model", "parts": [{"text": answer}]}],
        "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    }
    return json.dumps(example, ensure_ascii=False) + "\n"


def uri(number: int) -> str:
    return f"gs://example-bucket/videos/batch-{number % 97:02d}/clip-{number:07d}.mp4"


def words(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=36))


def plain(folder: Path, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]) -> None:
    """Reads, decodes, touches and writes."""
    with open(folder / "plain.jsonl", "wb") as out:
        for path in sorted(folder.glob("train-*.jsonl")):
            with open(path, "rb") as lines:
                for line in lines:
                    example = decode(line)
                    example["contents"][0]["parts"][0]["fileData"]["fileUri"] += "#"
                    out.write(encode(example) + b"\n")


def plain_json(folder: Path) -> None:
    plain(folder, json.loads, lambda example: json.dumps(example, ensure_ascii=False).encode())


def plain_msgspec(folder: Path) -> None:
    plain(folder, msgspec.json.Decoder().decode, msgspec.json.Encoder().encode)


def rules(folder: Path) -> None:
    """Reads, parses, judges, counts and writes kept lines, without Beam."""
    from beam_tuning.dataset.example import LineId
    from beam_tuning.dataset.parse import parse_line
    from beam_tuning.limits_file import load_limits
    from beam_tuning.media.media_table import from_table
    from beam_tuning.policy.judge import Policy, judge
    from beam_tuning.reasons import Verdict
    from beam_tuning.summary.summary import Summary

    table = pq.read_table(folder / "media" / "media-00000-of-00001.parquet")
    media = {result.uri: result for result in from_table(table)}
    policy = Policy.of(load_limits(None), MODEL)
    summary = Summary.empty()
    with open(folder / "rules.jsonl", "wb") as out:
        for path in sorted(folder.glob("train-*.jsonl")):
            offset = 0
            with open(path, "rb") as lines:
                examples = []
                for number, line in enumerate(lines, 1):
                    line_id = LineId("train", str(path), number, offset)
                    judged = judge(policy, line_id, len(line) - 1, parse_line(line), media)
                    examples.append(judged)
                    offset += len(line)
                    if judged.verdict is Verdict.KEPT:
                        out.write(line)
                    if len(examples) == 1000:
                        summary.add_all(examples)
                        examples = []
                summary.add_all(examples)


#: The job with the options that were given.
WITH_OPTIONS = "job with options"
LOOPS = {"json": plain_json, "msgspec": plain_msgspec, "rules": rules}
#: Engines, and the variables that say where they are.
ENGINES = {"prism": "PRISM", "flink": "FLINK_JOB_SERVER_JAR"}


def command(what: str, folder: Path, options: Sequence[str] = ()) -> list[str]:
    if what in LOOPS:
        return [sys.executable, __file__, "--loop", what, "--folder", str(folder)]
    output = folder / "out"
    shutil.rmtree(output, ignore_errors=True)
    return [
        *(sys.executable, "-m", "beam_tuning", "validate", f"--train={folder}/train-*.jsonl", f"--output={output}"),
        *([f"--validation={folder}/validation-*.jsonl"] if (folder / "validation-00000.jsonl").exists() else ()),
        *(f"--model={MODEL}", f"--probe_cache={folder}", "--trust_cache", "--fail_on=never"),
        *(engine_arguments(what, folder) if what in ENGINES else ()),
        *(options if what == WITH_OPTIONS else ()),
    ]


def engine_arguments(engine: str, folder: Path) -> list[str]:
    harness = folder / "sdk-harness"
    harness.write_text(f'#!/bin/sh\nexec {sys.executable} {HARNESS} "$@"\n')
    harness.chmod(0o755)
    separate = ["--environment_type=PROCESS", f"--environment_config={json.dumps({'command': str(harness)})}"]
    where = os.environ.get(ENGINES[engine]) or sys.exit(f"{ENGINES[engine]} does not say where the engine is.")
    if engine == "prism":
        return ["--runner=PrismRunner", f"--prism_location={where}", *separate]
    workers = ["--parallelism=2", "--sdk_worker_parallelism=2"]
    return ["--runner=FlinkRunner", f"--flink_job_server_jar={where}", *workers, *separate]


def run(what: str, folder: Path, options: Sequence[str] = ()) -> Cost:
    """Runs one side in a process of its own and watches the memory of it and its children."""
    started = time.monotonic()
    environ = {"FLINK_CONF_DIR": str(FLINK_CONFIGURATION), "JAVA_TOOL_OPTIONS": FLINK_JAVA_OPTIONS}
    environ = {**os.environ, **environ} if what == "flink" else dict(os.environ)
    process = subprocess.Popen(command(what, folder, options), stdout=subprocess.DEVNULL, env=environ)
    peak_kib = 0
    peak_mib_of: dict[str, float] = {}
    over = threading.Event()

    def watch() -> None:
        nonlocal peak_kib
        while not over.wait(0.1):
            sizes_kib = {pid: pss_kib(pid) for pid in with_children(process.pid)}
            peak_kib = max(peak_kib, sum(sizes_kib.values()))
            for pid, size_kib in sizes_kib.items():
                kind = "launcher" if pid == process.pid else kind_of(pid)
                peak_mib_of[kind] = max(peak_mib_of.get(kind, 0.0), size_kib / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{what} ended with {process.returncode}")
    return Cost(time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak_kib / 1024, peak_mib_of)


def kind_of(pid: int) -> str:
    """`worker` or `engine`."""
    try:
        return "worker" if str(HARNESS) in Path(f"/proc/{pid}/cmdline").read_text() else "engine"
    except OSError:
        return "engine"


def with_children(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                found += map(int, Path(f"/proc/{parent}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return found


def pss_kib(pid: int) -> int:
    """Proportional set size: shared pages count once over all processes."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def median(costs: list[Cost]) -> Cost:
    wall_s, cpu_s, peak_mib = (statistics.median(values) for values in zip(*(cost[:3] for cost in costs), strict=True))
    return Cost(wall_s, cpu_s, peak_mib, costs[-1].peak_mib_of)


def on_engine(engine: str, sizes: list[int]) -> None:
    print("| lines | engine | wall s | us an example | MiB in all | launcher | largest worker | engine |")
    print("|---|---|---|---|---|---|---|---|")
    for lines in sizes:
        with tempfile.TemporaryDirectory(prefix="beam-tuning-scale-") as temporary:
            folder = Path(temporary) / "data"
            folder.mkdir()
            write_dataset(folder, lines)
            cost = run(engine, folder)
        each = " | ".join(f"{cost.peak_mib_of.get(kind, 0):,.0f}" for kind in ("launcher", "worker", "engine"))
        print(
            f"| {lines:,} | {engine} | {cost.wall_s:.0f} | {cost.wall_s / lines * 1e6:.1f} "
            f"| {cost.peak_mib:,.0f} | {each} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="of validate, all that follow")
    parser.add_argument("--two_splits", action="store_true")
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--loop", choices=LOOPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loop:
        LOOPS[arguments.loop](arguments.folder)
        return
    if arguments.engine:
        on_engine(arguments.engine, arguments.lines)
        return
    print("| lines | side | wall s | CPU s | peak MiB | us an example | CPU over json | over msgspec | over rules |")
    print("|---|---|---|---|---|---|---|---|---|")
    for lines in arguments.lines:
        with tempfile.TemporaryDirectory(prefix="beam-tuning-scale-") as temporary:
            folder = Path(temporary) / "data"
            folder.mkdir()
            write_dataset(folder, lines, two_splits=arguments.two_splits)
            runs: dict[str, list[Cost]] = {
                what: [] for what in (*LOOPS, "job", *([WITH_OPTIONS] if arguments.options else []))
            }
            for _ in range(arguments.repeat):
                for what, costs in runs.items():
                    costs.append(run(what, folder, arguments.options))
        medians = {what: median(costs) for what, costs in runs.items()}
        for what, cost in medians.items():
            ratios = (cost.cpu_s / medians[other].cpu_s for other in LOOPS)
            print(
                f"| {lines:,} | {what} | {cost.wall_s:.2f} | {cost.cpu_s:.2f} | {cost.peak_mib:,.0f} "
                f"| {cost.wall_s / lines * 1e6:.1f} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
