"""Which URIs the kept lines of a run name in place of those that it looked at."""

from __future__ import annotations

from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.uri_rewriting import NOTHING_REWRITTEN, UriRewriting


def rewriting_of(run: FinishedRun) -> UriRewriting:
    """What `--rewrite_uri` did; runs of earlier versions have none."""
    rules = run.report.options.get("rewrite_uri")
    return UriRewriting.of(rules) if isinstance(rules, list) else NOTHING_REWRITTEN
