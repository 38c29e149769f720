"""Writes the sample dataset to a folder, with the verdict and the reasons that each line must get."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec

from beam_tuning.reasons import Finding, Reason, Verdict, verdict_of
from beam_tuning.sample.cases import FILES, Case, Lines
from beam_tuning.sample.media import write_media

#: The model whose limits the expected reasons are for.
SAMPLE_MODEL = "gemini-2.5-flash"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ExpectedLine(msgspec.Struct, frozen=True):
    """What the job must say of one line.

    Attributes:
      split: `train` or `validation`.
      file: the dataset file's name without its folder.
      line: 1-based, blank lines counted.
      codes: reason codes, sorted, advice included.
    """

    split: str
    file: str
    line: int
    verdict: Verdict
    codes: tuple[str, ...]


class Sample(msgspec.Struct, frozen=True):
    """A written sample.

    Attributes:
      train, validation: patterns that match the dataset files of each split.
      media: the media files, on this machine.
      expected: one entry for each example, in order; blank lines have none.
    """

    train: str
    validation: str
    media: tuple[Path, ...]
    expected: tuple[ExpectedLine, ...]


def write_sample(folder: Path, media_base: str | None = None) -> Sample:
    """Writes `train/`, `validation/`, `media/` and `expected.jsonl` under `folder`.

    Args:
      media_base: what the media's URIs start with, e.g. `gs://bucket/media`, for those who upload `media/` there; the
        local folder when None, which the job reads with --allow_local_media only.
    """
    media_folder = (folder / "media").absolute()
    names = write_media(media_folder)
    lines = Lines(media_base or str(media_folder))
    expected: list[ExpectedLine] = []
    for split, files in FILES.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        for name, groups in files.items():
            cases = [case for group in groups for case in group(lines)]
            data, line_numbers = _join(cases, windows=name.startswith("part-00001"))
            if name.endswith(".gz"):
                data = gzip.compress(data, mtime=0)
            (folder / split / name).write_bytes(data)
            expected += [
                ExpectedLine(split, name, number, _verdict(case), case.codes)
                for number, case in zip(line_numbers, cases, strict=True)
            ]
    (folder / "expected.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in expected))
    return Sample(
        train=f"{folder}/train/part-*",
        validation=f"{folder}/validation/part-*",
        media=tuple(media_folder / name for name in names),
        expected=tuple(expected),
    )


def _join(cases: list[Case], *, windows: bool) -> tuple[bytes, list[int]]:
    """The file's bytes and each case's line number; as an editor on Windows may leave it: byte order mark, CRLF, blank
    lines, no newline at the end."""
    if not windows:
        return b"".join(case.line + b"\n" for case in cases), list(range(1, len(cases) + 1))
    return _BYTE_ORDER_MARK + b"\r\n\r\n".join(case.line for case in cases), list(range(1, 2 * len(cases), 2))


def _verdict(case: Case) -> Verdict:
    return verdict_of(Finding(Reason[code], "") for code in case.codes)
