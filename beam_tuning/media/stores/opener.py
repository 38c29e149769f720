"""One place that knows every store."""

from __future__ import annotations

import os
from collections.abc import Mapping

from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.credentials import TokenSource
from beam_tuning.media.stores.gcs import GcsReader, GcsService
from beam_tuning.media.stores.guard import AddressGuard, Resolver, resolve
from beam_tuning.media.stores.http import HttpReader
from beam_tuning.media.stores.local import LocalReader
from beam_tuning.media.stores.retry import Clock, SystemClock
from beam_tuning.media.stores.store import ObjectReader
from beam_tuning.media.stores.transport import Transport
from beam_tuning.media.stores.uris import GcsObject, HttpUrl, parse_uri, unsupported


class Stores:
    """Readers for all kinds of URIs, on shared connections and credentials. Thread-safe.

    `clock`, `resolver` and `environ` are for tests.
    """

    def __init__(
        self,
        options: ProbeOptions,
        *,
        clock: Clock | None = None,
        resolver: Resolver = resolve,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        guard = AddressGuard(allow_private=options.allow_private_addresses, resolver=resolver)
        self._transport = Transport(
            guard, self._clock, connect_timeout_s=options.connect_timeout_s, max_idle=2 * options.threads
        )
        self._gcs = GcsService(TokenSource(self._clock), options.billing_project, environ)

    def reader(self, uri: str) -> ObjectReader:
        """A reader of one object; nothing is sent yet.

        Raises:
          StoreError: UNSUPPORTED_URI.
        """
        location = parse_uri(uri)
        budget = Budget(self._options, self._clock, seed=uri)
        if isinstance(location, GcsObject):
            return GcsReader(location, self._gcs, self._transport, budget)
        if isinstance(location, HttpUrl):
            return HttpReader(location, self._transport, budget)
        if not self._options.allow_local_media:
            raise unsupported("Files of this machine are read only with --allow_local_media.")
        return LocalReader(location, budget)

    def close(self) -> None:
        self._transport.close()
