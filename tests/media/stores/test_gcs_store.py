"""gs:// objects: against the emulator, and against a server that answers as Cloud Storage documents and it does not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import msgspec
import pytest
from fault_server import Answer, FaultServer, refusal
from gcs_emulator import GcsEmulator
from store_fakes import LOOPBACK, FakeClock

from beam_tuning.errors import OptionError
from beam_tuning.media.containers.plan import HEAD_BYTES, ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost, ProbeFailure
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import ObjectReader, StoreError

BODY = random.Random(2).randbytes(200_000)
#: Cloud Storage needs no leave to be on loopback: its address does not come from the dataset.
CLOSED = msgspec.structs.replace(LOOPBACK, allow_private_addresses=False)
MEDIA = "/download/storage/v1/b/bucket/o/a"
METADATA = "/storage/v1/b/bucket/o/a"


def failure_of(read: Callable[[], object], reader: ObjectReader) -> ProbeFailure:
    try:
        with pytest.raises(StoreError) as caught:
            read()
        return caught.value.failure
    finally:
        reader.close()


class TestEmulator:
    @pytest.fixture
    def stores(self, gcs: GcsEmulator, make_stores: Callable[..., Stores]) -> Stores:
        return make_stores(CLOSED)

    def test_one_request_brings_all(self, gcs: GcsEmulator, stores: Stores) -> None:
        generation = gcs.put("gs://bucket/dir/a ü#.wav", BODY, content_type="audio/wav")
        reader = stores.reader("gs://bucket/dir/a ü#.wav")
        info, head = reader.open(HEAD_BYTES)
        assert head == BODY[:HEAD_BYTES]
        assert (info.size_bytes, info.generation, info.content_type) == (len(BODY), generation, "audio/wav")
        assert info.crc32c
        assert info.md5
        assert reader.read([ByteRange(190_000, 200_000), ByteRange(70_000, 70_001)]) == (
            BODY[190_000:],
            BODY[70_000:70_001],
        )
        assert b"".join(reader.stream(100_000)) == BODY[100_000:]
        reader.close()
        assert reader.cost == ProbeCost(requests=4, received_bytes=HEAD_BYTES + 10_001 + 100_000, rounds=3)
        pinned = [f"generation={generation}" in request for request in gcs.requests]
        assert pinned == [False, True, True, True]

    def test_stat_agrees_with_open(self, gcs: GcsEmulator, stores: Stores) -> None:
        gcs.put("gs://bucket/a", BODY, content_type="video/mp4")
        reader = stores.reader("gs://bucket/a")
        info, _ = reader.open(10)
        reader.close()
        other = stores.reader("gs://bucket/a")
        assert msgspec.structs.replace(other.stat(), etag=None) == msgspec.structs.replace(info, etag=None)
        other.close()
        assert other.cost.requests == 1
        assert gcs.requests[-1].startswith("GET /storage/v1/b/bucket/o/a?fields=")

    def test_empty(self, gcs: GcsEmulator, stores: Stores) -> None:
        gcs.put("gs://bucket/a", b"")
        reader = stores.reader("gs://bucket/a")
        assert failure_of(lambda: reader.open(10), reader).kind is FailureKind.EMPTY
        assert failure_of(reader.stat, reader).kind is FailureKind.EMPTY

    def test_missing(self, gcs: GcsEmulator, stores: Stores) -> None:
        gcs.create_bucket("bucket")
        for uri in ("gs://bucket/a", "gs://no-bucket/a"):
            reader = stores.reader(uri)
            found = failure_of(lambda reader=reader: reader.open(10), reader)  # type: ignore[misc]
            assert (found.kind, found.transient) == (FailureKind.NOT_FOUND, False)
            assert failure_of(reader.stat, reader).kind is FailureKind.NOT_FOUND
            assert reader.cost.requests == 2

    def test_stored_compressed(self, gcs: GcsEmulator, stores: Stores) -> None:
        gcs.put("gs://bucket/a", BODY, content_encoding="gzip")
        reader = stores.reader("gs://bucket/a")
        found = failure_of(lambda: reader.open(10), reader)
        assert (found.kind, found.transient) == (FailureKind.UNREADABLE, False)
        assert reader.cost.requests == 1


class TestDocumentedAnswers:
    """What the emulator does not do: statuses and bodies as the JSON API's documentation has them."""

    @pytest.fixture
    def open_a(self, server: FaultServer, make_stores: Callable[..., Stores]) -> Callable[..., ObjectReader]:
        def make(**changes: object) -> ObjectReader:
            options = msgspec.structs.replace(CLOSED, **changes)
            return make_stores(options, environ={"STORAGE_EMULATOR_HOST": server.url}).reader("gs://bucket/a")

        return make

    def test_headers_of_the_answer(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        server.script(
            MEDIA,
            Answer(
                BODY,
                headers={
                    "x-goog-generation": "1700000000000001",
                    "x-goog-hash": "crc32c=AAAAAA==,md5=1B2M2Y8AsgTpgAmY7PhCfg==",
                    "ETag": '"tag"',
                    "Content-Type": "audio/mpeg",
                },
            ),
        )
        reader = open_a()
        info, _ = reader.open(10)
        reader.read([ByteRange(5, 10)])
        reader.close()
        assert info == ObjectInfo(
            size_bytes=len(BODY),
            generation="1700000000000001",
            etag='"tag"',
            crc32c="AAAAAA==",
            md5="1B2M2Y8AsgTpgAmY7PhCfg==",
            content_type="audio/mpeg",
        )
        assert [request.target for request in server.requests] == [
            f"{MEDIA}?alt=media",
            f"{MEDIA}?alt=media&generation=1700000000000001",
        ]
        assert server.requests[0].headers["Accept-Encoding"] == "gzip"
        assert server.requests[0].headers["Authorization"] is None

    def test_a_composite_object_has_no_md5(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        server.script(MEDIA, Answer(BODY, headers={"x-goog-hash": "crc32c=AAAAAA=="}))
        reader = open_a()
        info, _ = reader.open(10)
        reader.close()
        assert (info.crc32c, info.md5) == ("AAAAAA==", None)

    def test_requester_pays(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        server.script(MEDIA, Answer(BODY))
        server.script(METADATA, Answer(b'{"size": "5", "generation": "1"}', status=200))
        reader = open_a(billing_project="payer")
        reader.open(10)
        reader.read([ByteRange(5, 10)])
        reader.stat()
        reader.close()
        assert all("userProject=payer" in request.target for request in server.requests)

    def test_requester_pays_without_a_project(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        text = b"Bucket is a requester pays bucket but no user project provided."
        server.script(MEDIA, refusal(400, text))
        reader = open_a()
        found = failure_of(lambda: reader.open(10), reader)
        assert found.kind is FailureKind.FORBIDDEN
        assert text.decode() in found.message

    @pytest.mark.parametrize("status", [401, 403])
    def test_forbidden(self, server: FaultServer, open_a: Callable[..., ObjectReader], status: int) -> None:
        body = {"error": {"code": status, "message": "Anonymous caller does not have storage.objects.get\n access."}}
        server.script(MEDIA, refusal(status, json.dumps(body).encode()))
        reader = open_a()
        found = failure_of(lambda: reader.open(10), reader)
        assert (found.kind, found.transient, reader.cost.requests) == (FailureKind.FORBIDDEN, True, 1)
        assert "does not have storage.objects.get access." in found.message
        assert "nobody is signed in to Google Cloud" in found.message

    def test_a_long_or_strange_message_is_cut(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        server.script(MEDIA, refusal(403, b"\x1b[31m\x00" + b"a" * 100_000))
        reader = open_a()
        found = failure_of(lambda: reader.open(10), reader)
        assert len(found.message) < 500
        assert found.message.isprintable()
        assert reader.cost.received_bytes <= 4096

    def test_empty(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        server.script(MEDIA, Answer(b""))
        reader = open_a()
        assert failure_of(lambda: reader.open(10), reader).kind is FailureKind.EMPTY
        assert reader.cost.requests == 1

    @pytest.mark.parametrize("status", [404, 412])
    def test_a_generation_that_is_gone(
        self, server: FaultServer, open_a: Callable[..., ObjectReader], status: int
    ) -> None:
        server.script(MEDIA, Answer(BODY, headers={"x-goog-generation": "1"}), refusal(status))
        reader = open_a()
        reader.open(10)
        found = failure_of(lambda: reader.read([ByteRange(0, 5)]), reader)
        assert (found.kind, found.transient) == (FailureKind.CHANGED, True)

    def test_another_generation_than_the_one_asked_for(
        self, server: FaultServer, open_a: Callable[..., ObjectReader]
    ) -> None:
        answers = [Answer(BODY, headers={"x-goog-generation": generation}) for generation in "12"]
        server.script(MEDIA, *answers)
        reader = open_a()
        reader.open(10)
        assert failure_of(lambda: reader.read([ByteRange(0, 5)]), reader).kind is FailureKind.CHANGED

    @pytest.mark.parametrize("path", [MEDIA, METADATA])
    def test_too_many_requests(
        self, server: FaultServer, open_a: Callable[..., ObjectReader], clock: FakeClock, path: str
    ) -> None:
        server.script(path, refusal(429, Retry_After="3"), refusal(503), Answer(b'{"size":"1","generation":"1"}'))
        reader = open_a()
        reader.open(10) if path == MEDIA else reader.stat()
        reader.close()
        assert (reader.cost.requests, reader.cost.retries) == (3, 2)
        assert clock.pauses_s[0] == 3.0

    def test_a_redirect_is_not_followed(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        server.script(MEDIA, refusal(302, Location="http://elsewhere.example/"))
        reader = open_a()
        assert failure_of(lambda: reader.open(10), reader).kind is FailureKind.SERVER_ERROR
        assert len(server.requests) == 1

    def test_stat(self, server: FaultServer, open_a: Callable[..., ObjectReader]) -> None:
        resource = {
            "size": "123",
            "generation": "7",
            "etag": "CAE=",
            "crc32c": "AAAAAA==",
            "md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
            "contentType": "audio/wav",
        }
        server.script(METADATA, Answer(json.dumps(resource).encode(), ignore_range=True))
        reader = open_a()
        info = reader.stat()
        reader.close()
        assert info == ObjectInfo(123, "7", "CAE=", "AAAAAA==", "1B2M2Y8AsgTpgAmY7PhCfg==", "audio/wav")

    @pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"size": "x", "generation": "1"}', b'{"size": 1'])
    def test_metadata_that_is_none(self, server: FaultServer, open_a: Callable[..., ObjectReader], body: bytes) -> None:
        server.script(METADATA, Answer(body, ignore_range=True))
        reader = open_a()
        found = failure_of(reader.stat, reader)
        assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, True)


@pytest.mark.parametrize("value", ["http://", "ftp://x", "http://x:y", "://", "http://[::1"])
def test_an_emulator_address_that_is_none(make_stores: Callable[..., Stores], value: str) -> None:
    with pytest.raises(OptionError, match="emulator"):
        make_stores(environ={"STORAGE_EMULATOR_HOST": value})


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_an_emulator_address_with_or_without_scheme(
    server: FaultServer, make_stores: Callable[..., Stores], scheme: str
) -> None:
    server.script(MEDIA, Answer(BODY))
    stores = make_stores(CLOSED, environ={"STORAGE_EMULATOR_HOST": f"{scheme}127.0.0.1:{server.port}"})
    reader = stores.reader("gs://bucket/a")
    assert reader.open(5)[1] == BODY[:5]
    reader.close()
