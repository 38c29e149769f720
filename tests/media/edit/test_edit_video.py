"""Parts of videos: the right first and last picture, sound beside its pictures, no part over its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from media_making import close_enough, demuxed
from numbered_media import numbered_media, seen

from beam_tuning.media.edit.child import answer
from beam_tuning.media.edit.run import edit, pieces_of
from beam_tuning.media.edit.wanted import SECOND_NS, EditLimits, Kind, Made, NotMade, Task, Wanted, WantedPieces
from beam_tuning.media.info import MediaInfo, MediaKind
from beam_tuning.media.probe_options import ProbeOptions
from beam_tuning.media.prober import Prober

#: A picture of 25 a second, and what sound may be away from its picture.
FRAME_S, IN_SYNC_S = 0.04, 0.04
B_FRAMES = {"bf": "3", "b-pyramid": "normal", "preset": "medium", "g": "25", "sc_threshold": "0"}
OPEN_GROUPS = {"bf": "3", "preset": "medium", "x264-params": "open-gop=1:keyint=25:scenecut=0"}
UNEVEN_S = [number / 25 + (0.013 if number % 3 == 0 else 0) for number in range(200)]

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
    "mov": ("mov", {}),
    "mov with pcm": ("mov", {"audio": "pcm_s16le"}),
    "matroska": ("matroska", {"video_options": B_FRAMES}),
    "webm vp9": ("webm", {"video": "libvpx-vp9", "audio": "libopus"}),
    "webm vp8": ("webm", {"video": "libvpx", "audio": "libopus"}),
    "mpeg-ts": ("mpegts", {"video_options": B_FRAMES}),
    "flv": ("flv", {}),
}


def part(start_s: float = 0, stop_s: float | None = None, **more: Any) -> Wanted:
    stop_ns = None if stop_s is None else round(stop_s * SECOND_NS)
    return Wanted(kind=Kind.PART, start_ns=round(start_s * SECOND_NS), stop_ns=stop_ns, **more)


@pytest.fixture(scope="module")
def source_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Path of a source by its name; each is made once."""
    folder = tmp_path_factory.mktemp("sources")

    def path_of(name: str) -> str:
        path = folder / name.replace(" ", "-")
        if not path.exists():
            container, options = SOURCES[name]
            path.write_bytes(numbered_media(container, **options))
        return str(path)

    return path_of


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    with Prober(ProbeOptions(allow_local_media=True, threads=1)) as one:
        yield one


def made(source: str, target: Path, wanted: Wanted) -> Made:
    """In this process; `test_edit_child.py` has children."""
    result = answer(Task(source, str(target), wanted, EditLimits()))
    assert isinstance(result, Made), result
    assert result.size_bytes == target.stat().st_size
    return result


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
    assert found.numbers == list(range(50, 125))
    assert abs(result.start_ns / SECOND_NS - 2) <= FRAME_S
    assert abs(result.duration_ns / SECOND_NS - 3) <= FRAME_S
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
    assert found.numbers == list(range(60, 113))
    assert found.frames[0][0] <= FRAME_S
    check_sync(name, found.flashes, found.clicks, 1)


def check_sync(name: str, flashes: list[float], clicks: list[float], expected: int) -> None:
    assert len(flashes) >= expected
    if SOURCES[name][1].get("audio", "") is None:
        return
    for flash_s in flashes:
        # Encoders fade in at the very start: a click there may be lost.
        if flash_s > 0.1:
            assert any(abs(flash_s - click_s) <= IN_SYNC_S for click_s in clicks), (name, flashes, clicks)


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
    assert abs(result.duration_ns / SECOND_NS - 3) <= FRAME_S


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


@pytest.mark.parametrize("name", ["moov last", "b-frames", "open groups", "webm vp9", "mpeg-ts", "fragmented"])
def test_pieces_add_up_to_the_source(name: str, source_of: Callable[[str], str], tmp_path: Path) -> None:
    source = source_of(name)
    found = pieces_of(source, WantedPieces(3 * SECOND_NS))
    assert not isinstance(found, NotMade)
    assert found.pieces[0][0] == 0
    assert all(stop - start <= 3 * SECOND_NS for start, stop in found.pieces)
    numbers: list[int] = []
    total_s = 0.0
    for index, (start_ns, stop_ns) in enumerate(found.pieces):
        target = tmp_path / f"{index}.mp4"
        wanted = Wanted(
            kind=Kind.PART, start_ns=start_ns, stop_ns=stop_ns, tolerance_ns=20_000_000, end_tolerance_ns=20_000_000
        )
        total_s += made(source, target, wanted).duration_ns / SECOND_NS
        numbers += seen(str(target)).numbers
    assert numbers == list(range(200))
    assert abs(total_s - found.pieces[-1][1] / SECOND_NS) <= FRAME_S


def test_pieces_keep_within_a_size_and_overlap(source_of: Callable[[str], str]) -> None:
    source = source_of("moov last")
    found = pieces_of(source, WantedPieces(60 * SECOND_NS, max_bytes=12_000, overlap_ns=SECOND_NS))
    assert not isinstance(found, NotMade)
    assert len(found.pieces) >= 2
    for (_, stop_ns), (start_ns, _) in zip(found.pieces, found.pieces[1:], strict=False):
        assert SECOND_NS <= stop_ns - start_ns <= 2 * SECOND_NS


def test_a_child_makes_the_same_file_twice(source_of: Callable[[str], str], tmp_path: Path) -> None:
    targets = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    wanted = part(2.4, 4.0, tolerance_ns=0)
    results = [edit(source_of("moov last"), str(target), wanted) for target in targets]
    assert isinstance(results[0], Made)
    assert results[0] == results[1]
    assert targets[0].read_bytes() == targets[1].read_bytes()
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


@pytest.mark.parametrize("name", SOURCES)
def test_the_prober_sees_what_the_packets_say(
    name: str, source_of: Callable[[str], str], tmp_path: Path, prober: Prober
) -> None:
    wanted = [part(), part(2.0, 5.0), part(2.4, 4.52, tolerance_ns=0)]
    for index, one in enumerate(wanted):
        target = tmp_path / f"{index}.mp4"
        result = made(source_of(name), target, one)
        truth = demuxed(target.read_bytes())
        info = prober.submit(str(target)).result().media
        assert isinstance(info, MediaInfo)
        assert info.container == "mp4"
        assert info.truncated is None
        assert close_enough(info.duration_s, truth.duration_s)
        assert [stream.codec for stream in info.streams] == [track.codec for track in truth.tracks]
        pictures = next(stream for stream in info.streams if stream.kind is MediaKind.VIDEO)
        assert pictures.duration_s is not None
        assert abs(pictures.duration_s - result.duration_ns / SECOND_NS) <= 2 * FRAME_S
