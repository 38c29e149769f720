"""Probing every distinct media object once."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam import pvalue
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection
from apache_beam.utils.windowed_value import WindowedValue

from beam_tuning.media.info import ProbeFailure, ProbeResult
from beam_tuning.media.media_table import from_table
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import shared_prober
from beam_tuning.media.prober_processes import ProberProcesses
from beam_tuning.pack_work.codecs import decoder, results_by_uri, results_to_bytes
from beam_tuning.pack_work.look import NamedUris, bucket_of
from beam_tuning.pack_work.media_rows import MediaRows, SomeMedia, TabulateMedia
from beam_tuning.run_folder.opening import open_folder
from beam_tuning.transforms.bundles import at_the_end
from beam_tuning.transforms.expected import EXPECTED, MEDIA_PROBED
from beam_tuning.transforms.progress import NAMESPACE, PROGRESS, Counter, Unit
from beam_tuning.uri_rewriting import NOTHING_REWRITTEN, UriRewriting
from beam_tuning.worker_processes.pool import OrderedWork, Task, current_pool

ROWS = "rows"
SUMMARY = "summary"

RECEIVED = Counter("read", ("probe_received_bytes",), Unit.BYTES, beside=MEDIA_PROBED)

#: Probes waiting for each thread: enough to keep threads busy, few enough to bound memory.
_WINDOW_PER_THREAD = 4
#: Results in one Arrow table on the way to the media table.
_ROWS_PER_TABLE = 10_000
#: Rows of a probe cache that are decoded at once: about 200 MB. Fewer would be cut into more elements for each bucket.
_CACHED_ROWS = 100_000


class Probes(Protocol):
    """What finds out what objects are: a `beam_tuning.media.prober.Prober`, or what stands for one in a test."""

    def submit(self, uri: str, cached: ProbeResult | None = None) -> Future[ProbeResult]:
        """A future that never raises. `cached` is the answer of an earlier run."""
        ...


def prober_of_run(options: ProbeOptions) -> Probes:
    """What probes for the run that this process does: its worker processes, where it has some, or its own threads."""
    pool = current_pool()
    if pool is None:
        return shared_prober(options)
    return pool.own(options, lambda: ProberProcesses(options, pool.workers))


class ProbedMedia(NamedTuple):
    """What `ProbeMedia` gives.

    Attributes:
      results: (shard key, list of `ProbeResult` as `results_to_bytes` packs it): each distinct URI of the shard once.
      rows: Arrow tables of distinct results (`media.media_table.SCHEMA`), as IPC bytes.
      summaries: encoded `MediaSummary` of parts.
    """

    results: PCollection[tuple[str, bytes]]
    rows: PCollection[bytes]
    summaries: PCollection[bytes]


@dataclass
class ProbeMedia(beam.PTransform):
    """(bucket, encoded NamedUris) -> `ProbedMedia`.

    Attributes:
      buckets: how many there are.
      probe_cache: the Parquet files of an earlier run's media table, each by its path or URI.
      prober: gives the prober of a process for these options, the same at each call. It travels to workers, so that it
        is a function of a module, or what else can be pickled.
      rewriting: of media URIs in kept lines; it tells which media stay on this machine.
    """

    options: ProbeOptions
    buckets: int
    probe_cache: tuple[str, ...] = ()
    prober: Callable[[ProbeOptions], Probes] = prober_of_run
    rewriting: UriRewriting = NOTHING_REWRITTEN

    def expand(self, media: PCollection[tuple[int, bytes]]) -> ProbedMedia:
        inputs = {"named": media}
        if self.probe_cache:
            files = media.pipeline | "Probe cache" >> beam.Create(list(self.probe_cache), reshuffle=True)
            inputs["cached"] = files | "Cached results" >> beam.FlatMap(
                _cached_results, self.buckets
            ).with_output_types(tuple[int, bytes])
        probed = (
            inputs
            | "Group by bucket" >> beam.CoGroupByKey()
            | "Probe"
            >> beam.ParDo(_ProbeFn(self.options, self.prober, self.rewriting)).with_outputs(
                ROWS, SUMMARY, main="results"
            )
        )
        return ProbedMedia(probed.results, probed[ROWS], probed[SUMMARY])


@dataclass
class _Bucket:
    """Results of one bucket, gathered until its last probe is answered."""

    unanswered: int
    shards_of: dict[str, list[str]]
    results_of: defaultdict[str, list[ProbeResult]] = field(default_factory=lambda: defaultdict(list))


@beam.typehints.with_output_types(tuple[str, bytes])
class _ProbeFn(beam.DoFn):
    """(bucket, {named, cached}) -> results for each shard; Arrow rows and summaries as tagged outputs.

    Probes run on the prober's threads, which all bundles of a process share. The bundle's thread takes results as they
    complete and goes on to the next bucket meanwhile, so that a slow host delays nobody else. Metrics are counted on
    the bundle's thread: elsewhere Beam loses them.
    """

    _outcomes: ClassVar = {
        outcome: Metrics.counter(NAMESPACE, f"probes_{outcome}") for outcome in ("answered", "failed", "cached")
    }
    _requests = Metrics.counter(NAMESPACE, "probe_requests")
    _received_bytes = Metrics.counter(NAMESPACE, "probe_received_bytes")
    _retries = Metrics.counter(NAMESPACE, "probe_retries")
    _latency_ms = Metrics.distribution(NAMESPACE, "probe_latency_ms")

    def __init__(
        self, options: ProbeOptions, prober: Callable[[ProbeOptions], Probes], rewriting: UriRewriting
    ) -> None:
        self._options = options
        self._table = Task(TabulateMedia(rewriting))
        self._find_prober = prober

    def setup(self) -> None:
        self._prober = self._find_prober(self._options)
        self._uris_decoder = decoder(NamedUris)
        self._window = _WINDOW_PER_THREAD * self._options.threads

    def start_bundle(self) -> None:
        EXPECTED.tell()
        self._bucket_of: dict[Future[ProbeResult], _Bucket] = {}
        self._done: queue.SimpleQueue[Future[ProbeResult]] = queue.SimpleQueue()
        self._rows: list[ProbeResult] = []
        self._tabulated: OrderedWork[None] = OrderedWork(current_pool())

    def process(
        self, element: tuple[int, dict[str, Iterable[bytes]]]
    ) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        _, group = element
        shards_of: dict[str, list[str]] = {}
        for packed in group["named"]:
            named = self._uris_decoder.decode(packed)
            for uri in named.uris:
                shards = shards_of.setdefault(uri, [])
                if named.shard not in shards:
                    shards.append(named.shard)
        known = results_by_uri(group.get("cached", ()))
        bucket = _Bucket(len(shards_of), shards_of)
        for uri in shards_of:
            future = self._prober.submit(uri, known.get(uri))
            self._bucket_of[future] = bucket
            future.add_done_callback(self._done.put)
            while len(self._bucket_of) >= self._window or not self._done.empty():
                yield from self._take()

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        yield from at_the_end(self._rest())

    def _rest(self) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        while self._bucket_of:
            yield from self._take()
        if self._rows:
            yield from self._tabulate()
        yield from _tagged(self._tabulated.rest())

    def _take(self) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        """Takes one answer; gives the bucket's results when it was the last that they waited for."""
        future = self._done.get()
        bucket = self._bucket_of.pop(future)
        result = future.result()
        self._count(result)
        self._rows.append(result)
        if len(self._rows) >= _ROWS_PER_TABLE:
            yield from self._tabulate()
        for shard in bucket.shards_of[result.uri]:
            bucket.results_of[shard].append(result)
        bucket.unanswered -= 1
        if not bucket.unanswered:
            for shard, results in bucket.results_of.items():
                yield shard, results_to_bytes(results)

    def _tabulate(self) -> Iterator[pvalue.TaggedOutput]:
        rows, self._rows = self._rows, []
        yield from _tagged(self._tabulated.put(None, self._table, SomeMedia(rows)))

    def _count(self, result: ProbeResult) -> None:
        failed = isinstance(result.media, ProbeFailure)
        self._outcomes["cached" if result.cached else "failed" if failed else "answered"].inc()
        self._requests.inc(result.cost.requests)
        self._received_bytes.inc(result.cost.received_bytes)
        self._retries.inc(result.cost.retries)
        self._latency_ms.update(result.cost.latency_ms)
        PROGRESS.add(MEDIA_PROBED)
        PROGRESS.add(RECEIVED, result.cost.received_bytes)


def _tagged(done: Iterator[tuple[None, MediaRows]]) -> Iterator[pvalue.TaggedOutput]:
    for _, rows in done:
        yield pvalue.TaggedOutput(ROWS, rows.table)
        yield pvalue.TaggedOutput(SUMMARY, rows.summary)


def _cached_results(path: str, buckets: int) -> Iterator[tuple[int, bytes]]:
    folder, _, name = path.rpartition("/media/")
    with open_folder(folder or "/").open(f"media/{name}") as stream:
        for batch in pq.ParquetFile(stream).iter_batches(_CACHED_ROWS):
            of_bucket: defaultdict[int, list[ProbeResult]] = defaultdict(list)
            for result in from_table(pa.Table.from_batches([batch])):
                of_bucket[bucket_of(result.uri, buckets)].append(result)
            for bucket, results in of_bucket.items():
                yield bucket, results_to_bytes(results)
