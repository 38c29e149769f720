"""A part of a video encoded anew: H.264 and AAC in MP4, exact to the frame, under a size where one is wanted.

Aspect, rotation and colour range are kept (the picture itself is turned), and so is every frame; nothing is scaled up.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.filter import Graph

from beam_tuning.media.edit.sound import SoundEncoder
from beam_tuning.media.edit.source import CannotEdit, Source, opened
from beam_tuning.media.edit.wanted import SECOND_NS, Made, Wanted

#: Short sides that are tried, the source's own first.
_SHORT_SIDES = (1080, 720, 480, 360, 240, 144)
#: Bits for each pixel of each frame, below which a smaller picture looks better (H.264 at moderate motion).
_FEWEST_BITS_A_PIXEL = 0.04
#: Rate of frames that a bit rate is shared among; more frames a second differ less from one another.
_MOST_COUNTED_FPS = 30
#: What a container needs, and by how much encoders overshoot.
_MARGIN = 0.92
_SOUND_BITS, _LOW_SOUND_BITS = 96_000, 32_000
#: Encodings until a size is met, and the share of it that the next one aims at.
_ATTEMPTS, _LESS = 3, 0.9
_LEAST_VIDEO_BITS = 20_000
_SOUND_HZ = 44_100
_TICKS_A_SECOND = 90_000
#: https://trac.ffmpeg.org/wiki/Encode/H.264#crf: 23 is the default, and lower is better.
_USUAL_CRF = "20"
_PRESET = "medium"
_FULL_RANGE = 2


class _Setting(NamedTuple):
    """How the pictures are encoded: at a bit rate, or where that is None at a usual quality."""

    width_px: int
    height_px: int
    video_bits: int | None
    sound_bits: int


def encode_pictures(path: str, target: str, wanted: Wanted) -> Made:
    """Encodes a part.

    Raises:
      CannotEdit: nothing is shown in that part, or it does not fit into the size at any usual rate.
    """
    factor = 1.0
    for _ in range(_ATTEMPTS):
        with opened(path) as source:
            setting = _setting(source, wanted, factor)
            duration_ns = _write(source, target, wanted, setting)
        size_bytes = _size(target)
        if wanted.max_bytes is None or size_bytes <= wanted.max_bytes:
            how = f"h264 {setting.width_px}x{setting.height_px}, aac"
            return Made("mp4", "video/mp4", wanted.start_ns, duration_ns, size_bytes, is_encoded=True, how=how)
        factor *= _LESS * wanted.max_bytes / size_bytes
    raise CannotEdit(f"does not fit into {wanted.max_bytes:,} bytes at any usual rate")


def _setting(source: Source, wanted: Wanted, factor: float) -> _Setting:
    video = source.video
    if video is None:
        raise CannotEdit("holds no pictures")
    width_px, height_px = video.codec_context.width, video.codec_context.height
    if width_px < 2 or height_px < 2:
        raise CannotEdit("does not say how large its pictures are")
    if wanted.max_bytes is None:
        return _Setting(_even(width_px), _even(height_px), None, _SOUND_BITS)
    length_s = max(_length_s(source, wanted), 0.1)
    bits = wanted.max_bytes * 8 * _MARGIN * factor / length_s
    sound_bits = 0 if not source.audio else _SOUND_BITS if bits > 6 * _SOUND_BITS else _LOW_SOUND_BITS
    video_bits = int(bits - sound_bits)
    if video_bits < _LEAST_VIDEO_BITS:
        raise CannotEdit(f"does not fit into {wanted.max_bytes:,} bytes at any usual rate")
    fps = min(float(video.average_rate or _MOST_COUNTED_FPS), _MOST_COUNTED_FPS)
    short_px = min(width_px, height_px)
    for side_px in (short_px, *(side for side in _SHORT_SIDES if side < short_px)):
        size = _scaled(width_px, height_px, side_px)
        if size[0] * size[1] * fps * _FEWEST_BITS_A_PIXEL <= video_bits:
            break
    return _Setting(*size, video_bits, sound_bits)


def _scaled(width_px: int, height_px: int, short_px: int) -> tuple[int, int]:
    scale = Fraction(short_px, min(width_px, height_px))
    return _even(round(width_px * scale)), _even(round(height_px * scale))


def _even(size_px: int) -> int:
    """4:2:0 has even sizes only."""
    return max(2, size_px // 2 * 2)


def _length_s(source: Source, wanted: Wanted) -> float:
    if wanted.stop_ns is not None:
        return (wanted.stop_ns - wanted.start_ns) / SECOND_NS
    duration = source.container.duration
    if not duration:
        raise CannotEdit("does not say how long it is")
    return float(duration / av.time_base - wanted.start_ns / SECOND_NS)


def _write(source: Source, target: str, wanted: Wanted, setting: _Setting) -> int:
    """Gives the length in nanoseconds."""
    video = source.video
    video.thread_type = "AUTO"
    with av.open(target, "w", format="mp4", options={"movflags": "+faststart"}) as output:
        pictures = _Pictures(output, source, _first_picture(source, wanted), wanted, setting)
        sound = None
        streams = [video]
        if source.audio:
            stream = source.audio[0]
            made = output.add_stream("aac", rate=_SOUND_HZ)
            made.layout = "stereo" if stream.codec_context.channels > 1 else "mono"
            made.bit_rate = setting.sound_bits
            layout = "stereo" if stream.codec_context.channels > 1 else "mono"
            sound = SoundEncoder(made, wanted, "flt", _SOUND_HZ, layout)
            streams.append(stream)
        source.seek(wanted.start_ns, video)
        for packet in source.container.demux(streams):
            for frame in _decoded(packet):
                if frame.pts is None:
                    continue
                time_ns = source.time_ns(frame.pts, packet.stream)
                if packet.stream.index == video.index:
                    for encoded in pictures.take(frame, time_ns):
                        output.mux(encoded)
                elif sound is not None:
                    for encoded in sound.take(frame, time_ns):
                        output.mux(encoded)
            if pictures.is_full and (sound is None or sound.is_full):
                break
        for encoded in pictures.finish():
            output.mux(encoded)
        if sound is not None:
            for encoded in sound.finish():
                output.mux(encoded)
    if not pictures.end_ns:
        raise CannotEdit("shows nothing in that part")
    return pictures.end_ns - wanted.start_ns


def _first_picture(source: Source, wanted: Wanted) -> Any:
    """A picture near the start of the part: what it says of itself goes into the header."""
    source.seek(wanted.start_ns, source.video)
    for packet in source.container.demux(source.video):
        for frame in _decoded(packet):
            return frame
    raise CannotEdit("shows nothing in that part")


def _decoded(packet: Any) -> list[Any]:
    """Frames of a packet; a damaged one gives none, as every player has it."""
    try:
        frames: list[Any] = packet.decode()
    except av.InvalidDataError:
        return []
    return frames


class _Pictures:
    """Decoded pictures in, packets out.

    Attributes:
      end_ns: where the last one ends on the source's time line; 0 before the first one.
      is_full: whether what comes later lies behind the end.
    """

    def __init__(self, output: Any, source: Source, sample: Any, wanted: Wanted, setting: _Setting) -> None:
        video = source.video
        rate = video.average_rate or Fraction(25)
        options = {"preset": _PRESET}
        if setting.video_bits is None:
            options["crf"] = _USUAL_CRF
        else:
            options |= {"maxrate": str(setting.video_bits), "bufsize": str(2 * setting.video_bits)}
        self._stream = output.add_stream("libx264", rate=min(Fraction(rate), Fraction(240)), options=options)
        if setting.video_bits is not None:
            self._stream.bit_rate = setting.video_bits
        self._setting = setting
        self._wanted = wanted
        self._source = source
        self._frame_ns = round(SECOND_NS / rate)
        self._turning: _Turning | None = None
        self.end_ns = 0
        self.is_full = False
        self._last_ticks = -1
        self._set_up(sample)

    def take(self, frame: Any, time_ns: int) -> Iterator[Any]:
        """Packets that are ready."""
        stop_ns = self._wanted.stop_ns
        # Times in a container are rounded; a picture belongs to the part where most of the rounding puts it.
        if stop_ns is not None and time_ns >= stop_ns - SECOND_NS // 2000:
            self.is_full = True
            return
        if time_ns < self._wanted.start_ns - SECOND_NS // 2000:
            return
        ticks = max(0, round(Fraction(time_ns - self._wanted.start_ns, SECOND_NS) * _TICKS_A_SECOND))
        if ticks <= self._last_ticks:
            return
        self._last_ticks = ticks
        length_ns = round(frame.duration * frame.time_base * SECOND_NS) if frame.duration else self._frame_ns
        self.end_ns = time_ns + length_ns if stop_ns is None else min(stop_ns, time_ns + length_ns)
        yield from self._stream.encode(self._prepared(frame, ticks))

    def finish(self) -> Iterator[Any]:
        """The last packets."""
        if self.end_ns:
            yield from self._stream.encode(None)

    def _set_up(self, frame: Any) -> None:
        context = self._stream.codec_context
        width_px, height_px = self._setting.width_px, self._setting.height_px
        degrees = int(frame.rotation) % 360
        self._turning = _Turning(degrees) if degrees in (90, 180, 270) else None
        aspect = self._source.video.sample_aspect_ratio or Fraction(1)
        if degrees in (90, 270):
            width_px, height_px = height_px, width_px
            aspect = 1 / aspect
        context.width, context.height = width_px, height_px
        context.pix_fmt = "yuvj420p" if int(frame.color_range) == _FULL_RANGE else "yuv420p"
        context.time_base = Fraction(1, _TICKS_A_SECOND)
        context.sample_aspect_ratio = aspect
        context.color_range = frame.color_range
        context.colorspace = frame.colorspace
        context.color_primaries = self._source.video.codec_context.color_primaries
        context.color_trc = self._source.video.codec_context.color_trc

    def _prepared(self, frame: Any, ticks: int) -> Any:
        made = frame.reformat(
            width=self._setting.width_px,
            height=self._setting.height_px,
            format=self._stream.codec_context.pix_fmt,
            src_color_range=frame.color_range,
            dst_color_range=frame.color_range,
        )
        if self._turning is not None:
            made = self._turning.turned(made)
        made.pts, made.time_base = ticks, Fraction(1, _TICKS_A_SECOND)
        made.pict_type = 0
        return made


class _Turning:
    """Turns pictures by a multiple of a quarter."""

    #: By degrees counterclockwise, as display matrices count.
    _FILTERS = {90: ["cclock"], 180: ["clock", "clock"], 270: ["clock"]}  # noqa: RUF012

    def __init__(self, degrees: int) -> None:
        self._directions = self._FILTERS[degrees]
        self._graph: Graph | None = None

    def turned(self, frame: Any) -> Any:
        if self._graph is None:
            self._graph = Graph()
            nodes = [
                self._graph.add_buffer(
                    width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, _TICKS_A_SECOND)
                )
            ]
            nodes += [self._graph.add("transpose", f"dir={direction}") for direction in self._directions]
            nodes.append(self._graph.add("buffersink"))
            for one, other in itertools.pairwise(nodes):
                one.link_to(other)
            self._graph.configure()
        self._graph.push(frame)
        return self._graph.pull()


def _size(path: str) -> int:
    with open(path, "rb") as stream:
        return stream.seek(0, 2)
