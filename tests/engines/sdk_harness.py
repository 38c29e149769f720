"""Starts a Python SDK harness as a process of its own, as the `boot` program of Beam's containers does.

An engine runs it for the environment PROCESS with the arguments of the container contract
(https://s.apache.org/beam-fn-api-container-contract). Nothing is staged: the harness runs in this installation.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.worker import sdk_worker, sdk_worker_main
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
    # Every worker numbers its metrics from 1, and Prism 2.77 keeps one table of these numbers for all workers: where
    # two workers use one number for two metrics it panics.
    sdk_worker.SHORT_ID_CACHE._last_short_id = zlib.crc32(worker_id.encode()) << 16
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
