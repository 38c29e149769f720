"""`beam-tuning validate`: check a dataset, write clean shards and a report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from beam_tuning.commands.shared_options import GCS_PATTERN, JSON, LIMITS, MEDIA, MODEL, OUTPUT, OVERWRITE, WORKERS
from beam_tuning.curation.selection import Stratify
from beam_tuning.dataset.api_schema import MEDIA_RESOLUTIONS
from beam_tuning.options import (
    Command,
    Kind,
    Option,
    Template,
    amount_usd,
    share_to_split,
    whole_number,
    word_or_whole_number,
)
from beam_tuning.policy.answers import TRAIN, VALIDATION, FailOn
from beam_tuning.policy.choices import USUAL_SCOPE, LengthBasis, MediaResolutionChoice, ResolutionScope
from beam_tuning.stopping import Stopped

if TYPE_CHECKING:
    from beam_tuning.pipelines.validate_options import ValidateOptions

_OPTIONS = (
    Option(
        "train",
        "dataset",
        Kind.READ_FILES,
        "Training examples: JSON Lines, plain or gzip. Local paths or gs:// URIs, wildcards; several with commas.",
        label="Training files",
        required=True,
        metavar="GLOB[,GLOB]",
        is_list=True,
        pattern=GCS_PATTERN,
    ),
    Option(
        "validation",
        "dataset",
        Kind.READ_FILES,
        "Validation examples, in the same form.",
        label="Validation files",
        metavar="GLOB[,GLOB]",
        is_list=True,
        pattern=GCS_PATTERN,
    ),
    OUTPUT,
    OVERWRITE,
    Option(
        "max_expansion",
        "dataset",
        Kind.NUMBER,
        "What a gzip file may expand to, as a multiple of its size; a file that expands further is rejected. "
        "JSON Lines usually expand 5 to 30 times.",
        label="Largest expansion",
        default=100,
        metavar="N",
        parse=whole_number(1, 9999),
        pattern=r"^[1-9][0-9]{0,3}$",
    ),
    MODEL._replace(required=True),
    Option(
        "media_resolution",
        "rules",
        Kind.CHOICE,
        "consistent: report it when examples ask for different media resolutions; majority: drop examples that "
        "ask for another than the most common one; a value: drop examples that ask for another.",
        label="Media resolution",
        default=MediaResolutionChoice.CONSISTENT.value,
        choices=tuple(choice.value for choice in MediaResolutionChoice),
        choice_prefix="MEDIA_RESOLUTION_",
    ),
    Option(
        "length_basis",
        "rules",
        Kind.CHOICE,
        "What the length limits apply to when an example uses a segment of a file: the segment or the whole "
        "file. The service's documents do not say.",
        label="Length basis",
        default=LengthBasis.SEGMENT.value,
        choices=tuple(choice.value for choice in LengthBasis),
    ),
    Option(
        "resolution_scope",
        "rules",
        Kind.CHOICE,
        "Which examples must have the same media resolution. visual: those with a video, an image or a document, "
        "which are what it affects (a dataset of videos at LOW and texts without it has been tuned); all: as the "
        "documents literally say.",
        label="Resolution scope",
        default=USUAL_SCOPE.value,
        choices=tuple(choice.value for choice in ResolutionScope),
    ),
    Option(
        "set_media_resolution",
        "curation",
        Kind.CHOICE,
        "Write this media resolution into every kept example that has another one or none; nothing else in the "
        "line changes. Lengths and tokens are judged with it. What a single part asks for stays.",
        label="Set the media resolution",
        choices=MEDIA_RESOLUTIONS,
        choice_prefix="MEDIA_RESOLUTION_",
    ),
    Option(
        "drop_duplicates",
        "curation",
        Kind.FLAG,
        "Drop duplicates: of examples of a split that are the same, keep the first.",
        label="Drop duplicates",
        default=False,
    ),
    Option(
        "drop_leaks",
        "curation",
        Kind.CHOICE,
        "Drop the examples of this split whose media (without media: whose text) the other split has too.",
        label="Drop leaks",
        choices=(TRAIN, VALIDATION),
    ),
    Option(
        "skip_comparison",
        "curation",
        Kind.FLAG,
        "Do not look for duplicates and leaks, which saves time.",
        label="Skip the comparison",
        default=False,
    ),
    Option(
        "max_examples",
        "curation",
        Kind.TEXT,
        "Take a sample of this many kept training examples; fit: as many as the model's limits allow, for "
        "validation too. Which ones depends on their bytes and --seed. The others are written to sampled-out "
        "files.",
        label="Most training examples",
        metavar="N|fit",
        parse=word_or_whole_number("fit", 1, 999_999_999),
        pattern=r"^(fit|[1-9][0-9]{0,8})$",
    ),
    Option(
        "stratify_by",
        "curation",
        Kind.CHOICE,
        "What a sample keeps the proportions of: media_kind, the kinds of media of an example; file, the dataset file; "
        "none.",
        label="Proportions of the sample",
        default=Stratify.MEDIA_KIND.value,
        choices=tuple(choice.value for choice in Stratify),
    ),
    Option(
        "validation_split",
        "curation",
        Kind.NUMBER,
        "Make a validation set of this share of the kept training examples, such as 0.05. Examples that share a media "
        "object stay together. Not with --validation.",
        label="Validation split",
        metavar="SHARE",
        parse=share_to_split,
        pattern=r"^0?\.[0-9]{1,6}$",
    ),
    Option(
        "seed",
        "curation",
        Kind.NUMBER,
        "The same number always gives the same sample and validation set; another number gives others.",
        label="Seed",
        default=0,
        metavar="N",
        parse=whole_number(0, 999_999_999),
        pattern=r"^[0-9]{1,9}$",
    ),
    Option(
        "tolerate",
        "rules",
        Kind.TEXT,
        "Reason codes that drop nothing and do not count in the exit code, because you take the risk; several with "
        "commas. Only codes whose outcome is not documented can be tolerated; `beam-tuning reasons` marks them.",
        label="Tolerated reasons",
        metavar="CODE[,CODE]",
        is_list=True,
        pattern=r"^[A-Z0-9_,]+$",
    ),
    LIMITS,
    Option(
        "fail_on",
        "rules",
        Kind.CHOICE,
        "When the run ends with exit code 3: as_given, when the service would reject the dataset as it is, or "
        "the cleaned one is not ready; cleaned, when the cleaned one is not ready; never.",
        label="Gate",
        default=FailOn.AS_GIVEN.value,
        choices=tuple(choice.value for choice in FailOn),
    ),
    *MEDIA,
    Option(
        "rewrite_uri",
        "media",
        Kind.TEXT,
        "In the kept lines, write NEW, a gs:// URI, for OLD at the start of media URIs; no other byte changes. "
        "The media are read where they are now, and judged as if they were there: copy them before you tune. "
        "Several with commas.",
        label="Rewritten URIs",
        metavar="OLD=NEW[,OLD=NEW]",
        is_list=True,
        pattern=r"^[^,]+=gs:\/\/[^\n\r]+$",
    ),
    Option(
        "price_per_million_tokens",
        "report",
        Kind.NUMBER,
        "US dollars for a million training tokens; without it the built-in, dated price of the model, or unknown.",
        label="Price",
        metavar="USD",
        parse=amount_usd,
        pattern=r"^[0-9]+(\.[0-9]+)?$",
    ),
    Option(
        "epochs",
        "report",
        Kind.NUMBER,
        "Epochs that the cost estimate assumes; billed tokens are tokens times epochs.",
        label="Epochs",
        default=1,
        metavar="N",
        parse=whole_number(1, 999),
        pattern=r"^[1-9][0-9]{0,2}$",
    ),
    Option(
        "sarif",
        "report",
        Kind.FLAG,
        "Write report.sarif as well, for code-scanning views.",
        label="SARIF",
        default=False,
    ),
    JSON._replace(group="report"),
    WORKERS,
)


def options_of(values: Mapping[str, Any]) -> ValidateOptions:
    """The job's options, from the values of all rows by name."""
    from beam_tuning.pipelines.validate_options import ValidateOptions

    names = [option.name for option in _OPTIONS if option.name in ValidateOptions.__struct_fields__]
    defaults = {option.name: option.default for option in _OPTIONS}
    changed = tuple(name for name in names if values[name] not in (defaults[name], None, ()))
    lists = {option.name: values[option.name] or () for option in _OPTIONS if option.is_list}
    return ValidateOptions(**{name: values[name] for name in names} | lists, given=changed)


