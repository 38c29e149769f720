"""`beam-tuning show DIR`: an earlier run's summary again, its examples by reason, or what changed since another run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_tuning.errors import OptionError
from beam_tuning.report import wording
from beam_tuning.report.catalogue import find_reason
from beam_tuning.report.command_lines import typed
from beam_tuning.report.compare import Change, ChangedExample, Comparison, compare
from beam_tuning.report.console import print_summary
from beam_tuning.report.document import Document
from beam_tuning.report.folder import Filter, read_document, read_examples
from beam_tuning.report.terminal import arrow, fits, listed, say
from beam_tuning.run_folder.reader import RunFolder

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
        wanted = _checked(wanted, document)
        found = 0
        for row in read_examples(folder, wanted):
            _print_example(row, wanted.code, console)
            found += 1
        console.print(Text(f"{found:,} example{'' if found == 1 else 's'}", style="dim"))
    else:
        print_summary(document, console)
    return document.readiness.gate.exit_code


def document_to_show(
    folder: RunFolder, wanted: Filter = _EVERYTHING, against: RunFolder | None = None
) -> tuple[int, object]:
    """The same for programs: (exit code, document). The document is report.json, a list of rows of the verdict tables,
    or a comparison.

    Raises:
      As `show`.
    """
    document = read_document(folder)
    code = document.readiness.gate.exit_code
    if against is not None:
        return code, compare(folder, against).as_document()
    if any(wanted):
        wanted = _checked(wanted, document)
        return code, list(read_examples(folder, wanted))
    return code, document


def _checked(wanted: Filter, document: Document) -> Filter:
    if wanted.code is not None:
        wanted = wanted._replace(code=find_reason(wanted.code, "--code").code)
    if wanted.split is not None and wanted.split not in document.splits:
        raise OptionError(
            "the run has no such split",
            where="--split",
            observed=wanted.split,
            limit=", ".join(document.splits),
            remedy="Give one of these values.",
        )
    return wanted


def _print_example(row: Mapping[str, Any], code: str | None, console: Console) -> None:
    """A line for the example and one for each of its findings; with a code only those of that code."""
    say(console, wording.visible(f"{row['file']}:{row['line']}  {row['split']}  {row['verdict']}"), style="bold")
    for finding in row["findings"]:
        if code is None or finding["code"] == code:
            path = f" ({finding['path']})" if finding["path"] else ""
            say(console, wording.visible(f"{finding['code']}: {finding['message']}{path}"), indent=2)


def _print_comparison(comparison: Comparison, new: RunFolder, old: RunFolder, console: Console) -> None:
    to = arrow(console)

    def change(before: str, after: str) -> str:
        return wording.visible(after if before == after else f"{before} {to} {after}")

    listed(console, Text("New  "), wording.visible(new.name))
    listed(console, Text("Old  "), wording.visible(old.name))
    listed(console, Text("Model: "), change(*comparison.models))
    for option, *values in comparison.options:
        say(console, change(*(typed(option, value) if value else f"no --{option}" for value in values)))
    for answer, before, after in comparison.states:
        title = "As given" if answer == "as_given" else "Cleaned"
        say(console, f"{title}: {change(wording.STATES[before], wording.STATES[after])}")
    _print_changes("Examples", comparison.counts, console)
    _print_changes("Reason", comparison.reasons, console)
    console.print()
    for pair, examples in comparison.verdicts.items():
        say(console, f"{examples:,} {change(*pair)}")
        for word, codes in (("no longer", comparison.gone), ("now", comparison.come)):
            for code, count in codes.get(pair, {}).items():
                say(console, wording.visible(f"{count:>8,}  {word} {code}"), style="dim")
    for sentence in _beside(comparison):
        say(console, sentence)
    for one in comparison.examples:
        listed(
            console,
            Text(wording.visible(f"  {one.file}:{one.line}  ")),
            wording.visible(f"{one.split}  {one.old} {to} {one.new}{_why(one)}"),
            below=4,
        )
    more = sum(comparison.verdicts.values()) - len(comparison.examples)
    if more > 0:
        say(console, f"and {more:,} more", indent=2, style="dim")
    if not comparison.verdicts and not comparison.only_old and not comparison.only_new:
        say(console, "Every example has the verdict it had.")


def _beside(comparison: Comparison) -> Iterator[str]:
    """How examples were matched, and which were not."""
    if comparison.only_old or comparison.only_new:
        yield f"{comparison.only_old:,} only in the old run, {comparison.only_new:,} only in the new run"
    if comparison.moved:
        yield f"{comparison.moved:,} in another file or at another line number than before"
    if comparison.rewritten:
        yield f"{comparison.rewritten:,} rewritten where they stand"
    if comparison.other_split:
        yield f"{comparison.other_split:,} in another split than before, where a validation set was made"
    if not comparison.by_content:
        yield "Matched by file and line number alone: one of the runs is of a version that kept no hashes of its lines."


def _why(one: ChangedExample) -> str:
    parts = [f"no longer {code}" for code in one.gone] + [f"now {code}" for code in one.come]
    why = f": {', '.join(parts)}" if parts else ""
    return why if one.before == (one.file, one.line) else f"{why} (was {one.before[0]}:{one.before[1]})"


def _print_changes(heading: str, changes: tuple[Change, ...], console: Console) -> None:
    if not changes:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(heading, no_wrap=True)
    for column in ("Old", "New", "Change"):
        table.add_column(column, justify="right", no_wrap=True)
    for change in changes:
        cells = (f"{change.old:,}", f"{change.new:,}", _difference(change))
        table.add_row(Text(wording.visible(change.name)), *cells)
    console.print()
    if fits(console, table):
        console.print(table)
        return
    for change in changes:
        name = Text(wording.visible(f"{change.name}  "))
        listed(console, name, f"{change.old:,} {arrow(console)} {change.new:,} ({_difference(change)})", below=2)


def _difference(change: Change) -> str:
    return f"{change.new - change.old:+,}" if change.new != change.old else "same"
