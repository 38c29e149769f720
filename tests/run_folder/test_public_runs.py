"""A run in a bucket that anybody may read is read without signing in; nothing is written so, and waits are short."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from gcs_emulator import GcsEmulator
from google.api_core.retry import retry_base, retry_unary
from google.cloud.storage import Client

from beam_tuning.errors import OutputError
from beam_tuning.run_folder import gcs as gcs_folders
from beam_tuning.run_folder.files import Entry, Folder
from beam_tuning.run_folder.opening import open_folder

WRITING: dict[str, Callable[[Folder], object]] = {
    "create": lambda folder: folder.create("manifest.json", b"{}"),
    "replace": lambda folder: folder.replace("manifest.json", b"{}", Entry("manifest.json", 2, version="1")),
    "write": lambda folder: folder.writer("train.jsonl", "0" * 16),
    "delete": lambda folder: folder.delete(Entry("train.jsonl", 3, version="1")),
}


class Clock(threading.local):
    """Time goes by while a thread waits. The client asks for a bucket's place in a thread of its own."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s


@pytest.fixture
def public_run(gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> Folder:
    gcs.put("gs://public-bucket/run/manifest.json", b"{}")
    gcs.put("gs://public-bucket/run/media/media-00000-of-00001.parquet", b"PAR1")
    access = gcs_folders._Access(Client.create_anonymous_client(), is_anonymous=True)
    monkeypatch.setattr(gcs_folders, "_access", lambda emulator: access)
    return open_folder("gs://public-bucket/run")


def test_it_is_read(public_run: Folder) -> None:
    with public_run.open("manifest.json") as stream:
        assert stream.read() == b"{}"
    assert public_run.entry("report.json") is None
    assert [one.name for one in public_run.entries("media")] == ["media/media-00000-of-00001.parquet"]


@pytest.mark.parametrize("name", WRITING)
def test_nothing_is_written(public_run: Folder, gcs: GcsEmulator, name: str) -> None:
    with pytest.raises(OutputError, match="nobody is signed in"):
        WRITING[name](public_run)
    assert gcs.get("gs://public-bucket/run/manifest.json") == b"{}"


@pytest.mark.parametrize("status", [401, 403])
def test_one_that_is_not_public_asks_to_sign_in(public_run: Folder, gcs: GcsEmulator, status: int) -> None:
    gcs.answer("/b/public-bucket/o/run/manifest.json", status, {"error": {"message": "Anonymous caller"}})
    with pytest.raises(OutputError, match="nobody is signed in"):
        public_run.entry("manifest.json")


def test_a_network_that_is_down_is_told_soon(gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    for module in (retry_base, retry_unary):
        monkeypatch.setattr(module, "time", clock)
    client = Client.create_anonymous_client()
    client._connection.API_BASE_URL = "http://127.0.0.1:1"  # nobody listens there
    monkeypatch.setattr(gcs_folders, "_access", lambda emulator: gcs_folders._Access(client, is_anonymous=False))
    for look in (lambda folder: folder.entry("manifest.json"), lambda folder: folder.entries("media")):
        before_s = clock.monotonic()
        with pytest.raises(OutputError, match="does not answer"):
            look(open_folder("gs://bucket/run"))
        assert 0 < clock.monotonic() - before_s <= 30
