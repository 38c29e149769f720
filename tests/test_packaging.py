"""What is installed: the pins against the metadata, and the sdist that Beam's --setup_file ships to workers."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import beam_tuning

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

#: The container's.
TARGET = {
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
}


def lines_of_requirements() -> list[str]:
    return [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]


def pins() -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in lines_of_requirements())}


def test_requirements_pin_one_version_of_each_package() -> None:
    lines = lines_of_requirements()
    assert list(pins()) == sorted(pins())
    for line in lines:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*==[0-9][A-Za-z0-9.+!]*", line), line
    assert len(pins()) == len(lines)


@pytest.mark.parametrize("dependency", PROJECT["dependencies"])
def test_requirements_hold_what_the_metadata_asks_for(dependency: str) -> None:
    requirement = Requirement(dependency)
    pin = pins().get(canonicalize_name(requirement.name))
    assert pin is not None, "run scripts/lock"
    assert requirement.specifier.contains(pin, prereleases=True), "run scripts/lock"


def wanted_by(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in importlib.metadata.requires(name) or []:
        requirement = Requirement(text)
        environments = [{**TARGET, "extra": extra} for extra in (extras or {""})]
        if requirement.marker is None or any(requirement.marker.evaluate(one) for one in environments):
            yield requirement


def test_requirements_are_whole() -> None:
    """Every package that a pinned one needs is pinned: the container installs nothing else."""
    waiting = [Requirement(text) for text in PROJECT["dependencies"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        assert name in pins(), f"{name}: run scripts/lock"
        try:
            waiting += wanted_by(name, extras)
        except importlib.metadata.PackageNotFoundError:
            continue  # not for this machine's Python
    assert {name for name, _ in seen} == set(pins())


def test_the_version_stands_once() -> None:
    assert "version" in PROJECT["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", beam_tuning.__version__)


def test_setup_py_is_a_shim() -> None:
    text = (ROOT / "setup.py").read_text()
    assert text.rstrip().endswith("setup()")
    assert len(text.splitlines()) <= 6


def test_the_sdist_holds_every_file_of_the_package(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    (source / "README.md").write_text("# beam_tuning\n")
    package = [path for path in (ROOT / "beam_tuning").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in package:
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        packed = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert {str(path.relative_to(ROOT)) for path in package} <= packed
