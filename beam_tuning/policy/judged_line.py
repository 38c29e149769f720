"""One line judged as it will be written, beside what is said of it as it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from beam_tuning.curation.set_resolution import with_media_resolution
from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.parse import ParsedLine, parse_line
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.judge import Policy, judge
from beam_tuning.reasons import Verdict, verdict_of
from beam_tuning.summary.judged_example import JudgedExample


class JudgedLine(NamedTuple):
    """A line and what became of it.

    Attributes:
      text: to be written where the example is kept. It has no byte order mark: one is legal only where a file begins,
        and in a shard the line may stand elsewhere.
      is_compared: whether the line could be kept as it is written. Else it is not compared with others, and no other
        with it (`curation.example_keys`).
    """

    example: JudgedExample
    text: bytes
    is_compared: bool


def judge_line(policy: Policy, line_id: LineId, line: bytes, media: Mapping[str, ProbeResult]) -> JudgedLine:
    """Judges a line. Where the policy sets a media resolution, the line is judged with that. Raises nothing.

    Args:
      line: as it was read, without its newline.
      media: as for `judge`.
    """
    parsed = parse_line(line)
    text = without_byte_order_mark(line)
    wanted = policy.set_resolution
    example = parsed.example
    if wanted is None or example is None or example.media_resolution == wanted:
        judged = judge(policy, line_id, len(line), parsed, media)
        return JudgedLine(judged, text, _is_compared(parsed))
    changed = with_media_resolution(text, wanted)
    of_changed = parse_line(changed)
    judged = judge(policy, line_id, len(line), of_changed, media)
    judged = msgspec.structs.replace(
        judged, media_resolution=example.media_resolution, added_bytes=len(changed) - len(text)
    )
    if example.media or parsed.findings:
        as_given = judge(policy, line_id, len(line), parsed, media, with_what_if=False)
        stay = {finding.reason for finding in judged.findings}
        gone = dict.fromkeys(finding.reason for finding in as_given.findings if finding.reason not in stay)
        if gone or as_given.verdict is not judged.verdict:
            judged = msgspec.structs.replace(judged, as_given=as_given.verdict, mended=tuple(gone))
    return JudgedLine(judged, changed, _is_compared(of_changed))


def _is_compared(parsed: ParsedLine) -> bool:
    return not parsed.findings or verdict_of(parsed.findings) is not Verdict.DROPPED
