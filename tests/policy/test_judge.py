"""Verdicts: what a person decides, what is not known, what is hostile."""

from __future__ import annotations

import math
import pickle
from typing import Any

import msgspec
import pytest
from generated_lines import EXAMPLES, POLICIES, URIS, answers
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_lines import (
    AUDIO_URI,
    GEMINI_2,
    GEMINI_3,
    IMAGE_URI,
    LIMITS,
    LINE_ID,
    PDF_URI,
    VIDEO_URI,
    Json,
    audio,
    clip,
    document,
    encoded,
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
)

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.dataset.parse import parse_line
from beam_tuning.errors import OptionError
from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    MediaKind,
    ObjectInfo,
    ProbeFailure,
    ProbeResult,
    StreamInfo,
)
from beam_tuning.policy.judge import Policy, judge
from beam_tuning.reasons import MAX_FINDINGS_PER_REASON, Outcome, Reason, Verdict, verdict_of
from beam_tuning.summary.judged_example import TokenRange

TOO_LONG, AT_LIMIT = Reason.VIDEO_TOO_LONG, Reason.VIDEO_LENGTH_AT_LIMIT
LOW, MEDIUM, HIGH = "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"
ULTRA_HIGH = "MEDIA_RESOLUTION_ULTRA_HIGH"


def test_a_good_example_is_kept_with_all_that_the_report_needs() -> None:
    line = example(video(), text("Name the dog."), resolution=LOW)
    result = judged(line)
    assert (result.verdict, result.findings) == (Verdict.KEPT, ())
    assert result.line_id == LINE_ID
    assert result.size_bytes == len(encoded(line))
    assert [(part.given.uri, part.result and part.result.uri) for part in result.media] == [(VIDEO_URI, VIDEO_URI)]
    assert (result.media_resolution, result.prompt_start, result.answer_start) == (LOW, "Name the dog.", "A dog barks.")
    assert result.text_chars == len("Name the dog." + "A dog barks.")


def test_a_line_that_cannot_be_parsed_keeps_its_findings() -> None:
    result = judged(b"{")
    assert (result.verdict, reasons_of(result)) == (Verdict.DROPPED, [Reason.LINE_NOT_JSON])
    assert (result.media, result.tokens, result.what_if) == ((), None, ())


def test_all_findings_are_kept_in_the_order_of_the_rules() -> None:
    line = {
        "id": 7,
        "contents": [
            {"role": "model", "parts": [clip("9s", "5s", fps=60), audio(), audio(), {}]},
            {"role": "model", "parts": [file("ftp://example.com/x", "video/x-odd")]},
        ],
    }
    assert reasons_of(judged(line)) == [
        Reason.FIELD_UNKNOWN,
        Reason.PART_EMPTY,
        Reason.ROLES_NOT_ALTERNATING,
        Reason.FIRST_TURN_NOT_USER,
        *[Reason.MODEL_TURN_HAS_MEDIA] * 4,
        Reason.FILE_URI_UNSUPPORTED,
        Reason.MIME_TYPE_UNSUPPORTED,
        Reason.SEGMENT_REVERSED,
        Reason.FPS_INVALID,
        Reason.VIDEO_TOO_MANY,
        Reason.AUDIO_TOO_MANY,
        Reason.MEDIA_KINDS_MIXED,
    ]


# What a person decides


@pytest.mark.parametrize(
    ("duration_s", "start", "end", "basis", "reason"),
    [
        (400.0, "0s", "300s", "segment", None),
        (400.0, "0s", "300.000000001s", "segment", AT_LIMIT),
        (400.0, "0s", "300.05s", "segment", TOO_LONG),
        (400.0, "100s", None, "segment", None),
        (400.0, "99.999999999s", None, "segment", AT_LIMIT),
        (400.0, "99.95s", None, "segment", TOO_LONG),
        (400.0, "-100s", None, "segment", TOO_LONG),
        (400.0, "-100s", "299s", "segment", None),
        (400.0, "0s", "10s", "file", TOO_LONG),
        (300.0, "0s", "10s", "file", None),
        # A segment that ends after its file is no longer than the file.
        (299.5, "0s", "300.5s", "segment", None),
        (None, "0s", "301s", "segment", TOO_LONG),
        (None, "0s", "300s", "segment", None),
    ],
)
def test_length_of_segment_or_file(
    duration_s: float | None, start: str, end: str | None, basis: str, reason: Reason | None
) -> None:
    found = {VIDEO_URI: found_video(duration_s)}
    result = judged(example(clip(start, end)), found, policy(length_basis=basis))
    assert [one for one in reasons_of(result) if one in (TOO_LONG, AT_LIMIT)] == ([] if reason is None else [reason])
    if reason is not None:
        what = "segment" if basis == "segment" else "video"
        assert f"the {what} lasts" in next(one.message for one in result.findings if one.reason is reason)


