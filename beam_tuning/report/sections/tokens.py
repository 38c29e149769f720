"""How many tokens the kept examples have, and what training on them costs."""

from __future__ import annotations

import datetime

from beam_tuning.dataset.tokens import tokens_sources
from beam_tuning.reasons import Verdict
from beam_tuning.report.run import RunSettings
from beam_tuning.report.sections.section import Field, RunFacts, Section
from beam_tuning.report.shapes import Count, Part, Positive, capped
from beam_tuning.summary.profile_counts import ProfileCounts


class Tokens(Part, frozen=True, kw_only=True):
    """Of kept examples, as a range, for public sources disagree."""

    low: Count
    high: Count
    unknown_examples: Count


class Price(Part, frozen=True, kw_only=True):
    """US dollars; null where the price of the model is not known."""

    epochs: Positive
    usd_per_million_tokens: float | None
    source: str
    read_on: datetime.date | None
    note: str
    usd_low: float | None
    usd_high: float | None


class Formula(Part, frozen=True, kw_only=True):
    """How tokens are estimated."""

    subject: str
    formula: str
    source: str


class TokenTotals(Part, frozen=True, kw_only=True):
    """Of each split and of all."""

    splits: dict[str, Tokens]
    tokens: Tokens
    price: Price
    formulas: list[Formula]


def tokens_of(counts: ProfileCounts) -> Tokens:
    """The tokens of kept examples."""
    return Tokens(
        low=capped(counts.tokens_low), high=capped(counts.tokens_high), unknown_examples=counts.tokens_unknown
    )


def price_of(tokens: Tokens, settings: RunSettings, model: str) -> Price:
    """What training a model on so many tokens costs."""
    price = settings.limits.model(model).price
    rate, source, read_on, note = price.value, price.source, price.read, price.note
    if model == settings.model and settings.price_per_million_tokens is not None:
        rate, source, read_on = settings.price_per_million_tokens, "--price_per_million_tokens", None
        note = ""

    def usd(count: int) -> float | None:
        return None if rate is None else round(count * settings.epochs * rate / 1e6, 2)

    return Price(
        epochs=settings.epochs,
        usd_per_million_tokens=rate,
        source=source,
        read_on=read_on,
        note=note,
        usd_low=usd(tokens.low),
        usd_high=usd(tokens.high),
    )


def _tokens(facts: RunFacts) -> TokenTotals:
    splits = {}
    total = ProfileCounts()
    for name, split in facts.splits.items():
        kept = split.by_verdict[Verdict.KEPT]
        counts = ProfileCounts(
            kept=kept.examples,
            tokens_low=kept.tokens_low_sum,
            tokens_high=kept.tokens_high.total,
            tokens_unknown=kept.tokens_unknown,
        )
        splits[name] = tokens_of(counts)
        total.merge(counts)
    tokens = tokens_of(total)
    return TokenTotals(
        splits=splits,
        tokens=tokens,
        price=price_of(tokens, facts.settings, facts.settings.model),
        formulas=[Formula(**one._asdict()) for one in tokens_sources()],
    )


SECTION: Section = Section(
    name="tokens",
    title="Tokens",
    fields=(Field("tokens", _tokens, "estimates as ranges, price, formulas with their sources"),),
    template="tokens.html",
)
