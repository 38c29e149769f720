"""What to type next: a few commands, made from this very run, ready to be copied.

A rule is a small function of the document; `RULES` has them in the order of their weight. A command of this project
that comes later adds a function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from beam_tuning.line_edits.edits import EDITS
from beam_tuning.policy.readiness import FailOn, State
from beam_tuning.reasons import Outcome, Reason
from beam_tuning.report.command_lines import OptionValue, quoted, validate_command
from beam_tuning.report.sections.resolution import cheapest
from beam_tuning.report.sections.section import Section

if TYPE_CHECKING:
    from beam_tuning.report.document import Document
    from beam_tuning.report.sections.reasons import ReasonRow

MOST_STEPS = 3
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
    steps = [step for rule in RULES for step in rule(document)]
    return steps[:MOST_STEPS]


def _even_out_media_resolution(document: Document) -> list[Step]:
    """The value that keeps the most examples, written into every line."""
    if document.media_resolutions.agree.kept:
        return []
    best = cheapest(document.resolution_plan)
    if best is None or best.media_resolution is None:
        return []
    level = best.media_resolution.removeprefix("MEDIA_RESOLUTION_")
    why = f"Write media resolution {level} into every kept example, which keeps the most: {_examples(best.kept)}."
    changes: dict[str, OptionValue] = {"media_resolution": None, "set_media_resolution": level}
    return _again(document, why, level.lower(), **changes, fail_on=FailOn.CLEANED.value)


def _fit_the_limits(document: Document) -> list[Step]:
    """A sample of the kept examples, where there are more than the model takes."""
    if not any(finding.code in _TOO_MANY for finding in document.readiness.cleaned.findings):
        return []
    why = "Take as many of the kept examples as the model’s limits allow; the others are written beside."
    return _again(document, why, "fit", max_examples="fit", fail_on=FailOn.CLEANED.value)


def _ask_again(document: Document) -> list[Step]:
    """What stores did not answer may be answered now, and what was answered is not asked for again."""
    undecided = sum(split.undecided for split in document.splits.values())
    transient = [row for row in document.reasons if row.code in _MAY_PASS]
    if not undecided or not transient:
        return []
    why = f"Ask again for the media of {_examples(undecided)} that stayed undecided; what is known is not asked again."
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
    return _tune(document, "Check and show the tuning job for the cleaned files; --submit creates it.")


def _upload_media(document: Document) -> list[Step]:
    if not any(finding.code == Reason.MEDIA_IS_LOCAL.code for finding in document.readiness.cleaned.findings):
        return []
    why = "Copy the local media of the kept examples to a folder of yours, and name them there in the cleaned files."
    upload = Step(why, f"beam-tuning upload {quoted(document.output.rstrip('/'))} --to gs://BUCKET/FOLDER")
    if any(finding.certain for finding in document.readiness.cleaned.findings):
        return [upload]
    return [upload, *_tune(document, "Then check and show the tuning job; --submit creates it.")]


def _tune(document: Document, why: str) -> list[Step]:
    output = document.output.rstrip("/")
    if output.startswith("gs://"):
        return [Step(why, f"beam-tuning tune {quoted(output)}")]
    if not any(file.path == "train.jsonl" for file in document.outputs):
        return []
    why += " --upload copies the cleaned files to a folder of yours, for tuning reads Cloud Storage only."
    return [Step(why, f"beam-tuning tune {quoted(output)} --upload gs://BUCKET/FOLDER")]


def _look_at_examples(document: Document) -> list[Step]:
    """The reason that keeps the most examples out, alone if possible."""
    deciding = [row for row in document.reasons if row.outcome is not Outcome.ADVICE and not row.tolerated]
    if not deciding:
        return []
    row = max(deciding, key=lambda row: (row.alone, row.examples))
    why = f"See the {_examples(row.examples)} with the reason “{row.title}”"
    why += f"; mending it brings {row.alone:,} back." if row.alone else "."
    return [Step(why, f"beam-tuning show {quoted(document.output)} --code {quoted(row.code)}")]


def _repair_lines(document: Document) -> list[Step]:
    """Examples that are kept out by faults of their lines alone may come back by themselves."""
    mendable = {reason.code for edit in EDITS for reason in edit.mends if reason.outcome is not Outcome.ADVICE}
    most = sum(row.alone for row in document.reasons if row.code in mendable and not row.tolerated)
    if not most or document.options.get("repaired_from") or not document.output.rstrip("/"):
        return []
    output = document.output.rstrip("/")
    why = f"Put right what is only written wrongly: up to {_examples(most)} may come back, in a run of their own."
    return [Step(why, f"beam-tuning repair {quoted(output)} --output {quoted(f'{output}-repaired')}")]


RULES: tuple[Callable[[Document], list[Step]], ...] = (
    _start_tuning,
    _even_out_media_resolution,
    _fit_the_limits,
    _upload_media,
    _repair_lines,
    _ask_again,
    _read_local_media,
    _allow_private_addresses,
    _look_at_examples,
)

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


def _again(document: Document, why: str, suffix: str, **changes: OptionValue) -> list[Step]:
    """The same run once more with other options, into a folder beside, with the probes of this run."""
    # The dataset files do not hold what was repaired.
    if not document.options.get("train") or not document.output.rstrip("/") or document.options.get("repaired_from"):
        return []
    output = document.output.rstrip("/")
    known = output if document.media.objects else None
    reuse: dict[str, OptionValue] = {"probe_cache": known, "trust_cache": None, "overwrite": None}
    if document.run.runner not in _IN_PROCESS:
        why += " Add the options of Apache Beam that this run had."
    changed = {**reuse, "output": f"{output}-{suffix}", **changes}
    return [Step(why, validate_command(document.options, document.options_given, changed))]


def _reason(document: Document, reason: Reason) -> ReasonRow | None:
    return next((row for row in document.reasons if row.code == reason.code), None)


def _examples(count: int) -> str:
    return f"{count:,} example{'' if count == 1 else 's'}"


def _context(document: Document) -> Mapping[str, Any]:
    return {"steps": next_steps(document)}


SECTION = Section(
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
