"""What `verify` found, for people."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from beam_tuning.finished_run.opening import FinishedRun
from beam_tuning.finished_run.uploaded import read_upload
from beam_tuning.media.info import MediaInfo, ProbeFailure
from beam_tuning.report import wording
from beam_tuning.report.console import print_steps
from beam_tuning.report.sections.next_steps import run_again, steps_to_tuning
from beam_tuning.run_folder.names import VERIFY
from beam_tuning.verify.asking import CHANGES, ObjectState
from beam_tuning.verify.verify import Change, Verification

#: Of each list; the document has the rest.
_SHOWN = 20
_UNKNOWN = (ObjectState.INCOMPARABLE, ObjectState.NOT_ASKED)
_WORDS = {
    ObjectState.UNCHANGED: "as the run found them",
    ObjectState.CHANGED: "changed",
    ObjectState.VANISHED: "vanished",
    ObjectState.FORBIDDEN: "forbidden",
    ObjectState.UNREACHABLE: "not reached",
    ObjectState.APPEARED: "can be read now",
    ObjectState.INCOMPARABLE: "cannot be compared",
    ObjectState.NOT_ASKED: "not asked for",
}


def print_verification(document: Verification, run: FinishedRun, console: Console) -> None:
    """Counts, what changed, and the kept examples that it touches."""
    for state, objects in document.objects.items():
        if objects or state is ObjectState.UNCHANGED:
            console.print(Text(f"{objects:>9,}  {_WORDS[state]}", style="bold yellow" if state in CHANGES else ""))
    for change in document.changes[:_SHOWN]:
        _print_change(change, console)
    _print_more(len(document.changes), "objects", run, console)
    if document.changes:
        console.print()
        console.print(Text(f"Kept examples that this touches: {document.examples_touched:,}", style="bold"))
        for example in document.examples[:_SHOWN]:
            console.print(Text(wording.visible(f"  {example.file}:{example.line}  {example.split}")))
        _print_more(document.examples_touched, "examples", run, console)
    elif any(document.objects[state] for state in _UNKNOWN):
        console.print("No change was found. Whether the others are as the run found them is not known.")
    else:
        console.print("The media are those that the run judged.")
    if document.examples_touched:
        why = "Check the dataset again; only what has changed is looked at again."
        print_steps(run_again(run.report, why, "again"), console)
    else:
        print_steps(steps_to_tuning(run.report, media_are_uploaded=read_upload(run) is not None), console)


def _print_change(change: Change, console: Console) -> None:
    console.print()
    where = change.uri if change.asked_uri == change.uri else f"{change.uri}, uploaded to {change.asked_uri}"
    console.print(Text(wording.visible(f"{where}: {_WORDS[change.state]}"), style="bold"))
    console.print(Text(wording.visible(f"  {change.message}")))
    if change.probed_now is not None:
        console.print(Text(wording.visible(f"  was: {_facts(change.probed_before)}; is: {_facts(change.probed_now)}")))


def _print_more(total: int, what: str, run: FinishedRun, console: Console) -> None:
    if total > _SHOWN:
        more = f"  and {total - _SHOWN:,} more {what}; see {run.folder.path_of(VERIFY)}"
        console.print(Text(wording.visible(more), style="dim"))


def _facts(media: MediaInfo | ProbeFailure | None) -> str:
    if media is None:
        return "unknown"
    if isinstance(media, ProbeFailure):
        return media.message
    duration = None if media.duration_s is None else round(media.duration_s * 1000)
    if media.kind in ("audio", "video"):
        return f"{media.container}, {media.kind}, {wording.length(duration)}"
    return f"{media.container}, {media.kind}"
