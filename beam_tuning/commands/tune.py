"""`beam-tuning tune`: from a finished run to its tuning job."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beam_tuning.commands.shared_options import GCS_PATTERN, JSON, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option, whole_number

if TYPE_CHECKING:
    from rich.console import Console

    from beam_tuning.finished_run.opening import FinishedRun
    from beam_tuning.report.command_lines import OptionValue
    from beam_tuning.tuning.checks import Check
    from beam_tuning.tuning.job import TuningJob


def _multiplier(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ValueError("a number above 0, such as 0.5")
    return number


_OPTIONS = (
    RUN_FOLDER,
    Option(
        "upload",
        "dataset",
        Kind.WRITE_FOLDER,
        "Copy train.jsonl and validation.jsonl to this folder first, for a run folder on this machine.",
        metavar="gs://BUCKET/FOLDER",
        pattern=GCS_PATTERN,
    ),
    Option(
        "accept_uncertain",
        "dataset",
        Kind.FLAG,
        "Go on where the cleaned dataset is perhaps not ready.",
        default=False,
    ),
    Option(
        "project",
        "job",
        Kind.TEXT,
        "Project of the job; without it, GOOGLE_CLOUD_PROJECT.",
        metavar="PROJECT",
    ),
    Option("region", "job", Kind.TEXT, "Region of the job.", default="us-central1", metavar="REGION"),
    Option(
        "display_name",
        "job",
        Kind.TEXT,
        "Name of the tuned model; without it, that of the run folder.",
        metavar="NAME",
    ),
    Option(
        "epochs",
        "job",
        Kind.NUMBER,
        "Passes through the dataset; without it, the service chooses.",
        metavar="N",
        parse=whole_number(1, 999),
    ),
    Option(
        "adapter_size",
        "job",
        Kind.NUMBER,
        "Adapter size; without it, the service chooses. `beam-tuning limits` says which a model takes.",
        metavar="N",
        parse=whole_number(1, 32),
    ),
    Option(
        "learning_rate_multiplier",
        "job",
        Kind.NUMBER,
        "Multiplies the service's own learning rate.",
        metavar="X",
        parse=_multiplier,
    ),
    Option(
        "service_account",
        "job",
        Kind.TEXT,
        "Account that the job runs as; without it, the project's tuning service agent.",
        metavar="EMAIL",
    ),
    Option(
        "labels",
        "job",
        Kind.TEXT,
        "Labels of the job; several with commas.",
        metavar="KEY=VALUE[,KEY=VALUE]",
        is_list=True,
    ),
    Option(
        "export_last_checkpoint_only",
        "job",
        Kind.FLAG,
        "Keep the last checkpoint only.",
        default=False,
    ),
    Option(
        "check_access",
        "what to do",
        Kind.FLAG,
        "Check whether the tuning service may read each bucket, and print the command that grants it.",
        default=False,
    ),
    Option(
        "submit",
        "what to do",
        Kind.FLAG,
        "Create the job, which costs money. Without it, the request is only shown and written to tuning_job.json.",
        default=False,
    ),
    Option(
        "again",
        "what to do",
        Kind.FLAG,
        "Create another job where one was created from this run before.",
        default=False,
    ),
    Option(
        "wait",
        "what to do",
        Kind.FLAG,
        "Follow the job until it has ended: the one that was just created, else the run's last one.",
        default=False,
    ),
    JSON,
)


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, print_json
    from beam_tuning.finished_run.opening import open_finished

    sign_in((given.folder, given.upload or ""), uses_beam=False)
    finished = open_finished(given.folder)
    console = console_for_people(as_json=given.json, goes_on=given.submit or given.wait)
    document: dict[str, Any] = {}
    job = None
    if given.submit or not given.wait:
        plan, exit_code = _plan(given, finished, console, document)
        if exit_code == 0 and given.submit:
            job = _submit(given, finished, plan, console)
            document["job"] = job
    else:
        exit_code, job = 0, _last_job(finished)
    if exit_code == 0 and given.wait and job is not None:
        from beam_tuning.tuning.watch import watch

        job = watch(job, finished.name, console)
        document["job"] = job
        exit_code = _exit_code(job)
    if given.json:
        print_json(document)
    return exit_code


def _plan(
    given: argparse.Namespace, finished: FinishedRun, console: Console, document: dict[str, Any]
) -> tuple[Any, int]:
    import os

    from beam_tuning.commands.typed_again import typed_again
    from beam_tuning.errors import OptionError
    from beam_tuning.report.console import print_steps
    from beam_tuning.report.sections.next_steps import Step
    from beam_tuning.tuning.checks import TuneOptions, as_mapping
    from beam_tuning.tuning.console import print_checks, print_plan
    from beam_tuning.tuning.submitted import check_not_submitted
    from beam_tuning.tuning.tune import NotReady, plan_tuning
    from beam_tuning.upload.sending import target_folder

    names = set(TuneOptions.__struct_fields__) - {"project", "labels"}
    options = TuneOptions(
        project=given.project or os.environ.get("GOOGLE_CLOUD_PROJECT") or None,
        labels=given.labels or (),
        **{name: getattr(given, name) for name in names},
    )
    if given.submit:
        if options.project is None:
            raise OptionError("a job needs a project", where="--project", remedy="Give --project PROJECT.")
        check_not_submitted(finished, again=given.again)
    upload_to = None if given.upload is None else target_folder(given.upload, "--upload")
    try:
        plan = plan_tuning(finished, options, upload_to=upload_to, look_at_access=given.check_access)
    except NotReady as error:
        print_checks(error.checks, console)
        _print_way_on(given, finished, error.checks, console)
        document["checks"] = as_mapping(error.checks)
        return None, error.exit_code
    print_plan(plan, console, is_sent=given.submit)
    if not given.submit:
        changes: Mapping[str, OptionValue] = {"submit": True, "project": options.project or "PROJECT"}
        step = Step("Create the job, which costs money.", typed_again(COMMAND, "tune", given, changes))
        print_steps([step], console)
    document.update(plan.document())
    return plan, 0


def _print_way_on(given: argparse.Namespace, finished: FinishedRun, checks: Sequence[Check], console: Console) -> None:
    """What makes the run ready, or the same command with a place for the tuning files or with the risk taken."""
    from beam_tuning.commands.typed_again import typed_again
    from beam_tuning.report.console import print_steps
    from beam_tuning.report.sections.next_steps import Step, steps_before_tuning

    failed = {check.name for check in checks if not check.holds}
    steps = steps_before_tuning(finished.report, media_are_uploaded="media" not in failed)
    place: Mapping[str, OptionValue] = {"upload": "gs://BUCKET/FOLDER"} if "place" in failed else {}
    if failed == {"place"}:
        why = "Copy the tuning files to a folder of yours in Cloud Storage, and go on."
        steps = [Step(why, typed_again(COMMAND, "tune", given, place))]
    elif failed <= {"ready", "place"} and not any(one.certain for one in finished.report.readiness.cleaned.findings):
        why = "Or accept the risk of what is uncertain."
        steps.append(Step(why, typed_again(COMMAND, "tune", given, {**place, "accept_uncertain": True})))
    print_steps(steps, console)


def _submit(given: argparse.Namespace, finished: FinishedRun, plan: Any, console: Console) -> TuningJob:
    import datetime

    from beam_tuning.tuning.console import print_created
    from beam_tuning.tuning.service import TuningService
    from beam_tuning.tuning.submitted import submit

    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    service = TuningService(plan.request.project, plan.request.region)
    job = submit(finished, plan.request, plan.files, now, service.create, again=given.again)
    print_created(job, finished.name, console)
    return job


def _last_job(finished: FinishedRun) -> TuningJob:
    from beam_tuning.errors import InputError
    from beam_tuning.tuning.job import TuningJob
    from beam_tuning.tuning.submitted import read_submitted

    for job in reversed(read_submitted(finished).jobs):
        if job.name is not None:
            return TuningJob(name=job.name, state=job.state)
    raise InputError("no job was created from this run", where=finished.name, remedy="Give --submit to create one.")


def _exit_code(job: TuningJob) -> int:
    from beam_tuning.errors import GateClosed
    from beam_tuning.tuning.job import SUCCEEDED

    return 0 if job.state == SUCCEEDED else GateClosed.exit_code


COMMAND = Command(
    options=_OPTIONS,
    run=run,
    exit_codes={
        0: "the request is made, the job is created, or with --wait it has succeeded",
        3: "the run is not ready, or with --wait the job did not succeed",
    },
    examples=(
        "beam-tuning tune gs://bucket/checked --project my-project --region us-central1 --epochs 3",
        "beam-tuning tune gs://bucket/checked --project my-project --submit --wait",
    ),
)
