"""Sources of media that edits are tried on, made once, and what is tried on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beam_tuning.media.edit.child import answer
from beam_tuning.media.edit.wanted import SECOND_NS, EditLimits, Kind, Made, Task, Wanted

#: A picture of 25 a second, and what sound may be away from its picture.
FRAME_S, IN_SYNC_S = 0.04, 0.04
B_FRAMES = {"bf": "3", "b-pyramid": "normal", "preset": "medium", "g": "25", "sc_threshold": "0"}
OPEN_GROUPS = {"bf": "3", "preset": "medium", "x264-params": "open-gop=1:keyint=25:scenecut=0"}
UNEVEN_S = [number / 25 + (0.013 if number % 3 == 0 else 0) for number in range(200)]

#: Muxer, and what `numbered_media` takes. Each shows pictures 0 to 199.
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "moov last": ("mp4", {}),
    "moov first": ("mp4", {"muxer_options": {"movflags": "+faststart"}}),
    "fragmented": ("mp4", {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "b-frames": ("mp4", {"video_options": B_FRAMES}),
    "open groups": ("mp4", {"video_options": OPEN_GROUPS}),
    "variable rate": ("mp4", {"times_s": UNEVEN_S}),
    "late start": ("mp4", {"start_s": 1.52}),
    "two tracks": ("mp4", {"audio_tracks": 2}),
    "silent": ("mp4", {"audio": None}),
    "odd size": ("mp4", {"size_px": (161, 97), "pixel_format": "yuv444p"}),
    "10 bit": ("mp4", {"pixel_format": "yuv420p10le"}),
    "full range": ("mp4", {"pixel_format": "yuvj420p"}),
    "hevc": ("mp4", {"video": "libx265"}),
    "hevc 10 bit": ("mp4", {"video": "libx265", "pixel_format": "yuv420p10le"}),
    "mov": ("mov", {}),
    "mov with pcm": ("mov", {"audio": "pcm_s16le"}),
    "matroska": ("matroska", {"video_options": B_FRAMES}),
    "webm vp9": ("webm", {"video": "libvpx-vp9", "audio": "libopus"}),
    "webm vp8": ("webm", {"video": "libvpx", "audio": "libopus"}),
    "mpeg-ts": ("mpegts", {"video_options": B_FRAMES}),
    "flv": ("flv", {}),
    "avi": ("avi", {"video": "mpeg4", "audio": "libmp3lame"}),
}
#: AVI has no presentation times: FFmpeg takes its pictures to be shown one later.
LATE_FRAMES = {"avi": 1}


def part(start_s: float = 0, stop_s: float | None = None, **more: Any) -> Wanted:
    stop_ns = None if stop_s is None else round(stop_s * SECOND_NS)
    return Wanted(kind=Kind.PART, start_ns=round(start_s * SECOND_NS), stop_ns=stop_ns, **more)


#: Muxer, encoder, and the container of a part that is copied; None where it is encoded.
SOUNDS: dict[str, tuple[str, str, str | None]] = {
    "wav": ("wav", "pcm_s16le", "wav"),
    "mp3": ("mp3", "libmp3lame", "mp3"),
    "m4a": ("ipod", "aac", "m4a"),
    "adts": ("adts", "aac", "m4a"),
    "opus in ogg": ("ogg", "libopus", "ogg"),
    "opus in webm": ("webm", "libopus", "ogg"),
    "flac": ("flac", "flac", None),
    "alac in caf": ("caf", "alac", None),
    "aiff": ("aiff", "pcm_s16be", None),
}


def sound(start_s: float = 0, stop_s: float | None = None, **more: Any) -> Wanted:
    stop_ns = None if stop_s is None else round(stop_s * SECOND_NS)
    return Wanted(kind=Kind.SOUND, start_ns=round(start_s * SECOND_NS), stop_ns=stop_ns, **more)


def made(source: str, target: Path, wanted: Wanted) -> Made:
    """What a child makes, in this process; `test_edit_child.py` has children."""
    result = answer(Task(source, str(target), wanted, EditLimits()))
    assert isinstance(result, Made), result
    assert result.size_bytes == target.stat().st_size
    return result


def check_sync(name: str, flashes: list[float], clicks: list[float], expected: int) -> None:
    assert len(flashes) >= expected
    if SOURCES[name][1].get("audio", "") is None:
        return
    for flash_s in flashes:
        # Encoders fade in at the very start: a click there may be lost.
        if flash_s > 0.1:
            assert any(abs(flash_s - click_s) <= IN_SYNC_S for click_s in clicks), (name, flashes, clicks)
