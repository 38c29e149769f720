"""An example of a finished run that was not kept: what would bring it back. Pure: rows of tables in, a forecast out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from beam_tuning.dataset.example import LineId, MediaPart, Segment
from beam_tuning.line_edits.edits import EDITS
from beam_tuning.media.info import MediaKind, ProbeResult
from beam_tuning.media_repairs.plan import MediaOptions, MediaPlan, NoPlan, plan_of
from beam_tuning.policy.choices import LengthBasis
from beam_tuning.policy.comparison import is_unwanted
from beam_tuning.policy.example_facts import part_facts
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import Finding, Outcome, Reason, Verdict
from beam_tuning.repair_plan.work import Work, work_of
from beam_tuning.summary.judged_example import JudgedExample


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one example.

    Attributes:
      may_come_back: whether repairs exist for every reason that decides against it. Only the repair itself can tell
        whether they apply: an edit refuses what is ambiguous, and the new line is judged anew.
      repairs: their names, in the order in which they are made.
      examples: that come of it: more than one where its media are taken apart.
      source_uris, read_bytes: objects to fetch, and their size together.
      work: edits of these objects; other examples may share them.
      tokens_low, tokens_high: of the example as it stands; None where they are not known.
      left: codes of reasons that no repair mends, or of all where the media cannot be edited.
      why: why its media cannot be edited; empty where that is not the question.
    """

    line_id: LineId
    may_come_back: bool
    repairs: tuple[str, ...] = ()
    examples: int = 0
    source_uris: tuple[str, ...] = ()
    read_bytes: int = 0
    work: tuple[Work, ...] = ()
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
    facts = {one.given.path: one for one in judged.media}
    work = tuple(work_of(part, facts[part.path]) for part in plan.parts)
    sizes = {part.source.uri: part.source.info.size_bytes or 0 for part in plan.parts}
    return Forecast(
        line_id=line_id,
        may_come_back=True,
        repairs=tuple(dict.fromkeys(part.edit for part in plan.parts)),
        examples=sum(one.files for one in work) if plan.takes_apart else 1,
        source_uris=tuple(sizes),
        read_bytes=sum(sizes.values()),
        work=work,
        **tokens,
    )


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
