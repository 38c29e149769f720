"""The plan of a repair, from the tables of a run alone."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from finished_runs import make_run
from rich.console import Console
from tuning_lines import AUDIO_URI, GEMINI_3, LIMITS, VIDEO_URI, audio, clip, example, file, text, video

from beam_tuning.finished_run.opening import FinishedRun, open_finished
from beam_tuning.line_edits.edits import NAMES
from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult, StreamInfo
from beam_tuning.media_repairs.plan import MediaOptions
from beam_tuning.policy.judge import Policy
from beam_tuning.repair_plan.console import print_plan
from beam_tuning.repair_plan.forecast import Forecast
from beam_tuning.repair_plan.plan import Plan, forecasts, plan, plan_table

ALL = MediaOptions()
POLICY = Policy.of(LIMITS, GEMINI_3, allow_local_media=True)
LARGE = "gs://example-bucket/large.mp4"


def found(uri: str, kind: MediaKind, container: str, duration_s: float, size_bytes: int) -> ProbeResult:
    streams = (StreamInfo(kind, codec="h264" if kind is MediaKind.VIDEO else "mp3", duration_s=duration_s, fps=25.0),)
    return ProbeResult(uri, MediaInfo(container, kind, streams, duration_s), ObjectInfo(size_bytes, generation="7"))


MEDIA = {
    VIDEO_URI: found(VIDEO_URI, MediaKind.VIDEO, "mp4", 700.0, 70_000_000),
    LARGE: found(LARGE, MediaKind.VIDEO, "mp4", 200.0, 150_000_000),
    AUDIO_URI: found(AUDIO_URI, MediaKind.AUDIO, "mp3", 60.0, 1_000_000),
}


def as_other_format(question: str) -> dict[str, Any]:
    return {"prompt": question, "completion": "a"}


def made(tmp_path: Path, *lines: dict[str, Any]) -> FinishedRun:
    make_run(str(tmp_path / "run"), {"train": {"train.jsonl": lines}}, MEDIA, model=GEMINI_3)
    return open_finished(str(tmp_path / "run"))


def planned(run: FinishedRun, options: MediaOptions | None = ALL) -> tuple[list[Forecast], Plan]:
    rows = list(forecasts(run, POLICY, NAMES, options))
    return rows, plan(run, rows, 10.0)


def test_each_lost_example_has_a_forecast(tmp_path: Path) -> None:
    run = made(
        tmp_path,
        example(text("fine")),
        as_other_format("q"),
        example(video()),
        example(file(AUDIO_URI, "audio/x-mp3")),
        {"contents": []},
    )
    rows, sums = planned(run)
    assert [(row.line_id.line, row.may_come_back, row.repairs) for row in rows] == [
        (2, True, ("other_format",)),
        (3, True, ("chunk",)),
        (4, True, ("mime_type_spelling", "mime_type")),
        (5, False, ()),
    ]
    assert (sums.examples, sums.may_come_back, sums.left) == (4, 3, {"CONTENTS_EMPTY": 1})
    split = sums.splits["train"]
    assert (split.read, split.dropped, split.may_come_back) == (5, 4, 3)
    assert (split.dropped_share_now, split.dropped_share_at_best) == (0.8, 0.2)


def test_an_object_is_read_once_and_each_edit_of_it_is_made_once(tmp_path: Path) -> None:
    _, sums = planned(made(tmp_path, example(video()), example(text("other"), video()), example(file(LARGE))))
    assert (sums.objects, sums.read_bytes) == (2, 220_000_000)
    by_name = {line.repairs: line for line in sums.lines}
    assert by_name["chunk"].examples_back == 2
    assert by_name["chunk"].new_examples == 6  # three pieces under five minutes each
    assert by_name["chunk"].files == 3
    assert by_name["chunk"].read_bytes == 70_000_000
    assert by_name["chunk"].media_hours == pytest.approx(700 / 3600)
    assert by_name["downscale"].files == 1
    assert by_name["downscale"].write_bytes <= 100_000_000
    assert by_name["downscale"].media_hours == pytest.approx(200 / 3600)


def test_processor_time_grows_with_what_must_be_encoded(tmp_path: Path) -> None:
    cut = example(file(LARGE, videoMetadata={"startOffset": "10s", "endOffset": "20s"}))
    rows, sums = planned(made(tmp_path, example(video()), example(file(LARGE)), cut))
    chunked, smaller, part = (row.work[0] for row in rows)
    assert chunked.cpu_s_low < 10 < chunked.cpu_s_high
    assert chunked.cpu_s_low < smaller.cpu_s_low <= smaller.cpu_s_high
    assert part.cpu_s_high < smaller.cpu_s_high
    low, high = sums.cpu_hours
    assert low == pytest.approx((chunked.cpu_s_low + smaller.cpu_s_low + part.cpu_s_low) / 3600)
    assert high == pytest.approx((chunked.cpu_s_high + smaller.cpu_s_high + part.cpu_s_high) / 3600)


def test_larger_pictures_take_more_processor_time(tmp_path: Path) -> None:
    streams = (StreamInfo(MediaKind.VIDEO, "h264", 700.0, width_px=640, height_px=360, fps=25.0),)
    small = ProbeResult(VIDEO_URI, MediaInfo("mp4", MediaKind.VIDEO, streams, 700.0), MEDIA[VIDEO_URI].object)
    run = str(tmp_path / "run")
    make_run(run, {"train": {"train.jsonl": [example(video())]}}, {VIDEO_URI: small}, model=GEMINI_3)
    (row,), _ = planned(open_finished(run))
    (usual,), _ = planned(made(tmp_path / "usual", example(video())))
    assert row.work[0].cpu_s_high < usual.work[0].cpu_s_high / 2


def test_a_segment_of_a_large_file_is_cut(tmp_path: Path) -> None:
    line = example(file(LARGE, videoMetadata={"startOffset": "10s", "endOffset": "20s"}))
    rows, _ = planned(made(tmp_path, line))
    assert rows[0].repairs == ("cut",)
    assert rows[0].work[0].write_bytes == 150_000_000 * 10 // 200


@pytest.mark.parametrize(
    "options",
    [None, MediaOptions(kinds=frozenset()), MediaOptions(kinds=frozenset({"downscale"}))],
)
def test_without_an_edit_of_media_a_long_video_stays_lost(tmp_path: Path, options: MediaOptions | None) -> None:
    rows, sums = planned(made(tmp_path, example(video())), options)
    assert (rows[0].may_come_back, rows[0].left) == (False, ("VIDEO_TOO_LONG",))
    assert sums.lines == ()
    assert sums.objects == 0


@pytest.mark.parametrize(
    "line",
    [
        example(clip("1s", "690s")),  # the segment itself is too long
        example(video(), audio()),  # taken apart, which piece would have the audio?
        example(file("gs://example-bucket/nowhere.mp4")),
        {**as_other_format("q"), "contents": 5},
    ],
)
def test_what_no_repair_mends_is_not_promised(tmp_path: Path, line: dict[str, Any]) -> None:
    rows, _ = planned(made(tmp_path, line))
    assert not rows[0].may_come_back
    assert rows[0].left


def test_the_table_has_a_row_for_each_forecast(tmp_path: Path) -> None:
    rows, _ = planned(made(tmp_path, as_other_format("q"), example(video()), {"contents": []}))
    table = pq.read_table(io.BytesIO(plan_table(rows))).to_pylist()
    assert [row["may_come_back"] for row in table] == [True, True, False]
    assert [row["source_uris"] for row in table] == [[], [VIDEO_URI], []]
    assert [row["left"] for row in table] == [[], [], ["CONTENTS_EMPTY"]]


def test_an_empty_plan_is_one_too(tmp_path: Path) -> None:
    rows, sums = planned(made(tmp_path, example(text("fine"))))
    assert (rows, sums.examples, sums.price_usd) == ([], 0, (0.0, 0.0))
    assert pq.read_table(io.BytesIO(plan_table(rows))).num_rows == 0


def test_the_plan_is_told_in_words(tmp_path: Path) -> None:
    _, sums = planned(made(tmp_path, as_other_format("q"), example(video()), {"contents": []}))
    said = io.StringIO()
    print_plan(sums, Console(file=said, width=160), with_media=False)
    for words in (
        "2 of 3 examples",
        "other_format",
        "chunk",
        "70 MB",
        "Processor time",
        "CONTENTS_EMPTY 1",
        "--media_output",
    ):
        assert words in said.getvalue()
    assert json.loads(json.dumps({"left": sums.left})) == {"left": {"CONTENTS_EMPTY": 1}}
