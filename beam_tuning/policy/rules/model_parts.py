"""The rule about kinds of parts that the model to tune may not take."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.limits import FUNCTION_CALL
from beam_tuning.policy.rules.rule import Anew, Need, rule
from beam_tuning.reasons import Finding, Reason

#: Where these rules stand among all (see `ruleset`).
POSITION = 30


@rule(Need.UNCERTAIN, Reason.PART_UNCERTAIN_FOR_MODEL, anew=Anew.BY_MODEL)
def check_kinds_of_parts(facts: ExampleFacts) -> Iterator[Finding]:
    """No part is of a kind of which sources disagree on whether the model tunes it."""
    uncertain, model = facts.limits.uncertain_parts.values, facts.limits.name
    for part in facts.parts:
        if part.kind in uncertain:
            message = (
                f"the part is of the kind {part.kind}; sources disagree on whether {model} can be tuned with such parts"
            )
            yield Finding(Reason.PART_UNCERTAIN_FOR_MODEL, message, part.given.path, part.kind)
    if FUNCTION_CALL in uncertain and facts.example.function_path is not None:
        message = (
            f"the part is a function call or response; sources disagree on whether {model} can be tuned with such parts"
        )
        yield Finding(Reason.PART_UNCERTAIN_FOR_MODEL, message, facts.example.function_path, FUNCTION_CALL)
