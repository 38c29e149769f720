"""`tuning_job.json`: the request that starts a tuning job with the cleaned dataset, ready to be sent by a person.

The body of https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1/projects.locations.tuningJobs/create
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beam_tuning.report.document import Document

#: Stands where a person has to put a bucket, when the run wrote to a local folder: tuning reads Cloud Storage only.
BUCKET_TO_NAME = "gs://BUCKET"
_LONGEST_NAME = 100


def tuning_job(document: Document) -> dict[str, Any]:
    """The request body; the validation file is left out where none of its examples was kept."""
    output = document.output.rstrip("/")
    folder = output if output.startswith("gs://") else BUCKET_TO_NAME
    spec: dict[str, Any] = {"trainingDatasetUri": f"{folder}/train.jsonl"}
    validation = document.splits.get("validation")
    if validation is not None and validation.kept:
        spec["validationDatasetUri"] = f"{folder}/validation.jsonl"
    if "epochs" in document.options_given:
        spec["hyperParameters"] = {"epochCount": document.options["epochs"]}
    job: dict[str, Any] = {"baseModel": document.model, "supervisedTuningSpec": spec}
    if name := display_name(output):
        job["tunedModelDisplayName"] = name
    return job


def display_name(folder: str) -> str:
    """A name by which the tuned model is found again: that of the run folder; empty where it has none of its own."""
    name = posixpath.basename(folder.rstrip("/"))[:_LONGEST_NAME]
    return "" if name in (".", "..") else name
