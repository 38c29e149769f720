"""A file taken apart: its pieces hold each picture once, in sync, and none is longer than allowed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from edit_sources import FRAME_S, SOUNDS, SOURCES, check_sync, made
from numbered_media import EVERY_S, seen

from beam_tuning.media.edit.run import pieces_of
from beam_tuning.media.edit.wanted import SECOND_NS, Kind, NotMade, Wanted, WantedPieces

#: By how much a piece that is copied may begin or end elsewhere (`edited_media.making`).
TOLERANCE_NS = 20_000_000
#: A packet of sound: 1152 samples of MP3 at 44.1 kHz, the longest of all.
PACKET_S = 1152 / 44_100


@pytest.mark.parametrize("name", SOURCES)
def test_pieces_add_up_to_the_source_in_sync(name: str, source_of: Callable[[str], str], tmp_path: Path) -> None:
    source = source_of(name)
    longest_s = 3
    found = pieces_of(source, WantedPieces(longest_s * SECOND_NS))
    assert not isinstance(found, NotMade)
    assert found.pieces[0][0] == 0
    numbers: list[int] = []
    total_s = 0.0
    for index, (start_ns, stop_ns) in enumerate(found.pieces):
        target = tmp_path / f"{index}.mp4"
        length_s = made(source, target, piece_of(Kind.PART, start_ns, stop_ns)).duration_ns / SECOND_NS
        assert length_s <= longest_s + FRAME_S
        total_s += length_s
        piece = seen(str(target))
        numbers += piece.numbers
        check_sync(name, piece.flashes, piece.clicks, 0)
    assert numbers == list(range(200))
    assert abs(total_s - found.pieces[-1][1] / SECOND_NS) <= FRAME_S


def test_pieces_keep_within_a_size_and_overlap(source_of: Callable[[str], str]) -> None:
    source = source_of("moov last")
    found = pieces_of(source, WantedPieces(60 * SECOND_NS, max_bytes=12_000, overlap_ns=SECOND_NS))
    assert not isinstance(found, NotMade)
    assert len(found.pieces) >= 2
    for (_, stop_ns), (start_ns, _) in zip(found.pieces, found.pieces[1:], strict=False):
        assert SECOND_NS <= stop_ns - start_ns <= 2 * SECOND_NS


def piece_of(kind: Kind, start_ns: int, stop_ns: int) -> Wanted:
    return Wanted(
        kind=kind, start_ns=start_ns, stop_ns=stop_ns, tolerance_ns=TOLERANCE_NS, end_tolerance_ns=TOLERANCE_NS
    )


@pytest.mark.parametrize("name", SOUNDS)
def test_pieces_of_sound_add_up_to_the_source(name: str, source_of: Callable[[str], str], tmp_path: Path) -> None:
    source = source_of(name)
    longest_s = 3.3
    found = pieces_of(source, WantedPieces(round(longest_s * SECOND_NS)))
    assert not isinstance(found, NotMade)
    assert len(found.pieces) == 3
    total_s = 0.0
    clicks: list[float] = []
    for index, (start_ns, stop_ns) in enumerate(found.pieces):
        target = tmp_path / str(index)
        result = made(source, target, piece_of(Kind.SOUND, start_ns, stop_ns))
        length_s = result.duration_ns / SECOND_NS
        assert length_s <= longest_s + PACKET_S
        total_s += length_s
        clicks += [click_s + result.start_ns / SECOND_NS for click_s in seen(str(target)).clicks]
    assert abs(total_s - found.pieces[-1][1] / SECOND_NS) <= PACKET_S
    # The very first click lies where encoders fade in.
    assert [click for click in clicks if click > 0.1] == pytest.approx([*range(EVERY_S, 8, EVERY_S)], abs=0.04)


def test_a_cut_of_a_silent_video_lies_where_the_scene_changes(tmp_path: Path) -> None:
    path = tmp_path / "source.mp4"
    path.write_bytes(scenes(duration_s=14, changes_s=(5, 9)))
    found = pieces_of(str(path), WantedPieces(6 * SECOND_NS))
    assert not isinstance(found, NotMade)
    assert [stop_ns / SECOND_NS for _, stop_ns in found.pieces] == [5, 11, 14]


def scenes(duration_s: int, changes_s: tuple[int, ...]) -> bytes:
    """Moving stripes, dark or light, with a keyframe each second."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "10", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(duration_s * 10):
            is_light = sum(change_s * 10 <= number for change_s in changes_s) % 2
            picture = np.full((48, 64, 3), 160 if is_light else 60, np.uint8)
            picture[:, number % 60 : number % 60 + 4] += 30
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return data.getvalue()
