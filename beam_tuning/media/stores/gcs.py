"""gs:// objects through Cloud Storage's JSON API, so that production and an emulator run the same code.

A media request (https://cloud.google.com/storage/docs/json_api/v1/objects/get with `alt=media`) brings bytes, size,
generation and checksums in one answer. All later reads name that generation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import msgspec

from beam_tuning.errors import OptionError
from beam_tuning.media.info import FailureKind, ObjectInfo
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.credentials import TokenSource
from beam_tuning.media.stores.http import USER_AGENT, header_text
from beam_tuning.media.stores.remote import RemoteReader, phrase
from beam_tuning.media.stores.retry import TransientError
from beam_tuning.media.stores.store import StoreError, empty
from beam_tuning.media.stores.transport import Endpoint, Exchange, Request, Transport
from beam_tuning.media.stores.uris import GcsObject

_PRODUCTION = Endpoint(tls=True, host="storage.googleapis.com", port=443, guarded=False)
_METADATA_FIELDS = "size,generation,etag,crc32c,md5Hash,contentType"
_MAX_ERROR_BYTES = 4 * 1024
_MAX_METADATA_BYTES = 64 * 1024
_MAX_MESSAGE_CHARS = 240
_GENERATION = re.compile(r"\d{1,20}", re.ASCII)
_CHECKSUM = re.compile(r"(crc32c|md5)=([A-Za-z0-9+/]+={0,2})")


class GcsService:
    """Where Cloud Storage is, and who asks. One for a process.

    Attributes:
      endpoint: STORAGE_EMULATOR_HOST (`http://host:port`) where it is set, as in Google's libraries; no credentials
        go there.
      billing_query: names the project that pays for buckets that charge the reader
        (https://cloud.google.com/storage/docs/using-requester-pays); empty for none.
    """

    def __init__(
        self, tokens: TokenSource, billing_project: str | None, environ: Mapping[str, str] = os.environ
    ) -> None:
        emulator = environ.get("STORAGE_EMULATOR_HOST")
        self.endpoint = _emulator_endpoint(emulator) if emulator else _PRODUCTION
        self.billing_query = f"&userProject={quote(billing_project, safe='')}" if billing_project else ""
        self._tokens = None if emulator else tokens

    def authorization(self) -> dict[str, str]:
        """Headers that say who asks; empty for nobody in particular."""
        headers = self._tokens.headers() if self._tokens else {}
        if self.billing_query:
            headers.pop("x-goog-user-project", None)  # the query names the project
        return headers

    def renew(self, refused: dict[str, str]) -> bool:
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
            where="STORAGE_EMULATOR_HOST",
            observed=value,
            limit="http://HOST:PORT",
            remedy="Correct the environment variable, or unset it to use Cloud Storage itself.",
        )
    tls = parts.scheme == "https"
    return Endpoint(tls, parts.hostname, port or (443 if tls else 80), guarded=False)


class GcsReader(RemoteReader):
    """One object in Cloud Storage; after the first answer, one generation of it."""

    def __init__(self, item: GcsObject, service: GcsService, transport: Transport, budget: Budget) -> None:
        super().__init__(transport, budget)
        self._service = service
        self._path = f"/storage/v1/b/{item.bucket}/o/{quote(item.name, safe='')}"
        self._authorization: dict[str, str] = {}

    def _request(self, byte_range: str | None) -> Request:
        generation = f"&generation={self._info.generation}" if self._info.generation else ""
        # With gzip accepted, an object that is stored compressed comes as it is stored, instead of inflated and without
        # ranges (https://cloud.google.com/storage/docs/transcoding).
        headers = {"Accept-Encoding": "gzip"}
        if byte_range:
            headers["Range"] = f"bytes={byte_range}"
        return self._asked(f"/download{self._path}?alt=media{generation}", headers)

    def _asked(self, target: str, headers: dict[str, str]) -> Request:
        self._authorization = self._service.authorization()
        headers |= {"User-Agent": USER_AGENT} | self._authorization
        return Request(self._service.endpoint, target + self._service.billing_query, headers)

    def _inspect(self, exchange: Exchange) -> None:
        if (exchange.header("Content-Encoding") or "").strip().lower() == "gzip":
            raise StoreError(
                FailureKind.UNREADABLE,
                "The object is stored compressed (Content-Encoding: gzip); whether the service inflates it is not "
                "documented. Store the media file as it is.",
            )

    def _describe(self, exchange: Exchange, size_bytes: int | None) -> ObjectInfo:
        checksums = dict(_CHECKSUM.findall(exchange.header_list("x-goog-hash")))
        generation = exchange.header("x-goog-generation") or ""
        return ObjectInfo(
            size_bytes=size_bytes,
            generation=generation if _GENERATION.fullmatch(generation) else None,
            etag=header_text(exchange, "ETag"),
            crc32c=checksums.get("crc32c"),
            md5=checksums.get("md5"),
            content_type=header_text(exchange, "Content-Type"),
        )

    def stat(self) -> ObjectInfo:
        """One metadata answer; its `etag` is that of the metadata, not that of the media answers."""
        self._budget.add_round()
        failed_attempts = 0
        while True:
            try:
                self._info = self._metadata()
                break
            except TransientError as fault:
                failed_attempts += 1
                self._budget.pause_or_raise(fault, failed_attempts)
        if not self._info.size_bytes:
            raise empty()
        return self._info

    def _metadata(self) -> ObjectInfo:
        request = self._asked(f"{self._path}?fields={_METADATA_FIELDS}", {"Accept-Encoding": "identity"})
        exchange = self._answer(self._dispatch(request), None)
        try:
            resource = msgspec.json.decode(self._read_text(exchange, _MAX_METADATA_BYTES), type=_ObjectResource)
            size_bytes = int(resource.size)
        except (msgspec.MsgspecError, ValueError):
            raise TransientError(
                FailureKind.SERVER_ERROR, f"{exchange.host} gave metadata that cannot be read."
            ) from None
        exchange.finish()
        return ObjectInfo(
            size_bytes=size_bytes,
            generation=resource.generation,
            etag=resource.etag,
            crc32c=resource.crc32c,
            md5=resource.md5_hash,
            content_type=resource.content_type,
        )

    def _read_text(self, exchange: Exchange, most_bytes: int) -> bytes:
        parts: list[bytes] = []
        left = most_bytes
        while left and (data := exchange.read(left)):
            self._budget.add_bytes(len(data))
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def _redirect(self, location: str) -> None:
        raise StoreError(FailureKind.SERVER_ERROR, "Cloud Storage answered with a redirect, which is not expected.")

    def _refusal(self, exchange: Exchange) -> StoreError | TransientError:
        status = exchange.status
        said = _error_message(self._read_text(exchange, _MAX_ERROR_BYTES))
        message = f"Cloud Storage answered {phrase(status)}{': ' if said else '.'}{said}"
        if status == HTTPStatus.NOT_FOUND:
            return StoreError(FailureKind.NOT_FOUND, message)
        if status == HTTPStatus.UNAUTHORIZED and self._service.renew(self._authorization):
            return TransientError(FailureKind.FORBIDDEN, message)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            if not self._authorization:
                message += " (No Google Cloud credentials were found, so it was asked without any.)"
            # Without credentials this says nothing of the object: with some, another run may read it.
            return StoreError(FailureKind.FORBIDDEN, message, transient=not self._authorization)
        if status == HTTPStatus.BAD_REQUEST and "requester pays" in said:
            return StoreError(FailureKind.FORBIDDEN, message)
        return StoreError(FailureKind.SERVER_ERROR, message, transient=status >= HTTPStatus.INTERNAL_SERVER_ERROR)


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
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _MAX_MESSAGE_CHARS else line[:_MAX_MESSAGE_CHARS] + "…"
