"""`repair --plan`: what a repair would do, printed and written, from the tables of the run."""

from __future__ import annotations

from rich.console import Console

from beam_tuning.finished_run.opening import open_finished
from beam_tuning.media.edit.wanted import SECOND_NS
from beam_tuning.media_repairs.plan import MediaOptions
from beam_tuning.pipelines.run_repair import RepairOptions, judged_as
from beam_tuning.repair_plan.console import print_plan
from beam_tuning.repair_plan.plan import Plan, forecasts, plan, plan_table
from beam_tuning.run_folder.names import PLAN
from beam_tuning.run_folder.writing import RunTarget, write_file


def plan_repair(options: RepairOptions, console: Console) -> Plan:
    """Prints the plan and writes `plan.parquet` into the output folder, which is no run by that.

    Raises:
      InputError: the folder holds no whole run, or a table is not as the run wrote it.
      OutputError: the output folder cannot be written.
    """
    run = open_finished(options.folder)
    judged = judged_as(run, allow_local_media=options.allow_local_media)
    media = MediaOptions(
        tolerance_ns=round(options.cut_tolerance_s * SECOND_NS),
        overlap_ns=round(options.overlap_s * SECOND_NS),
        kinds=frozenset(options.media_edits),
    )
    found = list(forecasts(run, judged.policy, options.edits, media))
    price = judged.options.price_per_million_tokens
    made = plan(run, found, judged.policy.limits.price.value if price is None else price)
    print_plan(made, console, with_media=options.media_output is not None)
    write_file(RunTarget(options.output, ""), PLAN, [plan_table(found)])
    return made
