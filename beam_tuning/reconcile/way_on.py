"""What to type after a comparison: made from what differs, or from the endpoint of the tuned model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.reconcile.dataset import Basis
from beam_tuning.reconcile.document import Reconciliation
from beam_tuning.reconcile.reconcile import plain_model
from beam_tuning.report.command_lines import quoted, typed
from beam_tuning.report.sections.next_steps import MOST_STEPS, Step, next_steps, run_again
from beam_tuning.tuning.job import TuningJob

_ENDPOINT = re.compile(r"projects/[^/\s]+/locations/([a-z0-9-]+)/endpoints/[^/\s]+", re.ASCII)


def steps_after(document: Reconciliation, run: FinishedRun, job: TuningJob, given: str | None) -> list[Step]:
    """At most `MOST_STEPS` commands.

    Args:
      given: how the person named the job; None for the run's last one.
    """
    return list(_steps(document, run, job, given))[:MOST_STEPS]


def _steps(document: Reconciliation, run: FinishedRun, job: TuningJob, given: str | None) -> Iterable[Step]:
    names = {difference.name for difference in document.differences}
    again = f"beam-tuning reconcile {quoted(run.name)}{'' if given is None else ' ' + typed('job', given)}"
    if not job.has_ended:
        yield Step("Compare again when the job has ended.", again)
        return
    if not names:
        yield from _ask_the_model(job)
        return
    if "model" in names and document.model is not None:
        tuned = plain_model(document.model)
        yield from run_again(run.report, "Check the dataset for the model that was tuned.", tuned, model=tuned)
    if "kept" in names:
        found = [finding.code for line in document.kept_by_service or () for finding in line.findings]
        if found:
            why = "See the examples that the run dropped for a reason for which the service did not."
            yield Step(why, f"beam-tuning show {quoted(run.name)} --code {quoted(found[0])}")
    if names & {"state", "dropped"}:
        yield Step("Find out whether the media have changed since the run.", f"beam-tuning verify {quoted(run.name)}")
        if document.dataset.basis is Basis.AS_GIVEN:
            yield from next_steps(run.report)
    if "examples" in names:
        yield Step("Look at the run's own counts.", f"beam-tuning show {quoted(run.name)}")
    if "tokens" in names:
        why = "Look at the token rates that the estimate uses, and where they come from."
        yield Step(why, f"beam-tuning limits --model {quoted(run.report.model)}")
    if "stats" in names:
        yield Step("Compare again later: the statistics may not be there yet.", again)


def _ask_the_model(job: TuningJob) -> Iterable[Step]:
    endpoint = (job.tuned_model.endpoint if job.tuned_model is not None else None) or ""
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None:
        return
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "YOUR PROMPT"}]}]})
    command = (
        'curl -X POST -H "Authorization: Bearer $(gcloud auth print-access-token)" -H "Content-Type: application/json" '
        f"-d {quoted(body)} {quoted(f'https://{found[1]}-aiplatform.googleapis.com/v1/{endpoint}:generateContent')}"
    )
    yield Step("Try the tuned model.", command)
