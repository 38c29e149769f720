"""`beam-tuning repair`: bring back examples that a finished run did not keep."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from beam_tuning.commands.shared_options import ALLOW_LOCAL_MEDIA, GCS_PATTERN, JSON, OUTPUT, OVERWRITE, RUN_FOLDER
from beam_tuning.options import Command, Kind, Option, Template
from beam_tuning.stopping import Stopped

if TYPE_CHECKING:
    from rich.console import Console

    from beam_tuning.repair_plan.plan import Plan
    from beam_tuning.report.command_lines import OptionValue

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
        _print_way_on(given, plan, console)
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


def _print_way_on(given: argparse.Namespace, plan: Plan, console: Console) -> None:
    """The repair itself: with new media where that brings examples back, and of the lines alone."""
    from beam_tuning.commands.typed_again import typed_again
    from beam_tuning.report.command_lines import quoted
    from beam_tuning.report.console import print_steps
    from beam_tuning.report.sections.next_steps import Step

    steps = []
    if plan.may_come_back and plan.objects and given.media_output is None:
        changes: Mapping[str, OptionValue] = {"plan": None, "media_output": "gs://BUCKET/FOLDER"}
        why = "Make these repairs; new media files go to a folder of yours."
        steps.append(Step(why, typed_again(COMMAND, "repair", given, changes)))
        why = "Or correct lines only, and leave media as they are."
        steps.append(Step(why, typed_again(COMMAND, "repair", given, {"plan": None})))
    elif plan.may_come_back:
        steps.append(Step("Make these repairs.", typed_again(COMMAND, "repair", given, {"plan": None})))
    elif plan.left:
        why = "See the examples with the reason that most of them have."
        steps.append(Step(why, f"beam-tuning show {quoted(plan.run)} --code {quoted(next(iter(plan.left)))}"))
    print_steps(steps, console)


COMMAND = Command(
    options=(
        RUN_FOLDER,
        OUTPUT._replace(
            group="repair",
            help="Folder for the repaired run: the kept examples, unchanged, and the repaired ones in their places. A "
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
            "What to repair; several with commas: other_format, system_turn, role, unknown_field, empty_part, "
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
            "By how many seconds a cut may be moved so that nothing needs to be encoded again; the times in the texts "
            "move with it.",
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
            "How many seconds of the piece before it each piece of a long file repeats, at least.",
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
            "Times in texts. strict: an example stays as it was if its texts have something that may or may not "
            "be a time; none: the texts have no times.",
            label="Times",
            default="strict",
            choices=("strict", "none"),
        ),
        Option(
            "times_fields",
            "media",
            Kind.TEXT,
            "The JSON fields of prompts and answers that have times, if no others do, e.g. "
            "events.start,events.end. Without it, they are recognised by their names.",
            label="Fields with times",
            metavar="PATH[,PATH]",
            is_list=True,
            pattern=r"^[^ ]+$",
        ),
        Option(
            "scratch_dir",
            "media",
            Kind.TEXT,
            "Local folder on each worker for temporary files, one source and one new file at a time; without it, "
            "the system's own.",
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
        3: "the repaired run is complete, but not ready to tune",
    },
    examples=(
        "beam-tuning repair checked --output repaired --plan",
        "beam-tuning repair checked --output repaired",
        "beam-tuning repair gs://bucket/checked --output gs://bucket/repaired --repair mime_type,offset",
        "beam-tuning repair gs://bucket/checked --output gs://bucket/repaired --media_output gs://bucket/media",
    ),
    template=Template(
        "Repair a checked Gemini tuning dataset",
        "Brings back examples that a check did not keep: corrects their lines; cuts, shrinks or splits their "
        "media and moves the times in their texts to match. Writes a run folder with clean JSON Lines, a report "
        "and tables.",
    ),
)
