"""Command lines in the documents are command lines that work: options exist, parameters fit the template's form."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from beam_tuning.command_line import parse_validate

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARAMETERS = {one["name"]: one for one in json.loads((ROOT / "templates/metadata.json").read_bytes())["parameters"]}


def commands(program: str) -> list[tuple[str, list[str]]]:
    """(document, words) of every indented or fenced command line that starts with these words."""
    skipped = len(program.split())
    pattern = re.compile(rf"^(?:    )?({re.escape(program)} .*--.*)$", re.MULTILINE)
    return [
        (document.name, shlex.split(line, comments=True)[skipped:])
        for document in DOCUMENTS
        for line in pattern.findall(document.read_text().replace("\\\n", " "))
    ]


VALIDATE = [(name, words) for name, words in commands("beam-tuning validate") if "--help" not in words]
LAUNCH = commands("gcloud dataflow flex-template run")


def test_there_are_some() -> None:
    assert {name for name, _ in VALIDATE} >= {"README.md", "dataflow.md"}
    assert {name for name, _ in LAUNCH} >= {"README.md", "dataflow.md"}


@pytest.mark.parametrize(("document", "words"), VALIDATE)
def test_a_validate_command(document: str, words: list[str]) -> None:
    options, _ = parse_validate(words)
    assert options.train


@pytest.mark.parametrize(("document", "words"), LAUNCH)
def test_a_template_launch(document: str, words: list[str]) -> None:
    lists = [word.removeprefix("--parameters=") for word in words if word.startswith("--parameters=")]
    pairs = [pair.partition("=")[::2] for one in lists for pair in one.split(",")]
    given = dict(pairs)
    assert {name for name, one in PARAMETERS.items() if not one["isOptional"]} <= set(given) <= set(PARAMETERS)
    for name, value in given.items():
        for pattern in PARAMETERS[name].get("regexes", []):
            assert re.search(pattern, value), (name, value)
