"""Cloud Storage on a loopback port, for tests and for the processes that they start.

The server is gcp-storage-emulator, in memory. What is added here:

* headers of a media answer that real Cloud Storage sends and the emulator does not: `x-goog-generation`, `x-goog-hash`,
  `ETag` (https://cloud.google.com/storage/docs/xml-api/reference-headers, the JSON API's media answers carry the same);
* preconditions on generations, which the emulator passes over;
* the parameter `generation`: an object that was replaced is not found any more, as in a bucket without versioning
  (https://cloud.google.com/storage/docs/json_api/v1/objects/get);
* a longer listen backlog, for clients with many connections, and a record of every request;
* a service account that exists nowhere but here, with its own token server on loopback: Beam's client looks for
  credentials before it talks to any server, and without some it waits 20 s and more for a metadata server.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets, objects
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage
from loopback import QuietHandler, serving

_METADATA_PREFIX, _DOWNLOAD_PREFIX = "/storage/v1/b/", "/download/storage/v1/b/"
_API = re.compile("^(/download)?/storage/v1")

_make_resource = objects._make_object_resource


def _resource_with_a_link(base_url: str, bucket: str, name: str, *more: Any, **named: Any) -> dict[str, Any]:
    """The emulator's links quote nothing, so that a name with `?` or `#` in it cannot be read."""
    resource: dict[str, Any] = _make_resource(base_url, bucket, name, *more, **named)
    return resource | {"mediaLink": resource["mediaLink"].replace(f"/o/{name}?", f"/o/{quote(name)}?")}


objects._make_object_resource = _resource_with_a_link


class GcsEmulator:
    """A running emulator.

    Attributes:
      url: e.g. `http://127.0.0.1:40123`, the value of STORAGE_EMULATOR_HOST.
      environ: what a process needs in its environment to use this emulator, through Beam or through beam_tuning.
      requests: `METHOD target` of each request since the start or the last `requests.clear()`.
    """

    def __init__(
        self,
        storage: Storage,
        url: str,
        environ: Mapping[str, str],
        requests: list[str],
        answers: dict[str, tuple[int, Any]],
    ) -> None:
        self._answers = answers
        self.url = url
        self.environ = dict(environ)
        self.requests = requests
        self._storage = storage

    def create_bucket(self, bucket: str) -> None:
        buckets.create_bucket(bucket, self._storage)

    def put(
        self,
        uri: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        content_encoding: str | None = None,
    ) -> str:
        """Writes an object (its bucket is made when absent) and returns its generation."""
        bucket, name = _split(uri)
        if bucket not in self._storage.buckets:
            self.create_bucket(bucket)
        metadata = {"contentEncoding": content_encoding} if content_encoding else None
        resource = objects._make_object_resource(self.url, bucket, name, content_type, str(len(data)), metadata)
        self._storage.create_file(bucket, name, data, objects._checksums(data, resource))
        return str(resource["generation"])

    def get(self, uri: str) -> bytes:
        return bytes(self._storage.get_file(*_split(uri)))

    def delete(self, uri: str) -> None:
        self._storage.delete_file(*_split(uri))

    def list(self, prefix_uri: str) -> list[str]:
        """The URIs of all objects that start with `prefix_uri`, sorted."""
        bucket, prefix = _split(prefix_uri)
        files, _ = self._storage.get_file_list(bucket, prefix or None)
        return sorted(f"gs://{bucket}/{item['name']}" for item in files)

    def answer(self, path: str, status: int, document: Any) -> None:
        """Has the API give this answer to GET requests for a path, e.g. `/b/bucket/iam`, whatever lies there."""
        self._answers[path] = (status, document)

    def forbid(self, uri: str) -> None:
        """Lets nobody read an object."""
        bucket, name = _split(uri)
        message = "tester does not have storage.objects.get access to the Google Cloud Storage object."
        self.answer(f"/b/{bucket}/o/{name}", 403, {"error": {"code": 403, "message": message}})

    def wipe(self) -> None:
        """Deletes every bucket and forgets what was to be answered."""
        self._storage.wipe()
        self._answers.clear()


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


