"""`beam-tuning upload`: local media arrive once and whole, the tuning files name them, and what was cut is mended."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from finished_runs import make_run
from gcs_emulator import GcsEmulator
from tuning_lines import encoded, example, file, text

from beam_tuning.cli import main
from beam_tuning.errors import InputError, OutputError
from beam_tuning.finished_run.opening import open_finished
from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ObjectInfo, ProbeFailure, ProbeResult, StreamInfo
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.opener import Stores
from beam_tuning.run_folder.claim import claim_folder
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.upload import upload as upload_module
from beam_tuning.upload.sending import target_folder
from beam_tuning.upload.upload import upload

TO = "gs://bucket/media"


def probed(uri: str) -> ProbeResult:
    """What a run finds at a local URI, with the identity that it keeps."""
    stores = Stores(ProbeOptions(allow_local_media=True))
    reader = stores.reader(uri)
    info = reader.stat()
    reader.close()
    stream = StreamInfo(MediaKind.AUDIO, "mp3", 3.0)
    return ProbeResult(uri, MediaInfo("mp3", MediaKind.AUDIO, (stream,), 3.0), info)


class Case:
    """A run over local media: two files, one of them under two names, and one whose bytes another has too."""

    def __init__(self, root: Path, folder: str) -> None:
        self.folder = folder
        self.media = root / "media"
        self.media.mkdir(parents=True)
        self.contents = {"a.mp3": b"A" * 100_000, "b c.MP3": b"B" * 50, "same.mp3": b"A" * 100_000}
        for name, data in self.contents.items():
            (self.media / name).write_bytes(data)
        self.a, self.same = str(self.media / "a.mp3"), str(self.media / "same.mp3")
        self.b = f"file://{self.media}/b%20c.MP3"
        self.remote = "gs://elsewhere/d.mp3"
        self.lost = str(self.media / "lost.mp3")
        sound = {uri: probed(uri) for uri in (self.a, self.b, self.same)}
        remote = ProbeResult(self.remote, sound[self.a].media, ObjectInfo(10, "1"))
        lost = ProbeResult(self.lost, ProbeFailure(FailureKind.NOT_FOUND, "not there"))
        self.train = [
            encoded(example(file(self.a, "audio/mp3"), text("first"))),
            encoded(example(text("no media, but " + self.a))),
            encoded(example(file(self.b, "audio/mp3"))).replace(b"/", b"\\/"),
            encoded(example(file(self.remote, "audio/mp3"))),
            encoded(example(file(self.lost, "audio/mp3"))),
            encoded(example(file(self.a, "audio/mp3"), text("again"))) + b"\r",
        ]
        self.validation = [encoded(example(file(self.same, "audio/mp3")))]
        make_run(
            folder,
            {
                "train": {"/d/0.jsonl": self.train[:3], "/d/1.jsonl": self.train[3:]},
                "validation": {"/d/v.jsonl": self.validation},
            },
            {**sound, self.remote: remote, self.lost: lost},
        )

    def object_of(self, name: str) -> str:
        return f"{TO}/{hashlib.sha256(self.contents[name]).hexdigest()}.mp3"

    def expected(self) -> tuple[bytes, bytes]:
        a, b = self.object_of("a.mp3").encode(), self.object_of("b c.MP3").encode()
        train = [line for line in self.train if self.lost.encode() not in line]
        train[0] = train[0].replace(self.a.encode(), a)
        train[2] = train[2].replace(self.b.replace("/", "\\/").encode(), b)
        train[-1] = train[-1].replace(self.a.encode(), a)
        validation = [line.replace(self.same.encode(), a) for line in self.validation]
        return tuple(b"".join(line + b"\n" for line in lines) for lines in (train, validation))  # type: ignore[return-value]

    def read(self, name: str) -> bytes:
        with open_folder(self.folder).open(name) as stream:
            return stream.read()

    def check_uploaded(self, gcs: GcsEmulator) -> None:
        assert (self.read("train.jsonl"), self.read("validation.jsonl")) == self.expected()
        assert sorted(gcs.list(f"{TO}/")) == sorted({self.object_of("a.mp3"), self.object_of("b c.MP3")})
        for name in ("a.mp3", "b c.MP3"):
            assert gcs.get(self.object_of(name)) == self.contents[name]
        check_manifest(self)


def check_manifest(case: Case) -> None:
    """Every file is as the manifest says."""
    finished = open_finished(case.folder)
    for entry in finished.manifest.files:
        content = finished.folder.read_written(finished.manifest, entry.name)
        assert entry.size_bytes == len(content)
        if entry.name.endswith(".jsonl"):
            assert entry.lines == content.count(b"\n")


@pytest.fixture(params=["local", "gs"])
def case(request: pytest.FixtureRequest, tmp_path: Path, gcs: GcsEmulator) -> Case:
    gcs.create_bucket("bucket")
    return Case(tmp_path, str(tmp_path / "run") if request.param == "local" else "gs://bucket/runs/1")


def uploads(gcs: GcsEmulator) -> list[str]:
    """Requests that sent media since the last `clear`."""
    return [one for one in gcs.requests if one.startswith("POST /upload/") and "media" in one.replace("uploadType", "")]


def test_media_arrive_once_and_the_tuning_files_name_them(
    case: Case, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upload", case.folder, "--to", TO]) == 0
    case.check_uploaded(gcs)
    captured = capsys.readouterr()
    assert "2 objects sent" in captured.out
    assert "train.jsonl: 3 URIs replaced" in captured.out
    document = json.loads(case.read("upload.json"))
    assert {uri: one["uri"] for one in document["objects"] for uri in one["uris"]} == {
        case.a: case.object_of("a.mp3"),
        case.same: case.object_of("a.mp3"),
        case.b: case.object_of("b c.MP3"),
    }


def test_a_second_time_sends_nothing(case: Case, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upload", case.folder, f"--to={TO}"]) == 0
    generations = [one["generation"] for one in json.loads(case.read("upload.json"))["objects"]]
    capsys.readouterr()
    assert main(["upload", case.folder, f"--to={TO}/", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert [one["generation"] for one in document["objects"]] == generations
    assert "0 objects sent" in captured.err
    case.check_uploaded(gcs)


@pytest.mark.parametrize("cut_after", range(9))
def test_an_upload_that_is_cut_anywhere_is_mended_by_the_same_command(
    case: Case, gcs: GcsEmulator, cut_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before the n-th write to a store; the last numbers are beyond the end, so nothing is missed."""
    from beam_tuning.run_folder import gcs as gcs_folder
    from beam_tuning.run_folder import local as local_folder

    left = [cut_after]
    before = {name: case.read(name) for name in ("train.jsonl", "validation.jsonl", "manifest.json")}

    def cut(finish: Any) -> Any:
        def finish_or_die(self: Any) -> Any:
            if not left[0]:
                (self._gathered if hasattr(self, "_gathered") else self._file).close()  # as a killed process does
                raise KeyboardInterrupt
            left[0] -= 1
            return finish(self)

        return finish_or_die

    with monkeypatch.context() as patched:
        patched.setattr(upload_module, "THREADS", 1)
        for kind in (gcs_folder._GcsWriter, local_folder._LocalWriter):
            patched.setattr(kind, "finish", cut(kind.finish))
        try:
            upload(open_finished(case.folder), target_folder(TO, "--to"), lambda *_: None)
            assert cut_after >= 6
        except KeyboardInterrupt:
            assert cut_after < 6
    # Whatever stands under a final name is whole: the old content or the new one.
    for name, new in zip(("train.jsonl", "validation.jsonl"), case.expected(), strict=True):
        assert case.read(name) in (before[name], new)
    json.loads(case.read("manifest.json"))
    assert main(["upload", case.folder, f"--to={TO}"]) == 0
    case.check_uploaded(gcs)