def run(given: argparse.Namespace) -> int:
    from beam_tuning.commands.signing_in import sign_in
    from beam_tuning.commands.terminal import console_for_people, write_report_of
    from beam_tuning.pipelines.run import run_validate

    options = options_of(vars(given))
    paths = (*options.train, *options.validation, options.output, options.probe_cache or "")
    sign_in((*paths, *(word.rpartition("=")[2] for word in given.beam_arguments)), uses_beam=True)
    try:
        exit_code = run_validate(options, given.beam_arguments, console_for_people(as_json=given.json, goes_on=True))
    except Stopped as stopped:
        # It may come before an earlier run is deleted, or when this one is just finished.
        stopped.consequence = f"{options.output} holds a whole run only if manifest.json is there."
        raise
    if given.json:
        write_report_of(options.output)
    return exit_code


COMMAND = Command(
    options=_OPTIONS,
    run=run,
    takes_beam_options=True,
    exit_codes={0: "ready to tune", 3: "the run is complete, but not ready to tune (see --fail_on)"},
    examples=(
        (
            "beam-tuning validate --train 'gs://bucket/train-*.jsonl' --validation gs://bucket/validation.jsonl "
            "--output gs://bucket/checked --model gemini-3.5-flash"
        ),
        (
            "beam-tuning validate --train 'gs://bucket/train-*.jsonl' --output gs://bucket/checked "
            "--model gemini-3.5-flash --runner=DataflowRunner --project=P --region=R --temp_location=gs://bucket/tmp"
        ),
    ),
    template=Template(
        "Check a Gemini audio or video tuning dataset",
        "Looks at every audio and video file that a supervised-tuning dataset refers to, says of each example "
        "whether the tuning service will take it and why not, and writes clean JSON Lines, a report and tables.",
    ),
)
