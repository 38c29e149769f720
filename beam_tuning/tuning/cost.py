"""What the training is likely to cost, by the report's estimate of tokens."""

from __future__ import annotations

import msgspec

from beam_tuning.report.document import Document

#: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning#pricing
_RULE = "Training tokens are the tokens of the dataset times the epochs."
_UNSET = "The service chooses the number of epochs, so the price is for one."
_VALIDATION = "Whether validation examples are billed is not documented; they are counted here."


class Cost(msgspec.Struct, frozen=True):
    """An estimate.

    Attributes:
      tokens_low, tokens_high: of all kept examples, for one epoch.
      epochs: that the price is for.
      usd_low, usd_high: None when the price of a token is not known.
      source: of the price of a token, with the day it was read.
      notes: what the numbers leave open.
    """

    tokens_low: int
    tokens_high: int
    epochs: int
    usd_per_million_tokens: float | None
    usd_low: float | None
    usd_high: float | None
    source: str
    notes: tuple[str, ...]


def estimate(report: Document, epochs: int | None) -> Cost:
    """The cost of a job over the kept examples.

    Args:
      epochs: None when the service chooses.
    """
    tokens, price = report.tokens.tokens, report.tokens.price
    times = epochs or 1
    rate = price.usd_per_million_tokens
    low, high = (None if rate is None else round(n * times * rate / 1e6, 2) for n in (tokens.low, tokens.high))
    notes = [_RULE]
    if epochs is None:
        notes.append(_UNSET)
    validation = report.tokens.splits.get("validation")
    if validation is not None and validation.high:
        notes.append(_VALIDATION)
    if tokens.unknown_examples:
        notes.append(f"{tokens.unknown_examples:,} examples have no estimate and are not in it.")
    if price.note:
        notes.append(price.note)
    source = f"{price.source} (read {price.read_on})" if price.read_on else price.source
    return Cost(tokens.low, tokens.high, times, rate, low, high, source, tuple(notes))
