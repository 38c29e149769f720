"""A tuning service on loopback. It takes what Google's own message takes, and refuses every other field.

Bodies are parsed into `google.cloud.aiplatform_v1.TuningJob`; answers are made from that message too. google-genai is
led here by GOOGLE_VERTEX_BASE_URL, its own setting.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.cloud.aiplatform_v1.types import TuningJob
from google.protobuf import json_format
from loopback import QuietHandler, serving

PROJECT, REGION = "example-project", "us-central1"
JOB = f"projects/123456789012/locations/{REGION}/tuningJobs/42"


def job_document(**fields: Any) -> dict[str, Any]:
    """The JSON that `tuningJobs.get` answers with, of a job with these fields; none that the message does not have."""
    message = TuningJob.pb(TuningJob())
    json_format.ParseDict({"name": JOB, **fields}, message)
    document: dict[str, Any] = json_format.MessageToDict(message)
    return document


class FakeTuning:
    """A running service.

    Attributes:
      created: the parsed bodies, as JSON.
      tokens: Authorization headers of all requests.
      states: what a job is at, one look after another; the last one stays.
      refusal: (HTTP status, message) for the next requests, or None.
      closes_early: whether connections are closed without an answer, after the request was carried out.
    """

    def __init__(self) -> None:
        self.url = ""
        self.created: list[dict[str, Any]] = []
        self.targets: list[str] = []
        self.tokens: list[str | None] = []
        self.states: list[dict[str, Any]] = [{"state": "JOB_STATE_PENDING"}]
        self.refusal: tuple[int, str] | None = None
        self.closes_early = False
        self.looked = threading.Event()

    def answer(self, method: str, target: str, body: bytes, token: str | None) -> tuple[int, Any]:
        """(HTTP status, JSON value)."""
        self.tokens.append(token)
        self.targets.append(f"{method} {target}")
        if self.refusal is not None:
            status, message = self.refusal
            return status, {"error": {"code": status, "message": message, "status": "FAILED_PRECONDITION"}}
        if method == "POST":
            return self._create(target, body)
        self.looked.set()
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, job_document(**(self.created[-1] if self.created else {}), **state)

    def _create(self, target: str, body: bytes) -> tuple[int, Any]:
        if target != f"/v1/projects/{PROJECT}/locations/{REGION}/tuningJobs":
            return 404, {"error": {"code": 404, "message": f"no such method: {target}", "status": "NOT_FOUND"}}
        message = TuningJob.pb(TuningJob())
        try:
            json_format.Parse(body, message, ignore_unknown_fields=False)
        except json_format.ParseError as error:
            return 400, {"error": {"code": 400, "message": str(error), "status": "INVALID_ARGUMENT"}}
        self.created.append(json.loads(body))
        return 200, job_document(**json_format.MessageToDict(message), state="JOB_STATE_PENDING")


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    def __init__(self, service: FakeTuning, *args: Any) -> None:
        self._service = service
        super().__init__(*args)

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        status, document = self._service.answer(self.command, self.path, body, self.headers.get("Authorization"))
        if self._service.closes_early:
            self.close_connection = True
            return
        self.answer_json(document, status)


@contextlib.contextmanager
def running_fake_tuning() -> Iterator[FakeTuning]:
    """Runs the service for the time of the block."""
    service = FakeTuning()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, service))
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield service
