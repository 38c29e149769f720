"""The child process: what a broken or hostile file costs, and what is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from numbered_media import numbered_media

from beam_tuning.media.edit.naming import name_of
from beam_tuning.media.edit.run import edit, pieces_of
from beam_tuning.media.edit.wanted import SECOND_NS, EditLimits, Kind, Made, NotMade, Wanted, WantedPieces

PART = Wanted(kind=Kind.PART, start_ns=SECOND_NS // 5, stop_ns=2 * SECOND_NS, tolerance_ns=0)


def refused(path: Path, wanted: Wanted = PART, limits: EditLimits = EditLimits()) -> NotMade:  # noqa: B008
    target = path.parent / "target.mp4"
    made = edit(str(path), str(target), wanted, limits)
    assert isinstance(made, NotMade), made
    assert made.why
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name]
    return made


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no media at all",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\xff" * 200,
        numbered_media(duration_s=2)[:1500],
    ],
)
def test_what_is_no_media_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(content)
    refused(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    assert isinstance(edit(str(tmp_path / "none"), str(tmp_path / "target"), PART), NotMade)
    assert isinstance(pieces_of(str(tmp_path / "none"), WantedPieces(SECOND_NS)), NotMade)
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_noise_in_it_ends_in_a_file_or_a_reason(tmp_path: Path) -> None:
    whole = bytearray(numbered_media(duration_s=3, video_options={"bf": "2"}))
    for at in range(600, len(whole) - 1500, 97):
        whole[at] ^= 0x5A
    path = tmp_path / "source"
    path.write_bytes(bytes(whole))
    assert isinstance(edit(str(path), str(tmp_path / "target"), PART), (Made, NotMade))


def test_time_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(numbered_media(duration_s=3))
    assert "longer than" in refused(path, limits=EditLimits(timeout_s=0.01)).why


def test_output_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(numbered_media(duration_s=3))
    assert "2,000 bytes" in refused(path, limits=EditLimits(output_bytes=2000)).why


def test_memory_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(numbered_media(duration_s=3))
    refused(path, limits=EditLimits(memory_bytes=200 << 20))


def test_a_part_behind_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(numbered_media(duration_s=2))
    refused(path, Wanted(kind=Kind.PART, start_ns=60 * SECOND_NS, stop_ns=61 * SECOND_NS))


def test_the_source_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(before := numbered_media(duration_s=2))
    assert isinstance(edit(str(path), str(tmp_path / "target"), PART), Made)
    assert path.read_bytes() == before


def test_names_tell_sources_and_edits_apart() -> None:
    other = Wanted(kind=Kind.PART, start_ns=SECOND_NS // 5, stop_ns=3 * SECOND_NS, tolerance_ns=0)
    names = {
        name_of("gs://b/a.mp4#1", PART, "mp4"),
        name_of("gs://b/a.mp4#2", PART, "mp4"),
        name_of("gs://b/a.mp4#1", other, "mp4"),
        name_of("gs://b/a.mp4#1", Wanted(kind=Kind.PART, max_bytes=100), "mp4"),
    }
    assert len(names) == 4
    assert name_of("gs://b/a.mp4#1", PART, "mp4") == name_of("gs://b/a.mp4#1", PART, "mp4")
    assert all(name.isascii() and "/" not in name and len(name) < 100 for name in names)