@pytest.mark.parametrize(
    ("file_s", "pictures_s", "fps", "reason"),
    [
        (300.032, 300.0, 30.0, None),  # AAC fills its last frame
        (300.9, 300.0, 30.0, None),
        (301.001, 300.0, 30.0, AT_LIMIT),  # sound alone goes on
        (500.0, 100.0, 30.0, AT_LIMIT),
        (300.033, 300.033, 30.0, AT_LIMIT),  # one frame more
        (300.034, 300.034, 30.0, TOO_LONG),
        (300.04, 300.04, None, AT_LIMIT),  # no rate known: a frame of a film
        (300.042, 300.042, None, TOO_LONG),
        (301.0, 301.0, 0.01, AT_LIMIT),  # no frame is longer than one that is sampled
        (301.001, 301.001, 0.01, TOO_LONG),
        (300.01, 300.01, math.nan, AT_LIMIT),
        (300.01, 300.01, -5.0, AT_LIMIT),
        (300.01, 300.01, math.inf, TOO_LONG),
        (300.01, math.nan, 30.0, AT_LIMIT),  # a track that lies counts as long as the file
        (299.0, 400.0, 30.0, None),  # an edit list cuts the track
        (400.0, 0.0, 30.0, TOO_LONG),
    ],
)
def test_a_hair_over_the_limit_is_uncertain(
    file_s: float, pictures_s: float, fps: float | None, reason: Reason | None
) -> None:
    found = {VIDEO_URI: found_video(file_s, pictures_s=pictures_s, fps=fps)}
    result = judged(example(video()), found)
    assert reasons_of(result) == ([] if reason is None else [reason])
    if reason is AT_LIMIT:
        assert result.verdict is Verdict.UNDECIDED
        assert result.findings[0].limit == 300
        assert float(result.findings[0].observed or 0) > 300
        assert judged(example(video()), found, policy(tolerate=[AT_LIMIT.code])).verdict is Verdict.KEPT


def test_one_of_two_tracks_of_pictures_may_be_the_longer() -> None:
    streams = tuple(StreamInfo(MediaKind.VIDEO, "h264", length_s, fps=30.0) for length_s in (10.0, 310.0, 20.0))
    found = ProbeResult(VIDEO_URI, MediaInfo("mp4", MediaKind.VIDEO, streams, 310.0), ObjectInfo(9, "1"))
    assert reasons_of(judged(example(video()), {VIDEO_URI: found})) == [TOO_LONG]


def test_length_basis_file_needs_the_duration() -> None:
    found = {VIDEO_URI: found_video(None)}
    result = judged(example(clip("0s", "10s")), found, policy(length_basis="file"))
    assert (result.verdict, reasons_of(result)) == (Verdict.UNDECIDED, [Reason.MEDIA_DURATION_UNKNOWN])


@pytest.mark.parametrize(
    ("resolution", "longest_s"),
    [(None, 300), ("MEDIA_RESOLUTION_UNSPECIFIED", 300), (LOW, 1200), (MEDIUM, 300), (HIGH, 300)],
)
def test_video_length_by_media_resolution(resolution: str | None, longest_s: int) -> None:
    line = example(video(), resolution=resolution)
    assert judged(line, {VIDEO_URI: found_video(float(longest_s))}).verdict is Verdict.KEPT
    over = judged(line, {VIDEO_URI: found_video(longest_s + 0.05)})
    (finding,) = over.findings
    assert (finding.reason, finding.limit) == (Reason.VIDEO_TOO_LONG, longest_s)


