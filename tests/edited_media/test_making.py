"""Files made of media objects: each source fetched once, each file written once, whole, under a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gcs_emulator import GcsEmulator
from numbered_media import numbered_media, seen

from beam_tuning.edited_media import making as making_module
from beam_tuning.edited_media.making import Making, check_media_output, deliver
from beam_tuning.edited_media.orders import Delivered, NotDelivered, Order, SourceObject
from beam_tuning.errors import OutputError
from beam_tuning.media.edit.wanted import SECOND_NS, Kind
from beam_tuning.media.info import ObjectInfo
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.opener import Stores

OPTIONS = ProbeOptions(allow_local_media=True)
PART = Order(kind=Kind.PART, start_ns=SECOND_NS, stop_ns=2 * SECOND_NS)
PIECES = Order(kind=Kind.PART, longest_ns=2 * SECOND_NS)


def making(folder: Path | str, **more: Any) -> Making:
    return Making(str(folder), "0123456789abcdef", OPTIONS, **more)


def probed(uri: str) -> SourceObject:
    stores = Stores(OPTIONS)
    reader = stores.reader(uri)
    try:
        return SourceObject(uri, reader.stat())
    finally:
        reader.close()
        stores.close()


@pytest.fixture
def local(tmp_path: Path) -> SourceObject:
    path = tmp_path / "source.mp4"
    path.write_bytes(numbered_media(duration_s=5))
    return probed(str(path))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_part_and_pieces_of_one_source(local: SourceObject, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    part, pieces = deliver(local, [PART, PIECES], making(folder))
    assert isinstance(part, Delivered)
    assert isinstance(pieces, Delivered)
    assert seen(part.files[0].uri).numbers == list(range(25, 50))
    assert [number for file in pieces.files for number in seen(file.uri).numbers] == list(range(125))
    assert all(Path(file.uri).parent == folder and not file.was_there for file in (*part.files, *pieces.files))


def test_a_second_run_makes_nothing_and_reads_no_source(
    local: SourceObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    first = deliver(local, [PART, PIECES], making(folder))
    before = files_of(folder)
    monkeypatch.setattr(making_module, "edit", None)
    monkeypatch.setattr(making_module, "fetched", None)
    second = deliver(local, [PART, PIECES], making(folder))
    assert files_of(folder) == before
    for one, other in zip(first, second, strict=True):
        assert isinstance(one, Delivered)
        assert isinstance(other, Delivered)
        assert [(file.uri, file.made) for file in one.files] == [(file.uri, file.made) for file in other.files]
        assert all(file.was_there for file in other.files)


def test_a_file_without_its_note_is_made_again_to_the_same_bytes(local: SourceObject, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    deliver(local, [PART], making(folder))
    before = files_of(folder)
    for path in folder.glob("*.json"):
        path.write_text("no note")
    deliver(local, [PART], making(folder))
    assert files_of(folder) == before


def test_a_source_that_was_changed_since_is_not_used(local: SourceObject, tmp_path: Path) -> None:
    Path(local.uri).write_bytes(numbered_media(duration_s=4))
    (refused,) = deliver(local, [PART], making(tmp_path / "made"))
    assert isinstance(refused, NotDelivered)
    assert "changed" in refused.why
    assert not (tmp_path / "made").exists() or files_of(tmp_path / "made") == {}


def test_a_source_that_is_too_large_is_not_fetched(local: SourceObject, tmp_path: Path) -> None:
    (refused,) = deliver(local, [PART], making(tmp_path / "made", max_source_bytes=1000))
    assert isinstance(refused, NotDelivered)
    assert "1,000" in refused.why


def test_a_source_without_identity_gets_no_copies(tmp_path: Path) -> None:
    source = SourceObject("https://example.com/a.mp4", ObjectInfo(size_bytes=5))
    assert isinstance(deliver(source, [PART], making(tmp_path))[0], NotDelivered)


def test_what_is_no_media_gives_a_reason_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "source.mp4").write_bytes(b"no media" * 100)
    results = deliver(probed(str(tmp_path / "source.mp4")), [PART, PIECES], making(tmp_path / "made"))
    assert all(isinstance(one, NotDelivered) and one.why for one in results)


def test_scratch_is_left_empty(local: SourceObject, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    deliver(local, [PART], making(tmp_path / "made", scratch=str(scratch)))
    assert list(scratch.iterdir()) == []


def test_on_cloud_storage_a_source_is_fetched_once(gcs: GcsEmulator) -> None:
    gcs.put("gs://media/long.mp4", numbered_media(duration_s=5))
    gcs.create_bucket("made")
    source = probed("gs://media/long.mp4")
    gcs.requests.clear()
    part, pieces = deliver(source, [PART, PIECES], making("gs://made/here"))
    assert isinstance(part, Delivered)
    assert isinstance(pieces, Delivered)
    reads = [one for one in gcs.requests if "long.mp4" in one]
    assert len(reads) <= 2
    names = {file.uri for file in (*part.files, *pieces.files)}
    assert names <= set(gcs.list("gs://made/here"))
    gcs.requests.clear()
    assert deliver(source, [PART, PIECES], making("gs://made/here"))
    assert [one for one in gcs.requests if "long.mp4" in one or one.startswith(("POST", "PUT"))] == []


def test_a_replaced_generation_is_not_used(gcs: GcsEmulator) -> None:
    gcs.put("gs://media/long.mp4", numbered_media(duration_s=3))
    source = probed("gs://media/long.mp4")
    gcs.put("gs://media/long.mp4", numbered_media(duration_s=2))
    gcs.create_bucket("made")
    (refused,) = deliver(source, [PART], making("gs://made/here"))
    assert isinstance(refused, NotDelivered)
    assert gcs.list("gs://made/") == []


@pytest.mark.parametrize(
    ("folder", "uri"),
    [
        ("gs://bkt/media", "gs://bkt/media/a.mp4"),
        ("gs://bkt", "gs://bkt/media/a.mp4"),
        ("{tmp}/media", "{tmp}/media/a.mp4"),
        ("{tmp}/media", "file://{tmp}/media/deep/a.mp4"),
        ("{tmp}/media", "{tmp}/other/../media/a.mp4"),
    ],
)
def test_new_media_do_not_go_where_sources_lie(folder: str, uri: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="media_output"):
        check_media_output(folder.format(tmp=tmp_path), [uri.format(tmp=tmp_path)])


def test_another_folder_may_begin_alike() -> None:
    check_media_output("gs://bkt/media", ["gs://bkt/media2/a.mp4", "gs://c/media/a.mp4", "/b/media/a.mp4"])
