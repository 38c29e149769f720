"""scripts/setup on machines that lack something: it says what and how to get it. The good way is every run of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def first_line(path: Path) -> str:
    return path.read_text().partition("\n")[0]


SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file() and "python" not in first_line(path))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/setup", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def python_without(tmp_path: Path, *modules: str) -> Path:
    """An interpreter that cannot run these modules."""
    program = tmp_path / "python-without"
    refused = "|".join(f'"-m {module}"*' for module in modules)
    program.write_text(f'#!/bin/sh\ncase "$*" in {refused}) exit 1;; esac\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return program


def set_up(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "scripts" / "setup", *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def pretend_installed(project: Path, stamp: str) -> None:
    inputs = ("pyproject.toml", "requirements.txt", "scripts/setup")
    key = hashlib.sha256(b"".join((project / name).read_bytes() for name in inputs)).hexdigest()
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (project / ".venv" / stamp).write_text(f"{key}\n")


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python3"])
def test_without_a_new_enough_python(project: Path, python: str) -> None:
    done = set_up(project, PYTHON=python)
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert python in done.stderr
    assert "apt-get install python3" in done.stderr


def test_without_venv_and_virtualenv(project: Path, tmp_path: Path) -> None:
    done = set_up(project, PYTHON=str(python_without(tmp_path, "venv", "virtualenv")))
    assert done.returncode == 2
    assert "neither venv nor virtualenv" in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_without_pip(project: Path, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "ensurepip.py").write_text("raise ImportError\n")
    done = set_up(project, PYTHON=str(python_without(tmp_path, "pip")), PYTHONPATH=str(tmp_path / "hidden"))
    assert done.returncode == 2
    assert "has no pip" in done.stderr
    assert "apt-get install python3-pip" in done.stderr
    assert not (project / ".venv" / "installed").exists()


@pytest.mark.parametrize(
    ("stamp", "arguments"), [("installed", ()), ("installed-dev", ("dev",)), ("installed-dev", ())]
)
def test_a_current_environment_is_used_as_it_is(project: Path, stamp: str, arguments: tuple[str, ...]) -> None:
    pretend_installed(project, stamp)
    done = set_up(project, *arguments, PYTHON="/bin/false")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.txt"])
def test_an_environment_is_not_current_when_what_it_was_made_from_has_changed(project: Path, name: str) -> None:
    pretend_installed(project, "installed")
    (project / name).write_text((project / name).read_text() + "\n# changed\n")
    assert set_up(project, PYTHON="/bin/false").returncode == 2


def test_an_environment_without_the_tools_does_not_do_for_the_tests(project: Path) -> None:
    pretend_installed(project, "installed")
    assert set_up(project, "dev", PYTHON="/bin/false").returncode == 2


def test_an_environment_whose_interpreter_has_gone_is_not_current(project: Path) -> None:
    pretend_installed(project, "installed")
    (project / ".venv" / "bin" / "python").unlink()
    assert set_up(project, PYTHON="/bin/false").returncode == 2


@pytest.mark.parametrize(("arguments", "packages"), [((), ".[demo]"), (("dev",), ".[dev]")])
def test_setting_up_says_what_it_does_step_by_step(
    project: Path, tmp_path: Path, arguments: tuple[str, ...], packages: str
) -> None:
    """With an environment whose pip writes down what it is asked for."""
    log = tmp_path / "pip-log"
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\ncase "$*" in "-m pip"*) echo "$@" >>{log}; exit 0;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    done = set_up(project, *arguments, PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    first, *steps = done.stderr.splitlines()
    assert "a few minutes" in first
    assert [step.split(": ")[1] for step in steps] == ["1 of 3", "2 of 3", "3 of 3"]
    assert packages in steps[1]
    assert log.read_text().splitlines()[-1].endswith(f"--editable {packages}")
    assert set_up(project, *arguments, PYTHON="/bin/false").stderr == ""


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    scripts = [*SCRIPTS, ROOT / ".ci" / "run", ROOT / "templates" / "build"]
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_programs_that_say_what_they_do(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shebang, comment, *rest = script.read_text().splitlines()
    assert shebang == "#!/bin/sh"
    assert comment.startswith("# ")
    assert "set -eu" in rest
    assert len(rest) < 100


FLOORS = {"policy": 97.5, "dataset": 90}


def coverage_floors(tmp_path: Path, **percent_by_package: float) -> subprocess.CompletedProcess[str]:
    """`FLOORS` held against a report of coverage.py in which every package is one file of 1,000 lines."""
    files = {
        f"beam_tuning/{package}/a.py": {"summary": {"num_statements": 1000, "covered_lines": round(10 * percent)}}
        for package, percent in percent_by_package.items()
    }
    report, pyproject = tmp_path / "lines.json", tmp_path / "pyproject.toml"
    report.write_text(json.dumps({"files": files}))
    rows = "\n".join(f"{package} = {floor}" for package, floor in FLOORS.items())
    pyproject.write_text(f"[tool.beam-tuning.coverage-floors]\n{rows}\n")
    program = [sys.executable, ROOT / "scripts" / "coverage_floors", report, pyproject]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_every_package_at_its_floor_is_enough_and_one_without_a_floor_is_told(tmp_path: Path) -> None:
    done = coverage_floors(tmp_path, policy=97.5, dataset=90, unheard_of=51.9)
    assert (done.returncode, done.stderr) == (0, "")
    assert "BELOW" not in done.stdout
    assert "no floor; unheard_of = 51" in done.stdout


def test_a_package_below_its_floor_fails_and_is_named(tmp_path: Path) -> None:
    done = coverage_floors(tmp_path, policy=97.4, dataset=100)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines() if "BELOW" in line] == ["policy"]


def test_a_package_with_a_floor_that_was_not_measured_fails(tmp_path: Path) -> None:
    done = coverage_floors(tmp_path, policy=100)
    assert done.returncode == 1
    assert "dataset" in done.stdout.splitlines()[-1]


def test_every_floor_is_that_of_a_package() -> None:
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["beam-tuning"]["coverage-floors"]
    assert all((ROOT / "beam_tuning" / name / "__init__.py").is_file() for name in floors)