@pytest.mark.parametrize(
    ("model", "whole", "part", "too_long"),
    [
        (GEMINI_3, HIGH, LOW, False),
        (GEMINI_3, LOW, HIGH, True),
        (GEMINI_3, LOW, ULTRA_HIGH, True),
        (GEMINI_3, LOW, "MEDIA_RESOLUTION_UNSPECIFIED", False),
        (GEMINI_2, LOW, HIGH, False),
    ],
)
def test_a_parts_own_level_comes_first_on_gemini_3(model: str, whole: str, part: str, too_long: bool) -> None:
    line = example(video(mediaResolution={"level": part}), resolution=whole)
    result = judged(line, {VIDEO_URI: found_video(600.0)}, policy(model))
    assert (Reason.VIDEO_TOO_LONG in reasons_of(result)) == too_long


@pytest.mark.parametrize(
    ("wanted", "chosen", "found", "consistent"),
    [
        ("consistent", None, HIGH, True),
        ("consistent", LOW, HIGH, True),
        (LOW, None, LOW, True),
        (LOW, None, HIGH, False),
        (LOW, HIGH, HIGH, False),
        (LOW, None, None, False),
        ("majority", LOW, LOW, True),
        ("majority", LOW, None, False),
        ("majority", ABSENT, None, True),
        ("majority", ABSENT, "MEDIA_RESOLUTION_UNSPECIFIED", True),
        ("majority", ABSENT, LOW, False),
        ("majority", None, LOW, True),
    ],
)
def test_chosen_media_resolution(wanted: str, chosen: str | None, found: str | None, consistent: bool) -> None:
    rules = msgspec.structs.replace(policy(media_resolution=wanted), chosen_resolution=chosen)
    result = judged(example(video(), resolution=found), rules=rules)
    assert (Reason.MEDIA_RESOLUTION_INCONSISTENT not in reasons_of(result)) == consistent
    assert (result.verdict is Verdict.KEPT) == consistent


@pytest.mark.parametrize(("scope", "dropped"), [({}, False), ({"resolution_scope": "all"}, True)])
def test_lines_without_pictures_count_only_when_told_so(scope: dict[str, str], dropped: bool) -> None:
    rules = policy(media_resolution=LOW, **scope)
    for line in (example(text()), example(audio())):
        assert (judged(line, rules=rules).verdict is Verdict.DROPPED) == dropped
    assert judged(example(image()), rules=rules).verdict is Verdict.DROPPED


def test_levels_of_parts_may_differ_from_the_chosen_one() -> None:
    line = example(image(mediaResolution={"level": HIGH}), resolution=LOW)
    assert judged(line, rules=policy(GEMINI_3, media_resolution=LOW)).verdict is Verdict.KEPT


def test_tolerated_reasons_decide_nothing_but_are_told() -> None:
    line = example(video(), video())
    assert judged(line).verdict is Verdict.DROPPED
    kept = judged(line, rules=policy(tolerate=["VIDEO_TOO_MANY"]))
    assert (kept.verdict, reasons_of(kept)) == (Verdict.KEPT, [Reason.VIDEO_TOO_MANY])
    unread = {VIDEO_URI: failed(FailureKind.TIMED_OUT)}
    assert judged(line, unread, policy(tolerate=["VIDEO_TOO_MANY"])).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("options", "observed"),
    [
        ({"tolerate": ["VIDEO_TOO_LONG"]}, "VIDEO_TOO_LONG"),
        ({"tolerate": ["LINE_NOT_JSON"]}, "LINE_NOT_JSON"),
        ({"tolerate": ["LINE_TOO_LONG"]}, "LINE_TOO_LONG"),
        ({"tolerate": ["DATASET_EMPTY"]}, "DATASET_EMPTY"),
        ({"tolerate": ["MEDIA_MISSING"]}, "MEDIA_MISSING"),
        ({"model": "gemini-2.5-flsh"}, "gemini-2.5-flsh"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], observed: str) -> None:
    with pytest.raises(OptionError) as raised:
        policy(**options)
    assert raised.value.observed == observed
    assert raised.value.where
    assert raised.value.limit


@pytest.mark.parametrize("uri", ["clip.mp4", "/data/clip.mp4", "file:///data/clip.mp4"])
def test_local_media_only_when_allowed(uri: str) -> None:
    line, found = example(file(uri)), {uri: found_video()}
    assert judged(line, found, policy(allow_local_media=True)).verdict is Verdict.KEPT
    assert reasons_of(judged(line, found)) == [Reason.FILE_URI_UNSUPPORTED]
    assert reasons_of(judged(line, {uri: failed(FailureKind.UNSUPPORTED_URI)})) == [Reason.FILE_URI_UNSUPPORTED]
    assert reasons_of(judged(line, rules=policy(allow_local_media=True))) == [Reason.MEDIA_NOT_PROBED]


