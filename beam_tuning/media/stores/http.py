"""http:// and https:// URLs of the dataset: no credentials, no proxies, no addresses inside anybody's network."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote, urljoin

from beam_tuning import __version__
from beam_tuning.media.info import FailureKind, ObjectInfo
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.remote import RemoteReader, phrase
from beam_tuning.media.stores.store import StoreError
from beam_tuning.media.stores.transport import Endpoint, Exchange, Request, Transport
from beam_tuning.media.stores.uris import HttpUrl, parse_http_url

USER_AGENT = f"beam-tuning/{__version__}"
_FORBIDDEN = frozenset({401, 402, 403, 407, 451})
_GONE = frozenset({404, 410})
_MAX_HEADER_CHARS = 256


class HttpReader(RemoteReader):
    """One object of a web server.

    Redirects are followed to http(s) only and never from https to http: who gave an https URL asked for an answer that
    nobody on the way can change.
    """

    def __init__(self, url: HttpUrl, transport: Transport, budget: Budget) -> None:
        super().__init__(transport, budget)
        self._url = url

    def _request(self, byte_range: str | None) -> Request:
        headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        if byte_range:
            headers["Range"] = f"bytes={byte_range}"
        url = self._url
        return Request(Endpoint(url.tls, url.host, url.port, guarded=True), url.target, headers)

    def _redirect(self, location: str) -> None:
        here = self._url
        base = f"{'https' if here.tls else 'http'}://{here.origin}{here.target}"
        try:
            # Header bytes arrive as Latin-1; servers that send anything else than ASCII mean UTF-8.
            text = location.encode("latin-1").decode("utf-8")
            url = parse_http_url(urljoin(base, quote(text, safe="%/:?#[]@!$&'()*+,;=~")))
        except (UnicodeError, ValueError, StoreError):
            raise StoreError(FailureKind.UNREADABLE, f"{here.host} redirects to what is no http(s) URL.") from None
        if here.tls and not url.tls:
            raise StoreError(
                FailureKind.ADDRESS_BLOCKED, f"{here.host} redirects from https to http, which is not followed."
            )
        self._url = url

    def _describe(self, exchange: Exchange, size_bytes: int | None) -> ObjectInfo:
        return ObjectInfo(
            size_bytes=size_bytes,
            etag=header_text(exchange, "ETag"),
            content_type=header_text(exchange, "Content-Type"),
        )

    def _refusal(self, exchange: Exchange) -> StoreError:
        status = exchange.status
        message = f"{exchange.host} answered {phrase(status)}."
        if status in _GONE:
            return StoreError(FailureKind.NOT_FOUND, message)
        if status in _FORBIDDEN:
            return StoreError(FailureKind.FORBIDDEN, message)
        return StoreError(FailureKind.SERVER_ERROR, message, transient=status >= HTTPStatus.INTERNAL_SERVER_ERROR)


def header_text(exchange: Exchange, name: str) -> str | None:
    """A header's value as printable ASCII of bounded length; None when it is absent or empty."""
    value = (exchange.header(name) or "")[:_MAX_HEADER_CHARS]
    if not (value.isascii() and value.isprintable()):
        value = "".join(char if " " <= char <= "~" else "?" for char in value)
    return value.strip() or None
