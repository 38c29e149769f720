"""The media table keeps what a probe found, and says when it may be used again."""

from __future__ import annotations

import io

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.errors import InputError
from beam_tuning.media.info import (
    FailureKind,
    MediaInfo,
    MediaKind,
    ObjectInfo,
    ProbeCost,
    ProbeFailure,
    ProbeResult,
    StreamInfo,
)
from beam_tuning.media.media_table import SCHEMA, check_schema, from_table, is_reusable, is_unchanged, to_table

_text = st.text(max_size=20)
_number = st.integers(0, 2**40)
_seconds = st.floats(0, 1e9, allow_nan=False)


def _or_none(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


_objects = st.builds(
    ObjectInfo,
    size_bytes=_number,
    **{name: _or_none(_text) for name in ("generation", "etag", "crc32c", "md5", "content_type")},
)
_streams = st.builds(
    StreamInfo,
    kind=st.sampled_from([MediaKind.AUDIO, MediaKind.VIDEO]),
    codec=_or_none(_text),
    duration_s=_or_none(_seconds),
    width_px=_or_none(_number),
    height_px=_or_none(_number),
    rotation_deg=st.sampled_from([0, 90, 180, 270]),
    fps=_or_none(_seconds),
    sample_rate_hz=_or_none(_number),
    channels=_or_none(_number),
)
_media = st.builds(
    MediaInfo,
    container=_text,
    kind=st.sampled_from(MediaKind),
    streams=st.lists(_streams, max_size=3).map(tuple),
    duration_s=_or_none(_seconds),
    duration_unknown=_or_none(_text),
    truncated=_or_none(_text),
    tail_cut=_or_none(_text),
    pages=_or_none(_number),
    pages_unknown=_or_none(_text),
    width_px=_or_none(_number),
    height_px=_or_none(_number),
)
_failures = st.builds(ProbeFailure, kind=st.sampled_from(FailureKind), message=_text, transient=st.booleans())
_results = st.builds(
    ProbeResult,
    uri=_text,
    media=_media | _failures,
    object=_or_none(_objects),
    cost=st.builds(ProbeCost, *[_number] * 5),
    cached=st.booleans(),
)


@given(st.lists(_results, max_size=5))
@settings(max_examples=100)
def test_results_come_back_from_parquet_as_they_were(results: list[ProbeResult]) -> None:
    file = io.BytesIO()
    pq.write_table(to_table(results), file)
    assert list(from_table(pq.read_table(file))) == results


def test_every_column_says_what_it_holds() -> None:
    for field in [*SCHEMA, *SCHEMA.field("streams").type.value_type]:
        assert field.metadata[b"description"].endswith(b".")


def test_every_field_of_the_records_has_a_column() -> None:
    records = (ObjectInfo, MediaInfo, ProbeCost)
    assert {name for record in records for name in record.__struct_fields__} <= set(SCHEMA.names)
    assert list(StreamInfo.__struct_fields__) == [field.name for field in SCHEMA.field("streams").type.value_type]


def test_numbers_that_no_table_can_hold_are_left_out() -> None:
    stream = StreamInfo(MediaKind.VIDEO, width_px=2**64 - 1, height_px=2)
    (result,) = from_table(to_table([ProbeResult("u", MediaInfo("matroska", MediaKind.VIDEO, (stream,)))]))
    assert isinstance(result.media, MediaInfo)
    assert result.media.streams == (StreamInfo(MediaKind.VIDEO, height_px=2),)


def test_no_rows() -> None:
    assert to_table([]).schema == SCHEMA
    assert list(from_table(to_table([]))) == []


def test_rows_of_another_version_are_left_out() -> None:
    good = ProbeResult("good", ProbeFailure(FailureKind.NOT_FOUND, "gone"))
    rows = to_table([good, good, good]).to_pylist()
    rows[0]["failure_kind"] = "eaten_by_dog"
    rows[2]["failure_kind"] = None
    table = pa.Table.from_pylist(rows, schema=SCHEMA).append_column("new", pa.array([1, 2, 3]))
    assert list(from_table(table)) == [good]


@pytest.mark.parametrize("table", [pa.table({}), pa.table({"uri": ["a"]}), to_table([]).drop_columns(["etag"])])
def test_a_table_of_something_else(table: pa.Table) -> None:
    with pytest.raises(InputError, match="not the media table") as caught:
        list(from_table(table))
    assert "etag" in str(caught.value.observed)


_VIDEO = StreamInfo(MediaKind.VIDEO, "h264", 2.0, 640, 360, 90, 25.0)
_SOUND = ProbeResult(
    "sound",
    MediaInfo("mp4", MediaKind.VIDEO, (_VIDEO,), 2.0),
    ObjectInfo(size_bytes=5, generation="1"),
    ProbeCost(1, 5, 1, 0, 20),
)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("uri", None),
        ("cached", None),
        *[(name, -1) for name in ("size_bytes", "requests", "received_bytes", "rounds", "retries", "latency_ms")],
        *[(name, -1) for name in ("width_px", "height_px", "pages")],
        *[("duration_s", value) for value in (-0.1, float("nan"), float("inf"), float("-inf"))],
        *[(f"streams.{name}", -1) for name in ("width_px", "height_px", "sample_rate_hz", "channels", "fps")],
        *[("streams.duration_s", value) for value in (-1.0, float("nan"), float("inf"))],
        ("streams.fps", float("nan")),
        ("streams.rotation_deg", 45),
        ("streams.kind", None),
        ("outcome", None),
        ("kind", "soup"),
        ("container", None),
    ],
)
def test_rows_with_values_that_no_probe_gives_are_left_out(column: str, value: object) -> None:
    good, spoilt = to_table([_SOUND, _SOUND]).to_pylist()
    name, _, inner = column.partition(".")
    if inner:
        spoilt["streams"][0][inner] = value
    else:
        spoilt[name] = value
    nullable = pa.schema([pa.field(field.name, field.type) for field in SCHEMA])
    nullable = nullable.set(
        nullable.get_field_index("streams"),
        pa.field(
            "streams", pa.list_(pa.struct([pa.field(f.name, f.type) for f in SCHEMA.field("streams").type.value_type]))
        ),
    )
    assert list(from_table(pa.Table.from_pylist([spoilt, good], schema=nullable))) == [_SOUND]


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("uri", pa.binary()),
        ("size_bytes", pa.string()),
        ("duration_s", pa.string()),
        ("streams", pa.string()),
        ("streams", pa.list_(pa.int64())),
        ("streams", pa.list_(pa.struct([pa.field("kind", pa.string())]))),
        ("cached", pa.int64()),
    ],
)
def test_columns_of_other_types_are_told_before_a_row_is_read(column: str, type_: pa.DataType) -> None:
    schema = SCHEMA.set(SCHEMA.get_field_index(column), pa.field(column, type_))
    with pytest.raises(InputError, match="not the media table") as caught:
        check_schema(schema)
    assert f"{column} as " in str(caught.value.observed)
    with pytest.raises(InputError, match="not the media table"):
        list(from_table(schema.empty_table()))


