"""Rows of options that several commands have."""

from __future__ import annotations

from beam_tuning.options import Kind, Option, whole_number, word_or_whole_number

#: What a template's form takes for a place in Cloud Storage.
GCS_PATTERN = r"^gs:\/\/[^\n\r]+$"

MODEL = Option(
    "model",
    "rules",
    Kind.TEXT,
    "The model to tune, e.g. gemini-3.5-flash; models/NAME, publishers/google/models/NAME and NAME-001 mean the same. "
    "`beam-tuning limits` lists them with their limits.",
    label="Model to tune",
    metavar="NAME",
    pattern=r"^[a-z0-9./-]+$",
)
LIMITS = Option(
    "limits",
    "rules",
    Kind.READ_FILES,
    "TOML file whose numbers replace built-in limits of the same name (see `beam-tuning limits`), and which may add a "
    "model.",
    label="Limits file",
    metavar="FILE",
    in_template=False,
)
RUN_FOLDER = Option(
    "folder",
    "arguments",
    Kind.READ_FOLDER,
    "Output folder of a run; a local path or gs:// URI.",
    label="Run folder",
    metavar="DIR",
    required=True,
    pattern=GCS_PATTERN,
    is_positional=True,
)
OUTPUT = Option(
    "output",
    "dataset",
    Kind.WRITE_FOLDER,
    "Folder for clean shards, report and tables; a local path or gs:// URI. It must not hold an earlier run.",
    label="Output folder",
    required=True,
    metavar="DIR",
    pattern=GCS_PATTERN,
)
OVERWRITE = Option(
    "overwrite",
    "dataset",
    Kind.FLAG,
    "Delete the files of an earlier run in the output folder first.",
    label="Overwrite",
    default=False,
)
JSON = Option(
    "json",
    "output",
    Kind.FLAG,
    "Print one JSON document instead of text for people; everything else goes to standard error.",
    default=False,
    in_template=False,
)

WORKERS = Option(
    "workers",
    "machine",
    Kind.TEXT,
    "Worker processes of a run on this machine: a number, or auto, which is as many as there are cores that the run "
    "may use, and one where the dataset is small. They share the probes in flight. The output is the same. Other "
    "runners have options of their own.",
    default="auto",
    metavar="N|auto",
    parse=word_or_whole_number("auto", 1, 256),
    in_template=False,
)
ALLOW_LOCAL_MEDIA = Option(
    "allow_local_media",
    "media",
    Kind.FLAG,
    "Read media given as local paths or file:// URIs. The tuning service cannot read them, so the dataset is at "
    "best perhaps not ready.",
    label="Allow local media",
    default=False,
    in_template=False,
)
ALLOW_PRIVATE_ADDRESSES = Option(
    "allow_private_addresses",
    "media",
    Kind.FLAG,
    "Let http(s):// media lie on private or loopback addresses of your own network. Link-local ones stay closed.",
    label="Allow private addresses",
    default=False,
)
BILLING_PROJECT = Option(
    "billing_project",
    "media",
    Kind.TEXT,
    "Project that pays for reading from requester-pays buckets.",
    label="Billing project",
    metavar="PROJECT",
    pattern=r"^[a-z][a-z0-9.:-]+$",
)
PROBE_CACHE = Option(
    "probe_cache",
    "media",
    Kind.READ_FOLDER,
    "Output folder of an earlier run; media that have not changed since cost one metadata request.",
    label="Probe cache",
    metavar="DIR",
    pattern=GCS_PATTERN,
)
TRUST_CACHE = Option(
    "trust_cache",
    "media",
    Kind.FLAG,
    "Use the probe cache without asking whether the media have changed.",
    label="Trust the probe cache",
    default=False,
)
PROBE_THREADS = Option(
    "probe_threads",
    "media",
    Kind.NUMBER,
    "Media files that each worker process reads at the same time.",
    label="Media at once",
    default=32,
    metavar="N",
    parse=whole_number(1, 999),
    pattern=r"^[1-9][0-9]{0,2}$",
)
#: How media are read, for every command that reads some.
MEDIA = (ALLOW_LOCAL_MEDIA, ALLOW_PRIVATE_ADDRESSES, BILLING_PROJECT, PROBE_CACHE, TRUST_CACHE, PROBE_THREADS)
