"""What the service would do with the dataset, as given and cleaned, and the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from beam_tuning.policy import readiness as policy
from beam_tuning.policy.readiness import DatasetFinding, FailOn, State
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Part, Scalar

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class AnswerFinding(Part, frozen=True, kw_only=True):
    """What speaks against "ready"."""

    code: str
    title: str
    certain: Annotated[bool, Meta(description="Whether it makes the answer not-ready; else it makes it uncertain.")]
    split: str | None
    message: str
    observed: Scalar
    limit: Scalar
    remedy: str
    source: str


class Answer(Part, frozen=True, kw_only=True):
    """One of the two answers."""

    state: Annotated[
        State, Meta(description="uncertain: something was not found out, or the service's documents leave it open.")
    ]
    findings: list[AnswerFinding]
    advice: Annotated[list[AnswerFinding], Meta(description="Worth knowing; it decides nothing.")]


class Gate(Part, frozen=True, kw_only=True):
    """What the exit code of the run says."""

    fail_on: FailOn
    open: bool
    exit_code: Literal[0, 2, 3]
    why: str


class Readiness(Part, frozen=True, kw_only=True):
    """Both answers and the gate."""

    as_given: Annotated[Answer, Meta(description="What the service would do with the dataset as it stands.")]
    cleaned: Annotated[Answer, Meta(description="What it would do with the kept examples.")]
    gate: Gate


def _readiness(facts: RunFacts) -> Readiness:
    fail_on = facts.settings.fail_on
    gate = facts.readiness.gate(fail_on)
    return Readiness(
        as_given=_answer(facts.readiness.as_given),
        cleaned=_answer(facts.readiness.cleaned),
        gate=Gate(fail_on=fail_on, open=gate.is_open, exit_code=gate.exit_code, why=gate.why),  # type: ignore[arg-type]
    )


def _answer(answer: policy.Answer) -> Answer:
    return Answer(
        state=answer.state,
        findings=[_finding(finding) for finding in answer.findings],
        advice=[_finding(finding) for finding in answer.advice],
    )


def _finding(finding: DatasetFinding) -> AnswerFinding:
    return AnswerFinding(
        code=finding.reason.code,
        title=finding.reason.title,
        certain=finding.certain,
        split=finding.split,
        message=finding.message,
        observed=finding.observed,
        limit=finding.limit,
        remedy=finding.reason.remedy,
        source=finding.reason.source,
    )


def _context(document: Document) -> Mapping[str, Any]:
    answers = {"as_given": document.readiness.as_given, "cleaned": document.readiness.cleaned}
    return {
        "groups": {name: _by_code(answer.findings) for name, answer in answers.items()},
        "advice": {name: _by_code(answer.advice) for name, answer in answers.items()},
    }


def _by_code(findings: Iterable[AnswerFinding]) -> list[list[AnswerFinding]]:
    groups: dict[str, list[AnswerFinding]] = {}
    for finding in findings:
        groups.setdefault(finding.code, []).append(finding)
    return list(groups.values())


SECTION: Section = Section(
    name="verdict",
    title="Verdict",
    fields=(Field("readiness", _readiness, "both answers with their findings, and the gate"),),
    template="verdict.html",
    context=_context,
)
