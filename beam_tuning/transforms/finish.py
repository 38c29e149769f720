"""The end of a run: the one object that tuning takes, the reports, the manifest, and the gate."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PCollection

from beam_tuning.errors import GateClosed, InputError
from beam_tuning.policy.readiness import file_fault
from beam_tuning.reasons import Reason
from beam_tuning.report.html import render_html
from beam_tuning.report.json import encode_json, report_document
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.report.sarif import sarif_document
from beam_tuning.report.tuning_job import tuning_job
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary
from beam_tuning.transforms.read import FileFault
from beam_tuning.transforms.write import WrittenFile, join_shards, write_file


class RunStart(NamedTuple):
    """When and where a run was launched: `at` is RFC 3339, UTC."""

    at: str
    runner: str


@dataclass
class FinishRun(beam.PTransform):
    """Pipeline -> nothing; writes reports and manifest when every other file is final.

    `manifest.json` comes last: its presence says that the run is whole. It is missing when a dataset file could not be
    read to its end. With `raise_when_closed` a dataset that is not ready then fails the job, for launchers that cannot
    read the report.
    """

    settings: RunSettings
    start: RunStart
    summary: PCollection[bytes]
    media_summary: PCollection[bytes]
    files: PCollection[WrittenFile]
    faults: PCollection[FileFault]
    raise_when_closed: bool

    def expand(self, pipeline: beam.Pipeline) -> PCollection[None]:
        ended: PCollection[None] = (
            pipeline
            | "Once" >> beam.Create([None])
            | "Write reports"
            >> beam.Map(
                _write_reports,
                self.settings,
                self.start,
                pvalue.AsSingleton(self.summary),
                pvalue.AsSingleton(self.media_summary),
                pvalue.AsIter(self.files),
                pvalue.AsIter(self.faults),
            )
            | "Gate" >> beam.Map(_gate, self.raise_when_closed)
        )
        return ended


class _Ending(NamedTuple):
    faults: tuple[str, ...]
    exit_code: int
    why: str


def _write_reports(
    _: None,
    settings: RunSettings,
    start: RunStart,
    summary: bytes,
    media_summary: bytes,
    files: Iterable[WrittenFile],
    faults: Iterable[FileFault],
) -> _Ending:
    output = settings.output
    found = sorted({FileFault(*fault) for fault in faults})
    written = sorted(WrittenFile(*file) for file in files)
    for split in settings.splits:
        # Of a dataset that was not read to its end, what is kept is not all there is to keep.
        kept = [] if found else [file for file in written if file.name.startswith(f"{split}/kept-")]
        if joined := join_shards(output, f"{split}.jsonl", kept):
            written.append(joined)
    document = report_document(
        settings,
        Summary.from_bytes(summary),
        MediaSummary.from_bytes(media_summary),
        _times(start),
        file_faults=[file_fault(Reason[fault.code], fault.split, fault.message) for fault in found],
        outputs=[OutputFile(file.name, file.size_bytes, file.lines) for file in sorted(written)],
    )
    gate = document.readiness.gate
    reports: dict[str, bytes] = {
        "report.json": encode_json(document),
        "report.html": render_html(document).encode(),
        "tuning_job.json": encode_json(tuning_job(document)),
    }
    if settings.options.get("sarif"):
        reports["report.sarif"] = encode_json(sarif_document(document))
    written += [write_file(output, name, [content]) for name, content in reports.items()]
    if not found:
        manifest = {
            "tool": document.tool,
            "exit_code": gate.exit_code,
            "files": [file._asdict() for file in sorted(written)],
        }
        write_file(output, "manifest.json", [encode_json(manifest)])
    return _Ending(tuple(fault.message for fault in found), gate.exit_code, gate.why)


def _gate(ending: _Ending, raise_when_closed: bool) -> None:
    faults, exit_code, why = ending
    if not raise_when_closed:
        return
    if faults:
        raise InputError("\n".join(faults))
    if exit_code:
        raise GateClosed(why)


def _times(start: RunStart) -> RunTimes:
    finished = datetime.datetime.now(datetime.UTC)
    elapsed = finished - datetime.datetime.fromisoformat(start.at)
    return RunTimes(
        started=start.at,
        finished=finished.isoformat(timespec="seconds"),
        elapsed_s=round(elapsed.total_seconds(), 3),
        runner=start.runner,
    )
