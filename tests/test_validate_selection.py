"""`validate --max_examples` and `--validation_split`: the same choice however the dataset is cut, and nothing lost."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from gcs_emulator import GcsEmulator

from beam_tuning.cli import main
from beam_tuning.finished_run.opening import open_finished
from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult
from beam_tuning.media.media_table import to_table
from beam_tuning.policy.limits import room_of
from beam_tuning.reconcile.given_lines import GivenLines
from beam_tuning.run_folder.names import FileRole

MODEL = ("--model=gemini-2.5-flash", "--tolerate=MODEL_PAST_RETIREMENT")


def text_line(number: int) -> str:
    turns = [("user", f"What is {number} plus {number}?"), ("model", f"It is {2 * number}.")]
    return json.dumps({"contents": [{"role": role, "parts": [{"text": text}]} for role, text in turns]})


LINES = [text_line(number) for number in range(300)] + ["no JSON"] * 3


def write_files(folder: Path, lines: Sequence[str], files: int, split: str = "train") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        of_file = lines[number::files]
        (folder / f"{split}-{number:02d}.jsonl").write_text("".join(line + "\n" for line in of_file))
    return f"{folder}/{split}-*.jsonl"


def validate(train: str, output: Path, *more: str) -> tuple[int, Any]:
    code = main(["validate", f"--train={train}", f"--output={output}", *MODEL, *more])
    return code, json.loads((output / "report.json").read_bytes())


def lines_of(output: Path, name: str) -> list[str]:
    return [line for path in sorted(output.glob(name)) for line in path.read_text().splitlines()]


def rows_of(output: Path, split: str) -> list[dict[str, Any]]:
    return [row for path in sorted(output.glob(f"verdicts/{split}-*")) for row in pq.read_table(path).to_pylist()]


def check_whole(output: Path, report: Any, lines: Sequence[str]) -> None:
    """Every line stands in one file, and every count says so."""
    found = [
        line
        for split in report["splits"]
        for verdict in ("kept", "sampled-out")
        for line in lines_of(output, f"{split}/{verdict}-*")
    ]
    assert sorted(found) == sorted(line for line in lines if line.startswith("{"))
    total = 0
    for split, counts in report["splits"].items():
        parts = ("kept", "dropped", "undecided", "sampled_out")
        assert counts["read"] == sum(counts[part] for part in parts)
        verdicts = [row["verdict"] for row in rows_of(output, split)]
        for part in parts:
            assert verdicts.count(part.replace("_", "-")) == counts[part]
            assert len(lines_of(output, f"{split}/{part.replace('_', '-')}-*")) == counts[part]
        total += counts["read"]
    assert total == len(lines)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beam_tuning.dataset.layout.SHARD_BYTES", 15_000)


def test_a_sample_is_the_same_over_any_files_and_shards_and_in_any_order(tmp_path: Path) -> None:
    kept: set[frozenset[str]] = set()
    for files in (1, 7, 40):
        lines = list(LINES)
        random.Random(files).shuffle(lines)
        output = tmp_path / f"out-{files}"
        train = write_files(tmp_path / f"in-{files}", lines, files)
        _, report = validate(train, output, "--max_examples=100")
        check_whole(output, report, LINES)
        assert report["splits"]["train"]["kept"] == 100
        assert report["splits"]["train"]["sampled_out"] == 200
        kept.add(frozenset((output / "train.jsonl").read_text().splitlines()))
    assert len(kept) == 1


def test_another_seed_gives_another_sample_and_a_larger_one_holds_the_smaller(tmp_path: Path) -> None:
    train = write_files(tmp_path / "in", LINES, 2)

    def sample(name: str, *options: str) -> set[str]:
        validate(train, tmp_path / name, *options)
        return set((tmp_path / name / "train.jsonl").read_text().splitlines())

    small = sample("small", "--max_examples=50")
    assert small < sample("large", "--max_examples=80")
    other = sample("other", "--max_examples=50", "--seed=7")
    assert len(other) == 50
    assert other != small


def test_a_sample_keeps_the_proportions_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "train-a.jsonl").write_text("".join(line + "\n" for line in LINES[:200]))
    (tmp_path / "in" / "train-b.jsonl").write_text("".join(line + "\n" for line in LINES[200:300]))
    train = f"{tmp_path}/in/train-*"
    _, report = validate(train, tmp_path / "out", "--max_examples=30", "--stratify_by=file")
    taken = {Path(row["name"]).name: row["taken"] for row in report["selection"]["strata"]}
    assert taken == {"train-a.jsonl": 20, "train-b.jsonl": 10}


def test_more_than_there_are_takes_all(tmp_path: Path) -> None:
    train = write_files(tmp_path / "in", LINES, 2)
    _, report = validate(train, tmp_path / "out", "--max_examples=301")
    check_whole(tmp_path / "out", report, LINES)
    assert report["splits"]["train"]["kept"] == 300
    assert report["splits"]["train"]["sampled_out"] == 0


def test_fit_takes_what_the_limits_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "beam_tuning.pipelines.validate.room_of",
        lambda model: msgspec.structs.replace(
            room_of(model), text_examples=100, validation_examples=40, validation_percent_from=10
        ),
    )
    train = write_files(tmp_path / "in", LINES, 2)
    validation = write_files(tmp_path / "in", [text_line(number) for number in range(700, 800)], 1, "validation")
    _, report = validate(train, tmp_path / "out", "--max_examples=fit", f"--validation={validation}")
    assert {name: counts["kept"] for name, counts in report["splits"].items()} == {"train": 100, "validation": 30}
    assert {name: counts["sampled_out"] for name, counts in report["splits"].items()} == {
        "train": 200,
        "validation": 70,
    }
    assert report["selection"]["limited_by"] == "100 training examples; 30 validation examples"
    _, report = validate(train, tmp_path / "split", "--max_examples=fit", "--validation_split=0.05")
    assert report["splits"]["train"]["kept"] == 100
    check_whole(tmp_path / "split", report, LINES)


def test_a_validation_set_is_made_and_is_the_same_over_any_files(tmp_path: Path) -> None:
    moved = []
    for files in (1, 7):
        output = tmp_path / f"out-{files}"
        train = write_files(tmp_path / f"in-{files}", LINES, files)
        _, report = validate(train, output, "--validation_split=0.05")
        check_whole(output, report, LINES)
        assert report["splits"]["train"]["kept"] == 285
        assert report["splits"]["validation"]["kept"] == 15
        assert not report["splits"]["validation"]["dropped"]
        rows = rows_of(output, "validation")
        assert {row["split"] for row in rows} == {"validation"}
        assert all("/train-" in row["file"] for row in rows)
        assert json.loads((output / "tuning_job.json").read_bytes())["supervisedTuningSpec"]["validationDatasetUri"]
        # As given there is one file, with all examples.
        assert report["splits"]["train"]["drop_share"]["low"] == 3 / 303
        moved.append(sorted((output / "validation.jsonl").read_text().splitlines()))
    assert moved[0] == moved[1]


def test_lines_that_are_the_same_are_not_torn_apart(tmp_path: Path) -> None:
    lines = [text_line(number // 3) for number in range(300)]
    train = write_files(tmp_path / "in", lines, 3)
    output = tmp_path / "out"
    validate(train, output, "--validation_split=0.1")
    of_train = set((output / "train.jsonl").read_text().splitlines())
    of_validation = (output / "validation.jsonl").read_text().splitlines()
    assert len(of_validation) == 30
    assert of_train.isdisjoint(of_validation)


def image(number: int) -> ProbeResult:
    """Of two objects in a row the second one has the bytes of the first."""
    about = ObjectInfo(size_bytes=1000, generation="1", crc32c=f"{number // 2:06d}==")
    return ProbeResult(f"gs://bucket/{number}.png", MediaInfo("png", MediaKind.IMAGE, width_px=10, height_px=10), about)


def images_line(number: int, images: Sequence[int]) -> str:
    parts: list[dict[str, Any]] = [
        {"fileData": {"mimeType": "image/png", "fileUri": f"gs://bucket/{one}.png"}} for one in images
    ]
    question = {"role": "user", "parts": [*parts, {"text": f"Question {number}?"}]}
    return json.dumps({"contents": [question, {"role": "model", "parts": [{"text": "Yes."}]}]})


def test_no_object_stands_on_both_sides_nor_through_others(tmp_path: Path) -> None:
    chance = random.Random(5)
    of_line = [[3 * number % 400, *([chance.randrange(400)] if number % 4 == 0 else [])] for number in range(300)]
    lines = [images_line(number, images) for number, images in enumerate(of_line)]
    (tmp_path / "known" / "media").mkdir(parents=True)
    table = to_table([image(number) for number in range(400)])
    pq.write_table(table, tmp_path / "known" / "media" / "media-00000-of-00001.parquet")
    moved = []
    for files in (1, 5):
        train = write_files(tmp_path / f"in-{files}", lines, files)
        output = tmp_path / f"out-{files}"
        cache = (f"--probe_cache={tmp_path}/known", "--trust_cache")
        _, report = validate(train, output, "--validation_split=0.2", *cache)
        check_whole(output, report, lines)
        sides = [
            {
                int(part["uri"].split("/")[-1].split(".")[0]) // 2
                for row in rows_of(output, split)
                for part in row["media"]
            }
            for split in ("train", "validation")
        ]
        assert sides[0].isdisjoint(sides[1])
        assert 40 <= report["splits"]["validation"]["kept"] <= 60
        assert report["selection"]["strata"][0]["name"] == "image"
        moved.append(set((output / "validation.jsonl").read_text().splitlines()))
    assert moved[0] == moved[1]


def test_lines_of_a_sampled_and_split_run_lead_back_to_where_they_came_from(tmp_path: Path) -> None:
    train = write_files(tmp_path / "in", LINES, 3)
    output = tmp_path / "out"
    _, report = validate(train, output, "--max_examples=200", "--validation_split=0.1")
    check_whole(output, report, LINES)
    run = open_finished(str(output))
    assert run.splits == ("train", "validation")
    for split, count in (("train", 180), ("validation", 20)):
        texts = (output / f"{split}.jsonl").read_text().splitlines()
        sources = run.lines(split).sources(range(1, count + 2))
        assert len(texts) == len(sources) == count
        for number, source in sources.items():
            given = Path(source.file).read_text().splitlines()
            assert given[source.line - 1] == texts[number - 1]
    path = f"{tmp_path}/in/train-01.jsonl"
    lines = GivenLines(run, "train", path)
    assert lines.total == 101
    assert [row["line"] for _, row in lines.rows(range(1, 102), ["verdict", "line"])] == list(range(1, 102))
    roles = {file.role for file in run.manifest.files}
    assert FileRole.SAMPLED_OUT in roles


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max_examples=0",), "--max_examples"),
        (("--max_examples=-1",), "--max_examples"),
        (("--max_examples=most",), "--max_examples"),
        (("--max_examples=1e3",), "--max_examples"),
        (("--validation_split=0",), "--validation_split"),
        (("--validation_split=1",), "--validation_split"),
        (("--validation_split=5%",), "--validation_split"),
        (("--validation_split=nan",), "--validation_split"),
        (("--validation_split=0.1", "--validation=x.jsonl"), "--validation_split"),
        (("--seed=3",), "--seed"),
        (("--stratify_by=file",), "--stratify_by"),
        (("--stratify_by=file", "--validation_split=0.1"), "--stratify_by"),
    ],
)
def test_what_cannot_be_chosen_is_refused(
    tmp_path: Path, options: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    train = write_files(tmp_path / "in", LINES[:5], 1)
    assert main(["validate", f"--train={train}", f"--output={tmp_path}/out", *MODEL, *options]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_all_that_is_asked_for_at_once_leaves_nothing_unaccounted(tmp_path: Path) -> None:
    lines = [*LINES, *(line.replace(": ", ":") for line in LINES[:40])]  # 40 say the same in other bytes
    train = write_files(tmp_path / "in", lines, 4)
    output = tmp_path / "out"
    options = ("--set_media_resolution=low", "--drop_duplicates", "--max_examples=200", "--validation_split=0.1")
    code, report = validate(train, output, *options, "--fail_on=cleaned")
    assert code == 0
    splits = report["splits"]
    assert (splits["train"]["kept"], splits["validation"]["kept"]) == (180, 20)
    assert splits["train"]["unwanted"] == 40
    assert splits["train"]["dropped"] == 43
    assert splits["train"]["sampled_out"] == 100
    for split in splits:
        assert splits[split]["kept_size_bytes"] == (output / f"{split}.jsonl").stat().st_size
    # As given nothing is left out, moved or dropped but what is no JSON.
    assert splits["train"]["drop_share"]["low"] == 3 / 343
    ready = [
        line
        for name in ("train/kept", "train/sampled-out", "validation/kept")
        for line in lines_of(output, f"{name}-*")
    ]
    assert len(ready) == 300
    assert all('"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"}' in line for line in ready)
    page = (output / "report.html").read_text()
    assert "100</b> examples were left out" in page
    assert "20</b> training examples became the validation set" in page


def test_a_run_that_made_a_validation_set_is_held_against_one_that_did_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = write_files(tmp_path / "in", [*LINES, LINES[0]], 3)
    validate(train, tmp_path / "before")
    validate(train, tmp_path / "after", "--max_examples=200", "--validation_split=0.1")
    capsys.readouterr()
    for new, old, change in (
        ("after", "before", ("kept", "sampled-out")),
        ("before", "after", ("sampled-out", "kept")),
    ):
        main(["show", str(tmp_path / new), f"--against={tmp_path / old}", "--json"])
        found = json.loads(capsys.readouterr().out)
        assert (found["only_old"], found["only_new"], found["moved"], found["rewritten"]) == (0, 0, 0, 0)
        assert found["other_split"] == 20
        assert found["verdicts"] == [{"old": change[0], "new": change[1], "examples": 101}]
    main(["show", str(tmp_path / "after"), f"--against={tmp_path / 'before'}"])
    assert "20 in another split than before, where a validation set was made" in capsys.readouterr().out


def test_a_sample_out_of_a_split_that_was_given_leaves_validation_alone(tmp_path: Path) -> None:
    train = write_files(tmp_path / "in", LINES[:100], 2)
    validation = write_files(tmp_path / "in", [text_line(number) for number in range(900, 950)], 1, "validation")
    _, report = validate(train, tmp_path / "out", "--max_examples=10", f"--validation={validation}")
    assert {name: counts["kept"] for name, counts in report["splits"].items()} == {"train": 10, "validation": 50}


def test_lines_lead_back_over_more_shards_than_cloud_storage_composes_at_once(gcs: GcsEmulator) -> None:
    lines = {f"gs://data/train-{number:04d}.jsonl": text_line(number) for number in range(1025)}
    for path, line in lines.items():
        gcs.put(path, line.encode() + b"\n")
    gcs.create_bucket("out")
    chosen = ("--max_examples=1000", "--validation_split=0.1")
    assert main(["validate", "--train=gs://data/*.jsonl", "--output=gs://out/run", *MODEL, *chosen]) == 0
    run = open_finished("gs://out/run")
    found = []
    for split, count in (("train", 900), ("validation", 100)):
        texts = gcs.get(f"gs://out/run/{split}.jsonl").decode().splitlines()
        sources = run.lines(split).sources(range(1, count + 1))
        assert [lines[source.file] for _, source in sorted(sources.items())] == texts
        found += texts
    assert len(set(found)) == 1000