# What is not known


@pytest.mark.parametrize("kind", FailureKind)
def test_transient_failures_leave_it_undecided(kind: FailureKind) -> None:
    result = judged(example(video()), {VIDEO_URI: failed(kind, transient=True)})
    assert result.verdict is Verdict.UNDECIDED
    assert result.tokens is None


def test_a_failure_says_what_the_store_said() -> None:
    (finding,) = judged(example(video()), {VIDEO_URI: failed(FailureKind.NOT_FOUND)}).findings
    assert (finding.message, finding.observed) == ("The store said no.", "not_found")


def test_size_is_held_against_the_limit_of_an_unreadable_file_too() -> None:
    unreadable = ProbeResult(
        VIDEO_URI, ProbeFailure(FailureKind.UNREADABLE, "no media"), ObjectInfo(size_bytes=200_000_000)
    )
    assert reasons_of(judged(example(video()), {VIDEO_URI: unreadable})) == [
        Reason.MEDIA_UNREADABLE,
        Reason.VIDEO_TOO_LARGE,
    ]


def test_text_documents_have_no_magic_number() -> None:
    uri = "gs://example-bucket/notes.txt"
    result = judged(example(file(uri, "text/plain")), {uri: failed(FailureKind.UNREADABLE)})
    assert (result.verdict, reasons_of(result)) == (Verdict.KEPT, [Reason.MIME_TYPE_UNCERTAIN])


@pytest.mark.parametrize("duration_s", [math.nan, math.inf, -1.0, 1e300])
def test_impossible_durations_are_unknown(duration_s: float) -> None:
    result = judged(example(video()), {VIDEO_URI: found_video(duration_s)})
    assert (result.verdict, reasons_of(result)) == (Verdict.UNDECIDED, [Reason.MEDIA_DURATION_UNKNOWN])
    assert result.tokens is None


def test_a_picture_that_is_declared_as_a_video_is_just_that() -> None:
    assert reasons_of(judged(example(video()), {VIDEO_URI: found_image()})) == [Reason.MEDIA_KIND_MISMATCH]


def test_pictures_need_no_duration() -> None:
    result = judged(example(image(), document()))
    assert (result.verdict, result.findings) == (Verdict.KEPT, ())


# Limits


def test_audio_files_are_added_up() -> None:
    second = "gs://example-bucket/second.mp3"
    line = example(audio(), audio(second))
    found = {AUDIO_URI: found_audio(1800.0), second: found_audio(1800.5)}
    result = judged(line, found, policy(tolerate=["AUDIO_TOO_MANY"]))
    (_, finding) = result.findings
    assert (finding.reason, finding.observed, finding.limit) == (Reason.AUDIO_TOO_LONG, 3600.5, 3600)
    assert "3,600.5 s" in finding.message


def test_a_segment_of_audio_does_not_count() -> None:
    line = example(audio(videoMetadata={"startOffset": "0s", "endOffset": "10s"}))
    result = judged(line, {AUDIO_URI: found_audio(4000.0)})
    assert reasons_of(result) == [Reason.VIDEO_METADATA_WITHOUT_VIDEO, Reason.AUDIO_TOO_LONG]


def test_a_segment_counts_without_a_mime_type_too() -> None:
    line = example(file(mime_type=None, videoMetadata={"endOffset": "10s"}))
    result = judged(line, {VIDEO_URI: found_video(4000.0)})
    assert reasons_of(result) == [Reason.MIME_TYPE_MISSING]


@pytest.mark.parametrize(
    ("start", "end", "beyond"),
    [
        ("20s", None, True),
        ("19.999999999s", None, False),
        (None, "21s", False),
        (None, "21.000000001s", True),
        ("-1s", "5s", False),
    ],
)
def test_segments_against_the_end_of_a_file_of_20_s(start: str | None, end: str | None, beyond: bool) -> None:
    assert (Reason.SEGMENT_BEYOND_END in reasons_of(judged(example(clip(start, end))))) == beyond


