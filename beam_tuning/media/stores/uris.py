"""Which store a URI belongs to. URIs come from the dataset: nothing here trusts them, and nothing here does I/O."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.store import StoreError

#: Longer than the signed URLs of the large stores (they stay below 4 KiB).
MAX_URI_CHARS = 8192
#: https://cloud.google.com/storage/docs/objects#naming: 1-1024 bytes of UTF-8 without carriage return and line feed.
MAX_OBJECT_NAME_BYTES = 1024

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# C0 and C1 controls, DEL, the line separators and the marks that turn the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# https://cloud.google.com/storage/docs/buckets#naming: 3-63 characters, with dots up to 222.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*")
_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
# All printable ASCII: a path or query is sent as it is, but for other characters, which are percent-encoded.
_TARGET_SAFE = "/?#[]@!$&'()*+,;=:%~-._|^`{}<>\""


class GcsObject(NamedTuple):
    """An object in Cloud Storage; the name is not encoded."""

    bucket: str
    name: str


class HttpUrl(NamedTuple):
    """An http(s) URL in the parts that a request needs: ASCII host, port, and target (path and query, encoded)."""

    tls: bool
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """`host` or `host:port`, for messages and for counting requests of a host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


class LocalFile(NamedTuple):
    """A path of this machine."""

    path: str


Location = GcsObject | HttpUrl | LocalFile


def parse_uri(uri: str) -> Location:
    """The place that `uri` names.

    Raises:
      StoreError: UNSUPPORTED_URI, with a sentence that says what of it cannot be used.
    """
    if not uri:
        raise unsupported("The URI is empty.")
    if len(uri) > MAX_URI_CHARS:
        raise unsupported(f"The URI has {len(uri)} characters; at most {MAX_URI_CHARS} are allowed.")
    if control := _CONTROL.search(uri):
        raise unsupported(f"The URI has the control character U+{ord(control[0]):04X} at position {control.start()}.")
    if not _is_utf8(uri):
        raise unsupported("The URI has half of a surrogate pair, which is no text.")
    if uri != uri.strip():
        raise unsupported("The URI starts or ends with a space.")
    scheme = _SCHEME.match(uri)
    match scheme[1].lower() if scheme else None:
        case None:
            return LocalFile(uri)
        case "gs":
            return _parse_gcs(uri)
        case "http" | "https":
            return parse_http_url(uri)
        case "file":
            return _parse_file(uri)
        case other:
            raise unsupported(f"URIs that start with {other}: are not read; use gs://, https:// or http://.")


def unsupported(message: str) -> StoreError:
    return StoreError(FailureKind.UNSUPPORTED_URI, message)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_gcs(uri: str) -> GcsObject:
    if uri[3:5] != "//":
        raise unsupported("A Cloud Storage URI starts with gs://.")
    bucket, _, name = uri[5:].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise unsupported("The URI names no valid Cloud Storage bucket.")
    if not name:
        raise unsupported("The URI names a bucket, and no object in it.")
    if len(name.encode()) > MAX_OBJECT_NAME_BYTES:
        raise unsupported(f"The object's name is longer than {MAX_OBJECT_NAME_BYTES} bytes.")
    if name in (".", ".."):
        raise unsupported("An object cannot be named . or ..")
    return GcsObject(bucket, name)


def parse_http_url(url: str) -> HttpUrl:
    """The parts of an http(s) URL without control characters.

    Raises:
      StoreError: UNSUPPORTED_URI.
    """
    if " " in url or "\\" in url:
        raise unsupported("The URL has a space or a backslash; encode them as %20 and %5C.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise unsupported("The URL's host or port cannot be read.") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise unsupported("The URL does not start with http:// or https:// and a host.")
    if "@" in parts.netloc:
        raise unsupported("The URL has a user name or a password; they are never sent.")
    if port == 0:
        raise unsupported("The URL's port is 0.")
    tls = parts.scheme == "https"
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    if not target.isascii():
        target = quote(target, safe=_TARGET_SAFE)
    return HttpUrl(
        tls, _ascii_host(parts.hostname or "", is_ipv6="[" in parts.netloc), port or (443 if tls else 80), target
    )


def _ascii_host(host: str, *, is_ipv6: bool) -> str:
    """The host in lower case, international names in their ASCII form (IDNA), without the root's dot."""
    if is_ipv6:
        if not _IPV6.fullmatch(host):
            raise unsupported("The URL's host is no valid IPv6 address.")
        return host.lower()
    encoded = host.removesuffix(".")
    try:
        encoded = encoded if encoded.isascii() else encoded.encode("idna").decode("ascii")
    except UnicodeError:
        raise unsupported("The URL's host is no valid name.") from None
    if not _HOST_NAME.fullmatch(encoded):
        raise unsupported("The URL's host is no valid name.")
    return encoded.lower()


def _parse_file(uri: str) -> LocalFile:
    rest = uri[len("file:") :]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise unsupported("A file:// URI may name no other host.")
        rest = slash + path
    path = unquote(rest, errors="surrogateescape")
    if not path.startswith("/") or path.endswith("/"):
        raise unsupported("A file: URI holds the whole path of a file, e.g. file:///data/a.wav.")
    if _CONTROL.search(path):
        raise unsupported("The path has a control character.")
    return LocalFile(path)
