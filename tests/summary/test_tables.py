"""The verdict table: typed rows that hold what was judged."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from judged_examples import Generator, known

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.reasons import Finding, Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample, TokenRange
from beam_tuning.summary.tables import VERDICT_SCHEMA, line_hash, verdict_table

PLACE = LineId("train", "gs://example-bucket/train.jsonl", 7, 4711)


def row(example: JudgedExample) -> dict[str, Any]:
    made: dict[str, Any]
    (made,) = verdict_table([example]).to_pylist()
    return made


def test_a_row_says_all_that_is_known() -> None:
    part = MediaPart(
        "contents[0].parts[1]",
        "user",
        "gs://example-bucket/a.mp4",
        "video/mp4",
        MediaKind.VIDEO,
        Segment(1, 2, 0.5),
        "MEDIA_RESOLUTION_HIGH",
    )
    probe = ProbeResult(part.uri, MediaInfo("mp4", MediaKind.VIDEO, (), 12.5), ObjectInfo(99, "1700000000000000"))
    finding = Finding(Reason.VIDEO_TOO_LONG, "Too long.", part.path, 1500.5, 1200)
    low = "MEDIA_RESOLUTION_LOW"
    example = JudgedExample(
        PLACE, 321, Verdict.DROPPED, (finding,), (known(part, probe),), low, 55, TokenRange(10, 20), "Say"
    )
    assert row(example) == {
        "split": "train",
        "file": "gs://example-bucket/train.jsonl",
        "line": 7,
        "offset_bytes": 4711,
        "size_bytes": 321,
        "line_hash": None,
        "verdict": "dropped",
        "media_resolution": low,
        "text_chars": 55,
        "tokens_low": 10,
        "tokens_high": 20,
        "prompt_start": "Say",
        "findings": [
            {
                "code": "VIDEO_TOO_LONG",
                "outcome": "drops-example",
                "message": "Too long.",
                "path": part.path,
                "observed": "1500.5",
                "observed_number": 1500.5,
                "limit": "1200",
                "limit_number": 1200.0,
            }
        ],
        "media": [
            {
                "path": part.path,
                "role": "user",
                "uri": part.uri,
                "mime_type": "video/mp4",
                "kind": "video",
                "media_resolution": "MEDIA_RESOLUTION_HIGH",
                "start_ns": 1,
                "end_ns": 2,
                "fps": 0.5,
                "probe": "probed",
                "container": "mp4",
                "duration_s": 12.5,
                "size_bytes": 99,
                "generation": "1700000000000000",
            }
        ],
    }


def test_equal_lines_have_equal_hashes_of_a_fixed_size() -> None:
    examples = [JudgedExample(PLACE, 1, Verdict.KEPT, ())] * 3
    table = verdict_table(examples, [line_hash(line) for line in (b"a", b"b", b"a")])
    first, second, third = table["line_hash"].to_pylist()
    assert first == third != second
    assert len(first) == 16
    assert table.schema.equals(VERDICT_SCHEMA)


def test_absent_is_null_and_no_media_is_an_empty_list() -> None:
    made = row(JudgedExample(PLACE, 1, Verdict.KEPT, ()))
    assert (made["tokens_low"], made["media_resolution"], made["findings"], made["media"]) == (None, None, [], [])


@pytest.mark.parametrize(
    ("probe", "outcome"),
    [
        (None, None),
        (ProbeResult("u", ProbeFailure(FailureKind.NOT_FOUND, "gone")), "not_found"),
        (ProbeResult("u", MediaInfo("wav", MediaKind.AUDIO)), "probed"),
    ],
)
def test_what_became_of_the_probe(probe: ProbeResult | None, outcome: str | None) -> None:
    part = MediaPart("p", "user", "u", None, None)
    (media,) = row(JudgedExample(PLACE, 1, Verdict.KEPT, (), (known(part, probe),)))["media"]
    assert media["probe"] == outcome
    assert media["duration_s"] is None


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        (10**400, str(10**400), None),
        (float("inf"), "inf", float("inf")),
        ("\ud800", "\\ud800", None),
        (None, None, None),
        (0, "0", 0.0),
        (True, "True", 1.0),
    ],
)
def test_hostile_values_have_a_place(value: object, text: str | None, number: float | None) -> None:
    finding = Finding(Reason.FPS_INVALID, "\udcff", "p", value, value)  # type: ignore[arg-type]
    part = MediaPart("p", "user", "gs://\udcff", "\ud800", None, Segment(10**30, -(10**30)))
    probe = ProbeResult("u", MediaInfo("wav", MediaKind.AUDIO), ObjectInfo(10**30))
    made = row(JudgedExample(PLACE, 1, Verdict.KEPT, (finding,), (known(part, probe),), prompt_start="\udcff"))
    (found,) = made["findings"]
    assert (found["observed"], found["observed_number"]) == (text, number)
    (media,) = made["media"]
    assert (media["start_ns"], media["end_ns"], media["size_bytes"], media["uri"]) == (None, None, None, "gs://\\udcff")


def test_no_examples_make_an_empty_table_of_the_schema() -> None:
    assert verdict_table([]).schema.equals(VERDICT_SCHEMA)
    assert verdict_table([]).num_rows == 0


def test_survives_parquet() -> None:
    table = verdict_table(list(Generator(seed=3).examples(300)))
    table.validate(full=True)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    read = pq.read_table(buffer)
    assert read.equals(table)
    assert read.schema.field("line").metadata[b"description"].startswith(b"Line in the file")


def test_every_column_says_what_it_is() -> None:
    def check(fields: list[pa.Field]) -> None:
        for field in fields:
            assert field.metadata[b"description"]
            if pa.types.is_list(field.type):
                check(list(field.type.value_type))

    check(list(VERDICT_SCHEMA))
