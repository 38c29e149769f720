"""From the bytes of one line to a JSON object, or the one finding that says why there is none."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from beam_tuning.reasons import Finding, Reason

#: Longer lines are not parsed: a worker must hold several of them at once, decoded. 131,072 tokens, the most that an
#: example may have, are about half a megabyte of English text, and twelve times that if every character is escaped.
MAX_PARSED_LINE_BYTES = 10_000_000
#: Objects and arrays in one another, the default of protobuf's parsers
#: (https://protobuf.dev/reference/cpp/api-docs/google.protobuf.io.coded_stream/, SetRecursionLimit).
MAX_DEPTH = 100

#: Strings whole, and brackets. A string without an end goes on to the last byte.
STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\\Z)|[\[\]{}]', re.DOTALL)
_HALF_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONGEST_NUMBER = 400
_LONGEST_KEY = 100

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode


def without_byte_order_mark(data: bytes) -> bytes:
    """The bytes behind the UTF-8 byte order mark, if they begin with one, as some editors write it."""
    return data.removeprefix(codecs.BOM_UTF8)


def decode_object(line: bytes) -> dict[str, Any] | Finding:
    """The line's JSON object, or what is wrong with the line as a whole.

    Args:
      line: bytes of one line; a byte order mark before it and a carriage return behind it are passed over.
    """
    if len(line) > MAX_PARSED_LINE_BYTES:
        return Finding(
            Reason.LINE_TOO_LONG,
            f"the line has {len(line):,} bytes; at most {MAX_PARSED_LINE_BYTES:,} are read",
            observed=len(line),
            limit=MAX_PARSED_LINE_BYTES,
        )
    data = without_byte_order_mark(line)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Finding(
            Reason.LINE_NOT_UTF8,
            f"byte {error.start} of the line is not UTF-8: {error.reason}",
            observed=f"0x{data[error.start]:02x}",
        )
    if is_too_deep(data):
        message = f"objects and arrays are nested more than {MAX_DEPTH} levels deep"
        return Finding(Reason.LINE_NESTED_TOO_DEEP, message, limit=MAX_DEPTH)
    try:
        value = _decode_any_number(data, text)
    except msgspec.DecodeError as error:
        return Finding(Reason.LINE_NOT_JSON, f"the line is not JSON: {_what_is_wrong(data, error)}")
    if not isinstance(value, dict):
        return Finding(
            Reason.LINE_NOT_OBJECT,
            f"the line is {json_type(value)}, not an object",
            observed=json_type(value),
            limit="object",
        )
    return value


def json_type(value: object) -> str:
    """The JSON name of a decoded value's type, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def has_every_key(decoded: object, line: bytes) -> bool:
    """Whether decoding has kept every key of the line: no object gives a key twice.

    Of a key that stands twice decoding keeps one, so that the value, encoded again, has fewer quotes than the line.
    Otherwise both have as many, for a quote inside a text is written as `\\"` in both. A line may also write it as
    `\\u0022`; then counting quotes proves nothing, and the answer is no.

    Args:
      decoded: what came of the line.
      line: JSON text.
    """
    if line.count(b'"') != _encode(decoded).count(b'"'):
        return False
    return b"\\" not in line or b"\\u0022" not in line


def repeated_keys(line: bytes, decoded: object) -> Iterator[tuple[str, str]]:
    """(path of the object, key) of every key that an object gives more than once.

    Args:
      line: JSON text that `decode_object` took.
      decoded: what came of it.
    """
    if has_every_key(decoded, line):
        return
    text = without_byte_order_mark(line).decode("utf-8")
    marked = json.loads(text, object_pairs_hook=_Pairs.of, parse_int=str, parse_float=str)
    yield from _find_repeated(marked, "")


def sub_path(path: str, key: str) -> str:
    """The path of a field: `path.key`, or `path["key"]` where the key is no plain word; very long keys are cut."""
    if len(key) > _LONGEST_KEY:
        key = key[: _LONGEST_KEY - 1] + "…"
    if key.isidentifier() and key.isascii():
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key)}]"


class _Pairs(dict[str, Any]):
    """An object with the keys that it gave more than once."""

    repeated: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]]) -> _Pairs:
        made = cls(pairs)
        if len(made) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            made.repeated = tuple(key for key, count in counts.items() if count > 1)
        return made


def _find_repeated(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Pairs):
        for key in value.repeated:
            yield path, key
        for key, child in value.items():
            if isinstance(child, dict | list):
                yield from _find_repeated(child, sub_path(path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            if isinstance(child, dict | list):
                yield from _find_repeated(child, f"{path}[{index}]")


def is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_too_deep(data: bytes) -> bool:
    """Whether more than `MAX_DEPTH` brackets are open at once, outside of strings."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in STRING_OR_BRACKET.finditer(data):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif token in (b"]", b"}"):
            depth -= 1
    return False


def _decode_any_number(data: bytes, text: str) -> Any:
    """Numbers beyond a double's range are JSON all the same; they become infinite.

    Raises:
      msgspec.DecodeError: the text is no JSON.
    """
    try:
        return _decode(data)
    except msgspec.ValidationError:
        _check_syntax(data)
        return json.loads(
            text, parse_int=lambda digits: int(digits) if len(digits) < _LONGEST_NUMBER else float(digits)
        )


def _what_is_wrong(data: bytes, error: msgspec.DecodeError) -> str:
    if _HALF_SURROGATE.search(data):
        try:
            json.loads(data)
        except ValueError:
            pass
        else:
            return "an escaped character is half of a surrogate pair"
    message = str(error).removeprefix("JSON is malformed: ")
    return "it ends too early" if message == "Input data was truncated" else message
