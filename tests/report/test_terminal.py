"""What is printed: on narrow terminals, on terminals that know ASCII only, and into pipes that close early."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S
from report_documents import document_of, run_settings
from rich.console import Console
from rich.text import Text
from run_folders import write_run

from beam_tuning.reasons import Reason
from beam_tuning.report.catalogue import print_reason, print_reasons
from beam_tuning.report.console import print_summary
from beam_tuning.report.document import Document
from beam_tuning.report.terminal import arrow, listed, say
from beam_tuning.summary.judged_example import JudgedExample


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, soft_wrap=True)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 79, 100])
def test_the_summary_breaks_no_word(document: Document, width: int) -> None:
    """All words of the wide summary are there, and no line but of one word or a command is too long."""
    narrow, wide = terminal(width), terminal(1000)
    print_summary(document, narrow)
    print_summary(document, wide)
    told = set(text_of(narrow).split())
    assert {reason.code for reason in document.reasons[:3]} <= told
    headings = {"Split", "Read", "Kept", "Dropped", "Undecided", "share", "%"}
    assert set(text_of(wide).split()) - headings <= told | {"0"}
    for line in text_of(narrow).splitlines():
        assert len(line) <= width or " " not in line.strip() or line.startswith("    ") or "://" in line, line


@pytest.mark.parametrize("width", [40, 60, 120])
def test_the_catalogue_breaks_no_word(width: int) -> None:
    console = terminal(width)
    print_reasons(console)
    print_reason(Reason.PART_MEDIA_RESOLUTION_UNSUPPORTED, console)
    assert "PART_MEDIA_RESOLUTION_UNSUPPORTED" in text_of(console).split()
    for line in text_of(console).splitlines():
        assert len(line.rstrip()) <= max(width, 58) or " " not in line.strip() or line.startswith("source:"), line


@settings(max_examples=100)
@given(st.lists(st.text("abcde%", min_size=1, max_size=30), max_size=20), st.integers(20, 90), st.integers(0, 8))
def test_wrapping_loses_nothing(words: list[str], width: int, indent: int) -> None:
    console = terminal(width)
    say(console, " ".join(words), indent=indent)
    assert text_of(console).split() == words
    for line in text_of(console).splitlines():
        assert line.startswith(" " * indent) or not words
        assert len(line) <= max(width, indent + 20) or " " not in line.strip().replace(" %", "")


def test_a_pipe_gets_whole_lines() -> None:
    console = Console(file=io.StringIO(), width=40)
    listed(console, Text("heading  "), "word " * 40, below=4)
    assert len(text_of(console).splitlines()) == 1


def test_the_arrow_is_one_that_the_terminal_knows() -> None:
    assert arrow(Console(file=io.TextIOWrapper(io.BytesIO(), "ascii"))) == "->"
    assert arrow(Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8"))) == "→"


@pytest.fixture(scope="module")
def runs(examples: list[JudgedExample], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A new and an old run, whose names no ASCII terminal knows."""
    folder = tmp_path_factory.mktemp("läufe")
    write_run(folder / "alt", examples)
    write_run(folder / "neü", examples[:700])
    return folder / "neü", folder / "alt"


def beam_tuning(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('beam-tuning', f'{sys.executable} -m beam_tuning')}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, **environment},
    )


def test_an_ascii_terminal_shows_what_it_can(runs: tuple[Path, Path]) -> None:
    new, old = runs
    ended = beam_tuning(f"beam-tuning show '{new}' --against '{old}'", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "ne\\xfc" in ended.stdout
    assert "Every example has the verdict it had." not in ended.stdout
    assert ended.stdout.isascii()


@pytest.mark.parametrize("rest", ["", "--split train", "--code VIDEO_TOO_LONG"])
def test_a_reader_that_stops_early_is_no_failure(runs: tuple[Path, Path], rest: str) -> None:
    ended = beam_tuning(f"beam-tuning show '{runs[1]}' {rest} | head -n 1")
    assert ended.stderr == ""
    assert ended.returncode in ((0,) if "split" in rest else (0, 3))  # what is short is written before it is closed


def test_the_request_is_on_the_terminal_when_the_cleaned_files_are_ready(examples: list[JudgedExample]) -> None:
    sound = [one for one in examples if not one.findings and one.media_resolution in (None, "MEDIA_RESOLUTION_LOW")]
    of_one = [one for one in sound if one.media_resolution][:20]
    console = Console(file=io.StringIO(), width=200)
    print_summary(document_of(of_one, run_settings(splits=("train",))), console)
    assert '"trainingDatasetUri":"gs://example-bucket/checked/train.jsonl"' in text_of(console)
    console = Console(file=io.StringIO(), width=200)
    print_summary(document_of([]), console)
    assert "trainingDatasetUri" not in text_of(console)
    assert "tuning_job.json" in text_of(console)


def test_the_words_of_an_error_steer_nothing() -> None:
    ended = beam_tuning("beam-tuning show $'no-such\\e[31m\\u009b31m-run'", LC_ALL="C.UTF-8")
    assert ended.returncode == 2
    assert "no-such⟨U+001B⟩[31m⟨U+009B⟩31m-run" in ended.stderr
    assert not set(ended.stderr) & set("\x1b\x9b")
