"""Connections under many threads: none is shared, none is lost, few are kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
from fault_server import Answer, FaultServer, refusal, running_fault_server
from store_fakes import LOOPBACK

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

THREADS = 12


def test_threads_read_their_own_objects(server: FaultServer, make_stores: Callable[..., Stores]) -> None:
    bodies = {f"/{i}": random.Random(i).randbytes(20_000 + i) for i in range(60)}
    for path, body in bodies.items():
        faults = [refusal(503)] if path.endswith("7") else [Answer(body, close_after=50)] if path.endswith("3") else []
        server.script(path, *faults, Answer(body, ignore_range=path.endswith("5"), close=path.endswith("9")))
    stores = make_stores(msgspec.structs.replace(LOOPBACK, threads=THREADS))

    def read(path: str) -> bool:
        reader = stores.reader(server.url + path)
        info, head = reader.open(1000)
        tail, middle = reader.read([ByteRange(19_000, 20_000), ByteRange(500, 5_000)])
        reader.close()
        body = bodies[path]
        return (info.size_bytes, head, tail, middle) == (len(body), body[:1000], body[19_000:20_000], body[500:5_000])

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(read, list(bodies) * 3))


def test_idle_connections_are_few(server: FaultServer, make_stores: Callable[..., Stores]) -> None:
    """At most two for each thread, the longest unused host's first to go."""
    stores = make_stores(msgspec.structs.replace(LOOPBACK, threads=1))
    with running_fault_server() as second, running_fault_server() as third:
        for host in (server, second, third, second, server):
            reader = stores.reader(host.script("/a", Answer(b"x" * 100)))
            reader.open(10)
            reader.close()
        connections = [len({request.connection for request in host.requests}) for host in (server, second, third)]
    assert connections == [2, 1, 1]


def test_a_refusal_keeps_the_connection(server: FaultServer, stores: Stores) -> None:
    server.script("/a", refusal(404, b"not here"))
    for _ in range(3):
        reader = stores.reader(server.url + "/a")
        try:
            reader.open(10)
        except StoreError:
            reader.close()
    assert len({request.connection for request in server.requests}) == 1
