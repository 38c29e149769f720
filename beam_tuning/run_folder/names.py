"""Every name below a run folder, and what the file under it is.

train.jsonl  validation.jsonl      the one object of a split that tuning takes
train/kept-00000-of-00003.jsonl    lines of one shard; also dropped-*, undecided-*, sampled-out-*; validation/ alike
verdicts/train-00000-of-00003.parquet   a row for each example of the shard
media/media-00000-of-00001.parquet      a row for each distinct media object
repairs/train-00000-of-00003.parquet    of a run that `repair` made: a row for each example that it looked at
report.json  report.html  report.sarif  tuning_job.json
manifest.json                      written last: the run is whole
upload.json  submitted.json  verify.json  reconcile.json  reconcile.html   of later commands (see `later`)
plan.parquet                       of `repair --plan`, where a run may follow or not
unfinished-run.json                the claim of a run that has not ended (see `claim`)
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Protocol

from beam_tuning.reasons import JUDGED, Verdict


class FileRole(enum.StrEnum):
    """What a file of the run folder is."""

    TUNING_FILE = "tuning-file"
    KEPT = "kept"
    DROPPED = "dropped"
    UNDECIDED = "undecided"
    SAMPLED_OUT = "sampled-out"
    VERDICTS = "verdicts"
    MEDIA = "media"
    REPAIRS = "repairs"
    REPORT = "report"
    TUNING_JOB = "tuning-job"
    UPLOAD = "upload"
    SUBMITTED = "submitted"
    VERIFY = "verify"
    RECONCILE = "reconcile"


MANIFEST = "manifest.json"
CLAIM = "unfinished-run.json"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
REPORT_SARIF = "report.sarif"
TUNING_JOB = "tuning_job.json"
UPLOAD = "upload.json"
SUBMITTED = "submitted.json"
VERIFY = "verify.json"
RECONCILE_JSON = "reconcile.json"
RECONCILE_HTML = "reconcile.html"
#: What `repair --plan` writes; it belongs to no run.
PLAN = "plan.parquet"

#: Folders that hold nothing but what a run writes.
FOLDERS = ("train", "validation", "verdicts", "media", "repairs")
_TOP_LEVEL = {
    "train.jsonl": FileRole.TUNING_FILE,
    "validation.jsonl": FileRole.TUNING_FILE,
    REPORT_JSON: FileRole.REPORT,
    REPORT_HTML: FileRole.REPORT,
    REPORT_SARIF: FileRole.REPORT,
    TUNING_JOB: FileRole.TUNING_JOB,
}
#: What commands on a finished run add. No manifest names these; they belong to the run as long as it has one.
LATER = MappingProxyType(
    {
        UPLOAD: FileRole.UPLOAD,
        SUBMITTED: FileRole.SUBMITTED,
        VERIFY: FileRole.VERIFY,
        RECONCILE_JSON: FileRole.RECONCILE,
        RECONCILE_HTML: FileRole.RECONCILE,
    }
)
#: Names at the top of the folder that are a run's own.
TOP_LEVEL = (*_TOP_LEVEL, *LATER, MANIFEST, CLAIM)

_SHARD = re.compile(
    r"(?:(?:train|validation)/(?P<verdict>kept|dropped|undecided|sampled-out)-[0-9]{5,}-of-[0-9]{5,}\.jsonl"
    r"|(?:verdicts|repairs)/(?:train|validation)-[0-9]{5,}-of-[0-9]{5,}\.parquet"
    r"|media/media-[0-9]{5,}-of-[0-9]{5,}\.parquet)"
)
_VERDICTS = re.compile(r"verdicts/(train|validation)-([0-9]{5,})-of-([0-9]{5,})\.parquet")


class AnyShard(Protocol):
    """One output shard: `number` counts from 0 within the split, of `total`."""

    @property
    def split(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def total(self) -> int: ...


def tuning_file(split: str) -> str:
    """The one object of the split that tuning takes."""
    return f"{split}.jsonl"


def lines_file(shard: AnyShard, verdict: Verdict) -> str:
    """The lines of a shard that have this verdict."""
    return f"{shard.split}/{verdict.value}-{_of(shard.number, shard.total)}.jsonl"


def verdicts_file(shard: AnyShard) -> str:
    """The verdict table of a shard."""
    return f"verdicts/{shard.split}-{_of(shard.number, shard.total)}.parquet"


def repairs_file(shard: AnyShard) -> str:
    """The table of what `repair` did to the examples of a shard."""
    return f"repairs/{shard.split}-{_of(shard.number, shard.total)}.parquet"


def verdicts_beside(lines_name: str) -> str:
    """The verdict table of the shard that a file of lines belongs to."""
    split, _, name = lines_name.partition("/")
    number = "-".join(name.removesuffix(".jsonl").split("-")[-3:])
    return f"verdicts/{split}-{number}.parquet"


def media_file(number: int, total: int) -> str:
    """One file of the media table."""
    return f"media/media-{_of(number, total)}.parquet"


def all_names(
    shards: Iterable[AnyShard], media_files: int, verdicts: Iterable[Verdict] = JUDGED, *, repairs: bool = False
) -> Iterator[str]:
    """Every name that a run with these shards may write, the manifest, the claim and later commands' left out.

    Args:
      verdicts: that the run gives.
      repairs: whether the run is a repair.
    """
    given = tuple(verdicts)
    yield from _TOP_LEVEL
    for shard in shards:
        for verdict in given:
            yield lines_file(shard, verdict)
        yield verdicts_file(shard)
        if repairs:
            yield repairs_file(shard)
    for number in range(media_files):
        yield media_file(number, media_files)


def role_of(name: str) -> FileRole | None:
    """What a run's file of this name is; None when neither a run nor a later command writes such a name."""
    if name in _TOP_LEVEL:
        return _TOP_LEVEL[name]
    if name in LATER:
        return LATER[name]
    match = _SHARD.fullmatch(name)
    if match is None:
        return None
    return FileRole(match["verdict"] or name.partition("/")[0])


def shard_of(name: str) -> tuple[str, int, int] | None:
    """(split, number, total) of the shard that a verdict table belongs to; None for other files."""
    match = _VERDICTS.fullmatch(name)
    return None if match is None else (match[1], int(match[2]), int(match[3]))


def _of(number: int, total: int) -> str:
    return f"{number:05d}-of-{total:05d}"
