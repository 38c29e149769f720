"""The media table: a row for each distinct object that a run has probed. It is the next run's probe cache.

`SCHEMA` describes every column; docs/tables.md shows it to readers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from beam_tuning.errors import InputError
from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    ObjectInfo,
    ProbeCost,
    ProbeFailure,
    ProbeResult,
)


def column(name: str, kind: pa.DataType, about: str, *, nullable: bool = True) -> pa.Field:
    """A column that says in its metadata what it holds, for docs/tables.md and for whoever opens the file."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": about})


_STREAM = pa.struct(
    [
        column("kind", pa.string(), "`audio` or `video`.", nullable=False),
        column("codec", pa.string(), "As FFmpeg spells it, e.g. `h264`; null when not known."),
        column("duration_s", pa.float64(), "The stream's own length; null when the container does not say it."),
        column("width_px", pa.int64(), "Coded width, before rotation."),
        column("height_px", pa.int64(), "Coded height, before rotation."),
        column("rotation_deg", pa.int64(), "Clockwise: 0, 90, 180 or 270.", nullable=False),
        column("fps", pa.float64(), "Average frames a second; null when the header does not say it."),
        column("sample_rate_hz", pa.int64(), "Of audio."),
        column("channels", pa.int64(), "Of audio; null when not known."),
    ]
)
SCHEMA = pa.schema(
    [
        column("uri", pa.string(), "As the dataset spells it.", nullable=False),
        column("outcome", pa.string(), "`media` or `failure`.", nullable=False),
        column(
            "container", pa.string(), "Short name, e.g. `mp4`; null for a failure, like all columns down to `streams`."
        ),
        column("kind", pa.string(), "`audio`, `video`, `image` or `document`."),
        column("duration_s", pa.float64(), "Presentation length of the longest stream; null when unknown."),
        column("duration_unknown", pa.string(), "Why there is no duration."),
        column("truncated", pa.string(), "Null when the object is whole; else what is missing."),
        column(
            "tail_cut",
            pa.string(),
            "Null unless at most the last frame, packet or page lacks bytes, which every decoder takes; then how many.",
        ),
        column("width_px", pa.int64(), "Of an image."),
        column("height_px", pa.int64(), "Of an image."),
        column("pages", pa.int64(), "Of a document; null when not known."),
        column("pages_unknown", pa.string(), "Why a document's pages are not known."),
        column(
            "streams",
            pa.list_(pa.field("element", _STREAM, nullable=False)),
            "A struct for each audio or video stream.",
        ),
        column("failure_kind", pa.string(), "Why there is no answer, e.g. `not_found`; null when there is one."),
        column("failure_message", pa.string(), "What was seen."),
        column("transient", pa.bool_(), "Whether a later run may succeed."),
        column("size_bytes", pa.int64(), "Of the whole object; null when the store did not say."),
        column("generation", pa.string(), "Cloud Storage generation that was probed."),
        column("etag", pa.string(), "The store's entity tag."),
        column("crc32c", pa.string(), "Base64, as Cloud Storage gives it."),
        column("md5", pa.string(), "Base64, as Cloud Storage gives it."),
        column("content_type", pa.string(), "MIME type that the store declares."),
        column("requests", pa.int64(), "Requests of the probe, in the run that wrote the table.", nullable=False),
        column("received_bytes", pa.int64(), "Body bytes that the probe received.", nullable=False),
        column("rounds", pa.int64(), "Dependent reads of the probe.", nullable=False),
        column("retries", pa.int64(), "Requests that were sent again.", nullable=False),
        column("latency_ms", pa.int64(), "Wall time of the probe.", nullable=False),
        column("cached", pa.bool_(), "Whether the answer came from an earlier run.", nullable=False),
    ]
)
_ROTATIONS = frozenset({0, 90, 180, 270})
#: Failures that follow from this run's options, not from the object: they are found again without a request.
_OF_THE_RUN = frozenset({FailureKind.UNSUPPORTED_URI, FailureKind.ADDRESS_BLOCKED})


def to_table(results: Iterable[ProbeResult]) -> pa.Table:
    """One row for each result, in their order."""
    return pa.Table.from_pylist([_to_row(result) for result in results], schema=SCHEMA)


def check_schema(schema: pa.Schema) -> None:
    """Says whether a table with this schema can be read by `from_table`; more columns do no harm.

    Raises:
      InputError: it cannot: columns are missing, or are of other types.
    """
    missing = [name for name in SCHEMA.names if name not in schema.names]
    other = [
        f"{field.name} as {schema.field(field.name).type}"
        for field in SCHEMA
        if field.name not in missing and not _is_like(schema.field(field.name).type, field.type)
    ]
    if missing or other:
        found = [f"no column {', '.join(missing)}"] * bool(missing) + [f"the column {', '.join(other)}"] * bool(other)
        raise InputError(
            "the table is not the media table of a run",
            observed="; ".join(found),
            limit=f"the columns {', '.join(SCHEMA.names)}",
            remedy="Give the output folder of an earlier run as the probe cache, or none.",
        )


