"""`CheckLines` and `ProbeUris` in a pipeline of one's own: the answers of a run, each object read once."""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from fault_server import Answer, running_fault_server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_making import make_media
from odd_lines import odd_lines, written
from tuning_lines import encoded, example, file, text

import beam_tuning
from beam_tuning import CheckLines, OptionError, ProbeUris, Verdict

MODEL = "gemini-3.5-flash"
IN_PROCESS = "FnApiRunner"


@pytest.fixture(scope="module")
def sound() -> bytes:
    return make_media("wav", audio="pcm_s16le", duration_s=1)


def collected(elements: list[Any], transform: beam.PTransform) -> list[Any]:
    """What the transform makes of them."""
    with tempfile.NamedTemporaryFile() as file:
        with beam.Pipeline(IN_PROCESS) as pipeline:
            _ = pipeline | beam.Create(elements) | transform | beam.Map(_append, file.name)
        return list(_written(Path(file.name)))


def _append(element: Any, path: str) -> None:
    with open(path, "ab") as file:
        pickle.dump(element, file)


def _written(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        while file.peek(1):
            yield pickle.load(file)


def test_every_distinct_object_is_read_once_and_no_failure_is_raised(sound: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(sound)
    with running_fault_server() as server:
        server.script("/a.wav", Answer(sound))
        there, gone = f"{server.url}/a.wav", f"{server.url}/none.wav"
        server.script("/none.wav", Answer(b"", status=404))
        uris = [there, gone, str(tmp_path / "a.wav"), "s3://x/y", "", "\x00"] * 50
        results = collected(uris, ProbeUris(allow_local_media=True, allow_private_addresses=True))
        assert Counter(request.target for request in server.requests)["/a.wav"] == 1
    found = {result.uri: result.media for result in results}
    assert len(results) == len(found) == 6
    assert {found[there].container, found[str(tmp_path / "a.wav")].container} == {"wav"}
    assert {found[uri].kind for uri in (gone, "s3://x/y", "")} == {"not_found", "unsupported_uri"}


def test_without_leave_nothing_of_this_machine_is_read(sound: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(sound)
    uris = [str(tmp_path / "a.wav"), "http://127.0.0.1:1/a.wav"]
    kinds = {result.uri: result.media.kind for result in collected(uris, ProbeUris())}
    assert kinds == dict(zip(uris, ("unsupported_uri", "address_blocked"), strict=True))


def test_lines_come_back_with_their_verdicts_as_often_as_they_went_in(sound: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(sound)
    good = encoded(example(file(f"{tmp_path}/a.wav", "audio/wav"), text("Listen")))
    lost = encoded(example(file(f"{tmp_path}/none.wav", "audio/wav")))
    lines = [good, lost, b"{", good + b"\n", good]
    checked = collected(lines, CheckLines(MODEL, allow_local_media=True))
    assert Counter(line for line, _ in checked) == Counter(lines)
    verdicts = {line: one.verdict for line, one in checked}
    assert verdicts == {good: Verdict.KEPT, good + b"\n": Verdict.KEPT, lost: Verdict.DROPPED, b"{": Verdict.DROPPED}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(st.binary(max_size=50) | written(odd_lines()), max_size=20))
def test_odd_lines_are_judged_as_one_by_one(lines: list[bytes]) -> None:
    """Nothing that they name is read: all their media are refused or lie in no bucket that answers here."""
    lines = [line for line in lines if b"example" not in line]
    checked = collected(lines, CheckLines(MODEL))
    assert Counter(line for line, _ in checked) == Counter(lines)
    for line, one in checked:
        assert one == beam_tuning.check_line(line, model=MODEL, probe=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CheckLines("no-such-model"),
        lambda: CheckLines(MODEL, tolerate=["NO_SUCH_CODE"]),
        lambda: CheckLines(MODEL, length_basis="clip"),
        lambda: CheckLines(MODEL, limits="/none.toml"),
    ],
)
def test_what_cannot_be_used_is_told_when_the_pipeline_is_built(make: Callable[[], beam.PTransform]) -> None:
    with pytest.raises(OptionError):
        _ = beam.Pipeline(IN_PROCESS) | beam.Create([b"{}"]) | make()
