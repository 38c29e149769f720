"""A fault server, and stores that may talk to loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fault_server import FaultServer, running_fault_server
from store_fakes import LOOPBACK, FakeClock

from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.opener import Stores


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with running_fault_server() as running:
        yield running


@pytest.fixture
def make_stores(clock: FakeClock) -> Iterator[Callable[..., Stores]]:
    """`make_stores(options, resolver=..., environ=...)`; closed after the test."""
    made: list[Stores] = []

    def make(options: ProbeOptions = LOOPBACK, **injected: object) -> Stores:
        made.append(Stores(options, clock=clock, **injected))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stores in made:
        stores.close()


@pytest.fixture
def stores(make_stores: Callable[..., Stores]) -> Stores:
    return make_stores()
