"""The rule about the media resolution that was chosen for the whole dataset.

Source: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video: one value on all lines of
training and validation. The levels of single parts may differ (Gemini 3).
"""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.policy.choices import MediaResolutionChoice, ResolutionScope
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules.rule import Anew, Need, rule
from beam_tuning.reasons import Finding, Reason

#: Where these rules stand among all (see `ruleset`).
POSITION = 60


@rule(Need.CHOICE, Reason.MEDIA_RESOLUTION_INCONSISTENT, anew=Anew.GONE)
def check_chosen_resolution(facts: ExampleFacts) -> Iterator[Finding]:
    """The example has the value that was chosen, if one was."""
    policy = facts.policy
    chosen: str | None = policy.media_resolution
    if chosen is MediaResolutionChoice.CONSISTENT:
        return
    if chosen is MediaResolutionChoice.MAJORITY:
        chosen = policy.chosen_resolution
    if chosen is None or (policy.resolution_scope is ResolutionScope.VISUAL and not facts.example.has_visual_media):
        return
    found = facts.example.media_resolution or ABSENT
    if found != chosen:
        yield Finding(
            Reason.MEDIA_RESOLUTION_INCONSISTENT,
            f"generationConfig.mediaResolution is {found}; {chosen} was chosen for all lines",
            observed=found,
            limit=str(chosen),
        )
