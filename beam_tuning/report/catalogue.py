"""`beam-tuning reasons` and `beam-tuning limits`: the two tables that everything is judged by, in the terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_tuning.errors import OptionError
from beam_tuning.policy.limits import Day, Levels, Limit, ModelLimits, Names, Number, Price, Range, Sizes, Switch
from beam_tuning.reasons import Reason
from beam_tuning.report.terminal import OUTCOME_STYLES, listed, say


def print_reasons(console: Console) -> None:
    """All codes with title and outcome; a star marks those that --tolerate takes."""
    widest = max(len(reason.code) for reason in Reason)
    console.print(Text(f"{'Code':{widest}}  {'Outcome':13}     Title", style="dim"))
    for reason in Reason:
        star = "*" if reason.tolerable else " "
        outcome = (f"{reason.outcome.value:13}", OUTCOME_STYLES[reason.outcome])
        heading = Text.assemble(f"{reason.code:{widest}}  ", outcome, f"  {star}  ")
        listed(console, heading, reason.title, below=4)
    say(console, "* can be given to --tolerate. `beam-tuning reasons CODE` tells one whole.", style="dim")


def find_reason(code: str, where: str | None = None) -> Reason:
    """The reason with this code, in any case.

    Args:
      where: the option that gives it.

    Raises:
      OptionError: there is no such code.
    """
    reason = Reason.__members__.get(code.upper())
    if reason is None:
        near = difflib.get_close_matches(code.upper(), Reason.__members__, n=3)
        raise OptionError(
            "there is no such reason code",
            where=where,
            observed=code,
            remedy=f"Did you mean {' or '.join(near)}?" if near else "`beam-tuning reasons` lists them.",
        )
    return reason


def print_reason(reason: Reason, console: Console) -> None:
    """One reason whole."""
    console.print(Text(reason.code, style="bold"), Text(reason.outcome.value, style=OUTCOME_STYLES[reason.outcome]))
    say(console, reason.message)
    say(console, reason.outcome.meaning)
    say(console, f"remedy: {reason.remedy}")
    say(console, f"source: {reason.source}")


def print_limits(models: Iterable[ModelLimits], console: Console) -> None:
    """Every entry of every model; sources are numbered and listed once, with the day they were read."""
    numbers: dict[str, int] = {}
    for model in models:
        table = Table(title=model.name, title_justify="left", title_style="bold", box=None, pad_edge=False)
        table.add_column("Name", header_style="dim", no_wrap=True)
        table.add_column("Value", header_style="dim", overflow="fold")
        table.add_column("", header_style="dim", justify="right", no_wrap=True)
        for name, entry in model.entries().items():
            source = f"{entry.source} (read {entry.read})" if entry.read else entry.source
            number = numbers.setdefault(source, len(numbers) + 1)
            table.add_row(name, _value(entry), Text(f"[{number}]", style="dim"))
        console.print(table)
        if model.status:
            say(console, model.status)
        console.print()
    for source, number in numbers.items():
        console.print(Text(f"[{number}] {source}"), soft_wrap=True)


def _value(entry: Limit) -> str:
    """The value as people read it."""
    match entry:
        case Number():
            return f"{entry.value:,} {entry.unit}"
        case Range():
            return f"{entry.low:,} to {entry.high:,} {entry.unit}"
        case Levels():
            levels = (
                f"{name.removeprefix('MEDIA_RESOLUTION_')} {low:g}-{high:g}"
                for name, (low, high) in entry.levels.items()
            )
            return f"{', '.join(levels)} {entry.unit}"
        case Names() | Sizes():
            return ", ".join(map(str, entry.values)) or "none"
        case Day():
            return "none" if entry.value is None else str(entry.value)
        case Switch():
            return "yes" if entry.value else "no"
        case Price():
            return "unknown" if entry.value is None else f"{entry.value:g} {entry.unit}"
    return ""
