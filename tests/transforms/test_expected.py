"""Totals for the progress display: counted while the dataset is scanned, and right when the first probe begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beam_tuning.cli import main
from beam_tuning.sample import SAMPLE_MODEL, write_sample
from beam_tuning.transforms.expected import EXAMPLES_JUDGED, EXAMPLES_SCANNED, EXPECTED, MEDIA_PROBED
from beam_tuning.transforms.progress import PROGRESS

COUNTERS = (EXAMPLES_SCANNED, MEDIA_PROBED, EXAMPLES_JUDGED)


@pytest.fixture
def shown() -> Iterator[None]:
    PROGRESS.begin(COUNTERS)
    yield
    PROGRESS.end()


def totals() -> list[int | None]:
    return [PROGRESS.read()[counter].total for counter in (MEDIA_PROBED, EXAMPLES_JUDGED)]


def test_all_that_was_expected_is_done_at_the_end(tmp_path: Path) -> None:
    sample = write_sample(tmp_path)
    words = [f"--train={sample.train}", f"--validation={sample.validation}", f"--model={SAMPLE_MODEL}"]
    assert main(["validate", *words, f"--output={tmp_path}/out", "--allow_local_media"]) == 3
    counts = PROGRESS.read()
    assert counts[MEDIA_PROBED].total == counts[MEDIA_PROBED].done > 10
    assert counts[EXAMPLES_JUDGED].total == counts[EXAMPLES_JUDGED].done == len(sample.expected)
    assert counts[EXAMPLES_SCANNED].done == len(sample.expected)


@pytest.mark.usefixtures("shown")
def test_a_medium_that_several_packs_name_is_one() -> None:
    EXPECTED.add({0: ["a", "b"], 1: ["c"]}, 10)
    EXPECTED.add({0: ["b"], 1: ["c", "d"]}, 5)
    assert totals() == [None, None]
    EXPECTED.tell()
    EXPECTED.tell()
    assert totals() == [4, 15]


@pytest.mark.usefixtures("shown")
def test_a_dataset_without_media() -> None:
    EXPECTED.add({}, 3)
    EXPECTED.tell()
    assert totals() == [0, 3]


@pytest.mark.usefixtures("shown")
def test_what_a_stopped_run_had_scanned_is_forgotten() -> None:
    EXPECTED.add({0: ["a", "b"]}, 10)
    PROGRESS.begin(COUNTERS)
    EXPECTED.tell()
    assert totals() == [None, None]
    EXPECTED.add({0: ["a"]}, 1)
    PROGRESS.begin(COUNTERS)
    EXPECTED.add({0: ["c"]}, 2)
    EXPECTED.tell()
    assert totals() == [1, 2]


def test_where_nobody_reads_nothing_is_kept() -> None:
    PROGRESS.begin(COUNTERS)
    PROGRESS.end()
    EXPECTED.add({0: ["a", "b"]}, 10)
    EXPECTED.tell()
    assert totals() == [None, None]
    assert PROGRESS.read()[EXAMPLES_SCANNED].done == 0
