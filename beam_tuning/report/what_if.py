"""What would become of the dataset with another model or media resolution, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beam_tuning.dataset.proto_json import ABSENT
from beam_tuning.policy.profiles import Profile, what_if_profiles
from beam_tuning.policy.readiness import drop_share, resolution_counts
from beam_tuning.reasons import Verdict
from beam_tuning.report.run import RunSettings
from beam_tuning.summary.summary import ProfileCounts, SplitSummary


def what_if(splits: Mapping[str, SplitSummary], settings: RunSettings) -> list[dict[str, Any]]:
    """A row for each model and media resolution: verdicts and drop share for each split, tokens and price of all.

    Every line is taken to have the row's resolution; all findings that do not depend on model and resolution stay.
    """
    rows = []
    for profile in what_if_profiles(settings.limits, settings.model):
        counts = {name: _under(split, profile) for name, split in splits.items()}
        total = _total(counts)
        outcome = {
            "splits": {name: _verdicts(one, settings) for name, one in counts.items()},
            "kept": total.kept,
            "dropped": total.dropped,
            "undecided": total.undecided,
            "over": dict(sorted(total.over.items())),
        }
        rows += [
            {
                "model": model,
                "media_resolution": profile.media_resolution,
                **outcome,
                **_tokens_and_price(total, settings, model),
            }
            for model in profile.models
        ]
    return rows


def resolution_plan(splits: Mapping[str, SplitSummary], settings: RunSettings) -> list[dict[str, Any]]:
    """For each media resolution that the run's model takes: what setting it on every line would change.

    `fewest_changes` marks the row with the fewest lines to change, `keeps_most` the one that keeps the most examples;
    between equals the row that is better in the other respect.
    """
    given = resolution_counts(splits.values(), tuple(Verdict), settings.resolution_scope)
    rows: list[dict[str, Any]] = []
    for profile in what_if_profiles(settings.limits, settings.model):
        if settings.model not in profile.models:
            continue
        total = _total({name: _under(split, profile) for name, split in splits.items()})
        rows.append(
            {
                "media_resolution": profile.media_resolution,
                "lines_to_change": given.total - given.counts.get(profile.media_resolution or ABSENT, 0),
                "kept": total.kept,
                "dropped": total.dropped,
                "undecided": total.undecided,
                "over": dict(sorted(total.over.items())),
                "fewest_changes": False,
                "keeps_most": False,
            }
        )
    if rows:
        min(rows, key=lambda row: (row["lines_to_change"], -row["kept"]))["fewest_changes"] = True
        min(rows, key=lambda row: (-row["kept"], row["lines_to_change"]))["keeps_most"] = True
    return rows


def token_totals(splits: Mapping[str, SplitSummary], settings: RunSettings) -> dict[str, Any]:
    """Tokens of the kept examples of each split and of all, and the price of all."""
    counts = {}
    for name, split in splits.items():
        kept = split.by_verdict[Verdict.KEPT]
        counts[name] = ProfileCounts(
            kept=kept.examples,
            tokens_low=kept.tokens_low_sum,
            tokens_high=kept.tokens_high.total,
            tokens_unknown=kept.tokens_unknown,
        )
    return {
        "splits": {name: _tokens(one) for name, one in counts.items()},
        **_tokens_and_price(_total(counts), settings, settings.model),
    }


def _under(split: SplitSummary, profile: Profile) -> ProfileCounts:
    counts = ProfileCounts()
    counts.merge(split.same_for_all)
    counts.merge(split.what_if.get(profile.key, ProfileCounts()))
    return counts


def _total(counts: Mapping[str, ProfileCounts]) -> ProfileCounts:
    total = ProfileCounts()
    for one in counts.values():
        total.merge(one)
    return total


def _verdicts(counts: ProfileCounts, settings: RunSettings) -> dict[str, Any]:
    read = counts.kept + counts.dropped + counts.undecided
    limits = settings.limits.model(settings.model).dataset_limits()
    share = drop_share(read, counts.dropped, counts.undecided, limits)
    return {
        "kept": counts.kept,
        "dropped": counts.dropped,
        "undecided": counts.undecided,
        "drop_share": {"low": share.low, "high": share.high, "state": share.state.value if share.state else None},
    }


def _tokens(counts: ProfileCounts) -> dict[str, int]:
    return {"low": counts.tokens_low, "high": counts.tokens_high, "unknown_examples": counts.tokens_unknown}


def _tokens_and_price(counts: ProfileCounts, settings: RunSettings, model: str) -> dict[str, Any]:
    price = settings.limits.model(model).price
    rate, source, read_on, note = price.value, price.source, price.read, price.note
    if model == settings.model and settings.price_per_million_tokens is not None:
        rate, source, read_on = settings.price_per_million_tokens, "--price_per_million_tokens", None
        note = ""

    def usd(tokens: int) -> float | None:
        return None if rate is None else round(tokens * settings.epochs * rate / 1e6, 2)

    return {
        "tokens": _tokens(counts),
        "price": {
            "epochs": settings.epochs,
            "usd_per_million_tokens": rate,
            "source": source,
            "read_on": read_on.isoformat() if read_on else None,
            "note": note,
            "usd_low": usd(counts.tokens_low),
            "usd_high": usd(counts.tokens_high),
        },
    }
