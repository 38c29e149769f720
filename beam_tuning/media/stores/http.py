"""http:// and https:// URLs of the dataset: no credentials, no proxies, no addresses inside anybody's network."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import quote, urljoin, urlsplit

from beam_tuning.media.info import FailureKind, ObjectInfo
from beam_tuning.media.stores.dialect import (
    USER_AGENT,
    Answer,
    Endpoint,
    HttpRequest,
    header_text,
    identity,
    phrase,
)
from beam_tuning.media.stores.retry import Clock
from beam_tuning.media.stores.store import Connect, Lane, Location, Refusal, Shared, StoreError
from beam_tuning.media.stores.web_addresses import expiry_unix_s, is_signed, refusal_note

#: An ordinary URL: lower-case ASCII host, path of printable ASCII without `#` and `\`. All others take the long way,
#: which gives the same for these.
_ORDINARY = re.compile(
    r"(https?)://([a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*)(?::([1-9][0-9]{0,3}))?(/[!\"$-\[\]-~]*)"
)
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*")
_MAX_HOST_CHARS = 253
_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
#: C0 and C1 controls, DEL, the line separators and the marks that turn the direction of text: none may be in a URI
#: (RFC 3986, 2) nor in its international form (RFC 3987, 2.2 and 4.1).
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
#: All printable ASCII: a path or query is sent as it is, but for other characters, which are percent-encoded.
_TARGET_SAFE = "/?#[]@!$&'()*+,;=:%~-._|^`{}<>\""
#: What may stand in a link as it is: no quotes, no angle brackets, nothing that ends an attribute.
_LINK_SAFE = "/?%:@!$&'()*+,;=~-._"
_FORBIDDEN = frozenset({401, 402, 403, 407, 451})
_GONE = frozenset({404, 410})


class HttpStore:
    """Web servers. Each host and port is a lane of its own."""

    name = "http"
    schemes: tuple[str, ...] = ("http", "https")

    def parse(self, uri: str) -> Location | Refusal:
        ordinary = _ORDINARY.fullmatch(uri)
        if ordinary is None:
            return parse_url(uri)
        scheme, host, port, target = ordinary.groups()
        if len(host) > _MAX_HOST_CHARS:
            return parse_url(uri)
        tls = scheme == "https"
        return Location(self.name, host, target, int(port) if port else 443 if tls else 80, tls)

    def lane(self, location: Location) -> Lane:
        return Lane(origin(location), is_service=False)

    def link(self, location: Location) -> str | None:
        return f"{'https' if location.tls else 'http'}://{origin(location)}{quote(location.path, safe=_LINK_SAFE)}"

    def connect(self, shared: Shared) -> Connect:
        return lambda location, budget: shared.remote(HttpDialect(location, shared.clock), budget)


def parse_url(url: str) -> Location | Refusal:
    """The parts of any http(s) URL (RFC 3986; hosts and paths in other scripts by RFC 3987)."""
    if control := _CONTROL.search(url):
        return _no_address(f"it has the control character U+{ord(control[0]):04X}")
    if " " in url or "\\" in url:
        return _no_address("it has a blank or a backslash; write %20 and %5C")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _no_address("its host or its port cannot be read")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return _no_address("no host follows the scheme")
    if "@" in parts.netloc:
        return _no_address("it has a user name or a password, which are never sent")
    if port == 0:
        return _no_address("no server has the port 0")
    host = _ascii_host(parts.hostname or "", is_ipv6="[" in parts.netloc)
    if host is None:
        return _no_address("its host is no valid name or IPv6 address")
    tls = parts.scheme == "https"
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    if not target.isascii():
        target = quote(target, safe=_TARGET_SAFE)
    return Location(HttpStore.name, host, target, port or (443 if tls else 80), tls)


def origin(location: Location) -> str:
    """`host` or `host:port`, for messages and for counting requests of a host."""
    host = f"[{location.host}]" if ":" in location.host else location.host
    return host if location.port == (443 if location.tls else 80) else f"{host}:{location.port}"


def _no_address(why: str) -> Refusal:
    return Refusal(f"is no http(s) address: {why}")


def _ascii_host(host: str, *, is_ipv6: bool) -> str | None:
    """The host in lower case, international names in their ASCII form (IDNA), without the root's dot."""
    if is_ipv6:
        return host.lower() if _IPV6.fullmatch(host) else None
    encoded = host.removesuffix(".")
    try:
        encoded = encoded if encoded.isascii() else encoded.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return encoded.lower() if _HOST_NAME.fullmatch(encoded) else None


class HttpDialect:
    """One object of a web server.

    Redirects are followed to http(s) only and never from https to http: who gave an https URL asked for an answer that
    nobody on the way can change.
    """

    refusal_bytes = 0  # no text of the server is repeated

    def __init__(self, location: Location, clock: Clock) -> None:
        self._url = location
        self._clock = clock

    def request(self, byte_range: str | None, info: ObjectInfo) -> HttpRequest:
        headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        if byte_range:
            headers["Range"] = f"bytes={byte_range}"
        url = self._url
        return HttpRequest(Endpoint(url.tls, url.host, url.port, guarded=True), url.path, headers)

    def metadata_request(self) -> None:
        return None  # the headers of an answer with one byte say it all

    def metadata(self, body: bytes) -> None:
        return None

    def describe(self, answer: Answer, size_bytes: int | None) -> ObjectInfo:
        return ObjectInfo(
            size_bytes=size_bytes,
            etag=identity(answer.header("ETag")),
            content_type=header_text(answer, "Content-Type"),
        )

    def objection(self, answer: Answer) -> None:
        return None

    def redirect(self, location: str) -> None:
        here = self._url
        base = f"{'https' if here.tls else 'http'}://{origin(here)}{here.path}"
        try:
            # Header bytes arrive as Latin-1; servers that send anything else than ASCII mean UTF-8.
            text = location.encode("latin-1").decode("utf-8")
            url = parse_url(urljoin(base, quote(text, safe="%/:?#[]@!$&'()*+,;=~")))
        except (UnicodeError, ValueError):
            url = _no_address("its Location header cannot be read")
        if isinstance(url, Refusal):
            raise StoreError(FailureKind.UNREADABLE, f"{here.host} redirects to what is no http(s) URL.")
        if here.tls and not url.tls:
            raise StoreError(
                FailureKind.ADDRESS_BLOCKED, f"{here.host} redirects from https to http, which is not followed."
            )
        self._url = url

    def refusal(self, answer: Answer, body: bytes) -> StoreError:
        status = answer.status
        message = f"{answer.host} answered {phrase(status)}."
        if status in _GONE:
            return StoreError(FailureKind.NOT_FOUND, message)
        if status in _FORBIDDEN or (status == HTTPStatus.BAD_REQUEST and self._has_expired()):
            note = refusal_note(self._url, self._clock.unix_time_s())
            return StoreError(FailureKind.FORBIDDEN, f"{message} {note}")
        return StoreError(FailureKind.SERVER_ERROR, message, transient=status >= HTTPStatus.INTERNAL_SERVER_ERROR)

    def _has_expired(self) -> bool:
        """Whether the URL's signature says so; Cloud Storage answers 400 to those."""
        ends = expiry_unix_s(self._url) if is_signed(self._url) else None
        return ends is not None and ends <= self._clock.unix_time_s()
