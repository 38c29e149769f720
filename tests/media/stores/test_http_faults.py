"""http(s):// objects: broken connections, caps, changes on the way, redirects, TLS."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fault_server import Answer, FaultServer, refusal, running_fault_server, server_tls
from store_fakes import LOOPBACK, FakeClock, FakeResolver, failure_of

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, ProbeFailure
from beam_tuning.media.stores import sockets
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

BODY = random.Random(1).randbytes(300_000)
SMALL = BODY[:1000]


class TestBrokenConnections:
    @pytest.mark.parametrize("fault", [{"close_after": 500}, {"reset_after": 500}, {"stall_after": 500}])
    def test_a_read_goes_on_where_the_last_attempt_ended(
        self, server: FaultServer, stores: Stores, fault: dict[str, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        patient = sockets.next_wait_s
        # A server that stalls is not waited for, and one that is only slow is.
        monkeypatch.setattr(sockets, "next_wait_s", lambda *args: 0.1 if server.stalling.is_set() else patient(*args))
        reader = stores.reader(server.script("/a", Answer(SMALL, **fault), Answer(SMALL)))
        assert reader.open(1000)[1] == SMALL
        reader.close()
        assert (reader.cost.requests, reader.cost.retries) == (2, 1)
        assert server.ranges[0] == "bytes=0-999"
        # A reset may drop bytes that had arrived.
        assert server.ranges[1] in ("bytes=500-999", "bytes=0-999")

    @pytest.mark.parametrize("ignore_range", [True, False])
    def test_a_stream_goes_on_too(self, server: FaultServer, stores: Stores, ignore_range: bool) -> None:
        broken = Answer(BODY, close_after=150_000, ignore_range=ignore_range)
        url = server.script("/a", Answer(BODY), broken, Answer(BODY, ignore_range=ignore_range))
        reader = stores.reader(url)
        reader.open(10)
        assert b"".join(reader.stream(7)) == BODY[7:]
        reader.close()
        assert reader.cost.retries == 1

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ({"close_after": 0}, FailureKind.SERVER_ERROR),
            ({"reset_after": 0}, FailureKind.SERVER_ERROR),
            ({"stall_after": 0}, FailureKind.TIMED_OUT),
            ({"stall_before_headers": True}, FailureKind.TIMED_OUT),
            ({"chunked": True, "close_after": 10, "ignore_range": True}, FailureKind.SERVER_ERROR),
        ],
    )
    def test_a_fault_at_every_attempt(
        self, server: FaultServer, make_stores: Callable[..., Stores], fault: dict[str, int], kind: FailureKind
    ) -> None:
        stall_timeout_s = 0.1 if kind is FailureKind.TIMED_OUT else 20.0
        reader = make_stores(msgspec.structs.replace(LOOPBACK, stall_timeout_s=stall_timeout_s)).reader(
            server.script("/a", Answer(SMALL, **fault))
        )  # type: ignore[arg-type]
        found = failure_of(reader)
        assert (found.kind, found.transient) == (kind, True)
        assert reader.cost.requests == 4

    def test_a_drip_ends_with_the_time_for_one_read(self, server: FaultServer) -> None:
        """Each byte comes before the wait for it is over: only the time for the whole read ends this."""

        class SlowClock(FakeClock):
            """A second goes by whenever it is looked at."""

            def monotonic_s(self) -> float:
                self.sleep(1.0)
                return sum(self.pauses_s)

        options = msgspec.structs.replace(LOOPBACK, max_attempts=1, stall_timeout_s=20.0, read_timeout_s=60.0)
        body = bytes(20_000_000)
        stores = Stores(options, clock=SlowClock())
        reader = stores.reader(server.script("/a", Answer(body)))
        found = failure_of(reader, head_bytes=len(body))
        stores.close()
        assert (found.kind, found.transient) == (FailureKind.TIMED_OUT, True)
        assert "in the time that one read may take" in found.message
        assert 1 <= reader.cost.received_bytes <= 60 * 65536

    def test_all_attempts_together_stay_in_the_time_for_an_object(
        self, server: FaultServer, make_stores: Callable[..., Stores], clock: FakeClock
    ) -> None:
        reader = make_stores(msgspec.structs.replace(LOOPBACK, object_timeout_s=8.0)).reader(
            server.script("/a", refusal(503, Retry_After="5"))
        )
        assert failure_of(reader).transient
        assert clock.pauses_s == [5.0]

    def test_a_connection_closed_between_two_objects_is_no_fault(self, server: FaultServer, stores: Stores) -> None:
        server.script("/a", Answer(SMALL, close=True))
        for _ in range(3):
            reader = stores.reader(server.url + "/a")
            reader.open(10)
            reader.close()
            assert reader.cost.retries == 0

    def test_nobody_listens(self, stores: Stores) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            found = failure_of(stores.reader(f"http://127.0.0.1:{taken.getsockname()[1]}/a"))
        assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, True)
        assert "refused" in found.message

    @pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_NONAME])
    def test_a_name_without_address_is_not_proof(self, make_stores: Callable[..., Stores], code: int) -> None:
        def fail(host: str, port: int) -> list[object]:
            raise socket.gaierror(code, "x")

        found = failure_of(make_stores(resolver=fail).reader("https://media.example/a"))
        assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, True)
        assert "media.example" in found.message
        # It is no busy store: the name is what is wrong, or who was asked for it.
        assert ("no host of the name" in found.message) == (code == socket.EAI_NONAME)

    @pytest.mark.parametrize(
        "answer",
        [
            b"", b"\x00" * 100, b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 206\r\n" + b"X: y\r\n" * 500,
            b"HTTP/1.1 200 OK\r\n" + b"A" * 70_000, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ],
    )  # fmt: skip
    def test_what_is_no_http(self, stores: Stores, answer: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                for _ in range(4):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            found = failure_of(stores.reader(f"http://127.0.0.1:{listener.getsockname()[1]}/a"))
            thread.join()
        assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, True)


class TestCaps:
    def test_requests(self, server: FaultServer, make_stores: Callable[..., Stores]) -> None:
        reader = make_stores(msgspec.structs.replace(LOOPBACK, max_requests=3)).reader(
            server.script("/a", Answer(BODY))
        )
        reader.open(10)
        with pytest.raises(StoreError) as caught:
            reader.read([ByteRange(i, i + 1) for i in range(10)])
        reader.close()
        assert caught.value.failure == ProbeFailure(
            FailureKind.WORK_CAP, "Reading the object takes more than 3 requests.", transient=False
        )
        assert len(server.requests) <= 3

    def test_bytes_that_a_far_range_would_take_are_not_read(
        self, server: FaultServer, make_stores: Callable[..., Stores]
    ) -> None:
        options = msgspec.structs.replace(LOOPBACK, max_received_bytes=100_000)
        reader = make_stores(options).reader(server.script("/a", Answer(BODY, ignore_range=True)))
        reader.open(10)
        with pytest.raises(StoreError) as caught:
            reader.read([ByteRange(299_999, 300_000)])
        assert caught.value.failure.kind is FailureKind.WORK_CAP
        assert reader.cost.received_bytes == 10
        reader.close()

    @pytest.mark.parametrize("compress", [True, False])
    def test_bytes_of_an_endless_object(
        self, server: FaultServer, make_stores: Callable[..., Stores], compress: bool
    ) -> None:
        options = msgspec.structs.replace(LOOPBACK, max_received_bytes=200_000)
        answer = Answer(bytes(3_000_000), ignore_range=True, chunked=not compress, compress=compress)
        reader = make_stores(options).reader(server.script("/a", answer))
        assert failure_of(reader).kind is FailureKind.WORK_CAP
        assert reader.cost.received_bytes < 300_000


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#: What a client may leave on its way in the buffers of two sockets.
_BUFFERS_BYTES = 32 << 20


class TestFloods:
    """Bytes that are no body: http.client reads them without end and tells nobody."""

    @pytest.mark.parametrize(
        ("raw", "flood"),
        [
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
            (b"", b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 10_000 + b"\r\n\r\n"),
            (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
        ],
        ids=["interim answers", "interim answers with headers", "headers"],
    )
    def test_before_the_answer(self, server: FaultServer, stores: Stores, raw: bytes, flood: bytes) -> None:
        reader = stores.reader(server.script("/a", Answer(raw=raw, flood=flood)))
        found = failure_of(reader)
        assert found == ProbeFailure(
            FailureKind.SERVER_ERROR, "127.0.0.1 sends headers without end, and no answer.", transient=False
        )
        assert len(server.requests) == 1
        assert server.flooded_bytes < _BUFFERS_BYTES

    @pytest.mark.parametrize(
        ("raw", "flood"),
        [
            (_CHUNKED, b"1;" + b"x" * 60_000 + b"\r\na\r\n"),
            (_CHUNKED + b"5\r\nhello\r\n0\r\n", b"Trailer: x\r\n" * 1000),
        ],
        ids=["chunk extensions", "trailers"],
    )
    def test_around_the_body(self, server: FaultServer, stores: Stores, raw: bytes, flood: bytes) -> None:
        reader = stores.reader(server.script("/a", Answer(raw=raw, flood=flood)))
        found = failure_of(reader)
        assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, False)
        assert "of them are the object's" in found.message
        assert len(server.requests) == 1
        assert server.flooded_bytes < _BUFFERS_BYTES

    def test_a_frame_around_each_byte_is_no_flood(self, server: FaultServer, stores: Stores) -> None:
        body = SMALL * 400
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        reader = stores.reader(server.script("/a", Answer(raw=_CHUNKED + chunks + b"0\r\n\r\n")))
        assert reader.open(len(body))[1] == body
        reader.close()

    def test_headers_count_against_the_budget(self, server: FaultServer, make_stores: Callable[..., Stores]) -> None:
        for hop in range(4):
            server.script(f"/{hop}", refusal(302, Location=f"/{hop + 1}", X_Padding="x" * 60_000))
        reader = make_stores(msgspec.structs.replace(LOOPBACK, max_received_bytes=200_000)).reader(server.url + "/0")
        assert failure_of(reader).kind is FailureKind.WORK_CAP
        assert reader.cost.requests == 4

    def test_interim_answers_are_passed_over(self, server: FaultServer, stores: Stores) -> None:
        raw = b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + SMALL
        reader = stores.reader(server.script("/a", Answer(raw=raw)))
        assert reader.open(10)[1] == SMALL[:10]
        reader.close()


class TestAbsurdHeaders:
    @pytest.mark.parametrize("digits", [19, 4000])
    def test_a_length_that_nothing_has(self, server: FaultServer, stores: Stores, digits: int) -> None:
        raw = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * digits + b"\r\n\r\nabc"
        found = failure_of(stores.reader(server.script("/a", Answer(raw=raw))))
        assert found.kind is FailureKind.SERVER_ERROR
        assert len(found.message) < 200
        assert "999" not in found.message

    def test_a_size_that_nothing_has(self, server: FaultServer, stores: Stores) -> None:
        answer = Answer(SMALL, content_range="bytes 0-999/9999999999999999999")
        reader = stores.reader(server.script("/a", answer, Answer(SMALL, ignore_range=True)))
        assert reader.open(1000)[0].size_bytes == len(SMALL)
        reader.close()

    def test_what_cannot_be_printed_is_made_visible_or_left_out(self, server: FaultServer, stores: Stores) -> None:
        headers = {"ETag": '"\x9b\xff"', "Content-Type": "audio/\x9bwav\x7f"}
        reader = stores.reader(server.script("/a", Answer(SMALL, headers=headers)))
        info, _ = reader.open(10)
        reader.close()
        # A tag that was mended could be that of another object: it proves nothing.
        assert (info.etag, info.content_type) == (None, "audio/?wav?")

    def test_a_tag_that_is_too_long_proves_nothing(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(SMALL, headers={"ETag": '"' + "x" * 5000 + '"'})))
        assert reader.open(10)[0].etag is None
        reader.close()


class TestChanges:
    @pytest.mark.parametrize(
        "later",
        [
            Answer(BODY, headers={"ETag": '"v2"'}),
            Answer(BODY[:250_000], headers={"ETag": '"v1"'}),
            Answer(BODY[:1000], headers={"ETag": '"v1"'}),
            refusal(404),
            refusal(410),
            refusal(403),
            Answer(BODY, headers={"ETag": '"v2"'}, ignore_range=True),
        ],
    )
    def test_another_object_under_the_same_url(self, server: FaultServer, stores: Stores, later: Answer) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY, headers={"ETag": '"v1"'}), later))
        reader.open(10)
        with pytest.raises(StoreError) as caught:
            reader.read([ByteRange(200_000, 200_010)])
        reader.close()
        assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.CHANGED, True)

    def test_weak_tags_may_differ(self, server: FaultServer, stores: Stores) -> None:
        first, second = (Answer(BODY, headers={"ETag": tag}) for tag in ('W/"1"', 'W/"2"'))
        reader = stores.reader(server.script("/a", first, second))
        reader.open(10)
        assert reader.read([ByteRange(0, 4)]) == (BODY[:4],)
        reader.close()


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_they_are_followed_once_for_an_object(self, server: FaultServer, stores: Stores, status: int) -> None:
        server.script("/there", Answer(BODY))
        reader = stores.reader(server.script("/here", refusal(status, Location="/there?x=1")))
        assert reader.open(10)[1] == BODY[:10]
        assert reader.read([ByteRange(10, 20)]) == (BODY[10:20],)
        reader.close()
        assert [request.target for request in server.requests] == ["/here", "/there?x=1", "/there?x=1"]

    @pytest.mark.parametrize("hops", [5, 6])
    def test_five_are_followed(self, server: FaultServer, stores: Stores, hops: int) -> None:
        for hop in range(hops):
            server.script(f"/{hop}", refusal(302, Location=f"/{hop + 1}"))
        server.script(f"/{hops}", Answer(SMALL))
        reader = stores.reader(server.url + "/0")
        if hops == 5:
            assert reader.open(10)[1] == SMALL[:10]
            reader.close()
        else:
            assert failure_of(reader).kind is FailureKind.UNREADABLE
            assert reader.cost.requests == 7

    @pytest.mark.parametrize(
        "location",
        [
            "ftp://media.example/a", "file:///etc/passwd", "gs://bucket/a", "data:audio/wav,x", "http://[::1/a",
            "http://user:pw@media.example/a", "http://media.example:99999/", "javascript:x", "http://a b/", "http://:80/",
        ],
    )  # fmt: skip
    def test_elsewhere_than_http_they_are_not(self, server: FaultServer, stores: Stores, location: str) -> None:
        reader = stores.reader(server.script("/here", refusal(302, Location=location)))
        assert failure_of(reader).kind is FailureKind.UNREADABLE
        assert reader.cost.requests == 1

    def test_without_a_location(self, server: FaultServer, stores: Stores) -> None:
        assert failure_of(stores.reader(server.script("/here", refusal(302)))).kind is FailureKind.SERVER_ERROR

    def test_spaces_and_utf8_in_a_location(self, server: FaultServer, stores: Stores) -> None:
        server.script("/a%20%C3%BC", Answer(SMALL))
        location = "/a ü".encode().decode("latin-1")
        reader = stores.reader(server.script("/here", refusal(302, Location=location)))
        assert reader.open(10)[1] == SMALL[:10]
        reader.close()


class TestTls:
    def test_the_certificate_is_that_of_the_name_not_of_the_address(
        self, make_stores: Callable[..., Stores], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        context, authority = server_tls(tmp_path, "media.example")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        names: list[str] = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        with running_fault_server(tls=context) as server:
            server.script("/a", Answer(BODY))
            stores = make_stores(resolver=FakeResolver("127.0.0.1"))
            for _ in range(2):
                reader = stores.reader(f"https://media.example:{server.port}/a")
                assert reader.open(10)[1] == BODY[:10]
                assert reader.read([ByteRange(100, 100_000)]) == (BODY[100:100_000],)
                reader.close()
            assert names == ["media.example"]
            assert server.requests[0].headers["Host"] == f"media.example:{server.port}"

            found = failure_of(stores.reader(f"https://other.example:{server.port}/a"))
            assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, False)
            assert "certificate" in found.message

    def test_an_unknown_authority(self, make_stores: Callable[..., Stores], tmp_path: Path) -> None:
        context, _ = server_tls(tmp_path, "media.example")
        with running_fault_server(tls=context) as server:
            stores = make_stores(resolver=FakeResolver("127.0.0.1"))
            found = failure_of(stores.reader(f"https://media.example:{server.port}/a"))
        assert "certificate" in found.message
        assert server.requests == []

    def test_tls_to_a_plain_server(self, server: FaultServer, stores: Stores) -> None:
        found = failure_of(stores.reader(f"https://127.0.0.1:{server.port}/a"))
        assert (found.kind, found.transient) == (FailureKind.SERVER_ERROR, True)

    def test_a_silent_server_does_not_hold_the_handshake(self, make_stores: Callable[..., Stores]) -> None:
        options = msgspec.structs.replace(LOOPBACK, connect_timeout_s=0.1, max_attempts=2)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            found = failure_of(make_stores(options).reader(f"https://127.0.0.1:{listener.getsockname()[1]}/a"))
        assert (found.kind, found.transient) == (FailureKind.TIMED_OUT, True)

    def test_a_redirect_from_https_to_http_is_not_followed(
        self, make_stores: Callable[..., Stores], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        context, authority = server_tls(tmp_path, "127.0.0.1")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        with running_fault_server(tls=context) as secure, running_fault_server() as plain:
            url = secure.script("/a", refusal(302, Location=plain.url + "/a"))
            assert failure_of(make_stores().reader(url)).kind is FailureKind.ADDRESS_BLOCKED
            url = plain.script("/b", refusal(302, Location=secure.script("/b", Answer(SMALL))))
            reader = make_stores().reader(url)
            assert reader.open(10)[1] == SMALL[:10]
            reader.close()
            assert [request.target for request in plain.requests] == ["/b"]
