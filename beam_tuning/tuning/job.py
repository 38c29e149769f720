"""A tuning job as the service tells of it: the few fields that are read, of any version of the API.

https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1/projects.locations.tuningJobs

`google.genai.types.TuningJob` refuses fields that it does not know, and a document may come from a later API. So these
types pass over what they do not name. They take 64-bit numbers as text, as protobuf's JSON has them.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from beam_tuning.errors import InputError

SUCCEEDED = "JOB_STATE_SUCCEEDED"
#: No other state follows these.
ENDED = frozenset(
    {SUCCEEDED, "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED", "JOB_STATE_PARTIALLY_SUCCEEDED"}
)
_SNAKE = re.compile(r"_([a-z0-9])")
#: Values that are not the API's own: their keys stay as they are.
_FREE = frozenset({"labels"})


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """Passes over unknown fields."""


class JobError(_Part, frozen=True, rename="camel"):
    """https://cloud.google.com/apis/design/errors"""

    code: int | None = None
    message: str | None = None


class HyperParameters(_Part, frozen=True, rename="camel"):
    """As the service used them."""

    epoch_count: int | None = None


class TuningSpec(_Part, frozen=True, rename="camel"):
    training_dataset_uri: str | None = None
    validation_dataset_uri: str | None = None
    hyper_parameters: HyperParameters | None = None


class TokenDistribution(_Part, frozen=True, rename="camel"):
    """Tokens, or messages, of the examples."""

    sum: int | None = None
    billable_sum: int | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    median: float | None = None
    p5: float | None = None
    p95: float | None = None


class DataStats(_Part, frozen=True, rename="camel"):
    """`SupervisedTuningDataStats`.

    Attributes:
      total_truncated_example_count: examples that were dropped, whatever the name says.
      truncated_example_indices: a partial sample of them, from 1.
      dropped_example_reasons: for each of these indices, in the service's words.
    """

    tuning_dataset_example_count: int | None = None
    total_truncated_example_count: int | None = None
    truncated_example_indices: tuple[int, ...] | None = None
    dropped_example_reasons: tuple[str, ...] | None = None
    total_billable_token_count: int | None = None
    tuning_step_count: int | None = None
    user_input_token_distribution: TokenDistribution | None = None
    user_output_token_distribution: TokenDistribution | None = None
    user_message_per_example_distribution: TokenDistribution | None = None


class TuningDataStats(_Part, frozen=True, rename="camel"):
    supervised_tuning_data_stats: DataStats | None = None


class TunedModel(_Part, frozen=True, rename="camel"):
    model: str | None = None
    endpoint: str | None = None


class TuningJob(_Part, frozen=True, rename="camel"):
    """A job.

    Attributes:
      state: such as JOB_STATE_RUNNING.
      tuning_job_state: what a running job is at, such as TUNING_JOB_STATE_PROCESSING_DATASET.
    """

    name: str | None = None
    state: str | None = None
    tuning_job_state: str | None = None
    create_time: str | None = None
    end_time: str | None = None
    error: JobError | None = None
    base_model: str | None = None
    tuned_model_display_name: str | None = None
    supervised_tuning_spec: TuningSpec | None = None
    tuning_data_stats: TuningDataStats | None = None
    tuned_model: TunedModel | None = None

    @property
    def stats(self) -> DataStats | None:
        """What the service found in the dataset."""
        return self.tuning_data_stats.supervised_tuning_data_stats if self.tuning_data_stats is not None else None

    @property
    def has_ended(self) -> bool:
        """Whether no other state follows."""
        return self.state in ENDED


def decode_job(data: bytes, where: str) -> TuningJob:
    """From a file: the answer of `tuningJobs.get`, or what google-genai prints of a job, in either spelling.

    Raises:
      InputError: it is no tuning job.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _no_job(where, error) from error
    job = convert_job(document, where)
    if job.supervised_tuning_spec is None and job.stats is None:
        raise _no_job(where, "neither supervisedTuningSpec nor tuningDataStats")
    return job


def convert_job(document: Any, where: str) -> TuningJob:
    """From JSON values.

    Raises:
      InputError: it is no tuning job.
    """
    try:
        return msgspec.convert(_camel(document), TuningJob, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _no_job(where, error) from error


def _camel(value: Any) -> Any:
    """The values with keys in camelCase, without what is absent, and without numbers that are none."""
    if isinstance(value, dict):
        return {
            _SNAKE.sub(lambda match: match[1].upper(), key): child if key in _FREE else _camel(child)
            for key, child in value.items()
            if child is not None and not _is_no_number(child)
        }
    if isinstance(value, list):
        return [_camel(child) for child in value]
    return value


def _is_no_number(value: Any) -> bool:
    """Protobuf's JSON has infinities and NaN as text; Python's has them as floats."""
    return value in ("NaN", "Infinity", "-Infinity") or (isinstance(value, float) and not math.isfinite(value))


def _no_job(where: str, observed: object) -> InputError:
    return InputError(
        "this is no tuning job",
        where=where,
        observed=str(observed)[:300],
        limit="the JSON that `tuningJobs.get` answers with",
        remedy='Save the job with: curl -H "Authorization: Bearer $(gcloud auth print-access-token)" '
        "https://REGION-aiplatform.googleapis.com/v1/JOB-NAME > job.json",
    )
