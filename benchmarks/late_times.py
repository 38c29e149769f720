"""How often TEXT_TIME_BEYOND_END is wrong, on texts that others wrote and no rule was made for.

    python benchmarks/late_times.py --dialogues sgd/train --moments highlight_val_release.jsonl

* `--dialogues`: folder of `dialogues_*.json` of the Schema-Guided Dialogue dataset
  (https://github.com/google-research-datasets/dstc8-schema-guided-dialogue, CC BY-SA 4.0): sentences on appointments,
  trains, prices and phone numbers. None of them speaks of a recording, so that each time that is found is a false one.
* `--moments`: JSON Lines of QVHighlights (https://github.com/jayleicn/moment_detr, CC BY-NC-SA 4.0): where in a video
  something is to be seen. They are written as people write annotations. Held against the true length each time that is
  found is a false one; held against a length three seconds short of the last moment each answer should be found.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from beam_tuning.dataset.timed_texts import may_hold_times
from beam_tuning.times.late import late_time

Windows = list[list[int]]
#: Lengths that the sentences of dialogues are held against.
LENGTHS_S = (30, 60, 300, 1200)


def is_found(text: str, end_s: float, *, expects_times: bool = False) -> bool:
    return may_hold_times(text) and late_time(text, round(end_s * 1e9), expects_times=expects_times) is not None


def dialogues(folder: Path) -> None:
    texts: dict[str, None] = {}
    for path in sorted(folder.glob("dialogues_*.json")):
        for dialogue in json.loads(path.read_text()):
            texts.update(dict.fromkeys(turn["utterance"] for turn in dialogue["turns"]))
    numbered = [text for text in texts if any(map(str.isdigit, text))]
    worth_reading = sum(map(may_hold_times, numbered))
    print(f"{len(numbered):,} sentences with a number, {worth_reading:,} of them with a clock or seconds")
    for expects_times in (False, True):
        for end_s in LENGTHS_S:
            false = sum(is_found(text, end_s, expects_times=expects_times) for text in numbered)
            asked = "the prompt asks for timestamps" if expects_times else "any prompt"
            print(f"  {asked}, media of {end_s:,} s: {false:,} false findings, {100 * false / len(numbered):.2f} %")


def clock(at_s: int) -> str:
    return f"{at_s // 60:02d}:{at_s % 60:02d}"


def as_json(what: str, windows: Windows) -> str:
    return json.dumps([{"start": start, "end": end, "label": what} for start, end in windows])


def as_json_clock(what: str, windows: Windows) -> str:
    return json.dumps([{"start_time": clock(start), "end_time": clock(end), "event": what} for start, end in windows])


def as_lines(what: str, windows: Windows) -> str:
    return "\n".join(f"[{clock(start)} - {clock(end)}] {what}" for start, end in windows)


def as_sentence(what: str, windows: Windows) -> str:
    return f"{what} It is seen " + " and ".join(f"from {clock(start)} to {clock(end)}" for start, end in windows) + "."


def as_cues(what: str, windows: Windows) -> str:
    cues = [f"00:{clock(start)}.000 --> 00:{clock(end)}.000\n{what}" for start, end in windows]
    return "\n\n".join(("WEBVTT", *cues))


FORMS: dict[str, Callable[[str, Windows], str]] = {
    "JSON, seconds": as_json,
    "JSON, clocks": as_json_clock,
    "lines": as_lines,
    "a sentence": as_sentence,
    "WebVTT": as_cues,
}


def moments(paths: Iterable[Path]) -> None:
    rows = [json.loads(line) for path in paths for line in path.read_text().splitlines() if line.strip()]
    rows = [row for row in rows if row.get("relevant_windows")]
    for name, form in FORMS.items():
        false = found = 0
        for row in rows:
            text, last_s = form(row["query"], row["relevant_windows"]), max(end for _, end in row["relevant_windows"])
            false += is_found(text, row["duration"])
            found += is_found(text, max(1, last_s - 3))
        told = f"{found:,} found of those that point past the end, {100 * found / len(rows):.1f} %"
        print(f"{name}: {len(rows):,} answers, {false:,} false findings; {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=Path)
    parser.add_argument("--moments", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    if given.dialogues:
        dialogues(given.dialogues)
    if given.moments:
        moments(given.moments)


if __name__ == "__main__":
    main()
