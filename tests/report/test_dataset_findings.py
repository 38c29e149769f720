"""What is said of the dataset as a whole: in the document, on the page, in the terminal and for code scanning."""

from __future__ import annotations

import io
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from judged_examples import known
from report_documents import TIMES, document_of, run_settings
from rich.console import Console

from beam_tuning.dataset.example import LineId, MediaPart
from beam_tuning.media.info import MediaInfo, MediaKind, ObjectInfo, ProbeResult
from beam_tuning.policy.readiness import State
from beam_tuning.reasons import Verdict
from beam_tuning.report.console import print_summary
from beam_tuning.report.html import render_html
from beam_tuning.report.json import encode_json
from beam_tuning.report.sarif import sarif_document
from beam_tuning.summary.judged_example import JudgedExample

SCHEMA = Path(__file__).parents[2] / "docs/report.schema.json"


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def test_a_model_past_its_date_is_told_by_the_day_of_the_run(schema: jsonschema.Draft202012Validator) -> None:
    later = msgspec.structs.replace(TIMES, started="2026-10-20T00:00:00.000+00:00")
    before, after = document_of([]), document_of([], times=later)
    schema.validate(json.loads(encode_json(after)))
    for answer in ("as_given", "cleaned"):
        told = [finding.code for finding in getattr(after.readiness, answer).findings]
        assert told == ["MODEL_PAST_RETIREMENT", "DATASET_EMPTY", "DATASET_EMPTY"]
        assert [finding.code for finding in getattr(before.readiness, answer).findings] == ["DATASET_EMPTY"] * 2


def test_advice_stands_beside_the_findings(schema: jsonschema.Draft202012Validator) -> None:
    examples = [JudgedExample(LineId("train", "a", n, n), 9, Verdict.KEPT, (), text_chars=9) for n in range(1, 4)]
    settings = run_settings(splits=("train",), tolerated=("MODEL_PAST_RETIREMENT",))
    later = msgspec.structs.replace(TIMES, started="2026-10-20T00:00:00.000+00:00")
    document = document_of(examples, settings, later)
    schema.validate(json.loads(encode_json(document)))
    for answer in (document.readiness.as_given, document.readiness.cleaned):
        assert (answer.state, answer.findings) == (State.READY, [])
        assert [advice.code for advice in answer.advice] == ["MODEL_PAST_RETIREMENT", "TRAINING_FEW_EXAMPLES"]
    assert document.readiness.gate.exit_code == 0
    page = render_html(document)
    assert "Worth knowing" in page
    assert "There are 3 training examples; the documents recommend to start with 100." in page
    log = sarif_document(document)["runs"][0]
    assert [(one["ruleId"], one["level"]) for one in log["results"]] == [
        ("MODEL_PAST_RETIREMENT", "note"),
        ("TRAINING_FEW_EXAMPLES", "note"),
    ]
    console = Console(file=io.StringIO(), width=200)
    print_summary(document, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert printed.count("There are 3 training examples") == 1
    assert "Exit 0" in printed


def test_local_media_are_counted(schema: jsonschema.Draft202012Validator) -> None:
    part = MediaPart("contents[0].parts[0]", "user", "/data/a.mp4", "video/mp4", MediaKind.VIDEO)
    probe = ProbeResult(part.uri, MediaInfo("mp4", MediaKind.VIDEO, (), 5.0), ObjectInfo(99))
    examples = [
        JudgedExample(LineId("train", "a", n, n), 9, Verdict.KEPT, (), (known(part, probe),), text_chars=9)
        for n in range(1, 4)
    ]
    document = document_of(examples, run_settings(splits=("train",)))
    schema.validate(json.loads(encode_json(document)))
    (finding,) = document.readiness.cleaned.findings
    assert (finding.code, finding.certain) == ("MEDIA_IS_LOCAL", False)
    assert "3 kept examples" in finding.message
    assert "1 such file" in finding.message
