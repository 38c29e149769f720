"""Command lines in the documents are command lines that work: options exist, parameters fit the template's form."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from beam_tuning.command_line import parse
from beam_tuning.commands import COMMANDS, load

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARAMETERS = {
    one["name"]: one for one in json.loads((ROOT / "templates/metadata/validate.json").read_bytes())["parameters"]
}


def commands(program: str) -> list[tuple[str, list[str]]]:
    """(document, words) of every indented or fenced command line that starts with these words; an explanation may stand
    behind it, after two blanks."""
    skipped = len(program.split())
    pattern = re.compile(rf"^(?:    )?({re.escape(program)} .*--.*)$", re.MULTILINE)
    return [
        (document.name, shlex.split(line.split("  ")[0], comments=True)[skipped:])
        for document in DOCUMENTS
        for line in pattern.findall(re.sub(r" *\\\n *", " ", document.read_text()))
    ]


COMMAND_LINES = [
    (document, name, words)
    for name in COMMANDS
    for document, words in commands(f"beam-tuning {name}")
    if "--help" not in words
]
LAUNCH = commands("gcloud dataflow flex-template run")


def test_there_are_some() -> None:
    assert {name for name, *_ in COMMAND_LINES} >= {"README.md", "dataflow.md"}
    assert {command for _, command, _ in COMMAND_LINES} >= {"validate"}
    assert {name for name, _ in LAUNCH} >= {"README.md", "dataflow.md"}


@pytest.mark.parametrize(("document", "name", "words"), COMMAND_LINES)
def test_a_command_line(document: str, name: str, words: list[str]) -> None:
    """Up to a `>`, behind which the shell takes over."""
    parse(load(name), words[: words.index(">")] if ">" in words else words)


@pytest.mark.parametrize(("document", "words"), LAUNCH)
def test_a_template_launch(document: str, words: list[str]) -> None:
    lists = [word.removeprefix("--parameters=") for word in words if word.startswith("--parameters=")]
    pairs = [pair.partition("=")[::2] for one in lists for pair in one.split(",")]
    given = dict(pairs)
    assert {name for name, one in PARAMETERS.items() if not one["isOptional"]} <= set(given) <= set(PARAMETERS)
    for name, value in given.items():
        for pattern in PARAMETERS[name].get("regexes", []):
            assert re.search(pattern, value), (name, value)
