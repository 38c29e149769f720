"""`beam-tuning probe`: what files are, and a way on from each failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fault_server import Answer, running_fault_server
from gcs_emulator import GcsEmulator
from media_making import make_media

from beam_tuning.cli import main


@pytest.fixture(scope="module")
def sound() -> bytes:
    return make_media("wav", audio="pcm_s16le", duration_s=1)


def test_a_video_is_told_with_its_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(make_media("mp4", video="libx264", audio="aac", duration_s=2))
    assert main(["probe", str(path)]) == 0
    told = capsys.readouterr().out
    assert "video, mp4, " in told
    assert ", 2 s\n" in told
    assert "video: h264, 64 × 48 px, 25 frames/s" in told
    assert "audio: aac, 44,100 Hz, 1 channel" in told


def test_objects_of_every_store_come_in_the_order_given(
    tmp_path: Path, gcs: GcsEmulator, sound: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wav").write_bytes(sound)
    gcs.put("gs://bucket/b.wav", sound)
    with running_fault_server() as server:
        server.script("/c.wav", Answer(sound))
        uris = ["gs://bucket/b.wav", f"{server.url}/c.wav", str(tmp_path / "a.wav"), f"file://{tmp_path}/a.wav"]
        assert main(["probe", *uris, "--allow_private_addresses", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [one["uri"] for one in results] == uris
    assert {one["media"]["container"] for one in results} == {"wav"}
    assert {one["media"]["duration_s"] for one in results} == {1.0}
    assert {one["object"]["size_bytes"] for one in results} == {len(sound)}


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("gs://bucket/none.wav", ["MEDIA_NOT_FOUND"]),
        ("{folder}/none.wav", ["MEDIA_NOT_FOUND", "No such file"]),
        ("{folder}", ["MEDIA_UNREADABLE"]),
        ("{folder}/empty.wav", ["MEDIA_EMPTY"]),
        ("{folder}/text.wav", ["MEDIA_UNREADABLE"]),
        ("s3://bucket/a.wav", ["FILE_URI_UNSUPPORTED", "scheme s3"]),
        ("http://127.0.0.1:1/a.wav", ["MEDIA_ADDRESS_BLOCKED", "--allow_private_addresses"]),
        ("gs://", ["FILE_URI_UNSUPPORTED"]),
        ("\u202eevil.wav", ["FILE_URI_UNSUPPORTED", "⟨U+202E⟩"]),
    ],
)
def test_a_failure_names_its_reason_and_what_to_do(
    uri: str, words: list[str], tmp_path: Path, gcs: GcsEmulator, sound: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.put("gs://bucket/a.wav", sound)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound at all\n" * 10)
    uri = uri.format(folder=tmp_path)
    assert main(["probe", uri, "gs://bucket/a.wav"]) == 3
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    for word in words:
        assert word in told.out.replace("\n", " ")
    assert "audio, wav" in told.out  # the others are told all the same
    assert main(["probe", uri, "--json"]) == 3
    media = json.loads(capsys.readouterr().out)["results"][0]["media"]
    assert media["reason"] == words[0]
    assert media["remedy"]


def test_a_file_that_lacks_its_end_is_told(tmp_path: Path, sound: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.wav").write_bytes(sound[:-30_000])
    assert main(["probe", str(tmp_path / "cut.wav")]) == 0
    assert "note: " in capsys.readouterr().out


def test_without_a_file_it_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe"]) == 2
    assert "Give URI" in capsys.readouterr().err
