"""`beam-tuning show DIR`: an earlier run's summary again, its examples by reason, or what changed since another run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_tuning.errors import OptionError
from beam_tuning.reasons import Reason
from beam_tuning.report import wording
from beam_tuning.report.compare import Comparison, compare
from beam_tuning.report.console import print_summary
from beam_tuning.report.document import Document
from beam_tuning.report.folder import Filter, RunFolder, read_document, read_examples

_EVERYTHING = Filter()


def show(folder: RunFolder, console: Console, wanted: Filter = _EVERYTHING, against: RunFolder | None = None) -> int:
    """Prints the summary, or the examples that a filter wants, or what changed since `against`.

    Returns:
      The exit code that the run ended with.

    Raises:
      InputError: a folder holds no whole run, or one of another schema version.
      OptionError: there is no such reason code or split.
    """
    document = read_document(folder)
    if against is not None:
        _print_comparison(compare(folder, against), folder, against, console)
    elif any(wanted):
        _check(wanted, document)
        found = 0
        for row in read_examples(folder, wanted):
            _print_example(row, wanted.code, console)
            found += 1
        console.print(Text(f"{found:,} example{'' if found == 1 else 's'}", style="dim"))
    else:
        print_summary(document, console)
    return document.readiness.gate.exit_code


def _check(wanted: Filter, document: Document) -> None:
    if wanted.code is not None and wanted.code not in Reason.__members__:
        raise OptionError(
            "there is no such reason code",
            where="--code",
            observed=wanted.code,
            remedy="`beam-tuning reasons` lists them.",
        )
    if wanted.split is not None and wanted.split not in document.splits:
        raise OptionError(
            "the run has no such split",
            where="--split",
            observed=wanted.split,
            limit=", ".join(document.splits),
        )


def _print_example(row: Mapping[str, Any], code: str | None, console: Console) -> None:
    """A line for the example and one for each of its findings; with a code only those of that code."""
    console.print(Text(wording.visible(f"{row['file']}:{row['line']}  {row['split']}  {row['verdict']}"), style="bold"))
    for finding in row["findings"]:
        if code is None or finding["code"] == code:
            path = f" ({finding['path']})" if finding["path"] else ""
            console.print(Text(wording.visible(f"  {finding['code']}: {finding['message']}{path}")))


def _print_comparison(comparison: Comparison, new: RunFolder, old: RunFolder, console: Console) -> None:
    console.print(Text(f"New  {wording.visible(new.name)}\nOld  {wording.visible(old.name)}"))
    console.print(Text(f"Model: {wording.visible(_change(*comparison.models))}"))
    for name, before, after in comparison.states:
        title = "As given" if name == "as_given" else "Cleaned"
        console.print(Text(f"{title}: {_change(wording.STATES[before], wording.STATES[after])}"))
    for heading, changes in (("Examples", comparison.counts), ("Reason", comparison.reasons)):
        if changes:
            table = Table(box=None, pad_edge=False, header_style="dim")
            table.add_column(heading)
            for column in ("Old", "New", "Change"):
                table.add_column(column, justify="right")
            for change in changes:
                difference = f"{change.new - change.old:+,}" if change.new != change.old else "same"
                table.add_row(Text(wording.visible(change.name)), f"{change.old:,}", f"{change.new:,}", difference)
            console.print()
            console.print(table)
    console.print()
    for (before, after), examples in comparison.verdicts.items():
        console.print(Text(f"{examples:,} {before} → {after}"))
    if comparison.only_old or comparison.only_new:
        console.print(Text(f"{comparison.only_old:,} only in the old run, {comparison.only_new:,} only in the new run"))
    for one in comparison.examples:
        console.print(Text(wording.visible(f"  {one.file}:{one.line}  {one.split}  {one.old} → {one.new}")))
    more = sum(comparison.verdicts.values()) - len(comparison.examples)
    if more > 0:
        console.print(Text(f"  and {more:,} more", style="dim"))
    if not comparison.verdicts and not comparison.only_old and not comparison.only_new:
        console.print("Every example has the verdict it had.")


def _change(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"
