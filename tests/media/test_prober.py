"""From URI to answer: failures are data, hosts are served fairly, earlier answers are used when they still hold."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import replace

import msgspec
import pytest
from fault_server import Answer, FaultServer, refusal, running_fault_server
from gcs_emulator import GcsEmulator
from media_making import make_mp4
from patience import PATIENCE_S
from store_fakes import LOOPBACK, FakeClock

from beam_tuning.media import host_lane
from beam_tuning.media import prober as prober_module
from beam_tuning.media.info import FailureKind, MediaInfo, ObjectInfo, ProbeCost, ProbeFailure, ProbeResult
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober, shared_prober
from beam_tuning.media.stores.opener import Stores

OPTIONS = msgspec.structs.replace(LOOPBACK, threads=4, max_attempts=1, outage_patience_s=0.0)


@pytest.fixture(scope="session")
def mp4() -> bytes:
    return make_mp4(duration_s=1.0, faststart=True)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with running_fault_server() as running:
        yield running


@pytest.fixture
def make_prober() -> Iterator[Callable[..., Prober]]:
    made: list[Prober] = []

    def make(**changes: object) -> Prober:
        options = msgspec.structs.replace(OPTIONS, **changes)
        made.append(Prober(options, stores=Stores(options, clock=FakeClock())))
        return made[-1]

    yield make
    for prober in made:
        prober.close()


def answer(prober: Prober, uri: str, cached: ProbeResult | None = None) -> ProbeResult:
    return prober.submit(uri, cached).result(timeout=PATIENCE_S)


def failure(result: ProbeResult) -> ProbeFailure:
    assert isinstance(result.media, ProbeFailure)
    return result.media


class TestAnswers:
    def test_a_cloud_storage_object(self, gcs: GcsEmulator, make_prober: Callable[..., Prober], mp4: bytes) -> None:
        generation = gcs.put("gs://bucket/a.bin", mp4, content_type="text/plain")
        result = answer(make_prober(), "gs://bucket/a.bin")
        assert isinstance(result.media, MediaInfo)
        assert (result.media.container, result.media.duration_s) == ("mp4", pytest.approx(1.0, abs=0.1))
        assert result.object is not None
        assert (result.object.generation, result.object.size_bytes) == (generation, len(mp4))
        assert (result.cost.requests, result.cost.rounds, result.cached) == (1, 1, False)

    @pytest.mark.parametrize(
        ("uri", "kind"),
        [
            ("", FailureKind.UNSUPPORTED_URI),
            ("s3://bucket/a", FailureKind.UNSUPPORTED_URI),
            ("\x00", FailureKind.UNSUPPORTED_URI),
            ("/etc/passwd", FailureKind.UNSUPPORTED_URI),
            ("gs://missing-bucket/a", FailureKind.NOT_FOUND),
            ("http://169.254.169.254/computeMetadata/v1/", FailureKind.ADDRESS_BLOCKED),
        ],
    )
    def test_failures_are_answers(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], uri: str, kind: FailureKind
    ) -> None:
        result = answer(make_prober(), uri)
        assert result.uri == uri
        assert failure(result).kind is kind

    @pytest.mark.parametrize("error", [RuntimeError("boom"), RecursionError(), MemoryError()])
    def test_a_fault_inside_costs_one_object(
        self,
        server: FaultServer,
        make_prober: Callable[..., Prober],
        mp4: bytes,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
    ) -> None:
        url = server.script("/a", Answer(mp4))
        prober = make_prober()
        with monkeypatch.context() as patch:
            patch.setattr(prober_module, "probe_object", lambda *_: (_ for _ in ()).throw(error))
            assert failure(answer(prober, url)).kind is FailureKind.CRASHED
        assert isinstance(answer(prober, url).media, MediaInfo)

    def test_many_threads_may_submit(self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes) -> None:
        urls = [server.script(f"/{i}", Answer(mp4 + bytes(i))) for i in range(40)]
        prober = make_prober()
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda url: answer(prober, url), urls * 2))
        assert [result.uri for result in results] == urls * 2
        assert [result.object and result.object.size_bytes for result in results] == [
            len(mp4) + i for i in [*range(40), *range(40)]
        ]

    def test_close_cancels_what_waits(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        server.script("/stalls", Answer(mp4, stall_before_headers=True))
        server.script("/good", Answer(mp4))
        prober = make_prober(threads=1, stall_timeout_s=0.2)
        stalled = prober.submit(server.url + "/stalls")
        waiting = prober.submit(server.url + "/good")
        prober.close()
        assert stalled.cancelled() or failure(stalled.result(timeout=PATIENCE_S)).kind is FailureKind.TIMED_OUT
        with pytest.raises(CancelledError):
            waiting.result(timeout=PATIENCE_S)
        with pytest.raises(RuntimeError):
            prober.submit(server.url + "/good")


class TestFairness:
    def test_a_silent_host_does_not_stop_the_others(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        """40 objects of a host that never answers come first; all others are done while those still wait."""
        gcs.put("gs://bucket/a", mp4)
        prober = make_prober(threads=4, stall_timeout_s=200.0)
        with running_fault_server() as silent, running_fault_server() as good:
            silent.script("/a", Answer(mp4, stall_before_headers=True))
            good.script("/a", Answer(mp4))
            stuck = [prober.submit(f"{silent.url}/a?{i}") for i in range(40)]
            served = [prober.submit(f"{good.url}/a?{i}") for i in range(20)]
            served += [prober.submit("gs://bucket/a") for _ in range(20)]
            assert all(isinstance(future.result(timeout=PATIENCE_S).media, MediaInfo) for future in served)
            assert not any(future.done() for future in stuck)
        assert all(failure(future.result(timeout=PATIENCE_S)).transient for future in stuck)

    def test_a_dead_host_is_not_asked_for_every_object(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        url = server.script("/a", Answer(close_before_headers=True))
        prober = make_prober()
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{url}?{i}") for i in range(100)]]
        assert all(failure(result).transient for result in results)
        assert 8 <= len(server.requests) <= 8 + OPTIONS.threads
        assert sum("is not asked for" in failure(result).message for result in results) >= 100 - 8 - OPTIONS.threads

    def test_refusals_of_single_objects_are_no_failures_of_the_host(
        self, server: FaultServer, make_prober: Callable[..., Prober]
    ) -> None:
        prober = make_prober()
        results = [
            future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{server.url}/{i}") for i in range(50)]
        ]
        assert {failure(result).kind for result in results} == {FailureKind.NOT_FOUND}
        assert len(server.requests) == 50


class TestOutages:
    """A host that is there but cannot serve for a while costs time and no answers."""

    @pytest.fixture(autouse=True)
    def short_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(host_lane, "_FIRST_PAUSE_S", 0.01)
        monkeypatch.setattr(host_lane, "_LONGEST_PAUSE_S", 0.02)

    @pytest.mark.parametrize("fault", [refusal(503), refusal(429), refusal(502), refusal(504)])
    def test_every_object_is_answered_when_the_host_is_back(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes, fault: Answer
    ) -> None:
        url = server.script("/a", *[fault] * 20, Answer(mp4))
        prober = make_prober(outage_patience_s=60.0)
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{url}?{i}") for i in range(30)]]
        assert all(isinstance(result.media, MediaInfo) for result in results)
        assert len(server.requests) == 20 + 30
        assert sum(result.cost.requests for result in results) == 20 + 30

    def test_a_host_that_breaks_off_after_it_has_answered(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        url = server.script("/a", Answer(mp4), *[Answer(close_before_headers=True)] * 10, Answer(mp4))
        prober = make_prober(outage_patience_s=60.0)
        assert isinstance(answer(prober, url).media, MediaInfo)
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{url}?{i}") for i in range(30)]]
        assert all(isinstance(result.media, MediaInfo) for result in results)

    def test_cloud_storage_is_there_even_when_its_first_answers_fail(self, server: FaultServer, mp4: bytes) -> None:
        all_asked = threading.Barrier(2, timeout=PATIENCE_S)  # one object that fails alone is not waited for
        first = replace(refusal(500), together=all_asked)
        server.script("/download/storage/v1/b/bucket/o/a", first, *[refusal(500)] * 19, Answer(mp4))
        options = msgspec.structs.replace(OPTIONS, outage_patience_s=60.0)
        stores = Stores(options, clock=FakeClock(), environ={"STORAGE_EMULATOR_HOST": server.url})
        with Prober(options, stores=stores) as prober:
            futures = [prober.submit("gs://bucket/a") for _ in range(10)]
            all_asked.wait()
            results = [future.result(timeout=PATIENCE_S) for future in futures]
        assert all(isinstance(result.media, MediaInfo) for result in results)

    def test_one_object_that_the_host_cannot_serve_holds_up_no_other(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        bad = server.script("/bad", refusal(503))
        good = server.script("/good", Answer(mp4))
        prober = make_prober(outage_patience_s=3600.0, threads=8)
        first = prober.submit(bad)
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{good}?{i}") for i in range(30)]]
        assert all(isinstance(result.media, MediaInfo) for result in results)
        while not first.done():  # whatever is answered after it has failed tells that it is not the host
            answer(prober, f"{good}?later")
        assert failure(first.result()).message.endswith("503 Service Unavailable.")

    @pytest.mark.parametrize("attempts", [1, 4])
    def test_a_server_error_of_one_object_is_none_of_the_host(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes, attempts: int
    ) -> None:
        bad = server.script("/bad", refusal(500))
        good = server.script("/good", Answer(mp4))
        prober = make_prober(outage_patience_s=3600.0, max_attempts=attempts)
        for number in range(10):
            assert failure(answer(prober, f"{bad}?{number}")).transient
            assert len(server.requests) == attempts * (number + 1)
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{good}?{i}") for i in range(50)]]
        assert all(isinstance(result.media, MediaInfo) for result in results)
        assert len(server.requests) == attempts * 10 + 50

    @pytest.mark.parametrize(
        "fault",
        [Answer(close_before_headers=True), Answer(b"x" * 9, close_after=0), refusal(500), refusal(503)],
        ids=["closes", "closes in the body", "500", "503"],
    )
    def test_one_bad_object_of_cloud_storage_has_no_other_refused(
        self, server: FaultServer, mp4: bytes, fault: Answer
    ) -> None:
        media = "/download/storage/v1/b/bucket/o/"
        server.script(f"{media}bad", fault)
        for number in range(50):
            server.script(f"{media}{number}", Answer(mp4))
        options = msgspec.structs.replace(OPTIONS, outage_patience_s=0.05, max_attempts=2)
        stores = Stores(options, clock=FakeClock(), environ={"STORAGE_EMULATOR_HOST": server.url})
        with Prober(options, stores=stores) as prober:
            found = failure(answer(prober, "gs://bucket/bad"))
            assert found.transient
            assert "is not asked for" not in found.message
            results = [
                future.result(timeout=PATIENCE_S) for future in [prober.submit(f"gs://bucket/{i}") for i in range(50)]
            ]
        assert all(isinstance(result.media, MediaInfo) for result in results)
        good = [request for request in server.requests if not request.target.startswith(f"{media}bad")]
        assert len(good) == 50

    def test_what_was_tried_keeps_its_own_failure_when_its_host_rests(
        self, server: FaultServer, make_prober: Callable[..., Prober]
    ) -> None:
        url = server.script("/a", refusal(503))
        prober = make_prober(outage_patience_s=0.3)
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{url}?{i}") for i in range(200)]]
        messages = {("503" in failure(result).message, result.cost.requests > 0) for result in results}
        assert messages == {(True, True), (False, False)}

    def test_an_outage_that_does_not_end(self, server: FaultServer, make_prober: Callable[..., Prober]) -> None:
        url = server.script("/a", refusal(503))
        prober = make_prober(outage_patience_s=0.1)
        results = [future.result(timeout=PATIENCE_S) for future in [prober.submit(f"{url}?{i}") for i in range(30)]]
        assert all(failure(result).transient for result in results)

    def test_close_gives_what_is_known(self, server: FaultServer, make_prober: Callable[..., Prober]) -> None:
        url = server.script("/a", refusal(503))
        prober = make_prober(outage_patience_s=3600.0)
        waiting = prober.submit(url)
        assert answer(prober, server.url + "/missing").cost.requests == 1  # the other has had its turn by now
        prober.close()
        assert failure(waiting.result(timeout=PATIENCE_S)).kind is FailureKind.SERVER_BUSY


class TestEarlierAnswers:
    URI = "gs://bucket/a"

    @pytest.fixture
    def earlier(self, gcs: GcsEmulator, make_prober: Callable[..., Prober], mp4: bytes) -> ProbeResult:
        gcs.put(self.URI, mp4)
        result = answer(make_prober(), self.URI)
        gcs.requests.clear()
        return result

    def test_an_unchanged_object_costs_one_metadata_answer(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], earlier: ProbeResult
    ) -> None:
        result = answer(make_prober(), self.URI, earlier)
        assert result == msgspec.structs.replace(earlier, cached=True, cost=result.cost)
        assert result.cost.requests == 1
        assert len(gcs.requests) == 1
        assert gcs.requests[0].startswith("GET /storage/v1/")

    def test_trust_costs_nothing(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], earlier: ProbeResult
    ) -> None:
        gcs.delete(self.URI)
        result = answer(make_prober(trust_cache=True), self.URI, earlier)
        assert result == msgspec.structs.replace(earlier, cached=True, cost=result.cost)
        assert result.cost.requests == 0
        assert gcs.requests == []

    def test_a_new_generation_is_probed(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], earlier: ProbeResult
    ) -> None:
        generation = gcs.put(self.URI, make_mp4(duration_s=2.0, faststart=True))
        result = answer(make_prober(), self.URI, earlier)
        assert isinstance(result.media, MediaInfo)
        assert result.media.duration_s == pytest.approx(2.0, abs=0.1)
        assert result.object is not None
        assert result.object.generation == generation
        assert (result.cached, result.cost.requests, result.cost.rounds) == (False, 2, 2)

    def test_a_deleted_object(self, gcs: GcsEmulator, make_prober: Callable[..., Prober], earlier: ProbeResult) -> None:
        gcs.delete(self.URI)
        result = answer(make_prober(), self.URI, earlier)
        assert (failure(result).kind, result.cached) == (FailureKind.NOT_FOUND, False)

    @pytest.mark.parametrize("trust_cache", [True, False])
    def test_a_transient_failure_is_forgotten(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], earlier: ProbeResult, trust_cache: bool
    ) -> None:
        failed = ProbeResult(self.URI, ProbeFailure(FailureKind.TIMED_OUT, "slow", transient=True))
        result = answer(make_prober(trust_cache=trust_cache), self.URI, failed)
        assert isinstance(result.media, MediaInfo)
        assert not result.cached

    def test_a_lasting_failure_is_remembered_while_it_lasts(
        self, gcs: GcsEmulator, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        gcs.create_bucket("bucket")
        prober = make_prober()
        missing = answer(prober, self.URI)
        again = answer(prober, self.URI, missing)
        assert (failure(again).kind, again.cached, again.cost.requests) == (FailureKind.NOT_FOUND, True, 1)
        gcs.put(self.URI, mp4)
        found = answer(prober, self.URI, missing)
        assert isinstance(found.media, MediaInfo)

    def test_options_decide_anew_what_may_be_read(self, make_prober: Callable[..., Prober], tmp_path: object) -> None:
        path = os.path.join(str(tmp_path), "a.mp4")
        with open(path, "wb") as file:
            file.write(make_mp4(duration_s=1.0))
        refused = answer(make_prober(), path)
        assert failure(refused).kind is FailureKind.UNSUPPORTED_URI
        assert isinstance(answer(make_prober(allow_local_media=True), path, refused).media, MediaInfo)
        allowed = answer(make_prober(allow_local_media=True), path)
        assert failure(answer(make_prober(), path, allowed)).kind is FailureKind.UNSUPPORTED_URI

    def test_a_web_object_by_its_tag(self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes) -> None:
        url = server.script("/a", Answer(mp4, headers={"ETag": '"1"'}))
        prober = make_prober()
        earlier = answer(prober, url)
        same = answer(prober, url, earlier)
        assert (same.cached, same.cost) == (True, ProbeCost(1, 1, 1, 0, same.cost.latency_ms))
        server.script("/a", Answer(mp4, headers={"ETag": '"2"'}))
        assert not answer(prober, url, earlier).cached
        server.script("/a", Answer(mp4))
        assert not answer(prober, url, earlier).cached

    def test_a_store_that_does_not_answer_leaves_it_undecided(
        self, server: FaultServer, make_prober: Callable[..., Prober], mp4: bytes
    ) -> None:
        url = server.script("/a", refusal(503))
        earlier = ProbeResult(url, MediaInfo("mp4", "video"), ObjectInfo(5, etag='"1"'))  # type: ignore[arg-type]
        result = answer(make_prober(), url, earlier)
        assert (failure(result).kind, failure(result).transient) == (FailureKind.SERVER_BUSY, True)


class TestSharing:
    def test_one_prober_for_a_process_and_options(self) -> None:
        options = ProbeOptions(threads=1, object_timeout_s=7.0)
        assert shared_prober(options) is shared_prober(pickle.loads(pickle.dumps(options)))
        assert shared_prober(options) is not shared_prober(ProbeOptions(threads=1, object_timeout_s=8.0))

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_forked_process_has_its_own(self) -> None:
        options = ProbeOptions(threads=1, object_timeout_s=9.0)
        shared_prober(options).submit("/a").result(timeout=PATIENCE_S)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            result = shared_prober(options).submit("/a").result(timeout=PATIENCE_S)
            os.write(writer, failure(result).kind.encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) == b"unsupported_uri"
        os.close(reader)
        os.close(writer)

    def test_threads_are_made_as_they_are_needed_and_no_more(self, make_prober: Callable[..., Prober]) -> None:
        prober = make_prober(threads=3)
        before = set(threading.enumerate())
        futures: list[Future[ProbeResult]] = [prober.submit("/a") for _ in range(100)]
        wait(futures, timeout=PATIENCE_S)
        assert 1 <= len(set(threading.enumerate()) - before) <= 3

    def test_a_uri_that_leads_nowhere_is_answered_without_a_thread(self, make_prober: Callable[..., Prober]) -> None:
        before = set(threading.enumerate())
        future = make_prober().submit("s3://a/b")
        assert failure(future.result(timeout=0)).kind is FailureKind.UNSUPPORTED_URI
        assert set(threading.enumerate()) == before


def test_another_emulator_is_another_prober(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that sets STORAGE_EMULATOR_HOST after a first run would go on asking Cloud Storage itself."""
    options = ProbeOptions(threads=1, object_timeout_s=47.0)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    production = shared_prober(options)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    emulated = shared_prober(options)
    assert emulated is not production
    assert shared_prober(options) is emulated
