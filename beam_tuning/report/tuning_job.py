"""`tuning_job.json`: the request that starts a tuning job with the cleaned dataset, ready to be sent by a person.

The body of https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1/projects.locations.tuningJobs/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beam_tuning.report.document import Document

#: Stands where a person has to put a bucket, when the run wrote to a local folder: tuning reads Cloud Storage only.
BUCKET_TO_NAME = "gs://BUCKET"


def tuning_job(document: Document) -> dict[str, Any]:
    """The request body; the validation file is left out where none of its examples was kept."""
    output = document.output.rstrip("/")
    folder = output if output.startswith("gs://") else BUCKET_TO_NAME
    spec = {"trainingDatasetUri": f"{folder}/train.jsonl"}
    validation = document.splits.get("validation")
    if validation is not None and validation.kept:
        spec["validationDatasetUri"] = f"{folder}/validation.jsonl"
    return {"baseModel": document.model, "supervisedTuningSpec": spec}
