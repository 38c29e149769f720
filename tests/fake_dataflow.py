"""The door of Dataflow on a loopback port: takes a job as the service's REST interface does, and says how it ended.

https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from loopback import QuietHandler, serving


class FakeDataflow:
    """A running service.

    Attributes:
      url: for --dataflow_endpoint; the name `localhost` in it makes Beam's client speak REST.
      jobs: the body of each submission, in order, as the client sent it.
      work: does a job before its submission is answered; the job has failed when this raises.
      is_slow: jobs have no end.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.jobs: list[dict[str, Any]] = []
        self.is_slow = False
        self.work: Callable[[dict[str, Any]], None] = lambda job: None
        self._states: list[str] = []

    def _submit(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            self.work(body)
            state = "JOB_STATE_DONE"
        except Exception:  # noqa: BLE001 - whatever goes wrong in a job
            state = "JOB_STATE_FAILED"
        self._states.append(state)
        self.jobs.append(body)
        return self._job(len(self.jobs) - 1)

    def _job(self, index: int) -> dict[str, Any]:
        job = self.jobs[index]
        state = "JOB_STATE_RUNNING" if self.is_slow else self._states[index]
        return {**job, "id": f"fake-job-{index}", "location": "europe-west1", "currentState": state}


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    service: FakeDataflow

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.answer_json(self.service._submit(body))

    def do_GET(self) -> None:
        if "/messages" in self.path:
            self.answer_json({"jobMessages": []})
        elif "/metrics" in self.path:
            self.answer_json({"metrics": []})
        elif match := re.search(r"/jobs/fake-job-(\d+)", self.path):
            self.answer_json(self.service._job(int(match[1])))
        else:
            self.send_error(404)


@contextlib.contextmanager
def running_fake_dataflow() -> Iterator[FakeDataflow]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    service = FakeDataflow(f"http://localhost:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"service": service})
    with serving(server):
        yield service
