"""The notebook in examples/ runs from top to bottom, and gives the outputs that stand in it."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: scripts/setup dev")
pytest.importorskip("nbclient", reason="nbclient is not installed: scripts/setup dev")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: scripts/setup dev")

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples/check_a_dataset.ipynb"


def script() -> ModuleType:
    loader = SourceFileLoader("notebook", str(ROOT / "scripts/notebook"))
    spec = importlib.util.spec_from_loader("notebook", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def outputs(notebook: Any) -> list[list[Any]]:
    return [
        [dict(output.get("data") or {"text": output.get("text", "")}) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_gives_the_outputs_that_stand_in_it() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    assert outputs(script().executed()) == outputs(stored), "run: .venv/bin/python scripts/notebook"


def test_every_cell_has_run_and_none_has_failed() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert {output.output_type for cell in cells for output in cell.outputs} <= {"stream", "execute_result"}
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell.outputs)


def test_the_run_shows_itself_in_a_few_kilobytes_without_a_script() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    (page,) = [
        output.data["text/html"]
        for cell in stored.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert len(page) < 20_000
    assert "<script" not in page
    assert "not ready" in page