def test_a_run_without_local_media_is_left_alone(
    tmp_path: Path, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(str(tmp_path), {"train": {"/d/0.jsonl": [example()]}})
    before = (tmp_path / "manifest.json").read_bytes()
    assert main(["upload", str(tmp_path), f"--to={TO}"]) == 0
    assert "nothing to upload" in capsys.readouterr().out
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert not (tmp_path / "upload.json").exists()


def change(case: Case) -> None:
    Path(case.a).write_bytes(b"other bytes")


def remove(case: Case) -> None:
    Path(case.a).unlink()


def replace_by_pipe(case: Case) -> None:
    Path(case.a).unlink()
    os.mkfifo(case.a)


@pytest.mark.parametrize("harm", [change, remove, replace_by_pipe])
def test_a_file_that_is_not_the_one_that_was_judged_stops_it_before_anything_is_sent(
    case: Case, gcs: GcsEmulator, harm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(case)
    before = case.read("train.jsonl")
    assert main(["upload", case.folder, f"--to={TO}"]) == 2
    told = capsys.readouterr().err
    assert case.a in told
    assert "validate" in told
    assert gcs.list(f"{TO}/") == []
    assert case.read("train.jsonl") == before


def test_another_object_under_the_name_is_not_overwritten(
    case: Case, gcs: GcsEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    gcs.put(case.object_of("a.mp3"), b"something else")
    assert main(["upload", case.folder, f"--to={TO}"]) == 2
    assert "another object" in capsys.readouterr().err
    assert gcs.get(case.object_of("a.mp3")) == b"something else"


def test_a_file_that_changes_while_it_is_sent_is_told(
    case: Case, gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "chunks_of", lambda path: iter([b"what it holds by now"]))
    before = case.read("train.jsonl")
    with pytest.raises(OutputError, match="changed while it was sent"):
        upload(open_finished(case.folder), target_folder(TO, "--to"), lambda *_: None)
    assert case.read("train.jsonl") == before


@pytest.mark.parametrize("name", ["train/kept-00001-of-00002.jsonl", "verdicts/train-00000-of-00002.parquet"])
def test_a_shard_that_was_changed_stops_the_rewriting(case: Case, gcs: GcsEmulator, name: str, tmp_path: Path) -> None:
    content = case.read(name)
    harmed = content[:-3] + b"x" + content[-2:]
    if case.folder.startswith("gs://"):
        gcs.put(f"{case.folder}/{name}", harmed)
    else:
        Path(case.folder, name).write_bytes(harmed)
    before = case.read("train.jsonl")
    with pytest.raises(InputError):
        upload(open_finished(case.folder), target_folder(TO, "--to"), lambda *_: None)
    assert case.read("train.jsonl") == before


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--to=/local/folder"], "Cloud Storage only"),
        (["--to=gs://"], "bucket"),
        (["--to=gs://no-such-bucket/x"], "no such bucket"),
        ([], "--to"),
    ],
)
def test_a_target_that_cannot_be_is_told(
    case: Case, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upload", case.folder, *argv]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_what_upload_wrote_is_deleted_with_the_run(case: Case, gcs: GcsEmulator) -> None:
    assert main(["upload", case.folder, f"--to={TO}"]) == 0
    folder = open_folder(case.folder)
    claim_folder(folder, ["train.jsonl"], overwrite=True, is_launchers=True)
    assert folder.entry("upload.json") is None
    assert folder.entry("train.jsonl") is None
    assert folder.entry("unfinished-run.json") is not None


def test_unfinished_files_of_a_killed_command_are_deleted(tmp_path: Path, gcs: GcsEmulator) -> None:
    gcs.create_bucket("bucket")
    case = Case(tmp_path, str(tmp_path / "run"))
    run = open_finished(case.folder)
    begun = open_folder(case.folder).writer("train.jsonl", run.manifest.run_id)
    begun.write(b"half")
    begun._file.close()  # type: ignore[attr-defined]  # as the end of the process does
    assert list(Path(case.folder).glob("*.incomplete"))
    assert main(["upload", case.folder, f"--to={TO}"]) == 0
    assert not list(Path(case.folder).glob("*.incomplete"))
