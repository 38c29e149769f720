"""A clock that does not wait, a resolver that says what a test wants, options for servers on loopback, and a helper."""

from __future__ import annotations

import socket
import time

import pytest

from beam_tuning.media.containers.plan import HEAD_BYTES
from beam_tuning.media.info import ProbeFailure
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.stores.guard import SocketAddress
from beam_tuning.media.stores.store import ObjectReader, StoreError

#: Loopback is allowed, and no time-out is met by a machine that is only busy.
LOOPBACK = ProbeOptions(
    allow_private_addresses=True,
    connect_timeout_s=100.0,
    stall_timeout_s=100.0,
    read_timeout_s=100.0,
    object_timeout_s=120.0,
)
NOW_UNIX_S = 1_700_000_000.0


class FakeClock:
    """Real time, but pauses pass at once and are remembered."""

    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    def monotonic_s(self) -> float:
        return time.monotonic() + sum(self.pauses_s)

    def unix_time_s(self) -> float:
        return NOW_UNIX_S

    def sleep(self, duration_s: float) -> None:
        self.pauses_s.append(duration_s)


class FakeResolver:
    """Gives each host the addresses that a test says, the next ones at each call; the last ones for ever."""

    def __init__(self, *answers: str | list[str]) -> None:
        self._answers = [[answer] if isinstance(answer, str) else answer for answer in answers]
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[SocketAddress]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            SocketAddress(socket.AF_INET6, (address, port, 0, 0))
            if ":" in address
            else SocketAddress(socket.AF_INET, (address, port))
            for address in answer
        ]


def failure_of(reader: ObjectReader, head_bytes: int = HEAD_BYTES) -> ProbeFailure:
    """How opening the object fails."""
    try:
        with pytest.raises(StoreError) as caught:
            reader.open(head_bytes)
        return caught.value.failure
    finally:
        reader.close()
