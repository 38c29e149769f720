"""Edits of media beside the ffmpeg command line, on the same settings, in one run.

python benchmarks/repair.py                 needs ffmpeg on the PATH
python benchmarks/repair.py --minutes 5 --rounds 5

Rows: a cut without encoding, the same segment encoded, and a whole file encoded under a size; each by `beam_tuning` (in
a child process, as a worker does it) and by ffmpeg. Best of the rounds, in CPU seconds of all threads, which a busy
machine does not change much, and in wall seconds. The last line is eight cuts, one at a time and two at once.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from beam_tuning.media.edit.run import edit
from beam_tuning.media.edit.wanted import SECOND_NS, Kind, Made, Wanted


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=1.0, help="length of the source")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_source(folder, given.minutes)
        length_s = given.minutes * 60
        segment = (length_s / 4, length_s / 4 + min(30.0, length_s / 4))
        limit_bytes = source.stat().st_size // 3
        cut = best(given.rounds, lambda: ours(source, folder, segment, tolerance_s=2))
        encoded = best(given.rounds, lambda: ours(source, folder, segment, tolerance_s=0))
        shrunk = best(given.rounds, lambda: ours(source, folder, None, max_bytes=limit_bytes))
        print(f"source: {length_s:.0f} s, {source.stat().st_size:,} bytes, 1280x720, {os.cpu_count()} cores")
        print(f"{'':30}{'CPU: ours':>10}{'ffmpeg':>10}{'ratio':>7}{'wall: ours':>11}{'ffmpeg':>10}{'ratio':>7}")
        row("cut, copied", cut, best(given.rounds, lambda: ffmpeg_copy(source, folder, segment)))
        row("the same segment, encoded", encoded, best(given.rounds, lambda: ffmpeg_encode(source, folder, segment)))
        bits = int(limit_bytes * 8 * 0.92 / length_s)
        row("whole, under a third", shrunk, best(given.rounds, lambda: ffmpeg_shrink(source, folder, bits)))
        print(f"copying is {encoded.cpu_s / cut.cpu_s:.0f} times as fast as encoding the same segment")
        one_s = best(
            given.rounds, lambda: [ours(source, folder, segment, tolerance_s=2, number=n) for n in range(8)]
        ).wall_s
        two_s = best(given.rounds, lambda: at_once(source, folder, segment)).wall_s
        print(f"eight cuts: one worker {one_s:.2f} s, two workers {two_s:.2f} s, {one_s / two_s:.2f} times")


class Cost(NamedTuple):
    """Seconds of the fastest round."""

    cpu_s: float
    wall_s: float


def best(rounds: int, action: Callable[[], object]) -> Cost:
    cpu, wall = [], []
    for _ in range(rounds):
        before, start = cpu_of_children(), time.perf_counter()
        action()
        cpu.append(cpu_of_children() - before)
        wall.append(time.perf_counter() - start)
    return Cost(min(cpu), min(wall))


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(what: str, our: Cost, their: Cost) -> None:
    shown = f"{our.cpu_s:>9.2f}s{their.cpu_s:>9.2f}s{our.cpu_s / their.cpu_s:>7.2f}"
    print(f"{what:30}{shown}{our.wall_s:>10.2f}s{their.wall_s:>9.2f}s{our.wall_s / their.wall_s:>7.2f}")


def ours(
    source: Path,
    folder: Path,
    segment: tuple[float, float] | None,
    *,
    tolerance_s: float = 0.5,
    max_bytes: int | None = None,
    number: int = 0,
) -> None:
    start_s, stop_s = segment or (0.0, None)
    wanted = Wanted(
        kind=Kind.PART,
        start_ns=round(start_s * SECOND_NS),
        stop_ns=None if stop_s is None else round(stop_s * SECOND_NS),
        max_bytes=max_bytes,
        tolerance_ns=round(tolerance_s * SECOND_NS),
        end_tolerance_ns=round(tolerance_s * SECOND_NS),
    )
    made = edit(str(source), str(folder / f"ours-{number}.mp4"), wanted)
    if not isinstance(made, Made):
        raise SystemExit(f"the file {made.why}")


def at_once(source: Path, folder: Path, segment: tuple[float, float]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: ours(source, folder, segment, tolerance_s=2, number=number), range(8)))


_H264 = ["-c:v", "libx264", "-preset", "medium", "-c:a", "aac", "-ar", "44100", "-movflags", "+faststart"]


def ffmpeg_copy(source: Path, folder: Path, segment: tuple[float, float]) -> None:
    ffmpeg(
        *("-ss", str(segment[0]), "-t", str(segment[1] - segment[0]), "-i", str(source), "-c", "copy"),
        *("-movflags", "+faststart", str(folder / "theirs.mp4")),
    )


def ffmpeg_encode(source: Path, folder: Path, segment: tuple[float, float]) -> None:
    ffmpeg(
        *("-ss", str(segment[0]), "-t", str(segment[1] - segment[0]), "-i", str(source), *_H264, "-crf", "20"),
        str(folder / "theirs.mp4"),
    )


def ffmpeg_shrink(source: Path, folder: Path, bits: int) -> None:
    rate = ["-b:v", str(bits - 96_000), "-maxrate", str(bits - 96_000), "-bufsize", str(2 * bits), "-b:a", "96000"]
    ffmpeg("-i", str(source), *_H264, *rate, str(folder / "theirs.mp4"))


def make_source(folder: Path, minutes: float) -> Path:
    path = folder / "source.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration={minutes * 60}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={minutes * 60}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-g", "50", "-c:a", "aac", str(path)),
    )
    return path


def ffmpeg(*words: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *words], check=True)


if __name__ == "__main__":
    main()
