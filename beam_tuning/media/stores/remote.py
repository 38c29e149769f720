"""Reading one object over HTTP: ranges where the server gives them, else one pass from the start; retries resume."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import msgspec

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, ObjectInfo, ProbeCost
from beam_tuning.media.stores.body import CHUNK_BYTES, Body, encodings
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.dialect import Dialect, HttpRequest, phrase
from beam_tuning.media.stores.retry import RETRIED_STATUSES, TransientError, parse_retry_after
from beam_tuning.media.stores.store import StoreError, empty
from beam_tuning.media.stores.transport import MAX_SIZE_BYTES, Exchange, Transport

_MAX_REDIRECTS = 5
#: Ranges of one round that travel together, each on a connection of its own.
_RANGES_IN_FLIGHT = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: A body that nobody wants is read to its end when it is so short, to keep the connection.
_SPARE_BYTES = 8 * 1024
_MAX_METADATA_BYTES = 64 * 1024
# RFC 9110, 14.4
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class RemoteReader:
    """One object behind a server. See `ObjectReader` for the methods without a docstring.

    A server that ignores Range, or answers another range than the one asked for, or compresses, is read in one pass
    from the start: the answer stays open, and later ranges are reached by reading on. When such a server does not say
    how long the object is, `open` reads it to its end to find out.
    """

    def __init__(self, dialect: Dialect, transport: Transport, budget: Budget) -> None:
        self.heard = False
        self._dialect = dialect
        self._transport = transport
        self._budget = budget
        self._info = ObjectInfo()
        self._answered = False
        self._exchanges: list[Exchange] = []
        self._serves_ranges = True
        self._pass: Body | None = None

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        self._budget.add_round()
        head = b"".join(self._chunks(0, head_bytes))
        for _ in self._chunks(len(head), None) if self._info.size_bytes is None else ():
            pass  # only the end tells the size
        if not self._info.size_bytes:
            raise empty()
        return self._info, head

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        self._budget.add_round()
        answers: dict[ByteRange, bytes] = {}
        sent: dict[ByteRange, Exchange | None] = {}
        wanted = sorted({each for each in ranges if each.start < each.stop})  # one pass may have to reach all of them
        self._budget.check_bytes(sum(stop - start for start, stop in wanted))
        if self._serves_ranges and len(wanted) > 1:
            sent = {each: self._send_ahead(each) for each in wanted[:_RANGES_IN_FLIGHT]}
        for each in wanted:
            answers[each] = b"".join(self._chunks(each.start, each.stop, sent.get(each)))
        return tuple(answers.get(each, b"") for each in ranges)

    def stream(self, start: int) -> Iterator[bytes]:
        self._budget.add_round()
        self._budget.check_bytes((self._info.size_bytes or start) - start)
        return self._chunks(start, None)

    def stat(self) -> ObjectInfo:
        self._budget.add_round()
        failed_attempts = 0
        while (request := self._dialect.metadata_request()) is not None:
            try:
                self._info = self._metadata(request)
                break
            except TransientError as fault:
                failed_attempts += 1
                self._budget.pause_or_raise(fault, failed_attempts)
        else:
            for _ in self._chunks(0, 1):
                pass
        if self._info.size_bytes == 0:
            raise empty()
        return self._info

    def _metadata(self, request: HttpRequest) -> ObjectInfo:
        exchange = self._answer(self._dispatch(request), None)
        info = self._dialect.metadata(self._read_text(exchange, _MAX_METADATA_BYTES))
        if info is None:
            raise TransientError(FailureKind.SERVER_ERROR, f"{exchange.host} gave metadata that cannot be read.")
        exchange.finish()
        return info

    def _read_text(self, exchange: Exchange, most_bytes: int) -> bytes:
        """A body that is no object: up to so many bytes of it."""
        parts: list[bytes] = []
        while most_bytes and (data := exchange.read(most_bytes)):
            self._budget.add_bytes(len(data))
            parts.append(data)
            most_bytes -= len(data)
        return b"".join(parts)

    @property
    def cost(self) -> ProbeCost:
        return self._budget.cost

    def close(self) -> None:
        self._pass = None
        for exchange in self._exchanges:
            exchange.close()
        self._exchanges.clear()

    def _chunks(self, start: int, stop: int | None, sent: Exchange | None = None) -> Iterator[bytes]:
        """The object's bytes from `start` to `stop` or its end. After a fault the next attempt goes on where it was."""
        position = start
        failed_attempts = 0
        while True:
            body: Body | None = None
            whole = False
            try:
                body, sent = self._body_at(position, stop, sent), None
                end = self._end(stop)
                while end is None or position < end:
                    data = body.read(CHUNK_BYTES if end is None else end - position)
                    if not data:
                        break
                    position += len(data)
                    yield data
                self._check_end(position, end)
                whole = True
                return
            except TransientError as fault:
                sent = None
                failed_attempts += 1
                self._budget.pause_or_raise(fault, failed_attempts)
            finally:
                if body is not None:
                    self._leave(body, whole=whole)

    def _end(self, stop: int | None) -> int | None:
        size_bytes = self._info.size_bytes
        if stop is None or size_bytes is None:
            return size_bytes if stop is None else stop
        return min(stop, size_bytes)

    def _check_end(self, position: int, end: int | None) -> None:
        """The body has ended, or enough of it has been read."""
        if position == end:
            return
        if self._info.size_bytes is not None:
            raise TransientError(FailureKind.SERVER_ERROR, "The server gave fewer bytes than it was asked for.")
        self._info = msgspec.structs.replace(self._info, size_bytes=position)

    def _leave(self, body: Body, *, whole: bool) -> None:
        if not whole:
            body.close()
        elif self._serves_ranges or body.position == self._info.size_bytes:
            body.finish()
        else:
            self._pass = body

    def _body_at(self, position: int, stop: int | None, sent: Exchange | None) -> Body:
        """An answer that stands at `position`."""
        if not self._serves_ranges:
            return self._pass_at(position, stop)
        byte_range = f"{position}-{'' if stop is None else stop - 1}"
        exchange = self._answer(sent or self._send(byte_range, whole_object=stop is None), byte_range)
        if exchange.status == HTTPStatus.PARTIAL_CONTENT:
            size_bytes = _size_of_range_answer(exchange, position)
            if size_bytes is not None and not encodings(exchange):
                self._note(exchange, size_bytes)
                return Body(exchange, self._budget, position)
        elif exchange.status == HTTPStatus.OK:
            self._serves_ranges = False
            return self._reach(self._whole(exchange), position, stop)
        elif exchange.header("Content-Range") == "bytes */0" and not self._answered:
            exchange.finish(_SPARE_BYTES)
            raise empty()
        elif self._answered:
            raise _changed()
        # Ranges do not work here, whatever the server says: take the object from the start.
        exchange.finish(_SPARE_BYTES)
        self._serves_ranges = False
        return self._pass_at(position, stop)

    def _pass_at(self, position: int, stop: int | None) -> Body:
        body, self._pass = self._pass, None
        if body is not None and body.position <= position:
            body.extend()
            return self._reach(body, position, stop)
        if body is not None:
            body.close()
        exchange = self._answer(self._send(None, whole_object=True), None)
        if exchange.status != HTTPStatus.OK:
            raise self._failure(exchange)
        return self._reach(self._whole(exchange), position, stop)

    def _whole(self, exchange: Exchange) -> Body:
        """The body of an answer that brings the whole object."""
        body = Body(exchange, self._budget, 0)
        self._note(exchange, body.length)
        return body

    def _reach(self, body: Body, position: int, stop: int | None) -> Body:
        self._budget.check_bytes((self._end(stop) or position) - body.position)
        body.skip_to(position)
        return body

    def _send_ahead(self, byte_range: ByteRange) -> Exchange | None:
        """Sends a request whose answer is read later, so that the ranges of a round travel together."""
        try:
            return self._send(f"{byte_range.start}-{byte_range.stop - 1}")
        except TransientError:
            return None  # counted and tried again when its turn comes

    def _send(self, byte_range: str | None, *, whole_object: bool = False) -> Exchange:
        return self._dispatch(self._dialect.request(byte_range, self._info), whole_object=whole_object)

    def _dispatch(self, request: HttpRequest, *, whole_object: bool = False) -> Exchange:
        self._budget.add_request()
        self.heard = False
        exchange = self._transport.send(request, self._budget.limits(whole_object=whole_object))
        self._exchanges.append(exchange)
        return exchange

    def _answer(self, exchange: Exchange, byte_range: str | None) -> Exchange:
        """Waits for an answer that is a success (or says that a range is not satisfiable), following redirects."""
        for _ in range(_MAX_REDIRECTS + 1):
            exchange.receive()
            self.heard = True
            if exchange.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                if objection := self._dialect.objection(exchange):
                    raise objection
                return exchange
            if exchange.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and byte_range:
                return exchange
            location = exchange.header("Location")
            if exchange.status not in _REDIRECTS or not location:
                raise self._failure(exchange)
            exchange.finish(_SPARE_BYTES)
            self._dialect.redirect(location)
            exchange = self._send(byte_range, whole_object=not byte_range or byte_range.endswith("-"))
        raise StoreError(FailureKind.UNREADABLE, f"The server redirects more than {_MAX_REDIRECTS} times.")

    def _failure(self, exchange: Exchange) -> TransientError | StoreError:
        status = exchange.status
        try:
            if self._answered and status in (403, 404, 410, 412):
                return _changed()
            if status in RETRIED_STATUSES:
                return TransientError(
                    RETRIED_STATUSES[status],
                    f"{exchange.host} answered {phrase(status)}.",
                    retry_after_s=parse_retry_after(
                        exchange.header("Retry-After"), self._transport.clock.unix_time_s()
                    ),
                )
            return self._dialect.refusal(exchange, self._read_text(exchange, self._dialect.refusal_bytes))
        finally:
            exchange.finish(_SPARE_BYTES)

    def _note(self, exchange: Exchange, size_bytes: int | None) -> None:
        """Keeps what the first answer says of the object; a later answer must say the same."""
        info = self._dialect.describe(exchange, size_bytes)
        if not self._answered:
            self._info = info
            self._answered = True
        elif _differs(self._info, info):
            raise _changed()


def _size_of_range_answer(exchange: Exchange, position: int) -> int | None:
    """The size of the whole object, if the answer starts at `position` and its headers agree with each other."""
    found = _CONTENT_RANGE.fullmatch(exchange.header("Content-Range") or "")
    if not found:
        return None
    first, last, size_bytes = map(int, found.groups())
    if first != position or not first <= last < size_bytes or exchange.length not in (None, last - first + 1):
        return None
    return size_bytes if size_bytes <= MAX_SIZE_BYTES else None


def _changed() -> StoreError:
    return StoreError(FailureKind.CHANGED, "The object changed while it was read.", transient=True)


def _differs(before: ObjectInfo, now: ObjectInfo) -> bool:
    if before.generation and now.generation and before.generation != now.generation:
        return True
    if now.size_bytes is not None and before.size_bytes is not None and now.size_bytes != before.size_bytes:
        return True
    # A weak tag may differ between two servers of one host for the same bytes.
    tags = (before.etag or "W/", now.etag or "W/")
    return tags[0] != tags[1] and not any(tag.startswith("W/") for tag in tags)
