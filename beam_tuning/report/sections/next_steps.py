"""What to type next: a few commands, made from this very run, ready to be copied.

A rule is a small function of the document; `RULES` has them in the order of their weight. A command of this project
that comes later adds a function here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from beam_tuning.line_edits.edits import EDITS
from beam_tuning.media_repairs.plan import MENDED
from beam_tuning.policy.readiness import TRAIN, VALIDATION, FailOn, State
from beam_tuning.reasons import Outcome, Reason
from beam_tuning.report.command_lines import OptionValue, quoted, validate_command
from beam_tuning.report.sections.resolution import cheapest
from beam_tuning.report.sections.section import Section

if TYPE_CHECKING:
    from beam_tuning.report.document import Document
    from beam_tuning.report.sections.reasons import ReasonRow

MOST_STEPS = 3
_TUNE = "Check and show the tuning job for the cleaned files; --submit creates it."
_IN_PROCESS = ("FnApiRunner", "DirectRunner")


class Step(NamedTuple):
    """One command.

    Attributes:
      why: a sentence that says what it does for this dataset.
      command: for a POSIX shell, on one line.
    """

    why: str
    command: str


def next_steps(document: Document) -> list[Step]:
    """At most `MOST_STEPS` commands, the weightiest first."""
    return _first_steps(document, set())


def steps_before_tuning(document: Document, *, media_are_uploaded: bool) -> list[Step]:
    """What to type where a run cannot be tuned yet: how to make it ready."""
    left_out = {_start_tuning, _copy_rewritten_media, *([_upload_media] if media_are_uploaded else [])}
    return _first_steps(document, left_out)


def steps_to_tuning(document: Document, *, media_are_uploaded: bool) -> list[Step]:
    """What to type where all is as the run left it, or was uploaded since: how to tune, or what is in the way."""
    codes = {finding.code for finding in document.readiness.cleaned.findings}
    if media_are_uploaded and codes == {Reason.MEDIA_IS_LOCAL.code}:
        return _tune(document, _TUNE)
    left_out = {_copy_rewritten_media, *([_upload_media] if media_are_uploaded else [])}
    return _first_steps(document, left_out)


def _first_steps(document: Document, left_out: Collection[Callable[[Document], list[Step]]]) -> list[Step]:
    steps = [step for rule in RULES if rule not in left_out for step in rule(document)]
    return steps[:MOST_STEPS]


def run_again(document: Document, why: str, suffix: str, **changes: OptionValue) -> list[Step]:
    """The same run once more into a folder beside, where only what has changed is probed."""
    return _again(document, why, suffix, from_kept=True, **changes)


def _even_out_media_resolution(document: Document) -> list[Step]:
    """The value that keeps the most examples, written into every line."""
    if document.media_resolutions.agree.kept:
        return []
    best = cheapest(document.resolution_plan)
    if best is None or best.media_resolution is None:
        return []
    level = best.media_resolution.removeprefix("MEDIA_RESOLUTION_")
    why = f"Write media resolution {level} into every kept example, which keeps the most: {_examples(best.kept)}."
    if document.options.get("repaired_from"):
        why = f"Write media resolution {level} into every kept example."
    changes: dict[str, OptionValue] = {"media_resolution": None, "set_media_resolution": level}
    return _again(document, why, level.lower(), from_kept=True, **changes, fail_on=FailOn.CLEANED.value)


def _fit_the_limits(document: Document) -> list[Step]:
    """A sample of the kept examples, where there are more than the model takes."""
    if not any(finding.code in _TOO_MANY for finding in document.readiness.cleaned.findings):
        return []
    why = "Take as many of the kept examples as the model’s limits allow; the others go to files of their own."
    return _again(document, why, "fit", from_kept=True, max_examples="fit", fail_on=FailOn.CLEANED.value)


def _ask_again(document: Document) -> list[Step]:
    """What stores did not answer may be answered now, and what was answered is not asked for again."""
    undecided = sum(split.undecided for split in document.splits.values())
    transient = [row for row in document.reasons if row.code in _MAY_PASS]
    if not undecided or not transient:
        return []
    why = f"Look again at the media of {_examples(undecided)} that stayed undecided; what is known is kept."
    return _again(document, why, "again")


def _read_local_media(document: Document) -> list[Step]:
    row = _reason(document, Reason.FILE_URI_UNSUPPORTED)
    if row is None or document.options.get("allow_local_media"):
        return []
    local = [media for sample in row.samples for media in sample.media if media.uri.startswith(("/", "./", "file://"))]
    if not local:
        return []
    why = "Check media on this machine too, before they are uploaded; the tuning service reads gs:// only."
    return _again(document, why, "local", allow_local_media=True)


def _allow_private_addresses(document: Document) -> list[Step]:
    row = _reason(document, Reason.MEDIA_ADDRESS_BLOCKED)
    if row is None or document.options.get("allow_private_addresses"):
        return []
    have = "has" if row.examples == 1 else "have"
    why = f"Read media on private addresses, if they are yours: {_examples(row.examples)} {have} such media."
    return _again(document, why, "private", allow_private_addresses=True)


def _start_tuning(document: Document) -> list[Step]:
    if document.readiness.cleaned.state is not State.READY:
        return []
    return _tune(document, _TUNE)


def _copy_rewritten_media(document: Document) -> list[Step]:
    """What `--rewrite_uri` promised: the media lie where the cleaned files name them."""
    rules = document.options.get("rewrite_uri") or ()
    if isinstance(rules, str | int | float) or not any(split.kept for split in document.splits.values()):
        return []
    steps = []
    for rule in rules:
        old, _, place = rule.partition("=gs://")
        source = re.sub("^file:(?://)?", "", old)
        if "://" in source and not source.startswith("gs://"):
            continue
        why = "Copy the media to where the cleaned files name them, before you tune."
        if source.endswith("/"):
            command = f"gcloud storage rsync --recursive {quoted(source)} {quoted(f'gs://{place}')}"
        else:
            command = f"gcloud storage cp --recursive {quoted(source)}* {quoted(_folder_of(place))}"
        steps.append(Step(why, command))
    return steps


def _folder_of(place: str) -> str:
    return f"gs://{place.rpartition('/')[0]}/" if "/" in place else f"gs://{place}/"


def _upload_media(document: Document) -> list[Step]:
    if not any(finding.code == Reason.MEDIA_IS_LOCAL.code for finding in document.readiness.cleaned.findings):
        return []
    why = (
        "Copy the local media of the kept examples to a folder of yours, and write their new URIs into the "
        "cleaned files."
    )
    upload = Step(why, f"beam-tuning upload {quoted(document.output.rstrip('/'))} --to gs://BUCKET/FOLDER")
    if any(finding.certain for finding in document.readiness.cleaned.findings):
        return [upload]
    return [upload, *_tune(document, "Then check and show the tuning job; --submit creates it.")]


def _tune(document: Document, why: str) -> list[Step]:
    output = document.output.rstrip("/")
    epochs = f" --epochs {document.options['epochs']}" if "epochs" in document.options_given else ""
    if output.startswith("gs://"):
        return [Step(why, f"beam-tuning tune {quoted(output)}{epochs}")]
    if not any(file.path == "train.jsonl" for file in document.outputs):
        return []
    why += " --upload copies the cleaned files to a folder of yours, because tuning reads Cloud Storage only."
    return [Step(why, f"beam-tuning tune {quoted(output)} --upload gs://BUCKET/FOLDER{epochs}")]


def _drop_repeats(document: Document) -> list[Step]:
    """What stands there twice, as far as it is kept; leaks are taken out of validation, which is the smaller split."""
    options = document.options
    duplicates = _reason(document, Reason.EXAMPLE_DUPLICATE)
    leaks = [row for row in document.reasons if row.code in _LEAKS]
    changes: dict[str, OptionValue] = {}
    told = []
    if duplicates is not None and not options.get("drop_duplicates"):
        changes["drop_duplicates"] = True
        told.append(f"{duplicates.examples:,} duplicate{'' if duplicates.examples == 1 else 's'}")
    if leaks and not options.get("drop_leaks"):
        changes["drop_leaks"] = VALIDATION
        told.append("validation examples that training has seen")
    if not changes:
        return []
    return _again(document, f"Leave out {' and '.join(told)}.", "distinct", from_kept=True, **changes)


def _look_at_examples(document: Document) -> list[Step]:
    """The reason that keeps the most examples out, alone if possible."""
    deciding = [row for row in document.reasons if row.outcome is not Outcome.ADVICE and not row.tolerated]
    if not deciding:
        return []
    row = max(deciding, key=lambda row: (row.alone, row.examples))
    why = f"See the {_examples(row.examples)} with the reason “{row.title}”"
    why += f"; correcting it brings {row.alone:,} back." if row.alone else "."
    return [Step(why, f"beam-tuning show {quoted(document.output)} --code {quoted(row.code)}")]


def _plan_repair(document: Document) -> list[Step]:
    """Examples that are kept out by what `repair` knows to correct may come back."""
    output = document.output.rstrip("/")
    if not output or any(document.options.get(name) for name in _NOT_REPAIRED_AFTER):
        return []
    mended = MENDED.union(*(edit.mends for edit in EDITS))
    codes = {reason.code for reason in mended if reason.outcome is not Outcome.ADVICE}
    most = sum(row.alone for row in document.reasons if row.code in codes and not row.tolerated)
    if not most:
        return []
    why = f"See which dropped examples a repair would bring back, up to {most:,}; nothing is changed yet."
    return [Step(why, f"beam-tuning repair {quoted(output)} --output {quoted(f'{output}-repaired')} --plan")]


RULES: tuple[Callable[[Document], list[Step]], ...] = (
    _copy_rewritten_media,
    _start_tuning,
    _even_out_media_resolution,
    _fit_the_limits,
    _upload_media,
    _plan_repair,
    _ask_again,
    _read_local_media,
    _allow_private_addresses,
    _drop_repeats,
    _look_at_examples,
)

_LEAKS = frozenset(
    reason.code
    for reason in (Reason.EXAMPLE_IN_BOTH_SPLITS, Reason.MEDIA_IN_BOTH_SPLITS, Reason.MEDIA_SEGMENTS_IN_BOTH_SPLITS)
)
#: Options of a run that `repair` refuses (pipelines/run_repair.py), and the mark of one that was repaired.
_NOT_REPAIRED_AFTER = ("repaired_from", "max_examples", "validation_split", "rewrite_uri")
#: What a sample mends.
_TOO_MANY = frozenset(
    reason.code
    for reason in (
        Reason.TRAINING_FILE_TOO_LARGE,
        Reason.TRAINING_TOO_MANY_EXAMPLES,
        Reason.VALIDATION_TOO_MANY_EXAMPLES,
    )
)
#: What another run may find out.
_MAY_PASS = frozenset(
    reason.code
    for reason in (
        Reason.MEDIA_TIMED_OUT,
        Reason.MEDIA_SERVER_ERROR,
        Reason.MEDIA_CHANGED,
        Reason.MEDIA_NOT_PROBED,
    )
)


def _again(document: Document, why: str, suffix: str, *, from_kept: bool = False, **changes: OptionValue) -> list[Step]:
    """The same run once more with other options, into a folder beside, with the probes of this run.

    Args:
      from_kept: whether the kept examples are all that is needed. The dataset files lack what was repaired, so that a
        repaired run can be made again from its cleaned files only.
    """
    output = document.output.rstrip("/")
    if not document.options.get("train") or not output:
        return []
    if document.options.get("repaired_from"):
        cleaned = _cleaned_files(document)
        if not from_kept or not cleaned.get("train"):
            return []
        changes = {**cleaned, **changes}
    known = output if document.media.objects else None
    reuse: dict[str, OptionValue] = {"probe_cache": known, "trust_cache": None, "overwrite": None}
    if document.run.runner not in _IN_PROCESS:
        why += " Add the options of Apache Beam that this run had."
    changed = {**reuse, "output": f"{output}-{suffix}", **changes}
    return [Step(why, validate_command(document.options, document.options_given, changed))]


def _cleaned_files(document: Document) -> dict[str, OptionValue]:
    """The tuning file of each split, by the name of the option that takes it; None where there is none."""
    output, names = document.output.rstrip("/"), {file.path for file in document.outputs}
    return {split: f"{output}/{split}.jsonl" if f"{split}.jsonl" in names else None for split in (TRAIN, VALIDATION)}


def _reason(document: Document, reason: Reason) -> ReasonRow | None:
    return next((row for row in document.reasons if row.code == reason.code), None)


def _examples(count: int) -> str:
    return f"{count:,} example{'' if count == 1 else 's'}"


def _context(document: Document) -> Mapping[str, Any]:
    return {"steps": next_steps(document)}


SECTION: Section = Section(
    name="next",
    title="Next",
    template="next_steps.html",
    context=_context,
    docs="""\
Two or three commands for this very run, ready to be copied: what evens out the media resolution, what asks again for
media that were not answered, how the job is started. The summary on the terminal ends in the same ones. A run that is
made again goes into a folder of its own and takes what is known of the media from this run (`--probe_cache`).
""",
)
