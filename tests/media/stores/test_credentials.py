"""Who is told which secret: Cloud Storage alone, one token for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import google.auth.exceptions
import pytest
from fault_server import Answer, FaultServer, refusal, running_fault_server
from gcs_emulator import GcsEmulator
from google.auth import _exponential_backoff, compute_engine
from google.auth.compute_engine import _metadata
from google.oauth2 import service_account
from store_fakes import LOOPBACK, FakeClock

from beam_tuning.media.info import FailureKind, ProbeFailure
from beam_tuning.media.stores import credentials as credentials_module
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.credentials import TokenSource, find_credentials
from beam_tuning.media.stores.dialect import Endpoint
from beam_tuning.media.stores.gcs import GcsDialect, GcsService
from beam_tuning.media.stores.guard import AddressGuard
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.remote import RemoteReader
from beam_tuning.media.stores.store import Location, StoreError
from beam_tuning.media.stores.transport import Transport

MEDIA = "/download/storage/v1/b/bucket/o/a"


class FakeCredentials:
    """Gives token-1, token-2, ... and counts."""

    def __init__(self, *faults: Exception) -> None:
        self.token: str | None = None
        self.refreshed = 0
        self._faults = list(faults)
        self._busy = threading.Lock()

    @property
    def valid(self) -> bool:
        return self.token is not None

    def refresh(self, transport: object) -> None:
        assert self._busy.acquire(blocking=False), "two threads refresh at once"
        self.refreshed += 1
        if self._faults:
            self._busy.release()
            raise self._faults.pop(0)
        self.token = f"token-{self.refreshed}"
        self._busy.release()

    def apply(self, headers: dict[str, str]) -> None:
        headers["authorization"] = f"Bearer {self.token}"
        headers["x-goog-user-project"] = "quota-project"


@pytest.fixture
def transport(clock: FakeClock) -> Iterator[Transport]:
    transport = Transport(AddressGuard(), clock, connect_timeout_s=100.0, max_idle=8)
    yield transport
    transport.close()


@pytest.fixture
def make_reader(server: FaultServer, transport: Transport, clock: FakeClock) -> Callable[..., RemoteReader]:
    """A reader of gs://bucket/a that takes the fault server for Cloud Storage itself."""

    def make(tokens: TokenSource, billing_project: str | None = None) -> RemoteReader:
        service = GcsService(tokens, billing_project, environ={})
        service.endpoint = Endpoint(tls=False, host="127.0.0.1", port=server.port, guarded=False)
        return RemoteReader(GcsDialect(Location("gs", "bucket", "a"), service), transport, Budget(LOOPBACK, clock, "a"))

    return make


def test_the_production_endpoint_is_tls() -> None:
    assert GcsService(TokenSource(FakeClock()), None, environ={}).endpoint == Endpoint(
        tls=True, host="storage.googleapis.com", port=443, guarded=False
    )


def test_cloud_storage_is_told_the_token(
    server: FaultServer, clock: FakeClock, make_reader: Callable[..., RemoteReader]
) -> None:
    server.script(MEDIA, Answer(b"x" * 100))
    reader = make_reader(TokenSource(clock, FakeCredentials))
    reader.open(10)
    reader.close()
    assert server.requests[0].headers["Authorization"] == "Bearer token-1"
    assert server.requests[0].headers["x-goog-user-project"] == "quota-project"


def test_a_billing_project_goes_before_that_of_the_credentials(
    server: FaultServer, clock: FakeClock, make_reader: Callable[..., RemoteReader]
) -> None:
    server.script(MEDIA, Answer(b"x" * 100))
    reader = make_reader(TokenSource(clock, FakeCredentials), "payer")
    reader.open(10)
    reader.close()
    assert server.requests[0].headers["x-goog-user-project"] is None
    assert "userProject=payer" in server.requests[0].target


def test_a_refused_token_is_renewed_once(
    server: FaultServer, clock: FakeClock, make_reader: Callable[..., RemoteReader]
) -> None:
    credentials = FakeCredentials()
    tokens = TokenSource(clock, lambda: credentials)
    server.script(MEDIA, refusal(401), Answer(b"x" * 100))
    reader = make_reader(tokens)
    reader.open(10)
    reader.close()
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer token-1", "Bearer token-2"]

    server.script(MEDIA, refusal(401, b"Invalid Credentials"))
    reader = make_reader(tokens)
    with pytest.raises(StoreError) as caught:
        reader.open(10)
    reader.close()
    assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.FORBIDDEN, False)
    assert "Invalid Credentials" in caught.value.failure.message
    assert credentials.refreshed == 2


