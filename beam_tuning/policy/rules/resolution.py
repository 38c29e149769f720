"""The rule about the media resolution that was chosen for the whole dataset.

Source: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video: one value on all lines of
training and validation. The levels of single parts may differ (Gemini 3).
"""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.policy.choices import CONSISTENT, MAJORITY
from beam_tuning.policy.example_facts import Case
from beam_tuning.policy.limits import ABSENT
from beam_tuning.reasons import Finding, Reason


def check_chosen_resolution(case: Case) -> Iterator[Finding]:
    """The example has the value that was chosen, if one was."""
    policy = case.policy
    if policy.media_resolution == CONSISTENT:
        return
    chosen = policy.chosen_resolution if policy.media_resolution == MAJORITY else policy.media_resolution
    if chosen is None or (policy.resolution_scope == "visual" and not case.example.has_visual_media):
        return
    found = case.example.media_resolution
    if found != (chosen or None):
        yield Finding(
            Reason.MEDIA_RESOLUTION_INCONSISTENT,
            f"generationConfig.mediaResolution is {found or ABSENT}; {chosen or ABSENT} was chosen for all lines",
            observed=found or ABSENT,
            limit=chosen or ABSENT,
        )
