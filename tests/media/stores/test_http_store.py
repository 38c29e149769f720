"""http(s):// objects: what good servers, poor servers and refusing servers lead to, to the request and the byte."""

from __future__ import annotations

import random
import threading

import pytest
from fault_server import Answer, FaultServer, refusal
from store_fakes import NOW_UNIX_S, FakeClock, failure_of

from beam_tuning.media.containers.plan import HEAD_BYTES, ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

BODY = random.Random(1).randbytes(300_000)
SMALL = BODY[:1000]


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
        """The server answers none before it has seen both: they come on connections of their own."""
        both = threading.Barrier(2)
        reader = stores.reader(server.script("/a", Answer(BODY), Answer(BODY, together=both)))
        reader.open(10)
        assert reader.read([ByteRange(0, 5), ByteRange(10, 15)]) == (BODY[:5], BODY[10:15])
        reader.close()
        first, *others = [request.connection for request in server.requests]
        assert len(set(others)) == 2
        assert first in others

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
            "bytes 0-0/1",
            "bytes 0-999/500",
            "bytes 0-99/300000",
            "bytes 999-0/300000",
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
        [(408, FailureKind.TIMED_OUT), (429, FailureKind.SERVER_BUSY), (503, FailureKind.SERVER_BUSY)],
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
