"""The catalogue, and how findings add up."""

from __future__ import annotations

import pickle
import tomllib
from importlib import resources

import pytest

from beam_tuning.reasons import (
    MAX_FINDINGS_PER_REASON,
    Finding,
    FindingList,
    Outcome,
    Reason,
    Scope,
    Verdict,
    verdict_of,
)

REJECTS, DROPS, OVER = Reason.LINE_NOT_JSON, Reason.VIDEO_TOO_LONG, Reason.VIDEO_TOO_LARGE
UNDECIDED, ADVICE = Reason.MEDIA_TIMED_OUT, Reason.FIELD_UNKNOWN


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
def test_every_row_is_whole(reason: Reason) -> None:
    assert all((reason.title, reason.message, reason.remedy, reason.since, reason.scope))
    assert not reason.title.endswith(".")
    assert reason.message.endswith(".")
    assert reason.remedy.endswith(".")
    assert reason.source.startswith("https://") or reason.source == "beam_tuning"
    assert reason.code.isupper()


def test_every_row_has_its_code_in_the_same_order() -> None:
    table = tomllib.loads(resources.files("beam_tuning").joinpath("reasons.toml").read_text("utf-8"))
    assert list(table) == [reason.code for reason in Reason]


def test_rows_differ() -> None:
    assert len({reason.title for reason in Reason}) == len(Reason)
    assert len({reason.message for reason in Reason}) == len(Reason)


def test_a_rule_of_our_own_claims_nothing_about_the_service() -> None:
    """What rests on no page can refuse no job and drop no example in the service's name, but for what is plain."""
    plain = {Reason.DATASET_EMPTY}
    ours = {reason for reason in Reason if reason.source == "beam_tuning"} - plain
    assert {reason.outcome for reason in ours} <= {Outcome.OVER_LIMIT, Outcome.UNDECIDED, Outcome.ADVICE}


@pytest.mark.parametrize(
    ("reasons", "verdict"),
    [
        ([], Verdict.KEPT),
        ([ADVICE, ADVICE], Verdict.KEPT),
        ([ADVICE, UNDECIDED], Verdict.UNDECIDED),
        ([UNDECIDED, REJECTS], Verdict.DROPPED),
        ([DROPS, UNDECIDED], Verdict.DROPPED),
        ([UNDECIDED, ADVICE, OVER], Verdict.DROPPED),
    ],
)
def test_verdicts(reasons: list[Reason], verdict: Verdict) -> None:
    assert verdict_of(Finding(reason, "seen") for reason in reasons) is verdict


def test_tolerated_reasons_decide_nothing() -> None:
    findings = [Finding(OVER, "seen"), Finding(UNDECIDED, "seen")]
    assert verdict_of(findings, {OVER}) is Verdict.UNDECIDED
    assert verdict_of(findings, {OVER, UNDECIDED}) is Verdict.KEPT


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
def test_what_may_be_tolerated(reason: Reason) -> None:
    """Neither what is documented nor what is not about an example that was looked at."""
    if reason.outcome in (Outcome.REJECTS_JOB, Outcome.DROPS_EXAMPLE, Outcome.ADVICE):
        assert not reason.tolerable
    if reason.scope is Scope.FILE or reason is Reason.LINE_TOO_LONG:
        assert not reason.tolerable
    if reason.scope is Scope.DATASET:
        assert reason.tolerable == (reason.outcome is Outcome.UNDECIDED)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
def test_only_what_is_undecided_may_refuse_a_job(reason: Reason) -> None:
    assert not reason.may_refuse_job or (reason.outcome is Outcome.UNDECIDED and reason.scope is not Scope.DATASET)


def test_every_outcome_says_what_it_means() -> None:
    assert all(outcome.meaning.endswith(".") for outcome in Outcome)
    assert len({outcome.meaning for outcome in Outcome}) == len(Outcome)


def test_findings_travel() -> None:
    finding = Finding(OVER, "seen", "contents[0]", 1.5, 1)
    assert pickle.loads(pickle.dumps(finding)) == finding
    assert pickle.loads(pickle.dumps(finding)).reason is OVER


@pytest.mark.parametrize("count", [0, 1, MAX_FINDINGS_PER_REASON, MAX_FINDINGS_PER_REASON + 1, 5000])
def test_a_list_of_findings_is_bounded(count: int) -> None:
    findings = FindingList()
    for number in range(count):
        findings.add(Finding(OVER, f"seen {number}"))
        findings.add(Finding(ADVICE, "odd"))
    kept = findings.as_tuple()
    of_one = [finding for finding in kept if finding.reason is OVER]
    assert len(of_one) == min(count, MAX_FINDINGS_PER_REASON)
    assert [finding.message for finding in of_one[:-1]] == [f"seen {number}" for number in range(len(of_one) - 1)]
    more = count - MAX_FINDINGS_PER_REASON
    if of_one:
        suffix = f" (and {more:,} more like it on this line)" if more > 0 else ""
        assert of_one[-1].message == f"seen {len(of_one) - 1}{suffix}"
    assert findings.as_tuple() == kept
