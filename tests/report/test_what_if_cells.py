"""The cells of the what-if table: ready or not, and why."""

from __future__ import annotations

from typing import Any

import pytest
from report_documents import TIMES, document_of, run_settings

from beam_tuning.dataset.example import LineId
from beam_tuning.policy.choices import ResolutionScope
from beam_tuning.policy.readiness import State, file_fault
from beam_tuning.reasons import Finding, Reason, verdict_of
from beam_tuning.report.document import Document
from beam_tuning.report.json import report_document
from beam_tuning.report.sections.what_if import Cell, cells_of
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary

MODEL = "gemini-2.5-flash"


def example(number: int, *reasons: Reason, resolution: str | None = None, split: str = "train") -> JudgedExample:
    findings = tuple(Finding(reason, reason.message) for reason in reasons)
    place = LineId(split, f"{split}.jsonl", number, number)
    return JudgedExample(place, 99, verdict_of(findings), findings, (), resolution, 9)


def document(sound: int, *faulty: Reason, splits: tuple[str, ...] = ("train",), **more: Any) -> Document:
    examples = [example(n) for n in range(sound)] + [example(sound + n, one) for n, one in enumerate(faulty)]
    return document_of(examples + more.get("others", []), run_settings(splits=splits))


def first(made: Document, model: str = MODEL) -> Cell:
    cells = cells_of(made, model)
    assert len(cells) == 4
    return cells[0]


def test_a_sound_set_is_ready_everywhere() -> None:
    made = document(20)
    for model in run_settings().limits.models:
        for cell in cells_of(made, model):
            assert cell.as_given == cell.cleaned == (State.READY, "")
            assert (cell.low, cell.high, cell.split) == (0, 0, "train")


@pytest.mark.parametrize(
    ("dropped", "state", "why"),
    [
        (1, State.READY, ""),
        (2, State.UNCERTAIN, "10 % of train dropped"),
        (3, State.NOT_READY, "15 % of train dropped"),
    ],
)
def test_the_drop_share_decides(dropped: int, state: State, why: str) -> None:
    cell = first(document(20 - dropped, *[Reason.VIDEO_TOO_LARGE] * dropped))
    assert cell.as_given == (state, why)
    assert cell.cleaned.state is State.READY


def test_a_fault_that_rejects_the_dataset_stays() -> None:
    cell = first(document(40, Reason.LINE_NOT_JSON))
    assert cell.as_given == (State.NOT_READY, "1 fault of the dataset, see Verdict")
    assert cell.cleaned.state is State.READY


def test_mixed_resolutions_do_not_for_the_column_is_one() -> None:
    low, high = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"
    examples = [example(n, resolution=low if n % 2 else high) for n in range(20)]
    made = document_of(examples, run_settings(splits=("train",), resolution_scope=ResolutionScope.ALL))
    assert made.readiness.as_given.state is State.NOT_READY
    assert first(made).as_given.state is first(made).cleaned.state is State.READY


def test_nothing_kept_is_not_ready_and_nothing_decided_is_not_known() -> None:
    assert first(document(0, Reason.VIDEO_TOO_LARGE)).cleaned == (State.NOT_READY, "no example of train is kept")
    assert first(document(0, Reason.MEDIA_TIMED_OUT)).cleaned.state is State.UNCERTAIN


def test_many_undecided_are_perhaps_not_ready() -> None:
    cell = first(document(8, Reason.MEDIA_TIMED_OUT, Reason.MEDIA_TIMED_OUT))
    assert cell.cleaned == (State.UNCERTAIN, "20 % of train undecided")
    assert cell.as_given == (State.UNCERTAIN, "0 to 20 % of train dropped")


def test_the_worse_split_is_drawn() -> None:
    others = [example(n, *([Reason.VIDEO_TOO_LARGE] if n < 3 else []), split="validation") for n in range(10)]
    cell = first(document(10, splits=("train", "validation"), others=others))
    assert (cell.split, cell.low) == ("validation", 0.3)
    assert "30 % of validation dropped" in cell.as_given.why


def test_a_split_without_examples_is_told() -> None:
    cell = first(document(10, splits=("train", "validation")))
    assert cell.as_given == (State.NOT_READY, "validation is empty")


def test_a_file_that_could_not_be_read_leaves_the_cleaned_set_open() -> None:
    summary = Summary.empty()
    summary.add_all([example(n) for n in range(20)])
    fault = file_fault(Reason.INPUT_FILE_TRUNCATED, "train", "a.gz: the file ends too early")
    made = report_document(
        run_settings(splits=("train",)),
        summary,
        MediaSummary.empty(),
        TIMES,
        file_faults=[fault],
    )
    cell = first(made)
    assert cell.cleaned.state is State.UNCERTAIN
    assert cell.cleaned.why == Reason.INPUT_FILE_TRUNCATED.title[0].lower() + Reason.INPUT_FILE_TRUNCATED.title[1:]
