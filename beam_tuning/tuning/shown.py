"""The same request as a command line of curl and as lines of Python, ready to be copied."""

from __future__ import annotations

import shlex

from beam_tuning.run_folder.opening import is_remote
from beam_tuning.tuning.request import ADAPTER_SIZES, PROJECT_TO_NAME, TuningRequest


def curl_lines(request: TuningRequest, body_path: str) -> str:
    """Posts `tuning_job.json`. The access token is asked for when it is run; no credential stands here.

    Args:
      body_path: path or gs:// URI of `tuning_job.json`.
    """
    source, data = "", f"@{body_path}"
    if is_remote(body_path):
        source, data = f"gcloud storage cat {shlex.quote(body_path)} | ", "@-"
    return (
        f"{source}curl -X POST \\\n"
        '    -H "Authorization: Bearer $(gcloud auth print-access-token)" \\\n'
        '    -H "Content-Type: application/json; charset=utf-8" \\\n'
        f"    -d {shlex.quote(data)} \\\n"
        f"    {shlex.quote(request.url)}"
    )


def python_lines(request: TuningRequest) -> str:
    """Sends the same body with google-genai."""
    config: list[tuple[str, str]] = []
    if request.validation_uri is not None:
        config.append(("validation_dataset", f"types.TuningValidationDataset(gcs_uri={request.validation_uri!r})"))
    if request.display_name:
        config.append(("tuned_model_display_name", repr(request.display_name)))
    if request.epochs is not None:
        config.append(("epoch_count", repr(request.epochs)))
    if request.adapter_size is not None:
        config.append(("adapter_size", repr(ADAPTER_SIZES[request.adapter_size])))
    if request.learning_rate_multiplier is not None:
        config.append(("learning_rate_multiplier", repr(request.learning_rate_multiplier)))
    if request.labels:
        config.append(("labels", repr(dict(request.labels))))
    if request.export_last_checkpoint_only:
        config.append(("export_last_checkpoint_only", "True"))
    if request.service_account:
        extra = {"serviceAccount": request.service_account}
        config.append(("http_options", f"types.HttpOptions(extra_body={extra!r})"))
    arguments = "".join(f"        {name}={value},\n" for name, value in config)
    return (
        "from google import genai\n"
        "from google.genai import types\n"
        "\n"
        "client = genai.Client(\n"
        f"    vertexai=True, project={request.project or PROJECT_TO_NAME!r}, location={request.region!r},\n"
        '    http_options=types.HttpOptions(api_version="v1"),\n'
        ")\n"
        "job = client.tunings.tune(\n"
        f"    base_model={request.model!r},\n"
        f"    training_dataset=types.TuningDataset(gcs_uri={request.training_uri!r}),\n"
        f"    config=types.CreateTuningJobConfig(\n{arguments}    ),\n"
        ")\n"
        "print(job.name)"
    )
