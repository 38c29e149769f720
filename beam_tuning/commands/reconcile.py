"""`beam-tuning reconcile`: what a tuning job did with a run's dataset, beside what the run foretold."""

from __future__ import annotations

import argparse

from beam_tuning.commands.shared_options import JSON, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, end_with
    from beam_tuning.finished_run.opening import open_finished
    from beam_tuning.reconcile.console import print_reconciliation
    from beam_tuning.reconcile.jobs import find_job
    from beam_tuning.reconcile.page import render_page
    from beam_tuning.reconcile.reconcile import reconcile
    from beam_tuning.reconcile.way_on import steps_after
    from beam_tuning.report.console import print_steps
    from beam_tuning.run_folder.names import RECONCILE_HTML, RECONCILE_JSON

    sign_in((given.folder, given.job or ""), uses_beam=False)
    finished = open_finished(given.folder)
    job = find_job(finished, given.job)
    document = reconcile(finished, job)
    writer = finished.writer()
    writer.add(RECONCILE_JSON, document.to_bytes())
    writer.add(RECONCILE_HTML, render_page(document, finished.name).encode())
    page = finished.folder.path_of(RECONCILE_HTML)
    console = console_for_people(as_json=given.json, goes_on=True)
    print_reconciliation(document, page, console)
    print_steps(steps_after(document, finished, job, given.job), console)
    return end_with(document, as_json=given.json)


COMMAND = Command(
    options=(
        RUN_FOLDER,
        Option(
            "job",
            "job",
            Kind.TEXT,
            "Name of the job, or a file with its JSON; without it, the run's last job.",
            metavar="NAME|FILE.json",
        ),
        JSON,
    ),
    run=run,
    exit_codes={0: "the job did as predicted", 3: "it did not, has not ended, or has no statistics of its dataset"},
    examples=(
        "beam-tuning reconcile gs://bucket/checked --job projects/1234/locations/us-central1/tuningJobs/5678",
        "beam-tuning reconcile checked --job job.json",
    ),
)
