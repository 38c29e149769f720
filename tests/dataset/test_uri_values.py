"""Only the bytes of media URIs change; held against a decoder for anything that JSON can hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_tuning.dataset.uri_values import replace_uris

OLD = '/data/a "quoted" \\ clip\u2028é.mp4'
NEW = "gs://bucket/f/0a1b.mp4"
TARGETS = {OLD: NEW, "b.wav": "gs://bucket/f/b.wav"}

_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.sampled_from([OLD, "b.wav"])
)
_keys = st.one_of(
    st.text(max_size=4), st.sampled_from(["contents", "parts", "fileData", "file_data", "fileUri", "file_uri", "[]"])
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_keys, inner, max_size=4)),
    max_leaves=20,
)
_parts = st.lists(
    st.one_of(
        _values,
        st.fixed_dictionaries(
            {},
            optional={
                "fileData": st.fixed_dictionaries(
                    {}, optional={"fileUri": _scalars, "mimeType": _scalars, "x": _values}
                ),
                "file_data": st.fixed_dictionaries({}, optional={"file_uri": _scalars, "fileUri": _scalars}),
                "text": _scalars,
                "functionCall": _values,
            },
        ),
    ),
    max_size=4,
)
_lines = st.one_of(
    _values,
    st.fixed_dictionaries(
        {
            "contents": st.lists(
                st.one_of(_values, st.fixed_dictionaries({"parts": _parts}, optional={"role": _scalars}))
            )
        },
        optional={"systemInstruction": _values, "file_uri": _scalars},
    ),
)


def expected_of(value: Any, path: tuple[Any, ...] = ()) -> tuple[Any, int]:
    """What a decoder and an encoder would make of it."""
    if isinstance(value, dict):
        pairs = {key: expected_of(child, (*path, key)) for key, child in value.items()}
        return {key: new for key, (new, _) in pairs.items()}, sum(count for _, count in pairs.values())
    if isinstance(value, list):
        items = [expected_of(child, (*path, 0)) for child in value]
        return [new for new, _ in items], sum(count for _, count in items)
    is_place = (
        len(path) == 6
        and path[:4] == ("contents", 0, "parts", 0)
        and path[4] in ("fileData", "file_data")
        and path[5] in ("fileUri", "file_uri")
    )
    if is_place and isinstance(value, str) and value in TARGETS:
        return TARGETS[value], 1
    return value, 0


@given(
    value=_lines,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    separators=st.sampled_from([(",", ":"), (" , ", " : "), (",\t", ":\t")]),
    ending=st.sampled_from([b"", b"\n", b"\r\n", b" "]),
)
def test_it_is_what_a_decoder_would_make_of_it(
    value: Any, ascii_only: bool, indent: int | None, separators: tuple[str, str], ending: bytes
) -> None:
    written: dict[str, Any] = {"ensure_ascii": ascii_only, "indent": indent, "separators": separators}
    line = json.dumps(value, **written).encode("utf-8", "surrogatepass") + ending
    expected, count = expected_of(value)
    rewritten, replaced = replace_uris(line, TARGETS)
    assert replaced == count
    # A new URI is plain ASCII, so an encoder writes the whole as the replacement does: byte for byte.
    assert rewritten == json.dumps(expected, **written).encode("utf-8", "surrogatepass") + ending


@given(line=st.binary(max_size=200))
def test_bytes_that_are_no_json_are_no_error(line: bytes) -> None:
    assert replace_uris(line, TARGETS) == (line, 0)


PART = '{"contents":[{"role":"user","parts":[%s]}]}'


@pytest.mark.parametrize(
    ("part", "becomes"),
    [
        ('{"fileData":{"fileUri":"b.wav"}}', '{"fileData":{"fileUri":"gs://bucket/f/b.wav"}}'),
        ('{"file_data":{"file_uri":"b.wav"}}', '{"file_data":{"file_uri":"gs://bucket/f/b.wav"}}'),
        # Escapes in the key and in the value.
        (
            '{"file\\u0044ata":{"fileUr\\u0069":"\\u0062.wav"}}',
            '{"file\\u0044ata":{"fileUr\\u0069":"gs://bucket/f/b.wav"}}',
        ),
        # White space stays where it is.
        ('{ "fileData" :\t{ "fileUri"\r\n: "b.wav" } }', '{ "fileData" :\t{ "fileUri"\r\n: "gs://bucket/f/b.wav" } }'),
        # Twice in one line.
        (
            '{"fileData":{"fileUri":"b.wav"}},{"fileData":{"fileUri":"b.wav"}}',
            '{"fileData":{"fileUri":"gs://bucket/f/b.wav"}},{"fileData":{"fileUri":"gs://bucket/f/b.wav"}}',
        ),
    ],
)
def test_a_uri_is_found_however_it_is_written(part: str, becomes: str) -> None:
    rewritten, replaced = replace_uris((PART % part).encode(), TARGETS)
    assert rewritten == (PART % becomes).encode()
    assert replaced == becomes.count("gs://")


@pytest.mark.parametrize(
    "part",
    [
        '{"text":"b.wav"}',
        '{"text":"{\\"fileData\\":{\\"fileUri\\":\\"b.wav\\"}}"}',
        '{"functionCall":{"name":"f","args":{"fileUri":"b.wav"}}}',
        '{"functionCall":{"args":{"fileData":{"fileUri":"b.wav"}}}}',
        '{"fileData":{"mimeType":"b.wav"}}',
        '{"fileData":{"fileUri":["b.wav"]}}',
        '{"fileData":{"fileUri":{"fileUri":"b.wav"}}}',
        '{"fileData":{"b.wav":"fileUri"}}',
        '{"fileData":{"fileUri":"/b.wav"}}',
        '{"fileData":{"fileUri":"b.wa"}}',
    ],
)
def test_the_same_text_elsewhere_stays(part: str) -> None:
    line = (PART % part).encode()
    assert replace_uris(line, TARGETS) == (line, 0)
