"""What a job did and what was predicted, for people on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_tuning.reconcile.document import NO_FINDING, Line, Reconciliation
from beam_tuning.report import wording
from beam_tuning.tuning.job import TokenDistribution

#: Lines shown; the document and the page have more.
_SHOWN = 10


def print_reconciliation(document: Reconciliation, page: str, console: Console) -> None:
    """The differences first, then lines, reasons and tokens, then what cannot be known.

    Args:
      page: path or URI of `reconcile.html`.
    """
    if document.differences:
        console.print(Text("Not as predicted", style="bold red"))
        for difference in document.differences:
            console.print(Text(f"  {wording.visible(difference.message)}"))
    else:
        console.print(Text("As predicted", style="bold green"))
    console.print()
    _print_counts(document, console)
    for title, lines in (
        ("Dropped by the service, kept by the run", document.kept_by_us),
        ("Dropped by both", document.dropped_by_both),
        ("Dropped by the run, taken by the service", document.kept_by_service or ()),
    ):
        _print_lines(title, lines, console)
    if document.reasons:
        console.print()
        for row in document.reasons:
            ours = ", ".join(
                f"{'nothing' if code == NO_FINDING else code} of {count:,}" for code, count in row.ours.items()
            )
            reason = row.reason or "no reason given"
            console.print(Text(wording.visible(f"{row.examples:,} x “{reason}”; the run says {ours}")))
    _print_tokens(document, console)
    for sentence in document.cannot_show:
        console.print(Text(wording.visible(sentence), style="dim"))
    console.print()
    console.print(Text(wording.visible(f"Page  {page}")))


def _print_counts(document: Reconciliation, console: Console) -> None:
    examples = document.examples
    console.print(
        f"Examples: {examples.ours:,} in the file, {wording.count(examples.service)} counted by the service, "
        f"{wording.count(examples.dropped)} dropped by it, {examples.sampled:,} of these named.",
        highlight=False,
    )
    tokens = document.tokens
    high = tokens.high_with_validation
    upper = "or more" if high is None else f"to {high:,}"
    console.print(
        f"Tokens of one epoch: {wording.count(tokens.service)} billed, {tokens.foretold.low:,} {upper} predicted.",
        highlight=False,
    )


def _print_lines(title: str, lines: tuple[Line, ...], console: Console) -> None:
    if not lines:
        return
    console.print()
    console.print(Text(title, style="bold"))
    for line in lines[:_SHOWN]:
        reason = f": {line.reason}" if line.reason else ""
        console.print(Text(wording.visible(f"  {line.index:,}  {line.file}:{line.line}{reason}")))
        for finding in line.findings:
            console.print(Text(wording.visible(f"      the run says {finding.code}: {finding.message}"), style="dim"))
    if len(lines) > _SHOWN:
        console.print(Text(f"  and {len(lines) - _SHOWN:,} more", style="dim"))


def _print_tokens(document: Reconciliation, console: Console) -> None:
    rows = (
        ("Service, input", document.input_tokens),
        ("Service, output", document.output_tokens),
        ("Run, low end", document.estimate.low),
        ("Run, high end", document.estimate.high),
    )
    if not any(isinstance(row, TokenDistribution) for _, row in rows):
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Tokens an example")
    columns = ("min", "p5", "median", "mean", "p95", "max")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in rows:
        if row is not None:
            values = (getattr(row, column) for column in columns)
            table.add_row(name, *("unknown" if value is None else f"{value:,.0f}" for value in values))
    console.print()
    console.print(table)
