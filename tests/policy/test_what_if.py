"""What-if columns: what would become of an example with other models and media resolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_lines import (
    AUDIO_URI,
    GEMINI_2,
    GEMINI_3,
    IMAGE_URI,
    LIMITS,
    PDF_URI,
    VIDEO_URI,
    Json,
    audio,
    clip,
    document,
    example,
    failed,
    file,
    found_audio,
    found_document,
    found_image,
    found_video,
    image,
    judged,
    policy,
    reasons_of,
    text,
    video,
    what_if_of,
)

from beam_tuning.limits_file import load_limits
from beam_tuning.media.info import FailureKind
from beam_tuning.policy.judge import Policy, what_if_profiles
from beam_tuning.policy.limits import Limits
from beam_tuning.reasons import Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample, WhatIf

LOW, MEDIUM, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"
RESOLUTIONS = (None, LOW, MEDIUM, HIGH)


def column(result: JudgedExample, generation: str, resolution: str | None) -> WhatIf:
    key = f"{generation}/{resolution or 'absent'}"
    return next(entry for entry in what_if_of(result) if entry.profile == key)


def test_profiles_are_models_that_share_limits_times_media_resolutions() -> None:
    profiles = what_if_profiles(LIMITS, GEMINI_2)
    assert [profile.key for profile in profiles] == [
        f"{generation}/{resolution or 'absent'}"
        for generation in ("gemini-3", "gemini-2")
        for resolution in RESOLUTIONS
    ]
    assert [profile.media_resolution for profile in profiles] == [*RESOLUTIONS, *RESOLUTIONS]
    named = [profile.models for profile in profiles]
    removed = {"gemini-2.0-flash", "gemini-2.0-flash-lite"}
    assert sorted(named[0] + named[-1]) == sorted(LIMITS.models.keys() - removed)


def test_a_removed_model_has_a_column_for_itself_only() -> None:
    keys = {profile.key.partition("/")[0]: profile.models for profile in what_if_profiles(LIMITS, "gemini-2.0-flash")}
    assert keys["gemini-2.0-flash"] == ("gemini-2.0-flash",)
    assert keys["gemini-2.5-pro"] == ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite")
    result = judged(example(video()), rules=policy("gemini-2.0-flash"))
    assert result.verdict is Verdict.UNDECIDED
    assert {column(result, "gemini-2.0-flash", one).verdict for one in RESOLUTIONS} == {Verdict.UNDECIDED}
    assert {column(result, "gemini-2.5-pro", one).verdict for one in RESOLUTIONS} == {Verdict.KEPT}


def test_a_models_own_limit_makes_a_group_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[models."gemini-2.5-pro".video_length_low]\nvalue = 600\n')
    profiles = what_if_profiles(load_limits(own), GEMINI_2)
    keys = {profile.key.partition("/")[0]: profile.models for profile in profiles}
    assert list(keys) == ["gemini-3", "gemini-2.5-pro", "gemini-2.5-flash"]
    assert keys["gemini-2.5-pro"] == ("gemini-2.5-pro",)


def test_limits_that_are_not_of_examples_make_no_groups(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[models."gemini-2.5-pro".price]\nvalue = 1\n[models."gemini-2.5-pro".text_examples]\nvalue = 5\n')
    assert what_if_profiles(load_limits(own), GEMINI_2) == what_if_profiles(LIMITS, GEMINI_2)


@pytest.mark.parametrize("line", [example(), example(audio()), b"{", {"contents": []}])
def test_examples_without_pictures_are_the_same_everywhere(line: Json | bytes) -> None:
    assert what_if_of(judged(line)) == ()


def test_a_video_over_five_minutes_is_fine_at_low_only() -> None:
    result = judged(example(video()), {VIDEO_URI: found_video(301.0)})
    assert result.verdict is Verdict.DROPPED
    for generation in ("gemini-2", "gemini-3"):
        assert column(result, generation, LOW).verdict is Verdict.KEPT
        assert column(result, generation, LOW).over == ()
        for resolution in (None, MEDIUM, HIGH):
            assert column(result, generation, resolution).verdict is Verdict.DROPPED
            assert column(result, generation, resolution).over == (Reason.VIDEO_TOO_LONG,)


def test_other_findings_stay_and_other_limits_are_named() -> None:
    result = judged(example(video(), video(), resolution="LOW"), {VIDEO_URI: found_video(600.0)})
    assert Reason.MEDIA_RESOLUTION_INVALID in reasons_of(result)
    low, high = column(result, "gemini-2", LOW), column(result, "gemini-2", HIGH)
    assert (low.verdict, low.over) == (Verdict.DROPPED, (Reason.VIDEO_TOO_MANY,))
    assert high.over == (Reason.VIDEO_TOO_MANY, Reason.VIDEO_TOO_LONG, Reason.EXAMPLE_TOO_MANY_TOKENS)


def test_setting_a_resolution_mends_an_inconsistent_or_invalid_one() -> None:
    rules = policy(media_resolution=LOW)
    for resolution in (HIGH, None, "LOW"):
        result = judged(example(video(), resolution=resolution), rules=rules)
        assert result.verdict is Verdict.DROPPED
        assert {entry.verdict for entry in what_if_of(result)} == {Verdict.KEPT}


def test_an_invalid_level_of_a_part_is_not_mended() -> None:
    result = judged(example(video(mediaResolution={"level": "LOW"})))
    assert {entry.verdict for entry in what_if_of(result)} == {Verdict.DROPPED}


def test_levels_of_parts_are_for_gemini_3() -> None:
    line = example(video(mediaResolution={"level": LOW}))
    result = judged(line, {VIDEO_URI: found_video(600.0)})
    assert [column(result, "gemini-3", resolution).verdict for resolution in RESOLUTIONS] == [Verdict.KEPT] * 4
    assert [column(result, "gemini-2", resolution).verdict for resolution in RESOLUTIONS] == [Verdict.DROPPED] * 4
    assert len({column(result, "gemini-3", resolution).tokens for resolution in RESOLUTIONS}) == 1
    assert Reason.VIDEO_TOO_LONG not in column(result, "gemini-2", LOW).over


def test_an_undecided_example_stays_so_unless_it_is_dropped() -> None:
    unread = judged(example(video()), {VIDEO_URI: failed(FailureKind.TIMED_OUT)})
    assert {(entry.verdict, entry.tokens) for entry in what_if_of(unread)} == {(Verdict.UNDECIDED, None)}
    line = example(video(), file("gs://example-bucket/lost.png", "image/png"))
    result = judged(line, {VIDEO_URI: found_video(600.0)})
    assert column(result, "gemini-2", LOW).verdict is Verdict.UNDECIDED
    assert column(result, "gemini-2", HIGH).verdict is Verdict.DROPPED


def test_tolerated_reasons_are_tolerated_everywhere() -> None:
    result = judged(example(video(), video()), rules=policy(tolerate=["VIDEO_TOO_MANY"]))
    assert {entry.verdict for entry in what_if_of(result)} == {Verdict.KEPT}


def test_a_model_with_other_limits_judges_by_its_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[generations.gemini-3.audio_length]\nvalue = 30\n[generations.gemini-3.video_files]\nvalue = 2\n")
    limits = load_limits(own)
    rules = Policy.of(limits, GEMINI_2)
    of_audio = judged(example(audio()), rules=rules)
    assert of_audio.verdict is Verdict.KEPT
    assert column(of_audio, "gemini-3", LOW).over == (Reason.AUDIO_TOO_LONG,)
    assert column(of_audio, "gemini-2", LOW).verdict is Verdict.KEPT
    of_videos = judged(example(video(), video()), rules=rules)
    assert column(of_videos, "gemini-3", LOW).verdict is Verdict.KEPT
    assert column(of_videos, "gemini-2", LOW).over == (Reason.VIDEO_TOO_MANY,)


@pytest.mark.parametrize("model", [GEMINI_2, GEMINI_3])
def test_function_calls_are_uncertain_for_some_models_only(model: str) -> None:
    result = judged(CALL, rules=policy(model))
    assert result.verdict is (Verdict.UNDECIDED if model == GEMINI_2 else Verdict.KEPT)
    assert {column(result, "gemini-2", one).verdict for one in RESOLUTIONS} == {Verdict.UNDECIDED}
    assert {column(result, "gemini-3", one).verdict for one in RESOLUTIONS} == {Verdict.KEPT}
    tolerant = judged(CALL, rules=policy(model, tolerate=["PART_UNCERTAIN_FOR_MODEL"]))
    assert {entry.verdict for entry in what_if_of(tolerant)} == {Verdict.KEPT}


def test_a_kind_of_media_may_be_uncertain_for_a_model(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[generations.gemini-3.uncertain_parts]\nvalues = ["audio"]\n')
    limits = load_limits(own)
    for line, verdict in ((example(audio()), Verdict.UNDECIDED), (example(video()), Verdict.KEPT)):
        result = judged(line, rules=Policy.of(limits, GEMINI_2))
        assert result.verdict is Verdict.KEPT
        assert column(result, "gemini-3", LOW).verdict is verdict
        assert column(result, "gemini-2", LOW).verdict is Verdict.KEPT


@pytest.mark.parametrize(("length_s", "verdict"), [(300.01, Verdict.UNDECIDED), (300.1, Verdict.DROPPED)])
def test_a_hair_over_the_limit_is_uncertain_in_its_column(length_s: float, verdict: Verdict) -> None:
    result = judged(example(video(), resolution=LOW), {VIDEO_URI: found_video(length_s)})
    assert (result.verdict, column(result, "gemini-2", LOW).verdict) == (Verdict.KEPT, Verdict.KEPT)
    high = column(result, "gemini-2", HIGH)
    assert high.verdict is verdict
    over = Reason.VIDEO_LENGTH_AT_LIMIT if verdict is Verdict.UNDECIDED else Reason.VIDEO_TOO_LONG
    assert high.over == (over,)


CALL: Json = {
    "contents": [
        {"role": "user", "parts": [text()]},
        {"role": "model", "parts": [{"functionCall": {"name": "look_up", "args": {}}}]},
    ]
}
PARTS = st.sampled_from(
    [
        text("x" * 1000),
        text("x" * 200_000),
        video(),
        clip("5s", "310s"),
        clip(fps=3),
        video(mediaResolution={"level": LOW}),
        video(mediaResolution={"level": HIGH}),
        image(),
        image(mediaResolution={"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}),
        audio(),
        document(),
        {"functionCall": {"name": "look_up", "args": {}}},
    ]
)
#: Parts of which profiles say something: a column is missing where all of them say the same.
TOLD_APART = PARTS.filter(lambda part: "text" not in part and part != audio())
LINES = st.builds(
    lambda part, parts, resolution: example(*parts, part, resolution=resolution),
    TOLD_APART,
    st.lists(PARTS, max_size=2),
    st.sampled_from(RESOLUTIONS),
)
FOUND = st.builds(
    lambda video_s, more_s, audio_s, pages, side_px: {
        VIDEO_URI: found_video(video_s, pictures_s=None if video_s is None else max(0.1, video_s - more_s)),
        AUDIO_URI: found_audio(audio_s),
        PDF_URI: found_document(pages=pages),
        IMAGE_URI: found_image(width_px=side_px, height_px=side_px),
    },
    st.none() | st.sampled_from([1.5, 299.0, 300.0, 300.01, 301.0, 1200.0, 1200.01, 1201.0]),
    st.sampled_from([0.0, 0.5, 200.0]),
    st.none() | st.sampled_from([60.0, 3600.0, 3601.0]),
    st.none() | st.sampled_from([1, 299, 301]),
    st.none() | st.sampled_from([500, 900]),
)
NO_SHORTCUT = {"usual_bounds": None}


@settings(max_examples=150)
@given(LINES, FOUND, st.sampled_from([GEMINI_2, GEMINI_3]))
def test_the_short_way_gives_the_same_as_the_long_one(line: Json, found: dict[str, Any], model: str) -> None:
    rules = policy(model)
    assert rules.usual_bounds is not None
    long_way = msgspec.structs.replace(rules, **NO_SHORTCUT)
    short, long = judged(line, found, rules), judged(line, found, long_way)
    assert long.frame_use is None
    assert what_if_of(short, model=model) == long.what_if
    assert msgspec.structs.replace(short, frame_use=None, what_if=()) == msgspec.structs.replace(long, what_if=())


@pytest.fixture(scope="module")
def other_limits(tmp_path_factory: pytest.TempPathFactory) -> Limits:
    """Limits in which every number that may differ between models does."""
    own = tmp_path_factory.mktemp("limits") / "own.toml"
    own.write_text(
        "[generations.gemini-3.audio_length]\nvalue = 59\n"
        "[generations.gemini-3.video_files]\nvalue = 2\n"
        "[generations.gemini-3.fps]\nvalue = 2\n"
        "[generations.gemini-3.example_tokens]\nvalue = 60_000\n"
        "[generations.gemini-3.audio_tokens_per_second]\nlow = 10\n"
        "[generations.gemini-3.video_length_low]\nvalue = 1_201\n"
        "[generations.gemini-3.image_mime_types]\nvalues = []\n"
        "[generations.gemini-3.small_image_side]\nvalue = 1000\n"
        "[generations.gemini-3.document_pages]\nvalue = 500\n"
        '[generations.gemini-3.uncertain_parts]\nvalues = ["image"]\n'
    )
    return load_limits(own)


@settings(max_examples=150)
@given(LINES, FOUND, st.sampled_from([GEMINI_2, GEMINI_3]), st.sampled_from(RESOLUTIONS), st.booleans())
def test_a_column_is_the_verdict_on_the_changed_line(
    other_limits: Limits, line: Json, found: dict[str, Any], model: str, resolution: str | None, built_in: bool
) -> None:
    """Judging anew, with the model and the media resolution of a column, gives what the column says."""
    limits = LIMITS if built_in else other_limits
    result = judged(line, found, Policy.of(limits, GEMINI_2))
    changed = {**line}
    changed.pop("generationConfig", None)
    if resolution is not None:
        changed["generationConfig"] = {"mediaResolution": resolution}
    anew = judged(changed, found, Policy.of(limits, model))
    entry = column(result, "gemini-2" if model == GEMINI_2 else "gemini-3", resolution)
    assert (entry.verdict, entry.tokens) == (anew.verdict, anew.tokens)
    assert set(entry.over) <= set(reasons_of(anew))
    over = {
        *(Reason.VIDEO_TOO_LONG, Reason.VIDEO_LENGTH_AT_LIMIT, Reason.VIDEO_TOO_MANY, Reason.AUDIO_TOO_LONG),
        *(Reason.EXAMPLE_TOO_MANY_TOKENS, Reason.EXAMPLE_TOKENS_UNCERTAIN, Reason.DOCUMENT_TOO_MANY_PAGES),
    }
    assert over & set(reasons_of(anew)) == over & set(entry.over)
