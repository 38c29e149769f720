"""Access tokens for Cloud Storage, from the environment that Google's libraries share; refreshed in one place.

The order is that of Application Default Credentials
(https://cloud.google.com/docs/authentication/application-default-credentials): GOOGLE_APPLICATION_CREDENTIALS, then the
file that `gcloud auth application-default login` writes, then the metadata server of a Google Cloud machine. Where
there is none of these, nobody is signed in, and Cloud Storage is asked without a token: public objects can be read so.

`google.auth.default` does the first two steps. For the third, google-auth's own functions are asked, with fewer and
shorter tries: where there is no metadata server, `default` takes ten seconds and more to find that out. To set that in
the environment (GCE_METADATA_TIMEOUT and others) is of no use here: google-auth reads it when it is imported, which
Beam has done before.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import google.auth
import google.auth.compute_engine
import google.auth.environment_vars
import google.auth.exceptions
import google.auth.transport.urllib3
import urllib3
from google.auth import _cloud_sdk
from google.auth.compute_engine import _metadata

from beam_tuning.media.info import FailureKind, ProbeFailure
from beam_tuning.media.stores.dialect import one_line
from beam_tuning.media.stores.retry import Clock
from beam_tuning.media.stores.store import StoreError

_LOGGER = logging.getLogger(__name__)
#: Set when this process has said that nobody is signed in: who looks first says it, in its own words.
NOBODY_IS_TOLD = threading.Event()

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_only",)
#: A metadata server answers within milliseconds; the second try is for a machine that has just started.
_METADATA_TIMEOUT_S = 1
_METADATA_TRIES = 2
_TOKEN_TIMEOUT_S = 10.0
#: After a failed refresh no probe asks for a token for this long: each would wait for the same failure.
_PAUSE_AFTER_FAILURE_S = 5.0
#: A token that a store refuses this soon after it was renewed is not renewed again: the next one would be refused too.
_PAUSE_AFTER_RENEWAL_S = 60.0
_MAX_MESSAGE_CHARS = 200


class _TokenClient(google.auth.transport.urllib3.Request):
    """The client through which google-auth gets tokens. Each call ends in time: google-auth itself sets no limit."""

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **kwargs: Any
    ) -> Any:
        limit_s = timeout or _TOKEN_TIMEOUT_S
        return super().__call__(url, method, body, headers, limit_s, **kwargs)  # type: ignore[no-untyped-call]


def _token_client() -> _TokenClient:
    return _TokenClient(urllib3.PoolManager(retries=False))  # type: ignore[no-untyped-call]


def find_credentials() -> Any | None:
    """Application default credentials; None when nobody is signed in, which takes about three seconds at the most.

    Raises:
      google.auth.exceptions.GoogleAuthError, or nearly anything: there is a file, and it cannot be used.
    """
    file_of_gcloud = _cloud_sdk.get_application_default_credentials_path()  # type: ignore[no-untyped-call]
    if os.environ.get(google.auth.environment_vars.CREDENTIALS) or os.path.isfile(file_of_gcloud):
        credentials, _ = google.auth.default(scopes=_SCOPES)
        return credentials
    if _is_on_google_cloud():
        return google.auth.compute_engine.Credentials()  # type: ignore[no-untyped-call]
    if not NOBODY_IS_TOLD.is_set():
        NOBODY_IS_TOLD.set()
        _LOGGER.warning(
            "Nobody is signed in to Google Cloud on this machine: of gs:// media only public ones can be read "
            "(`gcloud auth application-default login` signs in)."
        )
    return None


def _is_on_google_cloud() -> bool:
    """Whether the firmware says so, or a metadata server answers."""
    if os.environ.get(google.auth.environment_vars.NO_GCE_CHECK) == "true":
        return False
    # google-auth logs each try; that nobody is signed in is said once, above.
    logging.getLogger(_metadata.__name__).setLevel(logging.ERROR)
    if _metadata.detect_gce_residency_linux():  # type: ignore[no-untyped-call]
        return True
    client = _token_client()
    return bool(_metadata.ping(client, _METADATA_TIMEOUT_S, _METADATA_TRIES))  # type: ignore[no-untyped-call]


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
        """Empty when nobody is signed in.

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

    def renew(self, refused: Mapping[str, str]) -> bool:
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
                self._credentials.refresh(_token_client())
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
    return one_line(lines[0], _MAX_MESSAGE_CHARS).rstrip(".")
