"""Rules about turns: who speaks, in which order.

Source: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/prepare-data
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules.rule import MODEL, USER, USUAL_TURNS, Need, rule
from beam_tuning.reasons import Finding, Reason

#: Where these rules stand among all (see `ruleset`).
POSITION = 10


@rule(Need.TURNS, Reason.ROLES_NOT_ALTERNATING)
def check_roles_alternate(facts: ExampleFacts) -> Iterator[Finding]:
    """No two contents in a row of one role. Contents of an unknown role have a finding of their own."""
    roles = facts.example.roles
    for i, (before, role) in enumerate(itertools.pairwise(roles), 1):
        if role == before and role in USUAL_TURNS:
            yield Finding(
                Reason.ROLES_NOT_ALTERNATING,
                f"contents {i - 1} and {i} both have the role {role}",
                f"contents[{i}]",
                observed=role,
                limit=MODEL if role == USER else USER,
            )


@rule(Need.TURNS, Reason.FIRST_TURN_NOT_USER)
def check_first_turn(facts: ExampleFacts) -> Iterator[Finding]:
    """A user begins."""
    if facts.example.roles[0] == MODEL:
        yield Finding(
            Reason.FIRST_TURN_NOT_USER,
            "the first turn has the role model",
            "contents[0]",
            observed=MODEL,
            limit=USER,
        )


@rule(Need.TURNS, Reason.LAST_TURN_NOT_MODEL)
def check_last_turn(facts: ExampleFacts) -> Iterator[Finding]:
    """The model ends: its last turn is what is learnt."""
    roles = facts.example.roles
    if roles[-1] == USER:
        yield Finding(
            Reason.LAST_TURN_NOT_MODEL,
            "the last turn has the role user (a missing role counts as user), so there is no answer to learn",
            f"contents[{len(roles) - 1}]",
            observed=USER,
            limit=MODEL,
        )


@rule(Need.MODEL_MEDIA, Reason.MODEL_TURN_HAS_MEDIA)
def check_media_in_model_turn(facts: ExampleFacts) -> Iterator[Finding]:
    """The model answers in text."""
    for part in facts.parts:
        if part.given.role == MODEL:
            yield Finding(Reason.MODEL_TURN_HAS_MEDIA, "a model turn contains media", part.given.path)
