"""The media resolution of most examples."""

from __future__ import annotations

from collections import Counter

import pytest

from beam_tuning.dataset.api_schema import ABSENT, HIGH, LOW, MEDIUM
from beam_tuning.transforms.scan import MostCommonResolutionCombineFn


@pytest.mark.parametrize(
    ("counters", "most_common"),
    [
        ([], ABSENT),
        ([{}], ABSENT),
        ([{LOW: 2}, {HIGH: 1}], LOW),
        ([{LOW: 2, HIGH: 1}, {HIGH: 2}], HIGH),
        ([{MEDIUM: 1, LOW: 1, HIGH: 1}], HIGH),  # the first in the alphabet
        ([{HIGH: 3, ABSENT: 3}], ABSENT),
        ([{HIGH: 3, ABSENT: 2}], HIGH),
    ],
)
def test_the_most_common_media_resolution(counters: list[dict[str, int]], most_common: str) -> None:
    combine = MostCommonResolutionCombineFn()
    accumulator = combine.create_accumulator()
    for counter in counters:
        accumulator = combine.add_input(accumulator, Counter(counter))
    assert combine.extract_output(combine.merge_accumulators([accumulator, Counter()])) == most_common