def test_forbidden_with_credentials_does_not_speak_of_missing_ones(
    server: FaultServer, clock: FakeClock, make_reader: Callable[..., RemoteReader]
) -> None:
    server.script(MEDIA, refusal(403, b"no access"))
    reader = make_reader(TokenSource(clock, FakeCredentials))
    with pytest.raises(StoreError) as caught:
        reader.open(10)
    reader.close()
    assert caught.value.failure == ProbeFailure(
        FailureKind.FORBIDDEN, "Cloud Storage answered 403 Forbidden: no access", transient=False
    )


@pytest.mark.parametrize("status", [401, 403])
def test_where_nobody_is_signed_in_a_private_object_says_so_at_once(
    server: FaultServer, clock: FakeClock, make_reader: Callable[..., RemoteReader], status: int
) -> None:
    server.script(MEDIA, refusal(status, b"Anonymous caller does not have storage.objects.get access."))
    reader = make_reader(TokenSource(clock, lambda: None))
    with pytest.raises(StoreError, match=r"nobody is signed in to Google Cloud .*Anonymous caller") as caught:
        reader.open(10)
    reader.close()
    assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.FORBIDDEN, True)
    assert "\n" not in caught.value.failure.message
    assert (len(server.requests), clock.pauses_s) == (1, [])


def test_where_nobody_is_signed_in_public_objects_are_read(
    server: FaultServer, clock: FakeClock, make_reader: Callable[..., RemoteReader]
) -> None:
    server.script(MEDIA, Answer(b"x" * 100))
    looked: list[None] = []
    tokens = TokenSource(clock, lambda: looked.append(None))
    for _ in range(2):
        reader = make_reader(tokens)
        assert reader.open(10)[1] == b"x" * 10
        reader.close()
    assert looked == [None]
    assert server.requests[0].headers["Authorization"] is None


def test_for_an_emulator_nobody_looks_for_credentials(server: FaultServer, make_stores: Callable[..., Stores]) -> None:
    server.script(MEDIA, Answer(b"x" * 100))
    stores = make_stores(environ={"STORAGE_EMULATOR_HOST": server.url})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(google.auth, "default", lambda **_: pytest.fail("credentials were looked for"))
        patch.setattr(_metadata, "ping", lambda *_: pytest.fail("a metadata server was looked for"))
        reader = stores.reader("gs://bucket/a")
        reader.open(10)
        reader.close()


def test_what_a_refresh_says_is_shown_in_one_printable_line(clock: FakeClock) -> None:
    fault = google.auth.exceptions.RefreshError("\x1b[31mbad\u202e token" + "x" * 5000 + "\nsecond line")
    with pytest.raises(StoreError) as caught:
        TokenSource(clock, lambda: FakeCredentials(fault)).headers()
    assert caught.value.failure.message.isprintable()
    assert len(caught.value.failure.message) < 300


def test_threads_share_one_refresh(clock: FakeClock) -> None:
    credentials = FakeCredentials()
    found = []
    tokens = TokenSource(clock, lambda: found.append(1) or credentials)
    start = threading.Barrier(16)

    def ask(_: int) -> dict[str, str]:
        start.wait()
        return tokens.headers()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert {answer["authorization"] for answer in answers} == {"Bearer token-1"}
    assert (credentials.refreshed, len(found)) == (1, 1)


def test_a_failed_refresh_is_not_repeated_by_every_probe(clock: FakeClock) -> None:
    credentials = FakeCredentials(google.auth.exceptions.TransportError("no route"))
    tokens = TokenSource(clock, lambda: credentials)
    for _ in range(3):
        with pytest.raises(StoreError, match="no route") as caught:
            tokens.headers()
        assert caught.value.failure.transient
    assert credentials.refreshed == 1
    clock.sleep(6.0)
    assert tokens.headers()["authorization"] == "Bearer token-2"


@pytest.mark.parametrize(
    "fault",
    [google.auth.exceptions.RefreshError("invalid_grant"), google.auth.exceptions.MalformedError("bad"), OSError(2)],
)
def test_credentials_that_will_never_do(clock: FakeClock, fault: Exception) -> None:
    tokens = TokenSource(clock, lambda: FakeCredentials(fault))
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            tokens.headers()
        assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.FORBIDDEN, False)


