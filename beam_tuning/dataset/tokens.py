"""An estimate of the tokens of one example, as a range, because public sources disagree.

    text      bytes of UTF-8 / bytes a token
    audio     each file and each video's audio track: seconds x tokens a second, rounded up
    video     frames x tokens a frame; frames = seconds x fps, rounded up, 1 fps unless the example says otherwise
    image     tokens of an image at its media resolution; a small one has rates of its own
    document  pages x tokens a page

Seconds are those of the segment where one is given: training decodes only that
(https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video). Text files have no pages, so their
tokens are not known. The rates are passed in; `beam_tuning.policy` holds them with their sources.
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
      small_image: of images that are small in both directions; what is small, `beam_tuning.policy` says.
    """

    text_bytes_per_token: tuple[float, float]
    audio_per_s: tuple[float, float]
    video_per_frame: Mapping[str | None, tuple[int, int]]
    image: Mapping[str | None, tuple[int, int]]
    small_image: Mapping[str | None, tuple[int, int]]
    page: Mapping[str | None, tuple[int, int]]

    def still_of(self, media_resolution: str | None) -> tuple[tuple[int, int] | None, ...]:
        """The rates of one image, one small image and one page."""
        return (
            self.image.get(media_resolution),
            self.small_image.get(media_resolution),
            self.page.get(media_resolution),
        )


class Pictures(msgspec.Struct, frozen=True, gc=False):
    """The pictures of an example that share a level: how many there are of each kind.

    Attributes:
      level: that their parts set for themselves; None where the example's media resolution counts.
      frames: of videos.
      images: those that are not small.
      pages: of documents.
    """

    level: str | None
    frames: int = 0
    images: int = 0
    small_images: int = 0
    pages: int = 0

    @property
    def still(self) -> tuple[int, int, int]:
        """Images, small images and pages."""
        return self.images, self.small_images, self.pages

    def plus(self, other: Pictures) -> Pictures:
        """Both together, at this one's level."""
        return Pictures(
            self.level,
            self.frames + other.frames,
            self.images + other.images,
            self.small_images + other.small_images,
            self.pages + other.pages,
        )


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
        frames = pictures.frames
        if frames:
            rate = rates.video_per_frame.get(resolution)
            if rate is None:
                return None
            low += frames * rate[0]
            high += frames * rate[1]
        if pictures.images or pictures.small_images or pictures.pages:
            for count, rate in zip(pictures.still, rates.still_of(resolution), strict=True):
                if count:
                    if rate is None:
                        return None
                    low += count * rate[0]
                    high += count * rate[1]
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
            "tokens of an image at the media resolution; before Gemini 3 fewer for one of at most 768 px in both "
            "directions",
            "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/image",
        ),
        TokenSource(
            "document",
            "pages of all PDF files x tokens a page at the media resolution; unknown for text files",
            "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/document",
        ),
    )
