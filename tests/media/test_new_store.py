"""What a new store takes: one module, here a class, and a line in `STORES`. Nothing else of the project changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from fault_server import Answer, FaultServer, running_fault_server
from media_making import make_mp4
from patience import PATIENCE_S
from store_fakes import LOOPBACK, FakeClock

from beam_tuning.dataset.uri import fault_of, place_of
from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind, MediaInfo, ObjectInfo, ProbeCost, ProbeFailure, ProbeResult
from beam_tuning.media.location import STORES, Location, Refusal, locate
from beam_tuning.media.prober import Prober
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.dialect import Answer as HttpAnswer
from beam_tuning.media.stores.dialect import Endpoint, HttpRequest, identity, phrase
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.retry import TransientError
from beam_tuning.media.stores.store import Connect, Lane, Shared, StoreError
from beam_tuning.report.links import media_link


class MemStore:
    """mem://NAME: objects in memory. Their identity is a version."""

    name = "mem"
    schemes = ("mem",)

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}

    def parse(self, uri: str) -> Location | Refusal:
        name = uri.removeprefix("mem://")
        return Location(self.name, "", name) if name else Refusal("is no mem://name")

    def lane(self, location: Location) -> Lane:
        return Lane("memory", is_service=True)

    def link(self, location: Location) -> str | None:
        return f"https://memory.example/{location.path}"

    def connect(self, shared: Shared) -> Connect:
        return lambda location, budget: _MemReader(self.objects.get(location.path), budget)


class _MemReader:
    heard = True

    def __init__(self, item: tuple[str, bytes] | None, budget: Budget) -> None:
        self._item = item
        self._budget = budget

    def _whole(self) -> bytes:
        if self._item is None:
            raise StoreError(FailureKind.NOT_FOUND, "There is no such object in memory.")
        return self._item[1]

    def stat(self) -> ObjectInfo:
        return ObjectInfo(size_bytes=len(self._whole()), generation=self._item and self._item[0])

    def open(self, head_bytes: int) -> tuple[ObjectInfo, bytes]:
        return self.stat(), self.read([ByteRange(0, min(head_bytes, len(self._whole())))])[0]

    def read(self, ranges: Sequence[ByteRange]) -> tuple[bytes, ...]:
        self._budget.add_request()
        return tuple(self._whole()[start:stop] for start, stop in ranges)

    def stream(self, start: int) -> Iterator[bytes]:
        yield self._whole()[start:]

    @property
    def cost(self) -> ProbeCost:
        return self._budget.cost

    def close(self) -> None:
        pass


class ShelfStore:
    """shelf://PORT/KEY: objects behind HTTP. It says what to ask and what answers mean; others do the talking."""

    name = "shelf"
    schemes = ("shelf",)

    def parse(self, uri: str) -> Location | Refusal:
        port, _, key = uri.removeprefix("shelf://").partition("/")
        return Location(self.name, "127.0.0.1", f"/{key}", int(port)) if port.isdigit() else Refusal("is no shelf")

    def lane(self, location: Location) -> Lane:
        return Lane(f"shelf {location.port}", is_service=False)

    def link(self, location: Location) -> None:
        return None

    def connect(self, shared: Shared) -> Connect:
        return lambda location, budget: shared.remote(_ShelfDialect(location), budget)


class _ShelfDialect:
    refusal_bytes = 100

    def __init__(self, location: Location) -> None:
        self._location = location

    def request(self, byte_range: str | None, info: ObjectInfo) -> HttpRequest:
        headers = {"Range": f"bytes={byte_range}"} if byte_range else {}
        endpoint = Endpoint(tls=False, host=self._location.host, port=self._location.port, guarded=False)
        return HttpRequest(endpoint, self._location.path, headers)

    def metadata_request(self) -> None:
        return None

    def metadata(self, body: bytes) -> None:
        return None

    def describe(self, answer: HttpAnswer, size_bytes: int | None) -> ObjectInfo:
        return ObjectInfo(size_bytes=size_bytes, generation=identity(answer.header("X-Version")))

    def objection(self, answer: HttpAnswer) -> None:
        return None

    def redirect(self, location: str) -> None:
        raise StoreError(FailureKind.SERVER_ERROR, "Shelves do not redirect.")

    def refusal(self, answer: HttpAnswer, body: bytes) -> StoreError | TransientError:
        return StoreError(FailureKind.FORBIDDEN, f"The shelf answered {phrase(answer.status)}: {body.decode()}.")


@pytest.fixture(scope="module")
def mp4() -> bytes:
    return make_mp4(duration_s=1.0, faststart=True)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemStore:
    store = MemStore()
    monkeypatch.setitem(STORES, "mem", store)
    return store


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with running_fault_server() as running:
        yield running


@pytest.fixture
def prober(memory: MemStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prober]:
    monkeypatch.setitem(STORES, "shelf", ShelfStore())
    with Prober(LOOPBACK, stores=Stores(LOOPBACK, clock=FakeClock())) as made:
        yield made


def probe(prober: Prober, uri: str, cached: ProbeResult | None = None) -> ProbeResult:
    return prober.submit(uri, cached).result(timeout=PATIENCE_S)


def test_its_uris_are_known_to_all(memory: MemStore) -> None:
    assert locate("mem://a") == Location("mem", "", "a")
    assert locate("mem://") == Refusal("is no mem://name")
    link = media_link("mem://a")
    assert link is not None
    assert link.href == "https://memory.example/a"
    # Whether tuning reads it is another question.
    assert place_of("mem://a") is None
    assert fault_of("mem://a") == "has the scheme mem, which no page says that tuning reads"


def test_without_its_line_it_is_unknown() -> None:
    assert isinstance(locate("mem://a"), Refusal)


def test_its_objects_are_probed_and_found_again_by_their_identity(memory: MemStore, prober: Prober, mp4: bytes) -> None:
    memory.objects["a"] = ("1", mp4)
    first = probe(prober, "mem://a")
    assert isinstance(first.media, MediaInfo)
    assert (first.media.container, first.cost.requests) == ("mp4", 1)
    assert probe(prober, "mem://a", first).cached
    memory.objects["a"] = ("2", mp4)
    assert not probe(prober, "mem://a", first).cached
    missing = probe(prober, "mem://b").media
    assert isinstance(missing, ProbeFailure)
    assert missing.kind is FailureKind.NOT_FOUND


def test_a_store_behind_http_gets_retries_ranges_and_caps_for_nothing(
    prober: Prober, server: FaultServer, mp4: bytes
) -> None:
    server.script("/a", Answer(status=503), Answer(mp4, headers={"X-Version": "7"}))
    result = probe(prober, f"shelf://{server.port}/a")
    assert isinstance(result.media, MediaInfo)
    assert result.object == ObjectInfo(size_bytes=len(mp4), generation="7")
    assert (result.cost.requests, result.cost.retries) == (2, 1)
    server.script("/b", Answer(b"not yours", status=403))
    refused = probe(prober, f"shelf://{server.port}/b").media
    assert refused == ProbeFailure(FailureKind.FORBIDDEN, "The shelf answered 403 Forbidden: not yours.")
