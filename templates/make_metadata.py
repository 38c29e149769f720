"""Writes metadata.json, the form of the Flex Template, from the options table.

    python templates/make_metadata.py > templates/metadata.json

The fields are those of TemplateMetadata:
https://docs.cloud.google.com/dataflow/docs/reference/rest/v1b3/TemplateMetadata
"""

from __future__ import annotations

import json
import sys
from typing import Any

from beam_tuning.options import OPTIONS, Kind, Option


def metadata() -> dict[str, Any]:
    return {
        "name": "Check a Gemini audio or video tuning dataset",
        "description": (
            "Probes every audio and video file that a supervised-tuning dataset points at, says of each example "
            "whether the tuning service will take it and why not, and writes clean JSON Lines, a report and tables."
        ),
        "streaming": False,
        "parameters": [_parameter(option) for option in OPTIONS if option.in_template],
    }


def _parameter(option: Option) -> dict[str, Any]:
    parameter: dict[str, Any] = {
        "name": option.name,
        "label": option.label,
        "helpText": option.help,
        "groupName": option.group,
        "isOptional": not option.required,
        "paramType": option.kind.value,
    }
    if option.pattern:
        parameter["regexes"] = [option.pattern]
    if option.choices:
        parameter["enumOptions"] = [{"value": choice, "label": choice} for choice in option.choices]
    if option.default is not None:
        is_flag = option.kind is Kind.FLAG
        parameter["defaultValue"] = str(option.default).lower() if is_flag else str(option.default)
    return parameter


if __name__ == "__main__":
    json.dump(metadata(), sys.stdout, indent=2)
    print()
