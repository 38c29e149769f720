"""The summary is a commutative monoid, and counts what it says it counts."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_examples import Generator, known

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ProbeFailure, ProbeResult
from beam_tuning.reasons import Finding, Reason, Verdict
from beam_tuning.summary.judged_example import FrameUse, JudgedExample, PartFacts, TokenRange, WhatIf
from beam_tuning.summary.profile_counts import ProfileCounts
from beam_tuning.summary.samples import SAMPLES_PER_REASON
from beam_tuning.summary.summary import Summary

EXAMPLES = [
    *Generator(seed=1).examples(220, split="train"),
    *Generator(seed=2).examples(80, split="validation"),
]


def summary_of(examples: list[JudgedExample]) -> Summary:
    summary = Summary.empty()
    summary.add_all(examples)
    return summary


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_order_and_grouping_change_nothing(rng: random.Random, groups: int) -> None:
    shuffled = rng.sample(EXAMPLES, len(EXAMPLES))
    parts = [Summary.empty() for _ in range(groups)]
    for example in shuffled:
        rng.choice(parts).add(example)
    rng.shuffle(parts)
    while len(parts) > 1:  # merge neighbours in any tree
        at = rng.randrange(len(parts) - 1)
        parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
    assert parts[0].to_bytes() == summary_of(EXAMPLES).to_bytes()


def test_empty_is_neutral_on_both_sides() -> None:
    whole = summary_of(EXAMPLES).to_bytes()
    assert Summary.empty().merge(Summary.from_bytes(whole)).to_bytes() == whole
    assert Summary.from_bytes(whole).merge(Summary.empty()).to_bytes() == whole


def test_merge_leaves_the_other_as_it_was() -> None:
    other = summary_of(EXAMPLES[:50])
    before = other.to_bytes()
    into = Summary.empty().merge(other)
    into.add_all(EXAMPLES[50:])
    assert other.to_bytes() == before


def test_survives_encoding_and_pickling() -> None:
    summary = summary_of(EXAMPLES)
    assert Summary.from_bytes(summary.to_bytes()).to_bytes() == summary.to_bytes()
    assert pickle.loads(pickle.dumps(summary)).to_bytes() == summary.to_bytes()


def test_stays_small_whatever_the_number_of_examples() -> None:
    summary = summary_of(list(Generator(seed=3).examples(20_000)))
    assert len(summary.to_bytes()) < 100_000


def test_every_example_has_one_verdict() -> None:
    summary = summary_of(EXAMPLES)
    train = summary.splits["train"]
    assert (train.read, summary.splits["validation"].read) == (220, 80)
    assert train.read == train.kept + train.dropped + train.undecided
    assert train.dropped == sum(
        example.verdict is Verdict.DROPPED for example in EXAMPLES if example.line_id.split == "train"
    )


def example(
    *findings: Finding,
    number: int = 1,
    verdict: Verdict = Verdict.DROPPED,
    media: tuple[PartFacts, ...] = (),
    **fields: object,
) -> JudgedExample:
    place = LineId("train", "train.jsonl", number, number * 100)
    return JudgedExample(place, 99, verdict, findings, media, **fields)  # type: ignore[arg-type]


def part(kind: MediaKind | None, segment: Segment | None = None, path: str = "contents[0].parts[0]") -> MediaPart:
    return MediaPart(path, "user", "gs://example-bucket/a.mp4", None, kind, segment)


def probed(duration_s: float | None, kind: MediaKind = MediaKind.VIDEO) -> ProbeResult:
    return ProbeResult("gs://example-bucket/a.mp4", MediaInfo("mp4", kind, (), duration_s))


def test_an_example_counts_once_under_a_reason_it_has_twice() -> None:
    finding = Finding(Reason.PART_EMPTY, "A part is empty.", "contents[0].parts[0]")
    summary = summary_of([example(finding, Finding(Reason.PART_EMPTY, "Another.", "contents[0].parts[1]"))])
    counts = summary.splits["train"].reasons["PART_EMPTY"]
    assert (counts.examples, counts.alone, len(counts.samples)) == (1, 1, 1)
    assert counts.samples[0].path == "contents[0].parts[0]"


@pytest.mark.parametrize(
    ("codes", "alone"),
    [
        (["VIDEO_TOO_LONG"], 1),
        (["VIDEO_TOO_LONG", "MIME_TYPE_MISMATCH"], 1),  # advice decides nothing
        (["VIDEO_TOO_LONG", "VIDEO_TOO_LARGE"], 0),
        (["VIDEO_TOO_LONG", "MEDIA_TIMED_OUT"], 0),
    ],
)
def test_alone_means_that_mending_this_reason_keeps_the_example(codes: list[str], alone: int) -> None:
    summary = summary_of([example(*(Finding(Reason[code], "") for code in codes))])
    assert summary.splits["train"].reasons["VIDEO_TOO_LONG"].alone == alone


def test_advice_is_counted_but_never_alone() -> None:
    summary = summary_of([example(Finding(Reason.FIELD_UNKNOWN, ""), verdict=Verdict.KEPT)])
    counts = summary.splits["train"].reasons["FIELD_UNKNOWN"]
    assert (counts.examples, counts.alone) == (1, 0)


def test_a_tolerated_reason_keeps_nothing_out() -> None:
    summary = summary_of([example(Finding(Reason.VIDEO_TOO_LARGE, ""), verdict=Verdict.KEPT)])
    counts = summary.splits["train"].reasons["VIDEO_TOO_LARGE"]
    assert (counts.examples, counts.alone) == (1, 0)


def test_samples_are_bounded_and_in_both_splits() -> None:
    summary = summary_of(list(Generator(seed=4).examples(4000)))
    for counts in summary.splits["train"].reasons.values():
        assert len(counts.samples) == min(counts.examples, SAMPLES_PER_REASON)


@pytest.mark.parametrize("value", [10**40, -(10**500), float("inf"), float("nan"), "\ud800", "x" * 10_000])
def test_hostile_values_do_not_break_the_encoding(value: object) -> None:
    finding = Finding(Reason.FPS_INVALID, f"{value!r}\udcff"[:20_000], "p", value, value)  # type: ignore[arg-type]
    far = part(MediaKind.VIDEO, Segment(10**25, -(10**25)))
    summary = summary_of([example(finding, media=(known(far),), prompt_start="\udcff")])
    assert Summary.from_bytes(summary.to_bytes()).to_bytes() == summary.to_bytes()


def test_a_sample_shows_the_part_that_the_finding_speaks_of() -> None:
    parts = [part(MediaKind.VIDEO, path=f"contents[0].parts[{number}]") for number in range(12)]
    media = tuple(known(one) for one in parts)
    finding = Finding(Reason.MEDIA_NOT_FOUND, "", "contents[0].parts[1].fileData.fileUri")
    sample = summary_of([example(finding, media=media)]).splits["train"].reasons["MEDIA_NOT_FOUND"].samples[0]
    assert len(sample.media) == 1  # parts[1], and neither parts[10] nor parts[11]


def test_resolutions_of_examples_with_and_without_pictures_are_apart() -> None:
    video = (known(part(MediaKind.VIDEO)),)
    audio = (known(part(MediaKind.AUDIO)),)
    low = "MEDIA_RESOLUTION_LOW"
    summary = summary_of(
        [
            example(media=video),
            example(media=video, media_resolution=low),
            example(media=audio),
            example(media=audio, media_resolution=low),
            example(text_chars=10),
            example(text_chars=10, media_resolution=low),
            example(media_resolution=low),
            example(Finding(Reason.LINE_NOT_JSON, "")),  # could not be parsed
        ]
    )
    counts = summary.splits["train"].by_verdict["dropped"]
    assert counts.picture_resolutions.counts == {ABSENT: 1, low: 1}
    assert counts.other_resolutions.counts == {ABSENT: 2, low: 3}


def test_what_if_counts_only_kept_tokens() -> None:
    tokens = TokenRange(10, 20)
    over = (Reason.VIDEO_TOO_LONG,)
    summary = summary_of(
        [
            example(
                verdict=Verdict.KEPT,
                what_if=(WhatIf("a", Verdict.KEPT, tokens), WhatIf("b", Verdict.DROPPED, tokens, over)),
            ),
            example(
                verdict=Verdict.KEPT, what_if=(WhatIf("a", Verdict.KEPT, None), WhatIf("b", Verdict.UNDECIDED, None))
            ),
            example(verdict=Verdict.KEPT, tokens=tokens),
        ]
    )
    split = summary.splits["train"]
    a, b, same = split.what_if["a"], split.what_if["b"], split.same_for_all
    assert (a.kept, a.tokens_low, a.tokens_high, a.tokens_unknown) == (2, 10, 20, 1)
    assert (b.kept, b.dropped, b.undecided, b.tokens_high, b.over) == (0, 1, 1, 0, {"VIDEO_TOO_LONG": 1})
    assert (same.kept, same.tokens_high) == (1, 20)


def test_tokens_of_frames_follow_for_each_profile_from_the_sums() -> None:
    uses = [FrameUse(10, 20, 3), FrameUse(1, 2, 100)]
    kept = [example(verdict=Verdict.KEPT, frame_use=use) for use in uses]
    others = [example(verdict=Verdict.SAMPLED_OUT, frame_use=uses[0]), example(frame_use=uses[1])]
    split = summary_of([*kept, *others]).splits["train"]
    assert split.same_for_all == ProfileCounts()
    assert not split.what_if
    of_rate = split.by_frame.under((66, 70))
    assert (of_rate.kept, of_rate.sampled_out, of_rate.dropped, of_rate.undecided) == (2, 1, 1, 0)
    assert (of_rate.tokens_low, of_rate.tokens_high) == (11 + 103 * 66, 22 + 103 * 70)
    of_no_rate = split.by_frame.under(None)
    assert (of_no_rate.kept, of_no_rate.tokens_high, of_no_rate.tokens_unknown) == (2, 0, 2)


def test_modalities() -> None:
    both = (known(part(MediaKind.AUDIO), probed(3.0)), known(part(MediaKind.VIDEO), probed(4.0)))
    undeclared = (known(part(None), probed(5.0, MediaKind.VIDEO)),)
    failed = (known(part(None), ProbeResult("x", ProbeFailure(FailureKind.NOT_FOUND, "gone"))),)
    summary = summary_of([example(media=media) for media in (both, undeclared, failed, ())])
    counts = summary.splits["train"].by_verdict["dropped"]
    assert (counts.examples, counts.with_media, counts.with_audio, counts.with_video) == (4, 3, 1, 2)
    assert (counts.audio_ms.total, counts.video_ms.total, counts.length_unknown) == (3000, 9000, 0)


S = 10**9


@pytest.mark.parametrize(
    ("segment", "duration_s", "length_ms"),
    [
        (None, 12.3456, 12_346),
        (None, 0.0005, 1),
        (None, 0.00049, 0),
        (Segment(2 * S, 5 * S), 12.0, 3000),
        # Training decodes the segment, be the file's end known or not.
        (Segment(10 * S, 20 * S), None, 10_000),
        (Segment(2 * S, None), None, None),
        (None, None, None),
        (None, float("nan"), None),
    ],
)
def test_lengths_are_those_that_the_judge_used(
    segment: Segment | None, duration_s: float | None, length_ms: int | None
) -> None:
    for kind in (MediaKind.VIDEO, MediaKind.AUDIO):
        summary = summary_of([example(media=(known(part(kind, segment), probed(duration_s, kind)),))])
        counts = summary.splits["train"].by_verdict["dropped"]
        lengths = counts.video_ms if kind is MediaKind.VIDEO else counts.audio_ms
        assert (lengths.count, lengths.total) == ((0, 0) if length_ms is None else (1, length_ms))
        assert counts.length_unknown == (length_ms is None)


def test_examples_with_local_files_are_counted_once_each() -> None:
    here, there = (MediaPart("p", "user", uri, None, MediaKind.AUDIO) for uri in ("/data/a.mp3", "gs://bucket/a.mp3"))
    media = [(known(here), known(here)), (known(there),), (known(there), known(here)), ()]
    counts = summary_of([example(media=one) for one in media]).splits["train"].by_verdict["dropped"]
    assert counts.with_local == 2


def test_blank_lines_make_a_split_known() -> None:
    summary = Summary.empty()
    summary.add_blank_lines("validation", 0)
    summary.add_blank_lines("validation", 3)
    assert (summary.splits["validation"].read, summary.splits["validation"].blank_lines) == (0, 3)
