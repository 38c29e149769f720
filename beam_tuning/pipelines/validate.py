"""The graph of `validate`, top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam import pvalue

from beam_tuning.curation.selection import VALIDATION, Selection
from beam_tuning.dataset.layout import all_shards, place_files
from beam_tuning.dataset.lines import InputFile
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.pack_work.look import CompareKeys
from beam_tuning.pipelines.ending import Judged, add_ending, chosen_resolution
from beam_tuning.policy.judge import Policy
from beam_tuning.policy.limits import room_of
from beam_tuning.report.run import RunSettings
from beam_tuning.run_folder import names
from beam_tuning.run_folder.writing import RunTarget
from beam_tuning.transforms.compare import CompareExamples, compare_buckets
from beam_tuning.transforms.expected import EXAMPLES_JUDGED, EXAMPLES_SCANNED, MEDIA_PROBED
from beam_tuning.transforms.finish import RunStart
from beam_tuning.transforms.judge import JudgeShards, verdicts_of
from beam_tuning.transforms.probe import RECEIVED, ProbeMedia
from beam_tuning.transforms.read import ReadLinePacks
from beam_tuning.transforms.scan import ScanLines, bucket_count
from beam_tuning.uri_rewriting import UriRewriting

#: What is told while the job runs.
COUNTERS = (EXAMPLES_SCANNED, MEDIA_PROBED, RECEIVED, EXAMPLES_JUDGED)
#: Bytes of input behind one shard of the media table.
_INPUT_BYTES_PER_MEDIA_SHARD = 128 << 20


class ValidateJob(NamedTuple):
    """All that the graph depends on.

    Attributes:
      target: where the run writes.
      compares_examples: whether duplicates and leaks are looked for.
      settings: what the report is told; also the files to read.
      probe_cache: Parquet files of the media table of an earlier run.
      rewriting: of media URIs in kept lines.
      selection: which of the kept examples are taken.
      max_expansion: what a gzip file may expand to, as a multiple of its size.
      raise_when_closed: whether a dataset that is not ready fails the job itself (see `transforms.finish.FinishRun`).
    """

    target: RunTarget
    policy: Policy
    probing: ProbeOptions
    probe_cache: tuple[str, ...]
    rewriting: UriRewriting
    max_expansion: int
    selection: Selection
    compares_examples: bool
    settings: RunSettings
    start: RunStart
    raise_when_closed: bool


def file_names(inputs: tuple[InputFile, ...], selection: Selection) -> Iterator[str]:
    """Every name that the job may write for these files."""
    shards = list(all_shards(place_files(inputs)))
    if selection.validation_split is not None:
        shards += [shard._replace(split=VALIDATION) for shard in shards]
    return names.all_names(shards, _media_shards(inputs), verdicts_of(selection))


def _input_bytes(inputs: tuple[InputFile, ...]) -> int:
    return sum(file.size_bytes for file in inputs)


def _media_shards(inputs: tuple[InputFile, ...]) -> int:
    return max(1, _input_bytes(inputs) // _INPUT_BYTES_PER_MEDIA_SHARD)


def build(pipeline: beam.Pipeline, job: ValidateJob) -> None:
    """Adds the whole job to the pipeline."""
    files = place_files(job.settings.inputs)
    buckets = bucket_count(_input_bytes(job.settings.inputs))

    read = pipeline | "Read" >> ReadLinePacks(files, job.max_expansion)
    has_two_splits = len({file.split for file in job.settings.inputs}) > 1
    compare = None
    if job.compares_examples:
        of_keys = compare_buckets(_input_bytes(job.settings.inputs))
        compare = CompareKeys(of_keys, job.policy.set_resolution, looks_at_media=has_two_splits)
    scanned = read.packs | "Scan" >> ScanLines(buckets, job.policy.resolution_scope == "visual", compare)
    probed = scanned.media | "Probe media" >> ProbeMedia(job.probing, buckets, job.probe_cache, rewriting=job.rewriting)

    chosen = chosen_resolution(job.policy, scanned.resolutions)
    shards = pipeline | "All shards" >> beam.Create([(shard.key, b"") for shard in all_shards(files)])
    keyed = {"packs": read.packs, "results": probed.results, "shards": shards}
    if compare is not None:
        looked = {"keys": scanned.keys, "uses": scanned.uses}
        compared = looked | "Compare" >> CompareExamples(compare.buckets, probed.rows if has_two_splits else None)
        keyed["marks"] = compared.marks
        if compared.leaks is not None:
            keyed["leaks"] = compared.leaks
    written = keyed | "Judge" >> JudgeShards(
        job.policy,
        job.target,
        pvalue.AsSingleton(read.first_lines),
        chosen,
        job.selection,
        room_of(job.policy.limits),
        job.rewriting,
    )

    judged = Judged(written.summaries, probed.summaries, probed.rows, written.files, read.faults, chosen=written.chosen)
    add_ending(pipeline, job, judged, _media_shards(job.settings.inputs))