class TestFinding:
    @pytest.fixture(autouse=True)
    def _alone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("GOOGLE_APPLICATION_CREDENTIALS", "NO_GCE_CHECK"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        monkeypatch.setenv("GCE_METADATA_IP", "127.0.0.1:9")
        monkeypatch.setattr(_metadata, "_GCE_PRODUCT_NAME_FILE", str(tmp_path / "product_name"))
        monkeypatch.setattr(_exponential_backoff.time, "sleep", lambda _: None)

    def test_none_is_said_once(self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(credentials_module, "NOBODY_IS_TOLD", threading.Event())
        tokens = TokenSource(FakeClock())
        assert [tokens.headers() for _ in range(3)] == [{}, {}, {}]
        (said,) = caplog.records
        assert said.getMessage().startswith("Nobody is signed in to Google Cloud on this machine")
        assert "\n" not in said.getMessage()

    def test_a_metadata_server_that_just_starts_is_asked_twice(
        self, server: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = Answer(b"ok", headers={"Metadata-Flavor": "Google"})
        server.script("/", Answer(close_before_headers=True), answer)
        monkeypatch.setattr(credentials_module, "_METADATA_TIMEOUT_S", 20)
        monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{server.port}")
        assert isinstance(find_credentials(), compute_engine.Credentials)

    @pytest.mark.parametrize(("product", "is_google"), [("Google Compute Engine", True), ("Some Laptop", False)])
    def test_the_machine_may_say_that_it_is_one_of_google_cloud(
        self, tmp_path: Path, product: str, is_google: bool
    ) -> None:
        (tmp_path / "product_name").write_text(product + "\n")
        assert isinstance(find_credentials(), compute_engine.Credentials) is is_google

    def test_no_metadata_check_when_it_is_forbidden(self, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{server.port}")
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        assert find_credentials() is None
        assert server.requests == []

    @pytest.mark.parametrize("headers", [{}, {"Metadata-Flavor": "Other"}])
    def test_a_server_that_is_no_metadata_server(
        self, server: FaultServer, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
    ) -> None:
        server.script("/", Answer(b"ok", headers=headers))
        monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{server.port}")
        assert find_credentials() is None

    def test_a_machine_of_google_cloud(self, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
        server.script("/", Answer(b"ok", headers={"Metadata-Flavor": "Google"}))
        monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{server.port}")
        assert isinstance(find_credentials(), compute_engine.Credentials)
        assert server.requests[0].headers["Metadata-Flavor"] == "Google"

    @pytest.mark.parametrize("by_environment", [True, False])
    def test_a_key_file(
        self, gcs: GcsEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_environment: bool
    ) -> None:
        """The emulator's service account, with its own token server: the whole way to a token."""
        key_file = Path(gcs.environ["GOOGLE_APPLICATION_CREDENTIALS"])
        if not by_environment:
            monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
            (tmp_path / "application_default_credentials.json").write_bytes(key_file.read_bytes())
        tokens = TokenSource(FakeClock())
        assert isinstance(find_credentials(), service_account.Credentials)
        assert tokens.headers()["authorization"] == "Bearer emulator-token"

    @pytest.mark.parametrize("content", [None, "", "{}", '{"type": "service_account"}', "[]"])
    def test_a_key_file_that_is_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "key.json"
        if content is not None:
            path.write_text(content)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        with pytest.raises(StoreError) as caught:
            TokenSource(FakeClock()).headers()
        assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.FORBIDDEN, False)


class TestSecretsStayHome:
    HARMLESS = {"Host", "Accept-Encoding", "User-Agent", "Range"}  # noqa: RUF012

    def test_web_servers_are_told_nothing(
        self, gcs: GcsEmulator, server: FaultServer, make_stores: Callable[..., Stores]
    ) -> None:
        """Not even those that look like Cloud Storage, and not on the way of a redirect between them."""
        with running_fault_server() as other:
            url = server.script(MEDIA, refusal(302, Location=other.script(MEDIA, Answer(b"x" * 100))))
            stores = make_stores(environ={})
            reader = stores.reader(url)
            reader.open(10)
            reader.stat()
            reader.close()
            requests = server.requests + other.requests
        assert len(requests) == 3
        assert all(set(request.headers) <= self.HARMLESS for request in requests)

    def test_the_emulator_is_told_nothing(
        self, gcs: GcsEmulator, server: FaultServer, make_stores: Callable[..., Stores]
    ) -> None:
        server.script(MEDIA, Answer(b"x" * 100))
        reader = make_stores(environ={"STORAGE_EMULATOR_HOST": server.url}).reader("gs://bucket/a")
        reader.open(10)
        reader.close()
        assert set(server.requests[0].headers) <= self.HARMLESS
