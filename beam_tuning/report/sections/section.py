"""What a section of the report is made of.

A section is one module: what it takes from the run (`Field.make`), the type of its part of `report.json`, what the page
shows of it, and what docs/report.md says of it. Its template, where it has one, stands beside it. It is on the list in
`beam_tuning.report.document`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from beam_tuning.curation.selection import Chosen
from beam_tuning.policy.limits import ModelLimits
from beam_tuning.policy.readiness import Readiness
from beam_tuning.report.run import OutputFile, RunSettings, RunTimes
from beam_tuning.summary.media_summary import MediaSummary
from beam_tuning.summary.summary import SplitSummary

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class RunFacts(NamedTuple):
    """All that a section may take.

    Attributes:
      model: limits of the run's model.
      splits: what was counted of each split that was named or read.
      outputs: files of the output folder, in the order in which they are listed.
      chosen: which of the kept examples were taken, where that was to be chosen.
    """

    settings: RunSettings
    model: ModelLimits
    splits: Mapping[str, SplitSummary]
    readiness: Readiness
    media: MediaSummary
    times: RunTimes
    outputs: tuple[OutputFile, ...]
    chosen: Chosen | None = None


class Field(NamedTuple):
    """A field of the document.

    Attributes:
      about: what it holds, for docs/report.md and the published schema.
    """

    name: str
    make: Callable[[RunFacts], Any]
    about: str


def _nothing(document: Document) -> Mapping[str, Any]:
    return {}


class Section(NamedTuple):
    """One section.

    Attributes:
      title: in the page's navigation; the section's element has the name as its id.
      fields: what it adds to the document; none where it shows what other sections hold.
      template: of the page, in this package.
      context: what the template needs beside the document.
      docs: what docs/report.md says of the page's part, in Markdown.
    """

    name: str
    title: str
    template: str
    fields: tuple[Field, ...] = ()
    context: Callable[[Document], Mapping[str, Any]] = _nothing
    docs: str = ""
