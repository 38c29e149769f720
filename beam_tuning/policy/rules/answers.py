"""The rule about what an answer says of its media: annotations that point past the end are a silent fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beam_tuning.dataset.example import ExampleText
from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules.rule import Need, rule
from beam_tuning.policy.wording import quoted, seconds
from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.judged_example import PartFacts
from beam_tuning.times.reading import Mark, TimeLine
from beam_tuning.times.recognise import MAX_CHARS, read_times
from beam_tuning.times.signs import asks_for_times

#: Where these rules stand among all (see `ruleset`).
POSITION = 70

_NS_PER_S = 1_000_000_000
_TIMED_KINDS = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})


class _Late(NamedTuple):
    """A time of an answer that lies after the end of the media."""

    mark: Mark
    answer: ExampleText


@rule(Need.TIMES, Reason.TEXT_TIME_BEYOND_END)
def check_times_of_answers(facts: ExampleFacts) -> Iterator[Finding]:
    """No answer names a time after the end of the media, or of the segment.

    Only where it is clear what a time counts from: the example has one audio file or video, whose end is known. Times
    that may be something else (of the day, a score) are passed over.
    """
    timed = [part for part in facts.parts if part.kind in _TIMED_KINDS]
    end_ns = _end_ns(timed[0]) if len(timed) == 1 else None
    if end_ns is None:
        return
    late = max(_late_times(facts.example.timed_texts, end_ns), key=lambda one: one.mark.time_ns, default=None)
    if late is None:
        return
    text = late.answer.text[late.mark.start : late.mark.stop]
    what = "segment" if timed[0].given.segment is not None else "file"
    message = f"the answer names the time {quoted(text)}, but the {what} ends at {seconds(end_ns)}"
    yield Finding(
        Reason.TEXT_TIME_BEYOND_END, message, late.answer.path, late.mark.time_ns / _NS_PER_S, end_ns / _NS_PER_S
    )


def _late_times(texts: Iterable[ExampleText], end_ns: int) -> Iterator[_Late]:
    expects_times = any(asks_for_times(one.text) for one in texts if not one.of_model)
    for one in texts:
        if one.of_model and len(one.text) <= MAX_CHARS:
            reading = read_times(one.text, TimeLine(end_ns), expects_times=expects_times)
            yield from (_Late(mark, one) for mark in reading.beyond)


def _end_ns(part: PartFacts) -> int | None:
    """Where what training decodes ends, counted from the start of the file; None where that is not known.

    No page says whether times in a text count from the start of the file or of the segment. The end of the segment
    counted from the start of the file is the later of both.
    """
    segment = part.given.segment
    ends_ns = (part.file_ns, None if segment is None else segment.end_ns)
    return min((end_ns for end_ns in ends_ns if end_ns is not None and end_ns > 0), default=None)
