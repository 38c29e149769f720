"""Readers for all stores, on connections and credentials that a process shares."""

from __future__ import annotations

import os
from collections.abc import Mapping

from beam_tuning.media.location import STORES, Location, Refusal, locate
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.budget import Budget
from beam_tuning.media.stores.credentials import TokenSource
from beam_tuning.media.stores.dialect import Dialect
from beam_tuning.media.stores.guard import AddressGuard, Resolver, resolve
from beam_tuning.media.stores.remote import RemoteReader
from beam_tuning.media.stores.retry import Clock, SystemClock
from beam_tuning.media.stores.store import ObjectReader, Shared, unsupported
from beam_tuning.media.stores.transport import Transport


class Stores:
    """Makes readers. Thread-safe.

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
        shared = Shared(options, self._clock, environ, TokenSource(self._clock), self._remote)
        self._connects = {store.name: store.connect(shared) for store in STORES.values()}

    def reader(self, uri: str) -> ObjectReader:
        """A reader of the object that a URI names; nothing is sent yet.

        Raises:
          StoreError: UNSUPPORTED_URI.
        """
        location = locate(uri)
        if isinstance(location, Refusal):
            raise unsupported(location.fault)
        return self.reader_at(location)

    def reader_at(self, location: Location) -> ObjectReader:
        """A reader of the object at a place.

        Raises:
          StoreError: UNSUPPORTED_URI, where an option does not let the store be read.
        """
        budget = Budget(self._options, self._clock, seed=f"{location.host} {location.path}")
        return self._connects[location.store](location, budget)

    def _remote(self, dialect: Dialect, budget: Budget) -> ObjectReader:
        return RemoteReader(dialect, self._transport, budget)

    def close(self) -> None:
        self._transport.close()
