"""Writes metadata/NAME.json, the form of the Flex Template, for each command that has one.

    python templates/make_metadata.py

The fields are those of TemplateMetadata:
https://docs.cloud.google.com/dataflow/docs/reference/rest/v1b3/TemplateMetadata
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beam_tuning.commands import COMMANDS, TEMPLATE_DEFAULT, load
from beam_tuning.options import Command, Kind, Option, Template

FOLDER = Path(__file__).parent / "metadata"


def metadata() -> dict[str, dict[str, Any]]:
    """The form of each template by the command's name."""
    commands = [load(name) for name in COMMANDS]
    return {command.name: _form(command, command.template) for command in commands if command.template}


def _form(command: Command, template: Template) -> dict[str, Any]:
    parameters = [_parameter(option) for option in command.options if option.in_template]
    if command.name != TEMPLATE_DEFAULT:
        parameters.insert(0, _command_parameter(command))
    return {
        "name": template.title,
        "description": template.description,
        "streaming": False,
        "parameters": parameters,
    }


def _command_parameter(command: Command) -> dict[str, Any]:
    """What tells launch.py which command to run; all templates share one image."""
    return {
        "name": "command",
        "label": "Command",
        "helpText": f"What this template does: {command.summary}.",
        "isOptional": False,
        "paramType": Kind.CHOICE.value,
        "regexes": [f"^{command.name}$"],
        "enumOptions": [{"value": command.name, "label": command.name}],
        "defaultValue": command.name,
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
    for name, form in metadata().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(form, indent=2) + "\n")
