"""Repeats are found exactly, whatever packs the examples come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.curation.example_keys import ExampleKeys
from beam_tuning.curation.repeats import PackKeys, find_repeats, row_of
from beam_tuning.dataset.example import MediaPart

MEDIA = (MediaPart("contents[0].parts[0]", "user", "gs://b/a", None, None),)

#: (split, input, answer, whether it has media) of each line.
Line = tuple[str, int, int, bool]


def packs_of(lines: Sequence[Line], pack_lines: int) -> list[PackKeys]:
    packs = []
    for split in ("train", "validation"):
        of_split = [line for line in lines if line[0] == split]
        for start in range(0, len(of_split), pack_lines):
            rows = b"".join(
                row_of(at, ExampleKeys(asked.to_bytes(16, "big"), answer.to_bytes(16, "big"), MEDIA if media else ()))
                for at, (_, asked, answer, media) in enumerate(of_split[start : start + pack_lines])
            )
            key = f"{split}/{start:08d}".encode()
            packs.append(PackKeys(f"{split}/0/1", split, f"{split}.jsonl", start, key, rows))
    return packs


def found(packs: Sequence[PackKeys]) -> list[tuple[str, str, int, str, int]]:
    """(code, split and number of the line, split and number of the other), sorted."""
    every = []
    for shard, some in find_repeats(packs):
        for marks in some:
            split, start = marks.pack_key.decode().split("/")
            assert shard.startswith(split)
            other = (marks.other.split, marks.other.offset_bytes + marks.other.lines_before)
            every += [(marks.code, split, int(start) + line, *other) for line in marks.lines_before]
    return sorted(every)


def expected(lines: Sequence[Line]) -> list[tuple[str, str, int, str, int]]:
    """The same by comparing each with each."""
    numbers: Counter[str] = Counter()
    placed = []
    for split, asked, answer, media in sorted(lines, key=lambda line: line[0]):
        placed.append((split, numbers[split], asked, answer, media))
        numbers[split] += 1
    every = []
    for split, number, asked, answer, media in placed:
        same_input = [one for one in placed if one[2] == asked]
        first = next(one for one in same_input if one[0] == split and one[3] == answer)
        if first[1] != number:
            every.append(("EXAMPLE_DUPLICATE", split, number, split, first[1]))
        contrary = next((one for one in same_input if one[3] != answer), None)
        if contrary is not None:
            every.append(("EXAMPLE_CONFLICT", split, number, contrary[0], contrary[1]))
        beyond = next((one for one in same_input if one[0] != split), None)
        if beyond is not None and not media:
            every.append(("EXAMPLE_IN_BOTH_SPLITS", split, number, beyond[0], beyond[1]))
    return sorted(every)


_LINES = st.lists(
    st.tuples(st.sampled_from(["train", "validation"]), st.integers(0, 4), st.integers(0, 2)).map(
        lambda one: (*one, one[1] % 2 == 0)
    ),
    max_size=30,
)


@settings(deadline=None)
@given(_LINES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_every_repeat_is_found_and_no_other(lines: list[Line], pack_lines: int, chance: object) -> None:
    packs = packs_of(sorted(lines, key=lambda line: line[0]), pack_lines)
    chance.shuffle(packs)  # type: ignore[attr-defined]
    assert found(packs) == expected(lines)


def test_of_nothing_nothing_is_found() -> None:
    assert found([]) == []


def test_ten_thousand_copies_of_one_line_are_told_each_once() -> None:
    packs = packs_of([("train", 1, 1, False)] * 10_000, 1000)
    assert [line for _, _, line, _, _ in found(packs)] == list(range(1, 10_000))
    assert sum(len(some) for _, some in find_repeats(packs)) == len(packs)


def test_one_question_with_very_many_answers_is_told_in_few_marks() -> None:
    packs = packs_of([("train", 1, answer, True) for answer in range(10_000)], 1000)
    assert len(found(packs)) == 10_000
    assert sum(len(some) for _, some in find_repeats(packs)) == len(packs) + 1
