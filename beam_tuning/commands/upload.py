"""`beam-tuning upload`: local media to Cloud Storage, and tuning files that name them there."""

from __future__ import annotations

import argparse

from beam_tuning.commands.shared_options import GCS_PATTERN, JSON, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option
from beam_tuning.stopping import Stopped


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, print_json
    from beam_tuning.finished_run.opening import open_finished
    from beam_tuning.report import wording
    from beam_tuning.report.command_lines import quoted, typed
    from beam_tuning.report.console import print_steps
    from beam_tuning.report.sections.next_steps import Step
    from beam_tuning.run_folder.opening import is_remote
    from beam_tuning.upload.progress import telling_progress
    from beam_tuning.upload.sending import target_folder
    from beam_tuning.upload.upload import upload

    sign_in((given.folder, given.to), uses_beam=False)
    folder = target_folder(given.to, "--to")
    finished = open_finished(given.folder)
    console = console_for_people(as_json=given.json, goes_on=True)
    try:
        with telling_progress(console_for_people(as_json=True)) as progress:
            uploaded = upload(finished, folder, progress)
    except Stopped as stopped:
        stopped.consequence = "the same command continues where this one stopped: what was sent is not sent again."
        raise
    if uploaded is None:
        console.print("The kept examples name no local media, so there is nothing to upload.")
    else:
        document = uploaded.document
        there = len(document.objects) - uploaded.sent
        console.print(
            f"{uploaded.sent:,} objects sent ({wording.size(uploaded.sent_bytes)}), {there:,} were there already.",
            highlight=False,
        )
        for file in document.files:
            console.print(
                wording.visible(f"{finished.folder.path_of(file.name)}: {file.replaced:,} URIs replaced"),
                markup=False,
                highlight=False,
            )
    where = "" if is_remote(given.folder) else f" {typed('upload', given.to)}"
    command = f"beam-tuning tune {quoted(given.folder)}{where}"
    print_steps([Step("Check and show the tuning job; --submit creates it.", command)], console)
    if given.json:
        print_json(None if uploaded is None else uploaded.document)
    return 0


COMMAND = Command(
    options=(
        RUN_FOLDER,
        Option(
            "to",
            "target",
            Kind.WRITE_FOLDER,
            "Folder in Cloud Storage for the media. Each object is named by the checksum of its bytes.",
            required=True,
            metavar="gs://BUCKET/FOLDER",
            pattern=GCS_PATTERN,
        ),
        JSON,
    ),
    run=run,
    exit_codes={0: "the tuning files name no local media"},
    examples=("beam-tuning upload checked --to gs://bucket/media",),
)
