"""Documents of runs over generated examples."""

from __future__ import annotations

from typing import Any

from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.lines import InputFile
from beam_tuning.limits_file import load_limits
from beam_tuning.policy.readiness import FailOn
from beam_tuning.reasons import Finding, Reason
from beam_tuning.report.document import Document
from beam_tuning.report.json import report_document
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.summary.judged_example import JudgedExample
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.repair_counts import RepairCounts
from beam_tuning.summary.repaired import MediaChange, Repaired
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


OLD_MEDIA, NEW_MEDIA = "gs://bucket/long.mp4", "gs://new/cut.mp4"


def _repaired_rows() -> tuple[Repaired, Repaired]:
    path = "contents[0].parts[0]"
    done = (
        Finding(Reason.REPAIR_CUT, "cut.mp4 is 65.000 s to 70.000 s", path, OLD_MEDIA, NEW_MEDIA),
        Finding(Reason.REPAIR_ROLE, "a role <b>", "contents[1].role", "assistant", "model"),
    )
    change = MediaChange(path, "video", OLD_MEDIA, "video/mp4", 65_000_000_000, 70_000_000_000, NEW_MEDIA, "video/mp4")
    times = (("contents[1].parts[0].text", "[01:06]", "[00:01]"),)
    back = Repaired(LineId("train", "data/train.jsonl", 3, 200), True, done, times=times, media=(change,))
    lost = Repaired(LineId("train", "data/train.jsonl", 4, 300), False, (), ("CONTENTS_EMPTY",))
    return back, lost


def repaired_document(*, repaired: bool = True, **settings: Any) -> Document:
    """Of a repair: one example was kept, one came back as two, one stays lost."""
    summary = Summary.empty()
    summary.add_blank_lines("train", 0)
    if repaired:
        back, lost = _repaired_rows()
        counts = RepairCounts()
        counts.add_kept()
        counts.add_back([back, back])
        counts.add_lost(lost)
        summary.add_repairs("train", counts)
    options = {"repaired_from": "gs://runs/checked", "repair": ["role", "cut"]} if repaired else {}
    made = run_settings(options=options, splits=("train",), **settings)
    return report_document(made, summary, MediaSummary.empty(), TIMES)
