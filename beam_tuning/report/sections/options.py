"""What was asked for, as it would be typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from beam_tuning.report.command_lines import typed, validate_command
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Whole

if TYPE_CHECKING:
    from beam_tuning.report.document import Document

RecordedValue = bool | Whole | float | str | list[str] | None


def _options(facts: RunFacts) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.settings.options.items()}


def _context(document: Document) -> Mapping[str, Any]:
    return {
        "command_line": validate_command(document.options, document.options_given),
        "defaults": [
            typed(name, value) if value not in (None, False, "", []) else f"no --{name}"
            for name, value in document.options.items()
            if name not in document.options_given
        ],
    }


SECTION: Section = Section(
    name="options",
    title="Options",
    fields=(
        Field("options", _options, "every option of the command line"),
        Field(
            "options_given",
            lambda facts: list(facts.settings.options_given),
            "names of the options that have another value than their default",
        ),
    ),
    template="options.html",
    context=_context,
)
