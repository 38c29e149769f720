"""One media resolution on a line: what changes, and that nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_tuning.curation.set_resolution import with_media_resolution
from beam_tuning.dataset.json_text import decode_object
from beam_tuning.dataset.parse import parse_line

LOW = "MEDIA_RESOLUTION_LOW"
CONTENTS = '"contents":[{"role":"user","parts":[{"text":"generationConfig } , \\" {"}]}]'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{%s}", '{%s,"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"}}'),
        ("\ufeff {%s } \r", '\ufeff {%s ,"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"}} \r'),
        ('{"generationConfig":{},%s}', '{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},%s}'),
        ('{"generationConfig": { } ,%s}', '{"generationConfig": {"mediaResolution":"MEDIA_RESOLUTION_LOW" } ,%s}'),
        ('{%s,"generationConfig": null }', '{%s,"generationConfig": {"mediaResolution":"MEDIA_RESOLUTION_LOW"} }'),
        (
            '{"generation_config":{"temperature":1e0},%s}',
            '{"generation_config":{"media_resolution":"MEDIA_RESOLUTION_LOW","temperature":1e0},%s}',
        ),
        (
            '{"generationConfig":{"a":{"mediaResolution":0},"mediaResolution" : "HIGH" ,"z":[1]},%s}',
            '{"generationConfig":{"a":{"mediaResolution":0},"mediaResolution" : "MEDIA_RESOLUTION_LOW" ,"z":[1]},%s}',
        ),
        (
            '{"generationConfig":{"mediaResolution":3},%s}',
            '{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},%s}',
        ),
        (
            '{"generationConfig":{"media_resolution":{"level":[{"a":"}"}]}},%s}',
            '{"generationConfig":{"media_resolution":"MEDIA_RESOLUTION_LOW"},%s}',
        ),
        (
            '{"generation\\u0043onfig":{"media\\u0052esolution":null},%s}',
            '{"generation\\u0043onfig":{"media\\u0052esolution":"MEDIA_RESOLUTION_LOW"},%s}',
        ),
        (
            '{"labels":{"generationConfig":"a"},%s}',
            '{"labels":{"generationConfig":"a"},%s,"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"}}',
        ),
    ],
)  # fmt: skip
def test_the_value_is_inserted_or_replaced_and_nothing_else(line: str, expected: str) -> None:
    assert with_media_resolution((line % CONTENTS).encode(), LOW) == (expected % CONTENTS).encode()


@pytest.mark.parametrize(
    "line",
    [
        '{%s,"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"}}',
        '{"generation_config" : { "media_resolution" : "MEDIA_RESOLUTION_LOW" }, %s }',
    ],
)
def test_a_line_that_has_the_value_stays_as_it_is(line: str) -> None:
    assert with_media_resolution((line % CONTENTS).encode(), LOW) == (line % CONTENTS).encode()


SET = '"mediaResolution":"MEDIA_RESOLUTION_LOW"'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"generationConfig":{"mediaResolution":1},%s,"generationConfig":{}}',
            f'{{"generationConfig":{{{SET}}},%s,"generationConfig":{{{SET}}}}}',
        ),
        (
            '{"generationConfig":{"mediaResolution":"a","mediaResolution":"b"},%s}',
            f'{{"generationConfig":{{{SET},{SET}}},%s}}',
        ),
        (
            '{"generationConfig":null,%s,"generation_config":{"topK":1}}',
            '{"generationConfig":null,%s,"generation_config":{"media_resolution":"MEDIA_RESOLUTION_LOW","topK":1}}',
        ),
        (
            '{"generationConfig":{"media_resolution":null,"mediaResolution":2},%s}',
            f'{{"generationConfig":{{"media_resolution":null,{SET}}},%s}}',
        ),
        ('{"generationConfig":[{}],%s}', '{"generationConfig":[{}],%s}'),
        ('{"generationConfig":"MEDIA_RESOLUTION_HIGH",%s}', '{"generationConfig":"MEDIA_RESOLUTION_HIGH",%s}'),
        ('{"generationConfig":7,%s}', '{"generationConfig":7,%s}'),
    ],
)
def test_a_field_that_is_given_twice_is_set_twice_and_what_is_no_object_stays(line: str, expected: str) -> None:
    assert with_media_resolution((line % CONTENTS).encode(), LOW) == (expected % CONTENTS).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8"), max_size=6) | st.just('\\"'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.none() | st.dictionaries(
    st.sampled_from(["temperature", "mediaResolution", "seed", "a}b", "generationConfig"]), JSON, max_size=3
)


@settings(deadline=None)
@given(
    config=CONFIGS,
    others=st.dictionaries(st.text(max_size=5).filter(lambda key: "eneration" not in key), JSON, max_size=3),
    has_config=st.booleans(),
    escape=st.booleans(),
    indent=st.sampled_from([None, (", ", " : ")]),
)
def test_what_the_line_says_else_is_the_same(
    config: Any, others: dict[str, Any], has_config: bool, escape: bool, indent: Any
) -> None:
    line = {"contents": [{"role": "user", "parts": [{"text": "x"}]}], **others}
    if has_config:
        line["generationConfig"] = config
    edited = with_media_resolution(json.dumps(line, ensure_ascii=escape, separators=indent).encode(), LOW)
    assert edited is not None
    expected = {**line, "generationConfig": {**(line.get("generationConfig") or {}), "mediaResolution": LOW}}
    assert decode_object(edited) == expected
    example = parse_line(edited).example
    assert example is None or example.media_resolution == LOW