def from_table(table: pa.Table) -> Iterator[ProbeResult]:
    """The results of a media table, which may be anybody's work.

    Rows that another version wrote and this one cannot read are left out, and so are those with values that no probe
    gives, e.g. a negative size. An `ObjectInfo` of which nothing is known comes back as None; all else comes back as it
    was.

    Raises:
      InputError: the table is no media table.
    """
    check_schema(table.schema)
    for batch in table.select(SCHEMA.names).to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            try:
                result = _from_row(row)
            except msgspec.ValidationError:
                continue
            if _is_possible(result):
                yield result


def _is_like(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of a type come out as those of another do, as of a table that some tool has written again."""
    if pa.types.is_null(found):
        return True
    if pa.types.is_list(wanted):
        is_list = pa.types.is_list(found) or pa.types.is_large_list(found)
        return is_list and _is_like(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        types = {field.name: field.type for field in found} if pa.types.is_struct(found) else {}
        return all(field.name in types and _is_like(types[field.name], field.type) for field in wanted)
    if pa.types.is_string(wanted):
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    same = pa.types.is_integer if pa.types.is_integer(wanted) else pa.types.is_floating
    return bool(found == wanted or (not pa.types.is_boolean(wanted) and same(found)))


def _is_possible(result: ProbeResult) -> bool:
    """Whether a probe can have given the values: none is negative, infinite or no number, and a rotation is a turn."""
    media = result.media
    records: list[msgspec.Struct] = [result.cost, *([] if result.object is None else [result.object])]
    if isinstance(media, MediaInfo):
        records += [media, *media.streams]
    numbers = (
        value
        for record in records
        for value in msgspec.structs.astuple(record)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    )
    return all(0 <= number < math.inf for number in numbers) and not (
        isinstance(media, MediaInfo) and any(stream.rotation_deg not in _ROTATIONS for stream in media.streams)
    )


def is_reusable(result: ProbeResult) -> bool:
    """Whether a later run may take this answer, should the object not have changed."""
    media = result.media
    return not isinstance(media, ProbeFailure) or not (media.transient or media.kind in _OF_THE_RUN)


def is_unchanged(before: ObjectInfo | None, now: ObjectInfo) -> bool:
    """Whether the store's answers prove that the object is the same: by generation, else by size and entity tag."""
    if before is None:
        return False
    if before.generation or now.generation:
        return before.generation == now.generation
    return before.etag is not None and (before.etag, before.size_bytes) == (now.etag, now.size_bytes)


def _to_row(result: ProbeResult) -> dict[str, Any]:
    row = _fields(result.object or ObjectInfo()) | _fields(result.cost)
    row |= {"uri": result.uri, "cached": result.cached}
    media = result.media
    if isinstance(media, ProbeFailure):
        return row | {
            "outcome": "failure",
            "failure_kind": media.kind.value,
            "failure_message": media.message,
            "transient": media.transient,
        }
    return row | _fields(media) | {"outcome": "media", "streams": [_fields(stream) for stream in media.streams]}


def _from_row(row: Mapping[str, Any]) -> ProbeResult:
    media: MediaInfo | ProbeFailure
    if row["outcome"] == "failure":
        media = _struct(
            {"kind": row["failure_kind"], "message": row["failure_message"], "transient": row["transient"]},
            ProbeFailure,
        )
    elif row["outcome"] != "media":
        raise msgspec.ValidationError
    else:
        media = _struct({**row, "streams": [_present(stream) for stream in row["streams"] or ()]}, MediaInfo)
    known = _struct(row, ObjectInfo)
    return ProbeResult(
        uri=msgspec.convert(row["uri"], str),
        media=media,
        object=known if known != ObjectInfo() else None,
        cost=_struct(row, ProbeCost),
        cached=msgspec.convert(row["cached"], bool),
    )


def _struct(row: Mapping[str, Any], kind: type[Any]) -> Any:
    fields = {name: row[name] for name in kind.__struct_fields__ if row[name] is not None}
    return msgspec.convert(fields, kind)


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: _storable(getattr(struct, name)) for name in struct.__struct_fields__}


def _storable(value: Any) -> Any:
    # What hostile headers claim may be any number; no real size, width or rate is beyond 64 bits.
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value
