"""http(s):// objects: what good servers, poor servers and broken servers lead to, to the request and the byte."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fault_server import Answer, FaultServer, refusal, running_fault_server, server_tls
from store_fakes import FAST, NOW_UNIX_S, FakeClock, FakeResolver

from beam_tuning.media.containers.plan import HEAD_BYTES, ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost, ProbeFailure
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import ObjectReader, StoreError

BODY = random.Random(1).randbytes(300_000)
SMALL = BODY[:1000]


def failure_of(reader: ObjectReader, head_bytes: int = HEAD_BYTES) -> ProbeFailure:
    try:
        with pytest.raises(StoreError) as caught:
            reader.open(head_bytes)
        return caught.value.failure
    finally:
        reader.close()


class TestGoodServer:
    def test_one_request_brings_head_size_tag_and_type(self, server: FaultServer, stores: Stores) -> None:
        url = server.script("/a", Answer(BODY, headers={"ETag": '"v1"', "Content-Type": "audio/wav"}))
        reader = stores.reader(url)
        info, head = reader.open(HEAD_BYTES)
        reader.close()
        assert head == BODY[:HEAD_BYTES]
        assert info == ObjectInfo(size_bytes=len(BODY), etag='"v1"', content_type="audio/wav")
        assert reader.cost == ProbeCost(requests=1, received_bytes=HEAD_BYTES, rounds=1)
        assert server.ranges == [f"bytes=0-{HEAD_BYTES - 1}"]

    def test_an_object_shorter_than_the_head_needs_no_more(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(SMALL)))
        info, head = reader.open(HEAD_BYTES)
        reader.close()
        assert (head, info.size_bytes, reader.cost.requests) == (SMALL, len(SMALL), 1)

    def test_ranges_of_a_round_come_back_in_their_order(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY)))
        reader.open(10)
        wanted = [ByteRange(200_000, 300_000), ByteRange(5, 5), ByteRange(10, 20), ByteRange(0, 1)]
        assert reader.read(wanted) == tuple(BODY[start:stop] for start, stop in wanted)
        reader.close()
        assert reader.cost == ProbeCost(requests=4, received_bytes=10 + 100_000 + 10 + 1, rounds=2)

    def test_ranges_of_a_round_travel_together(self, server: FaultServer, stores: Stores) -> None:
        """A second request is on the server before the first is answered: on connections of their own."""
        reader = stores.reader(server.script("/a", Answer(BODY)))
        reader.open(10)
        reader.read([ByteRange(0, 5), ByteRange(10, 15)])
        reader.close()
        connections = [request.connection for request in server.requests]
        assert connections[0] == connections[1] != connections[2]

    def test_the_rest_is_streamed_in_one_request(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY)))
        reader.open(10)
        assert b"".join(reader.stream(100)) == BODY[100:]
        reader.close()
        assert server.ranges == ["bytes=0-9", "bytes=100-"]

    def test_a_stream_left_early_is_closed(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY)))
        reader.open(10)
        stream = reader.stream(0)
        assert BODY.startswith(next(stream))
        reader.close()
        assert reader.cost.received_bytes < len(BODY)

    def test_stat_costs_one_byte(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY, headers={"ETag": '"v1"'})))
        assert reader.stat() == ObjectInfo(size_bytes=len(BODY), etag='"v1"')
        reader.close()
        assert reader.cost == ProbeCost(requests=1, received_bytes=1, rounds=1)

    def test_connections_are_kept_for_the_next_object(self, server: FaultServer, stores: Stores) -> None:
        server.script("/a", Answer(BODY))
        for _ in range(5):
            reader = stores.reader(server.url + "/a")
            reader.open(HEAD_BYTES)
            reader.close()
        assert len({request.connection for request in server.requests}) == 1

    def test_query_and_odd_characters_reach_the_server_encoded(self, server: FaultServer, stores: Stores) -> None:
        server.script("/a%20b/%C3%BC", Answer(SMALL))
        reader = stores.reader(f"{server.url}/a%20b/ü?token=x%2Fy&é=1#part")
        reader.open(10)
        reader.close()
        assert server.requests[0].target == "/a%20b/%C3%BC?token=x%2Fy&%C3%A9=1"

    def test_only_harmless_headers_are_sent(
        self, server: FaultServer, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy would fail the test by refusing
        reader = stores.reader(server.script("/a", Answer(SMALL)))
        reader.open(10)
        reader.close()
        assert set(server.requests[0].headers) == {"Host", "Accept-Encoding", "User-Agent", "Range"}


class TestServersWithoutRanges:
    def test_reading_stops_after_what_is_needed(self, server: FaultServer, stores: Stores) -> None:
        big = BODY * 20
        reader = stores.reader(server.script("/a", Answer(big, ignore_range=True)))
        info, head = reader.open(HEAD_BYTES)
        assert (info.size_bytes, head) == (len(big), big[:HEAD_BYTES])
        assert reader.cost == ProbeCost(requests=1, received_bytes=HEAD_BYTES, rounds=1)
        reader.close()

    def test_later_ranges_are_reached_by_reading_on(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY, ignore_range=True)))
        reader.open(1000)
        wanted = [ByteRange(290_000, 300_000), ByteRange(150_000, 150_010)]
        assert reader.read(wanted) == tuple(BODY[start:stop] for start, stop in wanted)
        reader.close()
        assert reader.cost == ProbeCost(requests=1, received_bytes=len(BODY), rounds=2)

    def test_a_range_that_lies_behind_takes_a_second_pass(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY, ignore_range=True)))
        reader.open(1000)
        assert reader.read([ByteRange(500, 600)]) == (BODY[500:600],)
        reader.close()
        assert reader.cost == ProbeCost(requests=2, received_bytes=1600, rounds=2)
        assert server.ranges == ["bytes=0-999", None]

    def test_streaming_goes_on_where_the_head_ended(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY, ignore_range=True)))
        reader.open(1000)
        assert b"".join(reader.stream(1000)) == BODY[1000:]
        reader.close()
        assert reader.cost.requests == 1

    @pytest.mark.parametrize("length", [{"chunked": True}, {"content_length": False}])
    def test_without_a_length_the_end_tells_the_size(
        self, server: FaultServer, stores: Stores, length: dict[str, bool]
    ) -> None:
        reader = stores.reader(server.script("/a", Answer(BODY, ignore_range=True, **length)))
        info, head = reader.open(1000)
        assert (info.size_bytes, head) == (len(BODY), BODY[:1000])
        assert reader.read([ByteRange(299_000, 300_000)]) == (BODY[299_000:],)
        reader.close()
        assert reader.cost.requests == 2

    @pytest.mark.parametrize("ignore_range", [True, False])
    def test_gzip_on_the_fly_is_inflated(self, server: FaultServer, stores: Stores, ignore_range: bool) -> None:
        body = b"RIFF" + b"ab" * 200_000
        reader = stores.reader(server.script("/a", Answer(body, compress=True, ignore_range=ignore_range)))
        info, head = reader.open(1000)
        assert (info.size_bytes, head) == (len(body), body[:1000])
        assert reader.read([ByteRange(400_000, 400_004)]) == (body[400_000:],)
        reader.close()
        assert reader.cost.received_bytes < 20_000
        assert all(request.headers["Accept-Encoding"] == "identity" for request in server.requests)

    @pytest.mark.parametrize(
        "content_range",
        [
            "bytes 5-1004/300000",
            "bytes 0-999/*",
            "bytes */300000",
            "0-999/300000",
            "",
            "bytes 0-999/3e5",
            "bytes a-b/c",
        ],
    )
    def test_a_wrong_content_range_is_not_believed(
        self, server: FaultServer, stores: Stores, content_range: str
    ) -> None:
        reader = stores.reader(
            server.script("/a", Answer(BODY, content_range=content_range), Answer(BODY, ignore_range=True))
        )
        info, head = reader.open(1000)
        reader.close()
        assert (info.size_bytes, head) == (len(BODY), BODY[:1000])
        assert server.ranges == ["bytes=0-999", None]

    def test_unneeded_bytes_of_a_range_answer_are_not_read(self, server: FaultServer, stores: Stores) -> None:
        answer = Answer(BODY, status=206, headers={"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"})
        reader = stores.reader(server.script("/a", answer))
        assert reader.open(1000)[1] == BODY[:1000]
        reader.close()
        assert reader.cost.received_bytes == 1000


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "kind", "transient"),
        [
            (400, FailureKind.SERVER_ERROR, False),
            (401, FailureKind.FORBIDDEN, False),
            (402, FailureKind.FORBIDDEN, False),
            (403, FailureKind.FORBIDDEN, False),
            (404, FailureKind.NOT_FOUND, False),
            (405, FailureKind.SERVER_ERROR, False),
            (410, FailureKind.NOT_FOUND, False),
            (451, FailureKind.FORBIDDEN, False),
            (501, FailureKind.SERVER_ERROR, True),
            (599, FailureKind.SERVER_ERROR, True),
            (204, FailureKind.SERVER_ERROR, False),
            (304, FailureKind.SERVER_ERROR, False),
        ],
    )
    def test_a_refusal_is_final_after_one_request(
        self, server: FaultServer, stores: Stores, status: int, kind: FailureKind, transient: bool
    ) -> None:
        reader = stores.reader(server.script("/a", refusal(status)))
        found = failure_of(reader)
        assert (found.kind, found.transient) == (kind, transient)
        assert str(status) in found.message
        assert reader.cost.requests == 1

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_a_passing_refusal_is_asked_again(self, server: FaultServer, stores: Stores, status: int) -> None:
        reader = stores.reader(server.script("/a", refusal(status), refusal(status), Answer(SMALL)))
        assert reader.open(HEAD_BYTES)[1] == SMALL
        reader.close()
        assert reader.cost == ProbeCost(requests=3, received_bytes=len(SMALL), rounds=1, retries=2)

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(408, FailureKind.TIMED_OUT), (429, FailureKind.SERVER_ERROR), (503, FailureKind.SERVER_ERROR)],
    )
    def test_a_lasting_one_is_transient_after_all_attempts(
        self, server: FaultServer, stores: Stores, clock: FakeClock, status: int, kind: FailureKind
    ) -> None:
        reader = stores.reader(server.script("/a", refusal(status)))
        found = failure_of(reader)
        assert (found.kind, found.transient) == (kind, True)
        assert (reader.cost.requests, reader.cost.retries) == (4, 3)
        assert len(clock.pauses_s) == 3
        assert all(later > earlier for earlier, later in zip(clock.pauses_s, clock.pauses_s[1:], strict=False))

    def test_retry_after_is_honoured(self, server: FaultServer, stores: Stores, clock: FakeClock) -> None:
        reader = stores.reader(server.script("/a", refusal(429, Retry_After="7"), Answer(SMALL)))
        reader.open(10)
        reader.close()
        assert clock.pauses_s == [7.0]

    def test_retry_after_may_be_a_date(self, server: FaultServer, stores: Stores, clock: FakeClock) -> None:
        assert NOW_UNIX_S == 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
        answer = refusal(503, Retry_After="Tue, 14 Nov 2023 22:13:29 GMT")
        reader = stores.reader(server.script("/a", answer, Answer(SMALL)))
        reader.open(10)
        reader.close()
        assert clock.pauses_s == [9.0]

    def test_a_longer_pause_than_allowed_ends_the_attempts(
        self, server: FaultServer, stores: Stores, clock: FakeClock
    ) -> None:
        reader = stores.reader(server.script("/a", refusal(429, Retry_After="31"), Answer(SMALL)))
        assert failure_of(reader).transient
        assert (reader.cost.requests, clock.pauses_s) == (1, [])

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b""),
            Answer(b"", ignore_range=True),
            Answer(b"", ignore_range=True, chunked=True),
            Answer(b"", ignore_range=True, content_length=False),
            Answer(b"", compress=True, ignore_range=True),
        ],
    )
    def test_an_empty_object(self, server: FaultServer, stores: Stores, answer: Answer) -> None:
        assert failure_of(stores.reader(server.script("/a", answer))).kind is FailureKind.EMPTY

    def test_an_empty_object_by_stat(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", Answer(b"", ignore_range=True)))
        with pytest.raises(StoreError, match="empty"):
            reader.stat()
        reader.close()

    def test_an_unexplained_416_is_asked_without_a_range(self, server: FaultServer, stores: Stores) -> None:
        reader = stores.reader(server.script("/a", refusal(416), Answer(SMALL, ignore_range=True)))
        assert reader.open(HEAD_BYTES)[1] == SMALL
        reader.close()
        assert server.ranges == [f"bytes=0-{HEAD_BYTES - 1}", None]

    @pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "compress"])
    def test_an_encoding_that_nobody_asked_for(self, server: FaultServer, stores: Stores, encoding: str) -> None:
        answer = Answer(SMALL, headers={"Content-Encoding": encoding}, ignore_range=True)
        assert failure_of(stores.reader(server.script("/a", answer))).kind is FailureKind.UNREADABLE

    @pytest.mark.parametrize("encoding", ["utf-8", "none", "identity", "aws-chunked", ""])
    def test_words_that_are_no_encoding_are_passed_over(
        self, server: FaultServer, stores: Stores, encoding: str
    ) -> None:
        reader = stores.reader(server.script("/a", Answer(SMALL, headers={"Content-Encoding": encoding})))
        assert reader.open(10)[1] == SMALL[:10]
        reader.close()

    def test_gzip_that_is_none(self, server: FaultServer, stores: Stores) -> None:
        answer = Answer(SMALL, headers={"Content-Encoding": "gzip"}, ignore_range=True)
        found = failure_of(stores.reader(server.script("/a", answer)))
        assert (found.kind, found.transient) == (FailureKind.UNREADABLE, False)

    def test_no_text_of_the_server_gets_into_the_message(self, server: FaultServer, stores: Stores) -> None:
        answer = refusal(403, b"<script>alert(1)</script>", X_Reason="<b>")
        assert "<" not in failure_of(stores.reader(server.script("/a", answer))).message


class TestBrokenConnections:
    @pytest.mark.parametrize("fault", [{"close_after": 500}, {"reset_after": 500}, {"stall_after": 500}])
    def test_a_read_goes_on_where_the_last_attempt_ended(
        self, server: FaultServer, stores: Stores, fault: dict[str, int]
    ) -> None:
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
        self, server: FaultServer, stores: Stores, fault: dict[str, int], kind: FailureKind
    ) -> None:
        reader = stores.reader(server.script("/a", Answer(SMALL, **fault)))  # type: ignore[arg-type]
        found = failure_of(reader)
        assert (found.kind, found.transient) == (kind, True)
        assert reader.cost.requests == 4

    def test_a_drip_ends_with_the_time_for_one_read(
        self, server: FaultServer, make_stores: Callable[..., Stores]
    ) -> None:
        """Each byte comes before the wait for it is over: only the time for the whole read ends this."""
        options = msgspec.structs.replace(FAST, max_attempts=1, stall_timeout_s=0.3, read_timeout_s=0.4)
        reader = make_stores(options).reader(server.script("/a", Answer(SMALL, drip_s=0.02)))
        found = failure_of(reader)
        assert (found.kind, found.transient) == (FailureKind.TIMED_OUT, True)
        assert 1 < reader.cost.received_bytes < 25

    def test_all_attempts_together_stay_in_the_time_for_an_object(
        self, server: FaultServer, make_stores: Callable[..., Stores], clock: FakeClock
    ) -> None:
        reader = make_stores(msgspec.structs.replace(FAST, object_timeout_s=8.0)).reader(
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
        reader = make_stores(msgspec.structs.replace(FAST, max_requests=3)).reader(server.script("/a", Answer(BODY)))
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
        options = msgspec.structs.replace(FAST, max_received_bytes=100_000)
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
        options = msgspec.structs.replace(FAST, max_received_bytes=200_000)
        answer = Answer(bytes(3_000_000), ignore_range=True, chunked=not compress, compress=compress)
        reader = make_stores(options).reader(server.script("/a", answer))
        assert failure_of(reader).kind is FailureKind.WORK_CAP
        assert reader.cost.received_bytes < 300_000


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
        options = msgspec.structs.replace(FAST, connect_timeout_s=0.1, max_attempts=2)
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
