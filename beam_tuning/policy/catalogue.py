"""The page of reasons, docs/reasons.md, made from the catalogue."""

from __future__ import annotations

from itertools import groupby

from beam_tuning.reasons import Outcome, Reason, Scope

_SCOPES = {
    Scope.LINE: "Lines",
    Scope.PART: "Media parts: what the example says",
    Scope.MEDIA: "Media: what probing found, and limits",
    Scope.REPAIR: "What repair did",
    Scope.COMPARISON: "Examples beside each other",
    Scope.FILE: "Dataset files",
    Scope.DATASET: "The dataset as a whole",
}


def reasons_markdown() -> str:
    """The whole page, with a newline at its end."""
    lines = [
        "# Reasons",
        "",
        "Every reason why an example is dropped or undecided, and every piece of advice. Generated from the",
        "catalogue in `beam_tuning/reasons.py`; codes are stable and safe to script against.",
        "",
        "What an outcome means:",
        "",
        *(f"- `{outcome.value}`: {outcome.meaning}" for outcome in Outcome),
        "",
        "Reasons marked *tolerable* depend on something that is not documented or could not be found out:",
        "`--tolerate CODE` keeps examples that have no other reason. A reason of the dataset as a whole then no longer",
        "counts in the exit code.",
        "",
    ]
    ordered = sorted(Reason, key=lambda reason: list(Scope).index(reason.scope))
    for scope, reasons in groupby(ordered, key=lambda reason: reason.scope):
        lines += [f"## {_SCOPES[scope]}", ""]
        for reason in reasons:
            lines += _entry(reason)
    return "\n".join(lines).rstrip("\n") + "\n"


def _entry(reason: Reason) -> list[str]:
    source = "beam_tuning's own caution" if reason.source == "beam_tuning" else f"<{reason.source}>"
    tolerable = ", *tolerable*" if reason.tolerable else ""
    return [
        f"### {reason.code}",
        "",
        f"**{reason.title}** (`{reason.outcome.value}`{tolerable}, since {reason.since})",
        "",
        f"{reason.message}",
        "",
        f"*Remedy*: {reason.remedy}",
        "",
        f"*Source*: {source}",
        "",
    ]
