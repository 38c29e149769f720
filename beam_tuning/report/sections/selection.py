"""Which of the kept examples were taken: the sample, and the validation set that was made out of the training set."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from beam_tuning.curation.selection import Stratify
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Part


class StratumRow(Part, frozen=True, kw_only=True):
    """What was taken of one part of the dataset."""

    split: Annotated[str, Meta(description="That the examples were read from.")]
    name: Annotated[str | None, Meta(description="null for the rest of very many.")]
    kept: Annotated[Count, Meta(description="Examples that the rules keep.")]
    taken: Annotated[Count, Meta(description="Of these, the ones that stay in the split.")]
    moved: Annotated[Count, Meta(description="Of these, the ones that became validation examples.")]
    sampled_out: Count

    def __post_init__(self) -> None:
        if self.kept != self.taken + self.moved + self.sampled_out:
            raise ValueError("kept is not taken + moved + sampled out")


class Selection(Part, frozen=True, kw_only=True):
    """What was chosen, and by what."""

    max_examples: Annotated[int | str | None, Meta(description="A number, `fit`, or null: all were taken.")]
    validation_split: float | None
    seed: Count
    stratify_by: Stratify
    strata: list[StratumRow]
    limited_by: Annotated[str, Meta(description="The limit that `fit` came up against; empty where all fits.")]
    held_together: Annotated[
        Count,
        Meta(description="Examples that were passed over because more of them share media than were left to move."),
    ]


def _selection(facts: RunFacts) -> Selection | None:
    chosen, asked = facts.chosen, facts.settings.selection
    if chosen is None:
        return None
    return Selection(
        max_examples="fit" if asked.fits else asked.max_examples,
        validation_split=asked.validation_split,
        seed=asked.seed,
        stratify_by=asked.stratify_by,
        strata=[
            StratumRow(
                split=one.split,
                name=one.name,
                kept=one.kept,
                taken=one.taken,
                moved=one.moved,
                sampled_out=one.kept - one.taken - one.moved,
            )
            for one in chosen.strata
        ],
        limited_by=chosen.limited_by,
        held_together=chosen.held_together,
    )


def _context(document: Any) -> dict[str, Any]:
    selection = document.selection
    if selection is None:
        return {}
    return {
        "totals": {
            name: sum(getattr(one, name) for one in selection.strata) for name in ("taken", "moved", "sampled_out")
        }
    }


SECTION = Section(
    name="selection",
    title="Selection",
    fields=(
        Field(
            "selection",
            _selection,
            "which of the kept examples were taken, by stratum, and what limited them; null where all were",
        ),
    ),
    template="selection.html",
    context=_context,
    docs="""\
*Selection* is there when a sample or a validation set was asked for (`--max_examples`, `--validation_split`). What a
sample leaves out is neither dropped nor lost: it stands in `sampled-out-*.jsonl` and in the verdict tables.
""",
)
