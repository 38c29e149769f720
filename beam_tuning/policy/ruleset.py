"""All rules, in the order in which they run."""

from __future__ import annotations

import functools

from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules import limits, media_facts, media_parts, model_parts, resolution, turns
from beam_tuning.policy.rules.rule import Anew, Check, Rule, needs_met
from beam_tuning.reasons import Finding, FindingList

#: Of each module the rules as they stand there.
RULES: tuple[Rule, ...] = tuple(
    one
    for module in (turns, media_parts, model_parts, media_facts, limits, resolution)
    for one in vars(module).values()
    if isinstance(one, Rule)
)


def findings_of(facts: ExampleFacts, *, only: Anew | None = None) -> tuple[Finding, ...]:
    """What the rules find.

    Args:
      only: leaves out the rules that declare something else; None leaves out none.
    """
    findings: FindingList | None = None
    for check in _checks(needs_met(facts), only):
        for finding in check(facts):
            if findings is None:
                findings = FindingList()
            findings.add(finding)
    return () if findings is None else findings.as_tuple()


@functools.cache
def _checks(met: int, only: Anew | None) -> tuple[Check, ...]:
    """The checks that may find something when these needs are met."""
    return tuple(
        one.check for one in RULES if one.need.value & met == one.need.value and (only is None or one.anew is only)
    )
