"""Videos whose pictures say their own number and whose sound clicks when the picture flashes, and reading both back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

# Any other level takes the interpreter's lock from FFmpeg's threads, which a thread that holds it may wait for.
av.logging.set_level(None)
#: Binary digits of a number, as bars from left to right, the smallest first.
_BITS = 10
#: A flash and a click at each whole multiple.
EVERY_S = 2
_HZ = 44_100


class Seen(NamedTuple):
    """What a file shows.

    Attributes:
      frames: (time in seconds, number) in the order in which they are shown.
      flashes, clicks: seconds; of the first audio track.
    """

    frames: list[tuple[float, int]]
    flashes: list[float]
    clicks: list[float]
    size_px: tuple[int, int]

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.frames]


def numbered_media(
    container: str = "mp4",
    *,
    video: str | None = "libx264",
    audio: str | None = "aac",
    duration_s: float = 8.0,
    fps: float = 25,
    times_s: Sequence[float] | None = None,
    size_px: tuple[int, int] = (160, 96),
    pixel_format: str = "yuv420p",
    video_options: Mapping[str, str] | None = None,
    muxer_options: Mapping[str, str] | None = None,
    audio_tracks: int = 1,
    start_s: float = 0.0,
    rotation: int = 0,
) -> bytes:
    """A file.

    Args:
      times_s: of the pictures, for a variable frame rate.
      start_s: first time of all tracks.
    """
    file = tempfile.NamedTemporaryFile(suffix=f".{container}")  # noqa: SIM115 (a muxer reads again what it wrote)
    times = list(times_s or [number / fps for number in range(round(duration_s * fps))])
    with av.open(file.name, "w", format=container, options=dict(muxer_options or {})) as output:
        pictures: Any = None
        if video is not None:
            pictures = output.add_stream(
                video, rate=Fraction(fps).limit_denominator(1001), options={**_usual(video), **(video_options or {})}
            )
            pictures.width, pictures.height = size_px
            pictures.pix_fmt = pixel_format
            pictures.codec_context.thread_count = 1
            if times_s is not None:
                pictures.codec_context.time_base = Fraction(1, 1000)
        sounds = []
        for _ in range(audio_tracks if audio else 0):
            sound: Any = output.add_stream(audio, rate=48_000 if audio == "libopus" else _HZ)
            sound.layout = "mono"
            sounds.append(sound)
        length_s = duration_s if times_s is None else times[-1] + 1 / fps
        if pictures is not None:
            _write_pictures(output, pictures, times, size_px, start_s)
        for sound in sounds:
            _write_clicks(output, sound, length_s, start_s)
    made = Path(file.name).read_bytes()
    file.close()
    return _turned(made, rotation) if rotation else made


def seen(path: str, *, turned_deg: int = 0) -> Seen:
    """Decodes the whole file; pictures that were turned clockwise by so much are turned back."""
    frames, flashes, size = [], [], (0, 0)
    with av.open(path) as container:
        if container.streams.video:
            for frame in container.decode(video=0):
                grey = frame.to_ndarray(format="gray")
                size = (grey.shape[1], grey.shape[0])
                grey = np.rot90(grey, turned_deg // 90)
                bars = grey[: grey.shape[0] // 2]
                width = grey.shape[1] // _BITS
                bits = [
                    bars[:, index * width + width // 4 : index * width + 3 * width // 4].mean() > 128
                    for index in range(_BITS)
                ]
                frames.append((float(frame.time), sum(1 << index for index, bit in enumerate(bits) if bit)))
                if grey[3 * grey.shape[0] // 4 :].mean() > 128:
                    flashes.append(float(frame.time))
    with av.open(path) as container:
        clicks = _clicks(container) if container.streams.audio else []
    return Seen(frames, flashes, clicks, size)


def sound_length_s(path: str) -> float:
    """Seconds of decoded samples."""
    with av.open(path) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def _usual(video: str) -> dict[str, str]:
    return {
        "libx264": {"preset": "ultrafast", "g": "25", "bf": "0", "sc_threshold": "0"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:keyint=25:scenecut=0:pools=1"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "g": "25"},
        "libvpx": {"deadline": "realtime", "cpu-used": "-8", "g": "25"},
        "mpeg4": {"g": "25"},
    }.get(video, {})


def _picture(number: int, *, flashes: bool, size_px: tuple[int, int]) -> Any:
    width_px, height_px = size_px
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    bar = width_px // _BITS
    for index in range(_BITS):
        if number >> index & 1:
            picture[: height_px // 2, index * bar : (index + 1) * bar] = 255
    if flashes:
        picture[height_px // 2 :] = 255
    return picture


def _write_pictures(
    output: Any, stream: Any, times_s: Sequence[float], size_px: tuple[int, int], start_s: float
) -> None:
    for number, time_s in enumerate(times_s):
        before_s = times_s[number - 1] if number else -1.0
        flashes = time_s // EVERY_S != before_s // EVERY_S
        frame = av.VideoFrame.from_ndarray(_picture(number, flashes=flashes, size_px=size_px), format="rgb24")
        base = stream.codec_context.time_base or 1 / stream.average_rate
        frame.time_base = base
        frame.pts = round((time_s + start_s) / base)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _write_clicks(output: Any, stream: Any, length_s: float, start_s: float) -> None:
    rate = stream.codec_context.sample_rate
    samples = np.zeros(round(length_s * rate), np.float32)
    for at_s in range(0, round(length_s + 0.5), EVERY_S):
        at = at_s * rate
        # 20 ms of 1 kHz; nothing at the very start, where encoders fade in.
        burst = 0.8 * np.sin(np.arange(rate // 50) * 2 * np.pi * 1000 / rate)
        samples[at : at + rate // 50] = burst[: max(0, len(samples) - at)]
    position = 0
    while position < len(samples):
        part = samples[position : position + 1024]
        frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = position + round(start_s * rate)
        output.mux(stream.encode(frame))
        position += len(part)
    output.mux(stream.encode(None))


def _clicks(container: Any) -> list[float]:
    found: list[float] = []
    for frame in container.decode(audio=0):
        values = np.abs(frame.to_ndarray().astype(np.float64))
        if np.issubdtype(frame.to_ndarray().dtype, np.integer):
            values /= np.iinfo(frame.to_ndarray().dtype).max
        for index in np.flatnonzero(values[0] > 0.3):
            at_s = float(frame.time) + index / frame.sample_rate
            if not found or at_s - found[-1] > 0.5:
                found.append(float(at_s))
    return found


def _turned(data: bytes, degrees: int) -> bytes:
    """MP4 with a display matrix that turns the picture; written into the first `tkhd` of pictures."""
    matrices = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = matrices[degrees]
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    matrix = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    return data[:at] + b"".join(value.to_bytes(4, "big", signed=True) for value in matrix) + data[at + 36 :]