@pytest.mark.parametrize(
    ("mime_type", "written"),
    [
        ("audio/x-wav", "audio/wav"),
        ("Audio/MP3", "audio/mp3"),
        ("video/mp4; codecs=avc1", "video/mp4"),
        ("image/jpg", "image/jpeg"),
        ("application/ogg", "audio/ogg"),
    ],
)
def test_near_mime_types_are_named(mime_type: str, written: str) -> None:
    finding = next(
        finding
        for finding in judged(example(file(mime_type=mime_type))).findings
        if finding.reason is Reason.MIME_TYPE_UNSUPPORTED
    )
    assert f"write {written}" in finding.message
    assert finding.limit == written


@pytest.mark.parametrize(
    ("mime_type", "container", "fits"),
    [
        ("video/mp4", "mp4", True),
        ("video/mp4", "mov", False),
        ("video/mp4", "matroska", False),
        ("video/quicktime", "mov", True),
        ("video/wmv", "asf", True),
        ("video/mpeg", "mpegts", True),
        ("video/mp4", "a container of tomorrow", True),
    ],
)
def test_mime_types_and_containers(mime_type: str, container: str, fits: bool) -> None:
    found = {VIDEO_URI: found_video(container=container)}
    result = judged(example(file(mime_type=mime_type)), found)
    assert (Reason.MIME_TYPE_MISMATCH not in reasons_of(result)) == fits
    assert result.verdict is Verdict.KEPT


@pytest.mark.parametrize(("mime_type", "fits"), [("audio/x-aac", True), ("audio/mp3", False), ("audio/wav", False)])
def test_aac_in_loas_is_aac(mime_type: str, fits: bool) -> None:
    answer = found_audio()
    assert isinstance(answer.media, MediaInfo)
    media = msgspec.structs.replace(answer.media, container="loas")
    found = {AUDIO_URI: msgspec.structs.replace(answer, media=media)}
    result = judged(example(file(AUDIO_URI, mime_type)), found)
    assert (Reason.MIME_TYPE_MISMATCH not in reasons_of(result)) == fits


# Tokens

TEXT = ("What happens here?", "A dog barks.")  # 30 bytes: 5 to 10 tokens


@pytest.mark.parametrize(
    ("line", "model", "tokens"),
    [
        (example(), GEMINI_2, (5, 10)),
        (example(text("ф" * 9), answer="ф" * 6), GEMINI_2, (5, 10)),
        (example(text(TEXT[0]), audio()), GEMINI_2, (5 + 60 * 25, 10 + 60 * 32)),
        (example(text(TEXT[0]), video(), resolution=LOW), GEMINI_2, (5 + 20 * (64 + 25), 10 + 20 * (66 + 32))),
        (example(text(TEXT[0]), video()), GEMINI_2, (5 + 20 * (256 + 25), 10 + 20 * (258 + 32))),
        (example(text(TEXT[0]), video(), resolution=HIGH), GEMINI_3, (5 + 20 * (264 + 25), 10 + 20 * (280 + 32))),
        (example(text(TEXT[0]), clip("5s", "7.5s", fps=2)), GEMINI_3, (5 + 5 * 66 + 63, 10 + 5 * 70 + 80)),
        (example(text(TEXT[0]), clip("5s", "5.1s")), GEMINI_3, (5 + 66 + 3, 10 + 70 + 4)),
        (example(text(TEXT[0]), clip("0s", "2s", fps=1e9)), GEMINI_3, (5 + 2 * 66 + 50, 10 + 2 * 70 + 64)),
        (example(text(TEXT[0]), image(), image(), resolution=LOW), GEMINI_2, (5 + 2 * 64, 10 + 2 * 66)),
        (example(text(TEXT[0]), image(mediaResolution={"level": ULTRA_HIGH})), GEMINI_3, (5 + 2160, 10 + 2240)),
        (example(text(TEXT[0]), video(mediaResolution={"level": ULTRA_HIGH})), GEMINI_3, None),
        (example(text(TEXT[0]), image()), GEMINI_2, (5 + 256, 10 + 1280)),
        (example(text(TEXT[0]), image(), document()), GEMINI_2, (5 + 256 + 3 * 256, 10 + 1280 + 3 * 258)),
        (example(text(TEXT[0]), document(), resolution=LOW), GEMINI_2, (5 + 3 * 64, 10 + 3 * 258)),
        (example(text(TEXT[0]), document()), GEMINI_3, (5 + 3 * 266, 10 + 3 * 560)),
        (example(text(TEXT[0]), document(), document(), resolution=HIGH), GEMINI_3, (5 + 6 * 532, 10 + 6 * 2620)),
    ],
)
def test_tokens(line: Json, model: str, tokens: tuple[int, int] | None) -> None:
    expected = None if tokens is None else TokenRange(*tokens)
    assert judged(line, rules=policy(model)).tokens == expected


