"""Movie fragments of MP4: when the samples in `moof` boxes are presented.

ISO/IEC 14496-12: moof 8.8.4, tfhd 8.8.7, trun 8.8.8, tfdt 8.8.12, sidx 8.16.3.
"""

from __future__ import annotations

import itertools
from struct import Struct, unpack_from
from typing import NamedTuple

from beam_tuning.media.containers.boxes import Box, Held, boxes
from beam_tuning.media.containers.moov import Movie, Track
from beam_tuning.media.containers.sample_table import start_shift_s
from beam_tuning.media.containers.work import spend

_U16 = Struct(">H").unpack_from
_I32 = Struct(">i").unpack_from
_TWO_U32 = Struct(">II").unpack_from
_U32 = Struct(">I").unpack_from
_U64 = Struct(">Q").unpack_from

_TFHD_DATA_OFFSET, _TFHD_DESCRIPTION, _TFHD_DURATION, _TFHD_SIZE = 0x1, 0x2, 0x8, 0x10
_TFHD_BASE_IS_MOOF = 0x20000
_TRUN_DATA_OFFSET, _TRUN_FIRST_FLAGS = 0x1, 0x4
_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION = 0x100, 0x200, 0x400, 0x800


class _Header(NamedTuple):
    """A `tfhd`, with what `trex` says where it does not.

    Attributes:
      base: where in the object the data offsets of runs count from.
      step, size_bytes: of a sample, where its run does not say.
    """

    track_id: int
    base: int
    step: int
    size_bytes: int


