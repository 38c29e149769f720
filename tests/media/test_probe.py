"""One object through its plan: what is read and counted, caps, stores that fail, readers that fail."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from media_making import close_enough, demuxed, make_media, make_mp4

from beam_tuning.media import probe
from beam_tuning.media.containers.plan import HEAD_BYTES, ByteRange, Plan, Ranges, Stream
from beam_tuning.media.containers.work import spend
from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    MediaKind,
    ObjectInfo,
    ProbeCost,
    ProbeFailure,
    ProbeResult,
)
from beam_tuning.media.native_messages import MediaInfoReading, MediaInfoRequest, PageCountRequest
from beam_tuning.media.probe import ProbeCaps, probe_object
from beam_tuning.media.stores.store import StoreError

URI = "gs://example-bucket/clip.mp4"


class MemoryReader:
    """An object in memory, which counts as a store's reader does. `fails_at` raises on that round (the first is 1)."""

    def __init__(
        self,
        data: bytes,
        *,
        size_bytes: int | None = -1,
        fails_at: int = 0,
        error: Exception | None = None,
        short_by: int = 0,
    ) -> None:
        self._data = data
        self._size_bytes = len(data) if size_bytes == -1 else size_bytes
        self._fails_at = fails_at
        self._error = error or StoreError(FailureKind.SERVER_ERROR, "The server gave up.", transient=True)
        self._short_by = short_by
        self._rounds = self._requests = self._received = 0

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        return ObjectInfo(size_bytes=self._size_bytes, generation="1"), self._take(0, head_bytes, new_round=True)

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        return tuple(
            self._take(start, stop - self._short_by, new_round=number == 0)
            for number, (start, stop) in enumerate(ranges)
        )

    def stream(self, start: int) -> Iterator[bytes]:
        self._take(0, 0, new_round=True)
        for at in range(start, len(self._data), 100_000):
            self._received += len(self._data[at : at + 100_000])
            yield self._data[at : at + 100_000]

    def stat(self) -> ObjectInfo:
        raise AssertionError("a probe needs no answer without bytes")

    @property
    def cost(self) -> ProbeCost:
        return ProbeCost(requests=self._requests, received_bytes=self._received, rounds=self._rounds)

    def close(self) -> None:
        raise AssertionError("whoever opened the reader closes it")

    def _take(self, start: int, stop: int, *, new_round: bool) -> bytes:
        self._rounds += new_round
        self._requests += 1
        if self._rounds == self._fails_at:
            raise self._error
        self._received += len(self._data[start:stop])
        return self._data[start:stop]


def failure_of(result: ProbeResult) -> ProbeFailure:
    assert isinstance(result.media, ProbeFailure), result.media
    return result.media


@functools.cache
def clip() -> bytes:
    return make_mp4(duration_s=8)


FILES: dict[str, tuple[dict[str, Any], str]] = {
    "mp4": ({"video": "libx264", "audio": "aac"}, "mp4"),
    "webm": ({"video": "libvpx", "audio": "libopus", "sample_rate_hz": 48000}, "webm"),
    "wav": ({"audio": "pcm_s16le"}, "wav"),
    "flac": ({"audio": "flac"}, "flac"),
    "ogg": ({"audio": "libopus", "sample_rate_hz": 48000}, "ogg"),
    "mp3": ({"audio": "libmp3lame"}, "mp3"),
    "adts": ({"audio": "aac"}, "aac"),
    "avi": ({"video": "mpeg4", "audio": "libmp3lame"}, "avi"),
    "flv": ({"video": "flv", "audio": "libmp3lame"}, "flv"),
    "asf": ({"video": "wmv2", "audio": "wmav2"}, "asf"),
    "mpegts": ({"video": "libx264", "audio": "aac"}, "mpegts"),
    "mpeg": ({"video": "mpeg2video", "audio": "mp2"}, "mpeg"),
    "aiff": ({"audio": "pcm_s16be"}, "aiff"),
    "w64": ({"audio": "pcm_s16le"}, "w64"),
    "mxf": ({"video": "mpeg2video", "audio": "pcm_s16le", "sample_rate_hz": 48000}, "mxf"),
}


@pytest.mark.parametrize("muxer", FILES)
def test_every_container_finds_its_reader(muxer: str) -> None:
    options, container = FILES[muxer]
    data = make_media(muxer, duration_s=3, **options)
    result = probe_object(URI, MemoryReader(data))
    assert isinstance(result.media, MediaInfo)
    assert result.media.container == container
    assert close_enough(result.media.duration_s, demuxed(data).duration_s)
    assert result.media.kind is (MediaKind.VIDEO if "video" in options else MediaKind.AUDIO)


def test_result_names_object_and_cost() -> None:
    result = probe_object(URI, MemoryReader(clip()))
    assert result.uri == URI
    assert result.object == ObjectInfo(size_bytes=len(clip()), generation="1")
    assert not result.cached
    assert (result.cost.requests, result.cost.rounds) == (2, 2)
    assert HEAD_BYTES < result.cost.received_bytes < len(clip())


def test_result_survives_a_trip_between_workers() -> None:
    result = probe_object(URI, MemoryReader(clip()))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(result), type=ProbeResult) == result


@pytest.mark.parametrize("data", [b"", b"\0", b"x", bytes(100), b"<html>", b"\xff\xfb\x90\x64", b"\x1a\x45\xdf\xa3"])
def test_small_objects_are_answered(data: bytes) -> None:
    failure = failure_of(probe_object(URI, MemoryReader(data)))
    assert failure.kind is (FailureKind.UNREADABLE if data else FailureKind.EMPTY)
    assert not failure.transient


