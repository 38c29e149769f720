"""Whatever a server does: the bytes that a reader gives are the object's bytes, or it gives a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fault_server import Answer, FaultServer, refusal, running_fault_server
from hypothesis import given, settings
from hypothesis import strategies as st
from store_fakes import LOOPBACK, FakeClock

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

_bodies = st.binary(min_size=1, max_size=300) | st.integers(10_000, 150_000).map(
    lambda size: bytes(i * i % 251 for i in range(size))
)
_habits = st.fixed_dictionaries(
    {},
    optional={
        "ignore_range": st.just(True),
        "content_length": st.just(False),
        "chunked": st.just(True),
        "compress": st.just(True),
        "close": st.just(True),
    },
)
_faults = st.one_of(
    st.sampled_from([408, 429, 503]),
    st.fixed_dictionaries({"close_after": st.integers(0, 2000)}),
    st.fixed_dictionaries({"reset_after": st.integers(0, 2000)}),
    st.fixed_dictionaries({"content_range": st.sampled_from(["bytes 1-2/3", "", "bytes 3-4/9", "bytes 5-9/*"])}),
)


@pytest.fixture(scope="module")
def faults() -> Iterator[FaultServer]:
    with running_fault_server() as running:
        yield running


def _detectable(fault: dict[str, object], habits: dict[str, bool]) -> dict[str, object]:
    """A body without a length that is closed in order cannot be told from a whole one; a reset can."""
    if "close_after" in fault and "content_length" in habits:
        return {"reset_after": fault["close_after"]}
    return fault


@given(
    body=_bodies,
    habits=_habits,
    script=st.lists(_faults, max_size=4),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
    head_bytes=st.sampled_from([1, 100, 65536]),
)
@settings(max_examples=120)
def test_never_a_wrong_byte(
    faults: FaultServer,
    body: bytes,
    habits: dict[str, bool],
    script: list[int | dict[str, object]],
    cuts: list[tuple[float, float]],
    head_bytes: int,
) -> None:
    ranges = [ByteRange(*sorted((int(a * len(body)), int(b * len(body))))) for a, b in cuts]
    good = Answer(body, **habits)  # type: ignore[arg-type]
    answers = [
        refusal(fault) if isinstance(fault, int) else Answer(body, **{**habits, **_detectable(fault, habits)})  # type: ignore[arg-type]
        for fault in script
    ]
    url = faults.script("/a", *answers, good)
    stores = Stores(LOOPBACK, clock=FakeClock())
    reader = stores.reader(url)
    try:
        info, head = reader.open(head_bytes)
        assert head == body[:head_bytes]
        assert info.size_bytes == len(body)
        assert reader.read(ranges) == tuple(body[start:stop] for start, stop in ranges)
        assert b"".join(reader.stream(len(body) // 2)) == body[len(body) // 2 :]
    except StoreError as failed:
        if not (script and failed.failure.transient):
            raise
    finally:
        reader.close()
        stores.close()
