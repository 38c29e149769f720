"""Files of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from store_fakes import LOOPBACK

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, ProbeCost
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

BODY = bytes(range(256)) * 4000


@pytest.fixture
def stores(make_stores: Callable[..., Stores]) -> Stores:
    return make_stores(msgspec.structs.replace(LOOPBACK, allow_local_media=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ä b.wav"
    path.write_bytes(BODY)
    return path


def kind_of(stores: Stores, uri: str) -> tuple[FailureKind, bool]:
    reader = stores.reader(uri)
    with pytest.raises(StoreError) as caught:
        reader.open(10)
    reader.close()
    return caught.value.failure.kind, caught.value.failure.transient


def test_all_kinds_of_reads(stores: Stores, path: Path) -> None:
    reader = stores.reader(str(path))
    info, head = reader.open(1000)
    assert (info.size_bytes, head, info.generation) == (len(BODY), BODY[:1000], None)
    assert reader.read([ByteRange(5000, 5010), ByteRange(7, 7)]) == (BODY[5000:5010], b"")
    assert b"".join(reader.stream(2000)) == BODY[2000:]
    reader.close()
    reader.close()
    assert reader.cost == ProbeCost(requests=3, received_bytes=1010 + len(BODY) - 2000, rounds=3)


def test_by_file_uri(stores: Stores, path: Path) -> None:
    reader = stores.reader(path.as_uri())
    assert reader.open(len(BODY) + 1)[1] == BODY
    reader.close()


def tag_of(stores: Stores, path: Path) -> str | None:
    reader = stores.reader(str(path))
    info = reader.stat()
    reader.close()
    return info.etag


def test_the_tag_changes_with_the_file(stores: Stores, path: Path) -> None:
    before = tag_of(stores, path)
    assert before is not None
    assert tag_of(stores, path) == before
    os.utime(path, ns=(0, 1))
    assert tag_of(stores, path) != before


def test_the_tag_changes_though_size_and_time_of_modification_are_set_back(stores: Stores, path: Path) -> None:
    os.utime(path, ns=(0, 1))
    before = tag_of(stores, path)
    changed_ns = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == changed_ns:  # the clock of a file system ticks every few milliseconds
        path.write_bytes(BODY[::-1])
        os.utime(path, ns=(0, 1))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (len(BODY), 1)
    assert tag_of(stores, path) != before


def test_another_file_in_its_place_has_another_tag(stores: Stores, path: Path) -> None:
    os.utime(path, ns=(0, 1))
    before = tag_of(stores, path)
    other = path.with_name("other")
    other.write_bytes(BODY[::-1])
    os.utime(other, ns=(0, 1))
    other.replace(path)
    assert tag_of(stores, path) != before


def test_only_when_allowed(make_stores: Callable[..., Stores], path: Path) -> None:
    for uri in (str(path), path.as_uri()):
        with pytest.raises(StoreError, match="only with --allow_local_media"):
            make_stores(LOOPBACK).reader(uri)


def test_missing(stores: Stores, path: Path) -> None:
    for uri in (f"{path}x", f"{path}/x", "/" + "a" * 300):
        assert kind_of(stores, uri) == (FailureKind.NOT_FOUND, False)


def test_empty(stores: Stores, path: Path) -> None:
    path.write_bytes(b"")
    assert kind_of(stores, str(path)) == (FailureKind.EMPTY, False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden(stores: Stores, path: Path) -> None:
    path.chmod(stat.S_IWUSR)
    assert kind_of(stores, str(path)) == (FailureKind.FORBIDDEN, False)


def test_what_is_no_regular_file(stores: Stores, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for uri in (str(tmp_path), str(tmp_path / "pipe"), "/dev/zero", "/dev/null"):
        assert kind_of(stores, uri) == (FailureKind.UNREADABLE, False)


def test_a_file_that_shrinks(stores: Stores, path: Path) -> None:
    reader = stores.reader(str(path))
    reader.open(10)
    path.write_bytes(b"short")
    with pytest.raises(StoreError) as caught:
        reader.read([ByteRange(1000, 2000)])
    reader.close()
    assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.CHANGED, True)
