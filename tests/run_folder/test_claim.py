"""A folder is taken by one run at a time, and nothing is deleted but what a run of ours is known to have written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gcs_emulator import GcsEmulator

from beam_tuning.dataset.layout import Shard
from beam_tuning.errors import OutputError
from beam_tuning.reasons import Verdict
from beam_tuning.run_folder import names
from beam_tuning.run_folder.claim import Claim, check_claim, claim_folder, leave_claim, release_claim
from beam_tuning.run_folder.files import Folder
from beam_tuning.run_folder.local import LocalFolder
from beam_tuning.run_folder.manifest import Manifest, Tool
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.run_folder.writing import RunTarget, write_file

SHARD = Shard("train", 0, 1)
KEPT = names.lines_file(SHARD, Verdict.KEPT)
NAMES = tuple(names.all_names([SHARD], 1))


class Place:
    """A folder, local or in the emulator, with what a test wants to do to it behind the project's back."""

    def __init__(self, name: str, gcs: GcsEmulator | None) -> None:
        self.folder: Folder = open_folder(name)
        self._gcs = gcs

    def put(self, name: str, content: bytes) -> None:
        if self._gcs is not None:
            self._gcs.put(self.folder.path_of(name), content)
            return
        path = Path(self.folder.path_of(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def get(self, name: str) -> bytes:
        with self.folder.open(name) as stream:
            return stream.read()

    def present(self) -> set[str]:
        if self._gcs is not None:
            return {uri.removeprefix(f"{self.folder.name}/") for uri in self._gcs.list(f"{self.folder.name}/")}
        root = Path(self.folder.name)
        return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


@pytest.fixture(params=["local", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "local":
        yield Place(str(tmp_path / "out"), None)
        return
    gcs: GcsEmulator = request.getfixturevalue("gcs")
    gcs.create_bucket("bucket")
    yield Place("gs://bucket/runs/1", gcs)


def claim(place: Place, *, overwrite: bool = False) -> Claim:
    return claim_folder(place.folder, NAMES, overwrite=overwrite, is_launchers=True)


def finish(place: Place, taken: Claim, content: bytes = b"{}\n") -> None:
    """What a run does."""
    target = RunTarget(place.folder.name, taken.run_id)
    written = [write_file(target, KEPT, [content]), write_file(target, "train.jsonl", [content])]
    manifest = Manifest.of(Tool("beam_tuning", "1"), 0, written, taken.run_id)
    write_file(target, names.MANIFEST, [manifest.to_bytes()])
    release_claim(place.folder, taken.run_id)


def test_a_finished_run_is_kept_without_overwrite_and_replaced_with_it(place: Place) -> None:
    finish(place, claim(place))
    assert place.present() == {KEPT, "train.jsonl", "manifest.json"}
    with pytest.raises(OutputError, match="earlier run") as caught:
        claim(place)
    assert "--overwrite" in str(caught.value)
    assert place.present() == {KEPT, "train.jsonl", "manifest.json"}
    taken = claim(place, overwrite=True)
    assert place.present() == {names.CLAIM}
    finish(place, taken, b"{}\n{}\n")
    assert place.get(KEPT) == b"{}\n{}\n"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "name",
    ["media/clip.wav", "train/labels.csv", KEPT, "train.jsonl", "report.json", "verdicts/x/y.parquet", "manifest.json"],
)
def test_what_no_run_is_known_to_have_written_is_refused_by_name_and_stays(
    place: Place, name: str, overwrite: bool
) -> None:
    place.put(name, b"mine")
    with pytest.raises(OutputError) as caught:
        claim(place, overwrite=overwrite)
    # Of what lies deeper the folder is named.
    assert place.folder.path_of("/".join(name.split("/")[:2])) in str(caught.value)
    assert "--overwrite" not in str(caught.value)
    assert place.get(name) == b"mine"
    assert place.present() == {name}


def test_files_beside_those_of_a_run_stay(place: Place) -> None:
    place.put("notes.txt", b"mine")
    finish(place, claim(place))
    claim(place, overwrite=True)
    assert place.get("notes.txt") == b"mine"


def test_a_file_that_was_put_among_those_of_a_run_stops_the_deleting(place: Place) -> None:
    finish(place, claim(place))
    place.put("train/labels.csv", b"mine")
    before = place.present()
    with pytest.raises(OutputError, match=r"labels\.csv"):
        claim(place, overwrite=True)
    assert place.present() == before


@pytest.mark.parametrize("content", [b"changed, and longer\n", b"[]\n"])
def test_a_file_that_was_changed_since_is_not_deleted(place: Place, content: bytes) -> None:
    finish(place, claim(place))
    place.put("train.jsonl", content)
    with pytest.raises(OutputError, match="changed since") as caught:
        claim(place, overwrite=True)
    assert "train.jsonl" in str(caught.value)
    assert place.get("train.jsonl") == content
    assert names.MANIFEST in place.present()


def test_a_file_that_is_gone_is_no_hindrance(place: Place) -> None:
    finish(place, claim(place))
    entry = place.folder.entry("train.jsonl")
    assert entry is not None
    place.folder.delete(entry)
    claim(place, overwrite=True)
    assert place.present() == {names.CLAIM}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_that_goes_on_is_left_alone(place: Place, overwrite: bool) -> None:
    taken = claim(place)
    write_file(RunTarget(place.folder.name, taken.run_id), KEPT, [b"{}\n"])
    with pytest.raises(OutputError, match="another run writes"):
        claim(place, overwrite=overwrite)
    finish(place, taken)


def test_what_a_run_left_that_was_ended_is_deleted_with_overwrite(place: Place) -> None:
    taken = claim(place)
    target = RunTarget(place.folder.name, taken.run_id)
    write_file(target, KEPT, [b"{}\n"])
    # As a killed process leaves them: on disk a file under another name, on Cloud Storage parts of a composition.
    if isinstance(place.folder, LocalFolder):
        place.put(f"train.jsonl.{taken.run_id}-0123abcd.incomplete", b"{")
        place.put(f"{KEPT}.{taken.run_id}-0123abcd.incomplete", b"{")
    else:
        place.put(f"train.jsonl.{taken.run_id}-part-00000", b"{")
    leave_claim(taken.run_id)
    with pytest.raises(OutputError, match="--overwrite"):
        claim(place)
    second = claim(place, overwrite=True)
    assert place.present() == {names.CLAIM}
    with pytest.raises(OutputError, match="taken the output folder"):
        check_claim(place.folder, taken.run_id)
    check_claim(place.folder, second.run_id)


def test_a_process_that_was_killed_holds_nothing(place: Place) -> None:
    code = (
        "import sys\n"
        "from beam_tuning.run_folder.claim import claim_folder\n"
        "from beam_tuning.run_folder.opening import open_folder\n"
        "claim_folder(open_folder(sys.argv[1]), ['train.jsonl'], overwrite=False, is_launchers=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, place.folder.name], check=False)
    assert place.present() == {names.CLAIM}
    finish(place, claim(place, overwrite=True))


def test_of_many_runs_that_begin_at_once_one_gets_the_folder(place: Place) -> None:
    def begin(_: int) -> Claim | None:
        try:
            return claim(place, overwrite=True)
        except OutputError:
            return None

    with ThreadPoolExecutor(8) as pool:
        taken = [one for one in pool.map(begin, range(24)) if one is not None]
    assert len(taken) == 1
    check_claim(place.folder, taken[0].run_id)
    leave_claim(taken[0].run_id)
    # The same with a run to take over from.
    with ThreadPoolExecutor(8) as pool:
        taken = [one for one in pool.map(begin, range(24)) if one is not None]
    assert len(taken) == 1
    check_claim(place.folder, taken[0].run_id)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff", b'{"run_id": 3}', b"[" * 100_000])
@pytest.mark.parametrize("name", [names.CLAIM, names.MANIFEST])
def test_a_damaged_claim_or_manifest_deletes_nothing(place: Place, name: str, content: bytes) -> None:
    place.put(name, content)
    place.put("train.jsonl", b"{}\n")
    with pytest.raises(OutputError):
        claim(place, overwrite=True)
    assert place.present() == {name, "train.jsonl"}


@pytest.mark.parametrize("listed", ["../victim", "/etc/passwd", "notes.txt", "train/../../victim", "train"])
def test_a_manifest_cannot_name_what_no_run_writes(tmp_path: Path, listed: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "victim").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    file = {"name": listed, "size_bytes": 4, "crc32c": "AAAAAA=="}
    manifest = {"tool": {"name": "beam_tuning", "version": "1"}, "exit_code": 0, "version": 1, "files": [file]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(OutputError):
        claim(Place(str(folder), None), overwrite=True)
    assert (tmp_path / "victim").read_text() == (folder / "notes.txt").read_text() == "mine"


def test_a_claim_cannot_name_what_lies_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "victim").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    content = {"run_id": "0" * 16, "host": "h", "process_id": 1, "process_start": "1", "is_launchers": False}
    (folder / names.CLAIM).write_text(json.dumps(content | {"names": ["../victim", "notes.txt", "train.jsonl"]}))
    with pytest.raises(OutputError):
        claim(Place(str(folder), None), overwrite=True)
    assert (tmp_path / "victim").read_text() == (folder / "notes.txt").read_text() == "mine"


def test_the_manifest_goes_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(place, claim(place))
    deleted: list[str] = []
    delete = type(place.folder).delete

    def record(folder: Folder, entry: object) -> None:
        deleted.append(entry.name)  # type: ignore[attr-defined]
        delete(folder, entry)  # type: ignore[arg-type]

    monkeypatch.setattr(type(place.folder), "delete", record)
    claim(place, overwrite=True)
    assert deleted[0] == names.MANIFEST
    assert set(deleted) == {names.MANIFEST, KEPT, "train.jsonl"}


_ODD_NAMES = ["out[1]", "a b", "star*", "what?", "{x}", "100%", "one,two", "#1", "\N{ROCKET}"]


@pytest.mark.parametrize("name", _ODD_NAMES)
def test_on_cloud_storage_no_character_of_a_folders_name_is_a_wildcard(gcs: GcsEmulator, name: str) -> None:
    gcs.create_bucket("bucket")
    others = [Place(f"gs://bucket/runs/{other}", gcs) for other in ("out1", "starry", "whats", "x", f"{name}-2")]
    place = Place(f"gs://bucket/runs/{name}", gcs)
    for one in (*others, place):
        finish(one, claim(one))
    finish(place, claim(place, overwrite=True), b"{}\n{}\n")
    assert RunFolder(place.folder.name).read("train.jsonl") == b"{}\n{}\n"
    for other in others:
        assert other.present() == {KEPT, "train.jsonl", "manifest.json"}
        assert RunFolder(other.folder.name).read("train.jsonl") == b"{}\n"


def test_on_cloud_storage_what_lies_below_the_name_of_a_file_stays(gcs: GcsEmulator) -> None:
    gcs.create_bucket("bucket")
    place = Place("gs://bucket/run", gcs)
    place.put("train.jsonl/clip.wav", b"mine")
    finish(place, claim(place))
    claim(place, overwrite=True)
    assert place.present() == {names.CLAIM, "train.jsonl/clip.wav"}
    assert place.get("train.jsonl/clip.wav") == b"mine"


_Trap = Callable[[Path, Path], None]


def _link_of_folder(folder: Path, outside: Path) -> None:
    (folder / "media").symlink_to(outside, target_is_directory=True)


def _link_of_file(folder: Path, outside: Path) -> None:
    (folder / "train.jsonl").symlink_to(outside / "clip.wav")


def _link_of_claim(folder: Path, outside: Path) -> None:
    (folder / names.CLAIM).symlink_to(outside / "new")


def _folder_of_the_name(folder: Path, outside: Path) -> None:
    (folder / "train.jsonl").mkdir()
    (folder / "train.jsonl" / "clip.wav").write_bytes(b"mine")


def _pipe(folder: Path, outside: Path) -> None:
    os.mkfifo(folder / "manifest.json")


def _link_in_subfolder(folder: Path, outside: Path) -> None:
    (folder / "train").mkdir()
    (folder / KEPT).symlink_to(outside / "clip.wav")


@pytest.mark.parametrize(
    "trap", [_link_of_folder, _link_of_file, _link_of_claim, _folder_of_the_name, _pipe, _link_in_subfolder]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_no_link_is_followed_and_no_folder_is_deleted(tmp_path: Path, trap: _Trap, overwrite: bool) -> None:
    folder, outside = tmp_path / "out", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "clip.wav").write_bytes(b"mine")
    trap(folder, outside)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError):
        claim(Place(str(folder), None), overwrite=overwrite)
    assert sorted(tmp_path.rglob("*")) == before
    assert (outside / "clip.wav").read_bytes() == b"mine"


def test_a_link_that_takes_the_place_of_a_run_s_folder_is_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    place = Place(str(folder), None)
    taken = claim(place)
    (folder / "train").symlink_to(outside, target_is_directory=True)
    with pytest.raises(OutputError, match="links"):
        write_file(RunTarget(str(folder), taken.run_id), KEPT, [b"{}\n"])
    assert not list(outside.iterdir())


def test_a_folder_that_is_a_file_or_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be used"):
        claim(Place(str(tmp_path / "file"), None))
    with pytest.raises(OutputError, match="cannot be used"):
        claim(Place(str(tmp_path / "file" / "below"), None))


def test_the_run_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk", target_is_directory=True)
    place = Place(str(tmp_path / "out"), None)
    finish(place, claim(place))
    assert (tmp_path / "disk" / "manifest.json").exists()
