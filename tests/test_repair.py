"""`beam-tuning repair` end to end: a run, its repair, and what a check of the repaired lines says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from gcs_emulator import GcsEmulator
from run_output import output_of

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL, Sample, write_sample

#: Faults of the sample that lines alone can put right, and what is done.
MENDED = {
    "LINE_IS_OTHER_FORMAT": "REPAIR_OTHER_FORMAT",
    "PART_EMPTY": "REPAIR_EMPTY_PART",
    "ROLE_UNKNOWN": "REPAIR_ROLE",
    "MIME_TYPE_MISSING": "REPAIR_MIME_TYPE",
    "SEGMENT_INVALID": "REPAIR_OFFSET",
    "SEGMENT_BEYOND_END": "REPAIR_END_OFFSET",
    "MEDIA_RESOLUTION_INVALID": "REPAIR_MEDIA_RESOLUTION",
}


def validate(train: str, output: Path | str, *more: str) -> int:
    return main(["validate", f"--train={train}", f"--output={output}", f"--model={SAMPLE_MODEL}", *more])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def checked(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked") / "run"
    assert validate(sample.train, folder, f"--validation={sample.validation}", "--allow_local_media") == 3
    return folder


@pytest.fixture(scope="module")
def repaired(checked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repaired") / "run"
    assert main(["repair", str(checked), f"--output={folder}"]) == 3
    return folder


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(f"{table}/*.parquet")) for row in pq.read_table(path).to_pylist()]


def place(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["split"], row["file"], row["line"]


def codes(row: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in row["findings"]}


def test_examples_with_faults_of_the_line_come_back(checked: Path, repaired: Path) -> None:
    before = {place(row): row for row in rows_of(checked, "verdicts")}
    after = {place(row): row for row in rows_of(repaired, "verdicts")}
    assert list(before) == list(after)
    back = [key for key in before if before[key]["verdict"] != "kept" and after[key]["verdict"] == "kept"]
    seen = {code for key in back for code in codes(before[key])} & set(MENDED)
    assert seen == set(MENDED)
    for key in back:
        expected = {MENDED[code] for code in codes(before[key]) & set(MENDED)}
        assert expected <= codes(after[key])


def test_what_was_kept_stays_and_nothing_is_lost(checked: Path, repaired: Path) -> None:
    before, after = rows_of(checked, "verdicts"), rows_of(repaired, "verdicts")
    lines_before = (checked / "train.jsonl").read_bytes().splitlines()
    lines_after = (repaired / "train.jsonl").read_bytes().splitlines()
    kept_before = [place(row) for row in before if row["verdict"] == "kept" and row["split"] == "train"]
    kept_after = [place(row) for row in after if row["verdict"] == "kept" and row["split"] == "train"]
    assert len(kept_after) == len(lines_after) > len(lines_before)
    by_place = dict(zip(kept_after, lines_after, strict=True))
    assert [by_place[key] for key in kept_before] == lines_before
    report = json.loads((repaired / "report.json").read_bytes())
    for split in report["splits"].values():
        assert split["read"] == split["kept"] + split["dropped"] + split["undecided"]


def test_what_does_not_come_back_stays_with_its_reasons(checked: Path, repaired: Path) -> None:
    before = {place(row): row for row in rows_of(checked, "verdicts")}
    for row in rows_of(repaired, "verdicts"):
        if row["verdict"] != "kept":
            assert codes(row) == codes(before[place(row)])
    for name in ("train/dropped-00000-of-00001.jsonl", "validation/dropped-00000-of-00001.jsonl"):
        old = {json.dumps(json.loads(line), sort_keys=True) for line in (checked / name).read_bytes().splitlines()}
        new = {json.dumps(json.loads(line), sort_keys=True) for line in (repaired / name).read_bytes().splitlines()}
        assert new < old


def test_the_table_of_repairs_has_a_row_for_each_example_that_was_not_kept(checked: Path, repaired: Path) -> None:
    lost = [place(row) for row in rows_of(checked, "verdicts") if row["verdict"] != "kept"]
    rows = rows_of(repaired, "repairs")
    assert sorted(map(place, rows)) == sorted(lost)
    for row in rows:
        assert row["came_back"] == bool(row["edits"] and not row["left"])
        assert row["came_back"] or row["left"]


def test_repaired_lines_are_taken_by_a_check_of_their_own(repaired: Path, tmp_path: Path) -> None:
    assert validate(str(repaired / "train.jsonl"), tmp_path / "again", "--allow_local_media", "--fail_on=never") == 0
    report = json.loads((tmp_path / "again" / "report.json").read_bytes())
    assert report["splits"]["train"]["kept"] == report["splits"]["train"]["read"]


def test_the_same_repair_again_gives_the_same_bytes(checked: Path, repaired: Path, tmp_path: Path) -> None:
    assert main(["repair", str(checked), f"--output={tmp_path / 'twice'}"]) == 3
    assert output_of(tmp_path / "twice") == output_of(repaired)


def test_a_repaired_run_is_a_run_as_others_are(
    repaired: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(repaired)]) == 3
    assert main(["show", str(repaired), "--code", "REPAIR_ROLE"]) == 3
    assert "assistant" in capsys.readouterr().out
    assert main(["repair", str(repaired), f"--output={tmp_path / 'more'}"]) == 3
    assert (tmp_path / "more" / "train.jsonl").read_bytes() == (repaired / "train.jsonl").read_bytes()


def test_only_the_chosen_repairs_are_made(checked: Path, tmp_path: Path) -> None:
    assert main(["repair", str(checked), f"--output={tmp_path / 'new'}", "--repair=role,offset"]) == 3
    made = {edit["code"] for row in rows_of(tmp_path / "new", "repairs") for edit in row["edits"]}
    assert made == {"REPAIR_ROLE", "REPAIR_OFFSET"}


def test_a_plan_promises_what_the_repair_keeps(
    checked: Path, repaired: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    assert main(["repair", str(checked), f"--output={new}", "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    rows = {place(row): row for row in pq.read_table(new / "plan.parquet").to_pylist()}
    assert [path.name for path in new.iterdir()] == ["plan.parquet"]
    assert plan["examples"] == len(rows)
    assert plan["may_come_back"] == sum(row["may_come_back"] for row in rows.values())
    back = {place(row) for row in rows_of(repaired, "repairs") if row["came_back"]}
    assert back <= {key for key, row in rows.items() if row["may_come_back"]}
    assert not any(rows[key]["files"] for key in back)


def test_a_repair_may_follow_its_plan_into_the_same_folder(checked: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert main(["repair", str(checked), f"--output={new}", "--plan"]) == 0
    assert main(["repair", str(checked), f"--output={new}", "--repair=role"]) == 3
    assert (new / "manifest.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{run}"], "--output"),
        (["{run}", "--output={run}"], "the output folder is the run that is repaired"),
        (["{run}/nothing", "--output={new}"], "no whole run"),
        (["{run}", "--output={new}", "--repair=rolls"], "role"),
        (["{run}", "--output={new}", "--repair="], "empty"),
    ],
)
def test_what_cannot_be_done_is_refused(
    checked: Path, tmp_path: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [one.format(run=checked, new=tmp_path / "new") for one in arguments]
    assert main(["repair", *given]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["train/kept-00000-of-00001.jsonl", "train/dropped-00000-of-00001.jsonl"])
def test_a_run_that_was_changed_is_not_repaired(
    checked: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(checked, run)
    lines = (run / name).read_bytes()
    (run / name).write_bytes(lines.replace(b"user", b"uxer", 1))
    assert main(["repair", str(run), f"--output={tmp_path / 'new'}"]) == 2
    assert name in capsys.readouterr().out
    assert not (tmp_path / "new" / "manifest.json").exists()


def test_a_run_on_cloud_storage_is_repaired_there(gcs: GcsEmulator) -> None:
    turns = '[{"role": "user", "parts": [{"text": "q"}]}, {"role": "%s", "parts": [{"text": "a"}]}]'
    lines = [f'{{"contents": {turns % role}}}' for role in ("model", "assistant", "tool", "assistant")]
    gcs.put("gs://bucket/data/train.jsonl", "\n".join(lines).encode())
    validate("gs://bucket/data/train.jsonl", "gs://bucket/checked", "--fail_on=never")
    assert main(["repair", "gs://bucket/checked", "--output=gs://bucket/repaired"]) == 0
    kept = gcs.get("gs://bucket/repaired/train.jsonl").decode().splitlines()
    assert kept == [f'{{"contents": {turns % "model"}}}'] * 3


def test_what_was_left_out_on_purpose_stays_out_and_set_resolutions_stay_set(tmp_path: Path) -> None:
    turns = '[{"role": "user", "parts": [{"text": "%s"}]}, {"role": "%s", "parts": [{"text": "a"}]}]'
    lines = [f'{{"contents": {turns % one}}}' for one in (("q", "model"), ("q", "model"), ("r", "assistant"))]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    options = ("--drop_duplicates", "--set_media_resolution=LOW", "--fail_on=never")
    assert validate(str(tmp_path / "train.jsonl"), tmp_path / "checked", *options) == 0
    assert main(["repair", str(tmp_path / "checked"), f"--output={tmp_path / 'new'}"]) == 0
    kept = [json.loads(line) for line in (tmp_path / "new" / "train.jsonl").read_bytes().splitlines()]
    assert [line["contents"][0]["parts"][0]["text"] for line in kept] == ["q", "r"]
    assert {line["generationConfig"]["mediaResolution"] for line in kept} == {"MEDIA_RESOLUTION_LOW"}
    before, after = rows_of(tmp_path / "checked", "verdicts"), rows_of(tmp_path / "new", "verdicts")
    assert [row["line_hash"] for row in before] == [row["line_hash"] for row in after]
    assert [row["verdict"] for row in after] == ["kept", "dropped", "kept"]
    assert "EXAMPLE_DUPLICATE" in codes(after[1])


@pytest.mark.parametrize("choice", ["--max_examples=20", "--validation_split=0.2"])
def test_a_run_that_chose_examples_is_not_repaired(
    sample: Sample, tmp_path: Path, capfd: pytest.CaptureFixture[str], choice: str
) -> None:
    """Else those that come back would never have been up for the choice."""
    arguments = ["validate", f"--train={sample.train}", f"--output={tmp_path / 'run'}", f"--model={SAMPLE_MODEL}"]
    assert main([*arguments, "--allow_local_media", choice]) == 3
    capfd.readouterr()
    for more in ([], ["--plan"]):
        assert main(["repair", str(tmp_path / "run"), f"--output={tmp_path / 'new'}", *more]) == 2
        assert "without --max_examples and --validation_split" in capfd.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "new").exists()


def test_a_run_whose_lines_name_other_media_is_not_repaired(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media = Path(sample.train).parent.parent / "media"
    rewriting = [f"--rewrite_uri={media}/=gs://example-bucket/media/", "--allow_local_media"]
    assert validate(sample.train, tmp_path / "run", *rewriting) == 3
    assert main(["repair", str(tmp_path / "run"), f"--output={tmp_path / 'new'}"]) == 2
    assert "--rewrite_uri" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_report_of_a_repair_is_one_document_on_standard_output(
    checked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    assert main(["repair", str(checked), f"--output={new}", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == json.loads((new / "report.json").read_bytes())
