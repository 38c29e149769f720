"""A bounded sample of the examples that have a reason, the same whatever the order in which they come."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

from beam_tuning.dataset.example import LineId
from beam_tuning.reasons import Finding
from beam_tuning.summary.distributions import LARGEST, encodable
from beam_tuning.summary.judged_example import JudgedExample, PartFacts

#: Samples of each reason in each split.
SAMPLES_PER_REASON = 8
#: Media parts that a sample shows, and the lengths at which its texts are cut.
_MOST_MEDIA = 4
_LONGEST_TEXT = 400
LONGEST_URI = 1024


class SampleMedia(msgspec.Struct, frozen=True, array_like=True):
    """One media part of a sample, as far as a player needs it; nanoseconds, None where not given."""

    uri: str
    kind: str | None
    mime_type: str | None
    start_ns: int | None
    end_ns: int | None


class Sample(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One example under one reason. `rank` comes first: samples sort by it, then by place."""

    rank: int
    file: str
    offset_bytes: int
    line: int
    path: str
    message: str
    observed: str | int | float | None
    limit: str | int | float | None
    verdict: str
    prompt_start: str
    answer_start: str
    media: tuple[SampleMedia, ...]


def rank_of(line_id: LineId) -> int:
    """A number that looks random and depends only on where the example stands."""
    place = f"{line_id.split}\0{line_id.file}\0{line_id.offset_bytes}".encode("utf-8", "surrogatepass")
    # 62 bits, so that it fits a signed 64-bit integer everywhere.
    return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "big") >> 2


def sample_of(rank: int, judged: JudgedExample, finding: Finding) -> Sample:
    """What the report shows of one finding."""
    place = judged.line_id
    return Sample(
        rank=rank,
        file=encodable(place.file),
        offset_bytes=place.offset_bytes,
        line=place.line,
        path=cut_text(finding.path),
        message=cut_text(finding.message),
        observed=_plain(finding.observed),
        limit=_plain(finding.limit),
        verdict=judged.verdict.value,
        prompt_start=cut_text(judged.prompt_start),
        answer_start=cut_text(judged.answer_start),
        media=_media_near(judged.media, finding.path),
    )


class Ranked(Protocol):
    """A sample of any kind."""

    @property
    def rank(self) -> int: ...


AnySample = TypeVar("AnySample", bound=Ranked)


def keep_smallest(samples: list[AnySample], new: Iterable[AnySample], most: int) -> list[AnySample]:
    """The samples with the smallest ranks of both, at most so many, in order."""
    return sorted([*samples, *new], key=_order)[:most]


def _order(sample: Ranked) -> tuple[int, bytes]:
    # The encoding breaks ties: fields such as `observed` hold values that do not compare with each other.
    return sample.rank, msgspec.msgpack.encode(sample)


def _media_near(media: tuple[PartFacts, ...], path: str) -> tuple[SampleMedia, ...]:
    """The part that the finding speaks of, if it speaks of one; else the first parts."""
    parts = [facts.given for facts in media]
    spoken_of = [part for part in parts if path == part.path or path.startswith(part.path + ".")]
    return tuple(
        SampleMedia(
            uri=encodable(part.uri[:LONGEST_URI]),
            kind=part.kind.value if part.kind else None,
            mime_type=cut_text(part.mime_type) if part.mime_type else None,
            start_ns=within(part.segment.start_ns) if part.segment else None,
            end_ns=within(part.segment.end_ns) if part.segment else None,
        )
        for part in (spoken_of or parts)[:_MOST_MEDIA]
    )


def cut_text(text: str, longest: int = _LONGEST_TEXT) -> str:
    """The text as a sample holds it: of a bounded length, and without what cannot be encoded."""
    return encodable(text if len(text) <= longest else text[: longest - 1] + "…")


def within(value: int | None) -> int | None:
    """The value if an encoded sample holds it: segment offsets may lie centuries away."""
    return value if value is not None and abs(value) <= LARGEST else None


def _plain(value: str | int | float | None) -> str | int | float | None:
    """The value if MessagePack and JSON hold it, else its text."""
    if isinstance(value, str):
        return cut_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) > LARGEST:
        return cut_text(str(value)) if abs(value) < 10**_LONGEST_TEXT else "a very large number"
    return value
