"""The body of one answer as the object's bytes, from a known position on."""

from __future__ import annotations

import zlib

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.retry import TransientError
from beam_tuning.media.stores.store import StoreError
from beam_tuning.media.stores.transport import Exchange

#: Most bytes taken from the connection at once.
CHUNK_BYTES = 64 * 1024
# 32 + the largest window: gzip or zlib, whichever the header says (https://zlib.net/manual.html, inflateInit2).
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_UNREADABLE = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


def encodings(exchange: Exchange) -> frozenset[str]:
    """How the body is compressed, though it was asked for as it is; empty when it is not."""
    value = exchange.header("Content-Encoding")
    if not value:
        return frozenset()
    # Other words (`utf-8`, `aws-chunked`, `none`) are mistakes seen in the wild; the bytes are as they are.
    return (_INFLATED | _UNREADABLE) & {word.strip().lower() for word in value.split(",")}


class Body:
    """Reads the object's bytes from `position` on, and counts what comes over the wire.

    Attributes:
      position: of the next byte in the object.
      length: bytes of the body as declared; None when only reading to the end tells.
    """

    def __init__(self, exchange: Exchange, budget: Budget, position: int) -> None:
        self.position = position
        self._exchange = exchange
        self._budget = budget
        self._inflate: _Inflate | None = None
        if words := encodings(exchange):
            if words & _UNREADABLE or len(words) > 1:
                raise StoreError(
                    FailureKind.UNREADABLE,
                    f"The server compresses the object with {'+'.join(sorted(words))}, which was not asked for.",
                )
            self._inflate = _Inflate()
        self.length = exchange.length if self._inflate is None else None

    def read(self, most_bytes: int) -> bytes:
        """The next bytes, at least one; empty at the end.

        Raises:
          TransientError, StoreError
        """
        data = self._read_inflated(self._inflate, most_bytes) if self._inflate else self._read_plain(most_bytes)
        self.position += len(data)
        return data

    def skip_to(self, position: int) -> None:
        """Reads and drops what lies before `position`."""
        while self.position < position:
            if not self.read(min(CHUNK_BYTES, position - self.position)):
                raise TransientError(FailureKind.SERVER_ERROR, "The object ended before the byte that was asked for.")

    def _read_plain(self, most_bytes: int) -> bytes:
        data = self._exchange.read(min(most_bytes, CHUNK_BYTES))
        self._budget.add_bytes(len(data))
        return data

    def _read_inflated(self, inflate: _Inflate, most_bytes: int) -> bytes:
        # A small compressed body may grow without end: the object's own bytes count too.
        self._budget.check_bytes(self.position)
        while True:
            data = inflate.take(min(most_bytes, CHUNK_BYTES))
            if data:
                return data
            compressed = self._read_plain(CHUNK_BYTES)
            if not compressed:
                if not inflate.is_whole:
                    raise TransientError(FailureKind.SERVER_ERROR, "The compressed answer ended before its end.")
                return b""
            inflate.feed(compressed)

    def extend(self) -> None:
        """Gives the reads that follow the time of a new request for the whole object."""
        self._exchange.limit(self._budget.limits(whole_object=True))

    def finish(self) -> None:
        """Keeps the connection for others when the body was read to its end, else closes it."""
        self._exchange.finish()

    def close(self) -> None:
        self._exchange.close()


class _Inflate:
    """A gzip or zlib stream of any number of members, taken in pieces of bounded size."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._waiting = b""
        self._started = False

    def feed(self, compressed: bytes) -> None:
        self._waiting += compressed

    def take(self, most_bytes: int) -> bytes:
        """Up to so many bytes; empty when more must be fed."""
        while self._waiting:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                data = self._member.decompress(self._waiting, most_bytes)
            except zlib.error:
                raise StoreError(FailureKind.UNREADABLE, "The answer says that it is gzip, and is not.") from None
            self._started = True
            self._waiting = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if data:
                return data
        return b""

    @property
    def is_whole(self) -> bool:
        return self._member.eof or not self._started
