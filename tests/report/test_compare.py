"""Two runs held against each other: which example is which, what became of it, and why."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from run_folders import write_run

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding, Reason, verdict_of
from beam_tuning.report.compare import ChangedExample, compare
from beam_tuning.report.show import show
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.summary.judged_example import JudgedExample


def example(file: str, line: int, text: str, *reasons: Reason, split: str = "train") -> JudgedExample:
    """`text` is the line; it stands in `prompt_start`."""
    findings = tuple(Finding(reason, reason.message) for reason in reasons)
    place = LineId(split, file, line, 100 * line)
    return JudgedExample(place, 99, verdict_of(findings), findings, prompt_start=text, text_chars=9)


def line_of(one: JudgedExample) -> str:
    return one.prompt_start


def run_of(path: Path, examples: list[JudgedExample], **how: Any) -> RunFolder:
    return write_run(path, examples, **{"lines": line_of, "shards": 2, **how})


def printed(new: RunFolder, old: RunFolder, **how: Any) -> str:
    console = Console(file=io.StringIO(), **{"width": 200, **how})
    show(new, console, against=old)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_examples_are_found_again_in_other_files_with_what_changed(tmp_path: Path) -> None:
    old = run_of(
        tmp_path / "old",
        [
            example("old/a.jsonl", 1, "one", Reason.MEDIA_NOT_FOUND),
            example("old/a.jsonl", 2, "two"),
            example("old/a.jsonl", 3, "three", Reason.VIDEO_TOO_LONG, Reason.FIELD_UNKNOWN),
            example("old/a.jsonl", 4, "four"),
        ],
    )
    new = run_of(
        tmp_path / "new",
        [
            example("new/b.jsonl", 1, "three", Reason.VIDEO_TOO_LARGE),
            example("new/b.jsonl", 2, "two", Reason.MEDIA_EMPTY),
            example("new/c.jsonl", 7, "one", Reason.FIELD_UNKNOWN),
            example("new/c.jsonl", 8, "five"),
        ],
    )
    found = compare(new, old)
    assert found.verdicts == {("dropped", "kept"): 1, ("kept", "dropped"): 1}
    assert found.gone == {("dropped", "kept"): {"MEDIA_NOT_FOUND": 1}}
    assert found.come == {("kept", "dropped"): {"MEDIA_EMPTY": 1}}
    assert (found.only_old, found.only_new, found.moved, found.rewritten) == (1, 1, 3, 0)
    assert found.examples == (
        ChangedExample("train", "new/b.jsonl", 2, ("old/a.jsonl", 2), "kept", "dropped", (), ("MEDIA_EMPTY",)),
        ChangedExample("train", "new/c.jsonl", 7, ("old/a.jsonl", 1), "dropped", "kept", ("MEDIA_NOT_FOUND",), ()),
    )
    text = printed(new, old)
    assert "1 dropped → kept" in text
    assert "1  no longer MEDIA_NOT_FOUND" in text
    assert "new/c.jsonl:7  train  dropped → kept: no longer MEDIA_NOT_FOUND (was old/a.jsonl:1)" in text
    assert "3 in another file or at another line number than before" in text


def test_a_line_that_was_mended_in_its_place_is_the_same_example(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [example("a", 1, "x", Reason.LINE_NOT_JSON), example("a", 2, "y")])
    new = run_of(tmp_path / "new", [example("a", 1, "mended"), example("a", 2, "y")])
    found = compare(new, old)
    assert (found.rewritten, found.moved, found.only_old, found.only_new) == (1, 0, 0, 0)
    assert found.verdicts == {("dropped", "kept"): 1}
    assert "1 rewritten where they stand" in printed(new, old)


def test_an_inserted_line_does_not_make_all_that_follow_others(tmp_path: Path) -> None:
    lines = [example("a", n, f"line {n}", *([Reason.PART_EMPTY] if n % 3 == 0 else [])) for n in range(1, 40)]
    moved = [
        msgspec.structs.replace(one, line_id=msgspec.structs.replace(one.line_id, line=one.line_id.line + 1))
        for one in lines
    ]
    old = run_of(tmp_path / "old", lines)
    new = run_of(tmp_path / "new", [example("a", 1, "a new first line"), *moved])
    found = compare(new, old)
    assert (found.verdicts, found.only_old, found.only_new, found.moved) == ({}, 0, 1, 39)


def test_equal_lines_are_matched_one_by_one(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [example("a", n, "same") for n in (1, 2, 3)])
    new = run_of(tmp_path / "new", [example("b", n, "same", Reason.PART_EMPTY) for n in (5, 6)])
    found = compare(new, old)
    assert found.verdicts == {("kept", "dropped"): 2}
    assert (found.only_old, found.only_new) == (1, 0)
    assert [(one.line, one.before) for one in found.examples] == [(5, ("a", 1)), (6, ("a", 2))]


def test_a_line_of_the_other_split_is_another_example(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [example("a", 1, "x")])
    new = run_of(tmp_path / "new", [example("b", 1, "x", split="validation")])
    found = compare(new, old)
    assert (found.only_old, found.only_new, found.verdicts) == (1, 1, {})


def without_hashes(folder: Path) -> None:
    for path in (folder / "verdicts").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["line_hash"]), path)


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_run_of_an_earlier_version_is_matched_by_place(tmp_path: Path, which: str) -> None:
    old = run_of(tmp_path / "old", [example("a", 1, "x"), example("a", 2, "y", Reason.PART_EMPTY)])
    new = run_of(tmp_path / "new", [example("a", 1, "x"), example("a", 2, "y")])
    without_hashes(tmp_path / which)
    found = compare(new, old)
    assert not found.by_content
    assert found.verdicts == {("dropped", "kept"): 1}
    assert "Matched by file and line number alone" in printed(new, old)


def test_the_options_that_changed_are_told(tmp_path: Path) -> None:
    lines = [example("a", 1, "x")]
    old = run_of(tmp_path / "old", lines, options={"media_resolution": "consistent", "overwrite": True, "tolerate": []})
    new = run_of(tmp_path / "new", lines, options={"media_resolution": "majority", "tolerate": ["PART_EMPTY"]})
    text = printed(new, old)
    assert "--media_resolution consistent → --media_resolution majority" in text
    assert "no --tolerate → --tolerate PART_EMPTY" in text
    assert "overwrite" not in text


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_shuffled_and_cut_dataset_is_the_same_dataset(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever the files, an equal multiset of lines is matched whole, and only changed verdicts are told."""
    texts = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30))
    rng = random.Random(data.draw(st.integers(0, 1000)))
    now_bad = data.draw(st.sets(st.sampled_from("abcdefgh"), max_size=3))
    places = [(rng.choice("xyz"), number) for number in range(len(texts))]
    old = [example("o", n, text) for n, text in enumerate(texts, 1)]
    new = [
        example(file, n + 1, text, *([Reason.PART_EMPTY] if text in now_bad else []))
        for (file, n), text in zip(places, rng.sample(texts, len(texts)), strict=True)
    ]
    folder = tmp_path_factory.mktemp("runs")
    found = compare(run_of(folder / "new", new), run_of(folder / "old", old))
    bad = sum(count for text, count in Counter(texts).items() if text in now_bad)
    assert (found.only_old, found.only_new, found.rewritten) == (0, 0, 0)
    assert found.verdicts == ({("kept", "dropped"): bad} if bad else {})
    assert found.come == ({("kept", "dropped"): {"PART_EMPTY": bad}} if bad else {})


def test_an_empty_run_can_be_compared(tmp_path: Path) -> None:
    old, new = run_of(tmp_path / "old", []), run_of(tmp_path / "new", [example("a", 1, "x")])
    assert (compare(new, old).only_new, compare(old, new).only_old, compare(old, old).examples) == (1, 1, ())


def test_a_narrow_terminal_breaks_no_word(tmp_path: Path) -> None:
    reasons = (Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED, Reason.MEDIA_RESOLUTION_INCONSISTENT)
    old = run_of(tmp_path / "old", [example("a", n, str(n)) for n in range(1, 1200)])
    new = run_of(tmp_path / "new", [example("a", n, str(n), *reasons) for n in range(1, 1200)])
    text = printed(new, old, width=40, force_terminal=True, color_system=None)
    words = set(text.split())
    assert {"PART_MEDIA_RESOLUTION_UNSUPPORTED", "MEDIA_RESOLUTION_INCONSISTENT", "1,199"} <= words
    for line in text.splitlines():
        assert len(line) <= 40 or " " not in line.strip() or line.strip().startswith(("New", "Old")), line
