"""What would become of an example with another model, and with one media resolution set on every line."""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.example import VISUAL_KINDS
from beam_tuning.dataset.tokens import picture_tokens, text_and_audio_tokens
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import Case, usage_of
from beam_tuning.policy.profiles import ProfileColumn, ProfileGroup
from beam_tuning.policy.rules.limits import is_too_long, tokens_over
from beam_tuning.policy.ruleset import findings_of
from beam_tuning.reasons import Finding, Reason, Verdict, verdict_of_reasons
from beam_tuning.summary.judged_example import TokenRange, WhatIf

# Looking an enum's member up costs more than comparing it.
_VIDEO, _KEPT = MediaKind.VIDEO, Verdict.KEPT
#: Findings that a profile makes anew. All others stay as they are.
_MADE_ANEW = frozenset(
    {
        Reason.VIDEO_TOO_LONG,
        Reason.EXAMPLE_TOO_MANY_TOKENS,
        Reason.EXAMPLE_TOKENS_UNCERTAIN,
        Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED,
        Reason.MEDIA_RESOLUTION_INCONSISTENT,
    }
)
#: Limits that a profile may be over beside those.
_LIMITS = frozenset(
    {
        Reason.AUDIO_TOO_MANY,
        Reason.AUDIO_TOO_LARGE,
        Reason.AUDIO_TOO_LONG,
        Reason.VIDEO_TOO_MANY,
        Reason.VIDEO_TOO_LARGE,
        Reason.IMAGE_TOO_MANY,
        Reason.IMAGE_TOO_LARGE,
        Reason.DOCUMENT_TOO_MANY,
        Reason.DOCUMENT_TOO_LARGE,
        Reason.HTTP_MEDIA_TOO_LARGE,
    }
)


def what_if(case: Case, of_line: tuple[Finding, ...], findings: tuple[Finding, ...]) -> tuple[WhatIf, ...]:
    """An entry for each profile; empty where all profiles give the same.

    Args:
      of_line: findings about how the line is written.
      findings: all findings of the example.
    """
    policy = case.policy
    if not findings and policy.usual_columns is not None:
        usual = _usual(policy.usual_columns, case)
        if usual is not None:
            return usual
    if not policy.differ_without_pictures and not any(facts.kind in VISUAL_KINDS for facts in case.parts):
        return ()
    entries: list[WhatIf] = []
    for group in policy.groups:
        if group.same_findings:
            _add_profiles(entries, group, case, findings)
        else:
            usage = usage_of(case.example, case.parts, group.limits)
            other = msgspec.structs.replace(case, limits=group.limits, usage=usage)
            _add_profiles(entries, group, other, of_line + findings_of(other))
    return tuple(entries)


def _usual(columns: tuple[ProfileColumn, ...], case: Case) -> tuple[WhatIf, ...] | None:
    """For an example without findings: the entries when it is over no limit under any profile, else None.

    This is what most examples are. It gives the same as `_add_profiles`, at a fifth of the cost.
    """
    usage = case.usage
    if usage is None or len(usage.pictures) != 1:
        return None
    pictures = usage.pictures[0]
    if pictures.images or pictures.level is not None:
        return None
    longest_ns = 0
    for facts in case.parts:
        if facts.length_ns is not None and facts.kind is _VIDEO and facts.length_ns > longest_ns:
            longest_ns = facts.length_ns
    low, high = case.text_and_audio
    frames = pictures.frames
    known: dict[object, TokenRange] = {}
    entries = []
    for column in columns:
        rate = column.frame_tokens
        tokens = known.get(rate)
        if tokens is None:
            if rate is None:
                return None
            tokens = known[rate] = TokenRange(low + frames * rate[0], high + frames * rate[1])
        if longest_ns > column.longest_video_ns or tokens.high > column.tokens:
            return None
        entries.append(WhatIf(column.key, _KEPT, tokens))
    return tuple(entries)


def _add_profiles(entries: list[WhatIf], group: ProfileGroup, case: Case, findings: tuple[Finding, ...]) -> None:
    tolerated, token_limit = case.policy.tolerated, group.limits.example_tokens.value
    settled = _settled(group, case, findings)
    settled_verdict = verdict_of_reasons(settled, tolerated)
    settled_over = tuple(dict.fromkeys(reason for reason in settled if reason in _LIMITS)) if settled else ()
    longest_ns, is_too_long_anyway = _video_lengths(group, case)
    for column, tokens in zip(group.columns, _tokens_by_column(group, case), strict=True):
        is_too_long = is_too_long_anyway or longest_ns > column.longest_video_ns
        if not is_too_long and (tokens is None or tokens.high <= token_limit):
            entries.append(WhatIf(column.key, settled_verdict, tokens, settled_over))
            continue
        over = [Reason.VIDEO_TOO_LONG] if is_too_long else []
        reason = None if tokens is None else tokens_over(tokens, token_limit)
        if reason is not None:
            over.append(reason)
        verdict = verdict_of_reasons(settled + over, tolerated)
        entries.append(WhatIf(column.key, verdict, tokens, settled_over + tuple(over)))


def _settled(group: ProfileGroup, case: Case, findings: tuple[Finding, ...]) -> list[Reason]:
    """Reasons that hold under every profile of the group."""
    settled = [finding.reason for finding in findings if not _is_made_anew(finding)] if findings else []
    if not group.limits.part_media_resolution.value:
        for facts in case.parts:
            if facts.part.media_resolution is not None:
                settled.append(Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED)
                break
    return settled


def _is_made_anew(finding: Finding) -> bool:
    # An invalid media resolution of the example, other than one of a part, is replaced by the profile's.
    of_example = finding.reason is Reason.MEDIA_RESOLUTION_INVALID and finding.path.startswith("generation")
    return of_example or finding.reason in _MADE_ANEW


def _video_lengths(group: ProfileGroup, case: Case) -> tuple[int, bool]:
    """The longest video that takes a profile's media resolution, and whether one with its own level is too long."""
    longest_ns, is_too_long_anyway = 0, False
    for facts in case.parts:
        if facts.kind is not _VIDEO or facts.length_ns is None:
            continue
        if facts.part.media_resolution is None or not group.limits.part_media_resolution.value:
            longest_ns = max(longest_ns, facts.length_ns)
        else:
            is_too_long_anyway = is_too_long_anyway or is_too_long(facts, group.limits, None)
    return longest_ns, is_too_long_anyway


def _tokens_by_column(group: ProfileGroup, case: Case) -> list[TokenRange | None]:
    usage, rates = case.usage, group.rates
    if usage is None:
        return [None] * len(group.columns)
    low, high = text_and_audio_tokens(usage, rates)
    part_levels = group.limits.part_media_resolution.value
    with_images = any(pictures.images for pictures in usage.pictures)
    known: dict[object, TokenRange | None] = {}
    by_column = []
    for column in group.columns:
        resolution = column.media_resolution
        # Without images, resolutions with the same rate of video share an estimate.
        key = resolution if with_images else rates.video_per_frame.get(resolution)
        if key not in known:
            pictures = picture_tokens(usage, rates, resolution, part_levels=part_levels)
            known[key] = None if pictures is None else TokenRange(low + pictures[0], high + pictures[1])
        by_column.append(known[key])
    return by_column