@pytest.mark.parametrize(
    ("width_px", "height_px", "small"),
    [
        (768, 768, True),
        (1, 768, True),
        (769, 768, False),
        (768, 769, False),
        (None, 100, False),
        (100, None, False),
        (0, 100, False),
        (-5, 100, False),
    ],
)
def test_images_of_one_tile_have_few_tokens(width_px: int | None, height_px: int | None, small: bool) -> None:
    found = {IMAGE_URI: found_image(width_px=width_px, height_px=height_px)}
    for resolution, high in ((None, 341 if small else 1280), (HIGH, 341 if small else 1280), (LOW, 66)):
        low = 64 if resolution == LOW else 256
        result = judged(example(text(TEXT[0]), image(), resolution=resolution), found)
        assert result.tokens == TokenRange(5 + low, 10 + high)


def test_a_billed_job_is_within_the_estimate() -> None:
    """A public report of 2.5 Flash: two images of at most 768 px, no media resolution: 682 tokens a line with text."""
    found = {IMAGE_URI: found_image(width_px=768, height_px=432)}
    tokens = judged(example(image(), image(), text("x" * 300)), found).tokens
    assert tokens is not None
    assert tokens.low <= 682 <= tokens.high < 2 * 682


def test_pages_that_are_not_known_make_the_tokens_unknown() -> None:
    result = judged(example(document()), {PDF_URI: found_document(pages=None)})
    assert (result.verdict, reasons_of(result)) == (Verdict.UNDECIDED, [Reason.DOCUMENT_PAGES_UNKNOWN])
    assert result.tokens is None


def test_sound_counts_by_its_own_length() -> None:
    streams = (StreamInfo(MediaKind.VIDEO, "h264", 20.0), StreamInfo(MediaKind.AUDIO, "aac", 5.0))
    found = ProbeResult(VIDEO_URI, MediaInfo("mp4", MediaKind.VIDEO, streams, 20.0), ObjectInfo(9, "1"))
    result = judged(example(text(TEXT[0]), video(), resolution=LOW), {VIDEO_URI: found})
    assert result.tokens == TokenRange(5 + 20 * 64 + 5 * 25, 10 + 20 * 66 + 5 * 32)
    segment = judged(example(text(TEXT[0]), clip("3s", "10s"), resolution=LOW), {VIDEO_URI: found})
    assert segment.tokens == TokenRange(5 + 7 * 64 + 2 * 25, 10 + 7 * 66 + 2 * 32)


def test_a_segment_of_a_file_of_unknown_length_has_tokens() -> None:
    found = {VIDEO_URI: found_video(None)}
    result = judged(example(text(TEXT[0]), clip("10s", "20s"), resolution=LOW), found)
    assert result.verdict is Verdict.KEPT
    assert result.tokens == TokenRange(5 + 10 * (64 + 25), 10 + 10 * (66 + 32))


def test_a_video_without_an_audio_track_has_no_audio_tokens() -> None:
    silent = judged(example(video(), resolution=LOW), {VIDEO_URI: found_video(audio_track=False)})
    loud = judged(example(video(), resolution=LOW))
    assert silent.tokens is not None
    assert loud.tokens == TokenRange(silent.tokens.low + 20 * 25, silent.tokens.high + 20 * 32)


def test_the_longest_example_of_each_kind_is_within_the_token_limit() -> None:
    """The documents' own limits agree: lengths bind before tokens at one frame a second."""
    for line, found in (
        (example(audio()), {AUDIO_URI: found_audio(3600.0)}),
        (example(video(), resolution=LOW), {VIDEO_URI: found_video(1200.0)}),
        (example(video(), resolution=MEDIUM), {VIDEO_URI: found_video(300.0)}),
    ):
        assert judged(line, found).verdict is Verdict.KEPT


