"""The request that creates a tuning job, as it is shown, written to `tuning_job.json` and sent.

The body of https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1/projects.locations.tuningJobs/create.
google-genai takes 3 s to import, so the body is made here; tests hold that google-genai sends the very same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

#: Stands where a person has to put a project.
PROJECT_TO_NAME = "YOUR-PROJECT"
#: How the API names adapter sizes.
ADAPTER_SIZES: Mapping[int, str] = {
    1: "ADAPTER_SIZE_ONE",
    2: "ADAPTER_SIZE_TWO",
    4: "ADAPTER_SIZE_FOUR",
    8: "ADAPTER_SIZE_EIGHT",
    16: "ADAPTER_SIZE_SIXTEEN",
    32: "ADAPTER_SIZE_THIRTY_TWO",
}
_JOB_NAME = re.compile(r"projects/([^/\s]+)/locations/([a-z0-9-]+)/tuningJobs/([A-Za-z0-9_-]+)")


class TuningRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A supervised tuning job. None and empty leave a field out, so that the service chooses.

    Attributes:
      project: id or number; None when nobody has named one yet.
      region: where the job runs.
      model: the base model.
      training_uri, validation_uri: gs:// URIs of JSON Lines objects.
      display_name: of the tuned model.
      service_account: that the job runs as.
    """

    project: str | None
    region: str
    model: str
    training_uri: str
    validation_uri: str | None = None
    display_name: str | None = None
    epochs: int | None = None
    adapter_size: int | None = None
    learning_rate_multiplier: float | None = None
    service_account: str | None = None
    labels: dict[str, str] = {}
    export_last_checkpoint_only: bool = False

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        hyper_parameters: dict[str, Any] = {}
        if self.epochs is not None:
            hyper_parameters["epochCount"] = self.epochs
        if self.learning_rate_multiplier is not None:
            hyper_parameters["learningRateMultiplier"] = self.learning_rate_multiplier
        if self.adapter_size is not None:
            hyper_parameters["adapterSize"] = ADAPTER_SIZES[self.adapter_size]
        spec: dict[str, Any] = {"trainingDatasetUri": self.training_uri}
        if self.validation_uri is not None:
            spec["validationDatasetUri"] = self.validation_uri
        if hyper_parameters:
            spec["hyperParameters"] = hyper_parameters
        if self.export_last_checkpoint_only:
            spec["exportLastCheckpointOnly"] = True
        body: dict[str, Any] = {"baseModel": self.model, "supervisedTuningSpec": spec}
        if self.display_name:
            body["tunedModelDisplayName"] = self.display_name
        if self.labels:
            body["labels"] = dict(self.labels)
        if self.service_account:
            body["serviceAccount"] = self.service_account
        return body

    def encoded(self) -> bytes:
        """The body as `tuning_job.json` holds it."""
        return msgspec.json.format(msgspec.json.encode(self.body()), indent=2) + b"\n"

    @property
    def url(self) -> str:
        """Where the body is posted to."""
        project = quote(self.project or PROJECT_TO_NAME, safe=":")
        return (
            f"https://{self.region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{self.region}/tuningJobs"
        )


class JobName(msgspec.Struct, frozen=True):
    """The parts of a job's resource name."""

    project: str
    region: str
    id: str

    @classmethod
    def parse(cls, name: str) -> JobName | None:
        """None when it is no name of a tuning job."""
        match = _JOB_NAME.fullmatch(name)
        return cls(*match.groups()) if match else None

    @property
    def console_link(self) -> str:
        """The job's page, as google-genai links it."""
        return (
            f"https://console.cloud.google.com/vertex-ai/generative/language/locations/{self.region}/tuning/tuningJob/"
            f"{self.id}?project={quote(self.project, safe=':')}"
        )
