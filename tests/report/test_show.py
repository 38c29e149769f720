"""Reading runs again: the summary, examples by filter, comparison, and what is told of folders that hold no run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hostile import hostile_examples
from report_documents import document_of, run_settings
from rich.console import Console
from run_folders import write_run

from beam_tuning.dataset.example import LineId
from beam_tuning.errors import InputError, OptionError
from beam_tuning.reasons import Finding, Reason, verdict_of
from beam_tuning.report.compare import MOST_EXAMPLES, compare
from beam_tuning.report.console import print_summary
from beam_tuning.report.document import Document
from beam_tuning.report.folder import Filter, read_examples
from beam_tuning.report.show import show
from beam_tuning.report.tuning_job import tuning_job
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.summary.judged_example import JudgedExample


@pytest.fixture(scope="module")
def run(examples: list[JudgedExample], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_run(tmp_path_factory.mktemp("runs") / "run", examples)


def printed(folder: RunFolder, *arguments: Any, **named: Any) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=200)
    code = show(folder, console, *arguments, **named)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_the_summary_again_and_the_runs_exit_code(run: RunFolder) -> None:
    code, text = printed(run)
    assert code == 3
    assert "As given  not ready" in text
    assert "LINE_NOT_JSON" in text
    assert "report.html" in text
    assert "Exit 3" in text


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(code="VIDEO_TOO_LARGE"),
        Filter(split="validation"),
        Filter(file="train-00001-of-00004.jsonl"),
        Filter(file="*-00002-of-*"),
        Filter(file="gs://example-bucket/clips/train-00000-of-00004.jsonl"),
        Filter("MEDIA_NOT_FOUND", "train", "train-00003-of-00004.jsonl"),
        Filter(),
    ],
)
def test_filters_find_exactly_what_they_want(run: RunFolder, examples: list[JudgedExample], wanted: Filter) -> None:
    def fits(example: JudgedExample) -> bool:
        place = example.line_id
        return (
            (wanted.split is None or place.split == wanted.split)
            and (wanted.code is None or any(one.reason.code == wanted.code for one in example.findings))
            and (wanted.file is None or wanted.file.strip("*") in place.file)
        )

    expected = sorted((one.line_id.file, one.line_id.line) for one in examples if fits(one))
    assert expected
    assert sorted((row["file"], row["line"]) for row in read_examples(run, wanted)) == expected


def test_an_example_is_listed_once_with_its_findings(tmp_path: Path) -> None:
    findings = tuple(Finding(Reason.PART_EMPTY, f"Part {n} is empty.", f"contents[0].parts[{n}]") for n in range(2))
    findings += (Finding(Reason.FIELD_UNKNOWN, "What is that?"),)
    example = JudgedExample(LineId("train", "a.jsonl", 3, 40), 9, verdict_of(findings), findings)
    code, text = printed(write_run(tmp_path / "run", [example]), Filter(code="PART_EMPTY"))
    assert code == 3
    assert text.count("a.jsonl:3  train  dropped") == 1
    assert text.count("PART_EMPTY: Part") == 2
    assert "FIELD_UNKNOWN" not in text
    assert "1 example\n" in text


def test_hostile_texts_cannot_drive_the_terminal(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", hostile_examples(), output="[red]\x1b[31m[/red]")
    for arguments in ((), (Filter(split="train"),)):
        _, text = printed(folder, *arguments)
        assert not set(text) & set("\x1b\x00\u202e\u2066\x85")
        assert "⟨U+001B⟩" in text
    assert "[red]" in printed(folder)[1]


@pytest.mark.parametrize(
    ("wanted", "where"), [(Filter(code="NO_SUCH_CODE"), "--code"), (Filter(split="test"), "--split")]
)
def test_a_filter_that_cannot_match_is_told(run: RunFolder, wanted: Filter, where: str) -> None:
    with pytest.raises(OptionError) as error:
        printed(run, wanted)
    assert error.value.where == where


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "holds no report.json"),
        (b"{", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[]", "schema version"),
        (b'{"schema_version": 99}', "schema version"),
    ],
)
def test_a_folder_without_a_run_is_told(tmp_path: Path, content: bytes | None, what: str) -> None:
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(InputError, match=what) as error:
        printed(RunFolder(str(tmp_path)))
    assert error.value.where == str(tmp_path)
    assert error.value.remedy


def mended(example: JudgedExample) -> JudgedExample:
    return msgspec.structs.replace(example, findings=(), verdict=verdict_of(()))


def test_a_comparison_says_what_changed(tmp_path: Path, examples: list[JudgedExample]) -> None:
    broken = [one for one in examples if any(f.reason is Reason.LINE_NOT_JSON for f in one.findings)]
    new = [mended(one) if one in broken else one for one in examples if one.line_id.line != 5]
    old_run, new_run = write_run(tmp_path / "old", examples), write_run(tmp_path / "new", new, shards=2)
    comparison = compare(new_run, old_run)
    assert comparison.verdicts == {("dropped", "kept"): len(broken)}
    assert (comparison.only_old, comparison.only_new) == (2, 0)  # line 5 of both splits
    assert [(one.file, one.line) for one in comparison.examples] == sorted(
        (one.line_id.file, one.line_id.line) for one in broken
    )
    assert ("LINE_NOT_JSON", len(broken), 0) in comparison.reasons

    code, text = printed(new_run, against=old_run)
    assert code == 3
    assert f"{len(broken)} dropped → kept" in text
    assert "2 only in the old run, 0 only in the new run" in text
    assert f"{broken[0].line_id.file}:{broken[0].line_id.line}" in text


def test_equal_runs_do_not_differ(run: RunFolder) -> None:
    comparison = compare(run, run)
    assert (comparison.verdicts, comparison.reasons, comparison.examples) == ({}, (), ())
    assert "Every example has the verdict it had." in printed(run, against=run)[1]


def test_a_long_comparison_is_cut_and_says_so(tmp_path: Path) -> None:
    finding = (Finding(Reason.VIDEO_TOO_LONG, ""),)
    count = MOST_EXAMPLES + 7
    old = [JudgedExample(LineId("train", "a", n, n), 9, verdict_of(finding), finding) for n in range(1, count + 1)]
    old_run = write_run(tmp_path / "old", old, model="gemini-2.5-pro")
    new_run = write_run(tmp_path / "new", [mended(one) for one in old])
    assert len(compare(new_run, old_run).examples) == MOST_EXAMPLES
    text = printed(new_run, against=old_run)[1]
    assert "and 7 more" in text
    assert "Model: gemini-2.5-pro → gemini-2.5-flash" in text


def test_a_run_without_verdicts_cannot_be_compared(tmp_path: Path, run: RunFolder) -> None:
    write_run(tmp_path, [], shards=0)
    with pytest.raises(InputError, match="no verdicts table"):
        compare(run, RunFolder(str(tmp_path)))


def test_the_terminal_is_told_of_nothing_at_all() -> None:
    console = Console(file=io.StringIO(), width=100)
    print_summary(document_of([]), console)
    assert isinstance(console.file, io.StringIO)
    assert "no examples" in console.file.getvalue()


def test_the_tuning_request_names_the_cleaned_files(document: Document) -> None:
    job = tuning_job(document)
    assert job == {
        "baseModel": "gemini-2.5-flash",
        "supervisedTuningSpec": {
            "trainingDatasetUri": "gs://example-bucket/checked/train.jsonl",
            "validationDatasetUri": "gs://example-bucket/checked/validation.jsonl",
        },
        "tunedModelDisplayName": "checked",
    }
    assert json.loads(json.dumps(job)) == job


def test_the_tuning_request_has_the_epochs_that_were_given(document: Document) -> None:
    given = msgspec.structs.replace(document, options={**document.options, "epochs": 3}, options_given=["epochs"])
    assert tuning_job(given)["supervisedTuningSpec"]["hyperParameters"] == {"epochCount": 3}


@pytest.mark.parametrize(
    ("folder", "name"),
    [("gs://b/runs/one/", "one"), ("out", "out"), (".", None), ("/", None), ("a/..", None), ("x" * 300, "x" * 100)],
)
def test_the_tuned_model_is_named_after_the_run_folder(folder: str, name: str | None, document: Document) -> None:
    assert tuning_job(msgspec.structs.replace(document, output=folder)).get("tunedModelDisplayName") == name


def test_the_tuning_request_of_a_local_run_leaves_the_bucket_to_name() -> None:
    spec = tuning_job(document_of([], run_settings(output="/tmp/out/")))["supervisedTuningSpec"]
    assert spec == {"trainingDatasetUri": "gs://BUCKET/train.jsonl"}
