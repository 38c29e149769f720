"""An example of a finished run that was not kept: what would bring it back. Pure: rows of tables in, a forecast out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.line_edits.edits import EDITS
from beam_tuning.media.edit.wanted import SECOND_NS
from beam_tuning.media.info import MediaKind, ProbeResult
from beam_tuning.media_repairs.plan import MediaOptions, MediaPlan, NoPlan, PartPlan, plan_of
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.comparison import is_unwanted
from beam_tuning.policy.example_facts import part_facts
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import Finding, Outcome, Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one example.

    Attributes:
      may_come_back: whether repairs exist for every reason that decides against it. Only the repair itself can tell
        whether they apply: an edit refuses what is ambiguous, and the new line is judged anew.
      repairs: their names, in the order in which they are made.
      examples: that come of it: more than one where its media are taken apart.
      files: to write.
      source_uris, read_bytes: objects to fetch, and their size together.
      write_bytes: at most.
      media_s: seconds of media in the new files, which are encoded where copying does not do.
      tokens_low, tokens_high: of the example as it stands; None where they are not known.
      left: codes of reasons that no repair mends, or of all where the media cannot be edited.
      why: why its media cannot be edited; empty where that is not the question.
    """

    line_id: LineId
    may_come_back: bool
    repairs: tuple[str, ...] = ()
    examples: int = 0
    files: int = 0
    source_uris: tuple[str, ...] = ()
    read_bytes: int = 0
    write_bytes: int = 0
    media_s: float = 0.0
    tokens_low: int | None = None
    tokens_high: int | None = None
    left: tuple[str, ...] = ()
    why: str = ""


def forecast(
    row: Mapping[str, Any],
    media: Mapping[str, ProbeResult],
    policy: Policy,
    edits: Collection[str],
    options: MediaOptions | None,
) -> Forecast:
    """The forecast for one row of a verdict table.

    Args:
      media: what the run found, by URI.
      edits: names of the edits of lines that may be made.
      options: for edits of media; None where none may be made.
    """
    line_id = LineId(row["split"], row["file"], row["line"], row["offset_bytes"])
    tokens = {"tokens_low": row["tokens_low"], "tokens_high": row["tokens_high"]}
    judged = _judged(line_id, row, media, policy)
    deciding = [
        finding.reason
        for finding in judged.findings
        if finding.reason.outcome is not Outcome.ADVICE and finding.reason not in policy.tolerated
    ]
    unwanted = [
        finding.reason for finding in judged.findings if is_unwanted(policy, finding.reason, judged.line_id.split)
    ]
    if unwanted:
        left_out = _codes(dict.fromkeys([*deciding, *unwanted]))
        return Forecast(line_id=line_id, may_come_back=False, left=left_out, **tokens)
    wanted = [edit for edit in EDITS if edit.name in edits and not edit.mends.isdisjoint(deciding)]
    left = [reason for reason in dict.fromkeys(deciding) if not any(reason in edit.mends for edit in wanted)]
    if not left:
        names = tuple(edit.name for edit in wanted)
        return Forecast(line_id=line_id, may_come_back=bool(names), repairs=names, examples=int(bool(names)), **tokens)
    plan = None if options is None else plan_of(judged, policy.limits, policy.tolerated, options)
    if not isinstance(plan, MediaPlan):
        why = plan.why if isinstance(plan, NoPlan) else ""
        return Forecast(line_id=line_id, may_come_back=False, left=_codes(left), why=why, **tokens)
    files = sum(_pieces(part, judged) for part in plan.parts)
    sizes = {part.source.uri: part.source.info.size_bytes or 0 for part in plan.parts}
    return Forecast(
        line_id=line_id,
        may_come_back=True,
        repairs=tuple(dict.fromkeys(part.edit for part in plan.parts)),
        examples=files if plan.takes_apart else 1,
        files=files,
        source_uris=tuple(sizes),
        read_bytes=sum(sizes.values()),
        write_bytes=sum(_most_bytes(part, judged) for part in plan.parts),
        media_s=sum(_length_ns(part, judged) for part in plan.parts) / SECOND_NS,
        **tokens,
    )


def _pieces(part: PartPlan, judged: JudgedExample) -> int:
    if part.order.longest_ns is None:
        return 1
    advance_ns = max(1, part.order.longest_ns - part.order.overlap_ns)
    return max(1, -(-(_length_ns(part, judged) - part.order.overlap_ns) // advance_ns))


def _length_ns(part: PartPlan, judged: JudgedExample) -> int:
    facts = next(one for one in judged.media if one.given.path == part.path)
    stop_ns = facts.file_ns if part.order.stop_ns is None else part.order.stop_ns
    return max(0, (stop_ns or 0) - part.order.start_ns)


def _most_bytes(part: PartPlan, judged: JudgedExample) -> int:
    """The share of the source that is kept, and never more than the limits allow."""
    facts = next(one for one in judged.media if one.given.path == part.path)
    source_bytes = part.source.info.size_bytes or 0
    share_bytes = source_bytes * _length_ns(part, judged) // max(1, facts.file_ns or 1)
    limit_bytes = None if part.order.max_bytes is None else part.order.max_bytes * _pieces(part, judged)
    return share_bytes if limit_bytes is None else min(share_bytes, limit_bytes)


def _codes(reasons: Collection[Reason]) -> tuple[str, ...]:
    return tuple(reason.code for reason in reasons)


def _judged(line_id: LineId, row: Mapping[str, Any], media: Mapping[str, ProbeResult], policy: Policy) -> JudgedExample:
    """As far as a plan needs it, from the table."""
    of_segment = policy.length_basis is LengthBasis.SEGMENT
    parts = tuple(part_facts(_part(one), media, of_segment=of_segment) for one in row["media"])
    findings = tuple(
        Finding(Reason[one["code"]], one["message"], one["path"])
        for one in row["findings"]
        if one["code"] in Reason.__members__
    )
    return JudgedExample(
        line_id,
        row["size_bytes"],
        Verdict(row["verdict"]),
        findings,
        parts,
        row["media_resolution"],
    )


def _part(given: Mapping[str, Any]) -> MediaPart:
    times = given["start_ns"], given["end_ns"], given["fps"]
    segment = None if times == (None, None, None) else Segment(*times)
    kind = None if given["kind"] is None else MediaKind(given["kind"])
    return MediaPart(
        given["path"], given["role"], given["uri"], given["mime_type"], kind, segment, given["media_resolution"]
    )
