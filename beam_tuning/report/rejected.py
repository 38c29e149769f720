"""A line of `dropped-*.jsonl` and `undecided-*.jsonl`: the example as it came, with where it stood and every reason."""

from __future__ import annotations

from typing import Any

import msgspec

from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.judged_example import JudgedExample

_NOT_PARSED = frozenset({Reason.LINE_NOT_JSON, Reason.LINE_NOT_UTF8, Reason.LINE_TOO_LONG, Reason.LINE_NESTED_TOO_DEEP})
_encode = msgspec.json.Encoder().encode


def rejected_line(judged: JudgedExample, line: bytes) -> bytes:
    """One JSON object without newline.

    `example` holds the line's own JSON, byte for byte; a line that is no JSON stands as text in `raw`, undecodable
    bytes escaped as `\\xNN`.
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
    if any(finding.reason in _NOT_PARSED for finding in judged.findings):
        rejected["raw"] = line.decode("utf-8", "backslashreplace")
    else:
        rejected["example"] = msgspec.Raw(line.removeprefix(b"\xef\xbb\xbf").strip())
    return _encode(rejected)


def finding_fields(finding: Finding) -> dict[str, str | int | float | None]:
    """The fields of a finding that people script against."""
    return {
        "code": finding.reason.code,
        "message": finding.message,
        "path": finding.path,
        "observed": finding.observed,
        "limit": finding.limit,
    }
