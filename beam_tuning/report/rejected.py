"""A line of `dropped-*.jsonl` and `undecided-*.jsonl`: the example as it came, with where it stood and every reason."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from beam_tuning.dataset.json_text import without_byte_order_mark
from beam_tuning.reasons import Finding, Reason
from beam_tuning.report.wording import escaped
from beam_tuning.summary.judged_example import JudgedExample

_NOT_PARSED = frozenset({Reason.LINE_NOT_JSON, Reason.LINE_NOT_UTF8, Reason.LINE_TOO_LONG, Reason.LINE_NESTED_TOO_DEEP})
#: Only a number with so many digits, or with such an exponent, can be too large for a common reader.
_MAY_BE_HUGE = re.compile(rb"[0-9]{19}|[eE]\+?[0-9]{3}")
_LEAST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1
_encode = msgspec.json.Encoder().encode


def rejected_line(judged: JudgedExample, line: bytes) -> bytes:
    """One JSON object without newline.

    `example` holds the line's own JSON, byte for byte. What is no JSON, or JSON that common readers refuse, stands as
    text in `raw`, undecodable bytes escaped as `\\xNN`. Everywhere but in `example`, control and direction-changing
    characters stand as `\\uXXXX`.
    """
    rejected: dict[str, Any] = {
        "source": {
            "split": judged.line_id.split,
            "file": judged.line_id.file,
            "line": judged.line_id.line,
            "offset": judged.line_id.offset_bytes,
        },
        "reasons": [finding_fields(finding) for finding in judged.findings],
    }
    text = without_byte_order_mark(line).strip()
    if any(finding.reason in _NOT_PARSED for finding in judged.findings) or not _is_common(text):
        rejected["raw"] = line.decode("utf-8", "backslashreplace")
        return _escaped(rejected)
    return _escaped(rejected)[:-1] + b',"example":' + text + b"}"


def _escaped(value: dict[str, Any]) -> bytes:
    return escaped(_encode(value).decode()).encode()


def _is_common(text: bytes) -> bool:
    """Whether common readers take this JSON.

    Many read integers into 64 bits and other numbers into a double, Python's own refuses integers of more than 4,300
    digits (https://docs.python.org/3/library/stdtypes.html#int-max-str-digits), and those that read a file by lines may
    end a line at a carriage return.
    """
    if b"\r" in text:
        return False
    if _MAY_BE_HUGE.search(text) is None:
        return True
    try:
        json.loads(text, parse_int=_check_integer, parse_float=_check_float)
    except ValueError:
        return False
    return True


def _check_integer(digits: str) -> None:
    if len(digits) > 20 or not _LEAST_INTEGER <= int(digits) <= _LARGEST_INTEGER:
        _refuse(digits)


def _check_float(digits: str) -> None:
    if not math.isfinite(float(digits)):
        _refuse(digits)


def _refuse(digits: str) -> NoReturn:
    raise ValueError(f"a number of {len(digits)} characters is too large")


def finding_fields(finding: Finding) -> dict[str, str | int | float | None]:
    """The fields of a finding that people script against."""
    return {
        "code": finding.reason.code,
        "message": finding.message,
        "path": finding.path,
        "observed": finding.observed,
        "limit": finding.limit,
    }
