"""How many reads, bytes and seconds it takes to learn how long remote media are: this prober beside what people use.

    python benchmarks/probe.py                        everything (about 25 minutes, and the corpus once)
    python benchmarks/probe.py --latencies 50 --runs 1 --mutants 0
    python benchmarks/probe.py --output table.md

Needs ffmpeg and a C compiler. Builds a corpus of 122 files (1.5 GB, in the temp folder or `--corpus`), starts its own
server on this machine, and prints the tables of docs/probing.md. The client and what it starts run on one core, the
server on another; rates are medians of interleaved runs, to be read as ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from probe_corpus import ODD_GROUPS, STREAMED_GROUPS, CorpusFile, build_corpus
from probe_methods import OTHERS, Method, probe_with
from probe_mutants import MutantsTally, probe_mutants
from probe_truth import least_rounds, truths, verdict

from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober

OURS = "beam_tuning"
IN_FLIGHT = 32
RATE_LATENCY_MS = 20
#: Stock pymediainfo takes hundreds of reads for these; in a rate they would be all that is measured.
SLOW_FOR_OTHERS = frozenset({"ts_big.ts", "mpg_600.mpg", "mp4_frag_600.mp4", "mp4_frag_5400.mp4"})


class Server:
    """The range server, with two ports for each latency: two hosts, to a prober that is fair to hosts."""

    def __init__(self, process: subprocess.Popen[str], latencies_ms: list[int]) -> None:
        assert process.stdout is not None
        ports = [int(port) for port in process.stdout.readline().split()]
        self._ports = {latency_ms: ports[2 * at : 2 * at + 2] for at, latency_ms in enumerate(latencies_ms)}
        self._counters = http.client.HTTPConnection("127.0.0.1", ports[0])

    def url(self, name: str, latency_ms: int, host: int = 0) -> str:
        return f"http://127.0.0.1:{self._ports[latency_ms][host]}/{name}"

    def take_counters(self) -> dict[str, int]:
        self._counters.request("GET", "/.counters")
        counters: dict[str, int] = json.loads(self._counters.getresponse().read())
        return counters


@contextlib.contextmanager
def running_server(folder: Path, latencies_ms: list[int], cores: set[int]) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as built:
        program = Path(built) / "range_server"
        source = Path(__file__).with_name("range_server.c")
        subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
        doubled = [str(latency_ms) for latency_ms in latencies_ms for _ in range(2)]
        process = subprocess.Popen([str(program), str(folder), *doubled], stdout=subprocess.PIPE, text=True)
        try:
            os.sched_setaffinity(process.pid, cores)
            yield Server(process, latencies_ms)
        finally:
            process.kill()
            process.wait()


class Cost(NamedTuple):
    """What one probe took; CPU is that of this process and of those it started."""

    requests: int
    received_bytes: int
    cpu_ms: float
    wall_ms: float
    found_s: float | None


def measure(method: Method, server: Server, url: str) -> Cost:
    server.take_counters()
    started, cpu = time.perf_counter(), _cpu_s()
    found_s = method(url)
    cpu_ms, wall_ms = 1000 * (_cpu_s() - cpu), 1000 * (time.perf_counter() - started)
    counters = server.take_counters()
    return Cost(counters["requests"], counters["bytes"], cpu_ms, wall_ms, found_s)


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def probes_a_second(method: Method, urls: list[str], seconds: float) -> float:
    """Probes finished in a second by 32 threads that take URLs in turn."""
    turn, stop = itertools.cycle(urls), time.perf_counter() + seconds
    lock = threading.Lock()
    finished: list[float] = []

    def work() -> None:
        while time.perf_counter() < stop:
            with lock:
                url = next(turn)
            method(url)
            finished.append(time.perf_counter())

    started = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(IN_FLIGHT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(moment <= stop for moment in finished) / (stop - started)


class Results(NamedTuple):
    files: list[CorpusFile]
    #: By method and file: one cost for each run without latency.
    costs: dict[str, dict[str, list[Cost]]]
    #: By method, latency above 0 and file.
    walls_ms: dict[str, dict[int, dict[str, float]]]
    #: By method: one rate for each run.
    rates: dict[str, list[float]]
    #: Dependent rounds of this project's prober, and the least possible.
    rounds: dict[str, tuple[int, int]]
    truth_s: dict[str, float | None]
    mutants: MutantsTally | None


def run(arguments: argparse.Namespace) -> Results:
    folder: Path = arguments.corpus
    files = build_corpus(folder)
    truth_s = truths(folder, files)
    cores = sorted(os.sched_getaffinity(0))
    latencies_ms = sorted({0, RATE_LATENCY_MS, *arguments.latencies})
    costs: dict[str, dict[str, list[Cost]]] = defaultdict(lambda: defaultdict(list))
    walls_ms: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    rates: dict[str, list[float]] = defaultdict(list)
    with running_server(folder, latencies_ms, {cores[-1]}) as server:
        # Before any thread starts: threads inherit the core.
        os.sched_setaffinity(0, {cores[0]})
        with Prober(ProbeOptions(allow_private_addresses=True, threads=IN_FLIGHT)) as prober:
            methods: dict[str, Method] = {OURS: probe_with(prober), **OTHERS}
            rounds = {
                file.name: (prober.submit(server.url(file.name, 0)).result().cost.rounds, least)
                for file in files
                if (least := least_rounds(file, folder / file.name)) is not None
            }
            for number, (name, method) in itertools.product(range(arguments.runs), methods.items()):
                _say(f"run {number + 1} without latency: {name}")
                for file in files:
                    costs[name][file.name].append(measure(method, server, server.url(file.name, 0)))
            for latency_ms, (name, method) in itertools.product(arguments.latencies, methods.items()):
                _say(f"{latency_ms} ms: {name}")
                for file in _well_formed(files):
                    cost = measure(method, server, server.url(file.name, latency_ms))
                    walls_ms[name][latency_ms][file.name] = cost.wall_ms
            names = [file.name for file in _answerable(files) if file.name not in SLOW_FOR_OTHERS]
            random.Random(7).shuffle(names)
            urls = [server.url(name, RATE_LATENCY_MS, at % 2) for at, name in enumerate(names)]
            for number, (name, method) in itertools.product(range(arguments.runs), methods.items()):
                _say(f"run {number + 1} with {IN_FLIGHT} in flight: {name}")
                rates[name].append(probes_a_second(method, urls, arguments.seconds))
    os.sched_setaffinity(0, cores)
    mutants = None
    if arguments.mutants:
        _say(f"{arguments.mutants} mutants")
        mutants = probe_mutants(folder, [file.name for file in _well_formed(files)], arguments.mutants)
    return Results(files, costs, walls_ms, rates, rounds, truth_s, mutants)


def _well_formed(files: list[CorpusFile]) -> list[CorpusFile]:
    return [file for file in files if file.group not in ODD_GROUPS]


def _answerable(files: list[CorpusFile]) -> list[CorpusFile]:
    """Files whose header, with a tail at the most, holds the answer."""
    return [file for file in _well_formed(files) if file.group not in STREAMED_GROUPS]


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


def tables(results: Results) -> str:
    return "\n\n".join((_cost_table(results), _rate_table(results), _target_table(results)))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _three(values: list[float], form: str = "{:.1f}") -> str:
    return " / ".join(
        form.format(one).removesuffix(".0")
        for one in (statistics.median(values), statistics.fmean(values), max(values))
    )


def _column(results: Results, method: str, files: list[CorpusFile], value: Callable[[Cost], float]) -> list[float]:
    """One value for each file: the median of the runs."""
    return [statistics.median(map(value, results.costs[method][file.name])) for file in files]


def _verdicts(results: Results, method: str, files: list[CorpusFile]) -> str:
    found = Counter(verdict(results.costs[method][file.name][0].found_s, results.truth_s[file.name]) for file in files)
    return " / ".join(str(found[one]) for one in ("right", "unknown", "wrong"))


def _cost_table(results: Results) -> str:
    whole = _well_formed(results.files)
    odd = [file for file in results.files if file.group in ODD_GROUPS]
    latencies_ms = sorted(results.walls_ms[OURS])
    header = ["method", "requests", "KiB", "MiB in all", "CPU ms", "ms at 0 ms"]
    header += [f"ms at {latency_ms} ms" for latency_ms in latencies_ms]
    header += ["right / unknown / wrong", "odd files"]
    rows = []
    for method in results.costs:
        kib = _column(results, method, whole, lambda cost: cost.received_bytes / 1024)
        row = [
            method,
            _three(_column(results, method, whole, lambda cost: cost.requests)),
            _three(kib, "{:.0f}"),
            f"{sum(kib) / 1024:.1f}",
            _three(_column(results, method, whole, lambda cost: cost.cpu_ms)),
            _three(_column(results, method, whole, lambda cost: cost.wall_ms), "{:.0f}"),
        ]
        row += [_three(list(results.walls_ms[method][latency_ms].values()), "{:.0f}") for latency_ms in latencies_ms]
        rows.append([*row, _verdicts(results, method, whole), _verdicts(results, method, odd)])
    note = f"{len(whole)} well-formed files and {len(odd)} odd ones; median / mean / largest of a file."
    return note + "\n\n" + _table(header, rows)


def _rate_table(results: Results) -> str:
    ours = statistics.median(results.rates[OURS])
    rows = []
    for method, rates in results.rates.items():
        rate = statistics.median(rates)
        spread = f"{min(rates):.1f} to {max(rates):.1f}"
        rows.append([method, f"{rate:.1f}", spread, _times(ours, rate)])
    note = f"Probes a second in one process on one core, {IN_FLIGHT} in flight, {RATE_LATENCY_MS} ms."
    return note + "\n\n" + _table(["method", "median", "runs", f"{OURS} is faster by"], rows)


def _times(ours: float, other: float) -> str:
    return f"{ours / other:.1f} times" if other else "-"


def _target_table(results: Results) -> str:
    answerable, whole = _answerable(results.files), _well_formed(results.files)
    requests = _column(results, OURS, answerable, lambda cost: cost.requests)
    received = _column(results, OURS, answerable, lambda cost: cost.received_bytes)
    streamed = [file for file in whole if file.group in STREAMED_GROUPS]
    streamed_mib = sum(_column(results, OURS, streamed, lambda cost: cost.received_bytes)) / 2**20
    did, least = (sum(pair[at] for pair in results.rounds.values()) for at in (0, 1))
    ours, stock, ffprobe = (
        statistics.median(results.rates[name]) for name in (OURS, "pymediainfo, file-like", "ffprobe on the URL")
    )
    cpu_ms = statistics.median(_column(results, OURS, whole, lambda cost: cost.cpu_ms))
    wrong = _verdicts(results, OURS, whole).rpartition(" ")[2]
    rows = [
        [
            "requests an object, mean / max (header-answerable)",
            "1.6 / 3",
            f"{statistics.fmean(requests):.2f} / {max(requests):.0f}",
        ],
        ["dependent rounds over the least possible", "1.05", f"{did} / {least} = {did / least:.3f}"],
        [
            "MiB moved, header-answerable files",
            "20",
            f"{sum(received) / 2**20:.1f} (and {streamed_mib:.1f} for the {len(streamed)} read whole)",
        ],
        ["probes a second over stock pymediainfo, file-like", "20 times", _times(ours, stock)],
        ["probes a second over ffprobe on the URL", "50 times", _times(ours, ffprobe)],
        ["CPU a probe, median, client included", "2 ms", f"{cpu_ms:.2f} ms"],
        ["wrong answers on well-formed files", "0", wrong],
    ]
    if (mutants := results.mutants) is not None:
        found = f"{mutants.hangs} hangs, {mutants.crashes} crashes, {mutants.raised} exceptions"
        found += f"; the slowest took {mutants.slowest_ms:.0f} ms"
        rows.append([f"hangs and crashes over {mutants.probed} mutated files", "0", found])
    return _table(["figure", "to reach", "reached"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(tempfile.gettempdir()) / "beam_tuning-probe-corpus"
    parser.add_argument("--corpus", type=Path, default=default, help="folder of the corpus; built when it is not there")
    parser.add_argument("--latencies", type=int, nargs="*", default=[20, 50], help="ms added to every answer")
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs")
    parser.add_argument("--seconds", type=float, default=10, help="of each run with many in flight")
    parser.add_argument("--mutants", type=int, default=2000, help="damaged files")
    parser.add_argument("--output", type=Path, help="file for the tables; they are printed in any case")
    arguments = parser.parse_args()
    text = tables(run(arguments))
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
