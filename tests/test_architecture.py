"""The layout shows the architecture, and stays so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "beam_tuning"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: Packages and the only places where they may be imported.
CONFINED = {
    "apache_beam": ("pipelines/", "transforms/"),
    "pymediainfo": ("media/mediainfo.py",),
    "urllib3": ("media/stores/",),
    "google": ("media/stores/", "run_folder/gcs.py", "transforms/dataset_files.py", "transforms/files.py", "tuning/"),
    "rich": (
        "api/",
        "cli.py",
        "commands/",
        "pipelines/",
        "reconcile/",
        "repair_plan/",
        "report/",
        "tuning/",
        "upload/",
        "verify/",
    ),
    "shtab": ("commands/completion.py",),
    "vl_convert": ("report/",),
    "av": ("sample/", "media/edit/"),
}


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", CONFINED)
def test_a_package_is_imported_only_in_its_rooms(package: str) -> None:
    users = {str(path.relative_to(PACKAGE)) for path in MODULES if package in imports_of(path)}
    assert {user for user in users if not user.startswith(CONFINED[package])} == set()


def calls_of(path: Path) -> set[str]:
    """Names of functions and methods that are called."""
    called = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {one.id for one in called if isinstance(one, ast.Name)} | {
        one.attr for one in called if isinstance(one, ast.Attribute)
    }


@pytest.mark.parametrize("package", ["policy", "summary"])
def test_packages_without_io_open_nothing_and_read_no_clock(package: str) -> None:
    """What import-linter cannot see: built-in functions, and methods of what was passed in."""
    io_calls = {"open", "print", "input", "exec", "eval", "__import__", "today", "now", "utcnow"}
    io_calls |= {"read_text", "read_bytes", "write_text", "write_bytes"}
    for path in sorted((PACKAGE / package).rglob("*.py")):
        assert not io_calls & calls_of(path), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_has_one_subject(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450
    assert path.stem not in ("utils", "helpers", "common", "misc")
