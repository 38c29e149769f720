"""Each distinct object is probed once; every shard that names it gets the answer, in whatever order answers come."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.testing.util import assert_that

from beam_tuning.media.info import FailureKind, MediaInfo, MediaKind, ObjectInfo, ProbeCost, ProbeFailure, ProbeResult
from beam_tuning.media.media_table import from_table, to_table
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.pack_work.codecs import encode, results_from_bytes, table_from_ipc
from beam_tuning.pack_work.look import NamedUris, bucket_of
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.transforms import probe as probe_module
from beam_tuning.transforms.probe import ProbeMedia
from beam_tuning.transforms.scan import bucket_count

BUCKETS = 4
OPTIONS = ProbeOptions(threads=2)


def answer(uri: str, *, cached: bool = False) -> ProbeResult:
    cost = ProbeCost() if cached else ProbeCost(requests=2, received_bytes=65536, rounds=1, retries=1, latency_ms=20)
    if uri.endswith("gone"):
        return ProbeResult(uri, ProbeFailure(FailureKind.NOT_FOUND, "There is no such object."), cost=cost)
    media = MediaInfo("mp4", MediaKind.VIDEO, duration_s=1.5)
    return ProbeResult(uri, media, ObjectInfo(size_bytes=9, generation="1"), cost, cached)


class FakeProber:
    """Answers in reverse order of asking: whenever as many wait as the window allows, and when all have been asked for.

    Attributes:
      objects: distinct ones that a test asks for.
      asked, most_waiting: what it saw.
    """

    def __init__(self, options: ProbeOptions) -> None:
        self.objects = 0
        self.asked: Counter[str] = Counter()
        self.most_waiting = 0
        self._window = 4 * options.threads
        self._waiting: list[tuple[Future[ProbeResult], ProbeResult]] = []

    def submit(self, uri: str, cached: ProbeResult | None = None) -> Future[ProbeResult]:
        self.asked[uri] += 1
        future: Future[ProbeResult] = Future()
        self._waiting.append((future, answer(uri, cached=cached is not None)))
        self.most_waiting = max(self.most_waiting, len(self._waiting))
        if len(self._waiting) >= self._window or self.asked.total() >= self.objects:
            waiting, self._waiting = self._waiting, []
            for waits, result in reversed(waiting):
                waits.set_result(result)
        return future


#: The probers of tests that run: what travels to workers is pickled, so that a test's own object would come as a copy.
_PROBERS: dict[int, FakeProber] = {}
_numbers = itertools.count()


def prober_of(number: int, options: ProbeOptions) -> FakeProber:
    assert options == OPTIONS
    return _PROBERS[number]


@pytest.fixture
def prober() -> Iterator[FakeProber]:
    fake = FakeProber(OPTIONS)
    yield fake
    _PROBERS.clear()


def run(packs: list[tuple[str, list[str]]], prober: FakeProber, *, cache: tuple[str, ...] = ()) -> dict[str, int]:
    """Probes what packs, given as (shard, URIs), name; checks results, rows, summary; returns Beam's counters."""
    named = []
    of_shard: defaultdict[str, set[str]] = defaultdict(set)
    for shard, uris in packs:
        of_bucket: defaultdict[int, list[str]] = defaultdict(list)
        for uri in uris:
            of_bucket[bucket_of(uri, BUCKETS)].append(uri)
            of_shard[shard].add(uri)
        named += [(bucket, encode(NamedUris(shard, some))) for bucket, some in of_bucket.items()]
    distinct = sorted(set().union(*of_shard.values()))

    def check_results(actual: Iterable[tuple[str, bytes]]) -> None:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for shard, packed in actual:
            for result in results_from_bytes(packed):
                assert result.media == answer(result.uri).media
                found[shard].append(result.uri)
        assert {shard: sorted(uris) for shard, uris in found.items()} == {
            shard: sorted(uris) for shard, uris in of_shard.items()
        }

    def check_rows(actual: Iterable[bytes]) -> None:
        rows = [result for part in actual for result in from_table(table_from_ipc(part))]
        assert sorted(result.uri for result in rows) == distinct

    def check_summary(actual: Iterable[bytes]) -> None:
        merged = MediaSummary.empty()
        for part in actual:
            merged.merge(MediaSummary.from_bytes(part))
        assert merged.outcomes.total == len(distinct)

    number = next(_numbers)
    _PROBERS[number] = prober
    prober.objects = len(distinct)
    pipeline = beam.Pipeline("FnApiRunner")
    probed = pipeline | beam.Create(named) | ProbeMedia(OPTIONS, BUCKETS, cache, partial(prober_of, number))
    assert_that(probed.results, check_results, "results")
    assert_that(probed.rows, check_rows, "rows")
    assert_that(probed.summaries, check_summary, "summaries")
    result = pipeline.run()
    assert prober.asked == Counter(distinct)
    query = result.metrics().query(MetricsFilter().with_namespace("beam_tuning"))
    return {counter.key.metric.name: counter.committed for counter in query["counters"]}


def test_an_object_of_many_packs_is_probed_once_and_every_shard_gets_it(prober: FakeProber) -> None:
    packs = [(f"shard {number % 3}", ["gs://b/hot.mp4", f"gs://b/{number % 7}.mp4"]) for number in range(50)]
    counters = run(packs, prober)
    assert counters == {
        "probes_answered": 8,
        "probe_requests": 16,
        "probe_received_bytes": 8 * 65536,
        "probe_retries": 8,
    }


def test_no_more_probes_wait_than_the_window_allows(prober: FakeProber) -> None:
    run([("shard", [f"gs://b/{number}.mp4" for number in range(100)])], prober)
    assert prober.most_waiting == 8


def test_failures_are_data(prober: FakeProber) -> None:
    counters = run([("one", ["gs://b/gone", "gs://b/a.mp4"]), ("two", ["gs://b/gone"])], prober)
    assert counters["probes_failed"] == 1
    assert counters["probes_answered"] == 1


def test_more_rows_than_fit_one_table_are_all_written(prober: FakeProber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "_ROWS_PER_TABLE", 10)
    run([("shard", [f"gs://b/{number}.mp4" for number in range(30)])], prober)


def test_answers_of_an_earlier_run_reach_the_prober(prober: FakeProber, tmp_path: Path) -> None:
    earlier = [answer("gs://b/1.mp4"), answer("gs://b/nobody-names-me.mp4")]
    (tmp_path / "media").mkdir()
    table = tmp_path / "media" / "media-00000-of-00001.parquet"
    pq.write_table(to_table(earlier), table)
    counters = run([("shard", ["gs://b/1.mp4", "gs://b/2.mp4"])], prober, cache=(str(table),))
    assert counters["probes_cached"] == 1
    assert counters["probes_answered"] == 1


def test_a_dataset_without_media_probes_nothing(prober: FakeProber) -> None:
    assert run([], prober) == {}


def test_buckets_are_bounded_and_grow_with_the_input() -> None:
    assert bucket_count(0) == 64
    assert bucket_count(1 << 30) == 256
    assert bucket_count(10**15) == 65536
    assert {bucket_of(f"gs://b/{number}", 64) for number in range(5000)} == set(range(64))
    assert bucket_of("gs://b/ü", 64) == bucket_of("gs://b/ü", 64)
