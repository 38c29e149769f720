"""What is counted of one example: the input of the summary and a row of the verdict table.

What a media part is and how much of it training decodes is worked out once, by `beam_tuning.policy.example_facts`, and
travels here as `PartFacts`.

None of these can be part of a reference cycle, so the garbage collector need not look at them (`gc=False`): thousands
live at a time. Encoded they are arrays, which take half the time of maps with the names of the fields.
"""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.example import LineId, MediaPart
from beam_tuning.dataset.uri import Place
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure, ProbeResult
from beam_tuning.reasons import Finding, Reason, Verdict


class PartFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One media part: what the line says of it, and what probing found.

    Lengths are in nanoseconds, of the segment where one is given, and None when unknown.

    Attributes:
      given: the part as the line gives it.
      place: where the URI leads; None when tuning does not read it.
      kind: as declared, else as found.
      result: the probe's answer; None when there is none.
      size_bytes: of the object.
      file_ns: length of the whole file, of its longest stream.
      used_ns: what training decodes: of the sound of an audio file, of the pictures of a video.
      sound_ns: of the sound of a video; 0 without an audio track.
      length_ns: what is held against limits: `used_ns`, or the same of the whole file where the policy says so.
      longest_ns: the same where a video counts with its sound, which may last longer than its pictures.
    """

    given: MediaPart
    place: Place | None
    kind: MediaKind | None
    result: ProbeResult | None = None
    size_bytes: int | None = None
    file_ns: int | None = None
    used_ns: int | None = None
    sound_ns: int | None = None
    length_ns: int | None = None
    longest_ns: int | None = None

    @property
    def info(self) -> MediaInfo | None:
        """What the object is; None where probing has not found it."""
        media = None if self.result is None else self.result.media
        return media if isinstance(media, MediaInfo) else None

    @property
    def failure(self) -> ProbeFailure | None:
        """Why that is not known; None where it is, and where the object was not probed."""
        media = None if self.result is None else self.result.media
        return media if isinstance(media, ProbeFailure) else None


class TokenRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An estimate of input plus output tokens: both ends inclusive, because sources disagree."""

    low: int
    high: int


class WhatIf(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What would become of the example under one profile (models that share limits) and media resolution.

    Attributes:
      profile: key of the column, e.g. `gemini-2/MEDIA_RESOLUTION_LOW`.
      verdict: with every other finding unchanged.
      tokens: None when a duration is unknown.
      over: the limits that the example is over under this profile, for "what is then over which limit".
    """

    profile: str
    verdict: Verdict
    tokens: TokenRange | None
    over: tuple[Reason, ...] = ()


class FrameUse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an example has that becomes tokens, where its only pictures are frames of videos.

    Attributes:
      low, high: tokens of text and sound, which no media resolution changes.
      frames: of all its videos; how many tokens a frame is, a profile says.
    """

    low: int
    high: int
    frames: int


class JudgedExample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One example with its verdict and all that the summary, the tables and the report need.

    Attributes:
      size_bytes: of the line, without its newline.
      findings: all of them, in the order of the rules.
      media: the media parts in order of appearance.
      media_resolution: the global one as it was read, or None when absent or when the line could not be parsed.
      tokens: None when unknown.
      what_if: one entry for each profile; empty where every profile gives the same verdict and tokens, and where
        `frame_use` tells them.
      frame_use: where the example has this verdict under every profile, with the tokens that follow from this.
      as_given: the verdict on the line as it was read, without what this run does to the dataset beside judging it;
        None where it is the same.
      is_unwanted: whether it is dropped because a person wants it dropped, not for the service's sake.
      mended: reasons that the line has as it was read and not as it is judged.
      added_bytes: what the line that is written has more than the one that was read.
    """

    line_id: LineId
    size_bytes: int
    verdict: Verdict
    findings: tuple[Finding, ...]
    media: tuple[PartFacts, ...] = ()
    media_resolution: str | None = None
    text_chars: int = 0
    tokens: TokenRange | None = None
    prompt_start: str = ""
    what_if: tuple[WhatIf, ...] = ()
    as_given: Verdict | None = None
    is_unwanted: bool = False
    mended: tuple[Reason, ...] = ()
    added_bytes: int = 0
    answer_start: str = ""
    frame_use: FrameUse | None = None


def sampled_out(judged: JudgedExample) -> JudgedExample:
    """The same example, kept so far, left out of the sample; also where a what-if profile would keep it."""
    if not judged.what_if:
        return msgspec.structs.replace(judged, verdict=Verdict.SAMPLED_OUT)
    kept, left_out = Verdict.KEPT, Verdict.SAMPLED_OUT
    what_if = tuple(
        [WhatIf(one.profile, left_out, one.tokens, one.over) if one.verdict is kept else one for one in judged.what_if]
    )
    return msgspec.structs.replace(judged, verdict=left_out, what_if=what_if)