def test_more_frames_may_be_too_many_tokens() -> None:
    found = {VIDEO_URI: found_video(1200.0)}
    line = example(clip(fps=2), resolution=LOW)
    assert Reason.EXAMPLE_TOO_MANY_TOKENS in reasons_of(judged(line, found))


# Hostile examples


@settings(max_examples=150)
@given(EXAMPLES, st.dictionaries(URIS, answers()), POLICIES)
def test_any_example_gets_a_verdict_that_follows_from_its_findings(
    line: Json, media: dict[str, ProbeResult], rules: Policy
) -> None:
    data = encoded(line)
    parsed = parse_line(data)
    result = judge(rules, LINE_ID, len(data), parsed, media)
    assert result == judge(rules, LINE_ID, len(data), parsed, dict(reversed(media.items())))
    assert result.findings[: len(parsed.findings)] == parsed.findings
    assert result.verdict is verdict_of(result.findings, rules.tolerated)
    assert all(finding.message for finding in result.findings)
    if result.tokens is not None:
        assert 0 <= result.tokens.low <= result.tokens.high
    unknown = any(part.info is None for part in result.media if part.given.mime_type != "text/plain")
    if unknown and not rules.tolerated:
        assert result.verdict is not Verdict.KEPT


def test_findings_are_bounded() -> None:
    line = example(*[file("nowhere://x", "odd/type")] * 1000)
    result = judged(line)
    uris = [finding for finding in result.findings if finding.reason is Reason.FILE_URI_UNSUPPORTED]
    assert len(uris) == MAX_FINDINGS_PER_REASON
    assert "and 980 more like it" in uris[-1].message
    assert result.verdict is Verdict.DROPPED


def test_hostile_uris_and_types_are_quoted_and_cut() -> None:
    nasty = "javascript:\u202e\n<script>" + "x" * 5000
    lines = [example(file(nasty, nasty)), example(file("a\nb", "video/\n")), example(file(VIDEO_URI, "audio/\n" * 999))]
    for line in lines:
        result = judged(line, rules=policy(allow_local_media=True))
        assert result.verdict is Verdict.DROPPED
        for finding in result.findings:
            assert len(finding.message) < 600
            assert "\n" not in finding.message


def test_a_policy_travels_to_workers() -> None:
    rules = policy(tolerate=["VIDEO_TOO_MANY"], media_resolution="majority")
    copy = pickle.loads(pickle.dumps(rules))
    assert copy == rules
    assert judged(example(video()), rules=copy) == judged(example(video()), rules=rules)


def test_outcomes_of_reasons_that_hold_a_line_back() -> None:
    assert {reason.outcome for reason in Reason if reason.tolerable} == {Outcome.OVER_LIMIT, Outcome.UNDECIDED}


def test_models_judge_by_their_own_limits() -> None:
    assert [Policy.of(LIMITS, name).model for name in LIMITS.models] == list(LIMITS.models)


@pytest.mark.parametrize(
    ("model", "verdict"),
    [("gemini-2.0-flash", Verdict.UNDECIDED), ("gemini-2.0-flash-lite", Verdict.UNDECIDED)]
    + [(name, Verdict.KEPT) for name in LIMITS.models if not name.startswith("gemini-2.0")],
)
def test_sources_disagree_on_video_for_the_oldest_models(model: str, verdict: Verdict) -> None:
    result = judged(example(video(), resolution="MEDIA_RESOLUTION_LOW"), rules=Policy.of(LIMITS, model))
    uncertain = [Reason.PART_UNCERTAIN_FOR_MODEL] if verdict is Verdict.UNDECIDED else []
    assert (result.verdict, reasons_of(result)) == (verdict, uncertain)


def test_unknown_probe_of_one_of_two_parts() -> None:
    line = example(image(), file("gs://example-bucket/lost.mp4"))
    result = judged(line)
    assert [part.result is not None for part in result.media] == [True, False]
    assert reasons_of(result) == [Reason.MEDIA_NOT_PROBED]


def test_an_answer_of_an_earlier_run_that_has_lost_the_size_is_none() -> None:
    result = judged(example(image()), {IMAGE_URI: found_image(size_bytes=None)})
    assert (result.verdict, reasons_of(result)) == (Verdict.UNDECIDED, [Reason.MEDIA_NOT_PROBED])
