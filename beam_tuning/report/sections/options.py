"""What was asked for, as it would be typed."""

from __future__ import annotations

from typing import Any

from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Whole

OptionValue = bool | Whole | float | str | list[str] | None


def _options(facts: RunFacts) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.settings.options.items()}


SECTION = Section(
    name="options",
    title="Options",
    fields=(Field("options", _options, "every option of the command line"),),
    template="options.html",
)
