"""What a sample of a finding holds, whatever a dataset says."""

from __future__ import annotations

import math

import pytest
from tuning_lines import example, judged, video

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.samples import rank_of, sample_of


def test_ranks_are_as_good_as_random_and_small_enough_for_an_encoded_summary() -> None:
    ranks = [rank_of(LineId("train", "gs://b/a.jsonl", line, 100 * line)) for line in range(200)]
    assert len(set(ranks)) == len(ranks)
    assert 0 <= min(ranks) < 2**62 // 10
    assert 2**62 - 2**62 // 10 < max(ranks) < 2**62


@pytest.mark.parametrize(
    ("observed", "kept"),
    [
        (None, None),
        (7, 7),
        (2.5, 2.5),
        (2**63 - 1, 2**63 - 1),
        (-(2**63 - 1), -(2**63 - 1)),
        (2**63, "9223372036854775808"),
        (10**100, "1" + "0" * 100),
        (10**400, "a very large number"),
        (-(10**4000), "a very large number"),
        (math.inf, "inf"),
        ("x" * 400, "x" * 400),
        ("x" * 401, "x" * 399 + "…"),
    ],
)
def test_a_value_stays_as_it_is_where_it_can_be_encoded(observed: str | int | float | None, kept: object) -> None:
    finding = Finding(Reason.FIELD_UNKNOWN, "It is odd.", "contents", observed, observed)
    sample = sample_of(3, judged(example()), finding)
    assert (sample.rank, sample.message, sample.path) == (3, "It is odd.", "contents")
    assert (sample.observed, sample.limit) == (kept, kept)


def test_the_part_that_a_finding_speaks_of_is_its_medium_and_else_the_first_parts() -> None:
    line = judged(example(*[video(videoMetadata={"startOffset": f"{n}s"}) for n in range(12)]))
    starts = {
        path: [medium.start_ns for medium in sample_of(0, line, Finding(Reason.FIELD_UNKNOWN, "", path)).media]
        for path in (
            "contents[0].parts[1]",
            "contents[0].parts[1].videoMetadata",
            "contents[0].parts[11]",
            "contents[0]",
        )
    }
    assert starts["contents[0].parts[1]"] == starts["contents[0].parts[1].videoMetadata"] == [1_000_000_000]
    assert starts["contents[0].parts[11]"] == [11_000_000_000]
    assert starts["contents[0]"][:2] == [0, 1_000_000_000]
