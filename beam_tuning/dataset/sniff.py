"""Telling from a file's first bytes whether it can be JSON Lines, so that a wrong file is one error, not a thousand."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from typing import Any, NamedTuple, NoReturn

from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.dataset.other_formats import (
    TURN_LISTS,
    is_example,
    may_wrap,
    other_format_of,
    shown_key,
    unpacking,
    wrapped_list_of,
)
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
_ONE_A_LINE = "one JSON object per line"
_TABLES = {",": "CSV", "\t": "CSV with tabs (TSV)", ";": "CSV with semicolons"}
#: U+FFFD stands for what is no UTF-8.
_COLUMN_NAME = re.compile(r"(?:[^\W\d]|\ufffd)[\w\ufffd .:/()-]{0,59}")

_KEY = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*')
_LIST_OF_OBJECTS = re.compile(r"\[\s*(?=\{)")
_NEXT = re.compile(r"\s*,")
_read_value = json.JSONDecoder().raw_decode


def is_gzip(head: bytes) -> bool:
    """By the magic number (RFC 1952), whatever the name says."""
    return head.startswith(_GZIP)


def check_json_lines(head: bytes, path: str) -> None:
    """Looks at the first decompressed bytes of a file.

    Raises:
      FileNotJsonLines: another compression or encoding, a table, one JSON array, one object around a list of examples,
        or one pretty-printed object.
    """
    for magic, name in _NOT_TEXT.items():
        if head.startswith(magic):
            raise FileNotJsonLines(
                f"the file is {name}, not JSON Lines",
                where=path,
                limit="plain or gzip-compressed JSON Lines",
                remedy="Convert the file to JSON Lines: one JSON object per line, UTF-8, plain or .gz.",
            )
    if head.startswith(_UTF_16_AND_32):
        raise FileNotJsonLines(
            "the file is in UTF-16 or UTF-32",
            where=path,
            limit="UTF-8",
            remedy="Convert it: iconv -f UTF-16 -t UTF-8 FILE",
        )
    # The last character may be cut.
    text = without_byte_order_mark(head).decode("utf-8", "replace").lstrip()

    def refuse(what: str, observed: str, remedy: str) -> NoReturn:
        raise FileNotJsonLines(what, where=path, observed=observed, limit=_ONE_A_LINE, remedy=remedy)

    if text[:1] == "[" and text[1:].lstrip()[:1] in ("{", ""):
        refuse("the file is one JSON array, not JSON Lines", _start(text), "Convert it: jq -c '.[]' FILE > FILE.jsonl")
    pretty = _is_pretty_printed(text)
    if text.startswith("{") and (pretty or _is_one_line(text)):
        key = _wrapped_list(text, pretty=pretty)
        if key is not None:
            what = f"the file is one object around a list ({shown_key(key)}), not JSON Lines"
            refuse(what, _start(text), f"Write each object of the list on a line of its own: {unpacking(key)}")
    if pretty:
        what = "the file is pretty-printed JSON, not JSON Lines"
        refuse(what, _start(text), "Convert it: jq -c . FILE > FILE.jsonl")
    table = _table(text)
    if table is not None:
        remedy = (
            "Write each row as a line of JSON, the question as the user's turn and the answer as the model's: "
            '{"contents": [{"role": "user", "parts": [{"text": …}]}, {"role": "model", "parts": [{"text": …}]}]}'
        )
        refuse(f"the file is {table.name}, not JSON Lines", f"columns {', '.join(table.columns)[:200]}", remedy)


def _is_one_line(text: str) -> bool:
    """Whether nothing stands behind the first line, as far as the text goes."""
    return not text.partition("\n")[2].strip()


def _is_pretty_printed(text: str) -> bool:
    """An object that opens on the first line and goes on, indented or with a key, on the next."""
    lines = [line for line in text.split("\n", 3)[:3] if line.strip()]
    if len(lines) < 2 or not lines[0].startswith("{"):
        return False
    if not lines[1].lstrip().startswith(('"', "}")):
        return False
    try:
        json.loads(lines[0])
    except (ValueError, RecursionError):
        return True
    return False


def _wrapped_list(text: str, *, pretty: bool) -> str | None:
    """The key of the list of examples that an object holds. The text begins with the object and may be cut."""
    try:
        whole, _ = _read_value(text)
    except (ValueError, RecursionError):
        return _cut_list(text, pretty=pretty)
    wrapped, other = wrapped_list_of(whole), other_format_of(whole)
    if wrapped is None or (other is not None and "list" not in other.keys):
        return None
    return wrapped[0]


def _cut_list(text: str, *, pretty: bool) -> str | None:
    """The key of the list of objects in the middle of which the text is cut.

    One line of that length may also be an example in a format that is not known, with a list of its own. So what it
    holds must be examples.
    """
    position = 1
    while key_match := _KEY.match(text, position):
        key, begin = json.loads(key_match[1]), key_match.end()
        if key in TURN_LISTS:
            return None
        try:
            _, end = _read_value(text, begin)
        except RecursionError:
            return None
        except ValueError:
            opening = _LIST_OF_OBJECTS.match(text, begin)
            first = _object_at(text, opening.end()) if opening else {}
            return key if opening and may_wrap(key, first) and (pretty or is_example(first)) else None
        following = _NEXT.match(text, end)
        if following is None:
            return None
        position = following.end()
    return None


def _object_at(text: str, position: int) -> dict[str, Any]:
    """The object that begins there; of one that is cut, the first key alone."""
    try:
        value, _ = _read_value(text, position)
    except (ValueError, RecursionError):
        first = _KEY.match(text, position + 1)
        return {json.loads(first[1]): True} if first else {}
    return dict(value)


class _Table(NamedTuple):
    name: str
    columns: list[str]


def _table(text: str) -> _Table | None:
    """What the file is, when its first two records have equally many columns and the first has names of columns."""
    if any(line.lstrip().startswith(("{", "[")) for line in text.split("\n", 100)[:100]):
        return None
    for delimiter, name in _TABLES.items():
        try:
            records = list(itertools.islice(csv.reader(io.StringIO(text), delimiter=delimiter), 2))
        except csv.Error:
            continue
        if (
            len(records) == 2
            and len(records[0]) == len(records[1]) > 1
            and all(map(_COLUMN_NAME.fullmatch, records[0]))
        ):
            return _Table(name, records[0])
    return None


def _start(text: str) -> str:
    return repr(text[:60])
