"""The lines of a finished run, kept or not, in the order of its input: from its shards, without its dataset files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
import pyarrow as pa
from apache_beam import pvalue
from apache_beam.pvalue import PCollection

from beam_tuning.dataset.compression import compressed, decompressed
from beam_tuning.dataset.example import LineId
from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.layout import Shard
from beam_tuning.dataset.lines import PACK_BYTES
from beam_tuning.errors import InputError
from beam_tuning.pack_work.codecs import decoder, encode
from beam_tuning.policy.comparison import is_unwanted
from beam_tuning.policy.policy import Policy
from beam_tuning.reasons import JUDGED, Finding, Reason, Scope, Verdict
from beam_tuning.run_folder import names
from beam_tuning.run_folder.files import CHUNK_BYTES, Checksum
from beam_tuning.run_folder.manifest import Manifest, ManifestFile
from beam_tuning.run_folder.reader import RunFolder
from beam_tuning.summary.tables import line_hash
from beam_tuning.transforms.read import FAULTS, FileFault

_COLUMNS = ("file", "line", "offset_bytes", "verdict", "line_hash", "findings")
#: How `report.rejected` writes a byte that is not UTF-8.
_ESCAPED_BYTE = re.compile(rb"\\x([89a-f][0-9a-f])")
#: Reasons that a repair, which sees one line at a time, cannot find anew.
_COMPARISONS = frozenset(reason.code for reason in Reason if reason.scope is Scope.COMPARISON)
_REMEDY = "Run `beam-tuning validate` again."


class RunShard(msgspec.Struct, frozen=True):
    """One shard of a finished run.

    Attributes:
      folder: of the run.
      files: its lines by verdict, and its verdict table.
    """

    folder: str
    shard: Shard
    lines: tuple[tuple[Verdict, ManifestFile], ...]
    verdicts: ManifestFile


class RunPlace(msgspec.Struct, frozen=True, array_like=True):
    """What the run says of one line.

    Attributes:
      is_kept: whether the run kept it.
      line_hash: of the line as the dataset has it.
      compared: (code, message, path, observed) of what comparing it with other lines found.
    """

    file: str
    line: int
    offset_bytes: int
    is_kept: bool
    line_hash: bytes | None
    compared: list[tuple[str, str, str, str | None]]


class RunLine(NamedTuple):
    """One line of a run.

    Attributes:
      is_kept: whether the run kept it.
      data: of one that was not kept as it came; of a kept one as it was written.
      line_hash: of the line as the dataset has it.
      compared: what comparing it with other lines found.
    """

    line_id: LineId
    is_kept: bool
    data: bytes
    line_hash: bytes
    compared: tuple[Finding, ...]

    def is_open(self, policy: Policy) -> bool:
        """Whether a repair may bring the line back: it was not kept, and nobody wants it dropped."""
        unwanted = any(is_unwanted(policy, finding.reason, self.line_id.split) for finding in self.compared)
        return not self.is_kept and not unwanted


class RunPack(msgspec.Struct, frozen=True, array_like=True):
    """Lines of a shard, compressed, about a MiB.

    Attributes:
      number: of the pack in its shard.
      places: one for each line.
    """

    split: str
    number: int
    places: list[RunPlace]
    data: bytes

    def lines(self) -> Iterator[RunLine]:
        """Every line, in order."""
        lines = decompressed(self.data).split(b"\n")
        for place, line in zip(self.places, lines, strict=True):
            yield RunLine(
                LineId(self.split, place.file, place.line, place.offset_bytes),
                place.is_kept,
                line,
                line_hash(line) if place.line_hash is None else place.line_hash,
                tuple(Finding(Reason[code], message, path, seen) for code, message, path, seen in place.compared),
            )


class RunLines(NamedTuple):
    """What `ReadRunLines` gives.

    Attributes:
      packs: (shard key, encoded `RunPack`).
      faults: `FileFault` of files that are not as the run wrote them.
    """

    packs: PCollection[tuple[str, bytes]]
    faults: PCollection[FileFault]


def shards_of(folder: str, manifest: Manifest) -> list[RunShard]:
    """All shards of a run.

    Raises:
      InputError: the manifest lacks a file of a shard.
    """
    shards = []
    for name in sorted(file.name for file in manifest.files):
        place = names.shard_of(name)
        if place is None:
            continue
        shard = Shard(*place)
        lines = [(verdict, manifest.file(names.lines_file(shard, verdict))) for verdict in JUDGED]
        verdicts = manifest.file(name)
        whole = [(verdict, file) for verdict, file in lines if file is not None]
        if verdicts is None or len(whole) < len(lines):
            raise InputError("manifest.json lacks files of a shard", where=f"{folder}/{name}", remedy=_REMEDY)
        shards.append(RunShard(folder, shard, tuple(whole), verdicts))
    return shards


@dataclass
class ReadRunLines(beam.PTransform):
    """Pipeline -> `RunLines` of these shards."""

    shards: Sequence[RunShard]

    def expand(self, pipeline: beam.Pipeline) -> RunLines:
        read = (
            pipeline
            | "List shards" >> beam.Create([encode(shard) for shard in self.shards], reshuffle=True)
            | "Read lines" >> beam.ParDo(_ReadShardFn()).with_outputs(FAULTS, main="packs")
        )
        return RunLines(read.packs, read[FAULTS])


@beam.typehints.with_output_types(tuple[str, bytes])
class _ReadShardFn(beam.DoFn):
    def setup(self) -> None:
        self._decode = decoder(RunShard).decode

    def process(self, element: bytes) -> Iterator[tuple[str, bytes] | pvalue.TaggedOutput]:
        source = self._decode(element)
        try:
            for pack in _packs(source):
                yield source.shard.key, encode(pack)
        except InputError as error:
            fault = FileFault(Reason.INPUT_FILE_CHANGED.code, source.shard.split, source.verdicts.name, str(error))
            yield pvalue.TaggedOutput(FAULTS, fault)


def _packs(source: RunShard) -> Iterator[RunPack]:
    shard = source.shard
    folder = RunFolder(source.folder)
    table = folder.table(Manifest.single(source.verdicts), source.verdicts.name, _COLUMNS)
    streams = {verdict: _lines(folder, file) for verdict, file in source.lines}
    number, size_bytes = 0, 0
    places: list[RunPlace] = []
    lines: list[bytes] = []
    for row in _rows(table):
        verdict = Verdict(row["verdict"])
        line = next(streams[verdict], None)
        if line is None:
            raise _unfit(folder, source)
        if verdict is not Verdict.KEPT:
            line = _original(line, row["line_hash"], folder.path_of(names.lines_file(shard, verdict)))
        places.append(
            RunPlace(
                row["file"],
                row["line"],
                row["offset_bytes"],
                verdict is Verdict.KEPT,
                row["line_hash"],
                _compared(row["findings"]),
            )
        )
        lines.append(line)
        size_bytes += len(line)
        if size_bytes >= PACK_BYTES:
            yield RunPack(shard.split, number, places, compressed(b"\n".join(lines)))
            number, size_bytes, places, lines = number + 1, 0, [], []
    if any(next(stream, None) is not None for stream in streams.values()):
        raise _unfit(folder, source)
    if lines:
        yield RunPack(shard.split, number, places, compressed(b"\n".join(lines)))


def _compared(findings: list[dict[str, Any]]) -> list[tuple[str, str, str, str | None]]:
    return [
        (one["code"], one["message"], one["path"], one["observed"]) for one in findings if one["code"] in _COMPARISONS
    ]


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()


def _lines(folder: RunFolder, file: ManifestFile) -> Iterator[bytes]:
    """The lines of a file, which must be the very file that the run wrote."""
    checksum = Checksum()
    rest = b""
    try:
        with folder.open(file.name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                checksum.update(chunk)
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
    except OSError as error:
        raise InputError(
            "the file cannot be read",
            where=folder.path_of(file.name),
            observed=error.strerror or type(error).__name__,
            remedy=_REMEDY,
        ) from error
    if rest or checksum.text() != file.crc32c:
        raise InputError(
            "the file has been changed since the run wrote it", where=folder.path_of(file.name), remedy=_REMEDY
        )


class _Rejected(msgspec.Struct):
    """A line of `dropped-*.jsonl`: see `report.rejected`."""

    example: msgspec.Raw = msgspec.Raw(b"")
    raw: str | None = None


_decode_rejected = msgspec.json.Decoder(_Rejected).decode


def _original(rejected: bytes, expected_hash: bytes | None, where: str) -> bytes:
    """The line as it came, white space around it left out.

    Args:
      expected_hash: of the line; it tells bytes that were escaped, because they are not UTF-8, from text that reads so.
    """
    try:
        decoded = _decode_rejected(rejected)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("a line is not as the run wrote it", where=where, observed=error, remedy=_REMEDY) from error
    if decoded.raw is None:
        return bytes(decoded.example)
    text = decoded.raw.encode("utf-8", "surrogatepass")
    unescaped = _ESCAPED_BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), text)
    is_unescaped = line_hash(without_byte_order_mark(unescaped)) == expected_hash
    return unescaped if is_unescaped else text


def _unfit(folder: RunFolder, source: RunShard) -> InputError:
    return InputError(
        "the verdict table does not fit the files of lines",
        where=folder.path_of(source.verdicts.name),
        remedy=_REMEDY,
    )
