"""`beam-tuning repair`: bring back examples that a finished run did not keep."""

from __future__ import annotations

import argparse
import contextlib

from beam_tuning.commands.shared_options import GCS_PATTERN, JSON, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option
from beam_tuning.stopping import Stopped

_ALL = "all"


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, write_document
    from beam_tuning.errors import OptionError
    from beam_tuning.line_edits.edits import NAMES
    from beam_tuning.pipelines.run_repair import RepairOptions, run_repair
    from beam_tuning.run_folder.reader import RunFolder

    wanted = given.repair or (_ALL,)
    unknown = next((name for name in wanted if name not in (*NAMES, _ALL)), None)
    if unknown is not None:
        raise OptionError.of_choice("--repair", unknown, [*NAMES, _ALL])
    edits = NAMES if _ALL in wanted else tuple(name for name in NAMES if name in wanted)
    options = RepairOptions(given.folder, given.output, given.overwrite, edits)
    sign_in((given.folder, given.output, *(word.rpartition("=")[2] for word in given.beam_arguments)), uses_beam=True)
    try:
        exit_code = run_repair(options, given.beam_arguments, console_for_people(as_json=given.json, goes_on=True))
    except Stopped as stopped:
        stopped.consequence = (
            f"{given.output} holds a whole run only if manifest.json is there; {given.folder} is as it was."
        )
        raise
    if given.json:
        with contextlib.suppress(OSError), RunFolder(given.output).open("report.json") as stream:
            write_document(stream.read())
    return exit_code


COMMAND = Command(
    options=(
        RUN_FOLDER,
        Option(
            "output",
            "repair",
            Kind.WRITE_FOLDER,
            "Folder for the repaired run: what was kept, as it was, and the repaired examples in their places. A local "
            "path or gs:// URI.",
            label="Output folder",
            required=True,
            metavar="NEW",
            pattern=GCS_PATTERN,
        ),
        Option(
            "overwrite",
            "repair",
            Kind.FLAG,
            "Delete the files of an earlier run in the output folder first.",
            label="Overwrite",
            default=False,
        ),
        Option(
            "repair",
            "repair",
            Kind.TEXT,
            "What to put right; several with commas: other_format, system_turn, role, unknown_field, empty_part, "
            "media_resolution, mime_type_spelling, mime_type, offset, end_offset. Without it, all.",
            label="Repairs",
            metavar="NAME[,NAME]",
            is_list=True,
            pattern=r"^[a-z_,]+$",
        ),
        JSON,
    ),
    run=run,
    takes_beam_options=True,
    exit_codes={0: "the repaired run is ready to tune", 3: "the repaired run is whole, but the gate says no"},
    examples=(
        "beam-tuning repair checked --output repaired",
        "beam-tuning repair gs://bucket/checked --output gs://bucket/repaired --repair mime_type,offset",
    ),
)
