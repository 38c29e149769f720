"""An example that edits of its media bring back: planned, and after the files are there, written and judged anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from beam_tuning.edited_media.orders import Delivered, Delivery, NotDelivered, Order
from beam_tuning.line_edits.line import Line
from beam_tuning.media_repairs.lines import RepairedLine, refusal_of, repaired_lines
from beam_tuning.media_repairs.plan import MediaOptions, MediaPlan, NoPlan, PartPlan, plan_of
from beam_tuning.media_repairs.texts import Refused, TimeChange, TimesMode
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import Finding, Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.repaired import MediaChange

_REASONS = {
    "cut": Reason.REPAIR_CUT,
    "remux": Reason.REPAIR_REMUX,
    "downscale": Reason.REPAIR_DOWNSCALE,
    "chunk": Reason.REPAIR_CHUNK,
    "audio": Reason.REPAIR_AUDIO,
}
#: Names of the edits of media, as people choose them.
NAMES = tuple(_REASONS)


class MediaRepair(msgspec.Struct, frozen=True):
    """How examples are brought back by edits of their media.

    Attributes:
      edits: names that may be made.
      times_fields: JSON paths that hold times; none for those that are told by their names.
    """

    edits: tuple[str, ...]
    tolerance_ns: int
    overlap_ns: int = 0
    times: TimesMode = TimesMode.STRICT
    times_fields: tuple[str, ...] = ()

    def orders(self, line: bytes, judged: JudgedExample, policy: Policy) -> tuple[PartPlan, ...]:
        """What is to be made for an example; nothing where its texts stand against it in any case."""
        plan = self.plan(judged, policy)
        seen = Line.of(line, judged, policy.limits) if isinstance(plan, MediaPlan) else None
        if seen is None or not isinstance(plan, MediaPlan):
            return ()
        return () if refusal_of(seen, plan, times=self.times, fields=self.times_fields) else plan.parts

    def plan(self, judged: JudgedExample, policy: Policy) -> MediaPlan | NoPlan | None:
        """See `plan_of`."""
        options = MediaOptions(self.tolerance_ns, self.overlap_ns, frozenset(self.edits))
        return plan_of(judged, policy.limits, policy.tolerated, options)


class BackAs(NamedTuple):
    """One example that came back.

    Attributes:
      judged: without the findings of what was done.
      media: the new files that it names.
    """

    line: bytes
    judged: JudgedExample
    done: tuple[Finding, ...]
    times: tuple[TimeChange, ...]
    media: tuple[MediaChange, ...] = ()


class StaysLost(NamedTuple):
    """Why the example stays as it was."""

    finding: Finding


#: What was delivered of an order of a source's URI.
Deliveries = Mapping[tuple[str, Order], Delivery]


def bring_back(
    line: bytes,
    judged: JudgedExample,
    repair: MediaRepair,
    policy: Policy,
    deliveries: Deliveries,
    judge: Callable[[bytes], JudgedExample],
) -> list[BackAs] | StaysLost | None:
    """The examples that a dropped one becomes; None where edits of its media are not what it needs.

    All of them are kept, or the example stays lost.

    Args:
      line: after the edits of the line.
      judged: of that line.
      judge: knows the new files as well.
    """
    plan = repair.plan(judged, policy)
    if plan is None:
        return None
    if isinstance(plan, NoPlan):
        return StaysLost(Finding(Reason.REPAIR_MEDIA_FAILED, plan.why))
    seen = Line.of(line, judged, policy.limits)
    if seen is None:
        return StaysLost(Finding(Reason.REPAIR_MEDIA_FAILED, "The line gives a key twice."))
    refused = refusal_of(seen, plan, times=repair.times, fields=repair.times_fields)
    if refused is not None:
        return _ambiguous(refused)
    found: dict[str, Delivered] = {}
    for part in plan.parts:
        delivery = deliveries.get((part.source.uri, part.order), NotDelivered("was not made"))
        if isinstance(delivery, NotDelivered):
            message = f"the file {delivery.why}"
            return StaysLost(Finding(Reason.REPAIR_MEDIA_FAILED, message, part.path, part.source.uri))
        found[part.path] = delivery
    lines = repaired_lines(seen, plan, found, times=repair.times, fields=repair.times_fields)
    if isinstance(lines, Refused):
        return _ambiguous(lines)
    back: list[BackAs] = []
    for one in lines:
        anew = judge(one.line)
        if anew.verdict is not Verdict.KEPT:
            codes = ", ".join(dict.fromkeys(finding.reason.code for finding in anew.findings))
            message = f"the new file was made, and the example is {anew.verdict.value} all the same: {codes}"
            return StaysLost(Finding(Reason.REPAIR_MEDIA_FAILED, message, plan.parts[0].path))
        back.append(BackAs(one.line, anew, _done(plan.parts, one), one.changes, _media(judged, one)))
    return back


def _ambiguous(refused: Refused) -> StaysLost:
    message = f"{json.dumps(refused.text, ensure_ascii=False)} {refused.why}"
    return StaysLost(Finding(Reason.REPAIR_TIMES_AMBIGUOUS, message, refused.path, refused.text))


def _done(parts: tuple[PartPlan, ...], line: RepairedLine) -> tuple[Finding, ...]:
    files = dict(line.files)
    findings = []
    for part in parts:
        file = files[part.path]
        made = file.made
        start_s, stop_s = made.start_ns / 1e9, (made.start_ns + made.duration_ns) / 1e9
        message = f"{file.uri} is {start_s:.3f} s to {stop_s:.3f} s of {part.source.uri} ({made.how})"
        findings.append(Finding(_REASONS[part.edit], message, part.path, part.source.uri, file.uri))
    return tuple(findings)


def _media(before: JudgedExample, line: RepairedLine) -> tuple[MediaChange, ...]:
    parts = {facts.given.path: facts for facts in before.media}
    return tuple(
        MediaChange(
            path=path,
            kind=str(parts[path].kind),
            source_uri=parts[path].given.uri,
            source_mime_type=parts[path].given.mime_type,
            start_ns=file.made.start_ns,
            stop_ns=file.made.start_ns + file.made.duration_ns,
            uri=file.uri,
            mime_type=file.made.mime_type,
        )
        for path, file in line.files
    )
