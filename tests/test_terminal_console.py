"""What commands print on a terminal: no word is cut, however narrow it is."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from beam_tuning.cli import main
from beam_tuning.commands.terminal import broken_between_words, console_for_people
from beam_tuning.report.catalogue import print_reasons
from beam_tuning.sample import SAMPLE_MODEL, write_sample

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@given(st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=4).map("\n".join), st.integers(1, 60))
def test_no_word_is_lost_or_cut_and_lines_fit(text: str, width: int) -> None:
    broken = broken_between_words(Text(text), width).plain
    assert broken.split() == text.split()
    for line in broken.split("\n"):
        assert cell_len(line) <= width or " " not in line.strip()


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("", ""),
        ("\n", "\n"),
        ("one two three", "one two\nthree"),
        ("  one two three", "  one\n  two\n  three"),
        ("a /a/path/that/is/long b", "a\n/a/path/that/is/long\nb"),
        ("Kept  one two", "Kept \none two"),
        ("日本語 日本語", "日本語\n日本語"),
    ],
)
def test_further_lines_stand_as_far_in_as_the_first(text: str, broken: str) -> None:
    lines = broken_between_words(Text(text), 8).plain.split("\n")
    assert [line.rstrip() for line in lines] == [line.rstrip() for line in broken.split("\n")]


def test_styles_stay_where_they_were() -> None:
    broken = broken_between_words(Text.assemble(("red words ", "red"), "and plain ones"), 9)
    shown = {broken.plain[span.start : span.end].strip() for span in broken.spans}
    assert "".join(sorted(shown)).replace(" ", "") in {"redwords", "redwords\n"}


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize("columns", [60, 80])
def test_a_summary_on_a_narrow_terminal_cuts_no_word(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sample = write_sample(Path("data"))
    words = [f"--train={sample.train}", f"--validation={sample.validation}", f"--model={SAMPLE_MODEL}"]
    terminal(monkeypatch, 300)
    assert main(["validate", *words, "--output=out", "--allow_local_media"]) == 3
    capsys.readouterr()

    def shown() -> str:
        assert main(["show", "out"]) == 3
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)

    wide = shown()
    terminal(monkeypatch, columns)
    narrow = shown()
    # Commands to copy stay whole.
    sentences = [line for line in narrow.splitlines() if not line.lstrip().startswith("beam-tuning ")]
    assert max(len(line.rstrip()) for line in sentences) <= columns
    unbroken = {word for word in wide.split() if word.isalpha()}
    assert unbroken <= set(narrow.split()) | {
        "Split",
        "Read",
        "Kept",
        "Dropped",
        "Undecided",
        "Remedy",
        "share",
        "limit",
    }


def test_the_catalogue_on_a_narrow_terminal_cuts_no_word() -> None:
    wide, narrow = io.StringIO(), io.StringIO()
    print_reasons(Console(file=wide, width=200))
    print_reasons(Console(file=narrow, width=60))
    assert set(narrow.getvalue().replace("Code, title", "Code Title").split()) == set(wide.getvalue().split())


def test_elsewhere_than_on_a_terminal_lines_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    line = "word " * 100
    console_for_people().print(line)
    console_for_people(as_json=True).print(line)
    captured = capsys.readouterr()
    assert captured.out == captured.err == f"{line}\n"
