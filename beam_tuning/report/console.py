"""The summary that a person reads in the terminal, made from the document alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beam_tuning.report import wording

#: Shown of each; how many others there are is one line.
_TOP_FINDINGS = 6
_TOP_REASONS = 10
_STATE_STYLES = {"ready": "bold green", "not-ready": "bold red", "uncertain": "bold yellow"}
_OUTCOME_STYLES = {"undecided": "yellow", "advice": "dim"}


def print_summary(document: Mapping[str, Any], console: Console) -> None:
    """Verdict as given and cleaned, examples by split, top reasons with their remedies, and where the files lie."""
    ready = document["readiness"]
    console.print()
    for name, title in (("as_given", "As given"), ("cleaned", "Cleaned ")):
        answer = ready[name]
        console.print(Text.assemble(f"{title}  ", (wording.STATES[answer["state"]], _STATE_STYLES[answer["state"]])))
        for finding in answer["findings"][:_TOP_FINDINGS]:
            console.print(Text(f"  {finding['title']}. {wording.visible(finding['message'])}"))
        if len(answer["findings"]) > _TOP_FINDINGS:
            console.print(Text(f"  And {len(answer['findings']) - _TOP_FINDINGS} more; see the report."))
    advice = [one for name in ("as_given", "cleaned") for one in ready[name].get("advice", ())]
    for one in {one["message"]: one for one in advice}.values():
        console.print(Text(f"Advice    {one['title']}. {wording.visible(one['message'])}", style="dim"))
    console.print()
    console.print(_splits(document))
    if document["reasons"]:
        console.print()
        console.print(_reasons(document))
    _print_tokens(document, console)
    console.print()
    console.print(Text(f"Report   {_join(document['output'], 'report.html')}"))
    for split in document["splits"]:
        if any(one["path"] == f"{split}.jsonl" for one in document["outputs"]):
            console.print(Text(f"{'Cleaned':8} {_join(document['output'], f'{split}.jsonl')}"))
    gate = ready["gate"]
    console.print(Text(f"Exit {gate['exit_code']}   {gate['why']}", style="bold"))


def _splits(document: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Split")
    for heading in ("Read", "Kept", "Dropped", "Undecided"):
        table.add_column(heading, justify="right")
    limits = {wording.share(split["drop_share"]["limit"]) for split in document["splits"].values()}
    table.add_column(f"Dropped share (limit {', '.join(limits)})")
    for name, split in document["splits"].items():
        share = split["drop_share"]
        words = wording.share_range(share["low"], share["high"]) if split["read"] else "no examples"
        table.add_row(
            Text(wording.visible(name)),
            *(wording.count(split[field]) for field in ("read", "kept", "dropped", "undecided")),
            Text(words, style=_STATE_STYLES.get(share["state"], "")),
        )
    return table


def _reasons(document: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Examples", justify="right")
    table.add_column("Reason", no_wrap=True)
    table.add_column("Remedy")
    deciding = sorted(document["reasons"], key=lambda row: (row["outcome"] == "advice", -row["examples"]))
    for row in deciding[:_TOP_REASONS]:
        style = _OUTCOME_STYLES.get(row["outcome"], "red")
        table.add_row(wording.count(row["examples"]), Text(row["code"], style=style), Text(row["remedy"]))
    if len(deciding) > _TOP_REASONS:
        table.add_row("", f"and {len(deciding) - _TOP_REASONS} more", "See the report.")
    return table


def _print_tokens(document: Mapping[str, Any], console: Console) -> None:
    tokens, price = document["tokens"]["tokens"], document["tokens"]["price"]
    if not tokens["high"]:
        return
    epochs = f"{price['epochs']} epoch{'s' if price['epochs'] != 1 else ''}"
    words = f"Tokens   {wording.number_range(tokens['low'], tokens['high'])} in the kept examples"
    if price["usd_low"] is not None:
        words += f"; {wording.usd_range(price['usd_low'], price['usd_high'])} for {epochs}"
    console.print()
    console.print(Text(words))


def _join(folder: str, name: str) -> str:
    return wording.visible(f"{folder.rstrip('/')}/{name}")
