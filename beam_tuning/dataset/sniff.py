"""Telling from a file's first bytes whether it can be JSON Lines, so that a wrong file is one error, not a thousand."""

from __future__ import annotations

import json

from beam_tuning.errors import FileNotJsonLines

#: How much of a file is looked at.
SNIFF_BYTES = 64 * 1024

_GZIP = b"\x1f\x8b"
_NOT_TEXT = {
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\x03\x04": "ZIP",
    b"\xfd7zXZ\x00": "xz",
    b"PAR1": "Parquet",
    b"Obj\x01": "Avro",
}
_UTF_16_AND_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def is_gzip(head: bytes) -> bool:
    """By the magic number (RFC 1952), whatever the name says."""
    return head.startswith(_GZIP)


def check_json_lines(head: bytes, path: str) -> None:
    """Looks at the first decompressed bytes of a file.

    Raises:
      FileNotJsonLines: another compression or encoding, one JSON array, or one pretty-printed object.
    """
    for magic, name in _NOT_TEXT.items():
        if head.startswith(magic):
            raise FileNotJsonLines(
                f"the file is {name}, not JSON Lines",
                where=path,
                limit="plain or gzip-compressed JSON Lines",
                remedy="Convert the file to JSON Lines: one JSON object a line, UTF-8, plain or .gz.",
            )
    if head.startswith(_UTF_16_AND_32):
        raise FileNotJsonLines(
            "the file is in UTF-16 or UTF-32",
            where=path,
            limit="UTF-8",
            remedy="Convert it: iconv -f UTF-16 -t UTF-8 FILE",
        )
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b""):
        raise FileNotJsonLines(
            "the file is one JSON array, not JSON Lines",
            where=path,
            observed=_start(text),
            limit="one JSON object a line",
            remedy="Convert it: jq -c '.[]' FILE > FILE.jsonl",
        )
    if _is_pretty_printed(text):
        raise FileNotJsonLines(
            "the file holds pretty-printed JSON, not JSON Lines",
            where=path,
            observed=_start(text),
            limit="one JSON object a line",
            remedy="Convert it: jq -c . FILE > FILE.jsonl",
        )


def _is_pretty_printed(text: bytes) -> bool:
    """An object that opens on the first line and goes on, indented or with a key, on the next."""
    lines = [line for line in text.split(b"\n", 3)[:3] if line.strip()]
    if len(lines) < 2 or not lines[0].startswith(b"{"):
        return False
    if not lines[1].lstrip().startswith((b'"', b"}")):
        return False
    try:
        json.loads(lines[0])
    except (ValueError, RecursionError):
        return True
    return False


def _start(text: bytes) -> str:
    return repr(text[:60].decode("utf-8", "replace"))
