"""How records travel between stages: as bytes (msgpack or Arrow), so that their coder is the same on every runner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
import pyarrow as pa

from beam_tuning.dataset.compression import compressed, decompressed
from beam_tuning.media.info import ProbeResult

T = TypeVar("T")

_RESULTS = msgspec.msgpack.Decoder(list[ProbeResult])

encode = msgspec.msgpack.Encoder().encode


def decoder(record: type[T]) -> msgspec.msgpack.Decoder[T]:
    """A decoder to keep: making one costs more than using it."""
    return msgspec.msgpack.Decoder(record)


def results_to_bytes(results: Sequence[ProbeResult]) -> bytes:
    """Compressed: results of one bucket are much alike."""
    return compressed(encode(results))


def results_from_bytes(data: bytes) -> list[ProbeResult]:
    """The inverse of `results_to_bytes`."""
    return _RESULTS.decode(decompressed(data))


def results_by_uri(packed: Iterable[bytes]) -> dict[str, ProbeResult]:
    """All that `results_to_bytes` packed, by URI; of a URI that is there twice, the last."""
    return {result.uri: result for some in packed for result in results_from_bytes(some)}


def table_to_ipc(table: pa.Table) -> bytes:
    """An Arrow stream, LZ4-compressed."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def table_from_ipc(data: bytes) -> pa.Table:
    """The inverse of `table_to_ipc`."""
    return pa.ipc.open_stream(data).read_all()
