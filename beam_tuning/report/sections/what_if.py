"""What would become of the dataset with another model or media resolution, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from msgspec import Meta

from beam_tuning.policy.profiles import Profile, what_if_profiles
from beam_tuning.policy.readiness import DatasetLimits, State, drop_share
from beam_tuning.reasons import Reason
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.sections.tokens import Price, Tokens, price_of, tokens_of
from beam_tuning.report.sections.verdict import AnswerFinding
from beam_tuning.report.shapes import Count, CountsByCode, DropShare, Part
from beam_tuning.report.wording import share as share_words
from beam_tuning.report.wording import share_range
from beam_tuning.summary.profile_counts import ProfileCounts
from beam_tuning.summary.summary import SplitSummary

if TYPE_CHECKING:
    from beam_tuning.report.document import Document


class WhatIfSplit(Part, frozen=True, kw_only=True):
    """One split under the row's model and media resolution."""

    kept: Count
    dropped: Count
    undecided: Count
    drop_share: DropShare


class WhatIfRow(Part, frozen=True, kw_only=True):
    """All lines with one media resolution, under one model."""

    model: str
    media_resolution: str | None
    splits: dict[str, WhatIfSplit]
    kept: Count
    dropped: Count
    undecided: Count
    over: Annotated[CountsByCode, Meta(description="Examples by the limit that they are over.")]
    tokens: Tokens
    price: Price


def under(split: SplitSummary, profile: Profile) -> ProfileCounts:
    """The examples of a split under a profile."""
    counts = ProfileCounts()
    counts.merge(split.same_for_all)
    counts.merge(split.by_frame.under(profile.frame_tokens))
    counts.merge(split.what_if.get(profile.key, ProfileCounts()))
    return counts


def total_of(counts: Iterable[ProfileCounts]) -> ProfileCounts:
    """All splits together."""
    total = ProfileCounts()
    for one in counts:
        total.merge(one)
    return total


def _what_if(facts: RunFacts) -> list[WhatIfRow]:
    """Every line is taken to have the row's resolution; findings that depend on neither model nor resolution stay."""
    settings = facts.settings
    limits = facts.model.dataset_limits()
    rows = []
    for profile in what_if_profiles(settings.limits, settings.model):
        counts = {name: under(split, profile) for name, split in facts.splits.items()}
        total = total_of(counts.values())
        splits = {name: _split(one, limits) for name, one in counts.items()}
        tokens = tokens_of(total)
        rows += [
            WhatIfRow(
                model=model,
                media_resolution=profile.media_resolution,
                splits=splits,
                kept=total.kept,
                dropped=total.dropped,
                undecided=total.undecided,
                over=dict(sorted(total.over.items())),
                tokens=tokens,
                price=price_of(tokens, settings, model),
            )
            for model in profile.models
        ]
    return rows


def _split(counts: ProfileCounts, limits: DatasetLimits) -> WhatIfSplit:
    read = counts.kept + counts.dropped + counts.undecided + counts.sampled_out
    share = drop_share(read, counts.dropped, counts.undecided, limits)
    return WhatIfSplit(
        kept=counts.kept,
        dropped=counts.dropped,
        undecided=counts.undecided,
        drop_share=DropShare(low=share.low, high=share.high, state=share.state),
    )


class CellAnswer(NamedTuple):
    """What the service would do under the cell's model and media resolution; `why` is empty for ready."""

    state: State
    why: str


class Cell(NamedTuple):
    """A cell of the page's table.

    Attributes:
      low, high: drop share of the split that loses the most; None without examples.
      split: its name.
    """

    row: WhatIfRow
    low: float | None
    high: float | None
    split: str
    as_given: CellAnswer
    cleaned: CellAnswer


#: Findings on the dataset that every row makes anew.
_MADE_ANEW = frozenset({Reason.DROP_SHARE_TOO_HIGH.code, Reason.MEDIA_RESOLUTION_MIXED.code, Reason.DATASET_EMPTY.code})


def cells_of(document: Document, model: str) -> list[Cell]:
    """The cells of one model, one for each media resolution."""
    return [_cell(document, row) for row in document.what_if if row.model == model]


