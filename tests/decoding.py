"""How long audio is by decoding it: for files whose time stamps begin anew where parts are joined."""

from __future__ import annotations

import io

import av


def decoded_s(data: bytes, container: str | None = None) -> float:
    """Seconds of samples that FFmpeg's decoder puts out; what it cannot decode is left out."""
    seconds = 0.0
    with av.open(io.BytesIO(data), "r", format=container, metadata_errors="ignore") as source:
        frames = source.decode(audio=0)
        while True:
            try:
                frame = next(frames)
            except StopIteration:
                return seconds
            except av.error.FFmpegError:
                continue
            seconds += frame.samples / frame.sample_rate
