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
from beam_tuning.reasons import Reason, Verdict
from beam_tuning.report.html import render_html
from beam_tuning.report.json import encode_json, report_document
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.report.sarif import sarif_document
from beam_tuning.report.tuning_job import tuning_job
from beam_tuning.run_folder import names
from beam_tuning.run_folder.claim import check_claim, release_claim
from beam_tuning.run_folder.files import Folder, changed_meanwhile
from beam_tuning.run_folder.manifest import Manifest, Tool, WrittenFile
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.run_folder.writing import RunTarget, join_files, write_file
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary
from beam_tuning.transforms.read import FileFault
from beam_tuning.transforms.select import chosen_from_bytes


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

    target: RunTarget
    settings: RunSettings
    start: RunStart
    summary: PCollection[bytes]
    media_summary: PCollection[bytes]
    files: PCollection[WrittenFile]
    faults: PCollection[FileFault]
    raise_when_closed: bool
    chosen: PCollection[bytes] | None = None

    def expand(self, pipeline: beam.Pipeline) -> PCollection[None]:
        ended: PCollection[None] = (
            pipeline
            | "Once" >> beam.Create([None])
            | "Write reports"
            >> beam.Map(
                _write_reports,
                self.target,
                self.settings,
                self.start,
                pvalue.AsSingleton(self.summary),
                pvalue.AsSingleton(self.media_summary),
                pvalue.AsIter(self.files),
                pvalue.AsIter(self.faults),
                *(() if self.chosen is None else (pvalue.AsSingleton(self.chosen),)),
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
    target: RunTarget,
    settings: RunSettings,
    start: RunStart,
    summary: bytes,
    media_summary: bytes,
    files: Iterable[WrittenFile],
    faults: Iterable[FileFault],
    chosen: bytes | None = None,
) -> _Ending:
    folder = open_folder(target.folder)
    finished = RunFolder(target.folder).manifest()
    if finished is None or finished.run_id != target.run_id:  # else an engine tries again a step that had all but ended
        check_claim(folder, target.run_id)
    found = sorted({FileFault(*fault) for fault in faults})
    written = sorted(WrittenFile(*file) for file in files)
    _check_written(folder, written)
    for split in settings.splits:
        # Of a dataset that was not read to its end, what is kept is not all there is to keep.
        kept = [] if found else [file for file in written if file.name.startswith(f"{split}/{Verdict.KEPT}-")]
        if joined := join_files(target, names.tuning_file(split), kept):
            written.append(joined)
    document = report_document(
        settings,
        Summary.from_bytes(summary),
        MediaSummary.from_bytes(media_summary),
        _times(start),
        file_faults=[file_fault(Reason[fault.code], fault.split, fault.message) for fault in found],
        chosen=None if chosen is None else chosen_from_bytes(chosen),
        outputs=[OutputFile(file.name, file.size_bytes, file.lines) for file in sorted(written)],
    )
    gate = document.readiness.gate
    reports: dict[str, bytes] = {
        names.REPORT_JSON: encode_json(document),
        names.REPORT_HTML: render_html(document).encode(),
        names.TUNING_JOB: encode_json(tuning_job(document)),
    }
    if settings.options.get("sarif"):
        reports[names.REPORT_SARIF] = encode_json(sarif_document(document))
    written += [write_file(target, name, [content]) for name, content in reports.items()]
    if not found:
        tool = Tool(document.tool.name, document.tool.version)
        manifest = Manifest.of(tool, gate.exit_code, written, target.run_id)
        write_file(target, names.MANIFEST, [manifest.to_bytes()])
        release_claim(folder, target.run_id)
    return _Ending(tuple(fault.message for fault in found), gate.exit_code, gate.why)


def _check_written(folder: Folder, written: Iterable[WrittenFile]) -> None:
    """What stands in the folder is what this run wrote there, as far as a listing tells."""
    present = {entry.name: entry for subfolder in names.FOLDERS for entry in folder.entries(subfolder)}
    for file in written:
        entry = present.get(file.name)
        if entry is None or entry.size_bytes != file.size_bytes or entry.crc32c not in (None, file.crc32c):
            raise changed_meanwhile(folder.path_of(file.name))


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
