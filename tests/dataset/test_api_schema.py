"""The list of the API's fields is held against the SDK that is installed, so that it does not age in silence.

Fields may be newer than that SDK; none of its fields may be unknown here.
"""

from __future__ import annotations

import pytest
from google.genai import types
from tuning_lines import encoded, example

from beam_tuning.dataset import api_schema
from beam_tuning.dataset.api_schema import Message
from beam_tuning.dataset.parse import parse_line
from beam_tuning.reasons import Reason

MESSAGES = [
    (types.Content, api_schema.CONTENT),
    (types.Part, api_schema.PART),
    (types.FileData, api_schema.FILE_DATA),
    (types.VideoMetadata, api_schema.VIDEO_METADATA),
    (types.PartMediaResolution, api_schema.PART_MEDIA_RESOLUTION),
    (types.FunctionCall, api_schema.FUNCTION_CALL),
    (types.FunctionResponse, api_schema.FUNCTION_RESPONSE),
    (types.GenerationConfig, api_schema.GENERATION_CONFIG),
]


def unknown(fields: list[str], message: Message) -> set[str]:
    return set(fields) - set(message)


@pytest.mark.parametrize(("sdk_type", "message"), MESSAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_field_of_the_installed_sdk_is_known(sdk_type: type, message: Message) -> None:
    for name, field in sdk_type.model_fields.items():  # type: ignore[attr-defined]
        assert unknown([name, field.alias], message) == set()


def test_every_field_of_the_example_is_known() -> None:
    """The type of an example stands in the protocol buffers of aiplatform v1beta1."""
    service = pytest.importorskip("google.cloud.aiplatform_v1beta1.types")
    fields = service.GeminiExample.pb().DESCRIPTOR.fields
    assert (
        unknown([field.json_name for field in fields] + [field.name for field in fields], api_schema.EXAMPLE) == set()
    )


@pytest.mark.parametrize(
    ("enum", "known"),
    [
        (types.MediaResolution, api_schema.MEDIA_RESOLUTIONS),
        (types.PartMediaResolutionLevel, api_schema.PART_MEDIA_RESOLUTIONS),
    ],
)
def test_every_media_resolution_of_the_installed_sdk_is_known(enum: type, known: tuple[str, ...]) -> None:
    assert {level.value for level in enum} == {api_schema.MEDIA_RESOLUTION_UNSPECIFIED, *known}  # type: ignore[attr-defined]


@pytest.mark.parametrize("message", [message for _, message in MESSAGES])
def test_a_field_is_known_by_both_spellings(message: Message) -> None:
    assert len(message) == sum(
        2 if "_" in api_schema._snake_case(name) else 1 for name in {f.name for f in message.values()}
    )
    for field in message.values():
        assert message[field.name] == field


@pytest.mark.parametrize(
    ("key", "message", "near"),
    [
        ("FileUri", api_schema.FILE_DATA, "fileUri"),
        ("fileURI", api_schema.FILE_DATA, "fileUri"),
        ("FILE__URI", api_schema.FILE_DATA, "fileUri"),
        ("mimetype", api_schema.FILE_DATA, "mimeType"),
        ("mimetype", api_schema.PART, None),
        ("Contents", api_schema.EXAMPLE, "contents"),
        ("content", api_schema.EXAMPLE, None),
        ("", api_schema.EXAMPLE, None),
    ],
)
def test_names_that_are_meant(key: str, message: Message, near: str | None) -> None:
    assert api_schema.near_name(key, message) == near


@pytest.mark.parametrize("name", types.Part.model_fields)
def test_no_field_of_a_part_is_called_unknown_by_the_parser(name: str) -> None:
    parsed = parse_line(encoded(example({"text": "hi", name: {}})))
    assert Reason.FIELD_UNKNOWN not in [finding.reason for finding in parsed.findings]
