"""Small real media files, encoded in this process with PyAV; the same bytes in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import av
import av.audio.stream
import av.container
import av.video.stream
import numpy as np

_AUDIO_CHUNK_SAMPLES = 1 << 16


class _Video(NamedTuple):
    codec: str
    duration_s: int
    fps: int = 5
    width_px: int = 96
    height_px: int = 64


class _Audio(NamedTuple):
    codec: str
    duration_s: int
    sample_rate_hz: int = 16_000
    tone_hz: int = 440
    bit_rate: int = 24_000


class _Recipe(NamedTuple):
    """What goes into one file; the muxer follows from the file's name."""

    video: _Video | None = None
    audio: _Audio | None = None


_LONG_VIDEO = _Video("libx264", 0, fps=1, width_px=16, height_px=16)
_SILENCE = 0

_RECIPES: dict[str, _Recipe] = {
    "harbour.mp4": _Recipe(_Video("libx264", 4), _Audio("aac", 4)),
    "market.mp4": _Recipe(_Video("libx264", 6, fps=8), _Audio("aac", 6, tone_hz=330)),
    "silent-street.mp4": _Recipe(_Video("libx264", 5)),
    "train-window.webm": _Recipe(_Video("libvpx", 4), _Audio("libopus", 4, sample_rate_hz=48_000)),
    "garden.mov": _Recipe(_Video("mpeg4", 3), _Audio("pcm_s16le", 3, sample_rate_hz=8_000)),
    "six-minutes.mp4": _Recipe(_LONG_VIDEO._replace(duration_s=6 * 60)),
    "twenty-one-minutes.mp4": _Recipe(_LONG_VIDEO._replace(duration_s=21 * 60)),
    "interview.mp3": _Recipe(audio=_Audio("libmp3lame", 5, tone_hz=220)),
    "birdsong.wav": _Recipe(audio=_Audio("pcm_s16le", 2, sample_rate_hz=8_000, tone_hz=880)),
    "lecture.ogg": _Recipe(audio=_Audio("libopus", 6, sample_rate_hz=48_000, tone_hz=260)),
    "violin.flac": _Recipe(audio=_Audio("flac", 3, tone_hz=659)),
    "voicemail.m4a": _Recipe(audio=_Audio("aac", 4, tone_hz=180)),
    "sixty-one-minutes.flac": _Recipe(audio=_Audio("flac", 61 * 60, sample_rate_hz=8_000, tone_hz=_SILENCE)),
}

_NOT_FOUND_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>The requested file was not found.</body></html>\n"
)


def _half(whole: bytes) -> bytes:
    """The first half of a file whose index stands at its front: the header promises more bytes than there are."""
    return whole[: len(whole) // 2]


_DAMAGED: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "cut-short.mp4": lambda whole: _half(whole["market.mp4"]),
    "not-found-page.mp4": lambda _: _NOT_FOUND_PAGE,
    "nothing.mp3": lambda _: b"",
    "radio.mp4": lambda whole: whole["voicemail.m4a"],
}


def write_media(folder: Path) -> list[str]:
    """Writes every file into `folder` and returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    whole: dict[str, bytes] = {}
    for name, recipe in _RECIPES.items():
        _encode(folder / name, recipe)
        whole[name] = (folder / name).read_bytes()
    for name, damage in _DAMAGED.items():
        (folder / name).write_bytes(damage(whole))
    return [*_RECIPES, *_DAMAGED]


def _encode(path: Path, recipe: _Recipe) -> None:
    # `bitexact` leaves dates, random identifiers and library versions out of the file.
    options = {"fflags": "+bitexact"}
    if path.suffix in {".mp4", ".mov", ".m4a"}:
        options["movflags"] = "+faststart"
    with av.open(str(path), "w", options=options) as container:
        video = _add_video(container, recipe.video) if recipe.video else None
        audio = _add_audio(container, recipe.audio) if recipe.audio else None
        if recipe.video and video:
            for picture in _pictures(recipe.video):
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
        if recipe.audio and audio:
            for sound in _sounds(recipe.audio):
                container.mux(audio.encode(sound))
            container.mux(audio.encode(None))


def _add_video(container: av.container.OutputContainer, recipe: _Video) -> av.video.stream.VideoStream:
    stream = cast("av.video.stream.VideoStream", container.add_stream(recipe.codec, rate=recipe.fps))
    stream.width, stream.height, stream.pix_fmt = recipe.width_px, recipe.height_px, "yuv420p"
    stream.bit_rate = 40_000
    context = stream.codec_context
    context.thread_count = 1  # several threads would make the bytes depend on their timing
    context.options = {"flags": "+bitexact", **({"preset": "veryfast"} if recipe.codec == "libx264" else {})}
    return stream


def _add_audio(container: av.container.OutputContainer, recipe: _Audio) -> av.audio.stream.AudioStream:
    stream = cast(
        "av.audio.stream.AudioStream", container.add_stream(recipe.codec, rate=recipe.sample_rate_hz, layout="mono")
    )
    stream.bit_rate = recipe.bit_rate
    stream.codec_context.options = {"flags": "+bitexact"}
    return stream


def _pictures(recipe: _Video) -> Iterator[av.VideoFrame]:
    """A bright bar that crosses a grey ramp, so that every frame differs."""
    ramp = np.linspace(40, 160, recipe.width_px, dtype=np.uint8)
    for index in range(recipe.duration_s * recipe.fps):
        picture = np.tile(ramp[None, :, None], (recipe.height_px, 1, 3))
        picture[:, index % recipe.width_px] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, recipe.fps)
        yield frame


def _sounds(recipe: _Audio) -> Iterator[av.AudioFrame]:
    total_samples = recipe.duration_s * recipe.sample_rate_hz
    for start in range(0, total_samples, _AUDIO_CHUNK_SAMPLES):
        time_s = np.arange(start, min(start + _AUDIO_CHUNK_SAMPLES, total_samples)) / recipe.sample_rate_hz
        wave = (8000 * np.sin(2 * np.pi * recipe.tone_hz * time_s)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = recipe.sample_rate_hz, start, Fraction(1, recipe.sample_rate_hz)
        yield frame
