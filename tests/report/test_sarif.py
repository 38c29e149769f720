"""SARIF: valid by its schema, a rule for each reason, a place for each sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hostile import hostile_examples
from report_documents import document_of

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding, Reason, verdict_of
from beam_tuning.report.document import Document
from beam_tuning.report.json import encode_json
from beam_tuning.report.sarif import sarif_document
from beam_tuning.summary.judged_example import JudgedExample

SCHEMA = json.loads((Path(__file__).parent / "schemas/sarif-2.1.0-rtm.5.json").read_text())


def log_of(document: Document) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(encode_json(sarif_document(document)))
    jsonschema.Draft4Validator(SCHEMA).validate(read)
    return read


def test_a_run_is_valid_sarif(document: Document) -> None:
    (run,) = log_of(document)["runs"]
    assert run["tool"]["driver"]["name"] == "beam_tuning"
    assert run["invocations"][0]["exitCode"] == 3


def test_the_schema_can_say_no(document: Document) -> None:
    broken = log_of(document)
    del broken["runs"][0]["tool"]
    assert not jsonschema.Draft4Validator(SCHEMA).is_valid(broken)


def test_so_are_an_empty_run_and_a_hostile_one() -> None:
    assert log_of(document_of([]))["runs"][0]["results"][0]["ruleId"] == "DATASET_EMPTY"
    log_of(document_of(hostile_examples()))


def test_every_sample_is_a_result_of_its_rule(document: Document) -> None:
    (run,) = log_of(document)["runs"]
    rules = run["tool"]["driver"]["rules"]
    results = [result for result in run["results"] if "locations" in result]
    assert len(results) == sum(len(reason.samples) for reason in document.reasons)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    examples = {rule["id"]: rule.get("properties", {}).get("examples") for rule in rules}
    assert all(examples[reason.code] == reason.examples for reason in document.reasons)


def test_what_speaks_against_the_whole_dataset_is_a_result_without_a_place(document: Document) -> None:
    (run,) = log_of(document)["runs"]
    codes = [result["ruleId"] for result in run["results"] if "locations" not in result]
    assert codes == [finding.code for finding in document.readiness.as_given.findings]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("gs://example-bucket/a b.jsonl", "gs://example-bucket/a%20b.jsonl"),
        ("/data/a b.jsonl", "file:///data/a%20b.jsonl"),
        ("data/train.jsonl", "data/train.jsonl"),
        ("a:b.jsonl", "a%3Ab.jsonl"),
    ],
)
def test_places_are_uris(file: str, uri: str) -> None:
    finding = Finding(Reason.PART_EMPTY, "Empty.", "contents[0].parts[1]")
    example = JudgedExample(LineId("train", file, 12, 300), 9, verdict_of([finding]), (finding,))
    result = log_of(document_of([example]))["runs"][0]["results"][-1]
    (location,) = result["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": uri}, "region": {"startLine": 12}}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "contents[0].parts[1]"}]


@pytest.mark.parametrize(
    ("reason", "level"),
    [
        (Reason.LINE_NOT_JSON, "error"),
        (Reason.VIDEO_TOO_LONG, "error"),
        (Reason.VIDEO_TOO_LARGE, "error"),
        (Reason.MEDIA_TIMED_OUT, "warning"),
        (Reason.FIELD_UNKNOWN, "note"),
    ],
)
def test_levels_follow_outcomes(reason: Reason, level: str) -> None:
    finding = Finding(reason, "")
    example = JudgedExample(LineId("train", "a", 1, 0), 9, verdict_of([finding]), (finding,))
    result = log_of(document_of([example]))["runs"][0]["results"][-1]
    assert (result["ruleId"], result["level"]) == (reason.code, level)
    assert result["message"]["text"]
