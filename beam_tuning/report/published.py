"""What the documents say of the report, made from its sections: the schema, and two parts of docs/report.md."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from beam_tuning.report.document import SCHEMA_VERSION, SECTIONS, Document


def schema_json() -> str:
    """docs/report.schema.json: the JSON Schema of `report.json`, with a newline at its end."""
    made = msgspec.json.schema(Document)
    properties = made["$defs"]["Document"]["properties"]
    for section in SECTIONS:
        for field in section.fields:
            properties[field.name]["description"] = f"{field.about[0].upper()}{field.about[1:]}."
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"report.json of beam_tuning, schema version {SCHEMA_VERSION}",
        "description": "Everything that one run of `beam-tuning validate` found out. Two runs over the same input "
        "differ in `run` only. docs/report.md describes it in words.",
        **made,
    }
    return json.dumps(_ordered(schema), indent=2, ensure_ascii=False) + "\n"


def _ordered(schema: Any) -> Any:
    """Python gives the parts of a union in the order in which one of the same parts was made first in the process."""
    if isinstance(schema, list):
        return [_ordered(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _ordered(value) for key, value in schema.items()}
    if "anyOf" in made:
        made["anyOf"] = sorted(made["anyOf"], key=lambda one: json.dumps(one, sort_keys=True))
    return made


def fields_markdown() -> str:
    """The table of the document's fields, in the order of the sections."""
    head = (
        "| field | what |",
        "| --- | --- |",
        "| `schema_version`, `tool`, `model` | what made it, and the model |",
    )
    return "\n".join((*head, *(f"| `{field.name}` | {field.about} |" for one in SECTIONS for field in one.fields)))


def page_markdown() -> str:
    """What the page shows, section by section."""
    parts = [f"### {section.title}\n\n{section.docs.strip()}" for section in SECTIONS if section.docs]
    return "\n\n".join(parts)
