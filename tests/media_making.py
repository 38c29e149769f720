"""Real media for tests, made in process by PyAV, and the truth about them by demuxing every packet.

`make_media("webm", video="libvpx", audio="libopus", duration_s=2)` gives bytes; `demuxed(those)` says what they hold.
"""

from __future__ import annotations

import array
import contextlib
import heapq
import io
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import av

# Any other level takes the interpreter's lock from FFmpeg's threads, which a thread that holds it may wait for.
av.logging.set_level(None)
os.environ.setdefault("SVT_LOG", "0")  # the AV1 encoder logs to standard error by itself

#: Streams whose disposition has one of these bits are pictures beside the media (FFmpeg's avformat.h).
_ATTACHED_PIC = 0x400
_TIMED_THUMBNAILS = 0x800


class Track(NamedTuple):
    """One audio or video stream, as its packets say.

    Attributes:
      kind: "audio" or "video".
      codec: FFmpeg's name of the codec (not of a decoder for it).
      start_s, end_s: of the first and the last packet's presentation; None without packets.
    """

    kind: str
    codec: str
    start_s: float | None
    end_s: float | None
    width_px: int | None
    height_px: int | None
    sample_rate_hz: int | None
    channels: int | None
    fps: float | None


class Truth(NamedTuple):
    """A whole file: `duration_s` is the last packet's end less the first packet's start, if that is after 0."""

    duration_s: float | None
    tracks: tuple[Track, ...]


class _Pipe(io.RawIOBase):
    """A sink that cannot seek, as a pipe or a socket."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


def make_media(
    container: str,
    *,
    video: str | None = None,
    audio: str | None = None,
    duration_s: float = 2.0,
    audio_duration_s: float | None = None,
    video_start_s: float = 0.0,
    audio_start_s: float = 0.0,
    fps: float = 25,
    frame_times_s: Sequence[float] | None = None,
    size_px: tuple[int, int] = (64, 48),
    pixel_format: str | None = None,
    sample_rate_hz: int = 44100,
    channels: int = 1,
    layout: str | None = None,
    seekable: bool = True,
    muxer_options: Mapping[str, str] | None = None,
    video_options: Mapping[str, str] | None = None,
    audio_options: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A whole file of moving bars and a rising tone.

    Args:
      pixel_format, layout: FFmpeg's names, where not the usual ones are wanted; `channels` is those of `layout`.
      container: an FFmpeg muxer: "mp4", "mov", "webm", "matroska", "ogg", "wav", "mp3", "adts", "mpegts", "flv", ...
      video, audio: FFmpeg encoders, e.g. "libx264", "mpeg4", "libvpx", "aac", "libopus", "pcm_s16le"; None for none.
      duration_s: of the video, and of the audio unless `audio_duration_s` says otherwise.
      video_start_s, audio_start_s: first timestamps.
      frame_times_s: presentation times of the video's frames (variable frame rate); replaces `fps` and `duration_s`.
      seekable: False writes as into a pipe, so that the muxer cannot go back and fill in sizes and durations.
    """
    with _scheduling_kept(), _output(container, muxer_options or {}, seekable) as (output, written):
        output.metadata.update(metadata or {})
        frames: list[Iterator[tuple[float, int, Any, Any]]] = []
        if video is not None:
            stream = output.add_stream(video, rate=Fraction(fps).limit_denominator(1001))
            stream.width, stream.height = size_px
            stream.pix_fmt = pixel_format or _PIXEL_FORMATS.get(video, "yuv420p")
            stream.options = dict(video_options or _FAST.get(video, {}))
            stream.codec_context.thread_count = 1  # the same bytes each time
            times_s = frame_times_s or [video_start_s + number / fps for number in range(round(duration_s * fps))]
            if frame_times_s is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            frames.append(_pictures(stream, times_s, size_px))
        if audio is not None:
            sound = output.add_stream(audio, rate=sample_rate_hz, layout=layout or _LAYOUTS[channels])
            sound.bit_rate = 64_000
            sound.options = dict(audio_options or _EXPERIMENTAL.get(audio, {}))
            length_s = duration_s if audio_duration_s is None else audio_duration_s
            frames.append(_tone(sound, length_s, audio_start_s, sample_rate_hz, channels, layout))
        for _, _, target, frame in heapq.merge(*frames, key=lambda item: item[:2]):
            output.mux(target.encode(frame))
        for target in output.streams:
            output.mux(target.encode(None))
    return bytes(written)


def make_mp4(
    *,
    duration_s: float = 2.0,
    video: str | None = "libx264",
    audio: str | None = "aac",
    faststart: bool = False,
    fragmented: bool = False,
    muxer_flags: str = "",
    **options: Any,
) -> bytes:
    """An MP4 file: `moov` last as encoders leave it, first with `faststart`, or a fragment for each keyframe."""
    flags = ["+faststart"] * faststart + ["+frag_keyframe+empty_moov+default_base_moof"] * fragmented
    flags += [muxer_flags] * bool(muxer_flags)
    muxer_options = {"movflags": "".join(flags)} if flags else {}
    muxer_options |= options.pop("muxer_options", {})
    return make_media(
        options.pop("container", "mp4"),
        video=video,
        audio=audio,
        duration_s=duration_s,
        muxer_options=muxer_options,
        **options,
    )


