"""The fields of the API's messages that a tuning line is made of.

Sources: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/prepare-data and
the pages on audio, video, image and document tuning for the documented fields; for all others the public protocol
buffers of aiplatform v1 and v1beta1 (GenerateContentRequest, Content, Part, GenerationConfig ...) and the types of
google-genai up to 3.6.1 (https://github.com/googleapis/python-genai/blob/main/google/genai/types.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

#: Who speaks in a content.
USER, MODEL = "user", "model"
#: Values of `generationConfig.mediaResolution`, from few tokens to many.
MEDIA_RESOLUTIONS = LOW, MEDIUM, HIGH = ("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH")
#: Values of a part's own `mediaResolution.level`.
ULTRA_HIGH = "MEDIA_RESOLUTION_ULTRA_HIGH"
PART_MEDIA_RESOLUTIONS = (*MEDIA_RESOLUTIONS, ULTRA_HIGH)
#: How an absent media resolution is named in counts and tables.
ABSENT = "absent"
MEDIA_RESOLUTION_UNSPECIFIED = "MEDIA_RESOLUTION_UNSPECIFIED"


class Field(NamedTuple):
    """One field of a message.

    Attributes:
      name: in camelCase.
      documented: whether a page on tuning data mentions it.
    """

    name: str
    documented: bool


#: A message: its fields by both of their spellings.
Message = Mapping[str, Field]


def _message(documented: str, known: str = "") -> Message:
    fields = [Field(name, True) for name in documented.split()] + [Field(name, False) for name in known.split()]
    return {spelling: field for field in fields for spelling in spellings(field.name)}


def spellings(name: str) -> tuple[str, str]:
    """Both spellings of a field that the API takes, lowerCamelCase first (https://protobuf.dev/programming-guides/json/)."""
    return name, _snake_case(name)


def _snake_case(name: str) -> str:
    return re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name)


EXAMPLE = _message(
    "contents systemInstruction tools generationConfig",
    "model cachedContent toolConfig labels safetySettings modelArmorConfig",
)
CONTENT = _message("role parts")
PART = _message(
    "text fileData functionCall functionResponse videoMetadata mediaResolution inlineData",
    "audioMetadata audioTranscription codeExecutionResult documentMetadata executableCode mediaProcessing partMetadata "
    "speechMetadata spreadsheetMetadata thought thoughtSignature toolCall toolResponse",
)
#: Of these a part holds exactly one.
PAYLOADS = frozenset(
    (
        *("text", "fileData", "inlineData", "functionCall", "functionResponse", "executableCode"),
        *("codeExecutionResult", "toolCall", "toolResponse"),
    )
)
FILE_DATA = _message("fileUri mimeType", "displayName")
# fps has a reason of its own for not being documented.
VIDEO_METADATA = _message("startOffset endOffset fps", "contentLayers")
PART_MEDIA_RESOLUTION = _message("level", "numTokens")
FUNCTION_CALL = _message("name args", "id partialArgs willContinue")
FUNCTION_RESPONSE = _message("name response", "id parts scheduling willContinue")
GENERATION_CONFIG = _message(
    "mediaResolution",
    "audioTimestamp audioTranscriptionConfig candidateCount enableAffectiveDialog enableEnhancedCivicAnswers "
    "frequencyPenalty imageConfig logprobs maxOutputTokens modelConfig modelSelectionConfig presencePenalty "
    "responseFormat responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema "
    "routingConfig seed speechConfig stopSequences temperature thinkingConfig topK topP translationConfig",
)

_BY_LETTERS = {
    field.name.lower(): field.name
    for message in (EXAMPLE, CONTENT, PART, FILE_DATA, VIDEO_METADATA, PART_MEDIA_RESOLUTION, GENERATION_CONFIG)
    for field in message.values()
}


def near_name(key: str, message: Message) -> str | None:
    """The field of the message that the key means, when only its letter case and underscores are wrong."""
    name = _BY_LETTERS.get(key.replace("_", "").lower())
    return name if name in message else None
