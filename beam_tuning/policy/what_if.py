"""What would become of an example with another model, and with one media resolution set on every line.

Most findings are the same under every profile and are kept. What a rule's findings become is declared beside the rule
(`rules.rule.Anew`); lengths of videos and tokens are worked out here, column by column.
"""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.example import VISUAL_KINDS
from beam_tuning.dataset.tokens import picture_tokens, text_and_audio_tokens
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import ExampleFacts, usage_of
from beam_tuning.policy.profiles import ProfileGroup
from beam_tuning.policy.rules.limits import effective_resolution, length_over, tokens_over
from beam_tuning.policy.rules.rule import Anew
from beam_tuning.policy.ruleset import RULES, findings_of
from beam_tuning.reasons import Finding, Reason, verdict_of_reasons
from beam_tuning.summary.judged_example import FrameUse, PartFacts, TokenRange, WhatIf

_NS_PER_S = 1_000_000_000
# Looking an enum's member up costs more than comparing it.
_VIDEO = MediaKind.VIDEO
#: Findings that a profile makes anew or takes away. All others stay as they are.
_NOT_KEPT = frozenset().union(*(one.reasons for one in RULES if one.anew is not Anew.NEVER))
#: Reasons that the length of a video gives, the graver one first.
_LENGTHS: tuple[Reason, ...] = (Reason.VIDEO_TOO_LONG, Reason.VIDEO_LENGTH_AT_LIMIT)
#: Limits that a profile may be over beside those that are worked out for each column.
_LIMITS = frozenset().union(*(one.reasons for one in RULES if one.is_limit))


def usual_use(facts: ExampleFacts, findings: tuple[Finding, ...]) -> FrameUse | None:
    """What an example uses that is kept under every profile and differs under them in the tokens of a frame only.

    Most examples are like that, and under which profile which number of tokens follows is worked out once for all of
    them together. None for all others: these have `what_if`.

    Args:
      findings: all findings of the example.
    """
    bounds, usage = facts.policy.usual_bounds, facts.usage
    if findings or bounds is None or usage is None or len(usage.pictures) != 1:
        return None
    pictures = usage.pictures[0]
    if pictures.level is not None or pictures.images or pictures.small_images or pictures.pages:
        return None
    if facts.example.function_path is not None:
        return None
    low, high = facts.text_and_audio
    if high + pictures.frames * bounds.frame_tokens > bounds.tokens:
        return None
    for part in facts.parts:
        if part.longest_ns is not None and part.kind is _VIDEO and part.longest_ns > bounds.longest_video_ns:
            return None
    return FrameUse(low, high, pictures.frames)


def what_if(facts: ExampleFacts, of_line: tuple[Finding, ...], findings: tuple[Finding, ...]) -> tuple[WhatIf, ...]:
    """An entry for each profile; empty where all profiles give the same.

    Args:
      of_line: findings about how the line is written.
      findings: all findings of the example.
    """
    policy = facts.policy
    has_calls = facts.example.function_path is not None
    if not (policy.differ_without_pictures or has_calls or any(part.kind in VISUAL_KINDS for part in facts.parts)):
        return ()
    entries: list[WhatIf] = []
    for group in policy.groups:
        if group.same_findings:
            of_group = msgspec.structs.replace(facts, limits=group.limits)
            by_model = findings_of(of_group, only=Anew.BY_MODEL)
            _add_profiles(entries, group, facts, findings, by_model)
        else:
            usage = usage_of(facts.example, facts.parts, group.limits)
            of_group = msgspec.structs.replace(facts, limits=group.limits, usage=usage)
            by_model = findings_of(of_group, only=Anew.BY_MODEL)
            _add_profiles(entries, group, of_group, of_line + findings_of(of_group), by_model)
    return tuple(entries)


def _add_profiles(
    entries: list[WhatIf],
    group: ProfileGroup,
    facts: ExampleFacts,
    findings: tuple[Finding, ...],
    by_model: tuple[Finding, ...],
) -> None:
    """Adds an entry for each profile of the group.

    Args:
      findings: that hold under the group's limits, those apart that are made anew.
      by_model: those that the rules give which run for each group.
    """
    tolerated, token_limit = facts.policy.tolerated, group.limits.example_tokens.value
    settled = [finding.reason for finding in findings if not _is_made_anew(finding)]
    settled += [finding.reason for finding in by_model]
    settled_verdict = verdict_of_reasons(settled, tolerated)
    settled_over = tuple(dict.fromkeys(reason for reason in settled if reason in _LIMITS)) if settled else ()
    videos, of_own_level = _videos(group, facts)
    for column, tokens in zip(group.columns, _tokens_by_column(group, facts), strict=True):
        over = of_own_level | {length_over(part, column.longest_video_ns) for part in videos}
        reason = None if tokens is None else tokens_over(tokens, token_limit)
        if reason is None and not any(over):
            entries.append(WhatIf(column.key, settled_verdict, tokens, settled_over))
            continue
        of_column = [one for one in _LENGTHS if one in over]
        if reason is not None:
            of_column.append(reason)
        verdict = verdict_of_reasons(settled + of_column, tolerated)
        entries.append(WhatIf(column.key, verdict, tokens, settled_over + tuple(of_column)))


def _is_made_anew(finding: Finding) -> bool:
    # An invalid media resolution of the example, other than one of a part, is replaced by the profile's.
    of_example = finding.reason is Reason.MEDIA_RESOLUTION_INVALID and finding.path.startswith("generation")
    return of_example or finding.reason in _NOT_KEPT


def _videos(group: ProfileGroup, facts: ExampleFacts) -> tuple[list[PartFacts], set[Reason | None]]:
    """The videos that take a profile's media resolution, and the reasons of those that have a level of their own."""
    videos: list[PartFacts] = []
    of_own_level: set[Reason | None] = set()
    for part in facts.parts:
        if part.kind is not _VIDEO:
            continue
        level = effective_resolution(part, group.limits, None)
        if level is None:
            videos.append(part)
        else:
            of_own_level.add(length_over(part, group.limits.video_length_s(level) * _NS_PER_S))
    return videos, of_own_level


def _tokens_by_column(group: ProfileGroup, facts: ExampleFacts) -> list[TokenRange | None]:
    usage, rates = facts.usage, group.rates
    if usage is None:
        return [None] * len(group.columns)
    low, high = text_and_audio_tokens(usage, rates)
    part_levels = group.limits.part_media_resolution.value
    with_still = any(any(pictures.still) for pictures in usage.pictures)
    known: dict[object, TokenRange | None] = {}
    by_column = []
    for column in group.columns:
        resolution = column.media_resolution
        # Without images and pages, resolutions with the same rate of video share an estimate.
        key = resolution if with_still else rates.video_per_frame.get(resolution)
        if key not in known:
            pictures = picture_tokens(usage, rates, resolution, part_levels=part_levels)
            known[key] = None if pictures is None else TokenRange(low + pictures[0], high + pictures[1])
        by_column.append(known[key])
    return by_column