def _cell(document: Document, row: WhatIfRow) -> Cell:
    filled = {name: split for name, split in row.splits.items() if split.drop_share.high is not None}
    worst = max(
        filled, key=lambda name: (filled[name].drop_share.high or 0, filled[name].drop_share.low or 0), default=""
    )
    share = filled[worst].drop_share if worst else DropShare(low=None, high=None, state=None)
    return Cell(row, share.low, share.high, worst, _as_given(document, row), _cleaned(document, row))


def _as_given(document: Document, row: WhatIfRow) -> CellAnswer:
    states, whys = [], []
    for name, split in row.splits.items():
        share = split.drop_share
        if share.state is None:
            states.append(State.NOT_READY)
            whys.append(f"{name} is empty")
        elif share.state is not State.READY:
            states.append(share.state)
            whys.append(f"{share_range(share.low, share.high)} of {name} dropped")
    others = _that_stay(document, row, document.readiness.as_given.findings)
    if others:
        states += [_state(finding) for finding in others]
        faults = len({finding.code for finding in others})
        beside = "other " if whys else ""
        whys.append(f"{faults} {beside}fault{'s' if faults != 1 else ''} of the dataset, see Verdict")
    return _answer(states, whys)


def _cleaned(document: Document, row: WhatIfRow) -> CellAnswer:
    states, whys = [], []
    for name, split in row.splits.items():
        # What a sample left out counts among what was read.
        given = document.splits.get(name)
        read = split.kept + split.dropped + split.undecided + (0 if given is None else given.sampled_out)
        limit = document.splits[name].drop_share.limit if name in document.splits else 0
        if not split.kept:
            states.append(State.UNCERTAIN if split.undecided else State.NOT_READY)
            whys.append(f"no example of {name} is kept")
        elif split.undecided and split.undecided >= limit * read:
            states.append(State.UNCERTAIN)
            whys.append(f"{share_words(split.undecided / read)} of {name} undecided")
    of_reasons = {reason.code for reason in document.reasons}
    for finding in _that_stay(document, row, document.readiness.cleaned.findings):
        if finding.code not in of_reasons:  # those are the undecided ones, counted above
            states.append(_state(finding))
            whys.append(finding.title[:1].lower() + finding.title[1:])
    return _answer(states, whys)


def _that_stay(document: Document, row: WhatIfRow, findings: Iterable[AnswerFinding]) -> list[AnswerFinding]:
    """Findings that do not depend on the media resolution; those on the run's model are of its own row only."""
    return [
        finding
        for finding in findings
        if finding.code not in _MADE_ANEW and (row.model == document.model or not finding.code.startswith("MODEL_"))
    ]


def _state(finding: AnswerFinding) -> State:
    # The row sets a media resolution that an example gives wrongly, but not that of a part.
    sure = finding.certain and finding.code != Reason.MEDIA_RESOLUTION_INVALID.code
    return State.NOT_READY if sure else State.UNCERTAIN


def _answer(states: Iterable[State], whys: Iterable[str]) -> CellAnswer:
    found = set(states)
    worst = next((state for state in (State.NOT_READY, State.UNCERTAIN) if state in found), State.READY)
    return CellAnswer(worst, ", ".join(dict.fromkeys(whys)))


def _context(document: Document) -> Mapping[str, Any]:
    others = dict.fromkeys(row.model for row in document.what_if if row.model != document.model)
    return {
        "own": cells_of(document, document.model),
        "others": {model: cells_of(document, model) for model in others},
        "levels": list(dict.fromkeys(row.media_resolution for row in document.what_if)),
    }


SECTION: Section = Section(
    name="what-if",
    title="What if",
    fields=(Field("what_if", _what_if, "a row for each model and media resolution"),),
    template="what_if.html",
    context=_context,
    docs="""\
*What if* takes every line to have the column's media resolution, keeps all findings that do not depend on model and
resolution, and judges the others anew, in the same pass over the data. Each cell says whether the dataset would be
ready, cleaned and as given, and if not, why. Tokens and price are those of the examples that would be kept. The run's
model comes first; the others are folded.

![What if](images/report-what-if.png)
""",
)
