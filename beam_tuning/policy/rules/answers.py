"""The rule about what an answer says of its media: annotations that point past the end are a silent fault."""

from __future__ import annotations

from collections.abc import Iterator

from beam_tuning.media.info import MediaKind
from beam_tuning.policy.example_facts import ExampleFacts
from beam_tuning.policy.rules.rule import Need, rule
from beam_tuning.policy.wording import quoted, seconds
from beam_tuning.reasons import Finding, Reason
from beam_tuning.summary.judged_example import PartFacts
from beam_tuning.times.late import late_time
from beam_tuning.times.signs import asks_for_times

#: Where these rules stand among all (see `ruleset`).
POSITION = 70

_NS_PER_S = 1_000_000_000
_TIMED_KINDS = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})


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
    texts = facts.example.timed_texts
    expects_times = any(asks_for_times(one.text) for one in texts if not one.of_model)
    for one in texts:
        late = late_time(one.text, end_ns, expects_times=expects_times) if one.of_model else None
        if late is not None:
            written, time_ns = late
            what = "segment" if timed[0].given.segment is not None else "file"
            message = f"the answer names the time {quoted(written)}, but the {what} ends at {seconds(end_ns)}"
            yield Finding(Reason.TEXT_TIME_BEYOND_END, message, one.path, time_ns / _NS_PER_S, end_ns / _NS_PER_S)


def _end_ns(part: PartFacts) -> int | None:
    """Where what training decodes ends, counted from the start of the file; None where that is not known.

    No page says whether times in a text count from the start of the file or of the segment. The end of the segment
    counted from the start of the file is the later of both.
    """
    segment = part.given.segment
    ends_ns = (part.file_ns, None if segment is None else segment.end_ns)
    return min((end_ns for end_ns in ends_ns if end_ns is not None and end_ns > 0), default=None)
