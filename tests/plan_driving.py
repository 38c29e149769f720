"""Drives a container's plan over bytes in memory, holds it to its contract, compares its answer with a full demux."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from media_making import close_enough, demuxed

from beam_tuning.media.containers.plan import HEAD_BYTES, MAX_ROUNDS, ByteRange, Plan, PlanAnswer, Ranges, Stream
from beam_tuning.media.containers.work import limited_to
from beam_tuning.media.info import MediaInfo, MediaKind, ProbeFailure
from beam_tuning.media.native_reads import read_natively
from beam_tuning.media.probe import DEFAULT_CAPS


class Reader(Protocol):
    """A module of `beam_tuning.media.containers`."""

    def matches(self, head: bytes) -> bool: ...

    def plan(self, head: bytes, size_bytes: int) -> Plan: ...


class Driven(NamedTuple):
    """What a plan returned and what it took, the first read included; `steps` of work (`containers/work.py`)."""

    media: MediaInfo | ProbeFailure
    rounds: int
    requests: int
    read_bytes: int
    steps: int

    @property
    def info(self) -> MediaInfo:
        assert isinstance(self.media, MediaInfo), self.media
        return self.media

    @property
    def failure(self) -> ProbeFailure:
        assert isinstance(self.media, ProbeFailure), self.media
        return self.media


def drive(reader: Reader, data: bytes, *, chunk_bytes: int = 64 * 1024, head_bytes: int = HEAD_BYTES) -> Driven:
    """Runs a plan to its end. Fails when it asks for bytes outside the object or too much, or contradicts itself."""
    head = data[:head_bytes]
    with limited_to(DEFAULT_CAPS.max_steps) as meter:
        assert reader.matches(head)
        plan = reader.plan(head, len(data))
        rounds, requests, read_bytes = 1, 1, len(head)
        try:
            request = next(plan)
            while True:
                if isinstance(request, Stream):
                    assert 0 <= request.start < len(data)
                    ranges: tuple[ByteRange, ...] = (ByteRange(request.start, len(data)),)
                    answer: PlanAnswer = _chunks(data, request.start, chunk_bytes)
                elif isinstance(request, Ranges):
                    assert request.ranges
                    for start, stop in request.ranges:
                        assert 0 <= start < stop <= len(data), (start, stop, len(data))
                    ranges = request.ranges
                    answer = tuple(data[start:stop] for start, stop in request.ranges)
                else:
                    request = plan.send(read_natively(request))
                    continue
                rounds += 1
                assert rounds <= MAX_ROUNDS + 1
                requests += len(ranges)
                read_bytes += sum(stop - start for start, stop in ranges)
                request = plan.send(answer)
        except StopIteration as ended:
            assert_coherent(ended.value)
            return Driven(ended.value, rounds, requests, read_bytes, meter.spent)


def _chunks(data: bytes, start: int, chunk_bytes: int) -> Iterator[bytes]:
    for position in range(start, len(data), chunk_bytes):
        yield data[position : position + chunk_bytes]


def assert_coherent(media: object) -> None:
    """Holds for every answer, whatever the bytes: absent values have a reason, present ones are possible."""
    if isinstance(media, ProbeFailure):
        assert media.message
        return
    assert isinstance(media, MediaInfo)
    if media.kind in (MediaKind.AUDIO, MediaKind.VIDEO):
        assert (media.duration_s is None) == (media.duration_unknown is not None), media
        has_video = any(stream.kind is MediaKind.VIDEO for stream in media.streams)
        assert not media.streams or has_video == (media.kind is MediaKind.VIDEO)
    for length in (media.duration_s, *(stream.duration_s for stream in media.streams)):
        assert length is None or (math.isfinite(length) and length >= 0), media
    for stream in media.streams:
        for value in (stream.width_px, stream.height_px, stream.sample_rate_hz, stream.channels, stream.fps):
            assert value is None or (math.isfinite(value) and value > 0), media
        assert stream.rotation_deg in (0, 90, 180, 270)


_STREAM_TOLERANCE_S = 0.1
#: FFmpeg does not say how long their last packets are.
_VAGUE_CODECS = frozenset({"wavpack"})


def assert_as_demuxed(driven: Driven, data: bytes) -> None:
    """The duration is that of a full demux, and every stream is what FFmpeg takes it for."""
    truth = demuxed(data)
    info = driven.info
    assert info.truncated is None
    assert close_enough(info.duration_s, truth.duration_s), (info.duration_s, truth.duration_s, info.duration_unknown)
    ours = [(s.kind.value, s.codec, s.width_px, s.height_px, s.sample_rate_hz, s.channels) for s in info.streams]
    theirs = [(t.kind, t.codec, t.width_px, t.height_px, t.sample_rate_hz, t.channels) for t in truth.tracks]
    assert ours == theirs
    for stream, track in zip(info.streams, truth.tracks, strict=True):
        is_said = stream.duration_s is not None and stream.codec not in _VAGUE_CODECS
        if is_said and track.end_s is not None and track.start_s is not None:
            assert abs((stream.duration_s or 0) - (track.end_s - max(track.start_s, 0.0))) < _STREAM_TOLERANCE_S, (
                stream,
                track,
            )
