"""gs://: objects in Cloud Storage, read through its JSON API, so that production and an emulator run the same code.

A media request (https://cloud.google.com/storage/docs/json_api/v1/objects/get with `alt=media`) brings bytes, size,
generation and checksums in one answer. All later reads name that generation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import msgspec

from beam_tuning.errors import OptionError
from beam_tuning.media.info import FailureKind, ObjectInfo
from beam_tuning.media.stores.dialect import (
    USER_AGENT,
    Answer,
    Endpoint,
    HttpRequest,
    header_text,
    identity,
    one_line,
    phrase,
    shown,
)
from beam_tuning.media.stores.retry import TransientError
from beam_tuning.media.stores.store import Connect, Lane, Location, Refusal, Shared, StoreError, Tokens

#: https://docs.cloud.google.com/storage/docs/buckets#naming: 3-63 characters, with dots up to 222.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
#: An ordinary URI: a name of printable ASCII that starts with no dot. All others take the long way, which gives the
#: same for these.
_ORDINARY = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([!-\-/-~][ -~]{0,999})")
#: https://docs.cloud.google.com/storage/docs/objects#naming: 1-1024 bytes of UTF-8 without carriage return and line
#: feed, not `.`, not `..`, and not what proves to a certificate authority who owns a domain.
_MAX_NAME_BYTES = 1024
_RESERVED_NAMES = ".well-known/acme-challenge/"
#: Serves objects to a browser that is signed in and may read them:
#: https://docs.cloud.google.com/storage/docs/access-control/cookie-based-authentication
_BROWSER = "https://storage.cloud.google.com"
_PRODUCTION = Endpoint(tls=True, host="storage.googleapis.com", port=443, guarded=False)
_METADATA_FIELDS = "size,generation,etag,crc32c,md5Hash,contentType"
#: Where Google's own libraries, too, look for an emulator.
EMULATOR_VARIABLE = "STORAGE_EMULATOR_HOST"
_MAX_MESSAGE_CHARS = 240
_GENERATION = re.compile(r"\d{1,20}", re.ASCII)
_CHECKSUM = re.compile(r"(crc32c|md5)=([A-Za-z0-9+/]+={0,2})")


class GcsStore:
    """Cloud Storage. All its buckets are one lane: they are served by the same front ends."""

    name = "gs"
    schemes: tuple[str, ...] = ("gs",)

    def parse(self, uri: str) -> Location | Refusal:
        ordinary = _ORDINARY.fullmatch(uri)
        return parse_uri(uri) if ordinary is None else Location("gs", ordinary[1], ordinary[2])

    def lane(self, location: Location) -> Lane:
        return Lane("Cloud Storage", is_service=True)

    def link(self, location: Location) -> str | None:
        # A browser takes a segment of dots for a way up, to another bucket.
        if {".", ".."} & set(location.path.split("/")):
            return None
        return f"{_BROWSER}/{location.host}/{quote(location.path, safe='/')}"

    def connect(self, shared: Shared) -> Connect:
        service = GcsService(shared.tokens, shared.options.billing_project, shared.environ)
        return lambda location, budget: shared.remote(GcsDialect(location, service), budget)


def parse_uri(uri: str) -> Location | Refusal:
    """What any URI says whose scheme is gs, in whatever case."""
    if not uri.startswith("gs://"):
        if uri.startswith("gs:"):
            return Refusal("is no gs://bucket/object: two slashes follow the colon")
        return Refusal(f"has the scheme {uri[:2]}, which Cloud Storage's tools take in lower case only: gs://")
    bucket, _, name = uri[5:].partition("/")
    if not _BUCKET.fullmatch(bucket):
        return Refusal("is no gs://bucket/object: no bucket can have that name")
    if not name:
        return Refusal("is no gs://bucket/object: it names a bucket, and no object in it")
    if len(name) > _MAX_NAME_BYTES or (not name.isascii() and len(name.encode()) > _MAX_NAME_BYTES):
        return Refusal(f"is no gs://bucket/object: the object's name is longer than {_MAX_NAME_BYTES:,} bytes")
    if "\n" in name or "\r" in name or "\x00" in name:
        return Refusal("is no gs://bucket/object: no object's name has a line break or a NUL in it")
    if name[0] == "." and (name in (".", "..") or name.startswith(_RESERVED_NAMES)):
        return Refusal("is no gs://bucket/object: Cloud Storage lets no object have that name")
    return Location(GcsStore.name, bucket, name)


class GcsService:
    """Where Cloud Storage is, and who asks. One for a process.

    Attributes:
      endpoint: STORAGE_EMULATOR_HOST (`http://host:port`) where it is set, as in Google's libraries; no credentials
        go there, and none are looked for.
      billing_query: names the project that pays for buckets that charge the reader
        (https://cloud.google.com/storage/docs/using-requester-pays); empty for none.
    """

    def __init__(self, tokens: Tokens, billing_project: str | None, environ: Mapping[str, str]) -> None:
        emulator = environ.get(EMULATOR_VARIABLE)
        self.endpoint = _emulator_endpoint(emulator) if emulator else _PRODUCTION
        self.billing_query = f"&userProject={quote(billing_project, safe='')}" if billing_project else ""
        self._tokens = None if emulator else tokens

    def authorization(self) -> dict[str, str]:
        """Headers that say who asks; empty for nobody in particular."""
        headers = self._tokens.headers() if self._tokens else {}
        if self.billing_query:
            headers.pop("x-goog-user-project", None)  # the query names the project
        return headers

    def renew(self, refused: Mapping[str, str]) -> bool:
        return self._tokens.renew(refused) if self._tokens else False


def _emulator_endpoint(value: str) -> Endpoint:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OptionError(
            "the address of the Cloud Storage emulator cannot be read",
            where=EMULATOR_VARIABLE,
            observed=value,
            limit="http://HOST:PORT",
            remedy="Correct the environment variable, or unset it to use Cloud Storage itself.",
        )
    tls = parts.scheme == "https"
    return Endpoint(tls, parts.hostname, port or (443 if tls else 80), guarded=False)


class GcsDialect:
    """One object in Cloud Storage; after the first answer, one generation of it."""

    refusal_bytes = 4 * 1024

    def __init__(self, location: Location, service: GcsService) -> None:
        self._service = service
        self._path = f"/storage/v1/b/{location.host}/o/{quote(location.path, safe='')}"
        self._authorization: dict[str, str] = {}

    def request(self, byte_range: str | None, info: ObjectInfo) -> HttpRequest:
        generation = f"&generation={info.generation}" if info.generation else ""
        # With gzip accepted, an object that is stored compressed comes as it is stored, instead of inflated and without
        # ranges (https://cloud.google.com/storage/docs/transcoding).
        headers = {"Accept-Encoding": "gzip"}
        if byte_range:
            headers["Range"] = f"bytes={byte_range}"
        return self._asked(f"/download{self._path}?alt=media{generation}", headers)

    def metadata_request(self) -> HttpRequest:
        return self._asked(f"{self._path}?fields={_METADATA_FIELDS}", {"Accept-Encoding": "identity"})

    def _asked(self, target: str, headers: dict[str, str]) -> HttpRequest:
        self._authorization = self._service.authorization()
        headers |= {"User-Agent": USER_AGENT} | self._authorization
        return HttpRequest(self._service.endpoint, target + self._service.billing_query, headers)

    def metadata(self, body: bytes) -> ObjectInfo | None:
        """The `etag` is that of the metadata, not that of media answers."""
        try:
            resource = msgspec.json.decode(body, type=_ObjectResource)
            size_bytes = int(resource.size)
        except (msgspec.MsgspecError, ValueError):
            return None
        if not 0 <= size_bytes < 2**63:
            return None
        return ObjectInfo(
            size_bytes=size_bytes,
            generation=_generation(resource.generation),
            etag=identity(resource.etag),
            crc32c=identity(resource.crc32c),
            md5=identity(resource.md5_hash),
            content_type=shown(resource.content_type),
        )

    def describe(self, answer: Answer, size_bytes: int | None) -> ObjectInfo:
        checksums = dict(_CHECKSUM.findall(answer.header_list("x-goog-hash")))
        return ObjectInfo(
            size_bytes=size_bytes,
            generation=_generation(answer.header("x-goog-generation")),
            etag=identity(answer.header("ETag")),
            crc32c=identity(checksums.get("crc32c")),
            md5=identity(checksums.get("md5")),
            content_type=header_text(answer, "Content-Type"),
        )

    def objection(self, answer: Answer) -> StoreError | None:
        if (answer.header("Content-Encoding") or "").strip().lower() != "gzip":
            return None
        return StoreError(
            FailureKind.UNREADABLE,
            "The object is stored compressed (Content-Encoding: gzip); whether the service inflates it is not "
            "documented. Store the media file as it is.",
        )

    def redirect(self, location: str) -> None:
        raise StoreError(FailureKind.SERVER_ERROR, "Cloud Storage answered with a redirect, which is not expected.")

    def refusal(self, answer: Answer, body: bytes) -> StoreError | TransientError:
        status = answer.status
        said = _error_message(body)
        message = f"Cloud Storage answered {phrase(status)}{': ' if said else '.'}{said}"
        if status == HTTPStatus.NOT_FOUND:
            return StoreError(FailureKind.NOT_FOUND, message)
        if status == HTTPStatus.UNAUTHORIZED and self._service.renew(self._authorization):
            return TransientError(FailureKind.FORBIDDEN, message)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            if self._authorization:
                return StoreError(FailureKind.FORBIDDEN, message)
            # This says nothing of the object: another run, with credentials, may read it.
            return StoreError(
                FailureKind.FORBIDDEN,
                "The object is not public, and nobody is signed in to Google Cloud on the machine that asked "
                f"(`gcloud auth application-default login` signs in). {message}",
                transient=True,
            )
        if status == HTTPStatus.BAD_REQUEST and "requester pays" in said:
            return StoreError(FailureKind.FORBIDDEN, f"{message} (--billing_project names one.)")
        return StoreError(FailureKind.SERVER_ERROR, message, transient=status >= HTTPStatus.INTERNAL_SERVER_ERROR)


def _generation(value: str | None) -> str | None:
    return value if value and _GENERATION.fullmatch(value) else None


class _ObjectResource(msgspec.Struct, rename="camel"):
    """https://cloud.google.com/storage/docs/json_api/v1/objects#resource; 64-bit numbers come as strings."""

    size: str | int
    generation: str
    etag: str | None = None
    crc32c: str | None = None
    md5_hash: str | None = None
    content_type: str | None = None


class _ErrorDetail(msgspec.Struct):
    message: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: _ErrorDetail


def _error_message(body: bytes) -> str:
    """What Cloud Storage says of an error, in JSON or in plain text, as one printable line."""
    try:
        text = msgspec.json.decode(body, type=_ErrorAnswer).error.message
    except msgspec.MsgspecError:
        text = body.decode(errors="replace")
    return one_line(text, _MAX_MESSAGE_CHARS)