def test_what_another_tool_has_written_again_is_taken() -> None:
    types = {pa.string(): pa.large_string(), pa.int64(): pa.int32(), pa.float64(): pa.float32()}
    fields = [pa.field(field.name, types.get(field.type, field.type)) for field in SCHEMA]
    table = to_table([_SOUND]).cast(pa.schema(fields))
    assert list(from_table(table)) == [_SOUND]


def test_a_schema_as_a_run_writes_it_is_taken() -> None:
    file = io.BytesIO()
    pq.write_table(to_table([_SOUND]), file)
    check_schema(pq.read_schema(file))
    check_schema(pq.read_schema(file).append(pa.field("new", pa.int8())))


@pytest.mark.parametrize("kind", FailureKind)
def test_transient_failures_are_not_reused(kind: FailureKind) -> None:
    assert not is_reusable(ProbeResult("u", ProbeFailure(kind, "x", transient=True)))
    follows_from_options = kind in (FailureKind.UNSUPPORTED_URI, FailureKind.ADDRESS_BLOCKED)
    assert is_reusable(ProbeResult("u", ProbeFailure(kind, "x"))) is not follows_from_options


def test_media_are_reused() -> None:
    assert is_reusable(ProbeResult("u", MediaInfo("wav", MediaKind.AUDIO)))


_GCS = ObjectInfo(size_bytes=5, generation="1", etag="CAE=")
_WEB = ObjectInfo(size_bytes=5, etag='"x"')


@pytest.mark.parametrize(
    ("before", "now", "unchanged"),
    [
        (_GCS, _GCS, True),
        (_GCS, msgspec.structs.replace(_GCS, etag="CAI="), True),  # new metadata, same bytes
        (_GCS, msgspec.structs.replace(_GCS, generation="2"), False),
        (_GCS, _WEB, False),
        (_WEB, _GCS, False),
        (_WEB, _WEB, True),
        (_WEB, msgspec.structs.replace(_WEB, etag='"y"'), False),
        (_WEB, msgspec.structs.replace(_WEB, size_bytes=6), False),
        (_WEB, msgspec.structs.replace(_WEB, etag=None), False),
        (ObjectInfo(size_bytes=5), ObjectInfo(size_bytes=5), False),  # the same size proves nothing
        (ObjectInfo(), ObjectInfo(), False),
        (None, _GCS, False),
    ],
)
def test_what_proves_that_an_object_is_the_same(before: ObjectInfo | None, now: ObjectInfo, unchanged: bool) -> None:
    assert is_unchanged(before, now) is unchanged
