"""`beam-tuning show`: a run's summary again, its examples by reason, or what changed since another run."""

from __future__ import annotations

import argparse

from beam_tuning.commands.shared_options import JSON, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option

_OPTIONS = (
    RUN_FOLDER,
    Option("code", "examples", Kind.TEXT, "Examples with this reason code.", metavar="CODE"),
    Option("split", "examples", Kind.TEXT, "Examples of this split.", metavar="SPLIT"),
    Option(
        "file",
        "examples",
        Kind.TEXT,
        "Examples of this dataset file: its path, its name, or a pattern.",
        metavar="FILE",
    ),
    Option(
        "against",
        "comparison",
        Kind.READ_FOLDER,
        "Output folder of an earlier run to compare with.",
        metavar="OLD",
    ),
    JSON,
)


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, print_json
    from beam_tuning.report.folder import Filter
    from beam_tuning.report.show import document_to_show, show
    from beam_tuning.run_folder.reader import RunFolder

    sign_in((given.folder, given.against or ""), uses_beam=False)
    folder = RunFolder(given.folder)
    against = None if given.against is None else RunFolder(given.against, "--against")
    wanted = Filter(given.code, given.split, given.file)
    if not given.json:
        return show(folder, console_for_people(), wanted, against)
    exit_code, document = document_to_show(folder, wanted, against)
    print_json(document)
    return exit_code


COMMAND = Command(
    options=_OPTIONS,
    run=run,
    exit_codes={0: "the run ended with 0: ready to tune", 3: "the run ended with 3: not ready to tune"},
    examples=(
        "beam-tuning show gs://bucket/checked --code VIDEO_TOO_LONG",
        "beam-tuning show gs://bucket/checked --against gs://bucket/checked-before",
    ),
)
