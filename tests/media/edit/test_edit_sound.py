"""Parts of audio files: as they are where that can be, else FLAC or Opus of one channel."""

from __future__ import annotations

from pathlib import Path

import pytest
from edit_sources import SOUNDS, sound
from numbered_media import EVERY_S, numbered_media, seen, sound_length_s

from beam_tuning.media.edit.child import answer
from beam_tuning.media.edit.run import pieces_of
from beam_tuning.media.edit.wanted import SECOND_NS, EditLimits, Made, NotMade, Task, WantedPieces


def source(tmp_path: Path, name: str, duration_s: float = 8) -> str:
    muxer, encoder, _ = SOUNDS[name]
    path = tmp_path / "source"
    path.write_bytes(numbered_media(muxer, video=None, audio=encoder, duration_s=duration_s))
    return str(path)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_part_has_the_right_length_and_its_clicks_in_place(name: str, tmp_path: Path) -> None:
    target = tmp_path / "part"
    made = answer(Task(source(tmp_path, name), str(target), sound(1.5, 5.5), EditLimits()))
    assert isinstance(made, Made), made
    container = SOUNDS[name][2]
    assert made.is_encoded == (container is None)
    assert made.container == (container or "flac")
    assert abs(sound_length_s(str(target)) - 4) < 0.12
    clicks = seen(str(target)).clicks
    expected = [time_s - made.start_ns / SECOND_NS for time_s in range(0, 8, EVERY_S) if 1.6 < time_s < 5.5]
    assert clicks == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("name", ["wav", "mp3", "flac"])
def test_a_part_that_is_too_large_becomes_smaller(name: str, tmp_path: Path) -> None:
    path = source(tmp_path, name)
    target = tmp_path / "part"
    for max_bytes, containers in ((200_000, {"flac", "mp3"}), (40_000, {"flac", "ogg"}), (9_000, {"ogg", "flac"})):
        made = answer(Task(path, str(target), sound(max_bytes=max_bytes), EditLimits()))
        assert isinstance(made, Made), made
        assert target.stat().st_size == made.size_bytes <= max_bytes
        assert made.container in containers
        assert abs(sound_length_s(str(target)) - 8) < 0.12


def test_noise_that_fits_as_opus_only(tmp_path: Path) -> None:
    import wave

    import numpy as np

    path = tmp_path / "noise.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-9000, 9000, 16_000 * 10, dtype=np.int16).tobytes())
    target = tmp_path / "part"
    made = answer(Task(str(path), str(target), sound(max_bytes=30_000), EditLimits()))
    assert isinstance(made, Made)
    assert made.container == "ogg"
    assert made.size_bytes <= 30_000
    refused = answer(Task(str(path), str(target), sound(max_bytes=5_000), EditLimits()))
    assert isinstance(refused, NotMade)


def test_a_cut_lies_in_a_silence(tmp_path: Path) -> None:
    found = pieces_of(source(tmp_path, "wav", 12), WantedPieces(4 * SECOND_NS + SECOND_NS // 4))
    assert not isinstance(found, NotMade)
    for _, stop_ns in found.pieces[:-1]:
        assert (stop_ns / SECOND_NS) % EVERY_S > 0.1
    assert found.pieces[0][0] == 0
    assert abs(found.pieces[-1][1] - 12 * SECOND_NS) < SECOND_NS // 10
    assert all(stop == start for (_, stop), (start, _) in zip(found.pieces, found.pieces[1:], strict=False))