def remuxed(data: bytes, container: str, *, seekable: bool = True, **muxer_options: str) -> bytes:
    """The same packets in another container, as `ffmpeg -c copy` would write them."""
    with (
        av.open(io.BytesIO(data), "r") as source,
        _output(container, muxer_options, seekable) as (output, written),
    ):
        targets = {s.index: output.add_stream_from_template(s) for s in source.streams if s.type in ("audio", "video")}
        for packet in source.demux([source.streams[index] for index in targets]):
            if packet.dts is not None:
                packet.stream = targets[packet.stream_index]
                output.mux(packet)
    return bytes(written)


def demuxed(data: bytes) -> Truth:
    """What the packets of a file say, cover art left out. Raises what PyAV raises."""
    with av.open(io.BytesIO(data), "r", metadata_errors="ignore") as source:
        streams = [
            stream
            for stream in source.streams
            if stream.type in ("audio", "video") and not int(stream.disposition) & (_ATTACHED_PIC | _TIMED_THUMBNAILS)
        ]
        starts: dict[int, Fraction] = {}
        ends: dict[int, Fraction] = {}
        for packet in source.demux(streams) if streams else ():
            time = packet.pts if packet.pts is not None else packet.dts
            if time is None or packet.is_discard:
                continue
            start = time * packet.time_base
            end = (time + (packet.duration or 0)) * packet.time_base
            index = packet.stream_index
            starts[index] = min(starts.get(index, start), start)
            ends[index] = max(ends.get(index, end), end)
        tracks = tuple(_track(stream, starts.get(stream.index), ends.get(stream.index)) for stream in streams)
    duration_s = float(max(ends.values()) - max(Fraction(0), min(starts.values()))) if ends else None
    return Truth(duration_s, tracks)


def close_enough(duration_s: float | None, truth_s: float | None) -> bool:
    """Whether a duration is right: within half a second or half a percent of the truth, the larger."""
    if duration_s is None or truth_s is None:
        return False
    return abs(duration_s - truth_s) <= max(0.5, 0.005 * truth_s)


_FAST = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    # A positive cpu-used lets libvpx choose its speed by the clock: on a busy machine it was seen to spin for minutes.
    "libvpx": {"deadline": "realtime", "cpu-used": "-8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12"},
}


#: FFmpeg's own encoders of these are marked experimental.
_EXPERIMENTAL = {"vorbis": {"strict": "experimental"}}


_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
_PIXEL_FORMATS = {"mjpeg": "yuvj420p", "png": "rgb24", "prores": "yuv422p10le", "gif": "rgb8"}


@contextlib.contextmanager
def _scheduling_kept() -> Iterator[None]:
    """SVT-AV1 makes the process that opens it a real-time one, if root runs it, and all that it starts would be too."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


@contextlib.contextmanager
def _output(container: str, options: Mapping[str, str], seekable: bool) -> Iterator[tuple[Any, bytearray]]:
    """An open muxer, and the bytes that it will have written when it is closed."""
    if not seekable:
        pipe = _Pipe()
        with av.open(pipe, "w", format=container, options=dict(options)) as output:
            yield output, pipe.written
        return
    # A real file, for some muxers open their output a second time by its name (faststart).
    written = bytearray()
    with tempfile.NamedTemporaryFile(suffix=".media") as file:
        with av.open(file.name, "w", format=container, options=dict(options)) as output:
            yield output, written
        written += file.read()


def _pictures(stream: Any, times_s: Sequence[float], size_px: tuple[int, int]) -> Iterator[tuple[float, int, Any, Any]]:
    width, height = size_px
    time_base = stream.codec_context.time_base or Fraction(1, 90000)
    if time_base.numerator == 0:
        time_base = Fraction(1) / stream.codec_context.framerate
    for number, time_s in enumerate(times_s):
        picture = av.VideoFrame(width, height, "rgb24")
        row = bytes((column * 3 + number * 7) & 0xFF for column in range(picture.planes[0].line_size))
        picture.planes[0].update(row * height)
        picture = picture.reformat(format=stream.pix_fmt)
        picture.time_base = time_base
        picture.pts = round(Fraction(time_s) / time_base)
        yield time_s, 0, stream, picture


def _tone(
    stream: Any, duration_s: float, start_s: float, sample_rate_hz: int, channels: int, layout: str | None
) -> Iterator[tuple[float, int, Any, Any]]:
    total = round(duration_s * sample_rate_hz)
    step = min(sample_rate_hz, 4096)
    wave = array.array("h")
    for number in range(step):
        wave.extend([round(9000 * math.sin(number * number / (sample_rate_hz + 1)))] * channels)
    for first in range(0, total, step):
        samples = min(step, total - first)
        frame = av.AudioFrame(format="s16", layout=layout or _LAYOUTS[channels], samples=samples)
        frame.planes[0].update(wave[: samples * channels].tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate = sample_rate_hz
        frame.time_base = Fraction(1, sample_rate_hz)
        frame.pts = first + round(start_s * sample_rate_hz)
        yield start_s + first / sample_rate_hz, 1, stream, frame


def _track(stream: Any, start: Fraction | None, end: Fraction | None) -> Track:
    context = stream.codec_context  # None for a codec that FFmpeg does not know
    is_video = stream.type == "video"
    rate = stream.average_rate if is_video and context is not None else None
    return Track(
        kind=stream.type,
        codec=context.codec.canonical_name if context is not None else "",
        start_s=None if start is None else float(start),
        end_s=None if end is None else float(end),
        width_px=context.width if is_video and context is not None else None,
        height_px=context.height if is_video and context is not None else None,
        sample_rate_hz=context.sample_rate if not is_video and context is not None else None,
        channels=context.channels if not is_video and context is not None else None,
        fps=float(rate) if rate else None,
    )
