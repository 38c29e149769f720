"""Access tokens for Cloud Storage, from the environment that Google's libraries share; refreshed in one place.

The order is that of Application Default Credentials
(https://cloud.google.com/docs/authentication/application-default-credentials): GOOGLE_APPLICATION_CREDENTIALS, then the
file that `gcloud auth application-default login` writes, then the metadata server of a Google Cloud machine, then none:
public objects can be read without.

`google.auth.default` is not asked for the third step, because without a metadata server it takes ten seconds and more
to find that out.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google.auth
import google.auth.compute_engine
import google.auth.exceptions
import google.auth.transport.urllib3
import urllib3

from beam_tuning.media.info import FailureKind, ProbeFailure
from beam_tuning.media.stores.retry import Clock
from beam_tuning.media.stores.store import StoreError

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_only",)
_METADATA_TIMEOUT_S = 1.0
_METADATA_ATTEMPTS = 2
#: What the firmware calls the machine (https://cloud.google.com/compute/docs/instances/detect-compute-engine).
_PRODUCT_NAME = Path("/sys/class/dmi/id/product_name")
_TOKEN_TIMEOUT_S = 10.0
#: After a refresh that failed nobody tries for so long: a probe each would wait for the same answer.
_PAUSE_AFTER_FAILURE_S = 5.0
#: A token that is refused so soon after it was given will not be better the next time.
_PAUSE_AFTER_RENEWAL_S = 60.0


class _TokenTransport(google.auth.transport.urllib3.Request):
    """google-auth's own client, with a time-out that a probe can wait for."""

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **kwargs: Any
    ) -> Any:
        limit_s = timeout or _TOKEN_TIMEOUT_S
        return super().__call__(url, method, body, headers, limit_s, **kwargs)  # type: ignore[no-untyped-call]


def find_credentials() -> Any | None:
    """Application default credentials; None when there are none.

    Raises:
      google.auth.exceptions.GoogleAuthError, or nearly anything: there is a file, and it cannot be used.
    """
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS") or _gcloud_file().is_file():
        credentials, _ = google.auth.default(scopes=_SCOPES)
        return credentials
    if os.environ.get("NO_GCE_CHECK") == "true" or not (_is_compute_engine() or _has_metadata_server()):
        return None
    return google.auth.compute_engine.Credentials()  # type: ignore[no-untyped-call]


def _gcloud_file() -> Path:
    folder = os.environ.get("CLOUDSDK_CONFIG")
    return (Path(folder) if folder else Path.home() / ".config" / "gcloud") / "application_default_credentials.json"


def _is_compute_engine() -> bool:
    """Whether the machine is one of Google Cloud, however slow its metadata server is just now."""
    try:
        return _PRODUCT_NAME.read_text().startswith("Google")
    except (OSError, UnicodeError):
        return False


def _has_metadata_server() -> bool:
    """Whether a metadata server answers (https://cloud.google.com/compute/docs/metadata/overview)."""
    host = os.environ.get("GCE_METADATA_HOST", "169.254.169.254")
    with urllib3.PoolManager(retries=False, timeout=_METADATA_TIMEOUT_S) as pool:
        for _ in range(_METADATA_ATTEMPTS):
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                answer = pool.request("GET", f"http://{host}/", headers={"Metadata-Flavor": "Google"}, redirect=False)
                return answer.headers.get("Metadata-Flavor") == "Google"
    return False


class TokenSource:
    """Gives the headers that authorize a request. Thread-safe; looks for credentials when it is first asked."""

    def __init__(self, clock: Clock, find: Callable[[], Any | None] = find_credentials) -> None:
        self._clock = clock
        self._find = find
        self._lock = threading.Lock()
        self._looked = False
        self._credentials: Any | None = None
        self._failure: ProbeFailure | None = None
        self._failed_at_s = 0.0
        self._renewed_at_s = float("-inf")

    def headers(self) -> dict[str, str]:
        """Empty when there are no credentials.

        Raises:
          StoreError: there are credentials, and they give no token.
        """
        credentials = self._credentials
        if not self._looked or (credentials is not None and not credentials.valid):
            with self._lock:
                credentials = self._fresh()
        headers: dict[str, str] = {}
        if credentials is not None:
            credentials.apply(headers)
        return headers

    def renew(self, refused: dict[str, str]) -> bool:
        """After a 401: gets another token unless somebody has by now. False when that is of no use."""
        with self._lock:
            if self._credentials is None:
                return False
            if f"Bearer {self._credentials.token}" in refused.values():
                if self._clock.monotonic_s() < self._renewed_at_s + _PAUSE_AFTER_RENEWAL_S:
                    return False
                self._renewed_at_s = self._clock.monotonic_s()
                self._credentials.token = None
                self._fresh()
            return True

    def _fresh(self) -> Any | None:
        failure = self._failure
        if failure and (
            not failure.transient or self._clock.monotonic_s() < self._failed_at_s + _PAUSE_AFTER_FAILURE_S
        ):
            raise StoreError(failure.kind, failure.message, transient=failure.transient)
        try:
            if not self._looked:
                self._credentials = self._find()
                self._looked = True
            if self._credentials is not None and not self._credentials.valid:
                transport = _TokenTransport(urllib3.PoolManager(retries=False))  # type: ignore[no-untyped-call]
                self._credentials.refresh(transport)
        except Exception as error:  # noqa: BLE001 - a malformed file gets out of google-auth as nearly anything
            self._failed_at_s = self._clock.monotonic_s()
            transient = isinstance(error, google.auth.exceptions.TransportError) or getattr(error, "retryable", False)
            message = f"The Google Cloud credentials of this machine give no token: {_first_line(error)}."
            self._failure = ProbeFailure(FailureKind.FORBIDDEN, message, bool(transient))
            raise StoreError(FailureKind.FORBIDDEN, message, transient=bool(transient)) from None
        self._failure = None
        return self._credentials


def _first_line(error: Exception) -> str:
    lines = str(error.args[0] if error.args else error).splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")
