"""Duplicates, conflicts and leaks of a whole run: what was planted is found, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from tuning_lines import Json, example, file, text

from beam_tuning.cli import main
from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult, StreamInfo
from beam_tuning.media.media_table import to_table

TRAIN_LINES, VALIDATION_LINES = 17_000, 3_000
CODES = (
    *("EXAMPLE_DUPLICATE", "EXAMPLE_CONFLICT", "EXAMPLE_IN_BOTH_SPLITS"),
    *("MEDIA_IN_BOTH_SPLITS", "MEDIA_SEGMENTS_IN_BOTH_SPLITS"),
)
#: (split, number of the line in its split, from 0).
Place = tuple[str, int]


class Planted(NamedTuple):
    lines: Mapping[str, Sequence[str]]
    codes: Mapping[Place, frozenset[str]]
    sizes: Mapping[str, tuple[int, str]]


def video(uri: str, start: str | None = None, end: str | None = None) -> Json:
    metadata = {name: value for name, value in (("startOffset", start), ("endOffset", end)) if value is not None}
    return file(uri, "video/mp4", **({"videoMetadata": metadata} if metadata else {}))


def uri(number: int) -> str:
    return f"gs://example-bucket/clips/{number:06d}.mp4"


def otherwise(line: Json, chance: random.Random) -> str:
    """The same example, written in another way."""
    contents = [
        {"parts": content["parts"], **({} if content["role"] == "user" else {"role": "model"})}
        for content in line["contents"]
    ]
    made = json.dumps({"rowId": chance.random(), "contents": contents}, indent=1).replace("\n", " ")
    return made.replace('"fileData"', '"file_data"').replace('"mimeType"', '"mime_type"')


def plant() -> Planted:
    """Plain lines, each with a text or a video of its own, and pairs of each kind at places far from each other."""
    chance = random.Random(5)
    lines: dict[str, list[Json | str]] = {}
    sizes: dict[str, tuple[int, str]] = {}
    for split, count, first in (("train", TRAIN_LINES, 0), ("validation", VALIDATION_LINES, TRAIN_LINES)):
        lines[split] = []
        for number in range(first, first + count):
            parts = [text(f"Question {number}")]
            if number % 4 == 0:
                parts.insert(0, video(uri(number)))
                sizes[uri(number)] = (1_000_000 + number, f"own-{number}")
            lines[split].append(example(*parts, answer=f"Answer {number}"))
    places = {
        "train": iter(chance.sample(range(TRAIN_LINES), 2000)),
        "validation": iter(chance.sample(range(VALIDATION_LINES), 600)),
    }
    codes: dict[Place, set[str]] = {}

    def put(split: str, line: Json | str, *found: str) -> None:
        place = (split, next(places[split]))
        lines[split][place[1]] = line
        if found:
            codes.setdefault(place, set()).update(found)

    def put_pair(split: str, one: Json, other: Json | str) -> None:
        """Two places of a split, the first line first."""
        at = sorted((next(places[split]), next(places[split])))
        lines[split][at[0]], lines[split][at[1]] = one, other
        pairs.append(((split, at[0]), (split, at[1])))

    pairs: list[tuple[Place, Place]] = []
    for number in range(100):
        split = ("train", "validation")[number % 2]
        line = example(video(f"gs://twice/{number}.mp4"), text(f"Twice {number}"), answer=f"So {number}")
        put_pair(split, line, otherwise(line, chance))
        codes.setdefault(pairs[-1][1], set()).add("EXAMPLE_DUPLICATE")
        put_pair(split, example(text(f"Odd {number}"), answer="Yes."), example(text(f"Odd {number}"), answer="No."))
        for place in pairs[-1]:
            codes.setdefault(place, set()).add("EXAMPLE_CONFLICT")

        both = example(text(f"Both {number}"), answer="Yes.")
        put("train", both, "EXAMPLE_IN_BOTH_SPLITS")
        put("validation", otherwise(both, chance), "EXAMPLE_IN_BOTH_SPLITS")
    for number in range(50):
        whole, copied, cut, apart = (f"gs://{name}/{number}.mp4" for name in ("whole", "copied", "cut", "apart"))
        sizes[copied] = sizes[f"{copied}-2"] = (77, f"copied-{number}")
        put("train", example(video(whole), text(f"W {number}")), "MEDIA_IN_BOTH_SPLITS")
        put("validation", example(video(whole), text(f"V {number}")), "MEDIA_IN_BOTH_SPLITS")
        put("train", example(video(copied), text(f"C {number}")), "MEDIA_IN_BOTH_SPLITS")
        put("validation", example(video(f"{copied}-2"), text(f"D {number}")), "MEDIA_IN_BOTH_SPLITS")
        put("train", example(video(cut, "0s", "5s"), text(f"E {number}")), "MEDIA_IN_BOTH_SPLITS")
        put("validation", example(video(cut, "4s", "8s"), text(f"F {number}")), "MEDIA_IN_BOTH_SPLITS")
        put("train", example(video(apart, "0s", "5s"), text(f"G {number}")), "MEDIA_SEGMENTS_IN_BOTH_SPLITS")
        put("validation", example(video(apart, "5s"), text(f"H {number}")), "MEDIA_SEGMENTS_IN_BOTH_SPLITS")
        # The same object twice in one split is no leak, nor are two of one size that differ.
        sizes[f"gs://near/{number}-a.mp4"] = (99, f"near-{number}")
        sizes[f"gs://near/{number}-b.mp4"] = (99, f"far-{number}")
        put("train", example(video(f"gs://near/{number}-a.mp4"), text(f"I {number}")))
        put("train", example(video(f"gs://near/{number}-a.mp4"), text(f"J {number}")))
        put("validation", example(video(f"gs://near/{number}-b.mp4"), text(f"K {number}")))
    encoded = {
        split: [line if isinstance(line, str) else json.dumps(line) for line in some] for split, some in lines.items()
    }
    return Planted(encoded, {place: frozenset(found) for place, found in codes.items()}, sizes)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return plant()


def media_of(planted: Planted) -> Iterable[ProbeResult]:
    """What probing would find: a video of 20 s at every URI."""
    uris = {
        part["fileData" if "fileData" in part else "file_data"]["fileUri"]
        for lines in planted.lines.values()
        for line in lines
        for content in json.loads(line)["contents"]
        for part in content["parts"]
        if "text" not in part
    }
    info = MediaInfo("mp4", MediaKind.VIDEO, (StreamInfo(MediaKind.VIDEO, "h264"),), 20.0)
    for one in sorted(uris):
        size_bytes, checksum = planted.sizes.get(one, (55, f"of {one}"))
        yield ProbeResult(one, info, ObjectInfo(size_bytes, "1", crc32c=checksum))


@pytest.fixture(scope="module")
def cache(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    (folder / "media").mkdir()
    pq.write_table(to_table(list(media_of(planted))), folder / "media" / "media-00000-of-00001.parquet")
    return folder


def write(planted: Planted, folder: Path, files: int) -> None:
    """The same lines in the same order, in so many files for each split."""
    for split, lines in planted.lines.items():
        for number in range(files):
            some = lines[number * len(lines) // files : (number + 1) * len(lines) // files]
            (folder / f"{split}-{number:02d}.jsonl").write_text("".join(line + "\n" for line in some))


def run(planted: Planted, cache: Path, folder: Path, files: int, *more: str) -> Path:
    folder.mkdir()
    write(planted, folder, files)
    output = folder / "out"
    splits = (f"--train={folder}/train-*", f"--validation={folder}/validation-*")
    words = ["validate", *splits, f"--output={output}", "--model=gemini-2.5-flash", f"--probe_cache={cache}"]
    assert main([*words, "--trust_cache", "--fail_on=never", *more]) == 0
    return output


def rows_of(output: Path) -> dict[Place, dict[str, Any]]:
    """Rows of the verdict table by split and number of the line in its split."""
    rows: dict[Place, dict[str, Any]] = {}
    for split in ("train", "validation"):
        tables = [pq.read_table(path) for path in sorted((output / "verdicts").glob(f"{split}-*"))]
        every = sorted(
            (row for table in tables for row in table.to_pylist()), key=lambda row: (row["file"], row["line"])
        )
        rows.update({(split, number): row for number, row in enumerate(every)})
    return rows


def codes_of(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(finding["code"] for finding in row["findings"] if finding["code"] in CODES)


@pytest.mark.parametrize("files", [1, 7, 40])
def test_what_was_planted_is_found_and_nothing_else(planted: Planted, cache: Path, tmp_path: Path, files: int) -> None:
    output = run(planted, cache, tmp_path / "run", files)
    rows = rows_of(output)
    assert len(rows) == TRAIN_LINES + VALIDATION_LINES
    assert {place: codes for place, row in rows.items() if (codes := codes_of(row))} == planted.codes
    assert {row["verdict"] for row in rows.values()} == {"kept"}
    for split, lines in planted.lines.items():
        assert (output / f"{split}.jsonl").read_text() == "".join(line + "\n" for line in lines)


def test_what_is_dropped_is_what_was_asked_for(planted: Planted, cache: Path, tmp_path: Path) -> None:
    output = run(planted, cache, tmp_path / "run", 3, "--drop_duplicates", "--drop_leaks=validation")
    leaks = set(CODES[2:])
    expected = {
        place
        for place, codes in planted.codes.items()
        if "EXAMPLE_DUPLICATE" in codes or (place[0] == "validation" and codes & leaks)
    }
    assert {place for place, row in rows_of(output).items() if row["verdict"] == "dropped"} == expected
    splits = json.loads((output / "report.json").read_bytes())["splits"]
    for split, counts in splits.items():
        unwanted = sum(place[0] == split for place in expected)
        assert (counts["dropped"], counts["unwanted"], counts["drop_share"]["low"]) == (unwanted, unwanted, 0)
        assert counts["read"] == counts["kept"] + counts["dropped"] + counts["undecided"]


def test_a_run_may_leave_the_comparison_out(planted: Planted, cache: Path, tmp_path: Path) -> None:
    rows = rows_of(run(planted, cache, tmp_path / "run", 2, "--skip_comparison"))
    assert not any(codes_of(row) for row in rows.values())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--drop_leaks=train",), "--drop_leaks"),
        (("--drop_duplicates", "--skip_comparison"), "--skip_comparison"),
        (("--drop_leaks=test",), "train, validation"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(
    tmp_path: Path, words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps(example()) + "\n")
    given = (f"--train={tmp_path}/train.jsonl", f"--output={tmp_path}/out", "--model=gemini-2.5-flash")
    assert main(["validate", *given, *words]) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