class _Run(NamedTuple):
    """The samples of a `trun`, in ticks from its first sample's decoding time.

    Attributes:
      start: where in the object its first sample starts.
      sizes: in bytes; one size for all samples when they have the same.
    """

    samples: int
    length: int
    first: int
    last: int
    start: int
    sizes: tuple[int, ...] | int

    def stop(self) -> int:
        """Where its last sample ends."""
        return self.start + (self.samples * self.sizes if isinstance(self.sizes, int) else sum(self.sizes))

    def lacking_samples(self, size_bytes: int) -> int:
        """How many samples do not lie wholly in the first `size_bytes` bytes of the object."""
        held = size_bytes - self.start
        if isinstance(self.sizes, int):
            return self.samples - min(self.samples, max(held, 0) // self.sizes) if self.sizes else 0
        return sum(1 for stop in itertools.accumulate(self.sizes) if stop > held)


class FragmentTimes:
    """Collects fragments in file order and says when each track's samples begin and end.

    A fragment that does not say when it starts follows on the one before, which is right when all of the file's
    fragments are added; `is_vague` says that there was one.

    Attributes:
      lacking_samples: how many samples of the fragments do not lie wholly in the object.
      is_cut: whether a fragment's own box does not.
    """

    def __init__(self, movie: Movie, size_bytes: int) -> None:
        self._movie = movie
        self._size_bytes = size_bytes
        self._tracks = {track.track_id: track for track in movie.tracks}
        # Fragments follow on the samples in `moov`, if it has any.
        self._next = {track.track_id: round(track.media_s * track.timescale) for track in movie.tracks}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._samples: dict[int, int] = {}
        self._ticks: dict[int, int] = {}
        self.is_vague = False
        self.lacking_samples = 0
        self.is_cut = False
        self.parsed_bytes = 0

    def add(self, held: Held, position: int, moof: Box) -> None:
        """Adds the `moof` at byte `position` of the object, as far as it is held. Damaged parts are left out."""
        start, stop = moof.body - held.start, min(moof.stop, held.stop) - held.start
        self.parsed_bytes += stop - start
        self.is_cut = self.is_cut or moof.stop > self._size_bytes
        # Where the data of the first track lies, unless it says so; those of the next follow.
        data_start = position
        for kind, body, end in boxes(held.data, start, stop):
            if kind == b"traf":
                data_start = self._add_track(held.data, body, end, position, data_start)

    def _add_track(self, data: bytes, start: int, stop: int, moof: int, data_start: int) -> int:
        """Adds a `traf`; returns where its data end."""
        header = _Header(0, data_start, 0, 0)
        time: int | None = None
        runs: list[_Run] = []
        for kind, body, end in boxes(data, start, stop):
            if kind == b"tfhd" and end - body >= 8:
                header = self._header(data, body, end, moof, data_start)
            elif kind == b"tfdt" and body < end and end - body >= (12 if data[body] == 1 else 8):
                (time,) = (_U64 if data[body] == 1 else _U32)(data, body + 4)
            elif kind == b"trun" and end - body >= 8:
                runs.append(_run(data, body, end, header, runs[-1].stop() if runs else header.base))
        track_id = header.track_id
        if track_id not in self._tracks or not runs:
            return runs[-1].stop() if runs else data_start
        if time is None:
            self.is_vague = True
            time = self._next[track_id]
        for run in runs:
            self._first[track_id] = min(self._first.get(track_id, time + run.first), time + run.first)
            self._last[track_id] = max(self._last.get(track_id, 0), time + run.last)
            self._samples[track_id] = self._samples.get(track_id, 0) + run.samples
            self._ticks[track_id] = self._ticks.get(track_id, 0) + run.length
            time += run.length
            if run.stop() > self._size_bytes:
                self.lacking_samples += run.lacking_samples(self._size_bytes)
        self._next[track_id] = time
        return runs[-1].stop()

    def _header(self, data: bytes, body: int, stop: int, moof: int, data_start: int) -> _Header:
        flags, track_id = _TWO_U32(data, body)
        step, size_bytes = self._movie.sample_defaults.get(track_id, (0, 0))
        base, position = moof if flags & _TFHD_BASE_IS_MOOF else data_start, body + 8
        if flags & _TFHD_DATA_OFFSET and position + 8 <= stop:
            (base,) = _U64(data, position)
            position += 8
        position += 4 if flags & _TFHD_DESCRIPTION else 0
        if flags & _TFHD_DURATION and position + 4 <= stop:
            (step,) = _U32(data, position)
            position += 4
        if flags & _TFHD_SIZE and position + 4 <= stop:
            (size_bytes,) = _U32(data, position)
        return _Header(track_id, base, step, size_bytes)

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


def _run(data: bytes, body: int, stop: int, header: _Header, start: int) -> _Run:
    """The run whose body is data[body:stop]; its samples start at byte `start` of the object unless it says where."""
    flags, count = _TWO_U32(data, body)
    position = body + 8
    if flags & _TRUN_DATA_OFFSET and position + 4 <= stop:
        start = header.base + _I32(data, position)[0]
        position += 4
    position += 4 if flags & _TRUN_FIRST_FLAGS else 0
    columns = [flag for flag in (_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION) if flags & flag]
    step, width = header.step, len(columns)
    if not width:
        return _Run(count, count * step, 0, count * step, start, header.size_bytes)
    position = min(position, stop)
    count = min(count, (stop - position) // (4 * width))
    spend(1 + count // 16)
    fields = unpack_from(f">{count * width}I", data, position)
    sizes = fields[columns.index(_TRUN_SIZE) :: width] if flags & _TRUN_SIZE else header.size_bytes
    steps = fields[::width] if flags & _TRUN_DURATION else (step,) * count
    if not flags & _TRUN_COMPOSITION:
        return _Run(count, sum(steps), 0, sum(steps), start, sizes)
    # Offsets are signed in version 1; writers of version 0 use negative ones as well.
    offsets = [offset - (1 << 32) if offset >> 31 else offset for offset in fields[width - 1 :: width]]
    time = last = 0
    first = offsets[0] if offsets else 0
    spend(count // 4)
    for duration, offset in zip(steps, offsets, strict=True):
        first = min(first, time + offset)
        last = max(last, time + offset + duration)
        time += duration
    return _Run(count, time, first, last, start, sizes)


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
