"""One line by itself, outside a run: its verdict and every reason."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.parse import parse_line
from beam_tuning.dataset.scan import scan_line
from beam_tuning.media.info import ProbeResult
from beam_tuning.policy.judge import judge
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import Finding, Verdict
from beam_tuning.summary.judged_example import TokenRange

#: Of a line that stands in no file.
_NOWHERE = LineId("", "", 1, 0)


class CheckedLine(msgspec.Struct, frozen=True):
    """What becomes of one line.

    Attributes:
      verdict: kept, dropped or undecided.
      findings: every reason that was found, advice included.
      media_uris: the distinct URIs that the line names, in the order of appearance.
      tokens: estimate of input plus output tokens; None when a length is not known.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    media_uris: tuple[str, ...]
    tokens: TokenRange | None


def check(policy: Policy, line: bytes, media: Mapping[str, ProbeResult]) -> CheckedLine:
    """Judges a line. Raises nothing, whatever the line and the media hold.

    Args:
      line: with or without its newline.
      media: what probing found, by URI.
    """
    content = without_newline(line)
    judged = judge(policy, _NOWHERE, len(content), parse_line(content), media)
    uris = dict.fromkeys(part.given.uri for part in judged.media)
    return CheckedLine(judged.verdict, judged.findings, tuple(uris), judged.tokens)


def media_of(line: bytes) -> list[str]:
    """The distinct URIs that a line names, whatever else is wrong with it."""
    return list(dict.fromkeys(scan_line(without_newline(line)).uris))


def without_newline(line: bytes) -> bytes:
    """A line as a dataset file gives it, less the newline that ends it."""
    return line.removesuffix(b"\n")
