"""What is counted of one example: the input of the summary and a row of the verdict table.

None of these can be part of a reference cycle, so the garbage collector need not look at them (`gc=False`): thousands
live at a time.
"""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.example import LineId, MediaPart
from beam_tuning.media.info import ProbeResult
from beam_tuning.reasons import Finding, Reason, Verdict


class TokenRange(msgspec.Struct, frozen=True, gc=False):
    """An estimate of input plus output tokens: both ends inclusive, because sources disagree."""

    low: int
    high: int


class WhatIf(msgspec.Struct, frozen=True, gc=False):
    """What would become of the example under one profile (models that share limits) and media resolution.

    Attributes:
      profile: key of the column, e.g. `gemini-2.5/MEDIA_RESOLUTION_LOW`.
      verdict: with every other finding unchanged.
      tokens: None when a duration is unknown.
      over: the limits that the example is over under this profile, for "what is then over which limit".
    """

    profile: str
    verdict: Verdict
    tokens: TokenRange | None
    over: tuple[Reason, ...] = ()


class JudgedExample(msgspec.Struct, frozen=True, gc=False):
    """One example with its verdict and all that the summary, the tables and the report need.

    Attributes:
      size_bytes: of the line, without its newline.
      findings: all of them, in the order of the rules.
      media: (part, what the probe said; None where the URI was not probed) in order of appearance.
      media_resolution: the global one, or None when absent or when the line could not be parsed.
      tokens: None when unknown.
      what_if: one entry for each profile; empty where every profile gives the same verdict and tokens.
    """

    line_id: LineId
    size_bytes: int
    verdict: Verdict
    findings: tuple[Finding, ...]
    media: tuple[tuple[MediaPart, ProbeResult | None], ...] = ()
    media_resolution: str | None = None
    text_chars: int = 0
    tokens: TokenRange | None = None
    prompt_start: str = ""
    what_if: tuple[WhatIf, ...] = ()
