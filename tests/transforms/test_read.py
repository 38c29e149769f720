"""Reading dataset files in a pipeline: every line once, with its place; a file that cannot be read is a fault."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that

from beam_tuning.dataset.layout import place_files
from beam_tuning.dataset.lines import InputFile
from beam_tuning.dataset.packs import LinePack
from beam_tuning.pack_work.codecs import decoder
from beam_tuning.reasons import Reason
from beam_tuning.transforms import dataset_files
from beam_tuning.transforms.dataset_files import local_file
from beam_tuning.transforms.read import FileFault, ReadLinePacks

Line = tuple[str, int, int, bytes]


def read(
    files: Iterable[Path | InputFile],
    check: Callable[[list[Line], list[FileFault]], None],
    pack_bytes: int = 64,
    max_expansion: int = 100,
) -> None:
    """Runs `check` on (path, line number, offset, line) of all lines that are not blank, sorted, and on the faults."""
    inputs = [file if isinstance(file, InputFile) else listed(file) for file in files]

    def lines_of(element: tuple[str, bytes], first_lines: dict[bytes, int]) -> Iterable[Line]:
        shard, packed = element
        assert shard == "train/0/1"
        pack = decoder(LinePack).decode(packed)
        for lines_before, offset, line in pack.lines():
            yield pack.path, first_lines[pack.key] + lines_before, offset, line

    with beam.Pipeline("FnApiRunner") as pipeline:
        packs = pipeline | ReadLinePacks(place_files(inputs), max_expansion, pack_bytes)
        lines = packs.packs | beam.FlatMap(lines_of, beam.pvalue.AsSingleton(packs.first_lines))
        everything = (
            pipeline
            | beam.Create([None])
            | beam.Map(
                lambda _, lines, faults: (sorted(lines), sorted(FileFault(*fault) for fault in faults)),
                beam.pvalue.AsList(lines),
                beam.pvalue.AsList(packs.faults),
            )
        )
        assert_that(everything, lambda actual: check(*actual[0]))


def listed(path: Path) -> InputFile:
    return local_file("train", str(path)) if path.exists() else InputFile("train", str(path), 1)


def test_every_line_is_read_once_with_its_place(tmp_path: Path) -> None:
    bodies = {
        "plain.jsonl": b'{"a": 1}\r\n\n{"b": 2}\n   \n{"c": "\xff"}',
        "long.jsonl": b"".join(b'{"n": %d}\n' % number for number in range(500)),
        "empty.jsonl": b"",
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
    stored = gzip.compress(bodies["long.jsonl"][:1000]) + gzip.compress(bodies["long.jsonl"][1000:])
    (tmp_path / "long.jsonl.gz").write_bytes(stored)
    (tmp_path / "gzip-without-its-name.jsonl").write_bytes(gzip.compress(bodies["plain.jsonl"]))
    bodies |= {"long.jsonl.gz": bodies["long.jsonl"], "gzip-without-its-name.jsonl": bodies["plain.jsonl"]}

    expected: list[Line] = []
    for name, body in bodies.items():
        offset = 0
        for number, line in enumerate(body.split(b"\n") if body else [], 1):
            if line.strip():
                expected.append((str(tmp_path / name), number, offset, line))
            offset += len(line) + 1

    def check(lines: list[Line], faults: list[FileFault]) -> None:
        assert lines == sorted(expected)
        assert faults == []

    read([tmp_path / name for name in bodies], check)


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("short.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 5000)[:-9], Reason.INPUT_FILE_TRUNCATED),
        ("damaged.jsonl.gz", gzip.compress(b'{"a": 1}\n')[:-8] + bytes(8), Reason.INPUT_FILE_UNREADABLE),
        ("array.json", b'[\n{"contents": []}\n]\n', Reason.INPUT_FILE_NOT_JSON_LINES),
        ("pretty.json.gz", gzip.compress(b'{\n  "contents": []\n}\n'), Reason.INPUT_FILE_NOT_JSON_LINES),
        ("bomb.jsonl.gz", gzip.compress(b"\n" * 2_000_000), Reason.INPUT_FILE_EXPANDS_TOO_FAR),
        ("gone.jsonl", None, Reason.INPUT_FILE_UNREADABLE),
    ],
    ids=["cut short", "damaged", "array", "pretty-printed", "bomb", "gone"],
)
def test_a_file_that_cannot_be_read_is_one_fault_and_stops_no_other(
    tmp_path: Path, name: str, body: bytes | None, reason: Reason
) -> None:
    good = tmp_path / "good.jsonl"
    good.write_bytes(b'{"good": 1}\n')
    bad = tmp_path / name
    if body is not None:
        bad.write_bytes(body)

    def check(lines: list[Line], faults: list[FileFault]) -> None:
        assert (str(good), 1, 0, b'{"good": 1}') in lines
        assert [(fault.code, fault.split, fault.path) for fault in faults] == [(reason.code, "train", str(bad))]
        assert name in faults[0].message
        assert "remedy" in faults[0].message

    read([good, bad], check)


def test_a_gzip_file_cut_short_still_gives_the_lines_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "short.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(b'{"n": %d}\n' % number for number in range(50_000)))[:-9])

    def check(lines: list[Line], faults: list[FileFault]) -> None:
        assert len(faults) == 1
        assert [number for _, number, _, _ in lines] == list(range(1, len(lines) + 1))
        assert len(lines) > 1000

    read([path], check, pack_bytes=1 << 12)


def test_how_far_a_gzip_file_may_expand_can_be_raised(tmp_path: Path) -> None:
    path = tmp_path / "blank.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 2_000_000 + b"{}\n"))

    def check(lines: list[Line], faults: list[FileFault]) -> None:
        assert faults == []
        assert lines == [(str(path), 2_000_001, 2_000_000, b"{}")]

    read([path], check, pack_bytes=1 << 20, max_expansion=1100)


_LINES = b"".join(b'{"n": %d}\n' % number for number in range(100))


def _shrink(path: Path) -> None:
    path.write_bytes(_LINES[:500])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _grow(path: Path) -> None:
    path.write_bytes(_LINES + b"{}\n")


def _replace(path: Path) -> None:
    """By one of the same size, as an editor that writes beside and renames."""
    other = path.with_suffix(".new")
    other.write_bytes(_LINES.replace(b"1", b"2"))
    os.utime(other, ns=(1_000_000_000, 1_000_000_000))
    other.rename(path)


def _compress(path: Path) -> None:
    path.write_bytes(gzip.compress(_LINES))


def _turn_into_an_array(path: Path) -> None:
    path.write_bytes(b"[\n{}\n]")


_CHANGES = [_shrink, _empty, _grow, _replace, _compress, _turn_into_an_array]


@pytest.mark.parametrize("change", _CHANGES)
def test_a_file_that_changed_before_it_is_read_is_one_fault(tmp_path: Path, change: Callable[[Path], None]) -> None:
    good, path = tmp_path / "good.jsonl", tmp_path / "data.jsonl"
    good.write_bytes(b'{"good": 1}\n')
    path.write_bytes(_LINES)
    files = [listed(good), listed(path)]
    change(path)

    def check(lines: list[Line], faults: list[FileFault]) -> None:
        assert [line for name, _, _, line in lines if name == str(good)] == [b'{"good": 1}']
        assert [(fault.code, fault.path) for fault in faults] == [(Reason.INPUT_FILE_CHANGED.code, str(path))]
        assert "changed after the run had begun" in faults[0].message

    read(files, check)


@pytest.mark.parametrize("opened", [1, 2], ids=["while its head is looked at", "while its lines are read"])
@pytest.mark.parametrize("change", _CHANGES)
def test_a_file_that_changes_while_it_is_read_is_one_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], opened: int
) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(_LINES)
    files = [listed(path)]
    times: list[int] = []

    def open_then_change(name: str) -> Any:
        stream = dataset_files_open(name)
        times.append(name)
        if len(times) == opened:
            change(path)
        return stream

    dataset_files_open = dataset_files.open_file
    monkeypatch.setattr(dataset_files, "open_file", open_then_change)

    def check(lines: list[Line], faults: list[FileFault]) -> None:
        assert [(fault.code, fault.path) for fault in faults] == [(Reason.INPUT_FILE_CHANGED.code, str(path))]

    read(files, check)
    assert len(times) == opened
