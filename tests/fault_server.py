"""A real HTTP server on loopback that misbehaves as told, and remembers what it was asked.

with running_fault_server() as server:
    server.script("/a.wav", Fault(status=503), Answer(body))      # the last one answers all further requests
    url = server.url + "/a.wav"
    ...
    assert [request.headers["Range"] for request in server.requests] == [...]
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import ipaddress
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from patience import PATIENCE_S

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Answer:
    """How one request is answered. Without any fault: as a good server does, ranges included.

    Attributes:
      body: the whole object.
      status: instead of 200 or 206; the body is then sent as it is.
      headers: sent besides, or instead of, the usual ones; a value of None leaves the usual one out.
      ignore_range: answer 200 with everything.
      content_length: False leaves Content-Length out and ends the body by closing.
      chunked: Transfer-Encoding: chunked, no Content-Length.
      compress: send the body with gzip whatever was asked for.
      content_range: instead of the true one.
      close_after, reset_after, stall_after: so many bytes of the body are sent, and then the connection is closed in
        order, is reset, or stays silent.
      stall_before_headers: nothing is sent at all.
      close_before_headers: the connection ends, and nothing was sent.
      together: the answer waits until this barrier has let its requests through.
      raw, flood: instead of an answer, these bytes, and then these again and again until the client leaves.
      close: end the connection after the answer, without saying so.
    """

    body: bytes = b""
    status: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    ignore_range: bool = False
    content_length: bool = True
    chunked: bool = False
    compress: bool = False
    content_range: str | None = None
    close_after: int | None = None
    reset_after: int | None = None
    stall_after: int | None = None
    stall_before_headers: bool = False
    close_before_headers: bool = False
    together: threading.Barrier | None = None
    raw: bytes | None = None
    flood: bytes = b""
    close: bool = False


def refusal(status: int, body: bytes = b"", **headers: str) -> Answer:
    """An error status; header names are given with underscores."""
    return Answer(body, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class SeenRequest:
    """One request that came."""

    method: str
    target: str
    headers: Message
    connection: int


class FaultServer:
    """A running server.

    Attributes:
      port, url: where it listens.
      requests: all that came, in the order in which the server's threads took them.
      flooded_bytes: what clients let it send of floods.
      stalling: set while a body is held back, until the next request.
    """

    def __init__(self, port: int, *, tls: bool) -> None:
        self.port = port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.requests: list[SeenRequest] = []
        self.flooded_bytes = 0
        self.stalling = threading.Event()
        self.stopped = threading.Event()
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()

    def script(self, path: str, *answers: Answer) -> str:
        """Answers requests for `path` (query left out) one after the other; returns its URL."""
        with self._lock:
            self._answers[path] = list(answers)
        return self.url + path

    def next_answer(self, request: SeenRequest) -> Answer:
        self.stalling.clear()
        with self._lock:
            self.requests.append(request)
            answers = self._answers.get(request.target.partition("?")[0])
            if not answers:
                return refusal(404)
            return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [request.headers["Range"] for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        faults = self.server.faults
        answer = faults.next_answer(
            SeenRequest(self.command, self.path, self.headers, self.client_address[1]),
        )
        if answer.together is not None:
            answer.together.wait(timeout=PATIENCE_S)
        if answer.stall_before_headers:
            faults.stopped.wait()
        if answer.raw is not None:
            self._send_raw(answer.raw, answer.flood)
        if answer.stall_before_headers or answer.close_before_headers or answer.raw is not None:
            self.close_connection = True
            return
        body = self._start(answer)
        self._send_body(answer, body)
        if answer.close or not answer.content_length:
            self.close_connection = True

    def _start(self, answer: Answer) -> bytes:
        """Sends status and headers; returns the body to send."""
        body, status, headers = answer.body, answer.status or 200, {}
        asked = _RANGE.fullmatch(self.headers["Range"] or "")
        if answer.status is None and asked and not answer.ignore_range:
            start, total = int(asked[1]), len(body)
            stop = min(int(asked[2]) + 1 if asked[2] else total, total)
            if start >= total:
                status, body = 416, b""
                headers["Content-Range"] = f"bytes */{total}"
            else:
                status, body = 206, body[start:stop]
                headers["Content-Range"] = (
                    f"bytes {start}-{stop - 1}/{total}" if answer.content_range is None else answer.content_range
                )
        if answer.compress:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif answer.content_length:
            headers["Content-Length"] = str(len(body))
        self.send_response_only(status)
        for name, value in {**headers, **answer.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        return body

    def _send_body(self, answer: Answer, body: bytes) -> None:
        stops = [stop for stop in (answer.close_after, answer.reset_after, answer.stall_after) if stop is not None]
        part = body[: stops[0]] if stops else body
        if answer.chunked:
            for offset in range(0, len(part), 10_000):
                piece = part[offset : offset + 10_000]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if not stops:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(part)
        if answer.stall_after is not None:
            self.server.faults.stalling.set()
            self.server.faults.stopped.wait()
        if answer.reset_after is not None:
            # Closing with a linger time of 0 sends a reset; detached, no orderly end can be sent before it.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())
        if stops:
            self.close_connection = True

    def _send_raw(self, raw: bytes, flood: bytes) -> None:
        self.wfile.write(raw)
        while flood and not self.server.faults.stopped.is_set():
            self.wfile.write(flood)
            self.server.faults.flooded_bytes += len(flood)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):  # clients may leave when they like
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    faults: FaultServer
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        if self.tls is not None:
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, client_address)
        if self.tls is not None:
            request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients may leave when they like


@contextlib.contextmanager
def running_fault_server(*, tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    """Runs a server for the time of the block, one thread for each connection."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.tls = tls
    server.faults = FaultServer(server.server_address[1], tls=tls is not None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.faults
    finally:
        server.faults.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def server_tls(directory: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for these host names and addresses, and the file of the authority that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = directory / "authority.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = directory / "key.pem"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key_file)
    return context, authority
