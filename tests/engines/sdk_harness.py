"""Starts a Python SDK harness as a process of its own, as the `boot` program of Beam's containers does.

An engine runs it for the environment PROCESS with the arguments of the container contract
(https://s.apache.org/beam-fn-api-container-contract). Nothing is staged: the harness runs in this installation.

With SDK_HARNESS_ELEMENT_LIMIT_S in the environment, the harness ends itself when an element takes longer, by the code
that does so for `--element_processing_timeout_minutes`. That code looks every two minutes, only where the engine has a
status service, which Prism and Flink have not, and gives the process another minute: here it looks every second, beside
a status service that asks nothing, and gives a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import types
import zlib
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
from apache_beam.portability.api import (
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    endpoints_pb2,
)
from apache_beam.runners.worker import sdk_worker, sdk_worker_main, worker_status
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from google.protobuf import json_format, text_format


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("id", "provision_endpoint", "control_endpoint", "logging_endpoint", "artifact_endpoint"):
        parser.add_argument(f"--{name}", default="")
    arguments = parser.parse_args()
    worker_id = arguments.id.strip("'")  # Prism quotes it for a shell that it does not use
    with grpc.insecure_channel(arguments.provision_endpoint) as channel:
        info = (
            beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
            .GetProvisionInfo(
                beam_provision_api_pb2.GetProvisionInfoRequest(), metadata=(("worker_id", worker_id),), timeout=60
            )
            .info
        )

    def endpoint(provisioned: endpoints_pb2.ApiServiceDescriptor, given: str) -> str:
        descriptor = endpoints_pb2.ApiServiceDescriptor(url=given) if given else provisioned
        return text_format.MessageToString(descriptor)

    environ = {
        "WORKER_ID": worker_id,
        "CONTROL_API_SERVICE_DESCRIPTOR": endpoint(info.control_endpoint, arguments.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": endpoint(info.logging_endpoint, arguments.logging_endpoint),
        "PIPELINE_OPTIONS": json.dumps(json_format.MessageToDict(info.pipeline_options)),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    if info.status_endpoint.url:
        environ["STATUS_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(info.status_endpoint)
    os.environ.update(environ)
    WorkerIdInterceptor._worker_id = worker_id  # it was read from the environment when its module was imported
    # Every worker numbers its metrics from 1, and Prism 2.77 keeps one table of these numbers for all workers: where
    # two workers use one number for two metrics it panics.
    sdk_worker.SHORT_ID_CACHE._last_short_id = zlib.crc32(worker_id.encode()) << 16
    if limit_s := os.environ.get("SDK_HARNESS_ELEMENT_LIMIT_S"):
        end_when_an_element_takes_longer(float(limit_s))
    sdk_worker_main.main(sys.argv)


def end_when_an_element_takes_longer(limit_s: float) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    beam_fn_api_pb2_grpc.add_BeamFnWorkerStatusServicer_to_server(_AsksNothing(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.environ["STATUS_API_SERVICE_DESCRIPTOR"] = f'url: "127.0.0.1:{port}"'
    watch = sdk_worker.FnApiWorkerStatusHandler

    def watch_closely(*arguments: Any, **named: Any) -> worker_status.FnApiWorkerStatusHandler:
        return watch(*arguments, **{**named, "element_processing_timeout_minutes": limit_s / 60})

    sdk_worker.FnApiWorkerStatusHandler = watch_closely  # type: ignore[assignment,misc]
    hasty = types.SimpleNamespace(**{**vars(time), "sleep": lambda _: time.sleep(1)})
    worker_status.time = sdk_worker_main.time = hasty  # type: ignore[assignment]


class _AsksNothing(beam_fn_api_pb2_grpc.BeamFnWorkerStatusServicer):
    def WorkerStatus(self, request_iterator: Iterator[Any], context: Any) -> Iterator[Any]:  # noqa: N802
        for _ in request_iterator:
            pass
        yield from ()


if __name__ == "__main__":
    main()
