"""The options of `validate`: one table for the command line, the Flex Template's metadata and the docs.

A row says name, type, default, help and, for the template, how the console asks for it.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec

from beam_tuning.dataset.api_schema import MEDIA_RESOLUTIONS


class Kind(enum.Enum):
    """What a value is; the value is the Flex Template's `paramType`."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    FLAG = "BOOLEAN"
    CHOICE = "ENUM"
    READ_FILES = "GCS_READ_FILE"
    WRITE_FOLDER = "GCS_WRITE_FOLDER"


class Option(NamedTuple):
    """One option.

    Attributes:
      metavar: what stands for the value in the help.
      label: the short name in the template's form.
      pattern: POSIX extended regular expression of acceptable values, for the template (gs:// only) .
      in_template: whether a template launch can give it.
    """

    name: str
    group: str
    kind: Kind
    label: str
    help: str
    default: str | int | float | bool | None = None
    required: bool = False
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    in_template: bool = True


_GCS = r"^gs:\/\/[^\n\r]+$"
RESOLUTION_CHOICES = ("consistent", "majority", *MEDIA_RESOLUTIONS)

OPTIONS: tuple[Option, ...] = (
    Option(
        "train",
        "dataset",
        Kind.READ_FILES,
        "Training files",
        "Training examples: JSON Lines, plain or gzip. Local paths or gs:// URIs, wildcards; several with commas.",
        required=True,
        metavar="GLOB[,GLOB]",
        pattern=_GCS,
    ),
    Option(
        "validation",
        "dataset",
        Kind.READ_FILES,
        "Validation files",
        "Validation examples, in the same form.",
        metavar="GLOB[,GLOB]",
        pattern=_GCS,
    ),
    Option(
        "output",
        "dataset",
        Kind.WRITE_FOLDER,
        "Output folder",
        "Folder for clean shards, report and tables; a local path or gs:// URI. It must hold no earlier run.",
        required=True,
        metavar="DIR",
        pattern=_GCS,
    ),
    Option(
        "overwrite",
        "dataset",
        Kind.FLAG,
        "Overwrite",
        "Delete the files of an earlier run in the output folder first.",
        default=False,
    ),
    Option(
        "max_expansion",
        "dataset",
        Kind.NUMBER,
        "Largest expansion",
        "What a gzip file may expand to, as a multiple of its size; beyond it the file is refused. JSON Lines usually "
        "expand 5 to 30 times.",
        default=100,
        metavar="N",
        pattern=r"^[1-9][0-9]{0,3}$",
    ),
    Option(
        "model",
        "rules",
        Kind.TEXT,
        "Model to tune",
        "The model to tune, e.g. gemini-2.5-flash. `beam-tuning limits` lists them with their limits.",
        required=True,
        metavar="NAME",
        pattern=r"^[a-z0-9.-]+$",
    ),
    Option(
        "media_resolution",
        "rules",
        Kind.CHOICE,
        "Media resolution",
        "consistent: report it when examples ask for different media resolutions; majority: drop examples with another "
        "than the most common one; a value: drop examples with another.",
        default="consistent",
        choices=RESOLUTION_CHOICES,
    ),
    Option(
        "length_basis",
        "rules",
        Kind.CHOICE,
        "Length basis",
        "What a length limit is held against where an example names a segment: the segment or the whole file. The "
        "service's documents do not say.",
        default="segment",
        choices=("segment", "file"),
    ),
    Option(
        "resolution_scope",
        "rules",
        Kind.CHOICE,
        "Resolution scope",
        "Which examples must agree on the media resolution: all, as the documents literally say, or those with visual "
        "media only.",
        default="all",
        choices=("all", "visual"),
    ),
    Option(
        "tolerate",
        "rules",
        Kind.TEXT,
        "Tolerated reasons",
        "Reason codes that shall drop nothing, because you take the risk; several with commas. Only codes whose "
        "outcome is not documented can be tolerated; `beam-tuning reasons` marks them.",
        metavar="CODE[,CODE]",
        pattern=r"^[A-Z0-9_,]+$",
    ),
    Option(
        "limits",
        "rules",
        Kind.READ_FILES,
        "Limits file",
        "TOML file whose numbers replace built-in limits of the same name (see `beam-tuning limits`).",
        metavar="FILE",
        in_template=False,
    ),
    Option(
        "fail_on",
        "rules",
        Kind.CHOICE,
        "Gate",
        "When the run ends with exit code 3: as_given, when the service would refuse the dataset as it stands or the "
        "cleaned one is not ready; cleaned, when the cleaned one is not ready; never.",
        default="as_given",
        choices=("as_given", "cleaned", "never"),
    ),
    Option(
        "allow_local_media",
        "media",
        Kind.FLAG,
        "Allow local media",
        "Read media given as local paths or file:// URIs. For a try-out; the tuning service cannot.",
        default=False,
        in_template=False,
    ),
    Option(
        "allow_private_addresses",
        "media",
        Kind.FLAG,
        "Allow private addresses",
        "Let http(s):// media lie on private, loopback or link-local addresses of your own network.",
        default=False,
    ),
    Option(
        "billing_project",
        "media",
        Kind.TEXT,
        "Billing project",
        "Project that pays for reading from requester-pays buckets.",
        metavar="PROJECT",
        pattern=r"^[a-z][a-z0-9.:-]+$",
    ),
    Option(
        "probe_cache",
        "media",
        Kind.TEXT,
        "Probe cache",
        "Output folder of an earlier run; media that have not changed since cost one metadata request.",
        metavar="DIR",
        pattern=_GCS,
    ),
    Option(
        "trust_cache",
        "media",
        Kind.FLAG,
        "Trust the probe cache",
        "Take answers from the probe cache without asking whether the media have changed.",
        default=False,
    ),
    Option(
        "probe_threads",
        "media",
        Kind.NUMBER,
        "Probes in flight",
        "Probes in flight in each worker process.",
        default=32,
        metavar="N",
        pattern=r"^[1-9][0-9]{0,2}$",
    ),
    Option(
        "price_per_million_tokens",
        "report",
        Kind.NUMBER,
        "Price",
        "US dollars for a million training tokens; without it the built-in, dated price of the model, or unknown.",
        metavar="USD",
        pattern=r"^[0-9]+(\.[0-9]+)?$",
    ),
    Option(
        "epochs",
        "report",
        Kind.NUMBER,
        "Epochs",
        "Epochs that the cost estimate assumes; billed tokens are tokens times epochs.",
        default=1,
        metavar="N",
        pattern=r"^[1-9][0-9]{0,2}$",
    ),
    Option(
        "sarif",
        "report",
        Kind.FLAG,
        "SARIF",
        "Write report.sarif as well, for code-scanning views.",
        default=False,
    ),
)


class ValidateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parsed command line; the fields are the rows of `OPTIONS`."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    output: str
    overwrite: bool
    max_expansion: int
    model: str
    media_resolution: str
    length_basis: str
    resolution_scope: str
    tolerate: tuple[str, ...]
    limits: str | None
    fail_on: str
    allow_local_media: bool
    allow_private_addresses: bool
    billing_project: str | None
    probe_cache: str | None
    trust_cache: bool
    probe_threads: int
    price_per_million_tokens: float | None
    epochs: int
    sarif: bool
