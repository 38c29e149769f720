"""What `tune` did and would do, for people."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from beam_tuning.report import wording
from beam_tuning.report.command_lines import quoted
from beam_tuning.report.console import print_steps
from beam_tuning.report.sections.next_steps import Step
from beam_tuning.tuning.access import AccessState
from beam_tuning.tuning.checks import Check
from beam_tuning.tuning.cost import Cost
from beam_tuning.tuning.job import SUCCEEDED, TuningJob
from beam_tuning.tuning.request import JobName
from beam_tuning.tuning.tune import TuningPlan

_ACCESS_WORDS = {
    AccessState.GRANTED: "may be read by",
    AccessState.OWN_PROJECT: "may be read by",
    AccessState.NOT_GRANTED: "may not be read, as far as its policy says, by",
    AccessState.UNKNOWN: "may or may not be read by",
}


def print_checks(checks: list[Check], console: Console) -> None:
    """What must hold, and whether it does."""
    for check in checks:
        mark, style = ("ok", "green") if check.holds else ("no", "bold red")
        console.print(Text.assemble((f"{mark}  ", style), wording.visible(check.message)))
        if not check.holds and check.remedy:
            console.print(Text(f"    {wording.visible(check.remedy)}"))


def print_plan(plan: TuningPlan, console: Console, *, is_sent: bool) -> None:
    """The checks, the request, what it costs, and how to send it by hand where it is not sent now."""
    print_checks(plan.checks, console)
    _heading("Request", console)
    console.print(Text(f"POST {plan.request.url}"), soft_wrap=True)
    console.print(Text(wording.visible(plan.request.encoded().decode().rstrip())), soft_wrap=True)
    console.print(Text(wording.visible(f"Written to {plan.body_path}"), style="dim"))
    _heading("Cost", console)
    _print_cost(plan.cost, console)
    if plan.access is not None:
        _heading("Access", console)
        for bucket in plan.access:
            console.print(Text(f"gs://{bucket.bucket} {_ACCESS_WORDS[bucket.state]} {bucket.account}"))
            console.print(Text(wording.visible(f"  {bucket.message}")))
            if bucket.grant:
                console.print(Text(f"  {bucket.grant}"), soft_wrap=True)
    if is_sent:
        return
    _heading("Nothing was sent. The same command with --submit creates the job; so does either of these:", console)
    console.print()
    console.print(Text(wording.visible(plan.curl)), soft_wrap=True)
    console.print()
    console.print(Text(wording.visible(plan.python)), soft_wrap=True)


def print_created(job: TuningJob, folder: str, console: Console) -> None:
    """The job that was created, where to look at it, and what to type when it has ended."""
    _heading("Created", console)
    console.print(Text(wording.visible(job.name or "a job without a name")), soft_wrap=True)
    name = JobName.parse(job.name or "")
    if name is not None:
        console.print(Text(name.console_link), soft_wrap=True)
        print_steps([Step("Compare it with the run when it has ended.", reconcile_command(folder, job))], console)


def print_ended(job: TuningJob, folder: str, console: Console) -> None:
    """How a job ended."""
    succeeded = job.state == SUCCEEDED
    console.print(Text(state_words(job), style="bold green" if succeeded else "bold red"))
    if job.error is not None and job.error.message:
        console.print(Text(wording.visible(f"The service says: {job.error.message}")))
    if job.tuned_model is not None and job.tuned_model.endpoint:
        console.print(Text(wording.visible(f"Endpoint: {job.tuned_model.endpoint}")))
    print_steps([Step("Compare the job with the run.", reconcile_command(folder, job))], console)


def state_words(job: TuningJob) -> str:
    """E.g. `running: processing dataset`."""
    state = (job.state or "unknown state").removeprefix("JOB_STATE_")
    detail = (job.tuning_job_state or "").removeprefix("TUNING_JOB_STATE_")
    words = state if not detail or detail == "UNSPECIFIED" or job.has_ended else f"{state}: {detail}"
    return wording.visible(words.replace("_", " ").lower())


def reconcile_command(folder: str, job: TuningJob) -> str:
    """What to type to hold the job against the run."""
    return f"beam-tuning reconcile {quoted(folder)} --job {quoted(job.name or 'job.json')}"


def _print_cost(cost: Cost, console: Console) -> None:
    tokens = wording.number_range(cost.tokens_low, cost.tokens_high)
    epochs = f"{cost.epochs} epoch{'s' if cost.epochs != 1 else ''}"
    usd = wording.usd_range(cost.usd_low, cost.usd_high)
    rate = "" if cost.usd_per_million_tokens is None else f", at ${cost.usd_per_million_tokens:g} a million tokens"
    console.print(Text(f"{usd} for {epochs} of {tokens} tokens{rate}; {wording.visible(cost.source)}"))
    for note in cost.notes:
        console.print(Text(f"  {wording.visible(note)}", style="dim"))


def _heading(text: str, console: Console) -> None:
    console.print()
    console.print(Text(text, style="bold"))
