"""A prober in each of several processes: the answers of one, its limits shared, and an end that is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from media_making import make_mp4

from beam_tuning.errors import BeamTuningError
from beam_tuning.media.info import FailureKind, MediaInfo, ProbeCost, ProbeFailure, ProbeResult
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober
from beam_tuning.media.prober_processes import ProberProcesses

OPTIONS = ProbeOptions(allow_local_media=True, threads=3)


@pytest.fixture
def probers() -> Iterator[ProberProcesses]:
    processes = ProberProcesses(OPTIONS, 2)
    yield processes
    processes.close()


def without_cost(result: ProbeResult) -> ProbeResult:
    return msgspec.structs.replace(result, cost=ProbeCost())


def test_answers_are_those_of_one_prober(probers: ProberProcesses, tmp_path: Path) -> None:
    (tmp_path / "whole.mp4").write_bytes(make_mp4(duration_s=2.0, faststart=True))
    (tmp_path / "text.mp4").write_bytes(b"no media at all")
    names = ("whole.mp4", "text.mp4", *(f"gone-{number}.mp4" for number in range(50)))
    uris = [*(str(tmp_path / name) for name in names), "ftp://example.com/a.mp4"]
    answers = [probers.submit(uri) for uri in uris]
    with Prober(OPTIONS) as prober:
        expected = [prober.submit(uri) for uri in uris]
        for uri, answer, other in zip(uris, answers, expected, strict=True):
            assert answer.result(200).uri == uri
            assert without_cost(answer.result()) == without_cost(other.result(200))
    assert isinstance(answers[0].result().media, MediaInfo)


def test_probes_in_flight_are_divided() -> None:
    for threads, processes, shares in ((32, 5, [7, 7, 6, 6, 6]), (3, 8, [1, 1, 1]), (32, 2, [16, 16])):
        divided = ProberProcesses(msgspec.structs.replace(OPTIONS, threads=threads), processes)
        assert [options.threads for options in divided.shares] == shares
        divided.close()


def test_a_trusted_answer_needs_no_process() -> None:
    options = msgspec.structs.replace(OPTIONS, trust_cache=True)
    earlier = ProbeResult("/gone.mp4", ProbeFailure(FailureKind.NOT_FOUND, "There is no such file."))
    processes = ProberProcesses(options, 2)
    assert processes.submit("/gone.mp4", earlier).result(0) == msgspec.structs.replace(earlier, cached=True)
    assert processes.process_ids == ()


def test_a_process_that_is_killed_is_told(probers: ProberProcesses) -> None:
    assert isinstance(probers.submit("/gone.mp4").result(200).media, ProbeFailure)
    for process_id in probers.process_ids:
        os.kill(process_id, signal.SIGSTOP)
    answers = [probers.submit(f"/gone-{number}.mp4") for number in range(20)]
    for process_id in probers.process_ids:
        os.kill(process_id, signal.SIGKILL)
    for answer in answers:
        with pytest.raises(BeamTuningError, match="a worker process ended before its work was done"):
            answer.result(200)


def test_after_the_end_nothing_is_taken(probers: ProberProcesses) -> None:
    probers.close()
    with pytest.raises(RuntimeError, match="have ended"):
        probers.submit("/gone.mp4")
