"""The top of the report for a notebook: the verdict, counts, the weightiest reasons, and what to type next.

A few kilobytes without a script, whatever the dataset; everything that comes from it is escaped.
"""

from __future__ import annotations

from beam_tuning.reasons import Outcome
from beam_tuning.report.document import Document
from beam_tuning.report.html import page_environment
from beam_tuning.report.sections.next_steps import next_steps

_MOST_FINDINGS = 3
_MOST_REASONS = 6


def render_inline(document: Document) -> str:
    """A piece of HTML to stand in a page of somebody else's."""
    readiness = document.readiness
    answers = {"As given": readiness.as_given, "Cleaned": readiness.cleaned}
    deciding = [row for row in document.reasons if row.outcome is not Outcome.ADVICE]
    return (
        page_environment()
        .get_template("inline.html")
        .render(
            document=document,
            answers={name: (answer.state, answer.findings[:_MOST_FINDINGS]) for name, answer in answers.items()},
            reasons=sorted(deciding, key=lambda row: -row.examples)[:_MOST_REASONS],
            more_reasons=max(0, len(deciding) - _MOST_REASONS),
            steps=next_steps(document),
        )
    )
