"""The emulator behaves as the tests of the stores and of the pipelines rely on."""

from __future__ import annotations

import subprocess
import sys

import pytest
import urllib3
from gcs_emulator import GcsEmulator
from patience import PATIENCE_S


def test_a_ranged_media_answer_names_generation_and_total_size(gcs: GcsEmulator) -> None:
    generation = gcs.put("gs://bucket/a b/ü.wav", b"0123456789", content_type="audio/wav")
    answer = urllib3.request(
        "GET",
        f"{gcs.url}/download/storage/v1/b/bucket/o/a%20b%2F%C3%BC.wav?alt=media",
        headers={"Range": "bytes=2-4"},
    )
    assert (answer.status, answer.data) == (206, b"234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.headers["x-goog-generation"] == generation
    assert gcs.requests == ["GET /download/storage/v1/b/bucket/o/a%20b%2F%C3%BC.wav?alt=media"]


@pytest.mark.parametrize("path", ["/storage/v1/b/bucket/o/a.txt?", "/download/storage/v1/b/bucket/o/a.txt?alt=media&"])
def test_a_generation_that_was_replaced_is_not_found(gcs: GcsEmulator, path: str) -> None:
    first = gcs.put("gs://bucket/a.txt", b"one")
    second = gcs.put("gs://bucket/a.txt", b"two")
    statuses = [urllib3.request("GET", f"{gcs.url}{path}generation={number}").status for number in (first, second)]
    assert statuses == [404, 200]


def test_beam_reads_and_writes_through_it(gcs: GcsEmulator) -> None:
    beam_io = pytest.importorskip("apache_beam.io.filesystems")
    gcs.put("gs://bucket/in.txt", b"hello")
    with beam_io.FileSystems.open("gs://bucket/in.txt") as source:
        data = source.read()
    with beam_io.FileSystems.create("gs://bucket/out/copy.txt") as sink:
        sink.write(data)
    assert gcs.get("gs://bucket/out/copy.txt") == b"hello"
    assert gcs.list("gs://bucket/out/") == ["gs://bucket/out/copy.txt"]


def test_a_process_started_inside_finds_it_by_its_environment(gcs: GcsEmulator) -> None:
    gcs.put("gs://bucket/in.txt", b"hello")
    script = (
        "from google.cloud import storage; print(storage.Client().bucket('bucket').blob('in.txt').download_as_text())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stdout.strip() == "hello", done.stderr
