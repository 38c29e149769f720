"""Objects that no reader of this package knows."""

from __future__ import annotations

from beam_tuning.media.containers.plan import Plan
from beam_tuning.media.info import FailureKind, ProbeFailure


def plan(head: bytes, size_bytes: int) -> Plan:
    """Says that the object is not known."""
    yield from ()
    return ProbeFailure(FailureKind.UNREADABLE, f"the first {len(head)} bytes are of no known media format")
