"""`beam-tuning repair`: bring back examples that a finished run did not keep."""

from __future__ import annotations

import argparse
import re

from beam_tuning.commands.shared_options import ALLOW_LOCAL_MEDIA, GCS_PATTERN, JSON, OUTPUT, OVERWRITE, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option, Template
from beam_tuning.stopping import Stopped

_ALL = "all"
_SECONDS_PATTERN = r"^[0-9]{1,4}(\.[0-9]{1,3})?$"


def _seconds(text: str) -> float:
    if not re.fullmatch(_SECONDS_PATTERN, text, re.ASCII):
        raise ValueError("a number of seconds from 0 to 9999, such as 0.5")
    return float(text)


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, print_json, write_report_of
    from beam_tuning.errors import OptionError
    from beam_tuning.line_edits.edits import NAMES
    from beam_tuning.media_repairs.bringing import NAMES as MEDIA_NAMES
    from beam_tuning.pipelines.plan_repair import plan_repair, repair_with_plan
    from beam_tuning.pipelines.run_repair import RepairOptions

    wanted = given.repair or (_ALL,)
    known = (*NAMES, *MEDIA_NAMES)
    unknown = next((name for name in wanted if name not in (*known, _ALL)), None)
    if unknown is not None:
        raise OptionError.of_choice("--repair", unknown, [*known, _ALL])
    options = RepairOptions(
        given.folder,
        given.output,
        given.overwrite,
        edits=tuple(name for name in NAMES if name in wanted or _ALL in wanted),
        media_edits=tuple(name for name in MEDIA_NAMES if name in wanted or _ALL in wanted),
        media_output=given.media_output,
        allow_local_media=given.allow_local_media,
        cut_tolerance_s=given.cut_tolerance,
        overlap_s=given.overlap_s,
        times=given.times,
        times_fields=given.times_fields or (),
        scratch_dir=given.scratch_dir,
    )
    paths = (given.folder, given.output, given.media_output or "")
    sign_in((*paths, *(word.rpartition("=")[2] for word in given.beam_arguments)), uses_beam=True)
    console = console_for_people(as_json=given.json, goes_on=True)
    if given.plan:
        plan = plan_repair(options, console)
        if given.json:
            print_json(plan)
        return 0
    try:
        exit_code = repair_with_plan(options, given.beam_arguments, console)
    except Stopped as stopped:
        stopped.consequence = (
            f"{given.output} holds a whole run only if manifest.json is there; {given.folder} is as it was."
        )
        raise
    if given.json:
        write_report_of(given.output)
    return exit_code


COMMAND = Command(
    options=(
        RUN_FOLDER,
        OUTPUT._replace(
            group="repair",
            help="Folder for the repaired run: what was kept, as it was, and the repaired examples in their places. A "
            "local path or gs:// URI. It must hold no earlier run.",
        ),
        OVERWRITE._replace(group="repair"),
        Option(
            "plan",
            "repair",
            Kind.FLAG,
            "Only print what would come back, from the run's tables alone, and write plan.parquet into the output "
            "folder, with a row for each example that was not kept. A repair prints the plan beforehand where new "
            "media would be made and --media_output is missing.",
            label="Plan only",
            default=False,
            in_template=False,
        ),
        Option(
            "repair",
            "repair",
            Kind.TEXT,
            "What to put right; several with commas: other_format, system_turn, role, unknown_field, empty_part, "
            "media_resolution, mime_type_spelling, mime_type, offset, end_offset; with --media_output also cut, remux, "
            "downscale, chunk, audio. Without it, all.",
            label="Repairs",
            metavar="NAME[,NAME]",
            is_list=True,
            pattern=r"^[a-z_,]+$",
        ),
        Option(
            "media_output",
            "media",
            Kind.WRITE_FOLDER,
            "Folder for new media files; without it media are left as they are. A gs:// URI, or with "
            "--allow_local_media a local path. It must not hold media of the dataset.",
            label="Folder for new media",
            metavar="DIR",
            pattern=GCS_PATTERN,
        ),
        ALLOW_LOCAL_MEDIA,
        Option(
            "cut_tolerance",
            "media",
            Kind.NUMBER,
            "By how many seconds a cut may begin elsewhere, so that nothing need be encoded; times move with it.",
            label="Cut tolerance",
            default=0.5,
            metavar="S",
            parse=_seconds,
            pattern=_SECONDS_PATTERN,
        ),
        Option(
            "overlap_s",
            "media",
            Kind.NUMBER,
            "How many seconds each piece of a long file repeats of the one before it, at least.",
            label="Overlap",
            default=0.0,
            metavar="S",
            parse=_seconds,
            pattern=_SECONDS_PATTERN,
        ),
        Option(
            "times",
            "media",
            Kind.CHOICE,
            "Times in texts. strict: an example with something that may be a time and may not stays as it was; none: "
            "texts hold no times.",
            label="Times",
            default="strict",
            choices=("strict", "none"),
        ),
        Option(
            "times_fields",
            "media",
            Kind.TEXT,
            "JSON fields of prompts and answers that hold times, and no others do, e.g. events.start,events.end. "
            "Without it fields are told by their names.",
            label="Fields with times",
            metavar="PATH[,PATH]",
            is_list=True,
            pattern=r"^[^ ]+$",
        ),
        Option(
            "scratch_dir",
            "media",
            Kind.TEXT,
            "Local folder of each worker for the files it works on, one source and one new file at a time; the "
            "system's own without it.",
            label="Scratch folder",
            metavar="DIR",
            pattern=r"^/[^\n]*$",
        ),
        JSON,
    ),
    run=run,
    takes_beam_options=True,
    exit_codes={
        0: "the repaired run is ready to tune, or the plan was printed",
        3: "the repaired run is whole, but the gate says no",
    },
    examples=(
        "beam-tuning repair checked --output repaired --plan",
        "beam-tuning repair checked --output repaired",
        "beam-tuning repair gs://bucket/checked --output gs://bucket/repaired --repair mime_type,offset",
        "beam-tuning repair gs://bucket/checked --output gs://bucket/repaired --media_output gs://bucket/media",
    ),
    template=Template(
        "Repair a checked Gemini tuning dataset",
        "Brings back examples that a check did not keep: lines put right, media cut, made smaller or taken apart with "
        "the times of their texts kept true, and writes a run folder with clean JSON Lines, a report and tables.",
    ),
)
