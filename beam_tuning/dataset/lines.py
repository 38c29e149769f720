"""Cutting dataset files into packs of whole lines.

A pack, not a line, is what travels through the pipeline: a line through a stage boundary costs more than parsing it.
Everything here works on file-like objects and bytes; opening files is left to the caller.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from beam_tuning.errors import FileExpandsTooFar, FileNotJsonLines, FileTruncated, FileUnreadable

#: Bytes of lines in one pack. Larger packs save stage boundaries, smaller ones worker memory.
PACK_BYTES = 1 << 20
#: Bytes of a plain file that one reader takes.
RANGE_BYTES = 64 << 20
#: The longest line that is read. A file with a longer one is taken for no JSON Lines: the line would fill a worker's
#: memory. (How long a line may be to be parsed is another limit: `json_text.MAX_PARSED_LINE_BYTES`.)
MAX_READ_LINE_BYTES = 256 << 20

_READ_BYTES = 1 << 20
#: What any gzip file may expand to, however small it is: no more than a plain file costs that is no burden.
_EXPANSION_FLOOR_BYTES = 1 << 20


class InputFile(NamedTuple):
    """One dataset file as matched.

    Attributes:
      split: `train` or `validation`.
      path: local path or gs:// URI.
      size_bytes: as stored, that is, compressed where the file is.
      version: text that changes when the file does, e.g. the generation of an object; empty when it is not known.
    """

    split: str
    path: str
    size_bytes: int
    version: str = ""


class LineRange(NamedTuple):
    """The lines of a file whose first byte lies in [start, stop); a compressed file is one range with stop None."""

    split: str
    path: str
    start: int
    stop: int | None
    compressed: bool


def ranges_of(file: InputFile, *, compressed: bool, range_bytes: int = RANGE_BYTES) -> Iterator[LineRange]:
    """The ranges that together hold every line of the file once."""
    if compressed:
        yield LineRange(file.split, file.path, 0, None, compressed=True)
        return
    for start in range(0, file.size_bytes, range_bytes):
        stop = min(start + range_bytes, file.size_bytes)
        yield LineRange(file.split, file.path, start, stop, compressed=False)


def read_packs(
    stream: BinaryIO,
    line_range: LineRange,
    pack_bytes: int = PACK_BYTES,
    expansion: ExpansionLimit | None = None,
) -> Iterator[tuple[int, bytes]]:
    """(offset_bytes, whole lines) of about `pack_bytes` each, for the lines that begin in the range.

    Packs of all ranges of a file tile it: every byte stands in exactly one.

    Args:
      expansion: for a compressed file.

    Raises:
      FileTruncated, FileUnreadable: the gzip data are cut short or damaged.
      FileExpandsTooFar: they are more than `expansion` allows.
      FileNotJsonLines: a line is longer than `MAX_READ_LINE_BYTES`.
    """
    if line_range.compressed:
        yield from _cut(gunzip(stream, line_range.path, expansion), 0, None, line_range.path, pack_bytes)
        return
    start, stop = line_range.start, line_range.stop
    if start:
        # The line that holds the byte before the range belongs to the reader of that byte, with all its bytes.
        stream.seek(start - 1)
        start = _skip_line(stream, start - 1, stop)
    if stop is None or start < stop:
        stream.seek(start)
        yield from _cut(_chunks(stream), start, stop, line_range.path, pack_bytes)


class ExpansionLimit(NamedTuple):
    """How far a gzip file may expand.

    A small file can hold days of work: gzip packs 1,032 equal bytes into one (https://www.zlib.net/zlib_tech.html).
    JSON Lines expand 5 to 30 times, and some more where a long system instruction stands on every line.

    Attributes:
      stored_bytes: the file's size.
      times: what the decompressed bytes may be, as a multiple of that. A MiB is always allowed.
    """

    stored_bytes: int
    times: int

    def check(self, expanded_bytes: int, path: str) -> None:
        """Raises FileExpandsTooFar when there are more bytes than allowed."""
        limit_bytes = max(self.stored_bytes * self.times, _EXPANSION_FLOOR_BYTES)
        if expanded_bytes > limit_bytes:
            raise FileExpandsTooFar(
                f"the gzip file expands to more than {self.times} times its size",
                where=path,
                observed=f"more than {limit_bytes:,} bytes out of {self.stored_bytes:,}",
                limit=f"{self.times} times the stored size",
                remedy="Look at it with: gzip --list FILE. If it is as it should be, raise --max_expansion.",
            )


def gunzip(stream: BinaryIO, path: str, expansion: ExpansionLimit | None = None) -> Iterator[bytes]:
    """The decompressed bytes of every member, in chunks of bounded size.

    Raises:
      FileTruncated: a member ends early (Beam's own reader takes that for the end of the file).
      FileUnreadable: a member is damaged.
      FileExpandsTooFar: there are more bytes than `expansion` allows.
    """
    member = zlib.decompressobj(31)
    open_member = False
    expanded_bytes = 0
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
            expanded_bytes += len(data)
            if expansion is not None:
                expansion.check(expanded_bytes, path)
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


def _skip_line(stream: BinaryIO, position: int, stop: int | None) -> int:
    """The offset behind the next newline, or of the end.

    At `stop` the search is over: no line begins before it. So a line without end is read once, not once for each range.
    """
    for chunk in _chunks(stream):
        newline = chunk.find(b"\n")
        if newline >= 0:
            return position + newline + 1
        position += len(chunk)
        if stop is not None and position >= stop:
            break
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
            if held_bytes > MAX_READ_LINE_BYTES:
                raise FileNotJsonLines(
                    "a line does not end",
                    where=f"{path} (byte {position})",
                    observed=f"more than {held_bytes:,} bytes without a newline",
                    limit=f"{MAX_READ_LINE_BYTES:,} bytes",
                    remedy="Write one JSON object per line (JSON Lines).",
                )
            continue
        rest = chunk[newline + 1 :]
        held[-1] = chunk[: newline + 1]
        yield position, b"".join(held)
        position += held_bytes - len(rest)
        held, held_bytes = [rest], len(rest)
    if held_bytes:
        yield position, b"".join(held)
