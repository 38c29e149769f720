"""Edits of media beside the ffmpeg command line, on the same settings, in one run.

python benchmarks/repair.py                 needs ffmpeg on the PATH; about ten minutes
python benchmarks/repair.py --minutes 60 --segment_s 120 --rounds 5

Rows: a cut of a segment without encoding, the same segment encoded, and one minute encoded under a size; each by
`beam_tuning` in a child process, as a worker does it, and by ffmpeg. Best of the rounds, in CPU seconds of all
threads, which a busy machine does not change much, and in wall seconds. Between them, the cut copied and encoded in
this process, without the start of Python; what `beam_tuning/repair_plan/work.py` reckons with; eight cuts, one at a
time and two at once.
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

from beam_tuning.media.edit.child import answer
from beam_tuning.media.edit.run import edit
from beam_tuning.media.edit.wanted import SECOND_NS, EditLimits, Kind, Made, Task, Wanted

MINUTE_S, FPS = 60, 25
#: Of the last rows.
EDITS = 8


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=int, default=20, help="length of the source")
    options.add_argument("--segment_s", type=float, default=60.0, help="length of what is cut out of it")
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        minute, source = make_sources(folder, given.minutes)
        middle_s = given.minutes * 30.0
        segment = (middle_s, middle_s + given.segment_s)
        limit_bytes = minute.stat().st_size // 3
        bits = int(limit_bytes * 8 * 0.92 / MINUTE_S)
        print(f"source: {given.minutes} min, {source.stat().st_size:,} bytes, 1280x720, {os.cpu_count()} cores")
        print(f"{'':34}{'CPU: ours':>10}{'ffmpeg':>10}{'ratio':>7}{'wall: ours':>11}{'ffmpeg':>10}{'ratio':>7}")
        cut = best(given.rounds, lambda: ours(source, folder, segment, tolerance_s=2))
        row(
            f"cut of {given.segment_s:g} s, copied",
            cut,
            best(given.rounds, lambda: ffmpeg_copy(source, folder, segment)),
        )
        inner_cut = best(given.rounds, lambda: here(source, folder, segment, tolerance_s=2))
        inner_encoded = best(given.rounds, lambda: here(source, folder, segment, tolerance_s=0))
        told(inner_encoded, inner_cut, "in one process")
        copied_gb = source.stat().st_size * given.segment_s / (given.minutes * MINUTE_S) / 1e9
        print(f"copied: {inner_cut.cpu_s / copied_gb:.2f} CPU s a GB; the start of a child: {start_s(cut, inner_cut)}")
        megapixels = given.segment_s * FPS * 1280 * 720 / 1e6
        print(f"encoded: {inner_encoded.cpu_s / megapixels:.4f} CPU s a megapixel")
        sound = best(given.rounds, lambda: sound_here(minute, folder))
        print(f"sound: {sound.cpu_s / MINUTE_S:.5f} CPU s a second, as FLAC and then as Opus")
        workers("copied", given.rounds, source, folder, segment, 2.0)
        encoded = best(given.rounds, lambda: ours(source, folder, segment, tolerance_s=0))
        row("the same segment, encoded", encoded, best(given.rounds, lambda: ffmpeg_encode(source, folder, segment)))
        told(encoded, cut, "with the start of a child process")
        shrunk = best(given.rounds, lambda: ours(minute, folder, None, max_bytes=limit_bytes))
        row("one minute, under a third", shrunk, best(given.rounds, lambda: ffmpeg_shrink(minute, folder, bits)))


def start_s(child: Cost, here: Cost) -> str:
    return f"{child.cpu_s - here.cpu_s:.2f} CPU s"


def workers(
    what: str, rounds: int, source: Path, folder: Path, segment: tuple[float, float], tolerance_s: float
) -> None:
    one_s = best(rounds, lambda: in_turn(source, folder, segment, tolerance_s)).wall_s
    two_s = best(rounds, lambda: at_once(source, folder, segment, tolerance_s)).wall_s
    print(f"{EDITS} cuts, {what}: one worker {one_s:.2f} s, two workers {two_s:.2f} s, {one_s / two_s:.2f} times")


class Cost(NamedTuple):
    """Seconds of the fastest round."""

    cpu_s: float
    wall_s: float


def best(rounds: int, action: Callable[[], object]) -> Cost:
    cpu, wall = [], []
    for _ in range(rounds):
        before, start = cpu_s(), time.perf_counter()
        action()
        cpu.append(cpu_s() - before)
        wall.append(time.perf_counter() - start)
    return Cost(min(cpu), min(wall))


def cpu_s() -> float:
    """Of this process and of its children that have ended."""
    usages = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def told(encoded: Cost, copied: Cost, how: str) -> None:
    cpu, wall = encoded.cpu_s / copied.cpu_s, encoded.wall_s / copied.wall_s
    print(f"copying is {cpu:.0f} times as fast as encoding in CPU, {wall:.0f} times in wall time, {how}")


def row(what: str, our: Cost, their: Cost) -> None:
    shown = f"{our.cpu_s:>9.2f}s{their.cpu_s:>9.2f}s{our.cpu_s / their.cpu_s:>7.2f}"
    print(f"{what:34}{shown}{our.wall_s:>10.2f}s{their.wall_s:>9.2f}s{our.wall_s / their.wall_s:>7.2f}")


def wanted(segment: tuple[float, float] | None, tolerance_s: float, max_bytes: int | None = None) -> Wanted:
    start_s, stop_s = segment or (0.0, None)
    return Wanted(
        kind=Kind.PART,
        start_ns=round(start_s * SECOND_NS),
        stop_ns=None if stop_s is None else round(stop_s * SECOND_NS),
        max_bytes=max_bytes,
        tolerance_ns=round(tolerance_s * SECOND_NS),
        end_tolerance_ns=round(tolerance_s * SECOND_NS),
    )


def ours(
    source: Path,
    folder: Path,
    segment: tuple[float, float] | None,
    *,
    tolerance_s: float = 0.5,
    max_bytes: int | None = None,
    number: int = 0,
) -> None:
    check(edit(str(source), str(folder / f"ours-{number}.mp4"), wanted(segment, tolerance_s, max_bytes)))


def here(source: Path, folder: Path, segment: tuple[float, float], *, tolerance_s: float) -> None:
    """What a child does, in this process."""
    task = Task(str(source), str(folder / "here.mp4"), wanted(segment, tolerance_s), EditLimits())
    check(answer(task))


def sound_here(minute: Path, folder: Path) -> None:
    """The dearest edit of sound: too large as FLAC."""
    sound = folder / "sound.m4a"
    ffmpeg("-i", str(minute), "-vn", "-c", "copy", str(sound))
    order = Wanted(kind=Kind.SOUND, max_bytes=400_000)
    check(answer(Task(str(sound), str(folder / "sound"), order, EditLimits())))


def check(made: object) -> None:
    if not isinstance(made, Made):
        raise SystemExit(f"no file was made: {made}")


def in_turn(source: Path, folder: Path, segment: tuple[float, float], tolerance_s: float) -> None:
    for number in range(EDITS):
        ours(source, folder, segment, tolerance_s=tolerance_s, number=number)


def at_once(source: Path, folder: Path, segment: tuple[float, float], tolerance_s: float) -> None:
    def one(number: int) -> None:
        ours(source, folder, segment, tolerance_s=tolerance_s, number=number)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(EDITS)))


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


def make_sources(folder: Path, minutes: int) -> tuple[Path, Path]:
    """One minute, and that minute so many times."""
    minute, long = folder / "minute.mp4", folder / "long.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate={FPS}:duration={MINUTE_S}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={MINUTE_S}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-g", "50", "-c:a", "aac", str(minute)),
    )
    ffmpeg("-stream_loop", str(minutes - 1), "-i", str(minute), "-c", "copy", "-movflags", "+faststart", str(long))
    return minute, long


def ffmpeg(*words: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *words], check=True)


if __name__ == "__main__":
    main()
