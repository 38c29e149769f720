"""Documents of runs over generated examples."""

from __future__ import annotations

from typing import Any

from judged_examples import FAMILIES

from beam_tuning.dataset.lines import InputFile
from beam_tuning.policy.readiness import FailOn
from beam_tuning.report.json import report_document
from beam_tuning.report.run import Formula, Limit, OutputFile, Price, Profile, RunSettings, RunTimes
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.record import JudgedExample
from beam_tuning.summary.summary import Summary

PAGE = "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/video"
MODELS = {
    "gemini-2.5": ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"),
    "gemini-3": ("gemini-3.5-flash", "gemini-3.1-flash-lite"),
}


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
        "limits": (
            Limit("Video, LOW: 20 min", 1_200_000, "ms", PAGE, "2026-08-22", "video_length"),
            Limit("Video, MEDIUM or HIGH: 5 min", 300_000, "ms", PAGE, "2026-08-22", "video_length"),
            Limit("Audio: 60 min", 3_600_000, "ms", PAGE, "2026-08-22", "audio_length"),
            Limit("Audio, video: 100MB", 100_000_000, "bytes", PAGE, "2026-08-22", "media_size"),
            Limit("131,072 tokens", 131_072, "tokens", PAGE, "2026-08-22", "tokens"),
        ),
        "profiles": tuple(
            Profile(f"{family}/MEDIA_RESOLUTION_{level}", MODELS[family], f"MEDIA_RESOLUTION_{level}")
            for family, rates in FAMILIES.items()
            for level in rates
        ),
        "prices": {"gemini-2.5-flash": Price(5.0, "third-party copies of the price page", "2026-08-22")},
        "formulas": (
            Formula("Audio", "25 to 32 tokens for each second, rounded up", PAGE),
            Formula("Video", "64 (LOW) or 256 tokens for each frame, one frame a second unless fps says more", PAGE),
        ),
    }
    return RunSettings(**{**fields, **changes})


TIMES = RunTimes(
    started="2026-11-21T09:00:00Z",
    finished="2026-11-21T09:01:12Z",
    elapsed_s=72.4,
    runner="DirectRunner",
    stages_s={"Read": 3.1, "Probe media": 48.0, "Judge": 12.5, "Write": 8.8},
)
OUTPUTS = (
    OutputFile("train.jsonl", 1_200_000, 700),
    OutputFile("validation.jsonl", 90_000, 60),
    OutputFile("tuning_job.json", 512),
)


def document_of(examples: list[JudgedExample], settings: RunSettings | None = None) -> dict[str, Any]:
    summary, media = Summary.empty(), MediaSummary.empty()
    summary.add_all(examples)
    probes = {probe.uri: probe for example in examples for _, probe in example.media if probe is not None}
    for probe in probes.values():
        media.add(probe)
    return report_document(settings or run_settings(), summary, media, TIMES, outputs=OUTPUTS)
