"""Movie fragments of MP4: when the samples in `moof` boxes are presented.

ISO/IEC 14496-12: moof 8.8.4, tfhd 8.8.7, trun 8.8.8, tfdt 8.8.12, sidx 8.16.3.
"""

from __future__ import annotations

from struct import Struct, unpack_from
from typing import NamedTuple

from beam_tuning.media.containers.boxes import boxes
from beam_tuning.media.containers.moov import Movie, Track
from beam_tuning.media.containers.sample_table import start_shift_s

_U16 = Struct(">H").unpack_from
_TWO_U32 = Struct(">II").unpack_from
_U32 = Struct(">I").unpack_from
_U64 = Struct(">Q").unpack_from

_TFHD_DATA_OFFSET, _TFHD_DESCRIPTION, _TFHD_DURATION = 0x1, 0x2, 0x8
_TRUN_DATA_OFFSET, _TRUN_FIRST_FLAGS = 0x1, 0x4
_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION = 0x100, 0x200, 0x400, 0x800


class _Run(NamedTuple):
    """The samples of a `trun`, in ticks from its first sample's decoding time."""

    samples: int
    length: int
    first: int
    last: int


class FragmentTimes:
    """Collects fragments in file order and says when each track's samples begin and end.

    A fragment that does not say when it starts follows on the one before, which is right when all of the file's
    fragments are added; `is_vague` says that there was one.
    """

    def __init__(self, movie: Movie) -> None:
        self._movie = movie
        self._tracks = {track.track_id: track for track in movie.tracks}
        # Fragments follow on the samples in `moov`, if it has any.
        self._next = {track.track_id: round(track.media_s * track.timescale) for track in movie.tracks}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._samples: dict[int, int] = {}
        self._ticks: dict[int, int] = {}
        self.is_vague = False
        self.parsed_bytes = 0

    def add(self, data: bytes, start: int, stop: int) -> None:
        """Adds the `moof` whose body is data[start:stop]. Damaged parts are left out."""
        self.parsed_bytes += stop - start
        for kind, body, end in boxes(data, start, stop):
            if kind == b"traf":
                self._add_track(data, body, end)

    def _add_track(self, data: bytes, start: int, stop: int) -> None:
        track_id = step = 0
        time: int | None = None
        runs: list[_Run] = []
        for kind, body, end in boxes(data, start, stop):
            if kind == b"tfhd" and end - body >= 8:
                flags, track_id = _TWO_U32(data, body)
                step = self._movie.default_sample_durations.get(track_id, 0)
                position = body + 8
                position += 8 if flags & _TFHD_DATA_OFFSET else 0
                position += 4 if flags & _TFHD_DESCRIPTION else 0
                if flags & _TFHD_DURATION and position + 4 <= end:
                    (step,) = _U32(data, position)
            elif kind == b"tfdt" and body < end and end - body >= (12 if data[body] == 1 else 8):
                (time,) = (_U64 if data[body] == 1 else _U32)(data, body + 4)
            elif kind == b"trun" and end - body >= 8:
                runs.append(_run(data, body, end, step))
        if track_id not in self._tracks or not runs:
            return
        if time is None:
            self.is_vague = True
            time = self._next[track_id]
        for run in runs:
            self._first[track_id] = min(self._first.get(track_id, time + run.first), time + run.first)
            self._last[track_id] = max(self._last.get(track_id, 0), time + run.last)
            self._samples[track_id] = self._samples.get(track_id, 0) + run.samples
            self._ticks[track_id] = self._ticks.get(track_id, 0) + run.length
            time += run.length
        self._next[track_id] = time

    def starts_s(self) -> dict[int, float]:
        """By track: when the first sample that was added is presented."""
        return self._presented(self._first)

    def ends_s(self) -> dict[int, float]:
        """By track: when the last sample that was added ends."""
        return self._presented(self._last)

    def samples_per_s(self) -> dict[int, float]:
        """By track: the average rate of the samples that were added."""
        return {
            track_id: self._samples[track_id] * self._tracks[track_id].timescale / ticks
            for track_id, ticks in self._ticks.items()
            if ticks > 0 and self._samples[track_id] > 0 and self._tracks[track_id].timescale
        }

    def _presented(self, ticks: dict[int, int]) -> dict[int, float]:
        return {
            track_id: presented_s(self._tracks[track_id], self._movie.timescale, time)
            for track_id, time in ticks.items()
            if self._tracks[track_id].timescale
        }


def presented_s(track: Track, movie_timescale: int, ticks: int) -> float:
    """When a time of a track, in its ticks, is presented."""
    return ticks / track.timescale + start_shift_s(track.edits, track.timescale, movie_timescale)


def _run(data: bytes, body: int, stop: int, step: int) -> _Run:
    flags, count = _TWO_U32(data, body)
    position = body + 8
    position += 4 if flags & _TRUN_DATA_OFFSET else 0
    position += 4 if flags & _TRUN_FIRST_FLAGS else 0
    width = sum(1 for flag in (_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION) if flags & flag)
    if not flags & (_TRUN_DURATION | _TRUN_COMPOSITION):
        return _Run(count, count * step, 0, count * step)
    position = min(position, stop)
    count = min(count, (stop - position) // (4 * width))
    fields = unpack_from(f">{count * width}I", data, position)
    steps = fields[::width] if flags & _TRUN_DURATION else (step,) * count
    if not flags & _TRUN_COMPOSITION:
        return _Run(count, sum(steps), 0, sum(steps))
    # Offsets are signed in version 1; writers of version 0 use negative ones as well.
    offsets = [offset - (1 << 32) if offset >> 31 else offset for offset in fields[width - 1 :: width]]
    time = last = 0
    first = offsets[0] if offsets else 0
    for duration, offset in zip(steps, offsets, strict=True):
        first = min(first, time + offset)
        last = max(last, time + offset + duration)
        time += duration
    return _Run(count, time, first, last)


class SegmentIndex(NamedTuple):
    """A `sidx` box.

    Attributes:
      track_id, timescale: what its times are counted in.
      first, last: presentation of the first sample and end of the last one, in its ticks.
      stop: where the last subsegment ends, as declared.
    """

    track_id: int
    timescale: int
    first: int
    last: int
    stop: int


def parse_segment_index(data: bytes, start: int, stop: int, box_stop: int) -> SegmentIndex | None:
    """The index whose body is data[start:stop], of a box that ends at byte `box_stop` of the object."""
    wide = stop > start and data[start] != 0
    position = start + (28 if wide else 20)
    if position + 4 > stop:
        return None
    track_id, timescale = _TWO_U32(data, start + 4)
    first, offset = unpack_from(">QQ" if wide else ">II", data, start + 12)
    count = _U16(data, position + 2)[0]
    position += 4
    if not timescale or position + 12 * count > stop:
        return None
    fields = unpack_from(f">{3 * count}I", data, position)
    size_bytes = sum(field & 0x7FFFFFFF for field in fields[::3])
    return SegmentIndex(track_id, timescale, first, first + sum(fields[1::3]), box_stop + offset + size_bytes)