def test_an_object_of_no_known_size_is_unreadable() -> None:
    result = probe_object(URI, MemoryReader(clip(), size_bytes=None))
    assert failure_of(result).kind is FailureKind.UNREADABLE
    assert result.object is not None


@pytest.mark.parametrize("kind", list(FailureKind))
@pytest.mark.parametrize("fails_at", [1, 2])
def test_failures_of_the_store_are_the_answer(kind: FailureKind, fails_at: int) -> None:
    error = StoreError(kind, "The store failed.", transient=True)
    result = probe_object(URI, MemoryReader(clip(), fails_at=fails_at, error=error))
    assert result.media is error.failure
    assert (result.object is None) == (fails_at == 1)
    assert result.cost.rounds == fails_at


def test_a_store_that_gives_too_few_bytes_is_not_believed() -> None:
    failure = failure_of(probe_object(URI, MemoryReader(clip(), short_by=1)))
    assert failure.kind is FailureKind.SERVER_ERROR
    assert failure.transient


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), RecursionError(), AttributeError("x")])
def test_faults_of_our_own_are_the_answer_for_one_object(error: Exception) -> None:
    failure = failure_of(probe_object(URI, MemoryReader(clip(), fails_at=2, error=error)))
    assert failure.kind is FailureKind.CRASHED
    assert type(error).__name__ in failure.message


# -- Caps, with plans that ask for too much --------------------------------------------------------------------------


def run_plan(monkeypatch: pytest.MonkeyPatch, plan: Plan, data: bytes = bytes(1000), **caps: Any) -> ProbeResult:
    monkeypatch.setattr(probe, "plan_for", lambda head, size_bytes: plan)
    return probe_object(URI, MemoryReader(data), ProbeCaps(**caps))


def asks_for_ever(*ranges: tuple[int, int]) -> Plan:
    while True:
        yield Ranges(tuple(ByteRange(*each) for each in ranges))


@pytest.mark.parametrize(
    ("caps", "words"),
    [
        ({"max_rounds": 5}, "more than 5 rounds"),
        ({"max_rounds": 10**6, "max_bytes": 5000}, "more than 5000"),
        ({}, "more than"),
    ],
)
def test_a_plan_without_an_end_is_stopped(monkeypatch: pytest.MonkeyPatch, caps: dict[str, int], words: str) -> None:
    failure = failure_of(run_plan(monkeypatch, asks_for_ever((0, 100), (500, 600)), **caps))
    assert failure.kind is FailureKind.WORK_CAP
    assert words in failure.message
    assert not failure.transient


def test_a_stream_counts_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole() -> Plan:
        yield Stream(0)
        raise AssertionError("the stream is longer than allowed")

    result = run_plan(monkeypatch, whole(), max_bytes=1500)
    assert failure_of(result).kind is FailureKind.WORK_CAP
    assert result.cost.received_bytes == 1000


@pytest.mark.parametrize("wanted", [(-1, 5), (5, 5), (9, 5), (990, 1001), (1000, 1001)])
def test_a_plan_cannot_read_outside_the_object(monkeypatch: pytest.MonkeyPatch, wanted: tuple[int, int]) -> None:
    result = run_plan(monkeypatch, asks_for_ever(wanted))
    assert failure_of(result).kind is FailureKind.CRASHED
    assert result.cost.requests == 1


def test_a_plan_may_answer_from_the_head_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    media = MediaInfo("none", MediaKind.IMAGE)

    def at_once() -> Plan:
        yield from ()
        return media

    assert run_plan(monkeypatch, at_once(), max_rounds=0, max_bytes=1).media is media


def test_a_read_that_is_too_long_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_plan(monkeypatch, asks_for_ever((0, 900)), max_bytes=1500)
    assert failure_of(result).kind is FailureKind.WORK_CAP
    assert result.cost.received_bytes == 1000


@pytest.mark.parametrize("steps", [0, 1, 999, 10**9])
def test_a_plan_that_works_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    def busy() -> Plan:
        yield Ranges((ByteRange(0, 1),))
        while True:
            spend(10**6)

    failure = failure_of(run_plan(monkeypatch, busy(), max_steps=steps))
    assert failure.kind is FailureKind.WORK_CAP
    assert f"more than {steps} steps" in failure.message
    assert not failure.transient


def test_work_before_the_first_request_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def hesitant() -> Plan:
        spend(100)
        yield Ranges((ByteRange(0, 1),))
        return MediaInfo("none", MediaKind.IMAGE)

    assert failure_of(run_plan(monkeypatch, hesitant(), max_steps=99)).kind is FailureKind.WORK_CAP


def test_each_probe_has_steps_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    media = MediaInfo("none", MediaKind.IMAGE)

    def working() -> Plan:
        spend(60)
        yield Ranges((ByteRange(0, 1),))
        return media

    for _ in range(3):
        assert run_plan(monkeypatch, working(), max_steps=100).media is media


# -- Native code -----------------------------------------------------------------------------------------------------


def test_what_native_code_says_goes_to_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = ProbeFailure(FailureKind.CRASHED, "It crashed.")
    answers: list[object] = []

    def asking() -> Plan:
        answers.append((yield PageCountRequest(b"abc")))
        answers.append((yield MediaInfoRequest(1000, (), may_seek=True)))
        return MediaInfo("pdf", MediaKind.DOCUMENT)

    monkeypatch.setattr(probe, "read_natively", lambda request: [failure, MediaInfoReading()][len(answers)])
    result = run_plan(monkeypatch, asking(), max_rounds=0)
    assert isinstance(result.media, MediaInfo)
    assert answers == [failure, MediaInfoReading()]
