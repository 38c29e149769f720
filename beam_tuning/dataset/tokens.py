"""An estimate of the tokens of one example, as a range, because public sources disagree.

    text    bytes of UTF-8 / bytes a token
    audio   each file and each video's audio track: seconds x tokens a second, rounded up
    video   frames x tokens a frame; frames = seconds x fps, rounded up, 1 fps unless the example says otherwise
    image   tokens of an image at its media resolution

Seconds are those of the segment where one is given: training decodes only that
(https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video). Tokens of documents are not known,
for a probe does not count their pages. The rates are passed in; `beam_tuning.policy` holds them with their sources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

_NS_PER_S = 1_000_000_000


class TokenRates(msgspec.Struct, frozen=True):
    """(low, high) of each rate; by media resolution where it depends on that, with None for an absent one.

    Attributes:
      text_bytes_per_token: the low end gives the high estimate.
    """

    text_bytes_per_token: tuple[float, float]
    audio_per_s: tuple[float, float]
    video_per_frame: Mapping[str | None, tuple[int, int]]
    image: Mapping[str | None, tuple[int, int]]


class Pictures(msgspec.Struct, frozen=True, gc=False):
    """The pictures of an example that share a level.

    Attributes:
      level: that their parts set for themselves; None where the example's media resolution counts.
      frames: of videos.
      images: number of images.
    """

    level: str | None
    frames: int
    images: int


class TokenUsage(msgspec.Struct, frozen=True):
    """What of an example becomes tokens.

    Attributes:
      audio_ns: length of each audio file and of each video's audio track.
    """

    text_bytes: int
    audio_ns: tuple[int, ...] = ()
    pictures: tuple[Pictures, ...] = ()


def frames_of(length_ns: int, fps: float | None) -> int:
    """Frames that are sampled from this much video; one at least."""
    return max(1, math.ceil(length_ns * (fps or 1) / _NS_PER_S))


def text_and_audio_tokens(usage: TokenUsage, rates: TokenRates) -> tuple[int, int]:
    """(low, high) of the part of the estimate that no media resolution changes."""
    low_bytes, high_bytes = rates.text_bytes_per_token
    low = math.floor(usage.text_bytes / high_bytes)
    high = math.ceil(usage.text_bytes / low_bytes)
    for audio_ns in usage.audio_ns:
        low += math.ceil(audio_ns * rates.audio_per_s[0] / _NS_PER_S)
        high += math.ceil(audio_ns * rates.audio_per_s[1] / _NS_PER_S)
    return low, high


def picture_tokens(
    usage: TokenUsage, rates: TokenRates, media_resolution: str | None, *, part_levels: bool
) -> tuple[int, int] | None:
    """(low, high) of the part of the estimate that a media resolution changes; None when there is no rate for it.

    Args:
      media_resolution: of the example as a whole.
      part_levels: whether the model honours the media resolution of a part.
    """
    low = high = 0
    for pictures in usage.pictures:
        resolution = pictures.level if pictures.level and part_levels else media_resolution
        frames, images = pictures.frames, pictures.images
        if frames:
            rate = rates.video_per_frame.get(resolution)
            if rate is None:
                return None
            low += frames * rate[0]
            high += frames * rate[1]
        if images:
            rate = rates.image.get(resolution)
            if rate is None:
                return None
            low += images * rate[0]
            high += images * rate[1]
    return low, high


class TokenSource(NamedTuple):
    """How tokens of one kind of content are estimated, and the page that says so."""

    subject: str
    formula: str
    source: str


def tokens_sources() -> tuple[TokenSource, ...]:
    """The formulas of the estimate, for documents and reports. The rates' own sources stand with the rates."""
    return (
        TokenSource(
            "text",
            "characters of all texts, of the system instruction, of function calls and of tools, in bytes of UTF-8, "
            "divided by bytes a token",
            "https://ai.google.dev/gemini-api/docs/tokens",
        ),
        TokenSource(
            "audio",
            "seconds x tokens a second, rounded up for each file and for each video that has an audio track",
            "https://ai.google.dev/gemini-api/docs/audio",
        ),
        TokenSource(
            "video",
            "seconds of the segment (else of the file) x fps (else 1), rounded up, x tokens a frame at the media "
            "resolution",
            "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video",
        ),
        TokenSource(
            "image",
            "tokens of an image at the media resolution",
            "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/image",
        ),
        TokenSource(
            "document",
            "unknown: a probe does not count pages",
            "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/document",
        ),
    )
