"""What a repair would do, printed and written, from the tables of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from beam_tuning.media.edit.wanted import SECOND_NS
from beam_tuning.media_repairs.plan import MediaOptions
from beam_tuning.pipelines.run_repair import RepairOptions, judged_as, open_to_repair, run_repair
from beam_tuning.repair_plan.console import print_plan
from beam_tuning.repair_plan.forecast import Forecast
from beam_tuning.repair_plan.plan import Plan, forecasts, plan, plan_table
from beam_tuning.run_folder.names import PLAN
from beam_tuning.run_folder.writing import RunTarget, write_file


class PlannedRepair(NamedTuple):
    """A plan, and what it is made of."""

    plan: Plan
    forecasts: list[Forecast]

    def write(self, folder: str) -> None:
        """Writes `plan.parquet` into the folder, which is no run by that.

        Raises:
          OutputError: the folder cannot be written.
        """
        write_file(RunTarget(folder, ""), PLAN, [plan_table(self.forecasts)])


def planned_repair(options: RepairOptions) -> PlannedRepair:
    """What a repair with all the edits that were asked for would do, be there a folder for new media or not.

    Raises:
      InputError: the folder holds no whole run, or a table is not as the run wrote it.
      OutputError: the output folder is the run.
    """
    run = open_to_repair(options)
    judged = judged_as(run, allow_local_media=options.allow_local_media)
    media = MediaOptions(
        tolerance_ns=round(options.cut_tolerance_s * SECOND_NS),
        overlap_ns=round(options.overlap_s * SECOND_NS),
        kinds=frozenset(options.media_edits),
    )
    found = list(forecasts(run, judged.policy, options.edits, media))
    price = judged.options.price_per_million_tokens
    return PlannedRepair(plan(run, found, judged.policy.limits.price.value if price is None else price), found)


def plan_repair(options: RepairOptions, console: Console) -> Plan:
    """`repair --plan`: prints the plan and writes `plan.parquet` into the output folder.

    Raises: as `planned_repair` and `PlannedRepair.write`.
    """
    planned = planned_repair(options)
    print_plan(planned.plan, console, with_media=options.media_output is not None)
    planned.write(options.output)
    return planned.plan


def repair_with_plan(options: RepairOptions, beam_arguments: Sequence[str], console: Console) -> int:
    """Repairs; tells beforehand what a folder for new media would bring, where none is named; returns the exit code.

    Raises: as `run_repair`.
    """
    planned = None
    if options.media_output is None and options.media_edits:
        planned = planned_repair(options)
    if planned is None or not planned.plan.objects:
        return run_repair(options, beam_arguments, console)
    print_plan(planned.plan, console, with_media=False)
    exit_code = run_repair(options, beam_arguments, console)
    planned.write(options.output)
    return exit_code
