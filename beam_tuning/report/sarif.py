"""`report.sarif`: the samples of each reason for code-scanning views, as SARIF 2.1.0.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from beam_tuning.reasons import Outcome
from beam_tuning.report.document import Document
from beam_tuning.report.links import page_link
from beam_tuning.report.sections.reasons import ReasonRow
from beam_tuning.report.sections.verdict import AnswerFinding
from beam_tuning.report.wording import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {
    Outcome.REJECTS_JOB: "error",
    Outcome.DROPS_EXAMPLE: "error",
    Outcome.OVER_LIMIT: "error",
    Outcome.UNDECIDED: "warning",
    Outcome.ADVICE: "note",
}


def sarif_document(document: Document) -> dict[str, Any]:
    """The log as JSON values.

    One result for each sample and for each finding on the whole dataset; how many examples a reason has in all stands
    in its rule's properties, since a log of a million results is of no use to a viewer.
    """
    answers = document.readiness
    advice = answers.as_given.advice
    on_dataset = {finding.code: finding for one in (answers.as_given, answers.cleaned) for finding in one.findings}
    rules = {row.code: _rule(row, _LEVELS[row.outcome], row.examples) for row in document.reasons}
    for code, finding in on_dataset.items():
        rules.setdefault(code, _rule(finding, "error" if finding.certain else "warning", None))
    for finding in advice:
        rules.setdefault(finding.code, _rule(finding, "note", None))
    codes = list(rules)
    results = [
        *(_dataset_result(one, "error" if one.certain else "warning", codes) for one in answers.as_given.findings),
        *(_dataset_result(one, "note", codes) for one in advice),
        *_sample_results(document.reasons, codes),
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": document.tool.name,
                        "version": document.tool.version,
                        "rules": list(rules.values()),
                    }
                },
                "invocations": [{"executionSuccessful": True, "exitCode": answers.gate.exit_code}],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _dataset_result(finding: AnswerFinding, level: str, codes: list[str]) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": level,
        "message": {"text": visible(finding.message)},
        "properties": {"scope": "dataset", "split": finding.split, "answer": "as given"},
    }


def _rule(row: ReasonRow | AnswerFinding, level: str, examples: int | None) -> dict[str, Any]:
    rule = {
        "id": row.code,
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": visible(row.message)},
        "help": {"text": row.remedy},
        "defaultConfiguration": {"level": level},
    }
    if page_link(row.source):
        rule["helpUri"] = row.source
    if examples is not None:
        rule["properties"] = {"examples": examples}
    return rule


def _sample_results(reasons: Iterable[ReasonRow], codes: list[str]) -> Iterable[dict[str, Any]]:
    for row in reasons:
        for sample in row.samples:
            location: dict[str, Any] = {
                "physicalLocation": {
                    "artifactLocation": {"uri": _artifact_uri(sample.file)},
                    "region": {"startLine": sample.line},
                }
            }
            if sample.path:
                location["logicalLocations"] = [{"fullyQualifiedName": sample.path}]
            yield {
                "ruleId": row.code,
                "ruleIndex": codes.index(row.code),
                "level": _LEVELS[row.outcome],
                "message": {"text": visible(sample.message) or row.message},
                "locations": [location],
                "partialFingerprints": {"example/v1": f"{row.code}:{sample.split}:{sample.file}:{sample.offset_bytes}"},
                "properties": {
                    "split": sample.split,
                    "verdict": sample.verdict,
                    "observed": sample.observed,
                    "limit": sample.limit,
                },
            }


def _artifact_uri(file: str) -> str:
    """A URI reference: a remote URI or a relative path keeps its form, an absolute path becomes a file:// URI."""
    if "://" in file:
        scheme, _, rest = file.partition("://")
        return f"{scheme}://{quote(rest, safe='/', errors='backslashreplace')}"
    if file.startswith("/"):
        return Path(file).as_uri()
    # A colon in the first segment would read as a scheme.
    return quote(file, safe="/", errors="backslashreplace")
