"""The sample dataset: real media, planted faults, and an expectation for every line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from media_making import demuxed

from beam_tuning.reasons import Reason, Verdict
from beam_tuning.sample import ExpectedLine, Sample, write_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def sample(folder: Path) -> Sample:
    return write_sample(folder)


def read_lines(folder: Path, split: str, file: str) -> list[bytes]:
    data = (folder / split / file).read_bytes()
    return (gzip.decompress(data) if file.endswith(".gz") else data).split(b"\n")


def line_of(folder: Path, expected: ExpectedLine) -> bytes:
    return read_lines(folder, expected.split, expected.file)[expected.line - 1].rstrip(b"\r")


def test_it_is_the_same_every_time_and_small(sample: Sample, folder: Path, tmp_path: Path) -> None:
    again = write_sample(tmp_path, media_base=str(folder / "media"))
    assert again.expected == sample.expected
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file()] == names
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name
    assert sum((folder / name).stat().st_size for name in names) < 3_000_000


def test_the_patterns_match_several_files_of_both_splits(sample: Sample, folder: Path) -> None:
    for split, pattern in (("train", sample.train), ("validation", sample.validation)):
        assert Path(pattern).parent == folder / split
        assert len(list((folder / split).glob(Path(pattern).name))) >= 2
    assert list((folder / "train").glob("*.gz"))


@pytest.mark.parametrize(
    ("name", "duration_s", "kinds"),
    [
        ("harbour.mp4", 4, {"video", "audio"}),
        ("market.mp4", 6, {"video", "audio"}),
        ("silent-street.mp4", 5, {"video"}),
        ("train-window.webm", 4, {"video", "audio"}),
        ("garden.mov", 3, {"video", "audio"}),
        ("six-minutes.mp4", 360, {"video"}),
        ("twenty-one-minutes.mp4", 1260, {"video"}),
        ("interview.mp3", 5, {"audio"}),
        ("birdsong.wav", 2, {"audio"}),
        ("lecture.ogg", 6, {"audio"}),
        ("violin.flac", 3, {"audio"}),
        ("voicemail.m4a", 4, {"audio"}),
        ("radio.mp4", 4, {"audio"}),
        ("sixty-one-minutes.flac", 3660, {"audio"}),
    ],
)
def test_its_media_are_what_they_seem(
    sample: Sample, folder: Path, name: str, duration_s: float, kinds: set[str]
) -> None:
    assert folder / "media" / name in sample.media
    truth = demuxed((folder / "media" / name).read_bytes())
    assert truth.duration_s == pytest.approx(duration_s, abs=0.25)
    assert {track.kind for track in truth.tracks} == kinds


def test_a_damaged_file_lacks_what_its_header_promises(sample: Sample, folder: Path) -> None:
    whole, cut = ((folder / "media" / name).read_bytes() for name in ("market.mp4", "cut-short.mp4"))
    assert whole.startswith(cut)
    assert cut.index(b"moov") < cut.index(b"mdat")
    mdat = cut.index(b"mdat") - 4
    assert mdat + int.from_bytes(cut[mdat : mdat + 4]) > len(cut)
    assert (folder / "media" / "nothing.mp3").read_bytes() == b""
    assert (folder / "media" / "not-found-page.mp4").read_bytes().startswith(b"<!DOCTYPE html>")


def test_every_line_has_one_expectation(sample: Sample, folder: Path) -> None:
    files = {(line.split, line.file) for line in sample.expected}
    assert {split for split, _ in files} == {"train", "validation"}
    for split, file in files:
        numbers = [line.line for line in sample.expected if (line.split, line.file) == (split, file)]
        filled = [number for number, line in enumerate(read_lines(folder, split, file), 1) if line.strip()]
        assert numbers == filled
    written = [json.loads(line) for line in (folder / "expected.jsonl").read_bytes().splitlines()]
    assert written == [
        {"split": e.split, "file": e.file, "line": e.line, "verdict": e.verdict.value, "codes": list(e.codes)}
        for e in sample.expected
    ]


def test_expectations_name_reasons_of_the_catalogue(sample: Sample) -> None:
    codes = {code for line in sample.expected for code in line.codes}
    assert codes <= {reason.code for reason in Reason}
    assert len(codes) >= 35
    for line in sample.expected:
        assert list(line.codes) == sorted(set(line.codes))
        assert (line.verdict is Verdict.KEPT) == all(Reason[code].outcome.value == "advice" for code in line.codes), (
            line
        )
    kept = sum(line.verdict is Verdict.KEPT for line in sample.expected)
    assert 0.5 < kept / len(sample.expected) < 0.9


def test_faultless_lines_are_whole_examples_with_media_that_exist(sample: Sample, folder: Path) -> None:
    seen: set[str] = set()
    for expected in sample.expected:
        if expected.codes:
            continue
        example = json.loads(line_of(folder, expected).removeprefix(b"\xef\xbb\xbf"))
        assert [turn["role"] for turn in example["contents"]] == ["user", "model"]
        uris = [part["fileData"]["fileUri"] for part in example["contents"][0]["parts"] if "fileData" in part]
        assert len(uris) == 1
        assert Path(uris[0]).is_file()
        seen.update(uris)
    assert {Path(uri).suffix for uri in seen} == {".mp4", ".webm", ".mov", ".mp3", ".wav", ".ogg", ".flac", ".m4a"}


def test_one_file_is_as_an_editor_on_windows_leaves_it(sample: Sample, folder: Path) -> None:
    data = (folder / "train" / "part-00001-of-00003.jsonl").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r\n\r\n" in data
    assert not data.endswith(b"\n")


@pytest.mark.parametrize("base", ["gs://bucket/media", "gs://bucket/media/", "https://media.example.com/a"])
def test_media_can_lie_elsewhere(tmp_path: Path, sample: Sample, base: str) -> None:
    moved = write_sample(tmp_path, media_base=base)
    assert moved.expected == sample.expected
    first = json.loads(read_lines(tmp_path, "train", "part-00000-of-00003.jsonl")[0])
    assert first["contents"][0]["parts"][0]["fileData"]["fileUri"] == f"{base.rstrip('/')}/harbour.mp4"
    every_line = b"".join(path.read_bytes() for path in (tmp_path / "train").glob("*.jsonl"))
    assert str(tmp_path).encode() not in every_line
