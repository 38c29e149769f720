"""The summary that a person reads in the terminal, made from the document alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_tuning.policy.readiness import State
from beam_tuning.reasons import Outcome
from beam_tuning.report import wording
from beam_tuning.report.document import Document
from beam_tuning.report.sections.next_steps import Step, next_steps
from beam_tuning.report.sections.splits import Split
from beam_tuning.report.sections.verdict import Answer
from beam_tuning.report.terminal import OUTCOME_STYLES, STATE_STYLES, fits, listed, print_whole, say
from beam_tuning.report.tuning_job import tuning_job

#: Shown of each; how many others there are is one line.
_TOP_FINDINGS = 6
_TOP_REASONS = 10


def print_summary(document: Document, console: Console) -> None:
    """Both answers, examples by split, top reasons with their remedies, where the files lie, and what to type next."""
    console.print()
    _print_answer("As given", document.readiness.as_given, console)
    _print_answer("Cleaned", document.readiness.cleaned, console)
    _print_advice(document, console)
    _print_splits(document, console)
    _print_repairs(document, console)
    _print_reasons(document, console)
    _print_tokens(document, console)
    _print_files(document, console)
    _print_next(document, console)
    gate = document.readiness.gate
    console.print()
    listed(console, Text(f"Exit {gate.exit_code}   ", style="bold"), gate.why, style="bold")


def _print_answer(title: str, answer: Answer, console: Console) -> None:
    console.print(Text.assemble(f"{title:8}  ", (wording.STATES[answer.state], STATE_STYLES[answer.state])))
    for finding in answer.findings[:_TOP_FINDINGS]:
        say(console, wording.visible(f"{finding.title}. {finding.message}"), indent=2)
    if len(answer.findings) > _TOP_FINDINGS:
        say(console, f"And {len(answer.findings) - _TOP_FINDINGS} more; see the report.", indent=2)


def _print_advice(document: Document, console: Console) -> None:
    answers = (document.readiness.as_given, document.readiness.cleaned)
    for advice in {one.message: one for answer in answers for one in answer.advice}.values():
        listed(
            console, Text("Advice    ", style="dim"), wording.visible(f"{advice.title}. {advice.message}"), style="dim"
        )


def _print_splits(document: Document, console: Console) -> None:
    fields = ["read", "kept", "dropped", "undecided"]
    if any(split.sampled_out for split in document.splits.values()):
        fields.append("sampled_out")
    limits = {f"limit {wording.share(split.drop_share.limit)}" for split in document.splits.values()}
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Split", no_wrap=True)
    for field in fields:
        table.add_column(field.replace("_", " ").capitalize(), justify="right", no_wrap=True)
    table.add_column(f"Dropped share ({', '.join(limits)})", no_wrap=True)
    for name, split in document.splits.items():
        counts = [wording.count(getattr(split, field)) for field in fields]
        table.add_row(Text(wording.visible(name)), *counts, _share(split))
    console.print()
    if fits(console, table):
        print_whole(console, table)
        return
    for name, split in document.splits.items():
        words = ", ".join(f"{wording.count(getattr(split, field))} {field.replace('_', ' ')}" for field in fields)
        limit = wording.share(split.drop_share.limit)
        listed(console, Text(f"{wording.visible(name)}  "), f"{words}; dropped {_share(split).plain} (limit {limit})")


def _share(split: Split) -> Text:
    share = split.drop_share
    words = wording.share_range(share.low, share.high) if split.read else "no examples"
    return Text(words, style=STATE_STYLES[share.state] if share.state else "")


def _print_repairs(document: Document, console: Console) -> None:
    """How many examples a repair brought back, and as how many: why more may be read than were."""
    if document.repairs is None:
        return
    splits = document.repairs.splits.values()
    back, became = sum(one.came_back for one in splits), sum(one.became for one in splits)
    words = f"{wording.count(back)} of {wording.count(back + sum(one.stayed for one in splits))} examples came back"
    if became != back:
        words += f", as {wording.count(became)}: media were taken apart"
    console.print()
    listed(console, Text("Repaired "), words)


def _print_reasons(document: Document, console: Console) -> None:
    """The reasons that keep the most examples out; advice comes last."""
    if not document.reasons:
        return
    rows = sorted(document.reasons, key=lambda row: (row.outcome is Outcome.ADVICE, -row.examples))
    shown = rows[:_TOP_REASONS]
    codes = [wording.visible(row.code) for row in shown]
    widest = max(map(len, codes))
    console.print()
    console.print(Text(f"Examples  {'Reason':{widest}}  Remedy", style="dim"))
    for row, code in zip(shown, codes, strict=True):
        style = OUTCOME_STYLES[row.outcome]
        heading = Text.assemble(f"{wording.count(row.examples):>8}  ", (f"{code:{widest}}", style), "  ")
        listed(console, heading, wording.visible(row.remedy), below=10)
    if len(rows) > len(shown):
        say(console, f"and {len(rows) - len(shown)} more; see the report.", indent=10)


def _print_tokens(document: Document, console: Console) -> None:
    tokens, price = document.tokens.tokens, document.tokens.price
    if not tokens.high:
        return
    words = f"{wording.number_range(tokens.low, tokens.high)} in the kept examples"
    if price.usd_low is not None:
        epochs = f"{price.epochs} epoch{'s' if price.epochs != 1 else ''}"
        words += f"; {wording.usd_range(price.usd_low, price.usd_high)} for {epochs}"
    console.print()
    listed(console, Text("Tokens   "), words)


def _print_files(document: Document, console: Console) -> None:
    names = {file.path for file in document.outputs}
    console.print()
    listed(console, Text("Report   "), _join(document.output, "report.html"))
    for split in document.splits:
        if f"{split}.jsonl" in names:
            listed(console, Text("Cleaned  "), _join(document.output, f"{split}.jsonl"))
    listed(console, Text("Request  "), _join(document.output, "tuning_job.json"))
    if document.readiness.cleaned.state is State.READY:
        listed(console, Text(" " * 9), wording.visible(msgspec.json.encode(tuning_job(document)).decode()))


def _print_next(document: Document, console: Console) -> None:
    print_steps(next_steps(document), console)


def print_steps(steps: Sequence[Step], console: Console) -> None:
    """The block "Next". Commands stand on one line each, however long, so that they can be copied."""
    if not steps:
        return
    console.print()
    console.print(Text("Next", style="bold"))
    for step in steps:
        say(console, wording.visible(step.why), indent=2)
        console.print(Text(f"    {step.command}", style="cyan"), soft_wrap=True)


def _join(folder: str, name: str) -> str:
    return wording.visible(f"{folder.rstrip('/')}/{name}")
