"""What is counted over all examples: a commutative monoid of integers, bounded whatever the dataset's size.

`Summary.empty()` is the neutral element; `merge` is associative and commutative; equal multisets of examples give equal
`to_bytes()`, whatever the order and grouping in which they were added. Nothing here is a float, a time or a set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from beam_tuning.dataset.api_schema import ABSENT
from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import MediaKind
from beam_tuning.reasons import Finding, Outcome, Verdict
from beam_tuning.summary.distributions import BoundedCounts, Distribution
from beam_tuning.summary.judged_example import JudgedExample, WhatIf
from beam_tuning.summary.profile_counts import FrameCounts, ProfileCounts
from beam_tuning.summary.repair_counts import RepairCounts
from beam_tuning.summary.samples import SAMPLES_PER_REASON, Sample, keep_smallest, rank_of, sample_of

# Looking an enum's member up costs more than the counting: these are the same members, under names of the module.
_AUDIO, _VIDEO, _IMAGE, _DOCUMENT = MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.IMAGE, MediaKind.DOCUMENT
_KEPT, _SAMPLED_OUT, _LOCAL = Verdict.KEPT, Verdict.SAMPLED_OUT, Place.LOCAL
_NS_PER_MS = 1_000_000


class VerdictCounts(msgspec.Struct, array_like=True):
    """The examples of one split that have one verdict.

    Attributes:
      examples: how many.
      size_bytes: of their lines, without newlines.
      text_chars: characters that count as tokens.
      tokens_high: the upper ends of the token estimates; `tokens_low_sum` sums the lower ends.
      tokens_unknown: examples without an estimate.
      with_media, with_audio, ...: examples that hold at least one such part. An example may be in several.
      with_local: examples that name a file of this machine, which the tuning service cannot read.
      audio_ms, video_ms: `PartFacts.used_ns` of each part, where known.
      media_bytes: size of the object behind each part where it is known, an object used twice counted twice.
      length_unknown: audio and video parts of which it is not known.
      picture_resolutions: `generationConfig.mediaResolution` of each example that holds a video, an image or a
        document, which it changes; `ABSENT` where absent.
      other_resolutions: that of all other examples that could be parsed.
      part_resolutions: levels of parts (Gemini 3 and later), for each part that has one.
      added_bytes: what the lines have more as they are written than as they were read.
    """

    examples: int = 0
    size_bytes: Distribution = msgspec.field(default_factory=Distribution)
    text_chars: Distribution = msgspec.field(default_factory=Distribution)
    tokens_high: Distribution = msgspec.field(default_factory=Distribution)
    tokens_low_sum: int = 0
    tokens_unknown: int = 0
    with_media: int = 0
    with_audio: int = 0
    with_video: int = 0
    with_image: int = 0
    with_document: int = 0
    with_local: int = 0
    audio_ms: Distribution = msgspec.field(default_factory=Distribution)
    video_ms: Distribution = msgspec.field(default_factory=Distribution)
    media_bytes: Distribution = msgspec.field(default_factory=Distribution)
    length_unknown: int = 0
    picture_resolutions: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    other_resolutions: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    part_resolutions: BoundedCounts = msgspec.field(default_factory=BoundedCounts)
    added_bytes: int = 0

    def add_all(self, judged: Sequence[JudgedExample]) -> None:
        self.examples += len(judged)
        self.size_bytes.add_all([one.size_bytes for one in judged])
        self.text_chars.add_all([one.text_chars for one in judged])
        tokens = [one.tokens for one in judged if one.tokens is not None]
        self.tokens_high.add_all([one.high for one in tokens])
        self.tokens_low_sum += sum([one.low for one in tokens])
        self.tokens_unknown += len(judged) - len(tokens)
        self.added_bytes += sum([one.added_bytes for one in judged])
        without_pictures = self._add_media([one for one in judged if one.media])
        # A line that could not be parsed holds neither text nor media, and says nothing about its resolution.
        without_pictures += [one for one in judged if not one.media and (one.text_chars or one.media_resolution)]
        self.other_resolutions.add_all([one.media_resolution or ABSENT for one in without_pictures])

    def _add_media(self, with_media: Sequence[JudgedExample]) -> list[JudgedExample]:
        """Counts media; returns the examples among which no part is a video, an image or a document."""
        self.with_media += len(with_media)
        with_pictures, without_pictures = [], []
        audio_ms: list[int] = []
        video_ms: list[int] = []
        media_bytes: list[int] = []
        for one in with_media:
            has_audio = has_video = has_image = has_document = is_local = False
            for facts in one.media:
                if facts.given.media_resolution:
                    self.part_resolutions.add(facts.given.media_resolution)
                if facts.size_bytes is not None:
                    media_bytes.append(facts.size_bytes)
                kind = facts.kind
                if kind is _AUDIO or kind is _VIDEO:
                    used_ns = facts.used_ns
                    if used_ns is None:
                        self.length_unknown += 1
                    else:
                        lengths_ms = audio_ms if kind is _AUDIO else video_ms
                        lengths_ms.append((used_ns + _NS_PER_MS // 2) // _NS_PER_MS)
                has_audio |= kind is _AUDIO
                has_video |= kind is _VIDEO
                has_image |= kind is _IMAGE
                has_document |= kind is _DOCUMENT
                is_local |= facts.place is _LOCAL
            self.with_local += is_local
            self.with_audio += has_audio
            self.with_video += has_video
            self.with_image += has_image
            self.with_document += has_document
            if has_video or has_image or has_document:
                with_pictures.append(one.media_resolution or ABSENT)
            else:
                without_pictures.append(one)
        self.audio_ms.add_all(audio_ms)
        self.video_ms.add_all(video_ms)
        self.media_bytes.add_all(media_bytes)
        self.picture_resolutions.add_all(with_pictures)
        return without_pictures

    def merge(self, other: VerdictCounts) -> None:
        for field in self.__struct_fields__:
            theirs = getattr(other, field)
            if isinstance(theirs, int):
                setattr(self, field, getattr(self, field) + theirs)
            else:
                getattr(self, field).merge(theirs)

    def sort(self) -> None:
        for field in self.__struct_fields__:
            value = getattr(self, field)
            if not isinstance(value, int):
                value.sort()


class ReasonCounts(msgspec.Struct, array_like=True):
    """Examples of one split that have one reason.

    Attributes:
      examples: how many; an example that has the reason twice counts once.
      alone: of these, the ones that are dropped or undecided for this reason only: mending it keeps them.
      samples: those with the smallest ranks.
    """

    examples: int = 0
    alone: int = 0
    samples: list[Sample] = []

    def add(self, judged: JudgedExample, finding: Finding, *, rank: int, alone: bool) -> None:
        self.examples += 1
        self.alone += alone
        samples = self.samples
        if len(samples) < SAMPLES_PER_REASON or rank <= samples[-1].rank:
            self.samples = keep_smallest(samples, [sample_of(rank, judged, finding)], SAMPLES_PER_REASON)

    def merge(self, other: ReasonCounts) -> None:
        self.examples += other.examples
        self.alone += other.alone
        self.samples = keep_smallest(self.samples, other.samples, SAMPLES_PER_REASON)


class SplitSummary(msgspec.Struct, array_like=True):
    """What is counted of one split.

    Attributes:
      blank_lines: lines of white space only, which are no examples.
      by_verdict: by the value of a `Verdict`, all of which are there.
      reasons: by code; only those that occur.
      what_if: by profile, the examples on which profiles differ.
      same_for_all: the examples on which they do not.
      by_frame: the examples on which they differ by the tokens of a video frame alone. Under a profile all three count.
      as_given: by verdict, how many examples more (or fewer) have it as they were read than as they are judged.
      unwanted: dropped examples that a person wants dropped, not for the service's sake.
      mended: by code, examples that have a reason as they were read and not as they are judged.
      repairs: what a repair did; None where none was made.
    """

    blank_lines: int = 0
    by_verdict: dict[str, VerdictCounts] = msgspec.field(
        default_factory=lambda: {verdict.value: VerdictCounts() for verdict in Verdict}
    )
    reasons: dict[str, ReasonCounts] = {}
    what_if: dict[str, ProfileCounts] = {}
    same_for_all: ProfileCounts = msgspec.field(default_factory=ProfileCounts)
    as_given: dict[str, int] = {}
    unwanted: int = 0
    mended: dict[str, int] = {}
    repairs: RepairCounts | None = None
    by_frame: FrameCounts = msgspec.field(default_factory=FrameCounts)

    def add_repairs(self, counts: RepairCounts) -> None:
        """Counts what a repair did."""
        if self.repairs is None:
            self.repairs = RepairCounts()
        self.repairs.merge(counts)

    @property
    def read(self) -> int:
        return sum(counts.examples for counts in self.by_verdict.values())

    @property
    def kept(self) -> int:
        return self.by_verdict[Verdict.KEPT].examples

    @property
    def dropped(self) -> int:
        return self.by_verdict[Verdict.DROPPED].examples

    @property
    def undecided(self) -> int:
        return self.by_verdict[Verdict.UNDECIDED].examples

    @property
    def sampled_out(self) -> int:
        return self.by_verdict[Verdict.SAMPLED_OUT].examples

    def given(self, verdict: Verdict) -> int:
        """Examples that have this verdict as they were read."""
        return self.by_verdict[verdict].examples + self.as_given.get(verdict.value, 0)

    def add_all(self, judged: Sequence[JudgedExample]) -> None:
        for verdict in Verdict:
            self.by_verdict[verdict].add_all([one for one in judged if one.verdict is verdict])
        for one in judged:
            if one.as_given is not None:
                _add_counts(self.as_given, {one.as_given.value: 1})
                _add_counts(self.as_given, {one.verdict.value: -1})
                self.unwanted += one.is_unwanted
                _add_counts(self.mended, Counter(reason.code for reason in one.mended))
        for one in judged:
            if one.findings:
                self._add_findings(one)
        self.by_frame.add_all([one for one in judged if one.frame_use is not None])
        self.same_for_all.add_all([one for one in judged if not one.what_if and one.frame_use is None])
        by_profile: dict[str, list[WhatIf]] = {}
        for one in judged:
            for what_if in one.what_if:
                by_profile.setdefault(what_if.profile, []).append(what_if)
        for profile, what_ifs in by_profile.items():
            counts = self.what_if.setdefault(profile, ProfileCounts())
            counts.add_all(what_ifs)
            counts.add_over(reason for what_if in what_ifs if what_if.over for reason in what_if.over)

    def _add_findings(self, judged: JudgedExample) -> None:
        first_of_each = {finding.reason.name: finding for finding in reversed(judged.findings)}
        deciding = sum(finding.reason.outcome is not Outcome.ADVICE for finding in first_of_each.values())
        # Every finding of a kept example is advice or tolerated, so none of them keeps it out.
        is_kept_out = judged.verdict is not _KEPT and judged.verdict is not _SAMPLED_OUT
        rank = rank_of(judged.line_id)
        for code, finding in first_of_each.items():
            counts = self.reasons.get(code)
            if counts is None:
                counts = self.reasons[code] = ReasonCounts()
            alone = is_kept_out and deciding == 1 and finding.reason.outcome is not Outcome.ADVICE
            counts.add(judged, finding, rank=rank, alone=alone)

    def merge(self, other: SplitSummary) -> None:
        self.blank_lines += other.blank_lines
        for verdict, verdict_counts in other.by_verdict.items():
            self.by_verdict[verdict].merge(verdict_counts)
        for code, reason_counts in other.reasons.items():
            self.reasons.setdefault(code, ReasonCounts()).merge(reason_counts)
        for profile, profile_counts in other.what_if.items():
            self.what_if.setdefault(profile, ProfileCounts()).merge(profile_counts)
        self.same_for_all.merge(other.same_for_all)
        self.by_frame.merge(other.by_frame)
        self.unwanted += other.unwanted
        _add_counts(self.as_given, other.as_given)
        _add_counts(self.mended, other.mended)
        if other.repairs is not None:
            self.add_repairs(other.repairs)

    def sort(self) -> None:
        for counts in self.by_verdict.values():
            counts.sort()
        self.reasons = dict(sorted(self.reasons.items()))
        self.what_if = dict(sorted(self.what_if.items()))
        self.as_given = dict(sorted(self.as_given.items()))
        self.mended = dict(sorted(self.mended.items()))
        if self.repairs is not None:
            self.repairs.sort()
        for profile in (*self.what_if.values(), self.same_for_all):
            profile.over = dict(sorted(profile.over.items()))


class Summary(msgspec.Struct, array_like=True):
    """Everything that is counted over the examples of a run. Splits are there once something of them was counted."""

    splits: dict[str, SplitSummary] = {}

    @classmethod
    def empty(cls) -> Summary:
        """The neutral element."""
        return cls()

    def add(self, judged: JudgedExample) -> None:
        """Count one example."""
        self.add_all((judged,))

    def add_all(self, judged: Sequence[JudgedExample]) -> None:
        """Count many examples, such as a pack: many at once cost a third of one by one."""
        by_split: dict[str, list[JudgedExample]] = {}
        for one in judged:
            by_split.setdefault(one.line_id.split, []).append(one)
        for name, examples in by_split.items():
            self.splits.setdefault(name, SplitSummary()).add_all(examples)

    def add_blank_lines(self, split: str, count: int) -> None:
        """Count lines that hold white space only; they are no examples. A count of 0 still makes the split known."""
        self.splits.setdefault(split, SplitSummary()).blank_lines += count

    def add_repairs(self, split: str, counts: RepairCounts) -> None:
        """Counts what a repair did in a split."""
        self.splits.setdefault(split, SplitSummary()).add_repairs(counts)

    def merge(self, other: Summary) -> Summary:
        """Add another summary to this one, which is returned; the other is left as it was."""
        for name, split in other.splits.items():
            self.splits.setdefault(name, SplitSummary()).merge(split)
        return self

    def to_bytes(self) -> bytes:
        """A compact encoding; equal summaries have equal bytes."""
        self.splits = dict(sorted(self.splits.items()))
        for split in self.splits.values():
            split.sort()
        return _ENCODER.encode(self)

    def __reduce__(self) -> tuple[object, ...]:
        return Summary.from_bytes, (self.to_bytes(),)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Summary:
        """The summary that `to_bytes` wrote."""
        return _DECODER.decode(encoded)


def _add_counts(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Summary)
