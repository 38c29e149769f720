"""What a command loads before it does anything. Never measured in time: what is loaded is what costs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

from beam_tuning.cli import main
from beam_tuning.commands import COMMANDS
from beam_tuning.sample import SAMPLE_MODEL

#: Each costs a tenth of a second and more.
HEAVY = {"apache_beam", "google.cloud.storage", "av", "vl_convert", "grpc", "requests"}
PROGRAM = """
import sys
from beam_tuning.cli import main
code = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*argv: str, code: int = 0) -> set[str]:
    """Names of all modules that are loaded when the command has run."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *argv], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        *([name, "--help"] for name in COMMANDS),
        ["reasons"],
        ["reasons", "VIDEO_TOO_LONG", "--json"],
        ["limits"],
        ["completion", "bash"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded(argv: list[str]) -> None:
    loaded = loaded_by(*argv)
    assert "beam_tuning.cli" in loaded
    assert loaded & (HEAVY | {"pyarrow"}) == set()


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["show", "--help"]], ids=" ".join)
def test_help_needs_the_standard_library_only(argv: list[str]) -> None:
    assert loaded_by(*argv) & {"rich", "msgspec", "numpy", "pyarrow"} == set()


def test_a_mistake_in_an_option_is_told_without_beam() -> None:
    assert loaded_by("show", "--colour", code=2) & HEAVY == set()


def test_show_reads_a_run_without_beam(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    words = [f"--train={tmp_path}/a.jsonl", f"--output={tmp_path}/out", f"--model={SAMPLE_MODEL}"]
    assert main(["validate", *words]) == 3
    loaded = loaded_by("show", f"{tmp_path}/out", code=3)
    assert "beam_tuning.report.show" in loaded
    assert loaded & HEAVY == set()


def test_the_package_itself_loads_nothing() -> None:
    code = "import sys; before = set(sys.modules); import beam_tuning; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.split() == ["beam_tuning"]
