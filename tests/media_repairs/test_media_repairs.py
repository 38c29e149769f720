"""Which edits bring an example back, and its line afterwards: other media, true times, no other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tuning_lines import GEMINI_3, LIMITS, LINE_ID

from beam_tuning.dataset.parse import parse_line
from beam_tuning.edited_media.orders import Delivered, DeliveredFile
from beam_tuning.line_edits.line import Line
from beam_tuning.media.edit.wanted import SECOND_NS, Kind, Made
from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult, StreamInfo
from beam_tuning.media_repairs.bringing import NAMES, MediaRepair, StaysLost, bring_back
from beam_tuning.media_repairs.lines import RepairedLine, repaired_lines
from beam_tuning.media_repairs.plan import MediaOptions, MediaPlan, NoPlan, plan_of
from beam_tuning.media_repairs.texts import Refused, TimesMode
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.judge import Policy, judge
from beam_tuning.reasons import Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample

POLICY = Policy.of(LIMITS, GEMINI_3)
OF_FILE = Policy.of(LIMITS, GEMINI_3, length_basis=LengthBasis.FILE)
LONG_S, SHORT_S = 10_000.0, 120.0
SMALL, LARGE = 1_000_000, 900_000_000


def video(duration_s: float, size_bytes: int, container: str = "mp4") -> ProbeResult:
    streams = (
        StreamInfo(MediaKind.VIDEO, "h264", duration_s=duration_s, fps=25.0),
        StreamInfo(MediaKind.AUDIO, "aac", duration_s=duration_s),
    )
    info = MediaInfo(container, MediaKind.VIDEO, streams, duration_s)
    return ProbeResult("", info, ObjectInfo(size_bytes=size_bytes, generation="7"))


def audio(duration_s: float, size_bytes: int, container: str = "mp3") -> ProbeResult:
    info = MediaInfo(
        container, MediaKind.AUDIO, (StreamInfo(MediaKind.AUDIO, "mp3", duration_s=duration_s),), duration_s
    )
    return ProbeResult("", info, ObjectInfo(size_bytes=size_bytes, generation="7"))


FILES = {
    "gs://bucket/long.mp4": video(LONG_S, SMALL),
    "gs://bucket/large.mp4": video(SHORT_S, LARGE),
    "gs://bucket/short.mp4": video(SHORT_S, SMALL),
    "gs://bucket/short.mkv": video(SHORT_S, SMALL, "matroska"),
    "gs://bucket/long.mp3": audio(80_000.0, SMALL),
    "gs://bucket/large.mp3": audio(SHORT_S, LARGE),
    "gs://bucket/short.mp3": audio(SHORT_S, SMALL),
}
MEDIA = {uri: ProbeResult(uri, one.media, one.object) for uri, one in FILES.items()}


def part(uri: str, **metadata: Any) -> dict[str, Any]:
    mime_type = {"mp3": "audio/mp3", "mkv": "video/x-matroska"}.get(uri[-3:], "video/mp4")
    made: dict[str, Any] = {"fileData": {"mimeType": mime_type, "fileUri": uri}}
    return made | ({"videoMetadata": metadata} if metadata else {})


def example(answer: str, *parts: dict[str, Any], prompt: str = "What happens?") -> bytes:
    turns = [
        {"role": "user", "parts": [*parts, {"text": prompt}]},
        {"role": "model", "parts": [{"text": answer}]},
    ]
    return json.dumps({"contents": turns}, indent=None).encode()


def judged(line: bytes, policy: Policy = POLICY) -> JudgedExample:
    return judge(policy, LINE_ID, len(line), parse_line(line), MEDIA)


def plan(line: bytes, policy: Policy = POLICY, **options: Any) -> MediaPlan | NoPlan | None:
    return plan_of(judged(line, policy), policy.limits, policy.tolerated, MediaOptions(**options))


def made(start_s: float, stop_s: float, uri: str = "gs://new-bucket/one.mp4") -> DeliveredFile:
    start_ns, stop_ns = round(start_s * SECOND_NS), round(stop_s * SECOND_NS)
    return DeliveredFile(uri, Made("mp4", "video/mp4", start_ns, stop_ns - start_ns, 5, is_encoded=False, how="copied"))


def mended(line: bytes, *files: DeliveredFile, policy: Policy = POLICY, **more: Any) -> list[RepairedLine] | Refused:
    found = plan(line, policy)
    assert isinstance(found, MediaPlan), found
    seen = Line.of(line, judged(line, policy), policy.limits)
    assert seen is not None
    return repaired_lines(seen, found, {found.parts[0].path: Delivered(files)}, **more)


def texts(lines: list[RepairedLine] | Refused) -> list[str]:
    assert not isinstance(lines, Refused), lines
    return [json.loads(one.line)["contents"][1]["parts"][0]["text"] for one in lines]


@pytest.mark.parametrize(
    ("line", "policy", "edit", "kind"),
    [
        (example("x", part("gs://bucket/long.mp4")), POLICY, "chunk", Kind.PART),
        (example("x", part("gs://bucket/large.mp4")), POLICY, "downscale", Kind.PART),
        (example("x", part("gs://bucket/short.mkv")), POLICY, "remux", Kind.PART),
        (example("x", part("gs://bucket/large.mp4", startOffset="5s", endOffset="15s")), POLICY, "cut", Kind.PART),
        (example("x", part("gs://bucket/long.mp4", startOffset="5s", endOffset="15s")), OF_FILE, "cut", Kind.PART),
        (example("x", part("gs://bucket/long.mp3")), POLICY, "chunk", Kind.SOUND),
        (example("x", part("gs://bucket/large.mp3")), POLICY, "audio", Kind.SOUND),
    ],
)
def test_the_edit_of_least_loss_is_planned(line: bytes, policy: Policy, edit: str, kind: Kind) -> None:
    assert judged(line, policy).verdict is Verdict.DROPPED
    found = plan(line, policy)
    assert isinstance(found, MediaPlan), found
    (only,) = found.parts
    assert (only.edit, only.order.kind) == (edit, kind)
    if edit == "cut":
        assert (only.order.start_ns, only.order.stop_ns) == (5 * SECOND_NS, 15 * SECOND_NS)
    if edit != "chunk":
        assert isinstance(plan(line, policy, kinds=frozenset()), NoPlan)


@pytest.mark.parametrize(
    "line",
    [
        example("x", part("gs://bucket/short.mp4")),
        b"no JSON",
        json.dumps({"contents": [{"role": "boss", "parts": [part("gs://bucket/long.mp4")]}]}).encode(),
        example("x", part("gs://bucket/nothing-there.mp4")),
    ],
)
def test_what_has_other_reasons_is_not_planned(line: bytes) -> None:
    assert plan(line) is None


@pytest.mark.parametrize(
    "line",
    [
        example("x", part("gs://bucket/long.mp4"), part("gs://bucket/short.mp3")),
        example("x", part("gs://bucket/long.mp4", endOffset="9999s")),
    ],
)
def test_what_cannot_be_taken_apart_is_told(line: bytes) -> None:
    assert isinstance(plan(line), NoPlan)


def test_pieces_get_the_times_that_fall_into_them() -> None:
    line = example("[00:00:12] a\n[00:20:00] b\n[00:59:30 - 01:00:30] c", part("gs://bucket/long.mp4"))
    pieces = [
        made(0, 3600, "gs://new-bucket/1.mp4"),
        made(3600, 7200, "gs://new-bucket/2.mp4"),
        made(7200, 10_000, "gs://new-bucket/3.mp4"),
    ]
    found = mended(line, *pieces)
    assert texts(found) == ["[00:00:12] a\n[00:20:00] b\n[00:59:30 - 01:00:00] c", "[00:00:00 - 00:00:30] c"]
    assert not isinstance(found, Refused)
    assert [json.loads(one.line)["contents"][0]["parts"][0]["fileData"]["fileUri"] for one in found] == [
        "gs://new-bucket/1.mp4",
        "gs://new-bucket/2.mp4",
    ]
    assert [(change.before, change.after) for change in found[1].changes] == [
        ("00:59:30", "00:00:00"),
        ("01:00:30", "00:00:30"),
    ]


def test_json_answers_are_taken_apart_and_an_empty_list_is_an_answer() -> None:
    line = example('[{"start": 12.5, "end": 20}, {"start": 4000, "end": 4100.5}]', part("gs://bucket/long.mp4"))
    found = mended(line, made(0, 3600), made(3600, 7200), made(7200, 10_000))
    assert texts(found) == ['[{"start": 12.5, "end": 20}]', '[{"start": 400, "end": 500.5}]', "[]"]


def test_a_cut_moves_times_of_the_file_and_leaves_those_of_the_segment() -> None:
    segment = {"startOffset": "60s", "endOffset": "90s"}
    of_file = example("[01:05] a", part("gs://bucket/large.mp4", **segment))
    assert texts(mended(of_file, made(60, 90))) == ["[00:05] a"]
    of_segment = example("[00:05] a", part("gs://bucket/large.mp4", **segment))
    assert texts(mended(of_segment, made(60, 90))) == ["[00:05] a"]
    # The file begins with a keyframe, two seconds before the segment.
    assert texts(mended(of_segment, made(58, 90))) == ["[00:07] a"]


def test_only_the_bytes_of_the_change_differ() -> None:
    line = (
        b'{ "contents" : [ {"role":"user", "parts":[ {"videoMetadata": {"startOffset":"60s","fps": 2} , "fileData": '
        b'{"fileUri":"gs://bucket/large.mp4" ,"mimeType":"video/mp4"}}, {"text":"Was\\u00e4 \xc3\xa4?"}]},\t'
        b'{"role":"model","parts":[{"text":"[01:05]\\tb\\u00e4r"}]} ] }\r'
    )
    found = mended(line, made(60, 120))
    assert not isinstance(found, Refused)
    expected = line.replace(b'"startOffset":"60s",', b"").replace(b"gs://bucket/large.mp4", b"gs://new-bucket/one.mp4")
    assert found[0].line == expected.replace(b"01:05", b"00:05")


def test_offsets_alone_take_their_field_with_them() -> None:
    line = example("x [01:05]", part("gs://bucket/large.mp4", startOffset="60s", endOffset="90s"))
    found = mended(line, made(60, 90))
    assert not isinstance(found, Refused)
    assert b"videoMetadata" not in found[0].line
    assert json.loads(found[0].line)["contents"][0]["parts"][0] == {
        "fileData": {"mimeType": "video/mp4", "fileUri": "gs://new-bucket/one.mp4"}
    }


def test_a_file_of_the_same_length_leaves_texts_alone_whatever_they_say() -> None:
    answer = "The train departs at 8:15, in the picture at 0:12."
    assert texts(mended(example(answer, part("gs://bucket/large.mp4")), made(0, SHORT_S))) == [answer]


@pytest.mark.parametrize(
    ("answer", "prompt", "shown"),
    [
        ("The train departs at 8:15.", "What happens?", "8:15"),
        ("[01:05] a", "What happens at 10:30?", "10:30"),
        ("[01:05] a\n[09:59] b", "What happens?", "09:59"),
        ("[00:20] a\n[01:05] b", "What happens?", "00:20"),
        ("At 1:05 he sits, and at 1:35 he stands.", "What happens?", "1:05"),
    ],
)
def test_an_uncertain_time_leaves_the_example_as_it_was(answer: str, prompt: str, shown: str) -> None:
    line = example(answer, part("gs://bucket/large.mp4", startOffset="60s", endOffset="90s"), prompt=prompt)
    refused = mended(line, made(60, 90))
    assert isinstance(refused, Refused)
    assert refused.text == shown
    assert refused.why


def test_times_that_may_count_from_either_are_refused() -> None:
    line = example("[00:25] a", part("gs://bucket/large.mp4", startOffset="20s", endOffset="60s"))
    refused = mended(line, made(20, 60))
    assert isinstance(refused, Refused)
    assert "of the file or of the segment" in refused.why


def test_an_answer_about_the_whole_is_not_given_to_pieces() -> None:
    line = example("A film about dogs.", part("gs://bucket/long.mp4"))
    refused = mended(line, made(0, 3600), made(3600, 10_000))
    assert isinstance(refused, Refused)
    both = mended(line, made(0, 3600), made(3600, 10_000), times=TimesMode.NONE)
    assert texts(both) == ["A film about dogs."] * 2


def test_named_fields_hold_times() -> None:
    line = example('{"shots": [{"t0": 12, "start": 5000}]}', part("gs://bucket/long.mp4"))
    found = mended(line, made(10, 3600), fields=["shots.t0"])
    assert texts(found) == ['{"shots": [{"t0": 2, "start": 5000}]}']


def test_times_beside_several_media_are_refused_when_they_would_move() -> None:
    parts = [part("gs://bucket/large.mp4", startOffset="60s", endOffset="90s"), part("gs://bucket/short.mp3")]
    refused = mended(example("[01:05] a", *parts), made(60, 90))
    assert isinstance(refused, Refused)
    assert texts(mended(example("Both show dogs.", *parts), made(60, 90))) == ["Both show dogs."]


@pytest.mark.parametrize(
    ("line", "ordered"),
    [
        (example("[01:05] a", part("gs://bucket/long.mp4")), 1),
        (example("A film about dogs.", part("gs://bucket/long.mp4")), 0),
        (example("The train departs at 8:15.", part("gs://bucket/long.mp4")), 0),
        (example("The train departs at 8:15.", part("gs://bucket/large.mp4")), 1),
        (example("[00:25] a", part("gs://bucket/large.mp4", startOffset="20s", endOffset="60s")), 0),
        (example("x", part("gs://bucket/short.mp4")), 0),
    ],
)
def test_nothing_is_ordered_where_texts_stand_against_it(line: bytes, ordered: int) -> None:
    repair = MediaRepair(edits=NAMES, tolerance_ns=SECOND_NS // 2)
    assert len(repair.orders(line, judged(line), POLICY)) == ordered
    regardless = MediaRepair(edits=NAMES, tolerance_ns=SECOND_NS // 2, times=TimesMode.NONE)
    assert len(regardless.orders(line, judged(line), POLICY)) == (judged(line).verdict is Verdict.DROPPED)


def test_a_refusal_of_times_is_told_without_any_file() -> None:
    line = example("The train departs at 8:15.", part("gs://bucket/long.mp4"))
    repair = MediaRepair(edits=NAMES, tolerance_ns=SECOND_NS // 2)
    lost = bring_back(line, judged(line), repair, POLICY, {}, judged)
    assert isinstance(lost, StaysLost)
    assert lost.finding.reason is Reason.REPAIR_TIMES_AMBIGUOUS
    assert '"8:15"' in lost.finding.message
