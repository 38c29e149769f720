"""What is counted of the examples under one what-if profile: a model and a media resolution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from beam_tuning.reasons import Reason, Verdict
from beam_tuning.summary.judged_example import FrameUse, JudgedExample, TokenRange, WhatIf

# Looking an enum's member up costs more than the counting: these are the same members, under names of the module.
_KEPT, _DROPPED, _SAMPLED_OUT = Verdict.KEPT, Verdict.DROPPED, Verdict.SAMPLED_OUT


class ProfileCounts(msgspec.Struct, array_like=True):
    """Examples under one what-if profile; tokens are those of kept examples.

    Attributes:
      over: examples by the code of each limit that they are over.
      sampled_out: examples that would be kept, but are not in the sample that was asked for.
    """

    kept: int = 0
    dropped: int = 0
    undecided: int = 0
    tokens_low: int = 0
    tokens_high: int = 0
    tokens_unknown: int = 0
    over: dict[str, int] = {}
    sampled_out: int = 0

    def add_all(self, outcomes: Sequence[JudgedExample | WhatIf]) -> None:
        self.add_outcomes(outcomes, [one.tokens for one in outcomes if one.verdict is _KEPT])

    def add_outcomes(
        self, outcomes: Sequence[JudgedExample | WhatIf], kept: Sequence[TokenRange | FrameUse | None]
    ) -> None:
        """Counts outcomes.

        Args:
          kept: what is known of the tokens of each that is kept.
        """
        tokens = [one for one in kept if one is not None]
        self.kept += len(kept)
        self.tokens_low += sum([one.low for one in tokens])
        self.tokens_high += sum([one.high for one in tokens])
        self.tokens_unknown += len(kept) - len(tokens)
        if len(kept) < len(outcomes):
            dropped = sum([one.verdict is _DROPPED for one in outcomes])
            left_out = sum([one.verdict is _SAMPLED_OUT for one in outcomes])
            self.dropped += dropped
            self.sampled_out += left_out
            self.undecided += len(outcomes) - len(kept) - dropped - left_out

    def add_over(self, reasons: Iterable[Reason]) -> None:
        for reason, examples in Counter(reasons).items():
            self.over[reason.code] = self.over.get(reason.code, 0) + examples

    def merge(self, other: ProfileCounts) -> None:
        self.kept += other.kept
        self.dropped += other.dropped
        self.undecided += other.undecided
        self.sampled_out += other.sampled_out
        self.tokens_low += other.tokens_low
        self.tokens_high += other.tokens_high
        self.tokens_unknown += other.tokens_unknown
        for code, count in other.over.items():
            self.over[code] = self.over.get(code, 0) + count


class FrameCounts(msgspec.Struct, array_like=True):
    """Examples on which profiles differ by the tokens of a video frame alone.

    Attributes:
      counts: under every profile, with the tokens of text and sound alone.
      frames: of the videos of kept examples.
    """

    counts: ProfileCounts = msgspec.field(default_factory=ProfileCounts)
    frames: int = 0

    def add_all(self, judged: Sequence[JudgedExample]) -> None:
        """Counts examples with a `frame_use`."""
        kept = [one.frame_use for one in judged if one.verdict is _KEPT]
        self.counts.add_outcomes(judged, kept)
        self.frames += sum([one.frames for one in kept if one is not None])

    def under(self, frame_tokens: tuple[int, int] | None) -> ProfileCounts:
        """The examples under a profile.

        Args:
          frame_tokens: (low, high) of a frame; None when not known.
        """
        counts = ProfileCounts()
        counts.merge(self.counts)
        if frame_tokens is None:
            counts.tokens_low = counts.tokens_high = 0
            counts.tokens_unknown = counts.kept
        else:
            counts.tokens_low += self.frames * frame_tokens[0]
            counts.tokens_high += self.frames * frame_tokens[1]
        return counts

    def merge(self, other: FrameCounts) -> None:
        self.counts.merge(other.counts)
        self.frames += other.frames
