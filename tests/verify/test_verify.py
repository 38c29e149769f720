"""`beam-tuning verify`: what became of every object since the run, and which kept examples that touches."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from finished_runs import make_run
from gcs_emulator import GcsEmulator
from media_making import make_media
from tuning_lines import encoded, example, file, text

from beam_tuning.cli import main
from beam_tuning.finished_run.opening import open_finished
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeFailure, ProbeResult
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.verify.asking import ObjectState
from beam_tuning.verify.verify import verify

NAMES = ("a", "b", "c", "d")


def uri_of(name: str) -> str:
    return f"gs://bucket/media/{name}.wav"


@pytest.fixture(scope="module")
def sound() -> bytes:
    return make_media("wav", audio="pcm_s16le", duration_s=1)


@pytest.fixture(scope="module")
def longer() -> bytes:
    return make_media("wav", audio="pcm_s16le", duration_s=3)


@pytest.fixture(params=["local", "gs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, gcs: GcsEmulator, sound: bytes) -> str:
    """A run over four objects, of which `d` is dropped only, and one that was not there."""
    for name in NAMES:
        gcs.put(uri_of(name), sound)
    gcs.put("gs://bucket/other", b"")
    uris = [*map(uri_of, NAMES), uri_of("lost")]
    with Prober(ProbeOptions()) as prober:
        media = {uri: prober.submit(uri).result() for uri in uris}
    train: dict[str, list[bytes | dict[str, Any]]] = {
        "/d/0.jsonl": [example(file(uri_of("a"), "audio/wav")), b"", example(file(uri_of("b"), "audio/wav"))],
        "/d/1.jsonl": [
            example(file(uri_of("a"), "audio/wav"), text("again")),
            example(text("none")),
            example(file(uri_of("lost"), "audio/wav")),
            b'{"contents": [{"role": "robot", "parts": [{"fileData": {"fileUri": "%s"}}]}]}' % uri_of("d").encode(),
        ],
    }
    validation: dict[str, list[bytes | dict[str, Any]]] = {"/d/v.jsonl": [example(file(uri_of("c"), "audio/wav"))]}
    name = str(tmp_path / "run") if request.param == "local" else "gs://bucket/runs/1"
    make_run(name, {"train": train, "validation": validation}, media)
    gcs.requests.clear()
    return name


def written(folder: str) -> dict[str, Any]:
    with open_folder(folder).open("verify.json") as stream:
        document: dict[str, Any] = json.loads(stream.read())
    return document


def places(document: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(one["split"], one["file"], one["line"]) for one in document["examples"]]


def test_nothing_has_changed(folder: str, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", folder]) == 0
    document = written(folder)
    assert document["objects"]["unchanged"] == 5
    assert document["changes"] == document["examples"] == []
    assert "those that the run judged" in capsys.readouterr().out
    # Metadata only: no byte of any object was asked for.
    asked = [one for one in gcs.requests if "media%2F" in one and "runs%2F" not in one]
    assert len(asked) == 5
    assert not [one for one in asked if "download" in one or "alt=media" in one]


def overwrite(gcs: GcsEmulator, uri: str, longer: bytes) -> None:
    gcs.put(uri, longer)


def overwrite_alike(gcs: GcsEmulator, uri: str, longer: bytes) -> None:
    gcs.put(uri, gcs.get(uri))


def delete(gcs: GcsEmulator, uri: str, longer: bytes) -> None:
    gcs.delete(uri)


def forbid(gcs: GcsEmulator, uri: str, longer: bytes) -> None:
    gcs.forbid(uri)


def empty(gcs: GcsEmulator, uri: str, longer: bytes) -> None:
    gcs.put(uri, b"")


def break_store(gcs: GcsEmulator, uri: str, longer: bytes) -> None:
    gcs.answer(uri.replace("gs://bucket/", "/b/bucket/o/"), 400, {"error": {"message": "no"}})


@pytest.mark.parametrize(
    ("harm", "state"),
    [
        (overwrite, "changed"),
        (overwrite_alike, "changed"),
        (empty, "changed"),
        (delete, "vanished"),
        (forbid, "forbidden"),
        (break_store, "unreachable"),
    ],
)
def test_a_change_is_told_with_the_kept_examples_that_it_touches(
    folder: str, gcs: GcsEmulator, longer: bytes, harm: Any, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(gcs, uri_of("a"), longer)
    assert main(["verify", folder]) == 3
    document = written(folder)
    (change,) = document["changes"]
    assert (change["uri"], change["state"], change["examples"]) == (uri_of("a"), state, 2)
    assert change["message"]
    assert places(document) == [("train", "/d/0.jsonl", 1), ("train", "/d/1.jsonl", 1)]
    assert document["objects"]["unchanged"] == 4
    printed = capsys.readouterr().out
    assert "/d/0.jsonl:1" in printed
    assert uri_of("a") in printed


def test_a_change_of_what_was_dropped_touches_no_kept_example(folder: str, gcs: GcsEmulator, longer: bytes) -> None:
    gcs.put(uri_of("d"), longer)
    assert main(["verify", folder]) == 3
    document = written(folder)
    assert document["changes"][0]["examples"] == document["examples_touched"] == 0


def test_an_object_that_was_not_there_and_is_now(folder: str, gcs: GcsEmulator, sound: bytes) -> None:
    gcs.put(uri_of("lost"), sound)
    assert main(["verify", folder]) == 3
    (change,) = written(folder)["changes"]
    assert (change["state"], change["examples"]) == ("appeared", 0)


def test_reprobe_says_what_it_is_now(
    folder: str, gcs: GcsEmulator, longer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.put(uri_of("a"), longer)
    gcs.put(uri_of("b"), b"no sound at all")
    gcs.delete(uri_of("c"))
    assert main(["verify", folder, "--reprobe", "--json"]) == 3
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document == written(folder)
    a, b, c = document["changes"]
    assert (a["probed_before"]["duration_s"], a["probed_now"]["duration_s"]) == (1.0, 3.0)
    assert a["now"]["generation"] != a["before"]["generation"]
    assert b["probed_now"]["type"] == "failure"
    assert c["probed_now"] is None
    assert "3 s" in captured.err


def test_local_media_are_asked_for_as_the_run_did(tmp_path: Path, sound: bytes) -> None:
    clip, gone = tmp_path / "clip.wav", tmp_path / "gone.wav"
    for path in (clip, gone):
        path.write_bytes(sound)
    with Prober(ProbeOptions(allow_local_media=True)) as prober:
        media = {str(path): prober.submit(str(path)).result() for path in (clip, gone)}
    folder = str(tmp_path / "run")
    lines = [example(file(str(path), "audio/wav")) for path in (clip, gone)]
    make_run(folder, {"train": {"/d/0.jsonl": lines}}, media, options={"allow_local_media": True})
    assert main(["verify", folder]) == 0
    os.utime(clip, ns=(1, 1))
    gone.unlink()
    assert main(["verify", folder]) == 3
    assert {one["uri"]: one["state"] for one in written(folder)["changes"]} == {
        str(clip): "changed",
        str(gone): "vanished",
    }


def test_local_media_are_not_asked_for_where_the_run_was_not_allowed_to(tmp_path: Path) -> None:
    failure = ProbeFailure(FailureKind.UNSUPPORTED_URI, "Files of this machine are not read.")
    lines = [example(file("/etc/passwd", "audio/wav"))]
    make_run(str(tmp_path), {"train": {"/d/0.jsonl": lines}}, {"/etc/passwd": ProbeResult("/etc/passwd", failure)})
    document = verify(open_finished(str(tmp_path)), ProbeOptions())
    assert document.exit_code == 0
    assert document.objects[ObjectState.UNCHANGED] == 1


def test_what_was_uploaded_is_asked_for_where_it_lies(tmp_path: Path, gcs: GcsEmulator, sound: bytes) -> None:
    gcs.create_bucket("bucket")
    clip = tmp_path / "clip.wav"
    clip.write_bytes(sound)
    with Prober(ProbeOptions(allow_local_media=True)) as prober:
        media = {str(clip): prober.submit(str(clip)).result()}
    folder = str(tmp_path / "run")
    make_run(folder, {"train": {"/d/0.jsonl": [example(file(str(clip), "audio/wav"))]}}, media)
    assert main(["upload", folder, "--to=gs://bucket/media"]) == 0
    clip.unlink()
    assert main(["verify", folder]) == 0
    (uploaded,) = gcs.list("gs://bucket/media/")
    gcs.put(uploaded, b"another")
    assert main(["verify", folder]) == 3
    (change,) = written(folder)["changes"]
    assert (change["uri"], change["asked_uri"], change["state"]) == (str(clip), uploaded, "changed")
    assert change["examples"] == 1


def test_an_object_of_which_nothing_is_known_to_compare_by_is_said_to_be_unknown(
    tmp_path: Path, gcs: GcsEmulator, sound: bytes
) -> None:
    gcs.put(uri_of("a"), sound)
    with Prober(ProbeOptions()) as prober:
        found = prober.submit(uri_of("a")).result()
    media = {uri_of("a"): ProbeResult(uri_of("a"), found.media, ObjectInfo(len(sound)))}
    make_run(str(tmp_path), {"train": {"/d/0.jsonl": [example(file(uri_of("a"), "audio/wav"))]}}, media)
    assert main(["verify", str(tmp_path)]) == 0
    assert written(str(tmp_path))["objects"]["incomparable"] == 1
    gcs.put(uri_of("a"), sound + b"\0\0")
    assert main(["verify", str(tmp_path)]) == 3


def test_a_host_that_does_not_answer_is_not_asked_for_each_of_its_objects(
    tmp_path: Path, gcs: GcsEmulator, sound: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    uris = [f"gs://bucket/media/{number:03d}.wav" for number in range(100)]
    for uri in uris:
        gcs.put(uri, sound)
    with Prober(ProbeOptions()) as prober:
        found = prober.submit(uris[0]).result()
    media = {uri: ProbeResult(uri, found.media, ObjectInfo(len(sound), "1")) for uri in uris}
    lines = [encoded(example(file(uri, "audio/wav"))) for uri in uris]
    make_run(str(tmp_path), {"train": {"/d/0.jsonl": lines}}, media)
    for uri in uris:
        gcs.answer(uri.replace("gs://bucket/", "/b/bucket/o/"), 503, {"error": {"message": "busy"}})
    gcs.requests.clear()
    options = ProbeOptions(threads=4, max_attempts=1)
    document = verify(open_finished(str(tmp_path)), options)
    assert document.objects[ObjectState.UNREACHABLE] == 100
    assert document.examples_touched == 100
    assert 16 <= len([one for one in gcs.requests if "media%2F" in one]) <= 20


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("manifest.json", None, "no whole run"),
        ("manifest.json", b"{", "damaged"),
        ("report.json", b'{"schema_version": 1}', "changed since"),
        ("media/media-00000-of-00001.parquet", b"x", "changed since"),
        ("upload.json", b"[]", "damaged"),
        ("upload.json", b'{"version": 9, "to": "", "objects": [], "files": []}', "later version"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told(
    tmp_path: Path, name: str, content: bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(str(tmp_path), {"train": {"/d/0.jsonl": [example()]}})
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert main(["verify", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not (tmp_path / "verify.json").exists()