class _GcsHandler(RequestHandler):
    """Sends the headers that the emulator leaves out, and records the request."""

    def __init__(
        self, storage: Storage, requests: list[str], answers: Mapping[str, tuple[int, Any]], *args: Any
    ) -> None:
        self._requests = requests
        self._answers = answers
        super().__init__(storage, *args)

    rfile: io.BufferedIOBase

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        if parsed:
            self._requests.append(f"{self.command} {self.path}")
        return parsed

    def do_POST(self) -> None:  # noqa: N802 - the name in the standard library
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.rfile = io.BytesIO(body)
        if self._preconditions_hold(body):
            super().do_POST()

    def do_DELETE(self) -> None:  # noqa: N802 - the name in the standard library
        if self._preconditions_hold(b""):
            super().do_DELETE()

    def _preconditions_hold(self, body: bytes) -> bool:
        """Whether generations are those that the request wants; answers 412 when not, as the emulator does not.

        https://cloud.google.com/storage/docs/request-preconditions
        """
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        bucket, _, name = url.path.partition("/b/")[2].partition("/o")
        name = unquote(name.removeprefix("/"))
        wanted: list[tuple[str, str]] = []
        if name.endswith("/compose"):
            for source in json.loads(body)["sourceObjects"]:
                generation = source.get("objectPreconditions", {}).get("ifGenerationMatch")
                wanted += [(source["name"], str(generation))] if generation else []
        elif "ifGenerationMatch" in query:
            if not name:
                found = re.search(rb'"name": *("(?:[^"\\]|\\.)*")', body)
                name = query["name"][0] if "name" in query else json.loads(found[1]) if found else ""
            wanted.append((name, query["ifGenerationMatch"][0]))
        for one, generation in wanted:
            present = "0"
            with contextlib.suppress(NotFound):
                present = self.storage.get_file_obj(bucket, one)["generation"]
            if present != generation:
                self.send_response(412)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return False
        return True

    def do_GET(self) -> None:  # noqa: N802 - the name in the standard library
        answer = self._answers.get(unquote(_API.sub("", urlsplit(self.path).path)))
        if answer is not None:
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        asked = parse_qs(urlsplit(self.path).query).get("generation", [""])[0]
        resource = self._resource(_METADATA_PREFIX, _DOWNLOAD_PREFIX)
        if asked and resource is not None and asked != resource["generation"]:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def end_headers(self) -> None:
        resource = self._resource(_DOWNLOAD_PREFIX) if self.command == "GET" else None
        if resource is not None:
            self.send_header("x-goog-generation", resource["generation"])
            if self.headers["Range"]:  # without one the emulator sends it
                self.send_header("x-goog-hash", f"crc32c={resource['crc32c']},md5={resource['md5Hash']}")
            self.send_header("ETag", f'"{resource["etag"]}"')
            if resource.get("contentEncoding"):
                self.send_header("Content-Encoding", resource["contentEncoding"])
        super().end_headers()

    def _resource(self, *prefixes: str) -> Mapping[str, str] | None:
        """The object that is asked for, as it is now."""
        path = urlsplit(self.path).path
        for prefix in prefixes:
            bucket, slash, name = path.removeprefix(prefix).partition("/o/")
            if path.startswith(prefix) and slash:
                with contextlib.suppress(NotFound):
                    found: Mapping[str, str] = self.storage.get_file_obj(unquote(bucket), unquote(name))
                    return found
        return None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the standard library
        pass


class _TokenHandler(QuietHandler, BaseHTTPRequestHandler):
    """Gives the same access token to whoever asks."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer_json({"access_token": "emulator-token", "expires_in": 3600, "token_type": "Bearer"})


class _Server(HTTPServer):
    request_queue_size = 128


@contextlib.contextmanager
def _serving(handler: Any) -> Iterator[str]:
    """Serves on a free loopback port from one thread; yields the base URL."""
    server = _Server(("127.0.0.1", 0), handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def _write_service_account(path: Path, token_url: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "emulator-project",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "tester@emulator-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{token_url}/token",
    }
    path.write_text(json.dumps(account))


@contextlib.contextmanager
def running_gcs_emulator(directory: Path) -> Iterator[GcsEmulator]:
    """Runs an emulator for the time of the block; `directory` receives the service account's key file.

    Nothing uses it before `GcsEmulator.environ` is set, in this process or in one that is started inside the block.
    """
    storage = Storage(use_memory_fs=True)
    requests: list[str] = []
    answers: dict[str, tuple[int, Any]] = {}
    with _serving(partial(_GcsHandler, storage, requests, answers)) as url, _serving(_TokenHandler) as token_url:
        key_file = directory / "service-account.json"
        _write_service_account(key_file, token_url)
        environ = {
            "STORAGE_EMULATOR_HOST": url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key_file),
            "GOOGLE_CLOUD_PROJECT": "emulator-project",
            "NO_GCE_CHECK": "true",
        }
        yield GcsEmulator(storage, url, environ, requests, answers)
