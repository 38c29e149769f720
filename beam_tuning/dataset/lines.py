"""Cutting dataset files into packs of whole lines.

A pack, not a line, is what travels through the pipeline: a line through a stage boundary costs more than parsing it.
Everything here works on file-like objects and bytes; who opens them is not known here.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from beam_tuning.errors import FileNotJsonLines, FileTruncated, FileUnreadable

#: Bytes of lines in one pack. Larger packs save stage boundaries, smaller ones worker memory.
PACK_BYTES = 1 << 20
#: Bytes of a plain file that one reader takes.
RANGE_BYTES = 64 << 20
#: A longer line is taken for a file that is no JSON Lines: it would fill a worker's memory.
MAX_LINE_BYTES = 256 << 20

_READ_BYTES = 1 << 20


class InputFile(NamedTuple):
    """One dataset file as matched: `split` is `train` or `validation`."""

    split: str
    path: str
    size_bytes: int


class LineRange(NamedTuple):
    """The lines of a file whose first byte lies in [start, stop); a compressed file is one range with stop None."""

    split: str
    path: str
    start: int
    stop: int | None
    compressed: bool


class LinePack(msgspec.Struct, frozen=True, array_like=True):
    """Whole lines of one file, zlib-compressed at level 1 (less to copy through a shuffle, cheap to undo).

    Attributes:
      offset_bytes: where the first line begins in the (decompressed) file.
    """

    split: str
    path: str
    offset_bytes: int
    data: bytes

    @classmethod
    def of(cls, split: str, path: str, offset_bytes: int, lines: bytes) -> LinePack:
        return cls(split, path, offset_bytes, zlib.compress(lines, 1))

    @property
    def key(self) -> bytes:
        """16 bytes: a digest of split and path, then the offset. The same in every attempt, so retries are safe."""
        return file_digest(self.split, self.path) + self.offset_bytes.to_bytes(8, "big")

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(offset_bytes, line without its newline) of every line, blank ones included."""
        offset = self.offset_bytes
        for line in split_lines(zlib.decompress(self.data)):
            yield offset, line
            offset += len(line) + 1


def file_digest(split: str, path: str) -> bytes:
    """8 bytes that stand for one dataset file."""
    return hashlib.blake2b(f"{split}\0{path}".encode("utf-8", "surrogateescape"), digest_size=8).digest()


def split_lines(data: bytes) -> list[bytes]:
    r"""Lines without their `\n`; the empty rest behind a last newline is no line.

    Not bytes.splitlines: that also cuts at a bare carriage return, which JSON allows between tokens.
    """
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return lines


def count_lines(data: bytes) -> int:
    """As many as `split_lines` gives."""
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


def ranges_of(file: InputFile, *, compressed: bool, range_bytes: int = RANGE_BYTES) -> Iterator[LineRange]:
    """The ranges that together hold every line of the file once."""
    if compressed:
        yield LineRange(file.split, file.path, 0, None, compressed=True)
        return
    for start in range(0, file.size_bytes, range_bytes):
        stop = min(start + range_bytes, file.size_bytes)
        yield LineRange(file.split, file.path, start, stop, compressed=False)


def read_packs(stream: BinaryIO, line_range: LineRange, pack_bytes: int = PACK_BYTES) -> Iterator[tuple[int, bytes]]:
    """(offset_bytes, whole lines) of about `pack_bytes` each, for the lines that begin in the range.

    Packs of all ranges of a file tile it: every byte stands in exactly one.

    Raises:
      FileTruncated, FileUnreadable: the gzip data are cut short or damaged.
      FileNotJsonLines: a line is longer than `MAX_LINE_BYTES`.
    """
    if line_range.compressed:
        yield from _cut(gunzip(stream, line_range.path), 0, None, line_range.path, pack_bytes)
        return
    start = line_range.start
    if start:
        # The line that holds the byte before the range belongs to the reader of that byte, with all its bytes.
        stream.seek(start - 1)
        start = _skip_line(stream, start - 1)
    if line_range.stop is None or start < line_range.stop:
        stream.seek(start)
        yield from _cut(_chunks(stream), start, line_range.stop, line_range.path, pack_bytes)


def gunzip(stream: BinaryIO, path: str) -> Iterator[bytes]:
    """The decompressed bytes of every member, in chunks of bounded size.

    Raises:
      FileTruncated: a member ends early (Beam's own reader takes that for the end of the file).
      FileUnreadable: a member is damaged.
    """
    member = zlib.decompressobj(31)
    open_member = False
    for chunk in _chunks(stream):
        rest = chunk
        while rest:
            if not open_member:
                rest = rest.lstrip(b"\0")  # zero padding between and behind members is legal (RFC 1952, tape blocks)
                if not rest:
                    break
                member, open_member = zlib.decompressobj(31), True
            try:
                data = member.decompress(rest, _READ_BYTES)
            except zlib.error as error:
                raise FileUnreadable(
                    "the gzip file is damaged",
                    where=path,
                    observed=str(error),
                    remedy="Upload the file again; check it with: gzip --test FILE",
                ) from error
            if data:
                yield data
            if member.eof:
                rest, open_member = member.unused_data, False
            else:
                rest = member.unconsumed_tail
    if open_member:
        raise FileTruncated(
            "the gzip file is cut short: its last member does not end",
            where=path,
            remedy="Upload the file again; check it with: gzip --test FILE",
        )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_READ_BYTES):
        yield chunk


def _skip_line(stream: BinaryIO, position: int) -> int:
    """The offset behind the next newline, or of the end."""
    for chunk in _chunks(stream):
        newline = chunk.find(b"\n")
        if newline >= 0:
            return position + newline + 1
        position += len(chunk)
    return position


def _cut(
    chunks: Iterable[bytes], position: int, stop: int | None, path: str, pack_bytes: int
) -> Iterator[tuple[int, bytes]]:
    """Joins chunks and cuts them at newlines; ends with the line that holds byte `stop - 1`."""
    held: list[bytes] = []
    held_bytes = 0
    for incoming in chunks:
        chunk = incoming
        last = False
        if stop is not None and position + held_bytes + len(chunk) >= stop:
            end = chunk.find(b"\n", max(0, stop - 1 - position - held_bytes))
            if end >= 0:
                chunk, last = chunk[: end + 1], True
        held.append(chunk)
        held_bytes += len(chunk)
        if last:
            break
        if held_bytes < pack_bytes:
            continue
        newline = chunk.rfind(b"\n")
        if newline < 0:
            if held_bytes > MAX_LINE_BYTES:
                raise FileNotJsonLines(
                    "a line does not end",
                    where=f"{path} (byte {position})",
                    observed=f"more than {held_bytes:,} bytes without a newline",
                    limit=f"{MAX_LINE_BYTES:,} bytes",
                    remedy="Write one JSON object a line (JSON Lines).",
                )
            continue
        rest = chunk[newline + 1 :]
        held[-1] = chunk[: newline + 1]
        yield position, b"".join(held)
        position += held_bytes - len(rest)
        held, held_bytes = [rest], len(rest)
    if held_bytes:
        yield position, b"".join(held)
