"""When the samples of an MP4 or QuickTime track are presented: sample tables and edit lists.

ISO/IEC 14496-12: stts 8.6.1.2, ctts 8.6.1.3, elst 8.6.6, stsz and stz2 8.7.3, stsc 8.7.4, stco and co64 8.7.5. Where
writers differ from the standard, FFmpeg's demultiplexer (libavformat/mov.c) is followed: most tools are built on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, unpack_from
from typing import NamedTuple

import msgspec

from beam_tuning.media.containers.boxes import boxes
from beam_tuning.media.containers.work import spend

_U32 = Struct(">I").unpack_from
_TWO_U32 = Struct(">II").unpack_from
_EDIT_32 = Struct(">Ii").unpack_from
_EDIT_64 = Struct(">Qq").unpack_from

#: Some writers store a negative step as an unsigned number just below 2**32 (max_stts_delta in FFmpeg's mov.c).
_LARGEST_STEP = 0xFFFFFFFF - 480_000


#: Writers round; an edit this much longer than its media is meant so, or damaged.
_OVERRUN_S = 0.5


class Edit(NamedTuple):
    """One entry of an edit list: ticks of the movie, and of the track; an empty edit has no media time."""

    duration: int
    media_time: int | None


class Span(NamedTuple):
    """From the start of the first sample's presentation to the end of the last one's."""

    start_s: float
    end_s: float


class SampleTable(msgspec.Struct):
    """A `stbl` box: (body, end) of the boxes that are needed; `sizes` and `offsets` know their type."""

    descriptions: tuple[int, int] | None = None
    times: tuple[int, int] | None = None
    composition: tuple[int, int] | None = None
    chunks: tuple[int, int] | None = None
    sizes: tuple[bytes, int, int] | None = None
    offsets: tuple[bytes, int, int] | None = None


class SampleTimes(NamedTuple):
    """The samples of a track, in its own ticks.

    Attributes:
      samples: how many a demultiplexer gives.
      start, stop: of the presentation of all samples, edit list aside.
      doubt: why `stop` is not known.
    """

    samples: int
    start: int = 0
    stop: int = 0
    doubt: str | None = None


def find_sample_table(data: bytes, start: int, stop: int) -> SampleTable:
    """Where the parts of the sample table in data[start:stop] lie."""
    table = SampleTable()
    for kind, body, end in boxes(data, start, stop):
        if end - body < 8:
            continue
        if kind == b"stsd":
            table.descriptions = body, end
        elif kind == b"stts":
            table.times = body, end
        elif kind == b"ctts":
            table.composition = body, end
        elif kind == b"stsc":
            table.chunks = body, end
        elif kind in (b"stsz", b"stz2"):
            table.sizes = kind, body, end
        elif kind in (b"stco", b"co64"):
            table.offsets = kind, body, end
    return table


def sample_times(data: bytes, table: SampleTable) -> SampleTimes:
    """How many samples there are and when the first starts and the last ends.

    A track without chunks or sizes has no samples, whatever the table of times says: that is how fragmented files and
    abandoned recordings look.
    """
    samples = _sample_count(data, table)
    if samples == 0:
        return SampleTimes(0)
    if table.times is None:
        return SampleTimes(samples, doubt=f"{samples} samples but no table of their times")
    body, end = table.times
    entries = min(_U32(data, body + 4)[0], (end - body - 8) // 8)
    timed, stop = _time_to_sample(data, body + 8, entries, samples)
    if timed < samples:
        return SampleTimes(samples, doubt=f"times of only {timed} of {samples} samples")
    # Every presented frame is as long as its step in decoding time, so the first offset shifts the whole.
    start = 0
    if table.composition is not None:
        body, end = table.composition
        if _U32(data, body + 4)[0] and end - body >= 16:
            (start,) = unpack_from(">i", data, body + 12)
            start = max(start, 0)
    return SampleTimes(samples, start, start + stop)


def _sample_count(data: bytes, table: SampleTable) -> int:
    if table.sizes is None or table.offsets is None or table.chunks is None:
        return 0
    if not _U32(data, table.offsets[1] + 4)[0] or not _U32(data, table.chunks[0] + 4)[0]:
        return 0
    kind, body, end = table.sizes
    if end - body < 12:
        return 0
    size: int
    count: int
    size, count = _TWO_U32(data, body + 4)
    if kind == b"stz2":
        bits = size & 0xFF
        return min(count, (end - body - 12) * 8 // bits) if bits else 0
    return count if size else min(count, (end - body - 12) // 4)


def _time_to_sample(data: bytes, position: int, entries: int, samples: int) -> tuple[int, int]:
    """(samples with a time, sum of the steps of the first `samples`)."""
    if entries == 1:
        count, step = _TWO_U32(data, position)
        if step <= _LARGEST_STEP:
            return count, min(count, samples) * step
    numbers = unpack_from(f">{2 * entries}I", data, position)
    timed = total = 0
    spend(entries // 4)
    for count, step in zip(numbers[::2], numbers[1::2], strict=True):
        taken = min(count, samples - timed)
        total += taken * (step if step <= _LARGEST_STEP else step - (1 << 32))
        timed += taken
        if timed >= samples:
            break
    return timed, total


def parse_edits(data: bytes, body: int, stop: int) -> tuple[Edit, ...]:
    """The entries of an `elst` box. Rates are not read: demultiplexers play all edits at normal speed."""
    if stop - body < 8:
        return ()
    width, unpack = (20, _EDIT_64) if data[body] == 1 else (12, _EDIT_32)
    count = min(_U32(data, body + 4)[0], (stop - body - 8) // width)
    edits = []
    spend(count)
    for position in range(body + 8, body + 8 + count * width, width):
        duration, media_time = unpack(data, position)
        edits.append(Edit(duration, None if media_time == -1 else max(media_time, 0)))
    return tuple(edits)


def edits_doubt(edits: Sequence[Edit], stop: int, timescale: int, movie_timescale: int) -> str | None:
    """Why an edit list is not followed: tools differ on edits of no length, and on several that play past the end."""
    played = [edit for edit in edits if edit.media_time is not None]
    if any(edit.duration == 0 for edit in played):
        return "an edit that lasts 0 ticks"
    if len(played) > 1:
        for duration, media_time in played:
            if duration / movie_timescale - (stop - (media_time or 0)) / timescale > _OVERRUN_S:
                return "edits that last longer than its samples"
    return None


def presented(edits: Sequence[Edit], start: int, stop: int, timescale: int, movie_timescale: int) -> Span | None:
    """When media of [start, stop) ticks plays, after the edit list; None when the edit list leaves all of it out.

    Args:
      timescale, movie_timescale: ticks a second, not 0 (the movie's may be 0 without edits).
    """
    if not edits:
        return Span(start / timescale, stop / timescale)
    elapsed = 0  # in the movie's ticks
    span = None
    for duration, media_time in edits:
        begins_s = elapsed / movie_timescale
        elapsed += duration
        if media_time is not None:
            length_s = min(duration / movie_timescale, (stop - media_time) / timescale)
            if length_s > 0:
                first_s = begins_s + max(start - media_time, 0) / timescale
                span = Span(first_s if span is None else span.start_s, begins_s + length_s)
        elif span is not None:
            # The last picture stays, or silence, until the next edit or the end.
            span = Span(span.start_s, elapsed / movie_timescale)
    return span


def start_shift_s(edits: Sequence[Edit], timescale: int, movie_timescale: int) -> float:
    """What the edit list of a fragmented file adds to its times: leading empty edits, less the first media time.

    How long its edits last does not count: writers cannot know it, and leave it 0.
    """
    empty = 0
    for duration, media_time in edits:
        if media_time is not None:
            return (empty / movie_timescale if movie_timescale else 0.0) - media_time / timescale
        empty += duration
    return 0.0
