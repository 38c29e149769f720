"""The documents are what the sections say."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from beam_tuning.report.document import SECTIONS, Document
from beam_tuning.report.published import fields_markdown, page_markdown, schema_json

DOCS = Path(__file__).parents[2] / "docs"


def test_the_schema_is_up_to_date() -> None:
    """To mend it: python -c 'from beam_tuning.report.published import *; print(schema_json(), end="")' > FILE"""
    assert (DOCS / "report.schema.json").read_text("utf-8") == schema_json()


def test_the_description_is_up_to_date() -> None:
    """To mend it, put what the two functions give between their marks."""
    text = (DOCS / "report.md").read_text("utf-8")
    for mark, made in (("page", page_markdown()), ("fields", fields_markdown())):
        (part,) = re.findall(f"<!-- {mark} -->\n(.*?)\n<!-- /{mark} -->", text, re.DOTALL)
        assert part == made


def test_every_field_of_the_document_belongs_to_one_section() -> None:
    fields = [field.name for section in SECTIONS for field in section.fields]
    assert len(fields) == len(set(fields))
    assert {"schema_version", "tool", "model", *fields} == set(Document.__struct_fields__)


def test_every_section_has_a_module_and_a_template_of_its_own() -> None:
    package = resources.files("beam_tuning.report.sections")
    names = {section.template.removesuffix(".html") for section in SECTIONS}
    assert len(names) == len(SECTIONS)
    assert names == {one.name.removesuffix(".html") for one in package.iterdir() if one.name.endswith(".html")}
    assert all(package.joinpath(f"{name}.py").is_file() for name in names)


def test_every_picture_in_the_description_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\((images/[^)]+)\)", (DOCS / "report.md").read_text("utf-8"))
    assert pictures
    assert all((DOCS / picture).is_file() for picture in pictures)
