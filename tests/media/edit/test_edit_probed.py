"""What the prober, the packets and ffprobe say of every file that an edit makes: the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edit_sources import FRAME_S, SOUNDS, SOURCES, made, part, sound
from media_making import close_enough, demuxed

from beam_tuning.media.edit.wanted import SECOND_NS, Made, Wanted
from beam_tuning.media.info import MediaInfo, MediaKind
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober

HAS_FFPROBE = shutil.which("ffprobe") is not None
#: What is made of each: the whole in another container, a part that may be copied, a part that is encoded.
PARTS = [part(), part(2.0, 5.0), part(2.4, 4.52, tolerance_ns=0)]
SOUND_PARTS = [sound(), sound(1.5, 5.5), sound(max_bytes=40_000)]
#: What ffprobe calls a container.
FFPROBE_NAMES = {
    "mp4": "mov,mp4,m4a,3gp,3g2,mj2",
    "m4a": "mov,mp4,m4a,3gp,3g2,mj2",
    "ogg": "ogg",
    "flac": "flac",
    "wav": "wav",
    "mp3": "mp3",
}


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    with Prober(ProbeOptions(allow_local_media=True, threads=1)) as one:
        yield one


@pytest.mark.parametrize("name", [*SOURCES, *SOUNDS])
def test_all_readers_agree_on_what_was_made(
    name: str, source_of: Callable[[str], str], tmp_path: Path, prober: Prober
) -> None:
    for index, wanted in enumerate(PARTS if name in SOURCES else SOUND_PARTS):
        target = tmp_path / str(index)
        result = made(source_of(name), target, wanted)
        named = target.rename(tmp_path / f"{index}.{result.container}")
        info = prober.submit(str(named)).result().media
        assert isinstance(info, MediaInfo)
        assert info.truncated is None
        agrees_with_packets(info, named)
        agrees_with_what_was_wanted(info, result, wanted)
        if HAS_FFPROBE:
            agrees_with_ffprobe(info, result, named)
    if not HAS_FFPROBE:
        pytest.skip("there is no ffprobe (Debian: apt-get install ffmpeg); the prober and the packets agree")


def agrees_with_packets(info: MediaInfo, path: Path) -> None:
    truth = demuxed(path.read_bytes())
    assert close_enough(info.duration_s, truth.duration_s)
    assert [stream.codec for stream in info.streams] == [track.codec for track in truth.tracks]


def agrees_with_what_was_wanted(info: MediaInfo, result: Made, wanted: Wanted) -> None:
    pictures = next((stream for stream in info.streams if stream.kind is MediaKind.VIDEO), None)
    length_s = info.duration_s if pictures is None else pictures.duration_s
    assert length_s is not None
    assert abs(length_s - result.duration_ns / SECOND_NS) <= (2 * FRAME_S if pictures else 0.1)
    assert wanted.max_bytes is None or result.size_bytes <= wanted.max_bytes


def agrees_with_ffprobe(info: MediaInfo, result: Made, path: Path) -> None:
    told = ffprobe(path)
    assert told["format"]["format_name"] == FFPROBE_NAMES[result.container]
    assert close_enough(info.duration_s, float(told["format"]["duration"]))
    by_ffprobe = [(one["codec_type"], one["codec_name"]) for one in told["streams"]]
    assert [(stream.kind.value, stream.codec) for stream in info.streams] == by_ffprobe
    for stream, one in zip(info.streams, told["streams"], strict=True):
        if stream.kind is MediaKind.VIDEO:
            assert (stream.width_px, stream.height_px) == (one["width"], one["height"])
        else:
            assert (stream.sample_rate_hz, stream.channels) == (int(one["sample_rate"]), one["channels"])


def ffprobe(path: Path) -> Any:
    words = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(path)]
    done = subprocess.run(words, capture_output=True, check=True)
    assert done.stderr == b"", done.stderr
    return json.loads(done.stdout)
