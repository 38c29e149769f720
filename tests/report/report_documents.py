"""Documents of runs over generated examples."""

from __future__ import annotations

from typing import Any

from beam_tuning.dataset.lines import InputFile
from beam_tuning.limits_file import load_limits
from beam_tuning.policy.readiness import FailOn
from beam_tuning.report.document import Document
from beam_tuning.report.json import report_document
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary


def run_settings(**changes: Any) -> RunSettings:
    fields: dict[str, Any] = {
        "version": "0.1.0",
        "model": "gemini-2.5-flash",
        "options": {"media_resolution": "consistent", "length_basis": "segment"},
        "inputs": (
            *(InputFile("train", f"gs://example-bucket/clips/train-{n:05d}-of-00004.jsonl", 400_000) for n in range(4)),
            InputFile("validation", "gs://example-bucket/clips/validation.jsonl", 120_000),
        ),
        "splits": ("train", "validation"),
        "output": "gs://example-bucket/checked",
        "fail_on": FailOn.AS_GIVEN,
        "epochs": 3,
        "limits": load_limits(),
    }
    return RunSettings(**{**fields, **changes})


#: Before the retirement date of the model.
TIMES = RunTimes(
    started="2026-09-21T09:00:00Z",
    finished="2026-09-21T09:01:12Z",
    elapsed_s=72.4,
    runner="DirectRunner",
)
OUTPUTS = (
    OutputFile("train.jsonl", 1_200_000, 700),
    OutputFile("validation.jsonl", 90_000, 60),
    OutputFile("tuning_job.json", 512),
)


def document_of(
    examples: list[JudgedExample], settings: RunSettings | None = None, times: RunTimes = TIMES
) -> Document:
    summary, media = Summary.empty(), MediaSummary.empty()
    summary.add_all(examples)
    results = [part.result for example in examples for part in example.media]
    probes = {probe.uri: probe for probe in results if probe is not None}
    for probe in probes.values():
        media.add(probe)
    return report_document(settings or run_settings(), summary, media, times, outputs=OUTPUTS)
