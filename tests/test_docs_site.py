"""The docs site: every public name has its page, every page is in the navigation. scripts/docs builds it strictly."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from patience import PATIENCE_S

import beam_tuning

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SITE: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def pages(entries: list[Any]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        (target,) = entry.values()
        found += pages(target) if isinstance(target, list) else [target]
    return found


def test_every_public_name_has_one_place() -> None:
    told = Counter(
        name
        for page in DOCS.glob("reference/*.md")
        for name in re.findall(r"^::: beam_tuning\.(\w+)$", page.read_text(), re.MULTILINE)
    )
    assert told == Counter(name for name in beam_tuning.__all__ if name != "__version__")


def test_every_page_stands_in_the_navigation_once() -> None:
    assert Counter(pages(SITE["nav"])) == Counter(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_it_is_built_before_a_change_lands() -> None:
    assert re.search(r"^scripts/docs$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert "--strict" in (ROOT / "scripts/docs").read_text()
    assert set(SITE["validation"].values()) == {"warn"}


def test_a_page_asks_no_other_server_for_anything() -> None:
    assert SITE["theme"]["font"] is False


def test_what_leads_nowhere_is_a_warning_and_fails_the_build(tmp_path: Path) -> None:
    """With the whole site's settings, and a page of its own: the whole site takes long."""
    faults = ["[gone](gone.md)", "[gone](#nowhere)", "![gone](images/gone.png)", "[gone](/absolute.md)"]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# Title\n\n" + "\n\n".join(faults))
    (tmp_path / "docs/lonely.md").write_text("# In no navigation")
    settings = {**SITE, "nav": [{"Start": "index.md"}], "site_dir": str(tmp_path / "site"), "plugins": ["search"]}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(settings))
    words = (ROOT / "scripts/docs").read_text().split("set -- ")[1].split("  #")[0].split()
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode != 0
    for target in ("gone.md", "#nowhere", "images/gone.png", "/absolute.md", "lonely.md"):
        assert target in done.stderr
