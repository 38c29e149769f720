"""The dataset files that were read, and the files that the run wrote."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Part


class ReadFile(Part, frozen=True, kw_only=True):
    """A dataset file."""

    split: str
    path: str
    size_bytes: Count


class WrittenFile(Part, frozen=True, kw_only=True):
    """A file of the output folder; the path is relative to it."""

    path: str
    size_bytes: Annotated[Count | None, Meta(description="null where it was not told.")]
    lines: Count | None


def _inputs(facts: RunFacts) -> list[ReadFile]:
    return [ReadFile(split=one.split, path=one.path, size_bytes=one.size_bytes) for one in facts.settings.inputs]


def _outputs(facts: RunFacts) -> list[WrittenFile]:
    return [WrittenFile(path=one.path, size_bytes=one.size_bytes, lines=one.lines) for one in facts.outputs]


SECTION: Section = Section(
    name="files",
    title="Files",
    fields=(
        Field("inputs", _inputs, "the dataset files"),
        Field("output", lambda facts: facts.settings.output, "the output folder"),
        Field("outputs", _outputs, "files of the output folder that were final when the report was written"),
    ),
    template="files.html",
)
