"""The graph of `repair`, top to bottom."""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam

from beam_tuning.edited_media.making import Making
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media_repairs.bringing import MediaRepair
from beam_tuning.pipelines.ending import Judged, add_ending, chosen_resolution
from beam_tuning.policy.judge import Policy
from beam_tuning.report.run import RunSettings
from beam_tuning.run_folder import names
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.transforms.finish import RunStart
from beam_tuning.transforms.media_repair import MakeMedia
from beam_tuning.transforms.probe import ProbeMedia
from beam_tuning.transforms.repair import EditedPacks, RepairShards
from beam_tuning.transforms.run_lines import ReadRunLines, RunShard
from beam_tuning.transforms.scan import ScanLines, bucket_count


class MediaJob(NamedTuple):
    """How media are edited, and where new files go."""

    repair: MediaRepair
    making: Making


class RepairJob(NamedTuple):
    """All that the graph depends on.

    Attributes:
      shards: of the run that is repaired; the new run has the same.
      edits: names of the edits that may be made.
      media_shards: files of the media table.
      probe_cache: Parquet files of the media table of the run that is repaired.
      media: how examples are brought back by edits of their media, and where new files go; None when they are not.
      raise_when_closed: see `transforms.finish.FinishRun`.
    """

    target: RunTarget
    shards: tuple[RunShard, ...]
    edits: tuple[str, ...]
    policy: Policy
    probing: ProbeOptions
    media_shards: int
    probe_cache: tuple[str, ...]
    settings: RunSettings
    start: RunStart
    raise_when_closed: bool
    media: MediaJob | None = None


def file_names(shards: tuple[RunShard, ...], media_shards: int) -> list[str]:
    """Every name that the job may write."""
    return list(names.all_names([one.shard for one in shards], media_shards, repairs=True))


def build(pipeline: beam.Pipeline, job: RepairJob) -> None:
    """Adds the whole job to the pipeline."""
    input_bytes = sum(file.size_bytes for shard in job.shards for _, file in shard.lines)
    buckets = bucket_count(input_bytes)

    read = pipeline | "Read" >> ReadRunLines(job.shards)
    packs = read.packs | "Edit" >> EditedPacks(job.policy, job.edits)
    scanned = packs | "Scan" >> ScanLines(buckets, visual_only=job.policy.resolution_scope == "visual")
    probed = scanned.media | "Probe media" >> ProbeMedia(job.probing, buckets, job.probe_cache)

    chosen = chosen_resolution(job.policy, scanned.resolutions)
    shards = pipeline | "All shards" >> beam.Create([(one.shard.key, b"") for one in job.shards])
    keyed = {"packs": read.packs, "results": probed.results, "shards": shards}
    rows, media_summaries = probed.rows, probed.summaries
    if job.media is not None:
        made = {"packs": read.packs, "results": probed.results} | "Media" >> MakeMedia(
            job.policy, job.edits, job.media.repair, job.media.making, buckets
        )
        # The new files are probed as every other: what a repair has made counts only as far as the probe bears it out.
        anew = made.media | "Probe new media" >> ProbeMedia(job.probing, buckets)
        keyed["results"] = (probed.results, anew.results) | "All results" >> beam.Flatten()
        keyed["deliveries"] = made.deliveries
        rows = (rows, anew.rows) | "All rows" >> beam.Flatten()
        media_summaries = (media_summaries, anew.summaries) | "All summaries" >> beam.Flatten()
    repaired = keyed | "Repair" >> RepairShards(
        job.policy, job.target, job.edits, chosen, None if job.media is None else job.media.repair
    )

    judged = Judged(repaired.summaries, media_summaries, rows, repaired.files, read.faults)
    add_ending(pipeline, job, judged, job.media_shards)
