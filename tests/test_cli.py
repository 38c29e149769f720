"""The command line as a person meets it: help, catalogues, the demo, and mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from beam_tuning import __version__
from beam_tuning.cli import main
from beam_tuning.limits_file import load_limits
from beam_tuning.reasons import Reason


def test_without_arguments_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "validate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--help"], ["validate", "show", "demo", "reasons", "limits"]),
        (["validate", "--help"], ["--train", "--probe_cache", "exit codes", "--runner=DataflowRunner"]),
        (["show", "--help"], ["--against", "--code"]),
        (["--version"], [__version__]),
    ],
)
def test_help_is_a_manual_page(argv: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in words)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["vaildate"], "invalid choice"),
        (["show"], "required"),
        (["show", "nowhere"], "report.json"),
        (["show", "nowhere", "--colour", "red"], "--colour"),
        (["reasons", "VIDEO_TOO_LNG"], "VIDEO_TOO_LONG"),
        (["limits", "--model", "gemini-2.5-flsh"], "gemini-2.5-flash"),
        (["validate", "--train", "a.jsonl"], "--output"),
    ],
)
def test_a_mistake_is_told_in_one_way_with_exit_code_2(
    argv: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert told.startswith("beam-tuning: ")
    assert words in told
    assert "remedy" in told


def test_reasons_lists_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reasons"]) == 0
    printed = capsys.readouterr().out
    assert all(reason.code in printed for reason in Reason)


def test_one_reason_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reasons", "video_too_long"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    reason = Reason.VIDEO_TOO_LONG
    assert all(text in printed for text in (reason.code, reason.message, reason.remedy, reason.source))


def test_limits_names_every_number_and_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["limits"]) == 0
    printed = capsys.readouterr().out
    for model in load_limits().models.values():
        assert model.name in printed
        for name, entry in model.entries().items():
            assert name in printed
            assert entry.source in printed


def test_limits_can_be_replaced_by_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[models."gemini-2.5-flash".video_length_low]\nvalue = 900\n')
    assert main(["limits", "--model=gemini-2.5-flash", f"--limits={own}"]) == 0
    printed = capsys.readouterr().out
    assert "900 s" in printed
    assert str(own) in printed


def test_the_demo_ends_well_and_can_be_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(tmp_path / "demo")]) == 0
    assert "faults were planted" in capsys.readouterr().out
    checked = tmp_path / "demo" / "checked"
    assert json.loads((checked / "manifest.json").read_bytes())["exit_code"] == 3
    assert main(["show", str(checked)]) == 3
    assert "As given" in capsys.readouterr().out
    assert main(["show", str(checked), "--against", str(checked)]) == 3
    assert main(["show", str(checked), "--code", "LINE_NOT_JSON", "--split", "train"]) == 3
    assert "part-0000" in capsys.readouterr().out


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    command = f"{sys.executable} -m beam_tuning reasons | head -n 1"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == ""
    assert ended.stdout.startswith("Code")
