"""Sound between two times, exact to the sample, encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler

from beam_tuning.media.edit.source import CannotEdit, opened
from beam_tuning.media.edit.wanted import SECOND_NS, Made, Wanted

#: What speech is made for; the service hears at 16 kHz (https://ai.google.dev/gemini-api/docs/audio).
_SPEECH_HZ = 16_000
_LEAST_OPUS_BITS, _MOST_OPUS_BITS = 8_000, 64_000
#: A container's share of a small file of sound.
_MARGIN = 0.94
#: Opus counts in samples of 48 kHz.
_OPUS_HZ = 48_000


def encode_sound(path: str, target: str, wanted: Wanted) -> Made:
    """A part of an audio file as mono FLAC of 16 kHz while that fits, else as Opus.

    Raises:
      CannotEdit: it fits at no rate.
    """
    length_s = _write(path, target, wanted, "flac", "flac", _SPEECH_HZ, None)
    size_bytes = _size(target)
    if wanted.max_bytes is None or size_bytes <= wanted.max_bytes:
        how = f"flac {_SPEECH_HZ} Hz mono"
        return Made("flac", "audio/flac", wanted.start_ns, _ns(length_s), size_bytes, is_encoded=True, how=how)
    bits = int(wanted.max_bytes * 8 * _MARGIN / max(length_s, 0.01))
    for attempt_bits in (min(bits, _MOST_OPUS_BITS), min(int(bits * 0.8), _MOST_OPUS_BITS)):
        if attempt_bits < _LEAST_OPUS_BITS:
            break
        length_s = _write(path, target, wanted, "ogg", "libopus", _OPUS_HZ, attempt_bits)
        size_bytes = _size(target)
        if size_bytes <= wanted.max_bytes:
            how = f"opus {attempt_bits // 1000} kbit/s mono"
            return Made("ogg", "audio/ogg", wanted.start_ns, _ns(length_s), size_bytes, is_encoded=True, how=how)
    raise CannotEdit(f"does not fit into {wanted.max_bytes:,} bytes at any usual rate")


def _write(path: str, target: str, wanted: Wanted, muxer: str, codec: str, rate_hz: int, bits: int | None) -> float:
    """Gives the length in seconds."""
    with opened(path) as source, av.open(target, "w", format=muxer) as output:
        stream = source.audio[0]
        made: Any = output.add_stream(codec, rate=rate_hz)
        made.layout = "mono"
        if bits is not None:
            made.bit_rate = bits
        encoder = SoundEncoder(made, wanted, "flt" if codec == "libopus" else "s16", rate_hz, "mono")
        source.seek(wanted.start_ns - SECOND_NS, stream)
        for frame in source.container.decode(stream):
            if encoder.is_full:
                break
            for packet in encoder.take(frame, source.time_ns(frame.pts or 0, stream)):
                output.mux(packet)
        for packet in encoder.finish():
            output.mux(packet)
    if not encoder.samples:
        raise CannotEdit("has no sound in that part")
    return encoder.samples / rate_hz


class SoundEncoder:
    """Decoded frames in, packets out: what lies between the two times, resampled, in frames of the encoder's size.

    Where frames lack between two, there is silence, so that sound keeps its place beside the pictures.

    Attributes:
      samples: that were taken, of the output's rate.
      is_full: whether what comes later lies behind the end.
    """

    def __init__(self, stream: Any, wanted: Wanted, sample_format: str, rate_hz: int, layout: str) -> None:
        self._stream = stream
        self._wanted = wanted
        self._rate_hz = rate_hz
        self._format, self._layout = sample_format, layout
        self._resampler = AudioResampler(sample_format, layout, rate_hz)
        self._fifo = AudioFifo()
        self.samples = 0
        self._written = 0
        self._next: int | None = None
        self.is_full = False

    def take(self, frame: Any, time_ns: int) -> Iterator[Any]:
        """Packets that are ready.

        Args:
          time_ns: of the frame, on the source's time line.
        """
        stop_ns = self._wanted.stop_ns
        if stop_ns is not None and time_ns >= stop_ns:
            self.is_full = True
            return
        frame.pts = None
        if self._next is None:
            self._next = round(time_ns * self._rate_hz / SECOND_NS)
        else:
            self._fill(round(time_ns * self._rate_hz / SECOND_NS))
        for resampled in self._resampler.resample(frame):
            self._put(resampled)
        yield from self._encode(partial=False)

    def finish(self) -> Iterator[Any]:
        """The last packets."""
        if self._next is not None:
            for resampled in self._resampler.resample(None):
                self._put(resampled)
            yield from self._encode(partial=True)
        yield from self._stream.encode(None)

    def _fill(self, now: int) -> None:
        """Silence where more than a tenth of a second lacks, and at most an hour."""
        gap = now - (self._next or 0)
        if self._rate_hz // 10 < gap <= 3600 * self._rate_hz:
            while gap > 0:
                size = min(gap, self._rate_hz)
                self._put(self._frame(np.zeros((1, size * self._width()), dtype=self._dtype())))
                gap -= size

    def _put(self, frame: Any) -> None:
        """What of the frame lies in the part goes into the queue."""
        assert self._next is not None  # noqa: S101
        first = self._next
        self._next += frame.samples
        start = round(self._wanted.start_ns * self._rate_hz / SECOND_NS)
        stop_ns = self._wanted.stop_ns
        stop = self._next if stop_ns is None else round(stop_ns * self._rate_hz / SECOND_NS)
        begin, end = max(0, start - first), min(frame.samples, stop - first)
        if begin >= end:
            return
        if self.samples == 0 and first > start:
            # Sound that begins late.
            lead = min(first - start, 3600 * self._rate_hz)
            if lead > self._rate_hz // 1000:
                self._queue(self._frame(np.zeros((1, lead * self._width()), dtype=self._dtype())))
        if begin > 0 or end < frame.samples:
            values = frame.to_ndarray()
            width = self._width()
            frame = self._frame(np.ascontiguousarray(values[:, begin * width : end * width]))
        self._queue(frame)

    def _queue(self, frame: Any) -> None:
        self.samples += frame.samples
        frame.pts = None
        self._fifo.write(frame)

    def _encode(self, *, partial: bool) -> Iterator[Any]:
        size = self._stream.codec_context.frame_size or 1024
        while True:
            frame = self._fifo.read(size)
            if frame is None and partial:
                frame = self._fifo.read(0, True)
            if frame is None:
                return
            frame.pts = self._written
            frame.sample_rate = self._rate_hz
            self._written += frame.samples
            yield from self._stream.encode(frame)

    def _frame(self, values: Any) -> Any:
        frame = av.AudioFrame.from_ndarray(values, format=self._format, layout=self._layout)
        frame.sample_rate = self._rate_hz
        return frame

    def _width(self) -> int:
        """Values of one sample in a packed format."""
        return 1 if self._layout == "mono" else 2

    def _dtype(self) -> Any:
        return np.int16 if self._format == "s16" else np.float32


def _size(path: str) -> int:
    with open(path, "rb") as stream:
        return stream.seek(0, 2)


def _ns(length_s: float) -> int:
    return round(length_s * SECOND_NS)
