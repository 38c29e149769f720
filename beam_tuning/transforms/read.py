"""Reading dataset files into packs of lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PCollection
from apache_beam.transforms.combiners import ToList

from beam_tuning.dataset.layout import PackSize, PlacedFile, first_lines
from beam_tuning.dataset.lines import (
    PACK_BYTES,
    ExpansionLimit,
    InputFile,
    LineRange,
    gunzip,
    ranges_of,
    read_packs,
)
from beam_tuning.dataset.packs import LinePack
from beam_tuning.dataset.sniff import SNIFF_BYTES, check_json_lines, is_gzip
from beam_tuning.errors import (
    FileChanged,
    FileExpandsTooFar,
    FileNotJsonLines,
    FileTruncated,
    FileUnreadable,
    InputError,
)
from beam_tuning.pack_work.codecs import encode
from beam_tuning.reasons import Reason
from beam_tuning.transforms.dataset_files import open_dataset_file

_REASON_OF = {
    FileNotJsonLines: Reason.INPUT_FILE_NOT_JSON_LINES,
    FileTruncated: Reason.INPUT_FILE_TRUNCATED,
    FileUnreadable: Reason.INPUT_FILE_UNREADABLE,
    FileExpandsTooFar: Reason.INPUT_FILE_EXPANDS_TOO_FAR,
    FileChanged: Reason.INPUT_FILE_CHANGED,
}
_CANNOT_OPEN = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)

FAULTS = "faults"
SIZES = "sizes"


class FileFault(NamedTuple):
    """A dataset file that could not be read to its end; `message` names the file and the remedy."""

    code: str
    split: str
    path: str
    message: str


class ReadPacks(NamedTuple):
    """What `ReadLinePacks` gives.

    Attributes:
      packs: (shard key, encoded `LinePack`).
      first_lines: one dict: number of the first line of every pack, by pack key.
      faults: `FileFault`.
    """

    packs: PCollection[tuple[str, bytes]]
    first_lines: PCollection[dict[bytes, int]]
    faults: PCollection[FileFault]


@dataclass
class ReadLinePacks(beam.PTransform):
    """Pipeline -> `ReadPacks` of all lines of `files`.

    `max_expansion` is what the bytes of a gzip file may expand to, as a multiple of its size.
    """

    files: tuple[PlacedFile, ...]
    max_expansion: int
    pack_bytes: int = PACK_BYTES

    def expand(self, pipeline: beam.Pipeline) -> ReadPacks:
        ranges = (
            pipeline
            | "List files" >> beam.Create(list(self.files), reshuffle=True)
            | "Cut ranges" >> beam.ParDo(_CutRangesFn()).with_outputs(FAULTS, main="ranges")
        )
        read = (
            ranges.ranges
            | "Spread ranges" >> beam.Reshuffle()
            | "Read packs"
            >> beam.ParDo(_ReadPacksFn(self.max_expansion, self.pack_bytes)).with_outputs(SIZES, FAULTS, main="packs")
        )
        numbers = read[SIZES] | "List packs" >> ToList() | "Number lines" >> beam.Map(first_lines)
        faults = (ranges[FAULTS], read[FAULTS]) | "All faults" >> beam.Flatten()
        return ReadPacks(read.packs, numbers, faults)


@beam.typehints.with_output_types(tuple[PlacedFile, LineRange])
class _CutRangesFn(beam.DoFn):
    """PlacedFile -> (PlacedFile, LineRange), and FileFault for files that are no JSON Lines."""

    def process(self, element: PlacedFile) -> Iterator[tuple[PlacedFile, LineRange] | pvalue.TaggedOutput]:
        file = InputFile(*element.file)
        try:
            with open_dataset_file(file) as stream:
                head = stream.read(SNIFF_BYTES)
                compressed = is_gzip(head)
                if compressed:
                    head = next(gunzip(io.BytesIO(head), file.path), b"")
                check_json_lines(head, file.path)
        except FileTruncated:
            pass  # The head alone of a gzip file is cut short by us; the reader will tell.
        except InputError as error:
            yield _fault(file, error)
            return
        except _CANNOT_OPEN as error:
            yield _fault(file, _cannot_open(file.path, error))
            return
        for line_range in ranges_of(file, compressed=compressed):
            yield element, line_range


@beam.typehints.with_output_types(tuple[str, bytes])
class _ReadPacksFn(beam.DoFn):
    """(PlacedFile, LineRange) -> (shard key, encoded LinePack); PackSize and FileFault as tagged outputs."""

    def __init__(self, max_expansion: int, pack_bytes: int) -> None:
        self._max_expansion = max_expansion
        self._pack_bytes = pack_bytes

    def process(self, element: tuple[PlacedFile, LineRange]) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        placed, line_range = element
        file = InputFile(*placed.file)
        expansion = ExpansionLimit(file.size_bytes, self._max_expansion)
        try:
            with open_dataset_file(file) as stream:
                for offset, lines in read_packs(stream, line_range, self._pack_bytes, expansion):
                    pack = LinePack.of(line_range.split, line_range.path, offset, lines)
                    yield placed.shard_of(line_range, offset).key, encode(pack)
                    size = PackSize(pack.split, pack.path, offset, pack.line_count, pack.key)
                    yield pvalue.TaggedOutput(SIZES, size)
        except InputError as error:
            yield _fault(line_range, error)
        except _CANNOT_OPEN as error:
            yield _fault(line_range, _cannot_open(line_range.path, error))


def _fault(file: InputFile | LineRange, error: InputError) -> pvalue.TaggedOutput:
    reason = _REASON_OF[type(error)]
    return pvalue.TaggedOutput(FAULTS, FileFault(reason.code, file.split, file.path, str(error)))


def _cannot_open(path: str, error: OSError) -> FileUnreadable:
    return FileUnreadable(
        "the file cannot be opened",
        where=path,
        observed=error.strerror or type(error).__name__,
        remedy="Check that the file is still there and that the account running the job may read it.",
    )
