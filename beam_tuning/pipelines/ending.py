"""How every graph that judges examples ends, and the media resolution that it chooses on the way."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, Protocol

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PCollection

from beam_tuning.policy.policy import Policy
from beam_tuning.report.run import RunSettings
from beam_tuning.run_folder.manifest import WrittenFile
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import Summary
from beam_tuning.transforms.finish import FinishRun, RunStart
from beam_tuning.transforms.read import FileFault
from beam_tuning.transforms.scan import MostCommonResolutionCombineFn
from beam_tuning.transforms.summarize import SummaryCombineFn
from beam_tuning.transforms.write import WriteMediaTable


class EndingJob(Protocol):
    """What the ending takes of a job; see `FinishRun`."""

    @property
    def target(self) -> RunTarget: ...

    @property
    def settings(self) -> RunSettings: ...

    @property
    def start(self) -> RunStart: ...

    @property
    def raise_when_closed(self) -> bool: ...


class Judged(NamedTuple):
    """What the graph has made of its examples and media.

    Attributes:
      summaries, media_summaries: encoded, of parts of the run.
      rows: of the media table, as Arrow IPC streams.
      files: that are written so far.
      chosen: how examples were chosen among the kept ones; None when they were not.
    """

    summaries: PCollection[bytes]
    media_summaries: PCollection[bytes]
    rows: PCollection[bytes]
    files: PCollection[WrittenFile]
    faults: PCollection[FileFault]
    chosen: PCollection[bytes] | None = None


def add_ending(pipeline: beam.Pipeline, job: EndingJob, judged: Judged, media_shards: int) -> None:
    """Adds what writes the media table, the reports and the manifest.

    Args:
      media_shards: files of the media table.
    """
    summary = judged.summaries | "Summarize examples" >> beam.CombineGlobally(SummaryCombineFn(Summary))
    media_summary = judged.media_summaries | "Summarize media" >> beam.CombineGlobally(SummaryCombineFn(MediaSummary))
    media_table = judged.rows | "Write media" >> WriteMediaTable(job.target, media_shards)

    _ = pipeline | "Finish" >> FinishRun(
        target=job.target,
        settings=job.settings,
        start=job.start,
        summary=summary,
        media_summary=media_summary,
        files=(judged.files, media_table) | "All files" >> beam.Flatten(),
        faults=judged.faults,
        chosen=judged.chosen,
        raise_when_closed=job.raise_when_closed,
    )


def chosen_resolution(policy: Policy, resolutions: PCollection[Counter[str]]) -> pvalue.AsSingleton | None:
    """The most common media resolution, where the policy asks for it.

    Args:
      resolutions: as of `transforms.scan.ScannedPacks`.
    """
    if policy.media_resolution != "majority":
        return None
    most_common = resolutions | "Most common resolution" >> beam.CombineGlobally(MostCommonResolutionCombineFn())
    return pvalue.AsSingleton(most_common)
