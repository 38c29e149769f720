"""Rules about turns: who speaks, in which order.

Source: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/prepare-data
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from beam_tuning.policy.example_facts import Case
from beam_tuning.reasons import Finding, Reason

USER, _MODEL = "user", "model"
#: The turns of most examples.
USUAL = (USER, _MODEL)


def check_roles_alternate(case: Case) -> Iterator[Finding]:
    """No two contents in a row of one role. Contents of an unknown role have a finding of their own."""
    roles = case.example.roles
    for i, (before, role) in enumerate(itertools.pairwise(roles), 1):
        if role == before and role in USUAL:
            yield Finding(
                Reason.ROLES_NOT_ALTERNATING,
                f"contents {i - 1} and {i} both have the role {role}",
                f"contents[{i}]",
                observed=role,
                limit=_MODEL if role == USER else USER,
            )


def check_first_turn(case: Case) -> Iterator[Finding]:
    """A user begins."""
    if case.example.roles[0] == _MODEL:
        yield Finding(
            Reason.FIRST_TURN_NOT_USER,
            "the first content has the role model",
            "contents[0]",
            observed=_MODEL,
            limit=USER,
        )


def check_last_turn(case: Case) -> Iterator[Finding]:
    """The model ends: its last turn is what is learnt."""
    roles = case.example.roles
    if roles[-1] == USER:
        yield Finding(
            Reason.LAST_TURN_NOT_MODEL,
            "the last content has the role user (a missing role counts as user), so there is no answer to learn",
            f"contents[{len(roles) - 1}]",
            observed=USER,
            limit=_MODEL,
        )


def check_media_in_model_turn(case: Case) -> Iterator[Finding]:
    """The model answers in text."""
    for facts in case.parts:
        if facts.part.role == _MODEL:
            yield Finding(Reason.MODEL_TURN_HAS_MEDIA, "a model turn holds media", facts.part.path)
