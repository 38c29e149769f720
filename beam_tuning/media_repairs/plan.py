"""What is to be made of the media of an example that is dropped for them."""

from __future__ import annotations

from typing import NamedTuple

from beam_tuning.edited_media.orders import Order, SourceObject
from beam_tuning.line_edits.mime_types import found_type
from beam_tuning.media.edit.wanted import SECOND_NS, Kind
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.rules.limits import effective_resolution
from beam_tuning.reasons import Finding, Outcome, Reason
from beam_tuning.summary.judged_example import JudgedExample, PartFacts

#: Reasons that edits of the media mend.
_LENGTH = frozenset((Reason.VIDEO_TOO_LONG, Reason.VIDEO_LENGTH_AT_LIMIT, Reason.AUDIO_TOO_LONG))
_SIZE = frozenset((Reason.VIDEO_TOO_LARGE, Reason.AUDIO_TOO_LARGE, Reason.HTTP_MEDIA_TOO_LARGE))
_CONTAINER = frozenset((Reason.MIME_TYPE_UNSUPPORTED, Reason.MIME_TYPE_UNCERTAIN, Reason.MIME_TYPE_MISMATCH))
MENDED = _LENGTH | _SIZE | _CONTAINER
#: Reasons that may go with these: what is shorter has fewer tokens.
_BESIDE = frozenset((Reason.EXAMPLE_TOO_MANY_TOKENS, Reason.EXAMPLE_TOKENS_UNCERTAIN))
#: Sound may go on for so long behind the pictures, and a last frame may be counted or not.
_BELOW_LIMIT_NS = 3 * SECOND_NS // 2
#: Of files that are encoded under a size, and of what is called a size in other units.
_SIZE_MARGIN = 0.98


class MediaOptions(NamedTuple):
    """What a person decides.

    Attributes:
      kinds: of edits that may be made: names of `EDITS`.
    """

    tolerance_ns: int = SECOND_NS // 2
    overlap_ns: int = 0
    kinds: frozenset[str] = frozenset(("cut", "remux", "downscale", "chunk", "audio"))


class PartPlan(NamedTuple):
    """What is ordered for one media part.

    Attributes:
      path: of the part.
      edit: `cut`, `remux`, `downscale`, `chunk` or `audio`.
    """

    path: str
    source: SourceObject
    order: Order
    edit: str


class MediaPlan(NamedTuple):
    """What is ordered for one example.

    Attributes:
      takes_apart: whether the example becomes one for each piece.
    """

    parts: tuple[PartPlan, ...]

    @property
    def takes_apart(self) -> bool:
        return any(part.edit == "chunk" for part in self.parts)


class NoPlan(NamedTuple):
    """Why edits of the media do not bring the example back: a sentence."""

    why: str


def plan_of(
    judged: JudgedExample, limits: ModelLimits, tolerated: frozenset[Reason], options: MediaOptions
) -> MediaPlan | NoPlan | None:
    """The edits that bring an example back; None where its reasons are not those of media that edits mend."""
    deciding = [
        finding
        for finding in judged.findings
        if finding.reason.outcome is not Outcome.ADVICE and finding.reason not in tolerated
    ]
    reasons = {finding.reason for finding in deciding}
    if reasons.isdisjoint(MENDED) or not reasons <= MENDED | _BESIDE:
        return None
    plans: list[PartPlan] = []
    for facts in judged.media:
        own = [finding for finding in deciding if _is_of(finding, facts)]
        if not own:
            continue
        plan = _of_part(facts, own, judged, limits, options)
        if isinstance(plan, NoPlan):
            return plan
        plans.append(plan)
    if not plans or len({part.path for part in plans}) < len(plans):
        return None
    if len(judged.media) > 1 and any(part.edit == "chunk" for part in plans):
        return NoPlan("The example has several media files, so that one of them cannot be taken apart.")
    return MediaPlan(tuple(plans))


def _is_of(finding: Finding, facts: PartFacts) -> bool:
    path = facts.given.path
    return finding.path == path or finding.path.startswith(f"{path}.")


def _of_part(
    facts: PartFacts, findings: list[Finding], judged: JudgedExample, limits: ModelLimits, options: MediaOptions
) -> PartPlan | NoPlan:
    info, result, kind = facts.info, facts.result, facts.kind
    if info is None or result is None or result.object is None or facts.file_ns is None:
        return NoPlan("The media file could not be looked at, or its length is not known.")
    if info.kind is not kind or kind not in (MediaKind.VIDEO, MediaKind.AUDIO):
        return NoPlan("The file is of another kind than the example says.")
    if info.truncated is not None:
        return NoPlan("The media file is cut short.")
    is_video = kind is MediaKind.VIDEO
    resolution = effective_resolution(facts, limits, judged.media_resolution)
    limit_s = limits.video_length_s(resolution) if is_video else limits.audio_length.value
    longest_ns = int(limit_s * SECOND_NS) - _BELOW_LIMIT_NS
    max_bytes = int((limits.video_bytes.value if is_video else limits.audio_bytes.value) * _SIZE_MARGIN)
    reasons = {finding.reason for finding in findings}
    if reasons <= _CONTAINER and found_type(info, limits) is not None:
        return NoPlan("The container of the file is accepted: its MIME type is at fault.")
    segment = facts.given.segment
    start_ns = 0 if segment is None else segment.start_ns or 0
    end_ns = facts.file_ns if segment is None or segment.end_ns is None else min(segment.end_ns, facts.file_ns)
    has_segment = start_ns > 0 or end_ns < facts.file_ns
    if not 0 <= start_ns < end_ns:
        return NoPlan("The segment does not lie within the file.")
    of_kind = Kind.PART if is_video else Kind.SOUND
    order = Order(kind=of_kind, max_bytes=max_bytes, tolerance_ns=options.tolerance_ns)
    if not is_video and sum(one.kind is MediaKind.AUDIO for one in judged.media) > 1 and reasons & _LENGTH:
        return NoPlan("The example has several audio files, which together are too long.")
    if end_ns - start_ns > longest_ns + _BELOW_LIMIT_NS or (reasons & _LENGTH and end_ns - start_ns > longest_ns):
        if has_segment:
            return NoPlan("The segment itself is longer than allowed.")
        edit = "chunk"
        order = Order(kind=of_kind, max_bytes=max_bytes, longest_ns=longest_ns, overlap_ns=options.overlap_ns)
    elif has_segment:
        edit = "cut"
        stop_ns = None if end_ns >= facts.file_ns else end_ns
        order = Order(
            kind=of_kind, start_ns=start_ns, stop_ns=stop_ns, max_bytes=max_bytes, tolerance_ns=options.tolerance_ns
        )
    elif reasons <= _CONTAINER:
        edit = "remux" if is_video else "audio"
    else:
        edit = "downscale" if is_video else "audio"
    if edit not in options.kinds:
        return NoPlan(f"The edit {edit} is not among those that were asked for.")
    return PartPlan(facts.given.path, SourceObject(facts.given.uri, result.object), order, edit)
