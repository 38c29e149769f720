"""Parts of videos: the right first and last picture, sound beside its pictures, no part over its size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from edit_sources import FRAME_S, LATE_FRAMES, SOURCES, check_sync, made, part
from numbered_media import numbered_media, seen

from beam_tuning.media.edit.child import answer
from beam_tuning.media.edit.run import edit
from beam_tuning.media.edit.wanted import SECOND_NS, EditLimits, Made, NotMade, Task


def test_every_source_shows_its_numbers(source_of: Callable[[str], str]) -> None:
    for name in SOURCES:
        assert seen(source_of(name)).numbers == list(range(200)), name


@pytest.mark.parametrize("name", SOURCES)
def test_a_part_between_keyframes_has_the_right_pictures_in_sync(
    name: str, source_of: Callable[[str], str], tmp_path: Path
) -> None:
    target = tmp_path / "part.mp4"
    result = made(source_of(name), target, part(2.0, 5.0))
    found = seen(str(target))
    assert found.numbers == list(range(50, 125 - LATE_FRAMES.get(name, 0)))
    assert abs(result.start_ns / SECOND_NS - 2) < FRAME_S + 1e-6
    assert abs(result.duration_ns / SECOND_NS - 3) < FRAME_S + 1e-6
    check_sync(name, found.flashes, found.clicks, 2 if name != "variable rate" else 1)


@pytest.mark.parametrize("name", SOURCES)
def test_an_exact_part_begins_and_ends_with_the_very_picture(
    name: str, source_of: Callable[[str], str], tmp_path: Path
) -> None:
    target = tmp_path / "part.mp4"
    result = made(source_of(name), target, part(2.4, 4.52, tolerance_ns=0))
    assert result.is_encoded
    assert result.start_ns == 2_400_000_000
    found = seen(str(target))
    late = LATE_FRAMES.get(name, 0)
    assert found.numbers == list(range(60 - late, 113 - late))
    assert found.frames[0][0] <= FRAME_S
    check_sync(name, found.flashes, found.clicks, 1)


@pytest.mark.parametrize("name", [name for name in SOURCES if name not in ("mov with pcm", "webm vp8")])
def test_what_mp4_holds_is_not_encoded_for_another_container(
    name: str, source_of: Callable[[str], str], tmp_path: Path
) -> None:
    target = tmp_path / "whole.mp4"
    result = made(source_of(name), target, part())
    assert not result.is_encoded
    assert seen(str(target)).numbers == list(range(200))
    head = target.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")


@pytest.mark.parametrize("name", ["mov with pcm", "webm vp8"])
def test_what_mp4_does_not_hold_is_encoded(name: str, source_of: Callable[[str], str], tmp_path: Path) -> None:
    target = tmp_path / "whole.mp4"
    assert made(source_of(name), target, part()).is_encoded
    assert seen(str(target)).numbers == list(range(200))


def test_a_keyframe_within_the_tolerance_is_taken_and_told(source_of: Callable[[str], str], tmp_path: Path) -> None:
    target = tmp_path / "part.mp4"
    result = made(source_of("moov last"), target, part(2.3, 5.0))
    assert not result.is_encoded
    assert result.start_ns == 2_000_000_000
    assert seen(str(target)).numbers[0] == 50


def test_no_keyframe_within_the_tolerance_means_encoding(source_of: Callable[[str], str], tmp_path: Path) -> None:
    result = made(source_of("moov last"), tmp_path / "part.mp4", part(2.3, 5.0, tolerance_ns=100_000_000))
    assert result.is_encoded


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_picture_stays_turned(degrees: int, tmp_path: Path) -> None:
    source, copied, encoded = (tmp_path / name for name in ("source.mp4", "copied.mp4", "encoded.mp4"))
    source.write_bytes(numbered_media(rotation=degrees, duration_s=3))
    made(str(source), copied, part(1, 2))
    made(str(source), encoded, part(1.2, 2, tolerance_ns=0))
    with av.open(str(source)) as before, av.open(str(copied)) as after:
        assert next(before.decode(video=0)).rotation == next(after.decode(video=0)).rotation != 0
    found = seen(str(encoded), turned_deg=degrees)
    assert found.numbers == list(range(30, 50))
    assert found.size_px == ((160, 96) if degrees == 180 else (96, 160))
    with av.open(str(encoded)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_the_colour_range_is_kept(source_of: Callable[[str], str], tmp_path: Path) -> None:
    target = tmp_path / "part.mp4"
    made(source_of("full range"), target, part(2.4, 4, tolerance_ns=0))
    with av.open(str(target)) as container:
        assert int(next(container.decode(video=0)).color_range) == 2


def test_a_part_keeps_within_its_size_and_is_not_scaled_up(source_of: Callable[[str], str], tmp_path: Path) -> None:
    whole = len(Path(source_of("b-frames")).read_bytes())
    source = tmp_path / "large.mp4"
    source.write_bytes(noisy())
    target = tmp_path / "small.mp4"
    limit_bytes = 60_000
    assert source.stat().st_size > 5 * limit_bytes > whole
    result = made(str(source), target, part(max_bytes=limit_bytes))
    assert result.size_bytes <= limit_bytes
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) <= (640, 360)
        assert abs(stream.width / stream.height - 640 / 360) < 0.05
        assert abs(float(stream.average_rate) - 25) < 0.1
    assert abs(result.duration_ns / SECOND_NS - 3) < FRAME_S + 1e-6


def noisy() -> bytes:
    """Three seconds that no encoder makes small."""
    import io

    import numpy as np

    random = np.random.default_rng(5)
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "30", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(75):
            values = random.integers(0, 255, (45, 80, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return data.getvalue()


def test_a_size_that_nothing_fits_into_is_refused(source_of: Callable[[str], str], tmp_path: Path) -> None:
    task = Task(source_of("b-frames"), str(tmp_path / "small.mp4"), part(max_bytes=3000), EditLimits())
    refused = answer(task)
    assert isinstance(refused, NotMade)
    assert "3,000 bytes" in refused.why


def test_a_child_makes_the_same_file_twice(source_of: Callable[[str], str], tmp_path: Path) -> None:
    targets = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    wanted = part(2.4, 4.0, tolerance_ns=0)
    results = [edit(source_of("moov last"), str(target), wanted) for target in targets]
    assert isinstance(results[0], Made)
    assert results[0] == results[1]
    assert targets[0].read_bytes() == targets[1].read_bytes()
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def trimmed(media: bytes, seconds: float) -> bytes:
    """MP4 whose edit lists leave out the first seconds, as a phone trims."""
    made = bytearray(media)
    at = 0
    while (at := made.find(b"mdhd", at + 1)) > 0:
        scale = int.from_bytes(made[at + 16 : at + 20], "big")
        track = made.rfind(b"trak", 0, at)
        entry = made.index(b"elst", track) + 12
        for place, change in ((entry, -round(seconds * 1000)), (entry + 4, round(seconds * scale))):
            value = int.from_bytes(made[place : place + 4], "big") + change
            made[place : place + 4] = value.to_bytes(4, "big")
    return bytes(made)


def test_what_an_edit_list_leaves_out_stays_out(tmp_path: Path) -> None:
    """It begins 1.4 s into the track, between two keyframes."""
    source = tmp_path / "source.mp4"
    source.write_bytes(trimmed(numbered_media(), 1.4))
    assert seen(str(source)).numbers == list(range(35, 200))
    for name, wanted, first, stop in (
        ("whole", part(), 35, 200),
        ("exact", part(1.0, 3.0, tolerance_ns=0), 60, 110),
        ("copied", part(1.6, 3.6, tolerance_ns=50_000_000), 75, 125),
    ):
        target = tmp_path / f"{name}.mp4"
        result = made(str(source), target, wanted)
        found = seen(str(target))
        assert found.numbers == list(range(first, stop)), name
        assert result.is_encoded == (name != "copied")
        assert abs(result.start_ns - wanted.start_ns) <= 1_000_000
        for flash_s in found.flashes:
            assert any(abs(flash_s - click_s) <= 0.04 for click_s in found.clicks) or flash_s < 0.1
