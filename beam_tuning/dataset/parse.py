"""From the bytes of one line to an example, and to everything that is wrong with how the line is written.

Rules about what the example says (turns, media, limits) are not here but in `beam_tuning.policy`.
"""

from __future__ import annotations

import msgspec

from beam_tuning.dataset.api_schema import EXAMPLE
from beam_tuning.dataset.example import Example
from beam_tuning.dataset.fast_path import decode_usual, example_of, texts_of
from beam_tuning.dataset.full_parse import LineWalk
from beam_tuning.dataset.json_answers import json_findings, mentions_json
from beam_tuning.dataset.json_text import MAX_PARSED_LINE_BYTES, decode_object, repeated_keys, sub_path
from beam_tuning.dataset.other_formats import lacks_answer, other_format_of
from beam_tuning.reasons import Finding, FindingList, Reason


class ParsedLine(msgspec.Struct, frozen=True):
    """What a line says.

    Attributes:
      example: None when the line has no turns; with findings of a fault, what could be understood.
      findings: everything wrong with how the line is written, in the order in which it is looked at.
    """

    example: Example | None
    findings: tuple[Finding, ...] = ()


def parse_line(line: bytes) -> ParsedLine:
    """Reads one line of a dataset. Raises nothing, whatever the bytes.

    Args:
      line: without its newline; a carriage return at the end and a byte order mark at the start are passed over.
    """
    usual = decode_usual(line) if len(line) <= MAX_PARSED_LINE_BYTES else None
    if usual is not None:
        example = example_of(usual, line)
        if example is not None:
            if not mentions_json(line):
                return ParsedLine(example)
            findings = FindingList()
            for finding in json_findings(*texts_of(usual)):
                findings.add(finding)
            return ParsedLine(example, findings.as_tuple())
    return _parse_with_care(line)


def _parse_with_care(line: bytes) -> ParsedLine:
    decoded = decode_object(line)
    if isinstance(decoded, Finding):
        return ParsedLine(None, (decoded,))
    findings = FindingList()
    for path, key in repeated_keys(line, decoded):
        findings.add(
            Finding(
                Reason.FIELD_SPELLED_TWICE,
                "the field is there more than once",
                sub_path(path, key),
            )
        )
    other = other_format_of(decoded)
    if other is not None:
        findings.add(
            Finding(Reason.LINE_IS_OTHER_FORMAT, f"the line is in {other.name}. {other.remedy}", observed=other.name)
        )
        if decoded.get("contents") is None:
            return ParsedLine(None, findings.as_tuple())
    all_known = EXAMPLE.keys() >= decoded.keys()
    tell_unknown = all_known or (other is None and not lacks_answer(decoded.get("contents")))
    walk = LineWalk(findings, look_for_json=mentions_json(line))
    return ParsedLine(walk.example(decoded, tell_unknown=tell_unknown), findings.as_tuple())
