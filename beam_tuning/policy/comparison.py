"""What comparing examples with one another says of one of them, as findings, and what a person wants dropped for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from beam_tuning.curation.leaks import Leak, overlaps, segment_of
from beam_tuning.curation.repeats import Marks, Place
from beam_tuning.policy.judged_line import JudgedLine
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import Finding, FindingList, Reason, Verdict
from beam_tuning.summary.judged_example import JudgedExample, PartFacts

_LEAKS = frozenset({Reason.EXAMPLE_IN_BOTH_SPLITS, Reason.MEDIA_IN_BOTH_SPLITS, Reason.MEDIA_SEGMENTS_IN_BOTH_SPLITS})
_SAYS = {
    Reason.EXAMPLE_DUPLICATE: "the same example is in {where}",
    Reason.EXAMPLE_CONFLICT: "the same input has a different answer in {where}",
    Reason.EXAMPLE_IN_BOTH_SPLITS: "the same input is in {split} too, in {where}",
}


class Comparison:
    """What was found of the lines of one shard.

    Args:
      first_lines: number of the first line of every pack, by its key.
    """

    def __init__(self, marks: Iterable[Marks], leaks: Iterable[Leak], first_lines: Mapping[bytes, int]) -> None:
        self._first_lines = first_lines
        self._of_pack: dict[bytes, dict[int, list[Marks]]] = {}
        for some in marks:
            of_pack = self._of_pack.setdefault(some.pack_key, {})
            for lines_before in some.lines_before:
                of_pack.setdefault(lines_before, []).append(some)
        self._leaks = {leak.uri: leak for leak in leaks}

    def judge(self, policy: Policy, line: JudgedLine, pack_key: bytes, lines_before: int) -> JudgedExample:
        """The example with what was found of it; dropped where the policy says so."""
        judged = line.example
        if not line.is_compared:
            return judged
        of_pack = self._of_pack.get(pack_key)
        marks = () if of_pack is None else of_pack.get(lines_before, ())
        if not marks and not (self._leaks and judged.media):
            return judged
        findings = FindingList()
        for mark in sorted(marks, key=lambda mark: (mark.code, mark.other)):
            reason = Reason[mark.code]
            where = self._where(mark.other)
            message = _SAYS[reason].format(where=where, split=mark.other.split)
            findings.add(Finding(reason, message, observed=where))
        for part in judged.media:
            leak = self._leaks.get(part.given.uri)
            if leak is not None:
                findings.add(self._leak(part, leak))
        found = findings.as_tuple()
        return with_comparison(policy, judged, found) if found else judged

    def _leak(self, part: PartFacts, leak: Leak) -> Finding:
        segment, where = segment_of(part.given), self._where(leak.other)
        same = "the object" if leak.other_uri == part.given.uri else f"an object with the same bytes, {leak.other_uri},"
        stands = f"{same} is in {leak.other.split} too, in {where}"
        path = f"{part.given.path}.fileData.fileUri"
        if overlaps(segment, leak.segments):
            return Finding(Reason.MEDIA_IN_BOTH_SPLITS, stands, path, where)
        return Finding(Reason.MEDIA_SEGMENTS_IN_BOTH_SPLITS, f"{stands}, with other segments", path, where)

    def _where(self, place: Place) -> str:
        return f"{place.path}:{self._first_lines[place.pack_key] + place.lines_before}"


def with_comparison(policy: Policy, judged: JudgedExample, found: tuple[Finding, ...]) -> JudgedExample:
    """The example with findings that a comparison made; dropped where the policy says so."""
    findings = judged.findings + found
    if not any(is_unwanted(policy, finding.reason, judged.line_id.split) for finding in found):
        return msgspec.structs.replace(judged, findings=findings)
    if judged.verdict is Verdict.DROPPED:
        return msgspec.structs.replace(judged, findings=findings)
    what_if = tuple(msgspec.structs.replace(one, verdict=Verdict.DROPPED) for one in judged.what_if)
    return msgspec.structs.replace(
        judged,
        findings=findings,
        verdict=Verdict.DROPPED,
        what_if=what_if,
        as_given=judged.as_given or judged.verdict,
        is_unwanted=True,
        added_bytes=0,
    )


def is_unwanted(policy: Policy, reason: Reason, split: str) -> bool:
    """Whether examples of the split are dropped for this reason because a person wants it."""
    if reason is Reason.EXAMPLE_DUPLICATE:
        return policy.drop_duplicates
    return reason in _LEAKS and policy.drop_leaks == split
