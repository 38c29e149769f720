"""`report.json`: its schema, what its numbers mean, and that nothing but `run` differs between two runs."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hostile import hostile_examples
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_examples import Generator, known
from report_documents import OUTPUTS, TIMES, run_settings
from report_documents import document_of as typed_document_of

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.limits_file import load_limits
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeResult, StreamInfo
from beam_tuning.policy.readiness import FailOn, file_fault
from beam_tuning.reasons import Finding, Reason, Verdict
from beam_tuning.report.document import Document, read_document
from beam_tuning.report.html import render_html
from beam_tuning.report.json import encode_json, report_document
from beam_tuning.report.run import RunSettings, RunTimes
from beam_tuning.report.sarif import sarif_document
from beam_tuning.report.tuning_job import tuning_job
from beam_tuning.summary.judged_example import JudgedExample, TokenRange
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden_report.json"


@pytest.fixture(scope="session")
def schema() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs/report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_json(document: Document) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode_json(document))
    return decoded


def document_of(examples: list[JudgedExample], settings: RunSettings | None = None) -> dict[str, Any]:
    """The document as a program reads it."""
    return as_json(typed_document_of(examples, settings))


@pytest.fixture(scope="module")
def document(examples: list[JudgedExample]) -> dict[str, Any]:
    return document_of(examples)


def test_a_document_has_the_published_schema(document: dict[str, Any], schema: jsonschema.Draft202012Validator) -> None:
    schema.validate(document)


def test_so_has_one_of_nothing_at_all(schema: jsonschema.Draft202012Validator) -> None:
    document = document_of([])
    schema.validate(document)
    assert document["splits"]["train"]["drop_share"] == {"low": None, "high": None, "limit": 0.1, "state": None}
    assert document["readiness"]["as_given"]["state"] == "not-ready"
    assert document["reasons"] == []


@pytest.mark.parametrize("field", ["schema_version", "readiness", "run"])
def test_the_schema_misses_what_is_gone(
    document: dict[str, Any], schema: jsonschema.Draft202012Validator, field: str
) -> None:
    broken = {name: value for name, value in document.items() if name != field}
    assert not schema.is_valid(broken)


def test_the_schema_refuses_what_it_does_not_know(
    document: dict[str, Any], schema: jsonschema.Draft202012Validator
) -> None:
    for where in ("run", "media", "tokens"):
        broken = copy.deepcopy(document)
        broken[where]["surprise"] = 1
        assert not schema.is_valid(broken)
    broken = copy.deepcopy(document)
    broken["distributions"][0]["series"][0]["surprise"] = 1
    assert not schema.is_valid(broken)


def without_catalogues(value: Any) -> Any:
    """Without the words of the catalogue of reasons and without the table of limits: they have tests of their own."""
    if isinstance(value, list):
        return [without_catalogues(one) for one in value]
    if not isinstance(value, dict):
        return value
    words = {"title", "remedy", "source", "formulas", "limits"} | ({"message"} if "outcome" in value else set())
    return {name: without_catalogues(one) for name, one in value.items() if name not in words}


def test_a_report_is_as_it_was() -> None:
    """The golden file; after a wanted change delete it, run this test once, and look at the difference."""
    examples = [*Generator(seed=11).examples(60), *Generator(seed=12).examples(12, split="validation", shards=1)]
    document = without_catalogues(document_of(examples))
    if not GOLDEN.exists():
        GOLDEN.write_text(json.dumps(document, indent=1) + "\n")
    assert document == json.loads(GOLDEN.read_text())


def test_order_changes_nothing_but_times(examples: list[JudgedExample], document: dict[str, Any]) -> None:
    shuffled = random.Random(1).sample(examples, len(examples))
    assert encode_json(document_of(shuffled)) == encode_json(document)


def test_read_is_kept_and_dropped_and_undecided(document: dict[str, Any]) -> None:
    for split in document["splits"].values():
        assert split["read"] == split["kept"] + split["dropped"] + split["undecided"]


def test_every_what_if_row_speaks_of_every_example(document: dict[str, Any]) -> None:
    read = sum(split["read"] for split in document["splits"].values())
    models = {row["model"] for row in document["what_if"]}
    assert models == {name for name, model in run_settings().limits.models.items() if model.removal.value is None}
    assert len(document["what_if"]) == 4 * len(models)
    for row in document["what_if"]:
        assert row["kept"] + row["dropped"] + row["undecided"] == read
        assert row["tokens"]["low"] <= row["tokens"]["high"]


def test_a_lower_resolution_never_keeps_fewer_videos(document: dict[str, Any]) -> None:
    of_model = {row["media_resolution"]: row for row in document["what_if"] if row["model"] == document["model"]}
    low, high = of_model["MEDIA_RESOLUTION_LOW"], of_model["MEDIA_RESOLUTION_HIGH"]
    assert low["kept"] > high["kept"]
    assert low["tokens"]["high"] < high["tokens"]["high"]
    assert high["over"]["VIDEO_TOO_LONG"] > low["over"].get("VIDEO_TOO_LONG", 0)


def test_the_plan_counts_the_lines_to_change(document: dict[str, Any]) -> None:
    given = {row["value"]: row["examples"] for row in document["media_resolutions"]["as_given"]}
    for row in document["resolution_plan"]:
        assert row["lines_to_change"] == sum(given.values()) - given.get(row["media_resolution"], 0)
    fewest = min(document["resolution_plan"], key=lambda row: row["lines_to_change"])
    assert fewest["fewest_changes"]
    assert max(row["kept"] for row in document["resolution_plan"]) == next(
        row["kept"] for row in document["resolution_plan"] if row["keeps_most"]
    )


def test_price_is_tokens_times_epochs_times_rate() -> None:
    examples = [
        JudgedExample(
            LineId("train", "a", n, n), 9, Verdict.KEPT, (), text_chars=9, tokens=TokenRange(10**6, 2 * 10**6)
        )
        for n in range(1, 4)
    ]
    settings = run_settings(price_per_million_tokens=5.0, epochs=3, splits=("train",))
    price = document_of(examples, settings)["tokens"]["price"]
    assert (price["usd_low"], price["usd_high"], price["source"]) == (45.0, 90.0, "--price_per_million_tokens")


def test_dropped_examples_are_not_billed_and_unknown_tokens_are_told() -> None:
    dropped = (Finding(Reason.VIDEO_TOO_LONG, ""),)
    examples = [
        JudgedExample(LineId("train", "a", 1, 0), 9, Verdict.DROPPED, dropped, tokens=TokenRange(5, 5)),
        JudgedExample(LineId("train", "a", 2, 10), 9, Verdict.KEPT, (), tokens=None),
    ]
    assert document_of(examples)["tokens"]["tokens"] == {"low": 0, "high": 0, "unknown_examples": 1}


def test_an_unknown_price_is_unknown() -> None:
    price = document_of([], run_settings(model="gemini-3.5-flash"))["tokens"]["price"]
    assert (price["usd_per_million_tokens"], price["usd_low"], price["usd_high"]) == (None, None, None)


def test_reasons_stand_by_gravity_then_by_number(document: dict[str, Any]) -> None:
    order = ["rejects-job", "drops-example", "over-limit", "undecided", "advice"]
    keys = [(order.index(row["outcome"]), -row["examples"]) for row in document["reasons"]]
    assert keys == sorted(keys)
    assert all(row["examples"] == sum(one["examples"] for one in row["splits"].values()) for row in document["reasons"])


def test_a_tolerated_reason_is_marked(examples: list[JudgedExample]) -> None:
    marked = document_of(examples, run_settings(tolerated=("VIDEO_TOO_LARGE",)))["reasons"]
    assert [row["code"] for row in marked if row["tolerated"]] == ["VIDEO_TOO_LARGE"]


def test_limits_stand_in_the_unit_of_their_distribution(document: dict[str, Any]) -> None:
    limits = {one["name"]: one["limits"] for one in document["distributions"]}
    assert [limit["value"] for limit in limits["video_length"]] == [300_000, 1_200_000]
    assert "MEDIUM" in limits["video_length"][0]["label"]
    assert "HIGH" in limits["video_length"][0]["label"]
    assert [limit["value"] for limit in limits["tokens"]] == [131_072]


@pytest.mark.parametrize("fail_on", list(FailOn))
def test_the_gate_is_in_the_document(examples: list[JudgedExample], fail_on: FailOn) -> None:
    gate = document_of(examples, run_settings(fail_on=fail_on))["readiness"]["gate"]
    assert gate["open"] == (gate["exit_code"] == 0) == (fail_on is FailOn.NEVER)


def test_a_file_fault_is_told_and_ends_with_2() -> None:
    fault = file_fault(Reason.INPUT_FILE_TRUNCATED, "train", "a.gz: the file ends too early")
    document = report_document(
        run_settings(), Summary.empty(), MediaSummary.empty(), TIMES, file_faults=[fault], outputs=OUTPUTS
    )
    assert document.readiness.gate.exit_code == 2
    assert document.readiness.as_given.findings[0].message == "a.gz: the file ends too early"


def test_hostile_values_have_a_place(schema: jsonschema.Draft202012Validator) -> None:
    hostile = '\udcff</script>"\u202e'
    part = MediaPart(hostile, "user", f"gs://{hostile}", hostile, MediaKind.VIDEO, Segment(10**30, -(10**30)))
    probe = ProbeResult(
        hostile, MediaInfo("mp4", MediaKind.VIDEO, (StreamInfo(MediaKind.VIDEO, hostile),), float("inf"))
    )
    examples = [
        JudgedExample(
            LineId("train", hostile, n, n),
            9,
            Verdict.DROPPED,
            (Finding(Reason.FPS_INVALID, hostile, part.path, value, value),),  # type: ignore[arg-type]
            (known(part, probe),),
            hostile,
            prompt_start=hostile,
        )
        for n, value in enumerate((10**400, float("inf"), float("nan"), hostile, None), 1)
    ]
    schema.validate(document_of(examples))


HIDDEN = "\x00\x1b\x7f\x9b\u061c\u200b\u200f\u2028\u202e\u2066\ufeff\U000e0041"


_HIDING = st.text(st.sampled_from(HIDDEN))
_TEXTS = st.text(st.sampled_from(HIDDEN + 'aé\\"\n😀') | st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    _TEXTS | st.integers(-9, 9),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_HIDING, inside, max_size=3),
)


@settings(max_examples=200)
@given(_VALUES)
def test_a_program_reads_the_true_value_and_a_terminal_is_not_steered(value: Any) -> None:
    encoded = encode_json(value)
    assert json.loads(encoded) == msgspec.json.decode(encoded) == value
    assert not set(encoded.decode()) & set(HIDDEN)


def test_no_file_of_a_hostile_run_steers_a_terminal() -> None:
    made = typed_document_of(hostile_examples(), run_settings(output="gs://example-bucket/\u202e\x9b31m"))
    for content in (made, sarif_document(made), tuning_job(made)):
        assert not set(encode_json(content).decode()) & set(HIDDEN)
    read_back = read_document(encode_json(made), "a folder")
    assert read_back == made
    assert read_back.output.endswith("\u202e\x9b31m")


def test_limits_of_a_persons_own_have_a_place(tmp_path: Path) -> None:
    own = tmp_path / "limits.toml"
    own.write_text(
        "[defaults.drop_percent]\nvalue = 150\n"
        f"[defaults.example_tokens]\nvalue = {2**53}\n"
        f"[defaults.video_length_low]\nvalue = {2**53}\n"
        "[defaults.audio_length]\nvalue = 0\n"
        f"[generations.gemini-2.audio_tokens_per_second]\nlow = 1\nhigh = {2**53}\n"
    )
    examples = list(Generator(seed=3).examples(60))
    made = typed_document_of(examples, run_settings(limits=load_limits(own)))
    assert read_document(encode_json(made), "a folder") == made
    assert "150 %" in render_html(made).replace("\N{NO-BREAK SPACE}", " ")


def test_a_clock_that_was_set_back_makes_no_run_unreadable() -> None:
    times = RunTimes(started=TIMES.started, finished=TIMES.finished, elapsed_s=-3.5, runner="r")
    made = report_document(run_settings(), Summary.empty(), MediaSummary.empty(), times)
    assert read_document(encode_json(made), "a folder").run.elapsed_s == 0


def test_encoding_ends_with_a_newline(document: dict[str, Any]) -> None:
    encoded = encode_json(document)
    assert encoded.endswith(b"}\n")
    assert msgspec.json.decode(encoded) == document
