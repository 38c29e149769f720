"""All rules, in the order in which they run.

A rule is one `check_*` that takes a case and yields findings. None sees what another found, and none stops another.
Beside each stands what an example must have for the rule to find anything: on a usual example only half of them run.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator

from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.choices import CONSISTENT
from beam_tuning.policy.example_facts import Case
from beam_tuning.policy.rules import limits, media_facts, media_parts, resolution, turns
from beam_tuning.reasons import Finding, FindingList

Rule = Callable[[Case], Iterator[Finding]]

_GCS, _AUDIO, _VIDEO = Place.GCS, MediaKind.AUDIO, MediaKind.VIDEO


class _Needs(enum.Enum):
    """What an example must have for a rule to find anything."""

    TURNS = "other turns than one of the user and one of the model"
    MEDIA = "a media part"
    SEVERAL = "several media parts"
    MODEL_MEDIA = "a media part in a turn of the model"
    ELSEWHERE = "a media part that does not lie in Cloud Storage"
    LEVEL = "a media part with a media resolution of its own"
    SEGMENT = "a media part with videoMetadata"
    DOUBT = "a media part of which something is not known, or cut off"
    AUDIO = "an audio file"
    VIDEO = "a video"
    CHOICE = "a media resolution that was chosen for the dataset"
    NOTHING = "nothing"


_RULES: tuple[tuple[_Needs, Rule], ...] = (
    (_Needs.TURNS, turns.check_roles_alternate),
    (_Needs.TURNS, turns.check_first_turn),
    (_Needs.TURNS, turns.check_last_turn),
    (_Needs.MODEL_MEDIA, turns.check_media_in_model_turn),
    (_Needs.ELSEWHERE, media_parts.check_uri),
    (_Needs.MEDIA, media_parts.check_mime_type),
    (_Needs.LEVEL, media_parts.check_part_resolution),
    (_Needs.SEGMENT, media_parts.check_offsets),
    (_Needs.SEGMENT, media_parts.check_fps),
    (_Needs.DOUBT, media_facts.check_probe),
    (_Needs.DOUBT, media_facts.check_truncation),
    (_Needs.MEDIA, media_facts.check_kind),
    (_Needs.MEDIA, media_facts.check_container),
    (_Needs.SEGMENT, media_facts.check_segment_within_file),
    (_Needs.DOUBT, media_facts.check_size_known),
    (_Needs.DOUBT, media_facts.check_duration_known),
    (_Needs.MEDIA, limits.check_file_counts),
    (_Needs.MEDIA, limits.check_file_sizes),
    (_Needs.ELSEWHERE, limits.check_http_sizes),
    (_Needs.AUDIO, limits.check_audio_length),
    (_Needs.VIDEO, limits.check_video_length),
    (_Needs.SEVERAL, limits.check_kinds_mixed),
    (_Needs.NOTHING, limits.check_tokens),
    (_Needs.CHOICE, resolution.check_chosen_resolution),
)


def findings_of(case: Case) -> tuple[Finding, ...]:
    """What the rules find."""
    findings: FindingList | None = None
    for rule in _rules_for(case):
        for finding in rule(case):
            if findings is None:
                findings = FindingList()
            findings.add(finding)
    return () if findings is None else findings.as_tuple()


def _rules_for(case: Case) -> tuple[Rule, ...]:
    model_media = elsewhere = level = segment = doubt = audio = video = False
    for facts in case.parts:
        info, part, kind = facts.info, facts.part, facts.kind
        if info is None or info.truncated is not None or facts.size_bytes is None or not facts.length_ns:
            doubt = True
        if facts.place is not _GCS:
            elsewhere = True
        if part.media_resolution is not None:
            level = True
        if part.segment is not None:
            segment = True
        if part.role != turns.USER:
            model_media = True
        if kind is _VIDEO:
            video = True
        elif kind is _AUDIO:
            audio = True
    parts = len(case.parts)
    unusual_turns = case.example.roles != turns.USUAL
    choice = case.policy.media_resolution != CONSISTENT
    return _select(
        unusual_turns, parts > 0, parts > 1, model_media, elsewhere, level, segment, doubt, audio, video, choice
    )


@functools.cache
def _select(*has: bool) -> tuple[Rule, ...]:
    """The rules that may find something; one answer for each need, in the order of `_Needs`."""
    met = {needs for needs, is_met in zip(_Needs, (*has, True), strict=True) if is_met}
    return tuple(rule for needs, rule in _RULES if needs in met)
