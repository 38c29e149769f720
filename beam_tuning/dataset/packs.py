"""Packs of whole lines: what travels through the pipeline."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from beam_tuning.dataset.compression import compressed, decompressed

#: From the start of a line: blank lines, as many as there are.
_BLANK_LINES = re.compile(rb"\s*\n")
_SPACE = ord(" ")


class LinePack(msgspec.Struct, frozen=True, array_like=True):
    """Whole lines of one file, compressed (less to copy through a shuffle, cheap to undo).

    Attributes:
      offset_bytes: where the first line begins in the (decompressed) file.
      line_count: number of lines, blank ones included.
    """

    split: str
    path: str
    offset_bytes: int
    line_count: int
    data: bytes

    @classmethod
    def of(cls, split: str, path: str, offset_bytes: int, lines: bytes) -> LinePack:
        return cls(split, path, offset_bytes, count_lines(lines), compressed(lines))

    @property
    def key(self) -> bytes:
        """16 bytes: a digest of split and path, then the offset. The same in every attempt, so retries are safe."""
        return file_digest(self.split, self.path) + self.offset_bytes.to_bytes(8, "big")

    def lines(self) -> Iterator[PackedLine]:
        """Every line that is not blank, in order."""
        return split_lines(decompressed(self.data), self.offset_bytes)


class PackedLine(NamedTuple):
    """One line of a pack.

    Attributes:
      lines_before: in the pack, blank ones included.
      offset_bytes: of its first byte in the (decompressed) file.
      line: without its newline.
    """

    lines_before: int
    offset_bytes: int
    line: bytes


def file_digest(split: str, path: str) -> bytes:
    """8 bytes that stand for one dataset file."""
    return hashlib.blake2b(f"{split}\0{path}".encode("utf-8", "surrogateescape"), digest_size=8).digest()


def split_lines(data: bytes, offset_bytes: int = 0) -> Iterator[PackedLine]:
    r"""The lines of `data` that are not blank. Blank lines in a row are passed over at once, however many they are.

    A line ends at `\n` alone. (bytes.splitlines also cuts at a bare carriage return, which JSON allows between tokens.)

    Args:
      offset_bytes: of the first byte of `data` in its file.
    """
    lines_before = start = 0
    while start < len(data):
        if data[start] <= _SPACE and (blank := _BLANK_LINES.match(data, start)):
            lines_before += data.count(b"\n", start, blank.end())
            start = blank.end()
            continue
        end = data.find(b"\n", start)
        line = data[start:] if end < 0 else data[start:end]
        if not line.isspace():
            yield PackedLine(lines_before, offset_bytes + start, line)
        lines_before += 1
        start += len(line) + 1


def count_lines(data: bytes) -> int:
    """How many lines the bytes hold, blank ones included. A newline at the very end does not begin another line."""
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
