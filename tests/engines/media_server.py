"""Media over HTTP on loopback, from a store that counts, fails or holds its breath."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from loopback import QuietHandler, serving
from patience import PATIENCE_S

_ANSWERS_BEFORE_OUTAGE = 5


class MediaServer:
    """Serves the files of a folder, with ranges.

    Attributes:
      url: without a slash at the end.
      first_reads: how often each file was read from its first byte: once a probe.
      failures: how many requests for each file are answered 503 before one is answered well.
      outage_s: how long every request is answered 503, from the fifth good answer on.
      refused: requests that were answered 503.
      open: while it is not set, requests wait.
      asked: set by the first request.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.first_reads: Counter[str] = Counter()
        self.failures = 0
        self.outage_s = 0.0
        self.refused = 0
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()
        self._failed: Counter[str] = Counter()
        self._answered = 0
        self._outage_ends_s = 0.0
        self._lock = threading.Lock()

    def reset(self) -> None:
        self.first_reads.clear()
        self._failed.clear()
        self.failures = self.refused = self._answered = 0
        self.outage_s = self._outage_ends_s = 0.0
        self.open.set()
        self.asked.clear()

    def _refuses(self, name: str, start: int) -> bool:
        self.asked.set()
        self.open.wait(PATIENCE_S)
        with self._lock:
            if self._failed[name] < self.failures or time.monotonic() < self._outage_ends_s:
                self._failed[name] += 1
                self.refused += 1
                return True
            self._answered += 1
            if self._answered == _ANSWERS_BEFORE_OUTAGE:
                self._outage_ends_s = time.monotonic() + self.outage_s
            if start == 0:
                self.first_reads[name] += 1
            return False


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    media: MediaServer

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        assert wanted is not None
        start = int(wanted[1])
        if self.media._refuses(name, start):
            self._answer(503, b"busy")
            return
        path = self.media.folder / name
        if not path.is_file():
            self._answer(404, b"no such file")
            return
        data = path.read_bytes()
        if start >= len(data):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        end = min(int(wanted[2] or len(data) - 1), len(data) - 1)
        self._answer(206, data[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(data)}", "ETag": '"1"'})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed leaves its connections broken: that is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serving_media(folder: Path) -> Iterator[MediaServer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    media = MediaServer(folder, f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"media": media})
    with serving(server):
        try:
            yield media
        finally:
            media.open.set()
