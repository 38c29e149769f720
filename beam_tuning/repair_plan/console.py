"""The plan on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from beam_tuning.policy.answers import percent
from beam_tuning.repair_plan.plan import Plan
from beam_tuning.report import wording


def print_plan(plan: Plan, console: Console, *, with_media: bool) -> None:
    """Prints the sums; edits refuse what is ambiguous, so that all of it is said to be at most.

    Args:
      with_media: whether edits of media were planned.
    """
    say = f"{plan.may_come_back:,} of {plan.examples:,} examples that were not kept may come back."
    console.print(say, highlight=False)
    if plan.lines:
        table = Table("Repairs", box=None, pad_edge=False)
        for name in ("Back", "Examples", "Files", "Read", "Written", "Media"):
            table.add_column(name, justify="right")
        for line in plan.lines:
            table.add_row(
                line.repairs,
                f"{line.examples_back:,}",
                f"{line.new_examples:,}",
                f"{line.files:,}",
                wording.size(line.read_bytes) if line.files else "",
                f"< {wording.size(line.write_bytes)}" if line.files else "",
                f"{line.media_hours:.2f} h" if line.files else "",
            )
        console.print(table)
    if plan.objects:
        console.print(f"{plan.objects:,} media files are fetched, each once: {wording.size(plan.read_bytes)}.")
        console.print(
            f"Processor time: {plan.cpu_hours[0]:.2f} to {plan.cpu_hours[1]:.2f} hours, by what need not be encoded.",
            highlight=False,
        )
    for name, split in plan.splits.items():
        console.print(
            f"{name}: dropped {percent(split.dropped_share_now)} now, {percent(split.dropped_share_at_best)} at best",
            highlight=False,
        )
    low, high = sum(line.tokens_low for line in plan.lines), sum(line.tokens_high for line in plan.lines)
    if high:
        usd = "" if plan.price_usd is None else f", ${plan.price_usd[0]:,.2f} to ${plan.price_usd[1]:,.2f}"
        console.print(
            f"Added for one epoch: {low:,} to {high:,} tokens{usd}, of the examples as they stand", highlight=False
        )
    if plan.left:
        shown = ", ".join(f"{code} {count:,}" for code, count in list(plan.left.items())[:8])
        console.print(f"Not brought back: {shown}", highlight=False, markup=False)
    if plan.objects and not with_media:
        console.print("New media are made only with --media_output, which names a folder for them.", highlight=False)
