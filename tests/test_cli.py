"""The command line as a person meets it: help, catalogues, the demo, and mistakes."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from patience import PATIENCE_S

from beam_tuning import __version__, commands
from beam_tuning.cli import main
from beam_tuning.commands import COMMANDS
from beam_tuning.errors import OptionError
from beam_tuning.limits_file import load_limits
from beam_tuning.options import Command, Kind, Option
from beam_tuning.reasons import Reason


def test_without_arguments_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "validate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--help"], list(COMMANDS)),
        (["-h"], list(COMMANDS.values())),
        (["validate", "--help"], ["--train", "--probe_cache", "exit codes", "--runner=DataflowRunner", "143"]),
        (["show", "--help"], ["--against", "--code", "DIR"]),
        (["show", "-h"], ["--json"]),
        (["--version"], [__version__]),
    ],
)
def test_help_is_a_manual_page(
    argv: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(argv) == 0
    printed = capsys.readouterr().out
    assert [word for word in words if word not in printed] == []


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_breaks_no_word_on_a_narrow_terminal(
    columns: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [name, "--help"] if name else ["--help"]
    monkeypatch.setenv("COLUMNS", "1000000")
    main(argv)
    whole = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", str(columns))
    main(argv)
    narrow = capsys.readouterr().out
    assert re.sub(r"[\s\\]+", " ", narrow) == re.sub(r"[\s\\]+", " ", whole)
    # Only what has no blank in it may stand out, such as a URI in an example, with its option.
    too_wide = [line for line in narrow.splitlines() if len(line) > columns]
    assert [line for line in too_wide if len(line.rstrip("\\").split()) > 2 and columns >= 60] == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["vaildate"], "Did you mean validate?"),
        (["qqq"], "validate, show, repair, upload"),
        (["--train", "x"], "there is no such command"),
        (["a\0b\udcff"], "there is no such command"),
        (["show"], "DIR: a required argument is missing"),
        (["show", "nowhere"], "report.json"),
        (["show", "nowhere", "--colour", "red"], "--colour: show does not have such an option"),
        (["show", "a\0b"], "NUL"),
        (["show", "a\udcff"], "UTF-8"),
        (["show", "a", "b"], "belongs to no option"),
        (["show", "a", "--code"], "--code=CODE"),
        (["reasons", "VIDEO_TOO_LNG"], "VIDEO_TOO_LONG"),
        (["limits", "--model", "gemini-2.5-flsh"], "gemini-2.5-flash"),
        (["completion", "tcsh"], "bash, zsh, fish"),
        (["validate", "--train", "a.jsonl"], "--output"),
        (["validate", "--train", "a.jsonl", "b.jsonl"], "--train '*.jsonl'"),
        (["validate", "--train", "d/part-10-of-12.jsonl", "d/part-11-of-12.jsonl"], "--train 'd/part-*-of-12.jsonl'"),
        (["validate", "--train", "d/x-1.jsonl", "d/x-2.jsonl.gz"], "--train 'd/x-*'"),
        (["validate", "--train", "d/a.jsonl", "e/a.jsonl"], "--train d/a.jsonl,e/a.jsonl"),
        (["validate", "--train=a.jsonl", "--output=", "--model=gemini-2.5-flash"], "--output: the value is empty"),
        (["validate", "--train=a\0", "--output=o", "--model=gemini-2.5-flash"], "NUL"),
        (["validate", "--train=a", "--output=o\udc80", "--model=gemini-2.5-flash"], "UTF-8"),
        (["validate", "--train=a", "--output=o", "--model=gemini-2.5-flash", "--limits=a\0"], "NUL"),
        (["demo", "gs://bucket/demo"], "local folder"),
        (["demo", "a,b"], "comma"),
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
    assert re.search(r"^  remedy:   \S", told, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_reasons_lists_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reasons"]) == 0
    printed = capsys.readouterr().out
    assert all(reason.code in printed for reason in Reason)


def test_one_reason_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reasons", "video_too_long"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    reason = Reason.VIDEO_TOO_LONG
    assert all(text in printed for text in (reason.code, reason.message, reason.remedy, reason.source))


def test_reasons_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reasons", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["code"] for row in rows] == [reason.code for reason in Reason]
    assert main(["reasons", "video_too_long", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == next(one for one in rows if one["code"] == "VIDEO_TOO_LONG")
    assert row["outcome"] == Reason.VIDEO_TOO_LONG.outcome.value
    assert row["remedy"] == Reason.VIDEO_TOO_LONG.remedy


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
    assert main(["limits", "--model=gemini-2.5-flash", f"--limits={own}", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)
    assert model["name"] == "gemini-2.5-flash"
    assert model["video_length_low"]["value"] == 900
    assert model["video_length_low"]["source"] == str(own)


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


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose dataset is not ready."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "a.jsonl").write_text("{}\n[]\n")
    words = [f"--train={folder}/a.jsonl", f"--output={folder}/out", "--model=gemini-2.5-flash"]
    assert main(["validate", *words]) == 3
    return folder / "out"


def test_show_for_programs(checked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(checked), "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == json.loads((checked / "report.json").read_bytes())
    assert main(["show", str(checked), "--json", "--code", "LINE_NOT_OBJECT"]) == 3
    (row,) = json.loads(capsys.readouterr().out)
    assert "LINE_NOT_OBJECT" in {finding["code"] for finding in row["findings"]}
    assert main(["show", str(checked), "--json", "--against", str(checked)]) == 3
    comparison = json.loads(capsys.readouterr().out)
    assert comparison["models"]["old"] == comparison["models"]["new"] == "gemini-2.5-flash"
    assert comparison["examples"] == []


@pytest.mark.parametrize("command", ["show {checked}", "show {checked} --split train", "show {checked} --json"])
def test_who_reads_only_the_beginning_is_told_of_no_broken_pipe(command: str, checked: Path) -> None:
    line = f"set -o pipefail; {sys.executable} -m beam_tuning {command.format(checked=checked)} | head -n 1"
    ended = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (ended.returncode in (0, 3), ended.stderr) == (True, "")
    assert ended.stdout


def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path) -> None:
    """The pipe is closed before the first line is written, so that every write fails."""
    ended = subprocess.run(
        ["/bin/bash", "-c", f"{{ {sys.executable} -m beam_tuning reasons; echo $? >&2; }} | true"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.stderr == "0\n"


def test_validate_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = [{"role": "user", "parts": [{"text": "?"}]}, {"role": "model", "parts": [{"text": "!"}]}]
    (tmp_path / "a.jsonl").write_text(json.dumps({"contents": text}) + "\n")
    words = [f"--train={tmp_path}/a.jsonl", f"--output={tmp_path}/out", "--model=gemini-2.5-flash", "--json"]
    words.append("--tolerate=MODEL_PAST_RETIREMENT")  # a run is of today, and models have an end
    assert main(["validate", *words]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert "As given" in captured.err


@pytest.mark.parametrize("where", ["{file}/demo", "{file}", "/proc/nothing", "{folder}/" + "x" * 300])
def test_a_demo_that_cannot_be_written(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["demo", where.format(file=tmp_path / "file", folder=tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "the folder cannot be written" in told
    assert "remedy" in told
    assert "Traceback" not in told


def test_a_demo_without_pyav_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "av" or name.startswith("beam_tuning.sample")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["demo", str(tmp_path / "demo")]) == 2
    assert "pip install 'beam-tuning[demo]'" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_a_terminal_that_knows_ascii_only(tmp_path: Path) -> None:
    code = "from beam_tuning.cli import main; import sys; print(chr(8594)) if main(['reasons']) == 0 else None"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert ended.stdout.endswith("\\u2192\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_options_and_values(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in COMMANDS:
        assert name in script
    assert all(word in script for word in ("against", "probe_cache", "as_given", "MEDIA_RESOLUTION_LOW"))


def completions(folder: Path, line: str) -> set[str]:
    """What bash offers at the end of a line."""
    script = folder / "completion.sh"
    if not script.exists():
        done = subprocess.run(
            [sys.executable, "-m", "beam_tuning", "completion", "bash"], capture_output=True, check=True
        )
        script.write_bytes(done.stdout)
    words = " ".join(f"'{word}'" for word in line.split(" "))
    program = f"""
        source {script}
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{line}'; COMP_POINT={len(line)}
        $(complete -p beam-tuning | sed 's/.*-F \\([^ ]*\\).*/\\1/') beam-tuning "${{COMP_WORDS[COMP_CWORD]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    completed = subprocess.run(
        ["bash", "-c", program], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return set(completed.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.jsonl").touch()
    assert completions(tmp_path, "beam-tuning va") == {"validate"}
    assert completions(tmp_path, "beam-tuning show --a") == {"--against"}
    assert completions(tmp_path, "beam-tuning validate --fail_on ") == {"as_given", "cleaned", "never"}
    assert completions(tmp_path, "beam-tuning completion ") >= {"bash", "zsh", "fish"}
    assert "file.jsonl" in completions(tmp_path, "beam-tuning validate --train fi")
    assert completions(tmp_path, "beam-tuning validate --output f") <= {"folder", "folder/"}


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish_completes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 0
    program = capsys.readouterr().out + '\ncomplete -C "beam-tuning validate --fail_on "\n'
    done = subprocess.run(["fish", "-N", "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["as_given", "cleaned", "never"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_reads_its_completion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    subprocess.run(["zsh", "-fn", "/dev/stdin"], input=script, text=True, timeout=PATIENCE_S, check=True)


def test_a_new_command_is_a_module_and_a_line_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(given: argparse.Namespace) -> int:
        if given.uri == ("none",):
            raise OptionError("there is nothing", where="URI", remedy="Name something.")
        print(given.uri, given.fast)
        return 0

    options = (
        Option(
            "uri",
            "arguments",
            Kind.TEXT,
            "What to weigh.",
            required=True,
            metavar="URI",
            is_positional=True,
            is_list=True,
        ),
        Option("fast", "how", Kind.FLAG, "Be quick.", default=False),
    )
    module = types.ModuleType("beam_tuning.commands.weigh")
    module.COMMAND = Command(options=options, run=run)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "beam_tuning.commands.weigh", module)
    monkeypatch.setattr(commands, "COMMANDS", {**COMMANDS, "weigh": "tell how heavy media are"})
    monkeypatch.setattr("beam_tuning.cli.COMMANDS", commands.COMMANDS)

    assert main(["weigh", "a", "b", "--fast"]) == 0
    assert capsys.readouterr().out == "('a', 'b') True\n"
    assert main(["weigh", "none"]) == 2
    assert main(["--help"]) == 0
    assert "tell how heavy media are" in capsys.readouterr().out
    assert main(["weigh", "--help"]) == 0
    assert "usage: beam-tuning weigh URI ... [option ...]" in capsys.readouterr().out
    assert main(["wiegh"]) == 2
    assert "Did you mean weigh?" in capsys.readouterr().err
    assert main(["completion", "bash"]) == 0
    assert "--fast" in capsys.readouterr().out
